"""What an edition's stored chains prove about one of its levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Text,
    func,
    literal,
    null,
    select,
    true,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from storage.models import Outline, Unit, WaivedLand
from storage.units import below, stands, texts
from storage.waivers import times

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
    """Whether the boundaries, with those of the waived land, add up to the parent's."""


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
    One ``GROUP BY`` over the level's rows, and one over its waived land (index
    ``waived_land_parent``); no geometry is read.
    """
    parent = aliased(Unit)
    parents = select(parent.code, parent.chain, parent.area_m2).where(
        parent.level == parent_level, stands(parent, edition)
    )
    units = _chain_sums(edition, level)
    if within is not None:
        codes = codes_inside(edition, parent_level, within)
        parents = parents.where(parent.code.in_(codes))
        units = units.where(Unit.parent_code.in_(codes))
    above, sums = parents.subquery("above"), units.subquery("sums")
    waived = _waived_sums(edition, level).subquery("waived")
    code = func.coalesce(above.c.code, sums.c.parent_code)
    query = (
        select(
            code,
            above.c.code.is_not(None),
            func.coalesce(above.c.area_m2, 0.0),
            func.coalesce(sums.c.units, 0),
            func.coalesce(sums.c.units_m2, 0.0),
            _adds_up(sums.c.total, waived.c.total, above.c.chain),
        )
        .select_from(above)
        .join(sums, sums.c.parent_code == above.c.code, full=True)
        .outerjoin(waived, waived.c.parent_code == above.c.code)
        .order_by(code)
    )
    return [ParentProof(*row) for row in await connection.execute(query)]


async def outline_proof(connection: AsyncConnection, edition: int, level: str) -> list[ParentProof]:
    """Return whether the topmost level fills the outline; nothing where there is none."""
    sums = _chain_sums(edition, level, grouped=False).subquery("sums")
    waived = _waived_sums(edition, level, grouped=False).subquery("waived")
    query = (
        select(
            null(),
            true(),
            literal(0.0),
            func.coalesce(sums.c.units, 0),
            func.coalesce(sums.c.units_m2, 0.0),
            _adds_up(sums.c.total, waived.c.total, Outline.__table__.c.chain),
        )
        .join_from(Outline, sums, true())
        .join(waived, true())
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


def _waived_sums(edition: int, level: str, *, grouped: bool = True) -> Query:
    query = select(
        *([WaivedLand.parent_code] if grouped else []),
        func.sum(sql_cast(WaivedLand.chain, Numeric) * times(WaivedLand)).label("total"),
    ).where(WaivedLand.level == level, stands(WaivedLand, edition))
    return query.group_by(WaivedLand.parent_code) if grouped else query


def _adds_up(
    total: ColumnElement[Any], waived: ColumnElement[Any], chain: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return whether the chains of units and waived land make a parent's chain.

    Without a parent they do not.
    """
    whole = func.coalesce(total, 0) + func.coalesce(waived, 0) - sql_cast(chain, Numeric)
    rest = func.mod(whole, sql_cast(literal(str(CYCLE)), Numeric))
    return func.coalesce(rest == 0, False)


def codes_inside(edition: int, level: str, within: Inside) -> Query:
    """Return the codes of the units of a level below a unit; its own for its own level."""
    if level == within.level:
        return select(literal(within.code, Text))
    last = (*within.paths[level], level)
    return select(below(edition, [within.code], last).c.code)


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
