"""What an edition's stored chains and addresses prove about one of its levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Numeric,
    Text,
    and_,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from storage.models import Address, AddressPlace, Outline, Unit
from storage.units import below, stands, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.units import Query

CYCLE = 2**64
"""Chains are sums modulo this; SQL's sum of bigints is a numeric and does not wrap by itself."""


class ParentProof(NamedTuple):
    """One parent and the units of the level that name it."""

    code: str | None
    """None for the outline."""
    stands: bool
    """False when units name a parent that does not stand."""
    area_m2: float
    """Of the parent; 0 for the outline, whose area is not stored."""
    units: int
    units_m2: float
    proven: bool
    """Whether the boundaries add up to the parent's."""


class OutlineRow(NamedTuple):
    """What the topmost level fills, and the centre of the metric projection."""

    lon0: float
    lat0: float
    wkb: bytes | None


class Inside(NamedTuple):
    """A unit and what lies below it."""

    level: str
    code: str
    paths: Mapping[str, tuple[str, ...]]
    """By tiling level below it: the levels between."""


class Uncovered(NamedTuple):
    """Addresses in no unit, by the parent that is nearest to them."""

    parent_code: str | None
    keys: list[str]
    households: int
    wkb: bytes
    """Their points, at most as many as the keys."""


class BlankLand(NamedTuple):
    """Land of a parent that no unit of the level holds."""

    wkb: bytes
    units: list[str]
    """The units in that parent, longest boundary first."""


async def outline(
    connection: AsyncConnection, edition: int, *, geometry: bool = False
) -> OutlineRow | None:
    """Return the outline of an edition."""
    geom = func.ST_AsBinary(Outline.__table__.c.geom) if geometry else null()
    query = select(Outline.lon0, Outline.lat0, geom).where(stands(Outline, edition))
    row = (await connection.execute(query)).first()
    return OutlineRow(*row) if row else None


async def parent_proofs(
    connection: AsyncConnection,
    edition: int,
    level: str,
    parent_level: str,
    *,
    within: Inside | None,
) -> list[ParentProof]:
    """Return every parent and whether its units' chains add up to its own, by code.

    Parameters
    ----------
    within
        Only parents below this unit, or it itself.

    Notes
    -----
    One ``GROUP BY`` over the level's rows; no geometry is read.
    """
    parent = aliased(Unit)
    parents = select(parent.code, parent.chain, parent.area_m2).where(
        parent.level == parent_level, stands(parent, edition)
    )
    units = _chain_sums(edition, level)
    if within is not None:
        codes = _codes_inside(edition, parent_level, within)
        parents = parents.where(parent.code.in_(codes))
        units = units.where(Unit.parent_code.in_(codes))
    above, sums = parents.subquery("above"), units.subquery("sums")
    code = func.coalesce(above.c.code, sums.c.parent_code)
    query = (
        select(
            code,
            above.c.code.is_not(None),
            func.coalesce(above.c.area_m2, 0.0),
            func.coalesce(sums.c.units, 0),
            func.coalesce(sums.c.units_m2, 0.0),
            _adds_up(sums.c.total, above.c.chain),
        )
        .select_from(above)
        .join(sums, sums.c.parent_code == above.c.code, full=True)
        .order_by(code)
    )
    return [ParentProof(*row) for row in await connection.execute(query)]


async def outline_proof(connection: AsyncConnection, edition: int, level: str) -> list[ParentProof]:
    """Return whether the topmost level fills the outline; nothing where there is none."""
    sums = _chain_sums(edition, level, grouped=False).subquery("sums")
    query = (
        select(
            null(),
            true(),
            literal(0.0),
            func.coalesce(sums.c.units, 0),
            func.coalesce(sums.c.units_m2, 0.0),
            _adds_up(sums.c.total, Outline.__table__.c.chain),
        )
        .join_from(Outline, sums, true())
        .where(stands(Outline, edition))
    )
    return [ParentProof(*row) for row in await connection.execute(query)]


def _chain_sums(edition: int, level: str, *, grouped: bool = True) -> Query:
    query = select(
        *([Unit.parent_code] if grouped else []),
        func.sum(sql_cast(Unit.chain, Numeric)).label("total"),
        func.count().label("units"),
        func.sum(Unit.area_m2).label("units_m2"),
    ).where(Unit.level == level, stands(Unit, edition))
    return query.group_by(Unit.parent_code) if grouped else query


