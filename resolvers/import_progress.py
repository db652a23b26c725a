"""How far an import has come, for whoever sent it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.errors import BadInputError, ConflictError, UnknownError, WanggeError
from resolvers.events import Topic, heard, patiently
from resolvers.rights import Right, require
from storage import drafts_reading, progress
from storage.keys import Role
from storage.listening import Channel
from storage.progress import Ticket

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.context import Context
    from resolvers.events import Hub
    from storage.keys import Principal
    from storage.progress import ProgressRow

MAX_TICKET = 200
"""The longest ticket, in characters."""

LOOK_AGAIN_S = 5.0
"""How often a subscriber looks although it has heard nothing."""

PATIENCE_S = 3600.0
"""How long a subscriber waits for an import to begin: a large file takes long to arrive."""


class Step(NamedTuple):
    """How far an import has come."""

    stage: str
    """waiting, reading, checking or storing."""
    done: int
    total: int
    """0 while it is not known."""
    draft: int | None
    """The draft, once it is there."""


def check_ticket(ticket: str) -> None:
    """Refuse a ticket that is no name.

    Raises
    ------
    BadInputError
        If it is blank, too long, or holds what cannot be printed.
    """
    if not 0 < len(ticket.strip()) <= len(ticket) <= MAX_TICKET or not ticket.isprintable():
        raise BadInputError(
            f"a ticket has 1 to {MAX_TICKET} printable characters; a UUID is a good one",
            argument="ticket",
        )


class Teller:
    """Tells of one import how far it has come; silent without a ticket.

    Parameters
    ----------
    engine
        The process's.
    draft
        Number of the draft that is being read.
    ticket
        What the import is called, if anybody wants to know.
    """

    def __init__(self, engine: AsyncEngine, draft: int, ticket: Ticket | None) -> None:
        self._engine = engine
        self.draft = draft
        self._silent = ticket is None

    async def tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Say that an import has come to a stage, with so much of all done."""
        if self._silent:
            return
        async with self._engine.begin() as connection:
            await progress.advance(connection, self.draft, stage, done=done, total=total)


def as_told(error: WanggeError) -> dict[str, Any]:  # free JSON: message and extensions
    """Return an error as it is kept for those who ask later."""
    return {"message": str(error), "extensions": error.extensions}


async def follow(fresh: Callable[[], Context], hub: Hub, ticket: str) -> AsyncGenerator[Step, None]:
    """Give each step of an import, the present one first; it ends with the import.

    Parameters
    ----------
    fresh
        Makes a context that knows nothing yet, so that a key is asked for again each time.
    ticket
        What the import is called; it may begin within an hour, and may have ended already.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker makes no imports.
    BadInputError
        If the ticket is no name.
    UnknownError
        If no import of the ticket has begun for a long time.
    WanggeError
        The error that ended the import.
    """
    check_ticket(ticket)
    await require(fresh(), Right.MAKE_DRAFTS)
    clock = asyncio.get_running_loop().time
    end = clock() + PATIENCE_S
    with hub.waking(Topic(Channel.IMPORT, ticket)) as news:
        await hub.ready()
        shown: Step | None = None
        while True:
            news.clear()
            row = await patiently(partial(_find, fresh, ticket))
            if row is None:
                if clock() > end:
                    raise UnknownError(f"no import {ticket!r} has begun", argument="ticket")
                await heard(news, min(LOOK_AGAIN_S, max(0.01, end - clock())))
                continue
            step = _step(row)
            if step != shown:
                yield step
                shown = step
            if row.status != "READING":
                return
            await heard(news, LOOK_AGAIN_S)


async def _find(fresh: Callable[[], Context], ticket: str) -> ProgressRow | None:
    """Return the import of a ticket, as far as it is the asker's business: its own comes first."""
    context = fresh()
    await require(context, Right.MAKE_DRAFTS)
    who = await context.principal()
    rows = await context.ask(progress.find, ticket)
    if who is None:
        return None
    own = [row for row in rows if row.owner == who.id]
    others = await _seen_by_admin(context, who, rows) if not own else []
    return next(iter(own + others), None)


async def _seen_by_admin(
    context: Context, who: Principal, rows: Sequence[ProgressRow]
) -> list[ProgressRow]:
    if not rows or not who.role.includes(Role.ADMIN):
        return []
    ground = await context.editor_ground()
    ids = [row.draft for row in rows]
    seen = await context.ask(drafts_reading.drafts_by_ids, ids, ground=ground)
    return [row for row in rows if row.draft in seen]


def _step(row: ProgressRow) -> Step:
    """Return what a row means.

    Raises
    ------
    WanggeError
        If the import has failed.
    """
    if row.status == "READING":
        return Step(row.stage, row.done, row.total, None)
    if row.status == "FAILED":
        raise _failure(row)
    return Step("storing", row.total, row.total, row.draft)


def _failure(row: ProgressRow) -> WanggeError:
    told = row.error or {"message": row.reason, "extensions": {"code": ConflictError.code}}
    error = WanggeError(str(told["message"]))
    error.extensions = dict(told["extensions"])  # the code, too, is that of the error then
    return error
