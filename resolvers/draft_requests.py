"""What clients ask to be done with drafts: whether they may, the work, and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError, ForbiddenError
from resolvers import importing, publishing
from resolvers.importing import DraftOrder
from resolvers.paging import check_length, check_text
from resolvers.reverting import revert
from resolvers.rights import Right, require, require_drafts, require_on
from storage import drafts_reading

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from resolvers.context import Context
    from resolvers.units import UnitRef
    from storage.drafts_reading import DraftRow
    from storage.editions import EditionRow


class Announcement(NamedTuple):
    """What a publisher says about an edition."""

    effective_on: dt.date | None = None
    note: str = ""
    correction: bool = False


async def publish_drafts(context: Context, ids: Sequence[int], said: Announcement) -> EditionRow:
    """Publish open drafts as one edition, in the name of the key.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not publish all of them. A day that is still to come holds back every
        edition that follows, anywhere: only a key for everywhere may name one.
    UnknownError, NotOpenError, BadInputError, LimitExceededError, NotCleanError, ConflictError
        As :func:`resolvers.publishing.publish` does.
    """
    check_length("ids", ids)
    granted = await require_drafts(context, Right.PUBLISH, ids, argument="ids")
    await _require_day(context, said.effective_on)
    order = publishing.Order(
        published_by=granted.name,
        today=context.today,
        effective_on=said.effective_on,
        note=said.note,
        correction=said.correction,
    )
    done = await publishing.publish(context.shared.engine, ids, order)
    context.renew()
    return done.edition


async def _require_day(context: Context, day: dt.date | None) -> None:
    _, ground = await require(context, Right.PUBLISH)
    if ground is not None and day is not None and day > context.today:
        raise ForbiddenError(
            f"no edition after it could stand before {day}: a key for {ground.level} "
            f"{ground.code} alone publishes for today",
            argument="effectiveOn",
        )


async def recheck_draft(context: Context, number: int) -> DraftRow:
    """Check an open draft again on the newest edition.

    Raises
    ------
    UnauthenticatedError, ForbiddenError, UnknownError, NotOpenError
        If the asker may not, or there is no such open draft.
    """
    await require_drafts(context, Right.CHANGE_DRAFTS, [number])
    await importing.recheck(context.shared.engine, number, today=context.today)
    return await _changed(context, number)


async def discard_draft(context: Context, number: int) -> DraftRow:
    """Discard an open draft; what it held can still be looked at.

    Raises
    ------
    UnauthenticatedError, ForbiddenError, UnknownError, NotOpenError
        If the asker may not, or there is no such open draft.
    """
    await require_drafts(context, Right.CHANGE_DRAFTS, [number])
    await importing.discard(context.shared.engine, number)
    return await _changed(context, number)


async def revert_level(
    context: Context,
    level: str,
    to: int,
    *,
    within: UnitRef | None,
    together_with: Sequence[int] = (),
) -> DraftRow:
    """Make a draft that would bring a level back to what it was in edition ``to``.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, on this ground or on that of the drafts beside.
    UnknownError, BadInputError, NotOpenError, LimitExceededError
        As :func:`resolvers.reverting.revert` does.
    """
    check_length("with", together_with)
    if within is not None:
        check_text("within", within.code)
    name = await require_on(context, Right.MAKE_DRAFTS, level, within)
    await require_drafts(context, Right.MAKE_DRAFTS, together_with, argument="with")
    if not 0 < to < MAX_EDITION:
        raise BadInputError(f"to is {to}; editions are numbered from 1", argument="to")
    order = DraftOrder(
        level=level,
        within=f"{within.level}:{within.code}" if within is not None else None,
        created_by=name,
        today=context.today,
        together_with=list(dict.fromkeys(together_with)),
    )
    made = await revert(context.shared.engine, to, order)
    if made.draft is None:
        raise ValueError("an order that is no trial run makes a draft")
    return await _changed(context, made.draft)


MAX_EDITION = 2**31
"""Edition numbers are 32-bit integers."""


async def _changed(context: Context, number: int) -> DraftRow:
    """Return a draft as it is now; whoever changed it may see it."""
    context.renew()
    found = await context.ask(drafts_reading.drafts_by_ids, [number], ground=None)
    return found[number]
