"""Reads codes as text, mends what programs did to them, and says where they differ in form."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import UnreadableError
from sources.columns import as_text
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

OFFICIAL = {6: "district", 9: "subdistrict", 12: "community", 15: "grid", 20: "unit"}
"""What official codes of so many digits are: GB/T 2260 and GB/T 10114, and three more for a grid;
systems of their own have up to twenty."""
EXACT_FLOAT = 2**53
"""Whole numbers up to here are exact in floating point."""
FLOAT_DIGITS = 15
"""Decimal digits that floating point keeps for certain."""
MOSTLY = 0.9
"""The share of codes from which on their form counts as the column's own."""
EXAMPLES = 3
"""How many odd codes a notice names."""

_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+\d+|\d\.\d+[eE]\d+")
_POINT_ZERO = re.compile(r"\d+\.0+")


class Codes(NamedTuple):
    """The codes of n rows."""

    texts: list[str | None]
    """Length n; None where there is none."""
    notices: tuple[Notice, ...]


class _Mend(NamedTuple):
    """Something that programs do to codes, and how it is undone."""

    change: Callable[[str], str]
    said: str


def read_codes(cells: Sequence[object], rows: NDArray[np.intp], *, column: str, file: str) -> Codes:
    """Read a column of codes.

    Parameters
    ----------
    cells
        As in the file, length n.
    rows
        1-based rows of the file, shape (n,).
    column, file
        Their names, for messages.

    Returns
    -------
    Codes
        Text. What is certainly no part of a code is taken off: blanks within digits, marks that
        cannot be seen, the width of full-width characters, ``.0`` where every code ends so. Each
        is told, as is what differs in form from all others.

    Raises
    ------
    UnreadableError
        If numbers went through floating point and lost their last digits.
    """
    _refuse_lost_digits(cells, rows, column, file)
    texts = [as_text(cell) for cell in cells]
    notices = []
    rough = [n for n, text in enumerate(texts) if text and not (text.isascii() and text.isalnum())]
    for mend in _MENDS:
        mended = {n: mend.change(text) or None for n in rough if (text := texts[n]) is not None}
        changed = [n for n, text in mended.items() if text != texts[n]]
        if changed:
            message = f"{mend.said} in {_of(len(changed))}, as in {name_rows(rows[changed[:1]])}"
            shown = f" ({texts[changed[0]]!r} became {mended[changed[0]]!r})"
            notices.append(Notice("CODE_FORM", message + shown, len(changed)))
            for n in changed:
                texts[n] = mended[n]
    filled = [text for text in texts if text is not None]
    if filled and all(_POINT_ZERO.fullmatch(text) for text in filled):
        texts = [text and text.partition(".")[0] for text in texts]
        message = "every code ends in .0, as numbers do in floating point; it was taken off"
        notices.append(Notice("CODE_FORM", message, len(filled)))
    return Codes(texts, (*notices, *_odd_ones(texts, rows)))


def _refuse_lost_digits(
    cells: Sequence[object], rows: NDArray[np.intp], column: str, file: str
) -> None:
    long = [n for n, cell in enumerate(cells) if isinstance(cell, float) and _inexact(cell)]
    if long:
        raise UnreadableError(
            f"column {column!r} of {file} holds numbers of more than 15 digits as floating point, "
            f"which lost their last digits in {name_rows(rows[long])}; save the column as text",
            argument="columns",
        )
    lost = [n for n, cell in enumerate(cells) if isinstance(cell, str) and _shortened(cell)]
    if lost:
        raise UnreadableError(
            f"column {column!r} of {file} holds numbers that lost their last digits, such as "
            f"{str(cells[lost[0]]).strip()!r}, in {name_rows(rows[lost])}; make the column text "
            "before it is filled, and save it again",
            argument="columns",
        )


def _inexact(number: float) -> bool:
    return abs(number) > EXACT_FLOAT


def _shortened(text: str) -> bool:
    """Return whether a text is a number that a spreadsheet shortened: 9.99E+14, or 17 digits.0."""
    if text.isdecimal():  # nearly all are
        return False
    plain = unicodedata.normalize("NFKC", text).strip()
    if _SCIENTIFIC.fullmatch(plain):
        return True
    whole, point, _ = plain.partition(".")
    return bool(point and _POINT_ZERO.fullmatch(plain)) and len(whole) > FLOAT_DIGITS + 1


def _without_width(text: str) -> str:
    """Return full-width letters, digits and blanks as plain ones; all else stays."""
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", char) if char == "\u3000" or "！" <= char <= "～" else char
        for char in text
    ).strip()


def _without_marks(text: str) -> str:
    """Return a code without characters that cannot be seen; hard blanks become plain ones."""
    if text.isprintable():
        return text
    hard = ("\u00a0", "\u202f", "\u2007")
    seen = (" " if char in hard else char for char in text)
    return "".join(c for c in seen if unicodedata.category(c) not in {"Cc", "Cf"}).strip()


def _without_blanks(text: str) -> str:
    """Return digits without the blanks between them, or the apostrophe that marks text."""
    bare = "".join(text.split()).removeprefix("'")
    return bare if bare.isdecimal() and bare != text else text


_MENDS = (
    _Mend(_without_marks, "characters that cannot be seen were left out"),
    _Mend(_without_width, "full-width characters were made plain"),
    _Mend(_without_blanks, "blanks or an apostrophe beside digits were left out"),
)


def _odd_ones(texts: Sequence[str | None], rows: NDArray[np.intp]) -> list[Notice]:
    """Say which codes have another form than nearly all others."""
    forms = [_form(text) for text in texts if text is not None]
    counts = Counter(forms)
    if len(counts) < 2:  # noqa: PLR2004 - one form is no news
        return []
    usual, kept = counts.most_common(1)[0]
    if not usual or kept < MOSTLY * len(forms):
        return []
    odd = [n for n, text in enumerate(texts) if text is not None and _form(text) != usual]
    kind = f" (as {OFFICIAL[usual]} codes have)" if usual in OFFICIAL else ""
    shown = ", ".join(_odd(texts[n] or "", int(rows[n])) for n in odd[:EXAMPLES])
    more = f" and {len(odd) - EXAMPLES:,} more differ" if len(odd) > EXAMPLES else ""
    advice = _advice([texts[n] or "" for n in odd], usual)
    message = f"{_of(kept)} have {usual} digits{kind}, {shown}{more}{advice}"
    return [Notice("CODE_FORM", message, len(odd))]


def _form(text: str) -> int:
    return len(text) if text.isdecimal() else 0


def _odd(text: str, row: int) -> str:
    what = f"1 has {len(text)}" if text.isdecimal() else "1 is no number"
    return f"{what} (row {row}: {text})"


def _advice(odd: Sequence[str], usual: int) -> str:
    lengths = {_form(text) for text in odd}
    if lengths == {usual - 1}:
        return f": did {'it' if len(odd) == 1 else 'they'} lose a leading zero?"
    return ": is a digit missing?" if any(0 < n < usual for n in lengths) else ""


def _of(count: int) -> str:
    return f"{count:,} code{'s' if count != 1 else ''}"