def _adds_up(total: ColumnElement[Any], chain: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a sum of chains is a parent's chain; false when either is missing."""
    rest = func.mod(total - sql_cast(chain, Numeric), sql_cast(literal(str(CYCLE)), Numeric))
    return func.coalesce(rest == 0, False)


def _codes_inside(edition: int, level: str, within: Inside) -> Query:
    """Return the codes of the units of a level below a unit; its own for its own level."""
    if level == within.level:
        return select(literal(within.code, Text))
    last = (*within.paths[level], level)
    return select(below(edition, [within.code], last).c.code)


# --- addresses ---------------------------------------------------------------------------------


async def households_of_tiling(
    connection: AsyncConnection, edition: int, levels: Sequence[str], *, within: Inside | None
) -> tuple[int, int]:
    """Return all households, and those of addresses in a unit of one of ``levels``.

    Parameters
    ----------
    levels
        The level asked for and the tiling ones below it: an address of a lower unit lies in the
        unit above it, too.
    """
    households = func.sum(Address.households)
    query = select(households, households.filter(_lies_in(edition, levels))).where(
        *_on_ground(edition, within)
    )
    total, covered = (await connection.execute(query)).one()
    return int(total or 0), int(covered or 0)


async def households_of_disjoint(
    connection: AsyncConnection,
    edition: int,
    level: str,
    *,
    within: Inside | None,
) -> tuple[int, int]:
    """Return the households whose address names a unit of a DISJOINT level, and that lie in it."""
    lies_in = exists().where(
        Unit.level == level,
        Unit.code == Address.compound_code,
        stands(Unit, edition),
        func.ST_Intersects(Unit.geom, Address.geom),
    )
    query = select(
        func.coalesce(func.sum(Address.households), 0),
        func.coalesce(func.sum(Address.households).filter(lies_in), 0),
    ).where(Address.compound_code.is_not(None), *_on_ground(edition, within))
    total, covered = (await connection.execute(query)).one()
    return int(total), int(covered)


async def uncovered(
    connection: AsyncConnection,
    edition: int,
    levels: Sequence[str],
    *,
    parent_level: str | None,
    within: Inside | None,
    limit: int,
) -> list[Uncovered]:
    """Return the addresses in no unit of ``levels``, by the nearest unit of ``parent_level``.

    Parameters
    ----------
    limit
        The most keys and points of one group, by key.

    Notes
    -----
    One probe of ``unit_geom`` an uncovered address. Nearest in degrees: the addresses lie within
    a parent or a little outside.
    """
    alone = aliased(Address)
    base = select(alone.key, alone.households, alone.geom.label("geom")).where(
        stands(alone, edition),
        ~_lies_in(edition, levels, alone),
        *_on_ground(edition, within, alone),
    )
    if parent_level is None:
        lost = base.add_columns(sql_cast(null(), Text).label("parent")).subquery("lost")
    else:
        near = (
            select(Unit.code)
            .where(Unit.level == parent_level, stands(Unit, edition))
            .order_by(Unit.geom.op("<->")(alone.geom), Unit.code)
            .limit(1)
        )
        if within is not None:
            near = near.where(Unit.code.in_(_codes_inside(edition, parent_level, within)))
        lost = base.add_columns(near.correlate(alone).scalar_subquery().label("parent")).subquery(
            "lost"
        )
    place = func.row_number().over(partition_by=lost.c.parent, order_by=lost.c.key)
    ranked = select(lost, place.label("place")).subquery("ranked")
    few = ranked.c.place <= limit
    keys = func.array_agg(aggregate_order_by(ranked.c.key, ranked.c.key)).filter(few)
    points = func.ST_AsBinary(func.ST_Collect(ranked.c.geom).filter(few))
    query = (
        select(ranked.c.parent, keys, func.sum(ranked.c.households), points)
        .group_by(ranked.c.parent)
        .order_by(ranked.c.parent)
    )
    rows = await connection.execute(query)
    return [Uncovered(parent, keys, int(homes), bytes(wkb)) for parent, keys, homes, wkb in rows]


def _lies_in(
    edition: int, levels: Sequence[str], address: type[Address] = Address
) -> ColumnElement[bool]:
    """Return the condition that an address lies in a unit of one of the levels."""
    return exists().where(
        AddressPlace.address_row == address.row_id,
        AddressPlace.level == func.any(texts(levels)),
        AddressPlace.code.is_not(None),
        stands(AddressPlace, edition),
    )


def _on_ground(
    edition: int, within: Inside | None, address: type[Address] = Address
) -> list[ColumnElement[bool]]:
    """Return the conditions that an address stands and lies below a unit.

    One that lies in no unit at all counts where its point is.
    """
    standing = stands(address, edition)
    if within is None:
        return [standing]
    ground = _units_inside(edition, within).subquery("ground")
    placed = and_(
        AddressPlace.address_row == address.row_id,
        AddressPlace.code.is_not(None),
        stands(AddressPlace, edition),
    )
    inside = exists(select(1).where(placed)).where(
        AddressPlace.level == ground.c.level, AddressPlace.code == ground.c.code
    )
    around = aliased(Unit)
    touches = exists().where(
        around.level == within.level,
        around.code == within.code,
        stands(around, edition),
        func.ST_Intersects(around.geom, address.geom),
    )
    return [standing, or_(inside, and_(~exists().where(placed), touches))]


def _units_inside(edition: int, within: Inside) -> CompoundSelect[*tuple[Any, ...]]:
    """Return (level, code) of a unit and of the tiling units below it."""
    own = select(
        literal(within.level, Text).label("level"), literal(within.code, Text).label("code")
    )
    under = [
        select(literal(level, Text), below(edition, [within.code], (*path, level)).c.code)
        for level, path in within.paths.items()
    ]
    return union_all(own, *under)


# --- land --------------------------------------------------------------------------------------


async def blank_land(
    connection: AsyncConnection, edition: int, level: str, parent_level: str, codes: Sequence[str]
) -> dict[str, BlankLand]:
    """Return, by parent code, the parent's land less its units of the level.

    An overlay: call it for the parents of one page.
    """
    unit = aliased(Unit)
    length = func.ST_Perimeter(func.geography(unit.geom))
    held = (
        select(
            func.ST_Union(unit.geom).label("land"),
            func.array_agg(aggregate_order_by(unit.code, length.desc(), unit.code)).label("codes"),
        )
        .where(unit.level == level, unit.parent_code == Unit.code, stands(unit, edition))
        .correlate(Unit)
        .lateral("held")
    )
    rest = func.coalesce(func.ST_Difference(Unit.geom, held.c.land), Unit.geom)
    query = (
        select(
            Unit.code,
            func.ST_AsBinary(func.ST_CollectionExtract(rest, 3)),
            func.coalesce(held.c.codes, texts([])),
        )
        .join(held, true())
        .where(
            Unit.level == parent_level,
            Unit.code == func.any(texts(codes)),
            stands(Unit, edition),
        )
    )
    rows = await connection.execute(query)
    return {code: BlankLand(bytes(wkb), units) for code, wkb, units in rows}


async def parent_land(
    connection: AsyncConnection, edition: int, parent_level: str, codes: Sequence[str]
) -> dict[str, bytes]:
    """Return the WKB of units, by code."""
    query = select(Unit.code, func.ST_AsBinary(Unit.__table__.c.geom)).where(
        Unit.level == parent_level, Unit.code == func.any(texts(codes)), stands(Unit, edition)
    )
    return {code: bytes(wkb) for code, wkb in await connection.execute(query)}


async def unit_land(
    connection: AsyncConnection, edition: int, level: str, parents: Sequence[str]
) -> list[tuple[str, str, bytes]]:
    """Return (code, parent code, WKB) of the units of a level under some parents, by code."""
    query = (
        select(Unit.code, Unit.parent_code, func.ST_AsBinary(Unit.__table__.c.geom))
        .where(
            Unit.level == level,
            Unit.parent_code == func.any(texts(parents)),
            stands(Unit, edition),
        )
        .order_by(Unit.code)
    )
    return [(code, up or "", bytes(wkb)) for code, up, wkb in await connection.execute(query)]
