"""Understands the cells of a list: codes, days, several words in one cell."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from sources.columns import as_text
from sources.sheets import EXACT

MAX_KEY = 200
"""Characters of a key, a code or a post: more is a text, in a column that was taken for another."""

MAX_TEXT = 1_000
"""Characters of a name, or of one skill."""

MAX_WORDS = 100
"""Words of one cell."""

_DAY = re.compile(
    r"(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?日?"
    r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORTENED = re.compile(r"\d(?:\.\d+)?[eE]\+?\d{2,}")
"""A number as a spreadsheet shows one that is wider than its column: 9.99001E+14."""

_POINT_ZERO = re.compile(r"(\d{1,15})\.0+")
_SEPARATORS = re.compile(r"[|,，、;；/\n]")

_FIRST_SERIAL, _LAST_SERIAL = 18_264, 73_050
"""Days of a spreadsheet's calendar from 1950 to 2099: a day whose cell lost its format."""

_SERIAL_ZERO = dt.date(1899, 12, 30)


def text_of(cell: object, *, longest: int = MAX_TEXT) -> str | None:
    """Return a cell as text, None where it is blank.

    Raises
    ------
    ValueError
        If it is longer than such a text may be.
    """
    text = as_text(cell)
    if text is not None and len(text) > longest:
        raise ValueError(f"has {len(text):,} characters, more than {longest:,}")
    return text


def code_of(cell: object) -> str | None:
    """Return a cell as a key or a code: in plain characters, without blanks between digits.

    Raises
    ------
    ValueError
        If it is a number whose last digits are lost, or too long.
    """
    if lost(cell):
        raise ValueError(
            f"is the number {cell}, whose last digits are lost; make the column text and "
            "write the code again"
        )
    text = text_of(cell, longest=MAX_KEY)
    if text is None or (text.isalnum() and text.isascii()):
        return text
    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("'")
    bare = "".join(plain.split())
    if bare.isdecimal():
        return bare
    point_zero = _POINT_ZERO.fullmatch(plain)
    return (point_zero[1] if point_zero else plain) or None


def lost(cell: object) -> bool:
    """Return whether a cell is a number that a spreadsheet kept without its last digits."""
    if isinstance(cell, float):
        return abs(cell) >= EXACT
    return isinstance(cell, str) and _SHORTENED.fullmatch(cell.strip()) is not None


def day_of(cell: object) -> dt.date | None:
    """Return a cell as a day: 2025-01-31, 2025/1/31, 2025.1.31, 2025年1月31日, 20250131.

    Raises
    ------
    ValueError
        If it is none.
    """
    text = text_of(cell)
    if text is None:
        return None
    text = unicodedata.normalize("NFKC", text)
    parts = _DAY.fullmatch(text) or _DIGITS.fullmatch(text)
    try:
        if parts is not None:
            return dt.date(*map(int, parts.groups()))
        if isinstance(cell, int) and _FIRST_SERIAL <= cell <= _LAST_SERIAL:
            return _SERIAL_ZERO + dt.timedelta(days=cell)
    except ValueError:
        pass  # 30 February: said below
    raise ValueError(f"{text[:80]!r} is no day; write it as 2026-01-31")


def words_of(cell: object) -> tuple[str, ...]:
    """Return the words of a cell, each once: separated by a bar, a comma, a semicolon or 、.

    Raises
    ------
    ValueError
        If there are too many, or one is too long.
    """
    text = text_of(cell, longest=MAX_TEXT * MAX_WORDS) or ""
    words = tuple(dict.fromkeys(word for part in _SEPARATORS.split(text) if (word := part.strip())))
    if len(words) > MAX_WORDS or any(len(word) > MAX_TEXT for word in words):
        raise ValueError(f"has {len(words)} words, or longer ones than it may have")
    return words
