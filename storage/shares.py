"""Units beside units: which share land, and which count the same households.

A unit is named here by its code where it stands in an edition, and by the number of its row where
it is a draft's. Statements are made for all units of a list at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Subquery,
    Text,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from storage.drafts_reading import numbers
from storage.models import Address, AddressPlace, DraftUnit, Level, Unit, UnitTally, WaivedLand
from storage.units import below, stands, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Label
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.units import Query

    Pairs = CompoundSelect[*tuple[Any, ...]]
    """Selects of (address row, name of the unit that counts it)."""


class LevelState(NamedTuple):
    """A level with units in an edition."""

    key: str
    leaks: bool
    """Whether land of it outside its parents is waived."""


class Counting(NamedTuple):
    """How the units of a level count addresses."""

    level: str
    down: tuple[str, ...]
    """The level and those from heir to heir below it, see ``storage.tallies``; none: DISJOINT."""


class Land(NamedTuple):
    """A unit, and the units of the other level that touch it."""

    edition: int
    """In which the others stand."""
    wkb: bytes
    codes: list[str]
    wkbs: list[bytes]


class Below(NamedTuple):
    """A unit below another one."""

    root: str
    code: str
    area_m2: float
    households: int
    root_households: int


class Homes(NamedTuple):
    """Households that a unit has in common with another one; None: with no unit of its level."""

    unit: str
    other: str | None
    households: int


async def level_states(connection: AsyncConnection, edition: int) -> list[LevelState]:
    """Return the levels on which units stand in an edition, by rank."""
    leaks = exists().where(
        WaivedLand.level == Level.key,
        WaivedLand.kind.in_(["OUTSIDE", "STRADDLES"]),
        WaivedLand.first_edition <= edition,
        or_(WaivedLand.last_edition.is_(None), WaivedLand.last_edition >= edition),
    )
    query = (
        select(Level.key, leaks)
        .where(exists().where(Unit.level == Level.key, stands(Unit, edition)))
        .order_by(Level.rank)
    )
    return [LevelState(*row) for row in await connection.execute(query)]


# --- land --------------------------------------------------------------------------------------


async def units_below(
    connection: AsyncConnection,
    edition: int,
    level: str,
    codes: Sequence[str],
    path: Sequence[str],
    *,
    limit: int,
) -> list[Below]:
    """Return up to ``limit`` units of the last level of ``path`` under each of many units.

    Parameters
    ----------
    path
        Levels from the one right below ``level`` down.

    Notes
    -----
    Leans on ``unit_parent`` and ``unit_tally_code``.
    """
    under = below(edition, codes, path)
    place = func.row_number().over(partition_by=under.c.root, order_by=under.c.code)
    ranked = select(under.c.root, under.c.code, place.label("place")).subquery()
    mine, above = aliased(UnitTally), aliased(UnitTally)
    query = (
        select(
            ranked.c.root,
            ranked.c.code,
            Unit.area_m2,
            func.coalesce(mine.households, 0),
            func.coalesce(above.households, 0),
        )
        .join(Unit, and_(Unit.level == path[-1], Unit.code == ranked.c.code))
        .outerjoin(
            mine,
            and_(mine.level == path[-1], mine.code == ranked.c.code, stands(mine, edition)),
        )
        .outerjoin(
            above, and_(above.level == level, above.code == ranked.c.root, stands(above, edition))
        )
        .where(stands(Unit, edition), ranked.c.place <= limit)
        .order_by(ranked.c.root, ranked.c.code)
    )
    return [Below(*row) for row in await connection.execute(query)]


async def units_beside(
    connection: AsyncConnection,
    edition: int,
    level: str,
    codes: Sequence[str],
    other: str,
    *,
    limit: int,
) -> dict[str, Land]:
    """Return units with up to ``limit`` units of another level that touch each; ``unit_geom``."""
    when = literal(edition).label("edition")
    mine = select(Unit.code.label("name"), Unit.geom, when).where(
        Unit.level == level, Unit.code == func.any(texts(codes)), stands(Unit, edition)
    )
    return await _lands(connection, mine, other, limit)


async def draft_units_beside(
    connection: AsyncConnection, edition: int, rows: Sequence[int], other: str, *, limit: int
) -> dict[str, Land]:
    """Return a draft's units with up to ``limit`` units of an edition that touch each."""
    when = literal(edition).label("edition")
    mine = select(_draft_name(DraftUnit), DraftUnit.geom, when).where(
        DraftUnit.id == func.any(numbers(rows))
    )
    return await _lands(connection, mine, other, limit)


