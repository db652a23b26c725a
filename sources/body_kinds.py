"""Concludes whether a list is one of people or of organisations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geo.errors import BadInputError
from sources.columns import plain
from sources.notices import Notice

if TYPE_CHECKING:
    from sources.list_rows import ListRows

PERSON, ORGANISATION = "PERSON", "ORGANISATION"
KINDS = (PERSON, ORGANISATION)

_KIND_WORDS = {
    PERSON: "person people individual 人 人员 个人 自然人 居民",
    ORGANISATION: "organisation organization org 组织 机构 单位 团体 法人",
}
_PERSONAL = ("skills", "id_number", "home_address")
_PERSONAL_WORDS = "profession occupation 职业 工种 姓名 性别 年龄 出生日期 gender sex birthday age"

_OF_ORGANISATIONS = re.compile(r"组织|单位|机构|队伍|支部")


def kinds_of(rows: ListRows, given: str | None) -> list[str]:
    """Return what each row is; what it was concluded from is said.

    Parameters
    ----------
    given
        PERSON or ORGANISATION, if the caller knows.

    Raises
    ------
    BadInputError
        If nothing tells, or ``given`` is neither.

    Notes
    -----
    A column ``kind`` that does not say which of the two says of what sort they are.
    """
    if given is not None and given not in KINDS:
        raise BadInputError(
            f"kind {given!r} is not known; say {' or '.join(KINDS)}",
            argument="kind",
            options=list(KINDS),
        )
    words = {word: kind for kind, known in _KIND_WORDS.items() for word in known.split()}
    texts = rows.texts("kind")
    said = [words.get(plain(text)) if text else None for text in texts]
    if sum(kind is not None for kind in said) * 2 > sum(map(bool, texts)):
        return _said_kinds(rows, said) if given is None else [given] * rows.count
    sort = _sort_by_kind(rows)
    if given is not None:
        return [given] * rows.count
    concluded, evidence = _concluded(rows)
    if concluded is None and sort is not None:
        concluded, evidence = ORGANISATION, f"column {sort!r} says of what sort they are"
    if concluded is None:
        raise BadInputError(
            f"{rows.roster.file} does not say whether it lists people or organisations; say "
            "--kind PERSON or --kind ORGANISATION",
            argument="kind",
            options=list(KINDS),
        )
    what = "people" if concluded == PERSON else "organisations"
    message = f"all rows were taken for {what}: {evidence}; --kind overrules it"
    rows.notices.append(Notice("BODY_KIND", message, rows.count))
    return [concluded] * rows.count


def _said_kinds(rows: ListRows, said: list[str | None]) -> list[str]:
    column = rows.columns["kind"]
    for place, (kind, text) in enumerate(zip(said, rows.texts("kind"), strict=True)):
        if kind is None:
            told = f"{text[:80]!r} is none" if text else "is blank"
            rows.blame(place, f"{column} {told}; write PERSON or ORGANISATION")
    return [kind or PERSON for kind in said]


def _sort_by_kind(rows: ListRows) -> str | None:
    """Take a column ``kind`` for the profession, or the sort of organisation, if none else is.

    Returns
    -------
    str or None
        The column, if it was taken; otherwise it is one of the properties.
    """
    column = rows.columns.pop("kind", None)
    if column is None or "profession" in rows.columns:
        return None
    rows.columns["profession"] = column
    return column


def _concluded(rows: ListRows) -> tuple[str | None, str]:
    """Return what the columns say that the rows are, and which one says so."""
    personal = [name for meaning in _PERSONAL if (name := rows.columns.get(meaning))]
    words = {plain(word) for word in _PERSONAL_WORDS.split()}
    personal += [title for title in rows.roster.titles if plain(title) in words]
    if personal:
        return PERSON, f"column {personal[0]!r} is one of people"
    for meaning in ("name", "key", "profession"):
        column = rows.columns.get(meaning, "")
        if _OF_ORGANISATIONS.search(column):
            return ORGANISATION, f"column {column!r} is one of organisations"
    return None, ""
