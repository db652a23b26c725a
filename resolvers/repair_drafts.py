"""A mended copy of a draft: a new draft, and the list of what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from anyio import to_thread

from geo.crs import Datum
from resolvers import drafts_reading
from resolvers.again import until_undisturbed
from resolvers.importing import check_again
from resolvers.repairing import check_width, repair_checked
from resolvers.rights import Right, require_drafts
from resolvers.worlds import one_moment, unit_name
from storage import drafts
from storage.moves import NewMove, write_moves

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.check import Checked
    from resolvers.context import Context
    from resolvers.importing import Again
    from resolvers.repairing import RepairedRows
    from storage.drafts import NewDraft
    from storage.drafts_reading import DraftRow


class RepairedDraft(NamedTuple):
    """The new draft, and how it came about."""

    draft: int
    of: int
    before: Checked
    after: Checked
    rows: RepairedRows


class RepairOrder(NamedTuple):
    """What is to be mended, and for whom."""

    max_move_m: float
    """Land up to this width changes hands, in metres."""
    findings: Collection[str] | None
    """Ids of the findings to mend; None for all."""
    created_by: str
    today: dt.date
    """The day on which a waiver must hold to count."""


async def repair_draft(engine: AsyncEngine, number: int, order: RepairOrder) -> RepairedDraft:
    """Make a new draft in which what is wrong with an open one is mended.

    The open draft is checked on the newest edition first; it stays as it is.

    Raises
    ------
    UnknownError, NotOpenError
        If there is no such open draft, or it has no such finding.
    BadInputError
        If the level does not fill its parents, or the width cannot be meant.
    """
    check_width(order.max_move_m)

    async def attempt(_: bool) -> RepairedDraft:
        async with one_moment(engine).begin() as connection:
            return await _repair(connection, number, order)

    return await until_undisturbed(attempt)


async def _repair(connection: AsyncConnection, number: int, order: RepairOrder) -> RepairedDraft:
    again = await check_again(connection, number, today=order.today)
    rows = await to_thread.run_sync(_mend, again, order)
    mended = await again.check_other(connection, rows.sent)
    draft = _told(mended.new_draft(created_by=order.created_by), number, rows)
    made = await drafts.insert_draft(
        connection, draft, mended.rows(), mended.checked.report.findings
    )
    await write_moves(
        connection,
        made,
        [
            NewMove(
                move.givers,
                move.taker,
                move.land,
                move.area_m2,
                move.width_m,
                move.pieces,
                households,
                move.finding,
            )
            for move, households in rows.moved
        ],
    )
    await mended.plan(connection, made)
    return RepairedDraft(made, number, again.checked, mended.checked, rows)


def _mend(again: Again, order: RepairOrder) -> RepairedRows:
    return repair_checked(
        again.sent,
        again.checked,
        again.draft.level,
        unit_name(again.draft.within),
        max_move_m=order.max_move_m,
        only=order.findings,
        addresses=again.base.addresses,
    )


def _told(draft: NewDraft, of: int, rows: RepairedRows) -> NewDraft:
    """Say in the new draft that it is a mended one; its rows are degrees now."""
    count = len(rows.moved)
    message = (
        f"a mended copy of draft {of}: {count} piece(s) of land, {rows.moved_m2:,.2f} m2, changed "
        f"hands, with {sum(moved.households for moved in rows.moved)} household(s)"
    )
    notices = [
        *draft.source["notices"],
        {"code": "REPAIRED", "message": message, "featureCount": count},
    ]
    source = draft.source | {
        "crs": rows.sent.crs,
        "datum": Datum.WGS84.value,
        "notices": notices,
    }
    return draft._replace(source=source, repair_of=of)


async def repair_one(
    context: Context, number: int, *, max_move_m: float, findings: Collection[str] | None
) -> DraftRow:
    """Mend a draft for somebody who may edit its ground; return the new one.

    Raises
    ------
    UnauthenticatedError, ForbiddenError, UnknownError, NotOpenError
        If the asker may not, or there is no such open draft.
    """
    granted = await require_drafts(context, Right.CHANGE_DRAFTS, [number])
    order = RepairOrder(max_move_m, findings, granted.name, context.today)
    done = await repair_draft(context.shared.engine, number, order)
    made = await drafts_reading.one(context, done.draft)
    assert made is not None  # noqa: S101 - it was stored a moment ago, on the same ground
    return made