async def units_before(
    connection: AsyncConnection, edition: int, level: str, codes: Sequence[str], *, limit: int
) -> dict[str, Land]:
    """Return units with up to ``limit`` that stood there in the edition before they were so."""
    when = (Unit.since_edition - 1).label("edition")
    mine = select(Unit.code.label("name"), Unit.geom, when).where(
        Unit.level == level,
        Unit.code == func.any(texts(codes)),
        Unit.since_edition > 1,
        stands(Unit, edition),
    )
    return await _lands(connection, mine, level, limit)


async def _lands(
    connection: AsyncConnection, mine: Query, other: str, limit: int
) -> dict[str, Land]:
    """Return the land of units (name, geom, edition) and of those that touch each then."""
    given = mine.subquery("given")
    near = aliased(Unit)
    touching = (
        # in no order: a unit with as many as that is refused
        select(near.code, func.ST_AsBinary(near.geom).label("wkb"))
        .where(
            near.level == other,
            stands(near, given.c.edition),
            func.ST_Intersects(near.geom, given.c.geom),
        )
        .limit(limit)
        .correlate(given)
        .lateral("touching")
    )
    query = (
        select(
            given.c.name,
            given.c.edition,
            func.ST_AsBinary(given.c.geom),
            func.array_agg(touching.c.code),
            func.array_agg(touching.c.wkb),
        )
        .join(touching, true())
        .group_by(given.c.name, given.c.edition, given.c.geom)
        .order_by(given.c.name)
    )
    return {
        name: Land(edition, bytes(wkb), codes, [bytes(one) for one in wkbs])
        for name, edition, wkb, codes, wkbs in await connection.execute(query)
    }


# --- households --------------------------------------------------------------------------------


async def homes(
    connection: AsyncConnection,
    edition: int,
    units: Counting,
    codes: Sequence[str],
    others: Counting,
) -> list[Homes]:
    """Return the households that units have in common with those of another level.

    An address is counted by those units whose tallies count it: by one of a level at most.
    """
    mine = _counted(edition, units).subquery("mine")
    chosen = mine.c.name == func.any(texts(codes))
    return await _in_common(connection, mine, chosen, _counted(edition, others).subquery("others"))


async def draft_homes(
    connection: AsyncConnection,
    edition: int,
    rows: Sequence[int],
    others: Counting,
    *,
    disjoint: bool,
) -> list[Homes]:
    """Return the households that a draft's units have in common with those of an edition.

    An address counts for the unit that it touches, of several for the one with the smallest code;
    with ``disjoint`` first for the one that it names.
    """
    mine = _touching_draft(edition, rows, named=disjoint).subquery("mine")
    return await _in_common(connection, mine, true(), _counted(edition, others).subquery("others"))


async def homes_before(
    connection: AsyncConnection,
    edition: int,
    units: Counting,
    pairs: Sequence[tuple[str, str]],
) -> list[Homes]:
    """Return the households of units by those that stood there before them.

    Parameters
    ----------
    pairs
        Codes of the units, each with the code of one that stood on its ground.

    Notes
    -----
    An address of the edition is asked for by its point: of the earlier units that it touches it
    lies in the one with the smallest code; on a DISJOINT level first in the one that it names.
    """
    mine = _counted(edition, units).subquery("mine")
    now, near = aliased(Unit), aliased(Unit)
    columns = [list(column) for column in zip(*pairs, strict=True)] or [[], []]
    given = func.unnest(*map(texts, columns)).table_valued("name", "code")
    given = given.render_derived(name="given")
    touches = func.ST_Intersects(near.geom, Address.geom)
    named = func.coalesce(near.code == Address.compound_code, False)
    before = (
        select(near.code)
        .join(given, given.c.code == near.code)
        .where(
            given.c.name == now.code,
            near.level == units.level,
            stands(near, now.since_edition - 1),
            touches if units.down else or_(touches, named),
        )
        .order_by(*(() if units.down else (named.desc(),)), near.code)
        .limit(1)
        .correlate(now, Address)
        .lateral("before")
    )
    query = (
        select(mine.c.name, before.c.code, func.sum(Address.households))
        .join(now, and_(now.level == units.level, now.code == mine.c.name, stands(now, edition)))
        .join(Address, Address.row_id == mine.c.address_row)
        .outerjoin(before, true())
        .where(mine.c.name == func.any(texts(list(dict.fromkeys(columns[0])))))
        .group_by(mine.c.name, before.c.code)
        .order_by(mine.c.name, before.c.code)
    )
    return [Homes(*row) for row in await connection.execute(query)]


