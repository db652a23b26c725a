"""Who is given a duty, and from whom it is taken, told as it happens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError, UnknownError
from resolvers.duties import require_duty
from resolvers.duty_sight import sight
from resolvers.events import LOOK_AGAIN_S, Topic, heard, patiently
from resolvers.units import require_unit
from storage import assignment_changes
from storage.duty_sight import DutyGround
from storage.listening import Channel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from resolvers.context import Context
    from resolvers.events import Hub
    from resolvers.units import UnitRef
    from storage.assignment_changes import Changes
    from storage.assignments import AssignmentRow

PAGE = 100
"""Assignments that are read at once: a list of thousands is told page by page."""


class Interest(NamedTuple):
    """Which assignments somebody wants to hear of."""

    within: UnitRef | None = None
    """Those on this unit and all below it."""
    duty: str | None = None


async def assigned(
    fresh: Callable[[], Context], hub: Hub, which: Interest, *, since: int | None
) -> AsyncGenerator[AssignmentRow, None]:
    """Give every assignment that the asker may see whenever it changes, in the order of commits.

    Parameters
    ----------
    fresh
        Makes a context that knows nothing yet, so that a key is asked for again each time.
    since
        Number of the last change that is known; 0 gives all assignments. None: only changes from
        now on.

    Raises
    ------
    UnauthenticatedError
        If the asker may not read, or may not any more.
    UnknownError, BadInputError, NoEditionError
        If there is no such duty, unit or change.

    Notes
    -----
    As with :func:`resolvers.events.published`: it listens before it looks, and looks for what
    follows the last change that it has looked at. Every change of every row has a number of its
    own, so that a list which is broken off in the middle goes on from there.
    """
    with hub.waking(Topic(Channel.ASSIGNMENT)) as news:
        context = fresh()
        await context.require_reader()
        await _require(context, which)
        await hub.ready()
        last = await _start(context, since)
        while True:
            news.clear()
            rows, looked = await patiently(partial(_after, fresh, last, which))
            for row in rows:
                await fresh().require_reader()
                yield row
                last = row.changed
            if len(rows) < PAGE:
                last = max(last, looked)
                await heard(news, LOOK_AGAIN_S)


async def _require(context: Context, which: Interest) -> None:
    if which.duty is not None:
        await require_duty(context, which.duty)
    if which.within is not None:
        edition = await context.edition()
        await require_unit(context, edition.number, which.within, argument="within")


async def _start(context: Context, since: int | None) -> int:
    """Return the number after which changes are given."""
    newest = await context.ask(assignment_changes.newest)
    if since is None:
        return newest
    if since < 0:
        raise BadInputError(f"since is {since}: name a change, or 0 for all", argument="since")
    if since > newest:
        raise UnknownError(
            f"there is no change {since} yet; the newest is {newest}", argument="since"
        )
    return since


async def _after(fresh: Callable[[], Context], number: int, which: Interest) -> Changes:
    context = fresh()
    ground = DutyGround(*which.within) if which.within is not None else None
    return await context.ask(
        assignment_changes.after,
        number,
        await sight(context),
        within=ground,
        duty=which.duty,
        first=PAGE,
    )
