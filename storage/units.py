"""Units as they stand in one edition: by name, by id, by place, by parent."""

from __future__ import annotations

from enum import Flag, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Select,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB, array, distinct_on
from sqlalchemy.orm import aliased

from storage.models import Level, Unit, UnitTally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.models import Address, AddressPlace, Outline, WaivedLand

    Query = Select[*tuple[Any, ...]]  # columns are chosen at run time

    Standing = (
        type[Unit]
        | type[UnitTally]
        | type[Address]
        | type[AddressPlace]
        | type[Outline]
        | type[WaivedLand]
    )

PICTURE_DIGITS = 7
"""Decimals of the degrees of a picture: 1 cm."""


class Wanted(Flag):
    """What to read of a unit beside its name, parent and area: the rest costs time."""

    NOTHING = 0
    GEOMETRY = auto()
    """GeoJSON text in WGS 84, exterior rings counter-clockwise."""
    SHAPE = auto()
    """WKB, to be converted or simplified."""
    BBOX = auto()
    LABEL = auto()
    PROPERTIES = auto()
    TALLY = auto()
    SPAN = auto()


class UnitRow(NamedTuple):
    """One unit as it stands in an edition or a draft; None also where it was not wanted."""

    row_id: int
    id: int
    draft_id: int | None
    level: str
    code: str
    name: str
    parent_code: str | None
    area_m2: float
    geojson: str | None
    wkb: bytes | None
    bbox: list[float] | None
    """West, south, east, north in degrees."""
    label: list[float] | None
    """Longitude and latitude of a point inside."""
    properties: str | None
    """JSON text."""
    households: int | None
    people: int | None
    groups: dict[str, int] | None
    since: int | None
    until: int | None
    wanted: Wanted = Wanted.NOTHING
    """What was read."""


class UnitFilter(NamedTuple):
    """Which units of one level: those that fulfil everything that is given."""

    level: str
    within: str | None = None
    """Code of a unit above, of the level that ``through`` starts below."""
    through: tuple[str, ...] = ()
    """Levels between that of ``within`` and ``level``, from above."""
    codes: tuple[str, ...] | None = None
    areas: tuple[str, ...] | None = None
    """WKT polygons in WGS 84; the unit intersects one of them."""
    search: str | None = None
    """A part of code, name or pinyin, in small letters."""
    properties: str | None = None
    """JSON text that must be contained."""


