"""Which households of an edition lie in a unit of a level, and which in none."""

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
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from storage.models import Address, AddressPlace, Unit
from storage.proofs import Inside, codes_inside
from storage.units import below, stands, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection


class Uncovered(NamedTuple):
    """Addresses in no unit where one is owed, by what they have in common."""

    code: str | None
    """The parent that is nearest to them, or the unit that they name."""
    keys: list[str]
    households: int
    wkb: bytes
    """Their points, at most as many as the keys."""


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
    lies_in = _in_named(edition, level)
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
            near = near.where(Unit.code.in_(codes_inside(edition, parent_level, within)))
        lost = base.add_columns(near.correlate(alone).scalar_subquery().label("parent")).subquery(
            "lost"
        )
    return await _grouped(connection, lost, limit)


async def astray(
    connection: AsyncConnection, edition: int, level: str, *, within: Inside | None, limit: int
) -> list[Uncovered]:
    """Return the addresses that name a unit of a DISJOINT level and do not lie in it, by its code.

    Parameters
    ----------
    limit
        The most keys and points of one group, by key.
    """
    alone = aliased(Address)
    lost = (
        select(
            alone.key,
            alone.households,
            alone.geom.label("geom"),
            alone.compound_code.label("parent"),
        )
        .where(
            alone.compound_code.is_not(None),
            ~_in_named(edition, level, alone),
            *_on_ground(edition, within, alone),
        )
        .subquery("lost")
    )
    return await _grouped(connection, lost, limit)


def _in_named(edition: int, level: str, address: type[Address] = Address) -> ColumnElement[bool]:
    """Return the condition that an address lies in the unit of a level that it names."""
    return exists().where(
        Unit.level == level,
        Unit.code == address.compound_code,
        stands(Unit, edition),
        func.ST_Intersects(Unit.geom, address.geom),
    )


async def _grouped(connection: AsyncConnection, lost: Subquery, limit: int) -> list[Uncovered]:
    """Gather addresses by their column ``parent``."""
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
    return [Uncovered(code, keys, int(homes), bytes(wkb)) for code, keys, homes, wkb in rows]


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
