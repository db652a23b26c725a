"""Accepting what was found, and taking that back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import shapely

from geo.crs import LocalMetric
from geo.errors import BadInputError, ForbiddenError, UnknownError
from geo.findings import Finding, Kind, Severity
from geo.waivers import OF_HOUSEHOLDS, WAIVABLE, covering
from resolvers import coverage_findings, coverage_reading
from resolvers.context import State
from resolvers.drafts_reading import state_of
from resolvers.rights import require_units
from resolvers.units import UnitRef
from resolvers.worlds import find_level
from storage import drafts_reading, findings_reading, levels, waivers
from storage.findings_reading import FindingFilter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.levels import LevelSpec
    from resolvers.context import Context
    from storage.drafts_reading import Ground
    from storage.findings_reading import FindingRow
    from storage.waivers import WaiverRow

MAX_REASON = 2000
"""The longest reason, in characters."""

SHOWN = 5
"""How many ids a message lists."""

_WHOLE = 32
_SHORTEST = 8


class Place(NamedTuple):
    """A finding, and what its units are seen in."""

    row: FindingRow
    state: State


class Approval(NamedTuple):
    """What whoever accepts a finding says."""

    by: str
    reason: str
    until: dt.date | None = None
    """The first day on which it holds no more; None: it holds for good."""


# -- finding the finding ---------------------------------------------------------------------


async def find(context: Context, finding: str, *, ground: Ground | None) -> Place:
    """Return a finding of the newest open draft that has it, else of today's edition.

    Parameters
    ----------
    finding
        Its id, 32 hexadecimal digits.
    ground
        Only there; None for everywhere.

    Raises
    ------
    UnknownError
        If nobody found that.
    ForbiddenError
        If it lies outside the ground, or concerns units outside of it, too.
    """
    place = await _in_drafts(context, finding, ground) or await _in_edition(
        context, finding, ground
    )
    if place is not None:
        if ground is not None and place.row.kind != Kind.BLANK:  # blank land names its neighbours
            units = [UnitRef(place.row.level, code) for code in place.row.units]
            await require_units(context, ground, units, argument="findingId")
        return place
    if ground is not None:
        everywhere = await _in_drafts(context, finding, None) or await _in_edition(
            context, finding, None
        )
        if everywhere is not None:
            raise ForbiddenError(
                f"the finding lies outside {ground.level} {ground.code}, for which the key is valid"
            )
    raise UnknownError(
        f"there is no finding {finding}: it may be mended, or have another id since its land "
        "changed; look at the draft or at the coverage of the level",
        argument="findingId",
    )


async def _in_drafts(context: Context, finding: str, ground: Ground | None) -> Place | None:
    rows = await context.ask(
        findings_reading.findings_by_ids, [finding], ground=ground, day=context.today
    )
    row = rows.get(finding)
    if row is None or row.draft_id is None:
        return None
    known = await context.ask(drafts_reading.drafts_by_ids, [row.draft_id], ground=ground)
    draft = known.get(row.draft_id)
    return Place(row, state_of(draft)) if draft is not None and draft.status == "OPEN" else None


async def _in_edition(context: Context, finding: str, ground: Ground | None) -> Place | None:
    found = await _of_edition(context, ground)
    return next((place for place in found if place.row.id == finding), None)


async def _of_edition(context: Context, ground: Ground | None) -> list[Place]:
    """Return all that was found about today's edition, or about a unit's ground in it."""
    edition = await context.edition_or_none()
    if edition is None:
        return []
    places = []
    for spec in await _levels_on(context, ground):
        within = UnitRef(ground.level, ground.code) if ground is not None else None
        report = await coverage_reading.report_of(
            context, spec, edition.number, within, day=context.today
        )
        if report.findings:
            page = await coverage_findings.findings_page(
                context, report, FindingFilter(), first=len(report.findings), after=None
            )
            places += [Place(row, State(edition.number)) for row in page.rows]
    return places


async def _levels_on(context: Context, ground: Ground | None) -> Sequence[LevelSpec]:
    tree = await context.tree()
    return tree.specs if ground is None else tree.below(ground.level)


async def resolve(context: Context, beginning: str) -> str:
    """Return the id of the one finding whose id begins so.

    Raises
    ------
    BadInputError
        If that can be no id, or several begin so.
    UnknownError
        If none does.
    """
    digits = beginning.strip().lower()
    if not _SHORTEST <= len(digits) <= _WHOLE or not set(digits) <= set("0123456789abcdef"):
        raise BadInputError(
            f"{beginning!r} is no id of a finding: give its {_WHOLE} hexadecimal digits, or the "
            f"first {_SHORTEST} of them at least",
            argument="findingId",
        )
    if len(digits) == _WHOLE:
        return digits
    known = set(await context.ask(findings_reading.ids_like, digits, limit=SHOWN + 1))
    known |= {
        place.row.id
        for place in await _of_edition(context, None)
        if place.row.id.startswith(digits)
    }
    if not known:
        raise UnknownError(f"no finding's id begins with {digits}", argument="findingId")
    if len(known) > 1:
        shown = sorted(known)[:SHOWN]
        raise BadInputError(
            f"the ids of several findings begin with {digits}: {', '.join(shown)}",
            argument="findingId",
            options=shown,
        )
    return known.pop()


# -- accepting -------------------------------------------------------------------------------


async def waive(
    context: Context, finding: str, approval: Approval, *, ground: Ground | None
) -> Place:
    """Accept a finding: from now on it forbids nothing, and its land belongs to the proof.

    Parameters
    ----------
    finding
        Its id, 32 hexadecimal digits.
    ground
        What the approver may approve; None for everything.

    Raises
    ------
    UnknownError, ForbiddenError
        If there is no such finding, or not on this ground.
    BadInputError
        If it cannot be accepted, or is already; or if reason or day cannot be meant.
    """
    reason = _require_reason(approval.reason)
    _require_future(approval.until, context.today)
    place = await find(context, finding, ground=ground)
    found = as_finding(place.row)
    _require_waivable(found)
    async with context.shared.engine.begin() as connection:
        await waivers.lock(connection)
        drafts = await waivers.lock_drafts_with(connection, finding)
        held = await waivers.covers(connection, context.today, level=found.level)
        by = await asyncio.to_thread(covering, found, held, _metric(found))
        if by:
            known = (await waivers.by_ids(connection, by))[by[-1]]
            raise BadInputError(_already(known), argument="findingId")
        number = await waivers.store(
            connection,
            found,
            finding,
            reason=reason,
            approved_by=approval.by,
            until=approval.until,
        )
        await waivers.mark(connection, number, found, finding, drafts)
    return await find(context, finding, ground=ground)


async def unwaive(context: Context, finding: str, *, by: str, ground: Ground | None) -> Place:
    """Accept a finding no longer: whatever waiver covers it ends.

    What was published with it stays published; its coverage is not clean any more.

    Raises
    ------
    UnknownError, ForbiddenError
        If there is no such finding, or not on this ground.
    BadInputError
        If it is not waived.
    """
    place = await find(context, finding, ground=ground)
    ended = await _end(context, place, by=by)
    if not ended and place.row.draft_id is not None:
        # The draft's land may have grown since, and today's edition still have what was accepted.
        standing = await _in_edition(context, finding, ground)
        if standing is not None and await _end(context, standing, by=by):
            return await _in_edition(context, finding, ground) or standing
    if not ended:
        raise BadInputError(
            f"the finding {finding} is not waived: there is nothing to end", argument="findingId"
        )
    return await find(context, finding, ground=ground)


async def _end(context: Context, place: Place, *, by: str) -> bool:
    """End whatever waivers cover a finding; False if none does."""
    found = as_finding(place.row)
    async with context.shared.engine.begin() as connection:
        await waivers.lock(connection)
        await waivers.lock_drafts_with(connection, place.row.id)
        held = await waivers.covers(connection, context.today, level=found.level)
        ids = await asyncio.to_thread(covering, found, held, _metric(found))
        if ids:
            await waivers.end(connection, ids, by=by)
    return bool(ids)


async def list_waivers(
    engine: AsyncEngine, *, level: str | None, today: dt.date | None, first: int
) -> list[WaiverRow]:
    """Return up to ``first`` waivers, newest first; with a day only those that hold then.

    Raises
    ------
    UnknownError
        If there is no such level.
    """
    async with engine.connect() as connection:
        if level is not None:
            find_level(await levels.all_levels(connection), level)
        return await waivers.listed(connection, level=level, day=today, limit=first)


def as_finding(row: FindingRow) -> Finding:
    """Return a row as the value that a check made."""
    return Finding(
        level=row.level,
        kind=Kind(row.kind),
        message=row.message,
        geometry=shapely.from_wkb(bytes(row.wkb)) if row.wkb is not None else None,
        area_m2=row.area_m2,
        width_m=row.width_m,
        households=row.households,
        units=tuple(row.units),
        rows=tuple(row.rows),
        addresses=tuple(row.addresses),
        parent=row.parent_code,
        extra=row.extra,
        severity=Severity(row.severity),
        chain=row.chain,
        borders_m=tuple(row.borders_m),
        pieces=row.pieces,
    )


def _metric(finding: Finding) -> LocalMetric:
    if finding.geometry is None:
        return LocalMetric(0.0, 0.0)
    return LocalMetric.around(finding.geometry.bounds)


def _require_reason(given: str) -> str:
    reason = given.strip()
    if not reason:
        raise BadInputError(
            "say why the finding is accepted: the reason is shown with it", argument="reason"
        )
    if len(reason) > MAX_REASON:
        raise BadInputError(
            f"a reason has at most {MAX_REASON:,} characters, not {len(reason):,}",
            argument="reason",
        )
    if "\x00" in reason:
        raise BadInputError("a reason has no NUL characters", argument="reason")
    return reason


def _require_future(until: dt.date | None, today: dt.date) -> None:
    if until is not None and until <= today:
        raise BadInputError(
            f"a waiver until {until} would not hold on any day: it ends before that day, and today "
            f"is {today}",
            argument="until",
        )


def _require_waivable(found: Finding) -> None:
    if found.kind not in WAIVABLE:
        kinds = sorted(WAIVABLE)
        raise BadInputError(
            f"a {found.kind} cannot be waived: mend it in the file; only {', '.join(kinds)} can",
            argument="findingId",
            options=kinds,
        )
    if found.severity is Severity.WARNING:
        raise BadInputError(
            "the finding is a warning and forbids nothing: there is nothing to waive",
            argument="findingId",
        )
    if found.kind in OF_HOUSEHOLDS and not found.addresses:
        raise BadInputError(
            "the finding names no addresses that could be accepted: import the level anew and "
            "accept what its draft names",
            argument="findingId",
        )


def _already(known: WaiverRow) -> str:
    until = f" until {known.until}" if known.until is not None else ""
    return (
        f"it is waived already{until}, by {known.approved_by} on {known.approved_at:%Y-%m-%d}: "
        f"{known.reason}; a draft that was checked before shows it when it is checked again"
    )
