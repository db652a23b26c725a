"""What one request knows: who asks, for which day, and what it has looked up already."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from zoneinfo import ZoneInfo

from geo.errors import (
    ForbiddenError,
    NoEditionError,
    TooCostlyError,
    UnauthenticatedError,
    WanggeError,
)
from geo.pace import WalkDefaults
from resolvers.known import UNKNOWN, Known
from resolvers.tree import Tree
from storage import editions, keys, levels
from storage.drafts_reading import Ground
from storage.engine import again_if_lost

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from resolvers.standing import Standing
    from storage.editions import EditionRow
    from storage.keys import Principal

T = TypeVar("T")

MAX_WAITING = 10
"""The most plans that may wait for their turn: each takes seconds."""

MAX_THINGS = 200_000
"""The most units, levels, findings … that one answer may hold, each time it names one."""

CITY_BYTES = 1 << 30
"""What circles may keep in memory: a city of 300,000 addresses and 212,000 edges takes 200 MB."""

TILE_BYTES = 64 << 20
"""What vector tiles may keep in memory: some ten thousand of them."""

TILES_AT_ONCE, TILES_WAITING = 8, 1_000
"""Tiles that are drawn side by side, so that others find a connection too, and those that wait."""

GROUNDS = 1_000
"""Editions of which it is kept where they lie."""


_FOR_ALL: ContextVar[bool] = ContextVar("for_all", default=False)
"""Whether what runs here is for all who ask for the same, not for one request."""


STANDING_BYTES = 80 << 20
"""What units of editions may keep in memory: one edition of 6,000 grids takes some 45 MB."""


TREE, PRINCIPAL = "tree", "principal"
"""Names of facts: the levels, and who asks."""


class State(NamedTuple):
    """What a unit is seen in: an edition, or drafts laid over one."""

    edition: int | None
    drafts: tuple[int, ...] = ()


class Cache:
    """Results that never change, the least recently used of which are forgotten.

    Parameters
    ----------
    room
        The most that the weights of all results may add up to.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._coming: dict[Hashable, asyncio.Task[Any]] = {}
        self._weight = 0

    async def get(
        self, key: Hashable, make: Callable[[], Awaitable[T]], weigh: Callable[[T], int]
    ) -> T:
        """Return the result of ``make`` for a key; those who ask meanwhile wait for the same."""
        if key in self._held:
            self._held.move_to_end(key)
            return cast("T", self._held[key][0])
        if key not in self._coming:
            task = self._coming[key] = asyncio.ensure_future(_for_all(make))
            task.add_done_callback(lambda done: self._settle(key, done, weigh))
        # the one who made it may have been cancelled, the others not: the task goes on
        return cast("T", await asyncio.shield(self._coming[key]))

    def peek(self, key: Hashable) -> Any:  # noqa: ANN401 - results of any type
        """Return a result that is there; None where it is not, yet or at all."""
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held[0]

    def is_coming(self, key: Hashable) -> bool:
        """Return whether a result is being made, or is there."""
        return key in self._coming or key in self._held

    def _settle(
        self, key: Hashable, done: asyncio.Future[Any], weigh: Callable[[Any], int]
    ) -> None:
        """Weigh a result, and forget old ones; a failure is not kept.

        Not the task is kept, which holds what its request knew when it began.
        """
        del self._coming[key]
        if done.cancelled() or done.exception() is not None:
            return
        weight = weigh(done.result()) or min(1, self.room)  # a name alone takes something, too
        self._held[key] = done.result(), weight
        self._weight += weight
        while self._weight > self.room and len(self._held) > 1:  # the last is the one just made
            _, (_, heavy) = self._held.popitem(last=False)
            self._weight -= heavy


def _hang_up(raw: Any) -> None:  # noqa: ANN401 - psycopg's connection
    """Close what was cancelled: SQLAlchemy gives it up, but leaves it to be collected."""
    if raw is not None:
        raw.pgconn.finish()


def _hear(done: asyncio.Future[Any]) -> None:
    """Hear how something ended that nobody may wait for any more."""
    if not done.cancelled():
        done.exception()


def _is_there(asked: asyncio.Future[Any] | None) -> bool:
    return asked is not None and asked.done() and not (asked.cancelled() or asked.exception())