def stands(rows: Standing, edition: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a row stands in an edition."""
    still = or_(rows.last_edition.is_(None), rows.last_edition >= edition)
    return and_(rows.first_edition <= edition, still)


def texts(values: Sequence[str | None]) -> ColumnElement[Any]:
    """Return an array of texts as one bound parameter."""
    return bindparam(None, list(values), ARRAY(Text), unique=True)


def geometry_columns(geom: ColumnElement[Any], wanted: Wanted) -> list[ColumnElement[Any]]:
    """Return the columns geojson, wkb, bbox and label of a geometry, null unless wanted."""
    outward = func.ST_ForcePolygonCCW(geom)
    sides = [func.ST_XMin(geom), func.ST_YMin(geom), func.ST_XMax(geom), func.ST_YMax(geom)]
    inside = func.ST_PointOnSurface(geom)
    spot = [func.ST_X(inside), func.ST_Y(inside)]
    none: ColumnElement[Any] = null()
    return [
        func.ST_AsGeoJSON(outward, PICTURE_DIGITS) if Wanted.GEOMETRY in wanted else none,
        func.ST_AsBinary(geom) if Wanted.SHAPE in wanted else none,
        array(sides) if Wanted.BBOX in wanted else none,
        array(spot) if Wanted.LABEL in wanted else none,
    ]


def unit_columns(wanted: Wanted, edition: int | ColumnElement[int]) -> Query:
    """Return the query for the columns of ``UnitRow``, from ``unit`` and what belongs to it."""
    tallied = Wanted.TALLY in wanted
    count: list[ColumnElement[Any]] = [null(), null(), null()]
    if tallied:
        count = [
            func.coalesce(UnitTally.households, 0),
            func.coalesce(UnitTally.people, 0),
            UnitTally.__table__.c.groups,
        ]
    query = select(
        Unit.row_id,
        Unit.id,
        null(),
        Unit.level,
        Unit.code,
        Unit.name,
        Unit.parent_code,
        Unit.area_m2,
        *geometry_columns(Unit.__table__.c.geom, wanted),
        sql_cast(Unit.properties, Text) if Wanted.PROPERTIES in wanted else null(),
        *count,
        *(_span() if Wanted.SPAN in wanted else (null(), null())),
    ).select_from(Unit)
    if not tallied:
        return query
    same = and_(UnitTally.level == Unit.level, UnitTally.code == Unit.code)
    return query.outerjoin(UnitTally, and_(same, stands(UnitTally, edition)))


def _span() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the first and the last edition of a drawn version; rows of one share the id."""
    same = aliased(Unit)
    first = select(func.min(same.first_edition)).where(same.id == Unit.id)
    open_ended = func.bool_or(same.last_edition.is_(None))
    last = select(case((open_ended, null()), else_=func.max(same.last_edition)))
    return first.scalar_subquery(), last.where(same.id == Unit.id).scalar_subquery()


async def _rows(connection: AsyncConnection, query: Query, wanted: Wanted) -> list[UnitRow]:
    return [UnitRow._make((*row, wanted)) for row in await connection.execute(query)]


def below(edition: int, roots: Sequence[str], through: Sequence[str]) -> Subquery:
    """Return (root, code): the units of the last of ``through`` under each root, or the roots."""
    given = func.unnest(texts(roots)).table_valued("code").render_derived()
    found = select(given.c.code.label("root"), given.c.code).subquery()
    for level in through:
        child = aliased(Unit)
        found = (
            select(found.c.root, child.code)
            .join(child, and_(child.level == level, child.parent_code == found.c.code))
            .where(stands(child, edition))
            .subquery()
        )
    return found


def _matching(query: Query, edition: int, which: UnitFilter) -> Query:
    """Keep the units that a filter names.

    Leans on ``unit_code`` for the level, ``unit_parent``, ``unit_geom``, ``unit_search`` and
    ``unit_properties`` for what is given.
    """
    query = query.where(Unit.level == which.level, stands(Unit, edition))
    if which.within is not None:
        parents = below(edition, [which.within], which.through)
        query = query.where(Unit.parent_code.in_(select(parents.c.code)))
    if which.codes is not None:
        query = query.where(Unit.code == func.any(texts(which.codes)))
    if which.areas is not None:
        areas = [func.ST_GeomFromText(wkt, 4326) for wkt in which.areas]
        query = query.where(or_(*(func.ST_Intersects(Unit.geom, area) for area in areas)))
    if which.search:
        query = query.where(Unit.search_text.ilike(like_pattern(which.search), escape="\\"))
    if which.properties is not None:
        contained = sql_cast(bindparam(None, which.properties, Text, unique=True), JSONB)
        query = query.where(Unit.properties.contains(contained))
    return query


def like_pattern(part: str, *, start: bool = False) -> str:
    """Return the LIKE pattern of texts that contain ``part`` (or start with it), taken as it is."""
    plain = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{plain}%" if start else f"%{plain}%"


async def page(
    connection: AsyncConnection,
    edition: int,
    which: UnitFilter,
    *,
    first: int,
    after: str | None = None,
    wanted: Wanted = Wanted.NOTHING,
) -> list[UnitRow]:
    """Return up to ``first`` units after the code ``after``, by code."""
    query = _matching(unit_columns(wanted, edition), edition, which)
    if after is not None:
        query = query.where(Unit.code > after)
    return await _rows(connection, query.order_by(Unit.code).limit(first), wanted)


async def count(connection: AsyncConnection, edition: int, which: UnitFilter) -> int:
    """Return how many units a filter finds."""
    query = _matching(select(func.count()).select_from(Unit), edition, which)
    return (await connection.scalar(query)) or 0


async def by_codes(
    connection: AsyncConnection,
    edition: int,
    keys: Sequence[tuple[str, str]],
    *,
    wanted: Wanted = Wanted.NOTHING,
) -> dict[tuple[str, str], UnitRow]:
    """Return the units of the given (level, code); one statement, index ``unit_code``."""
    levels, codes = [level for level, _ in keys], [code for _, code in keys]
    asked = func.unnest(texts(levels), texts(codes)).table_valued("level", "code")
    asked = asked.render_derived(name="asked")
    same = and_(asked.c.level == Unit.level, asked.c.code == Unit.code)
    query = unit_columns(wanted, edition).join(asked, same).where(stands(Unit, edition))
    return {(row.level, row.code): row for row in await _rows(connection, query, wanted)}


async def by_rows(
    connection: AsyncConnection, edition: int, row_ids: Sequence[int], *, wanted: Wanted
) -> dict[int, UnitRow]:
    """Return rows again, with more of their columns."""
    query = unit_columns(wanted, edition).where(Unit.row_id.in_(row_ids))
    return {row.row_id: row for row in await _rows(connection, query, wanted)}


async def by_ids(
    connection: AsyncConnection, today: int, ids: Sequence[int]
) -> dict[int, tuple[UnitRow, int]]:
    """Return drawn versions, each with the edition to see it in.

    That is ``today`` while it stands then, else the last in which it stood, else its first.
    """
    last = func.coalesce(Unit.last_edition, Unit.first_edition)
    begun = Unit.first_edition <= today
    seen = case(
        (stands(Unit, today), today),
        (begun, last),
        else_=Unit.first_edition,
    ).label("seen")
    query = (
        unit_columns(Wanted.NOTHING, today)
        .add_columns(seen)
        .where(Unit.id.in_(ids))
        .ext(distinct_on(Unit.id))
        # of the rows of one version: the newest that has begun, else the first to come
        .order_by(
            Unit.id, begun.desc(), case((begun, -Unit.first_edition), else_=Unit.first_edition)
        )
    )
    return {
        row[1]: (UnitRow._make((*row[:-1], Wanted.NOTHING)), row[-1])
        for row in await connection.execute(query)
    }


async def search(
    connection: AsyncConnection,
    edition: int,
    words: Sequence[str],
    *,
    levels: Sequence[str],
    paths: Mapping[str, tuple[str, ...]] | None = None,
    within: str | None = None,
    first: int,
    wanted: Wanted,
) -> list[UnitRow]:
    """Return the units that contain every word in code, name or pinyin, best first.

    Parameters
    ----------
    words
        In small letters; the ranking compares them joined with spaces.
    levels
        Keys of the levels to look at.
    paths
        With ``within``: by level, the levels between that of ``within`` and it.
    within
        Code of a unit above.

    Notes
    -----
    Best is: the exact code, a code that starts so, a name that starts so, the most similar.
    Leans on the trigram index ``unit_search``.
    """
    whole = " ".join(words)
    query = unit_columns(wanted, edition).where(
        Unit.level == func.any(texts(levels)),
        stands(Unit, edition),
        *(Unit.search_text.ilike(like_pattern(word), escape="\\") for word in words),
    )
    if within is not None and paths is not None:
        under = [
            and_(Unit.level == level, Unit.parent_code.in_(select(_codes(edition, within, path))))
            for level, path in paths.items()
        ]
        query = query.where(or_(*under))
    start = like_pattern(whole, start=True)
    best = case(
        (func.lower(Unit.code) == whole, 0),
        (Unit.code.ilike(start, escape="\\"), 1),
        (Unit.name.ilike(start, escape="\\"), 2),
        else_=3,
    )
    likeness = func.word_similarity(whole, Unit.search_text, type_=Float)
    rank = select(Level.rank).where(Level.key == Unit.level).scalar_subquery()
    query = query.order_by(best, likeness.desc(), rank, Unit.code).limit(first)
    return await _rows(connection, query, wanted)


def _codes(edition: int, root: str, through: Sequence[str]) -> ColumnElement[str]:
    found: ColumnElement[str] = below(edition, [root], through).c.code
    return found


async def shapes(
    connection: AsyncConnection, edition: int, level: str, *, limit: int
) -> list[tuple[int, bytes]]:
    """Return (row id, WKB) of up to ``limit`` units of a level, by code."""
    query = (
        select(Unit.row_id, func.ST_AsBinary(Unit.__table__.c.geom))
        .where(Unit.level == level, stands(Unit, edition))
        .order_by(Unit.code)
        .limit(limit)
    )
    return [(row_id, bytes(wkb)) for row_id, wkb in await connection.execute(query)]
