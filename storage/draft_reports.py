"""A draft's units, parents and findings, as its report shows them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from sqlalchemy import and_, func, or_, select

from storage.models import Draft, DraftUnit, Finding, Level, Unit, Waiver

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection


class ReportedFinding(NamedTuple):
    """A finding of a draft, with the waiver that holds on a day."""

    id: str
    level: str
    kind: str
    severity: str
    message: str
    wkb: bytes | None
    area_m2: float
    width_m: float
    households: int
    units: list[str]
    rows: list[int]
    addresses: list[str]
    parent_code: str | None
    extra: int
    chain: int | None
    borders_m: list[float]
    pieces: int
    waiver: int | None


class ReportedUnits(NamedTuple):
    """n units, in parallel."""

    rows: list[int]
    """1-based rows of the file, where they came from one."""
    codes: list[str | None]
    names: list[str | None]
    geoms: NDArray[np.object_]
    """In degrees, shape (n,); None for a row that can be no unit."""


async def is_planned(connection: AsyncConnection, draft: int) -> bool:
    """Return whether what a draft would write is known."""
    return bool(await connection.scalar(select(Draft.planned).where(Draft.id == draft)))


async def draft_findings(
    connection: AsyncConnection, draft: int, day: dt.date
) -> list[ReportedFinding]:
    """Return all findings of a draft, largest first; leans on ``finding_largest``."""
    holds = and_(
        Waiver.id == Finding.waiver_id,
        Waiver.ended_at.is_(None),
        or_(Waiver.until.is_(None), Waiver.until > day),
    )
    query = (
        select(
            Finding.id,
            Finding.level,
            Finding.kind,
            Finding.severity,
            Finding.message,
            func.ST_AsBinary(Finding.geom),
            Finding.area_m2,
            Finding.width_m,
            Finding.households,
            Finding.units,
            Finding.rows,
            Finding.addresses,
            Finding.parent_code,
            Finding.extra,
            Finding.chain,
            Finding.borders_m,
            Finding.pieces,
            Waiver.id,
        )
        .outerjoin(Waiver, holds)
        .where(Finding.draft_id == draft)
        .order_by(Finding.area_m2.desc(), Finding.id)
    )
    return [ReportedFinding(*row) for row in await connection.execute(query)]


async def draft_units(connection: AsyncConnection, draft: int) -> ReportedUnits:
    """Return a draft's rows, in the file's order; leans on ``draft_unit_row``."""
    query = (
        select(DraftUnit.row, DraftUnit.code, DraftUnit.name, func.ST_AsBinary(DraftUnit.geom))
        .where(DraftUnit.draft_id == draft)
        .order_by(DraftUnit.row)
    )
    return _units((await connection.execute(query)).all())


async def draft_parents(connection: AsyncConnection, draft: int) -> set[str]:
    """Return the codes of the parents that a draft's units lie in."""
    query = select(DraftUnit.parent_code).where(DraftUnit.draft_id == draft).distinct()
    return {code for code in await connection.scalars(query) if code is not None}


async def standing_parents(
    connection: AsyncConnection, level: str, edition: int | None, codes: Collection[str]
) -> ReportedUnits:
    """Return units of the level above one, as they stood in an edition, by code.

    Leans on ``unit_current`` and its sisters: by level and code.
    """
    if edition is None or not codes:
        return _units([])
    above = select(Level.parent).where(Level.key == level).scalar_subquery()
    query = (
        select(Unit.row_id, Unit.code, Unit.name, func.ST_AsBinary(Unit.geom))
        .where(Unit.level == above, Unit.code.in_(sorted(codes)))
        .where(Unit.first_edition <= edition)
        .where(or_(Unit.last_edition.is_(None), Unit.last_edition >= edition))
        .order_by(Unit.code)
    )
    return _units((await connection.execute(query)).all())


def _units(rows: Sequence[Sequence[object]]) -> ReportedUnits:
    found = list(rows)
    geoms = np.empty(len(found), object)
    geoms[:] = [None if row[3] is None else shapely.from_wkb(bytes(row[3])) for row in found]  # type: ignore[call-overload]  # a binary column
    return ReportedUnits(
        rows=[int(str(row[0])) for row in found],
        codes=[None if row[1] is None else str(row[1]) for row in found],
        names=[None if row[2] is None else str(row[2]) for row in found],
        geoms=geoms,
    )
