"""Brings names into a form in which two spellings of one place are the same, for matching only."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "○": 0, "两": 2,
    "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9,
}  # fmt: skip
UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100}

ROUNDS = 8
"""How often a form is brought into form again: brackets in brackets, 社区居委会居委会."""

PINYIN_LETTERS = 3
"""Fewer letters behind a Chinese name belong to it: 6号楼B."""

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|【[^【】]*】|〔[^〔〕]*〕|〈[^〈〉]*〉")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_NUMBER = re.compile(rf"第*([{''.join(DIGITS)}{''.join(UNITS)}]+|\d+)")
_ENDINGS = (
    (re.compile(r"(社区|村)(居民|村民)?(居委会|村委会|委员会|居委|村委)$"), r"\1"),
    (re.compile(r"(居民委员会|居委会|居委)$"), "社区"),
    (re.compile(r"(村民委员会|村委会|村委)$"), "村"),
    (re.compile(r"(街道)(办事处|办)$"), r"\1"),
    (re.compile(r"(镇|乡)(人民政府|政府)$"), r"\1"),
)
"""The bodies that carry the name of the place they look after."""


@lru_cache(maxsize=1 << 16)
def matching_form(name: str) -> str:
    """Return the form in which a name is compared.

    Parameters
    ----------
    name
        As it was sent; it is stored so, too.

    Returns
    -------
    str
        The same for full-width and plain characters, traditional and simplified ones, upper and
        lower case; without words in brackets, pinyin behind a Chinese name, blanks and
        punctuation; with numbers in digits (第六网格, 第06网格 and 6网格 are one); with the place
        in the stead of the body that looks after it (沙柳社区 for 沙柳社区居委会 or 沙柳居委会).
        The form of a form is itself. What would vanish stays.

    Notes
    -----
    Two different places may have one form (和平社区 in two sub-districts): only a match that is
    the only one may be relied on. Numbers are written in digits wherever they stand, so that
    三里屯 becomes 3里屯: a form is not for reading.
    """
    form = name
    for _ in range(ROUNDS):
        before, form = form, _step(form)
        if form == before:
            break
    return form


def _step(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    if not text.isascii():
        text = _simplified()(text)
    plain = _letters(_without_pinyin(_BRACKETS.sub(_in_brackets, text))) or _letters(text) or text
    plain = _NUMBER.sub(_as_number, plain)
    for ending, kept in _ENDINGS:
        plain = ending.sub(kept, plain) or plain
    return plain


def _in_brackets(match: re.Match[str]) -> str:
    """Return what stays of brackets: a number or letter that tells places apart, as in （二）."""
    inside = _letters(match[0])
    return inside if len(inside) == 1 or _NUMBER.fullmatch(inside) else ""


def _without_pinyin(text: str) -> str:
    """Return a Chinese name without the Latin letters behind it: ``沙柳社区 Shaliu Shequ``."""
    last = max((n for n, char in enumerate(text) if _HAN.match(char)), default=None)
    behind = _letters(text[last + 1 :]) if last is not None else ""
    if last is None or len(behind) < PINYIN_LETTERS or not behind.isalpha():
        return text
    return text[: last + 1]


@cache
def _simplified() -> Callable[[str], str]:
    """Return a function from traditional to simplified characters."""
    # Its dictionaries are loaded by files with Chinese names only.
    from opencc import OpenCC  # noqa: PLC0415

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _as_number(match: re.Match[str]) -> str:
    digits = match[1]
    if digits.isdecimal():
        return digits.lstrip("0") or "0"
    value = read_number(digits)
    return match[0] if value is None else str(value)


def read_number(text: str) -> int | None:
    """Read a Chinese number, with units under 1,000: 六, 十二, 一百零三, 二〇一.

    Returns
    -------
    int or None
        None for what is no number, such as 十十.
    """
    if not any(char in UNITS for char in text):
        digits = [DIGITS.get(char) for char in text]
        return None if None in digits or not digits else int("".join(map(str, digits)))
    total, waiting, least = 0, None, 1000
    for char in text:
        if char in UNITS:
            unit = UNITS[char]
            if unit >= least:
                return None
            total, waiting, least = total + (1 if waiting is None else waiting) * unit, None, unit
        elif char not in DIGITS or waiting:
            return None
        else:
            waiting = DIGITS[char]
    return total + (waiting or 0)
