"""Importing a file that was sent: seen as a draft from the beginning, whatever becomes of it."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from geo.errors import BadInputError, ConflictError, UnreadableError, WanggeError
from resolvers.grounds import ground_for
from resolvers.import_progress import Teller, as_told, check_ticket
from resolvers.importing import DraftOrder, make_draft
from resolvers.paging import check_text
from resolvers.rights import Right, require_drafts, require_editor_of
from resolvers.sent_files import sent_of_file, source_of
from resolvers.worlds import find_ground, find_level
from sources.apart import Limits, read_boundaries_apart
from sources.columns import Columns
from storage import levels, progress, reading_drafts
from storage.detached import detached
from storage.progress import Ticket
from storage.reading_drafts import LEFT_BEHIND, NewReading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.crs import Datum
    from geo.ground import Ground
    from resolvers.context import Context
    from resolvers.units import UnitRef
    from sources.boundaries import BoundaryFile

LOG = logging.getLogger("wangge.uploads")

UNEXPECTED = "Unexpected error."
"""What is told of a failure that is a bug; the log knows more."""

LAST_WORDS_S = 5.0
"""How long an import that ends early may take to say so."""

SWEEP_S = 5.0
"""How often a process looks for imports whose process has died."""


@dataclass(frozen=True)
class Received:
    """A file that was sent, as it lies on the disk.

    Attributes
    ----------
    path
        Where it lies, in a folder of its own, under a name that can do no harm.
    size
        Bytes.
    sha256
        Its fingerprint, in hexadecimal digits.
    """

    path: Path
    size: int
    sha256: str


class Desk:
    """What the imports of one process share.

    Parameters
    ----------
    at_once
        How many are read and checked at the same time; others wait.
    limits
        What reading one file may take.
    """

    def __init__(self, at_once: int = 2, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._turns = asyncio.Semaphore(at_once)
        self._idle = asyncio.Event()
        self._idle.set()
        self._running = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Count an import, from its beginning to its last word."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    @property
    def busy(self) -> int:
        """How many imports run, or wait for their turn."""
        return self._running

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for one's turn."""
        return self._turns

    async def closed(self) -> None:
        """Wait a little until the imports that were ended early have said so."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), LAST_WORDS_S)


class Known(NamedTuple):
    """What the sender knows better than the file."""

    layer: str | None = None
    encoding: str | None = None
    crs: str | None = None
    datum: Datum | None = None
    columns: Columns = Columns()


class UploadOrder(NamedTuple):
    """What is asked of a file that was sent."""

    level: str
    within: UnitRef | None = None
    """The unit below which it is the whole truth; None for the whole city."""
    known: Known = Known()
    together_with: Sequence[int] = ()
    """Numbers of open drafts of other levels that it is checked on."""
    ticket: str | None = None
    """What its progress is asked for by."""


async def import_upload(context: Context, desk: Desk, file: Received, order: UploadOrder) -> int:
    """Make a draft of a file that was sent; return its number.

    The draft is there from the beginning, READING; it ends OPEN, or FAILED with the reason.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker makes no drafts on that ground.
    WanggeError
        If the file cannot be read or imported: as :func:`sources.boundaries.read_boundaries` and
        :func:`resolvers.importing.make_draft` say.

    Notes
    -----
    While it runs, a session of its own holds the draft's lease. A process that is killed lets go
    of it, and whoever looks next finds that nobody reads the draft any more.
    """
    if order.within is not None:
        check_text("within", *order.within)
    author = await require_editor_of(context, order.level, order.within)
    others = order.together_with
    if others:
        await require_drafts(context, Right.MAKE_DRAFTS, others, argument="with")
    if file.size == 0:
        raise UnreadableError(f"{file.path.name} is empty (0 bytes); send it again")
    ticket = await _ticket(context, order.ticket)
    engine = context.shared.engine
    async with desk.running(), detached(engine) as lease:
        number = await _begin(lease, file, order, author, ticket)
        teller = Teller(engine, number, ticket)
        try:
            async with desk.turn():
                await _carry_out(context, desk.limits, file, order, teller)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await _say_failed(engine, number, error)
            raise
    return number


async def sweep(engine: AsyncEngine) -> list[int]:
    """Fail what dead processes have left behind, and forget old tickets; return the drafts."""
    async with engine.begin() as connection:
        left = await reading_drafts.fail_abandoned(connection)
        if left:
            await progress.fail(connection, left, as_told(ConflictError(LEFT_BEHIND)))
        await progress.forget_old(connection)
    return left


async def keep_swept(engine: AsyncEngine) -> None:
    """Sweep at once and then again and again, until cancelled."""
    while True:
        try:
            left = await sweep(engine)
        except (SQLAlchemyError, OSError) as error:  # the database may be away for a while
            LOG.warning("could not look for abandoned imports: %s", error)
        else:
            for number in left:
                LOG.warning("draft %s was left behind by a process that died", number)
        await asyncio.sleep(SWEEP_S)


async def _ticket(context: Context, name: str | None) -> Ticket | None:
    who = await context.principal()
    if name is None or who is None:
        return None
    check_ticket(name)
    return Ticket(who.id, name)


async def _begin(
    lease: AsyncConnection, file: Received, order: UploadOrder, author: str, ticket: Ticket | None
) -> int:
    """Store the draft before its file is read; the session holds it from now on."""
    async with lease.begin():
        find_level(await levels.all_levels(lease), order.level)
        name = _within_text(order.within)
        ground = await find_ground(lease, order.level, name) if name is not None else None
        draft = NewReading(
            level=order.level,
            within=ground,
            with_drafts=sorted(set(order.together_with)),
            source=_unread(file),
            created_by=author,
        )
        number = await reading_drafts.begin(lease, draft)
        if ticket is not None and not await progress.begin(lease, ticket, number):
            raise BadInputError(
                f"the ticket {ticket.name!r} names an import that still runs; take a new one",
                argument="ticket",
            )
    return number


def _within_text(within: UnitRef | None) -> str | None:
    return f"{within.level}:{within.code}" if within is not None else None


def _unread(file: Received) -> dict[str, Any]:  # free JSON: the contract's DraftSource
    """Return what is known of a file before it is read."""
    return {
        "file": file.path.name,
        "sha256": file.sha256,
        "format": "",
        "layer": None,
        "featureCount": 0,
        "encoding": "",
        "crs": "",
        "datum": "WGS84",
        "columns": {},
        "notices": [],
    }


async def _carry_out(
    context: Context, limits: Limits, file: Received, order: UploadOrder, teller: Teller
) -> None:
    engine = context.shared.engine
    await teller.tell("reading")
    within = _within_text(order.within)
    ground = await ground_for(engine, order.level, within)
    read = await _read(file, limits, order.known, ground)
    count = len(read.rows)
    await teller.tell("checking", 0, count)
    made = DraftOrder(
        level=order.level,
        within=within,
        created_by="",
        today=context.today,
        together_with=order.together_with,
        into=teller.draft,
        storing=partial(teller.tell, "storing", 0, count),
    )
    await make_draft(engine, sent_of_file(read), source_of(read), made)
    await teller.tell("storing", count, count)


async def _read(
    file: Received, limits: Limits, known: Known, ground: Ground | None
) -> BoundaryFile:
    """Read a file in a process apart, which ends when nobody waits for it any more."""
    given_up = threading.Event()

    def work() -> BoundaryFile:
        return read_boundaries_apart(
            file.path,
            limits=limits,
            ground=ground,
            unwanted=given_up.is_set,
            room=file.path.parent,
            **known._asdict(),
        )

    try:
        return await to_thread.run_sync(work, abandon_on_cancel=True)
    finally:
        given_up.set()


async def _say_failed(engine: AsyncEngine, number: int, error: BaseException) -> None:
    """Keep the reason why an import failed; if even that fails, the next sweep does it."""
    if isinstance(error, WanggeError):
        told = as_told(error)
    elif isinstance(error, asyncio.CancelledError):
        told = as_told(ConflictError(LEFT_BEHIND))
    else:
        told = {"message": UNEXPECTED, "extensions": {}}
    try:
        async with asyncio.timeout(LAST_WORDS_S), engine.begin() as connection:
            if await reading_drafts.fail(connection, number, told["message"]):
                await progress.fail(connection, [number], told)
    except (SQLAlchemyError, OSError, TimeoutError) as failure:
        LOG.warning("draft %s failed, which could not be stored: %s", number, failure)