async def _in_common(
    connection: AsyncConnection, mine: Subquery, chosen: ColumnElement[bool], others: Subquery
) -> list[Homes]:
    query = (
        select(mine.c.name, others.c.name, func.sum(Address.households))
        .join(Address, Address.row_id == mine.c.address_row)
        .outerjoin(others, others.c.address_row == mine.c.address_row)
        .where(chosen)
        .group_by(mine.c.name, others.c.name)
        .order_by(mine.c.name, others.c.name)
    )
    return [Homes(*row) for row in await connection.execute(query)]


def _counted(edition: int, counting: Counting) -> Pairs:
    """Return the addresses of an edition with the unit of a level that counts each."""
    if not counting.down:
        return _named_or_touching(edition, counting.level)
    return union_all(
        *(_placed(edition, counting.down[: depth + 1]) for depth in range(len(counting.down)))
    )


def _placed(edition: int, path: Sequence[str]) -> Query:
    """Return the addresses that lie in units of the last level of ``path``, by unit of its first.

    Leans on ``unit_parent`` and ``address_place_unit`` from above, on ``unit_code`` from below.
    """
    place = aliased(AddressPlace)
    query: Query = select(place.address_row).where(
        place.level == path[-1], place.code.is_not(None), stands(place, edition)
    )
    code = _column(place.code)
    for level in reversed(path[1:]):
        unit = aliased(Unit)
        query = query.join(
            unit, and_(unit.level == level, unit.code == code, stands(unit, edition))
        )
        code = _column(unit.parent_code)
    return query.add_columns(code.label("name"))


def _column(attribute: Any) -> ColumnElement[Any]:  # noqa: ANN401 - an attribute of an alias
    """Return an attribute as the column that it is."""
    column: ColumnElement[Any] = attribute
    return column


def _named_or_touching(edition: int, level: str) -> Pairs:
    """Return addresses by the unit of a DISJOINT level that they name, else that they touch."""
    unit, other, named = aliased(Unit), aliased(Unit), aliased(Unit)
    here = [unit.level == level, stands(unit, edition), stands(Address, edition)]
    by_name = select(Address.row_id.label("address_row"), unit.code.label("name")).join(
        unit, unit.code == Address.compound_code
    )
    by_place = select(Address.row_id, unit.code).join(
        unit, func.ST_Intersects(unit.geom, Address.geom)
    )
    names_one = exists().where(
        named.level == level, named.code == Address.compound_code, stands(named, edition)
    )
    smaller = exists().where(
        other.level == level,
        other.code < unit.code,
        stands(other, edition),
        func.ST_Intersects(other.geom, Address.geom),
    )
    return union_all(by_name.where(*here), by_place.where(*here, ~names_one, ~smaller))


def _touching_draft(edition: int, rows: Sequence[int], *, named: bool) -> Pairs:
    """Return addresses of an edition by the draft's unit that they name or touch."""
    unit, other, claimed = aliased(DraftUnit), aliased(DraftUnit), aliased(DraftUnit)
    here = [unit.id == func.any(numbers(rows)), stands(Address, edition)]
    name = _draft_name(unit)
    by_place = select(Address.row_id.label("address_row"), name).join(
        unit, func.ST_Intersects(unit.geom, Address.geom)
    )
    before = or_(other.code < unit.code, and_(other.code == unit.code, other.id < unit.id))
    smaller = exists().where(
        other.draft_id == unit.draft_id, before, func.ST_Intersects(other.geom, Address.geom)
    )
    if not named:
        return union_all(by_place.where(*here, ~smaller))
    names_one = exists().where(
        claimed.draft_id == unit.draft_id, claimed.code == Address.compound_code
    )
    by_name = select(Address.row_id.label("address_row"), name).join(
        unit, unit.code == Address.compound_code
    )
    return union_all(by_name.where(*here), by_place.where(*here, ~names_one, ~smaller))


def _draft_name(unit: type[DraftUnit]) -> Label[str]:
    return sql_cast(unit.id, Text).label("name")
