"""The text by which units are found: code, name and, for Chinese names, pinyin and initials."""

from __future__ import annotations


def search_text(code: str, name: str) -> str:
    """Return lower-case code, name, pinyin and initials, separated by blanks."""
    if name.isascii():  # shorter, as there may be a hundred thousand
        first, second = code.lower(), name.lower()
        return first if first == second else f"{first} {second}"
    # Its dictionaries take a quarter of a second to load: most commands do without them.
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415

    pinyin = "".join(lazy_pinyin(name))
    words = [code, name, pinyin, "".join(lazy_pinyin(name, style=Style.FIRST_LETTER))]
    return " ".join(dict.fromkeys(word.lower() for word in words))
