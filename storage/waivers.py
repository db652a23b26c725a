"""Waivers: who accepted what, why and until when. None is ever changed, only ended."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import shapely
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Numeric,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY

from geo.findings import Kind
from geo.waivers import Waiver as Cover
from storage.models import SRID, Draft, Finding, WaivedLand, Waiver

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.findings import Finding as Found

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

WAIVER_LOCK = 0x77616E6767650006
"""Advisory lock of whoever accepts or ends anything ("wangge" and a number)."""


class Acceptance(NamedTuple):
    """Why a finding counts as none, as people see it."""

    reason: str
    approved_by: str
    approved_at: dt.datetime
    until: dt.date | None


class WaiverRow(NamedTuple):
    """An accepted exception, as people see it."""

    id: int
    finding_id: str
    level: str
    parent_code: str | None
    kind: str
    units: list[str]
    area_m2: float
    households: int
    reason: str
    approved_by: str
    approved_at: dt.datetime
    until: dt.date | None
    ended_at: dt.datetime | None
    ended_by: str | None

    @property
    def acceptance(self) -> Acceptance:
        """Why the finding counts as none."""
        return Acceptance(self.reason, self.approved_by, self.approved_at, self.until)


ACCEPTANCE: tuple[ColumnElement[Any], ...] = tuple(
    Waiver.__table__.c[name] for name in Acceptance._fields
)
"""The columns of an acceptance; all null where no waiver was joined."""


def acceptance(columns: Sequence[Any]) -> Acceptance | None:
    """Return the acceptance that columns hold; None where there is none."""
    return Acceptance(*columns) if columns[0] is not None else None


class WaivedCount(NamedTuple):
    """Findings of a draft that are alike, and their part in their parent's sum."""

    rule: str
    severity: str
    findings: int
    """How many."""
    waived: bool
    parent: str | None
    """Of waived land; None for the outline, and for everything else."""
    rest: int
    """Its chains, as often as they count in the parent's sum."""
    ids: list[str]
    """Ids of the findings, where they are waived."""


def holds(day: dt.date) -> ColumnElement[bool]:
    """Return the condition that a waiver holds on a day."""
    return and_(Waiver.ended_at.is_(None), or_(Waiver.until.is_(None), Waiver.until > day))


def of_finding(day: dt.date) -> ColumnElement[bool]:
    """Return the condition that joins a row of ``finding`` to the waiver that holds for it."""
    return and_(Waiver.id == Finding.waiver_id, holds(day))


def times(rows: type[Finding] | type[WaivedLand]) -> ColumnElement[int]:
    """Return how often the chain of waived land is to be added to the sum of its parent."""
    return case(
        (rows.kind == Kind.BLANK, 1),
        (rows.kind == Kind.OVERLAP, -rows.extra),
        (rows.kind == Kind.OUTSIDE, -1),
        else_=0,
    )


async def covers(
    connection: AsyncConnection,
    day: dt.date,
    *,
    level: str | None = None,
    box: Box | None = None,
    only: Collection[int] | None = None,
) -> list[Cover]:
    """Return what the waivers that hold on a day cover, oldest first.

    Parameters
    ----------
    level
        Only of this level.
    box
        Only those that touch it, and those without a place.
    only
        Only these.

    Notes
    -----
    No limit: a check needs all of the ground. Leans on ``waiver_level`` with a level.
    """
    query = (
        select(
            Waiver.id,
            Waiver.level,
            Waiver.kind,
            Waiver.parent_code,
            Waiver.extra,
            Waiver.units,
            func.ST_AsBinary(Waiver.__table__.c.geom),
            Waiver.addresses,
            Waiver.households,
            *ACCEPTANCE,
        )
        .where(holds(day))
        .order_by(Waiver.id)
    )
    if level is not None:
        query = query.where(Waiver.level == level)
    if box is not None:
        ground = func.ST_MakeEnvelope(*box, SRID)
        query = query.where(or_(Waiver.geom.is_(None), Waiver.geom.op("&&")(ground)))
    if only is not None:
        query = query.where(Waiver.id == func.any(_numbers(only)))
    return [_cover(row) for row in await connection.execute(query)]


def _cover(row: Sequence[Any]) -> Cover:  # a row of the query above
    number, level, kind, parent, extra, units, wkb, addresses, households, *said = row
    land = shapely.from_wkb(bytes(wkb)) if wkb is not None else None
    return Cover(
        id=number,
        level=level,
        kind=Kind(kind),
        parent=parent,
        extra=extra,
        units=frozenset(units),
        land=land,
        addresses=frozenset(addresses),
        households=households,
        **Acceptance(*said)._asdict(),
    )


async def holding(connection: AsyncConnection, level: str, day: dt.date) -> tuple[int, ...]:
    """Return the numbers of the waivers of a level that hold on a day, ascending."""
    query = select(Waiver.id).where(Waiver.level == level, holds(day)).order_by(Waiver.id)
    return tuple((await connection.execute(query)).scalars())


_COLUMNS = (
    Waiver.id,
    Waiver.finding_id,
    Waiver.level,
    Waiver.parent_code,
    Waiver.kind,
    Waiver.units,
    Waiver.area_m2,
    Waiver.households,
    Waiver.reason,
    Waiver.approved_by,
    Waiver.approved_at,
    Waiver.until,
    Waiver.ended_at,
    Waiver.ended_by,
)