async def _for_all(make: Callable[[], Awaitable[T]]) -> T:
    """Make what others wait for, too: it goes on when the first who asked for it has left."""
    _FOR_ALL.set(True)  # seen by this task and those that it starts
    return await make()


class Turns:
    """Work that is done one at a time, while no more than so many wait for it.

    Parameters
    ----------
    most
        How many may wait.
    at_once
        How many may work.
    """

    def __init__(self, most: int, *, at_once: int = 1) -> None:
        self.most = most
        self._lock = asyncio.Semaphore(at_once)
        self._waiting = 0

    @asynccontextmanager
    async def one(self, work: str) -> AsyncIterator[None]:
        """Wait for a turn, and keep it for the block.

        Parameters
        ----------
        work
            What a refusal says is waited for, in the plural.

        Raises
        ------
        TooCostlyError
            If too many wait already.
        """
        if self._waiting >= self.most:
            raise TooCostlyError(f"{self.most} {work} wait for their turn already; ask again later")
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()


@dataclass(frozen=True)
class Shared:
    """What all requests of one process share."""

    engine: AsyncEngine
    public: bool = True
    """Whether readers need no key."""
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    """Whose clocks say when a service point is open."""
    reports: Cache = field(default_factory=lambda: Cache(100_000))
    """Coverage reports of editions, by their findings."""
    asked: set[asyncio.Future[Any]] = field(default_factory=set)
    """Questions to the database that are not answered yet."""
    changes: Cache = field(default_factory=lambda: Cache(200_000))
    """What editions and drafts change, by the units and the ways of their households."""
    walk: WalkDefaults = field(default_factory=WalkDefaults)
    """How a circle is walked where nobody says otherwise."""
    city: Cache = field(default_factory=lambda: Cache(CITY_BYTES))
    """Streets, homes and service points as arrays, and what was found on them, by bytes."""
    tiles: Cache = field(default_factory=lambda: Cache(TILE_BYTES))
    """Vector tiles as they are sent, by bytes."""
    grounds: Cache = field(default_factory=lambda: Cache(GROUNDS))
    """Where the units of editions lie."""
    drawing: Turns = field(default_factory=lambda: Turns(TILES_WAITING, at_once=TILES_AT_ONCE))
    """Taken by each tile that is drawn."""
    known: Known = field(default_factory=Known)
    """Levels, and which edition stands on which day."""
    standing: Cache = field(default_factory=lambda: Cache(STANDING_BYTES))
    """Units of editions, by bytes."""
    holds: bool = False
    """Whether units of editions are held in memory: a service answers many questions."""
    turns: Turns = field(default_factory=lambda: Turns(MAX_WAITING))
    """Taken by what keeps a processor busy for seconds."""

    @cached_property
    def reader(self) -> AsyncEngine:
        """The engine without transactions: every statement that reads names its edition."""
        return self.engine.execution_options(isolation_level="AUTOCOMMIT")


