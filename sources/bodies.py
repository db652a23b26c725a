"""Reads lists of people and organisations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

from sources.body_kinds import kinds_of
from sources.cells import DROPPED, JsonValue, json_safe
from sources.columns import as_text, parse_pairs, plain
from sources.list_rows import ListRows
from sources.notices import Notice
from sources.roster_cells import MAX_KEY, code_of, lost, text_of, words_of
from sources.rosters import read_roster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sources.list_rows import BadRow
    from sources.rosters import Roster

__all__ = [
    "BODY_WORDS",
    "BodyColumns",
    "BodyFile",
    "BodySpec",
    "bodies_of",
    "parse_body_columns",
    "read_bodies",
]

_USUAL = {
    "key": "key bodykey personid bodyid 人员编号 人员编码 人员代码 工号 组织编号 组织编码 组织代码"
    " 单位编码 单位代码 机构编码 机构代码 统一社会信用代码 信用代码 编号 编码 代码 code uuid id",
    "name": "name 姓名 名称 人员姓名 组织名称 单位名称 机构名称 队伍名称 支部名称 fullname xm mc",
    "kind": "kind bodykind 主体类型 主体类别 类别 种类",
    "profession": "profession occupation 职业 工种 专业 type sort 类型 单位类型 组织类型 机构类型"
    " 单位性质",
    "skills": "skills skill 技能 特长 专长 技能特长",
    "member_of": "memberof organisation organization 所属组织 所属单位 所属机构 所属支部 所属队伍"
    " 上级组织 上级单位",
    "home_level": "homelevel 居住层级 所在层级",
    "home_unit": "homeunit 居住网格 所在网格 所属网格 居住小区 所在小区 所在社区 所属社区 居住单元"
    " 网格编码 网格 小区编码 小区 社区编码 社区",
    "home_address": "homeaddress addresskey 居住地址编码 地址编码 地址代码 门牌编码",
    "phone": "phone telephone mobile tel 电话 手机 手机号 手机号码 联系电话 电话号码 联系方式"
    " 办公电话 lxdh",
    "email": "email mail 邮箱 电子邮箱 电子邮件",
    "wechat": "wechat weixin 微信 微信号",
    "id_number": "idnumber idcard 身份证 身份证号 身份证号码 证件号 证件号码 sfzh",
}
"""The columns' usual names by their meaning, best known first."""

BODY_WORDS = tuple(word for words in _USUAL.values() for word in words.split())
"""By these the header is found."""

CONTACT = ("phone", "email", "wechat", "id_number")
"""What only those are told who look after the ground."""

_NUMBERS = frozenset({"序号", "行号", "no", "number"})
"""Columns that only count the rows."""


@dataclass(frozen=True)
class BodyColumns:
    """Which columns of a list mean what; what is left out is found by its usual name."""

    key: str | None = None
    name: str | None = None
    kind: str | None = None
    profession: str | None = None
    skills: str | None = None
    member_of: str | None = None
    home_level: str | None = None
    home_unit: str | None = None
    home_address: str | None = None
    phone: str | None = None
    email: str | None = None
    wechat: str | None = None
    id_number: str | None = None


class BodySpec(NamedTuple):
    """A person or an organisation as a list says it; None where nothing is said."""

    place: int
    """Its row's place in the list, from 0."""
    key: str
    kind: str
    """PERSON or ORGANISATION."""
    name: str
    profession: str | None
    skills: tuple[str, ...]
    member_of: str | None
    """Key or name of an organisation."""
    home_level: str | None
    """Key or name of a level."""
    home_unit: str | None
    """Code or name of a unit."""
    home_address: str | None
    """Key of an address."""
    contact: Mapping[str, str]
    properties: Mapping[str, JsonValue]


@dataclass(frozen=True)
class BodyFile:
    """A list of people and organisations, read.

    Attributes
    ----------
    sent
        The rows as they came, to be sent back where they are bad.
    bodies
        The good ones, with keys that differ.
    bad
        The others, with the reason.
    says
        Of which fields the list has a column; what it has none for is not said to be blank.
    contact_says, property_says
        Of which contact data and properties it has one.
    """

    file: str
    sent: Roster
    bodies: tuple[BodySpec, ...]
    bad: tuple[BadRow, ...]
    says: frozenset[str]
    contact_says: frozenset[str]
    property_says: frozenset[str]
    notices: tuple[Notice, ...]