async def by_ids(connection: AsyncConnection, ids: Collection[int]) -> dict[int, WaiverRow]:
    """Return waivers by number."""
    query = select(*_COLUMNS).where(Waiver.id == func.any(_numbers(ids)))
    return {row[0]: WaiverRow._make(row) for row in await connection.execute(query)}


async def listed(
    connection: AsyncConnection, *, level: str | None, day: dt.date | None, limit: int
) -> list[WaiverRow]:
    """Return up to ``limit`` waivers, newest first; with a day only those that hold then."""
    query = select(*_COLUMNS).order_by(Waiver.id.desc()).limit(limit)
    if level is not None:
        query = query.where(Waiver.level == level)
    if day is not None:
        query = query.where(holds(day))
    return [WaiverRow._make(row) for row in await connection.execute(query)]


# -- accepting and ending --------------------------------------------------------------------


async def lock(connection: AsyncConnection) -> None:
    """Keep others from accepting or ending anything until the transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(WAIVER_LOCK)))


async def lock_drafts_with(connection: AsyncConnection, finding: str) -> list[int]:
    """Keep the open drafts that have a finding from being checked again meanwhile.

    They are updated, not only locked: a check that began before has to begin anew then.
    """
    having = select(Finding.draft_id).where(Finding.id == finding)
    query = (
        update(Draft)
        .where(Draft.status == "OPEN", Draft.id.in_(having))
        .values(status=Draft.status)
        .returning(Draft.id)
    )
    return sorted((await connection.execute(query)).scalars())


async def store(
    connection: AsyncConnection,
    finding: Found,
    finding_id: str,
    *,
    reason: str,
    approved_by: str,
    until: dt.date | None,
) -> int:
    """Store that a finding is accepted; return the waiver's number."""
    geom = None
    if finding.geometry is not None:
        land = shapely.set_srid(finding.geometry, SRID)
        geom = text("CAST(:geom AS geometry)").bindparams(
            geom=shapely.to_wkb(land, hex=True, include_srid=True)
        )
    statement = (
        insert(Waiver)
        .values(
            finding_id=finding_id,
            level=finding.level,
            parent_code=finding.parent,
            kind=finding.kind.value,
            extra=finding.extra,
            units=list(finding.units),
            addresses=list(finding.addresses),
            households=finding.households,
            geom=geom,
            area_m2=finding.area_m2,
            reason=reason,
            approved_by=approved_by,
            until=until,
        )
        .returning(Waiver.id)
    )
    return (await connection.execute(statement)).scalar_one()


async def end(connection: AsyncConnection, ids: Collection[int], *, by: str) -> None:
    """End waivers, from now on and for good."""
    await connection.execute(
        update(Waiver)
        .where(Waiver.id == func.any(_numbers(ids)), Waiver.ended_at.is_(None))
        .values(ended_at=func.now(), ended_by=by)
    )


async def mark(
    connection: AsyncConnection, waiver: int, finding: Found, finding_id: str, drafts: list[int]
) -> None:
    """Say of a finding in drafts, and of the same land in the newest edition, who covers it.

    The same is: of the same id, vertex by vertex, and with the same addresses.
    """
    same_land = Finding.chain.is_not_distinct_from(finding.chain)
    await connection.execute(
        update(Finding)
        .where(
            Finding.draft_id == func.any(_numbers(drafts)),
            Finding.id == finding_id,
            same_land,
            Finding.addresses == list(finding.addresses),
            Finding.households <= finding.households,
        )
        .values(waiver_id=waiver)
    )
    await connection.execute(
        update(WaivedLand)
        .where(
            WaivedLand.last_edition.is_(None),
            WaivedLand.level == finding.level,
            WaivedLand.finding_id == finding_id,
            WaivedLand.chain.is_not_distinct_from(finding.chain),
        )
        .values(waiver_id=waiver)
    )


# -- drafts ----------------------------------------------------------------------------------


async def counts_of_drafts(
    connection: AsyncConnection, drafts: Sequence[int], day: dt.date
) -> dict[int, list[WaivedCount]]:
    """Return how many findings of each draft are open and how many are waived on a day.

    One ``GROUP BY`` over the drafts' findings, by the index ``finding_largest``.
    """
    waived = Waiver.id.is_not(None)
    of_level = and_(waived, Finding.level == Draft.level)
    parent = case((of_level, Finding.parent_code))
    chains = sql_cast(Finding.chain, Numeric) * times(Finding)
    query = (
        select(
            Finding.draft_id,
            Finding.rule,
            Finding.severity,
            func.count(),
            waived,
            parent,
            func.coalesce(func.sum(chains).filter(of_level), 0),
            func.coalesce(
                func.array_agg(Finding.id).filter(waived), sql_cast([], ARRAY(Finding.id.type))
            ),
        )
        .join(Draft, Draft.id == Finding.draft_id)
        .outerjoin(Waiver, of_finding(day))
        .where(Finding.draft_id == func.any(_numbers(drafts)))
        .group_by(Finding.draft_id, Finding.rule, Finding.severity, waived, parent)
    )
    found: dict[int, list[WaivedCount]] = {draft: [] for draft in drafts}
    for draft, *row in await connection.execute(query):
        rule, severity, count, is_waived, code, rest, ids = row
        found[draft].append(
            WaivedCount(rule, severity, count, is_waived, code, int(rest), list(ids))
        )
    return found


def _numbers(values: Collection[int]) -> ColumnElement[Any]:
    return bindparam(None, sorted(values), ARRAY(BigInteger), unique=True)
