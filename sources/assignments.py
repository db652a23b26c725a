"""Reads lists of who carries which duty on which unit, from when to when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from sources.columns import parse_pairs
from sources.list_rows import ListRows
from sources.notices import Notice
from sources.roster_cells import code_of, day_of, text_of
from sources.rosters import read_roster

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.list_rows import BadRow
    from sources.rosters import Roster

__all__ = [
    "ASSIGNMENT_WORDS",
    "AssignmentColumns",
    "AssignmentFile",
    "AssignmentSpec",
    "assignments_of",
    "parse_assignment_columns",
    "read_assignments",
]

_USUAL = {
    "duty": "duty 职责 职责编码 职责名称 责任 职务 任务 岗位类型 身份",
    "body": "body bodykey person personid 人员编号 人员编码 人员代码 工号 组织编号 组织编码"
    " 组织代码 单位编码 机构编码 编号 key",
    "name": "name 姓名 人员姓名 组织名称 单位名称 机构名称 负责人 网格长 网格员 担任人",
    "level": "level 层级 级别 单元类型",
    "unit": "unit unitcode 单元 单元编码 网格编码 网格代码 小区编码 小区代码 社区编码 社区代码"
    " 责任网格 所属网格 网格 责任小区 小区 责任社区 社区 网格名称 小区名称 社区名称 code 编码",
    "post": "post 岗位 岗位名称 岗位编码 职位",
    "since": "since start from 开始日期 起始日期 任职日期 上任日期 上岗日期 起 开始时间 任职时间",
    "until": "until end to 结束日期 终止日期 离任日期 卸任日期 离岗日期 止 结束时间 离任时间",
}
"""The columns' usual names by their meaning, best known first."""

ASSIGNMENT_WORDS = tuple(word for words in _USUAL.values() for word in words.split())
"""By these the header is found."""


@dataclass(frozen=True)
class AssignmentColumns:
    """Which columns of a list mean what; what is left out is found by its usual name."""

    duty: str | None = None
    body: str | None = None
    name: str | None = None
    level: str | None = None
    unit: str | None = None
    post: str | None = None
    since: str | None = None
    until: str | None = None


class AssignmentSpec(NamedTuple):
    """Who carries what where, as a list says it; None where nothing is said."""

    place: int
    """Its row's place in the list, from 0."""
    duty: str
    """Key or name."""
    body: str
    """Key or name."""
    level: str | None
    """Key or name."""
    unit: str
    """Code or name."""
    post: str | None
    """Key or name."""
    since: dt.date | None
    until: dt.date | None
    """The first day on which it no longer holds."""
    name: str | None = None
    """What the list calls the body, beside its key."""


@dataclass(frozen=True)
class AssignmentFile:
    """A list of who carries what where, read.

    Attributes
    ----------
    sent
        The rows as they came, to be sent back where they are bad.
    assignments
        The good ones.
    bad
        The others, with the reason.
    bad_duties
        What those others name as the duty, as far as they name one; None for one that does not.
    says_until
        Whether the list has a column of last days; without one it says nothing of them.
    """

    file: str
    sent: Roster
    assignments: tuple[AssignmentSpec, ...]
    bad: tuple[BadRow, ...]
    bad_duties: frozenset[str | None]
    says_until: bool
    notices: tuple[Notice, ...]


def parse_assignment_columns(text: str) -> AssignmentColumns:
    """Read ``duty=职责,body=工号,unit=网格编码``.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    return AssignmentColumns(
        **parse_pairs(text, [field.name for field in fields(AssignmentColumns)])
    )


def read_assignments(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    columns: AssignmentColumns = AssignmentColumns(),
    duty: str | None = None,
) -> AssignmentFile:
    """Read a list of who carries which duty where.

    Parameters
    ----------
    path
        A workbook, CSV or TSV.
    layer, encoding
        What the caller knows better than the file; each overrides what is found.
    columns, duty
        As for ``assignments_of``.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    BadInputError
        As ``assignments_of``.
    """
    words = [*ASSIGNMENT_WORDS, *(word for word in _given(columns).values() if word)]
    roster = read_roster(path, usual=words, layer=layer, encoding=encoding)
    return assignments_of(roster, columns=columns, duty=duty)


def assignments_of(
    roster: Roster,
    *,
    columns: AssignmentColumns = AssignmentColumns(),
    duty: str | None = None,
) -> AssignmentFile:
    """Understand a list of who carries which duty where.

    Parameters
    ----------
    columns
        Which columns mean what, where that is not to be found by their names.
    duty
        Key or name of the duty of all rows; without it a column says so.

    Returns
    -------
    AssignmentFile
        Rows that cannot be taken are named in ``bad``, all others are ``assignments``.

    Raises
    ------
    BadInputError
        If there is no column of duties, bodies or units.
    """
    rows = ListRows(roster, _USUAL, _given(columns))
    if duty is None:
        _require_duty(rows)
    if "body" not in rows.columns:
        rows.require("name", hint="姓名")
    rows.require("unit", hint="网格编码")
    duties = rows.each("duty", text_of) if duty is None else [duty] * rows.count
    specs = _specs(rows, duties)
    good = tuple(spec for spec in specs if spec.place not in rows.problems)
    return AssignmentFile(
        file=roster.file,
        sent=roster,
        assignments=good,
        bad=rows.bad,
        bad_duties=frozenset(duties[place] for place in rows.problems),
        says_until="until" in rows.columns,
        notices=(*roster.notices, *rows.notices),
    )


def _given(columns: AssignmentColumns) -> dict[str, str | None]:
    return {field.name: getattr(columns, field.name) for field in fields(columns)}


def _require_duty(rows: ListRows) -> None:
    if "duty" not in rows.columns:
        titles = rows.roster.titles
        raise BadInputError(
            f"{rows.roster.file} has no column of duties; say which duty all its rows are about, "
            "e.g. --duty grid_holder, or name the column by --columns duty=职责; it has "
            f"{', '.join(titles)}",
            argument="duty",
            hint="duty=COLUMN",
            options=list(titles),
        )


def _specs(rows: ListRows, duties: Sequence[str | None]) -> list[AssignmentSpec]:
    keys, names = rows.each("body", code_of), rows.each("name", text_of)
    bodies = [key or name for key, name in zip(keys, names, strict=True)]
    units, levels = rows.each("unit", code_of), rows.each("level", text_of)
    posts = rows.each("post", code_of)
    since, until = rows.each("since", day_of), rows.each("until", day_of)
    for place in range(rows.count):
        for what, value in (("duty", duties), ("body", bodies), ("unit", units)):
            if value[place] is None:
                rows.blame(place, f"it names no {what}")
        begin, end = since[place], until[place]
        if begin is not None and end is not None and end <= begin:
            rows.blame(place, f"it ends on {end}, but begins on {begin}")
    return [
        AssignmentSpec(
            place=place,
            duty=duties[place] or "",
            body=bodies[place] or "",
            level=levels[place],
            unit=units[place] or "",
            post=posts[place],
            since=since[place],
            until=until[place],
            name=names[place] if keys[place] is not None else None,
        )
        for place in range(rows.count)
    ]