def parse_body_columns(text: str) -> BodyColumns:
    """Read ``key=工号,name=姓名,phone=电话``.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    return BodyColumns(**parse_pairs(text, [field.name for field in fields(BodyColumns)]))


def read_bodies(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    columns: BodyColumns = BodyColumns(),
    kind: str | None = None,
) -> BodyFile:
    """Read a list of people and organisations.

    Parameters
    ----------
    path
        A workbook, CSV or TSV.
    layer, encoding
        What the caller knows better than the file; each overrides what is found.
    columns, kind
        As for ``bodies_of``.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    BadInputError
        As ``bodies_of``.
    """
    words = [*BODY_WORDS, *_given(columns).values()]
    roster = read_roster(path, usual=[w for w in words if w], layer=layer, encoding=encoding)
    return bodies_of(roster, columns=columns, kind=kind)


def bodies_of(
    roster: Roster, *, columns: BodyColumns = BodyColumns(), kind: str | None = None
) -> BodyFile:
    """Understand a list of people and organisations.

    Parameters
    ----------
    columns
        Which columns mean what, where that is not to be found by their names.
    kind
        PERSON or ORGANISATION: what all of the list are; without it a column says so, or what
        columns there are.

    Returns
    -------
    BodyFile
        Rows that cannot be taken are named in ``bad``, all others are ``bodies``.

    Raises
    ------
    BadInputError
        If there is no column of keys or names, or it is not certain what the rows are.
    """
    rows = ListRows(roster, _USUAL, _given(columns))
    rows.require("key", hint="编号")
    rows.require("name", hint="姓名")
    kinds = kinds_of(rows, kind)
    bodies = _bodies(rows, kinds)
    good = tuple(body for body in bodies if body.place not in rows.problems)
    contact = frozenset(CONTACT) & rows.columns.keys()
    return BodyFile(
        file=roster.file,
        sent=roster,
        bodies=good,
        bad=rows.bad,
        says=frozenset(rows.columns) - contact,
        contact_says=contact,
        property_says=frozenset(_others(rows)),
        notices=(*roster.notices, *rows.notices),
    )


def _given(columns: BodyColumns) -> dict[str, str | None]:
    return {field.name: getattr(columns, field.name) for field in fields(columns)}


def _bodies(rows: ListRows, kinds: list[str]) -> list[BodySpec]:
    keys, names = rows.each("key", code_of), rows.each("name", text_of)
    for place, (key, name) in enumerate(zip(keys, names, strict=True)):
        if key is None:
            rows.blame(place, f"{rows.columns['key']} is blank: no key")
        elif name is None:
            rows.blame(place, f"{rows.columns['name']} is blank: no name")
    professions, skills = rows.each("profession", _profession), rows.each("skills", words_of)
    members = rows.each("member_of", code_of)
    levels, units = rows.each("home_level", text_of), rows.each("home_unit", code_of)
    addresses = rows.each("home_address", code_of)
    contacts, properties = _contacts(rows), _properties(rows)
    rows.refuse_repeated(keys, "key")
    return [
        BodySpec(
            place=place,
            key=keys[place] or "",
            kind=kinds[place],
            name=names[place] or "",
            profession=professions[place],
            skills=skills[place] or (),
            member_of=members[place],
            home_level=levels[place],
            home_unit=units[place],
            home_address=addresses[place],
            contact=contacts[place],
            properties=properties[place],
        )
        for place in range(rows.count)
    ]


# -- contact and properties -----------------------------------------------------------------


def _contacts(rows: ListRows) -> list[dict[str, str]]:
    """Return the contact data of each row; numbers that lost their last digits are left out."""
    found: list[dict[str, str]] = [{} for _ in range(rows.count)]
    spoilt: list[int] = []
    for meaning in CONTACT:
        for place, text in enumerate(rows.each(meaning, _contact)):
            if text is not None:
                found[place][meaning] = text
        column = rows.columns.get(meaning)
        cells = [] if column is None else rows.roster.cells[rows.roster.titles.index(column)]
        spoilt += [place for place, cell in enumerate(cells) if lost(cell)]
    message = "numbers whose last digits a spreadsheet lost were left out of the contact data"
    rows.notice("LOST_DIGITS", message, sorted(set(spoilt)))
    return found


def _profession(cell: object) -> str | None:
    return text_of(cell, longest=MAX_KEY)


def _contact(cell: object) -> str | None:
    return None if lost(cell) else text_of(cell)


def _properties(rows: ListRows) -> list[dict[str, JsonValue]]:
    """Return all other columns of each row; what is blank is none."""
    found: list[dict[str, JsonValue]] = [{} for _ in range(rows.count)]
    for name, cells in _others(rows).items():
        for place, cell in enumerate(cells):
            value = json_safe(cell)
            if as_text(cell) is not None and value is not DROPPED:
                found[place][name] = value  # type: ignore[assignment] # no mark, as was asked
    return found


def _others(rows: ListRows) -> dict[str, list[object]]:
    """Return the columns that mean nothing here, but for mere numbers of the rows."""
    counted = [title for title in rows.roster.titles if plain(title) in _NUMBERS]
    return rows.others(counted)