class Context:
    """One request.

    Parameters
    ----------
    shared
        The process's engine and caches.
    today
        The day that "now" means, in the service's timezone.
    key
        The key that came with the request.
    """

    def __init__(self, shared: Shared, *, today: dt.date, key: str | None = None) -> None:
        self.shared = shared
        self.today = today
        self._key = key
        self._reader = shared.reader
        self._asked: dict[Hashable, asyncio.Future[Any]] = {}
        self._facts: dict[Hashable, Any] = {}
        self._trusts = True
        self._things = 0
        self._statement_s: float | None = None
        self._stopped: WanggeError | None = None
        self._at_work: set[asyncio.Task[Any]] = set()

    @property
    def key(self) -> str | None:
        """The key that came with the request, valid or not; nobody is told it."""
        return self._key

    @property
    def trusts(self) -> bool:
        """Whether what the process knows is good enough, although a change may be on its way."""
        return self._trusts

    def look_itself(self) -> None:
        """Ask the database for all that may change, whatever the process knows of it."""
        self._trusts = False

    def bound(self, statement_s: float | None) -> None:
        """Let each question to the database take no more than so many seconds."""
        self._statement_s = statement_s

    def stop(self, why: WanggeError) -> None:
        """Cancel what the database is doing for this request, and put no further questions.

        What is being made for all who ask for the same goes on. Neither does this end what
        changes something: that runs in transactions of its own.
        """
        if self._stopped is None:
            self._stopped = why
        for task in self._at_work:
            task.cancel()

    async def ask(self, question: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:  # noqa: ANN401 - those of the question
        """Put a question of ``storage`` on a connection of its own; siblings run side by side.

        A question that was put is ended, although whoever asked may have gone: cancelled while it
        takes or readies a connection, SQLAlchemy would lose that. Only :meth:`stop` and the time
        for a statement end it early, and only while PostgreSQL works at it: psycopg then cancels
        the statement there.

        Raises
        ------
        TooCostlyError
            If it takes too long, or the request was stopped.
        NoDatabaseError
            If the database does not answer.
        """

        async def put() -> T:
            async with self._reader.connect() as connection:
                with self._working(connection):
                    async with asyncio.timeout(self._statement_s):
                        return await question(connection, *args, **kwargs)

        asked = asyncio.ensure_future(again_if_lost(put))
        self.shared.asked.add(asked)
        asked.add_done_callback(self.shared.asked.discard)
        asked.add_done_callback(_hear)
        return await asyncio.shield(asked)

    def _require_going(self, cancelled: asyncio.Task[Any] | None = None) -> None:
        """Tell why the request was stopped, if it was; that is no cancellation of the task."""
        if self._stopped is None:
            return
        if cancelled is not None:
            cancelled.uncancel()
        raise self._stopped from None

    @contextmanager
    def _working(self, connection: AsyncConnection) -> Iterator[None]:
        """Let a statement be cancelled while it runs, unless it is for all."""
        task = asyncio.current_task()
        if task is None or _FOR_ALL.get():
            yield
            return
        self._require_going()
        self._at_work.add(task)
        proxied = connection.sync_connection
        raw = proxied.connection.driver_connection if proxied is not None else None
        try:
            yield
        except asyncio.CancelledError:
            _hang_up(raw)
            self._require_going(task)
            raise
        except TimeoutError:
            _hang_up(raw)
            if self._statement_s is None:
                raise
            raise TooCostlyError(
                f"the database took longer than {self._statement_s:g} s; ask for less at a time"
            ) from None
        finally:
            self._at_work.discard(task)

    async def once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result of ``make``, which one request runs once for a key.

        What is made for all does not wait for what ends with this request.
        """
        if _FOR_ALL.get() and not _is_there(self._asked.get(key)):
            key = _FOR_ALL, key
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(make())
            self._asked[key].add_done_callback(_hear)
        return cast("T", await asyncio.shield(self._asked[key]))

    def spend(self, things: int = 1) -> None:
        """Count what the answer holds: a small question can go in circles and name a lot.

        Raises
        ------
        TooCostlyError
            If it is more than ``MAX_THINGS``.
        """
        self._things += things
        if self._things > MAX_THINGS:
            raise TooCostlyError(
                f"the answer would hold more than {MAX_THINGS} things; ask for fewer at each "
                "level, or in several requests"
            )

    async def fact(
        self, key: Hashable, make: Callable[[], Awaitable[T]], *, part: str | None = None
    ) -> T:
        """Return what the process knows, or finds out; the same for the whole request.

        Parameters
        ----------
        part
            Of what is known, to be forgotten alone: see :meth:`resolvers.known.Known.of`.
        """
        if key in self._facts:
            return cast("T", self._facts[key])
        known = self.shared.known.of(part) if part is not None else self.shared.known
        found = known.look(key) if self._trusts else UNKNOWN
        if found is UNKNOWN:
            found = await self.once(key, lambda: known.learn(key, make))
        self._facts[key] = found
        return cast("T", found)

    def noted(self, key: Hashable, *, part: str | None = None) -> Any:  # noqa: ANN401 - of any type
        """Return a fact that needs no asking; ``UNKNOWN`` where it does."""
        if key not in self._facts:
            known = self.shared.known.of(part) if part is not None else self.shared.known
            found = known.look(key) if self._trusts else UNKNOWN
            if found is UNKNOWN:
                return UNKNOWN
            self._facts[key] = found
        return self._facts[key]

    def noted_edition(self, as_of: dt.date | None = None) -> EditionRow | None:
        """Return the edition that stands on a day (today), where that needs no asking."""
        found = self.noted(("edition", as_of or self.today))
        return found if isinstance(found, editions.EditionRow) else None

    def held_units(self, state: State) -> Standing | None:
        """Return the units of an edition, where they are held in memory."""
        if state.edition is None or state.drafts:
            return None
        return cast("Standing | None", self.shared.standing.peek(state.edition))

    def noted_tree(self) -> Tree | None:
        """Return the levels, where that needs no asking."""
        found = self.noted(TREE)
        return found if isinstance(found, Tree) else None

    async def tree(self) -> Tree:
        """Return the levels."""

        async def make() -> Tree:
            return Tree(await self.ask(levels.all_levels))

        return await self.fact(TREE, make)

    async def edition_or_none(self, as_of: dt.date | None = None) -> EditionRow | None:
        """Return the edition that stands on a day (today), resolved once for the request."""
        day = as_of or self.today
        return await self.fact(("edition", day), lambda: self.ask(editions.as_of, day))

    async def edition(self, as_of: dt.date | None = None) -> EditionRow:
        """Return the edition that stands on a day (today).

        Raises
        ------
        NoEditionError
            If nothing was published by that day.
        """
        found = await self.edition_or_none(as_of)
        if found is None:
            raise NoEditionError(
                f"nothing was published by {as_of or self.today}; ask for a later day, or publish "
                "a first edition",
                argument="asOf",
            )
        return found

    async def unit_counts(self, edition: int) -> dict[str, int]:
        """Return how many units of each level stand in an edition."""
        return await self.once(
            ("unit counts", edition), lambda: self.ask(levels.unit_counts, edition)
        )

    async def principal(self) -> Principal | None:
        """Return who asks; None without a key.

        Raises
        ------
        UnauthenticatedError
            If the key is none of ours, or revoked.
        """
        key = self._key
        if key is None:
            return None
        found = await self.once(PRINCIPAL, lambda: self.ask(keys.find, key))
        if found is None:
            raise UnauthenticatedError(
                "the key is not valid or was revoked; send another one, or none"
            )
        self._facts[PRINCIPAL] = found
        return found

    @property
    def is_stranger(self) -> bool:
        """Whether no key came at all."""
        return self._key is None

    async def require_reader(self) -> None:
        """Refuse whoever may not read.

        Raises
        ------
        UnauthenticatedError
            If a key is needed and none came, or if the one that came is not valid.
        """
        if await self.principal() is None and not self.shared.public:
            raise UnauthenticatedError(_KEY_NEEDED)

    async def editor_ground(self) -> Ground | None:
        """Return the ground that the asker may edit; None means everywhere.

        Raises
        ------
        UnauthenticatedError
            If no valid key came.
        ForbiddenError
            If the key is for reading only.
        """
        who = await self._require(keys.Role.EDITOR, "drafts are seen by editors of their ground")
        return await self._ground_of(who)

    async def granted(self, role: keys.Role, rule: str) -> tuple[str, Ground | None]:
        """Return the name of an asker of a role at least, and the ground; None means everywhere.

        Parameters
        ----------
        rule
            What a refusal says after "the key is for reading".

        Raises
        ------
        UnauthenticatedError
            If no valid key came.
        ForbiddenError
            If the key's role is lower.
        """
        who = await self._require(role, rule)
        return who.name, await self._ground_of(who)

    def renew(self) -> None:
        """Forget what was looked up: something is about to change, or has changed."""
        self._asked.clear()
        self._facts.clear()
        self.shared.known.forget()

    def again(self) -> None:
        """Begin once more: nothing was looked up, and nothing spent."""
        self._asked.clear()
        self._facts.clear()
        self._things = 0

    async def _require(self, role: keys.Role, rule: str) -> Principal:
        who = await self.principal()
        if who is None:
            raise UnauthenticatedError(_KEY_NEEDED)
        if not who.role.includes(role):
            reading = who.role is keys.Role.READER
            purpose = "reading" if reading else "editing"
            raise ForbiddenError(f"the key {who.name!r} is for {purpose}; {rule}")
        return who

    async def _ground_of(self, who: Principal) -> Ground | None:
        if who.within_level is None or who.within_code is None:
            return None
        newest = await self.once("newest", lambda: self.ask(editions.newest))
        return Ground(who.within_level, who.within_code, newest.number if newest else None)


_KEY_NEEDED = "a key is needed here: send it as the header Authorization: Bearer wg_…"
