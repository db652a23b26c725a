"""What happens meanwhile: heard once a process, handed to everyone here who waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlalchemy.exc import OperationalError

from geo.errors import BadInputError, NoDatabaseError, UnknownError
from resolvers.known import DUTIES, Known
from storage import editions
from storage.listening import Channel, editions_after, listen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.context import Context
    from storage.editions import EditionRow

T = TypeVar("T")

LOG = logging.getLogger("wangge.events")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""How long to wait before listening again: twice as long after each failure."""

READY_S = 10.0
"""How long a subscriber waits for the process to listen before it looks all the same."""

LOOK_AGAIN_S = 30.0
"""How often a subscriber looks although it has heard nothing."""

PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
"""How long a subscriber waits for a database that does not answer, before each new try."""

PAGE = 100
"""Editions that are read at once."""


_CHANGES = {Channel.EDITION, Channel.LEVEL}
"""Where changes of all that a process knows are told."""

_DUTY_CHANGES = {Channel.ASSIGNMENT, Channel.DUTY}
"""Where changes of what it knows of duties are told."""


class Topic(NamedTuple):
    """What one can wait for."""

    channel: Channel
    name: str | None = None
    """One ticket of many; None: everything on the channel."""


class Hub:
    """What one process hears, told to those of its subscribers whom it concerns.

    A subscriber has no queue that could grow: it is woken, and looks for itself what is new
    since it last looked. What happens while it is busy wakes it once.

    Parameters
    ----------
    engine
        On the database.
    known
        What the process knows as long as it hears of changes.
    """

    def __init__(self, engine: AsyncEngine, known: Known | None = None) -> None:
        self._engine = engine
        self._known = known or Known()
        self._waiting: defaultdict[Topic, set[asyncio.Event]] = defaultdict(set)
        self._listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; a connection that breaks is made anew."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await listen(
                    self._engine, ready=self._ready, heard=self._heard, alive=self._known.trust
                )
            except ConnectionError as error:
                LOG.warning("%s", error)
            except Exception:  # a bug: without listening, everyone still looks now and then
                LOG.exception("listening failed")
            finally:
                self._known.doubt()
            pause_s = (
                FIRST_PAUSE_S if self._listening.is_set() else min(2 * pause_s, LONGEST_PAUSE_S)
            )
            self._listening.clear()
            await asyncio.sleep(pause_s)

    async def ready(self) -> None:
        """Wait until whatever is committed from now on will be heard, but not for ever."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), READY_S)

    @contextmanager
    def waking(self, topic: Topic) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever there may be something new."""
        news = asyncio.Event()
        self._waiting[topic].add(news)
        try:
            yield news
        finally:
            self._waiting[topic].discard(news)
            if not self._waiting[topic]:
                del self._waiting[topic]

    def _ready(self) -> None:
        """Wake everyone: something may have happened while nothing was heard."""
        self._known.doubt()
        self._known.trust()
        self._listening.set()
        for topic in list(self._waiting):
            self._wake(topic)

    def _heard(self, channel: Channel, said: str) -> None:
        if channel in _CHANGES:
            self._known.forget()
        elif channel in _DUTY_CHANGES:
            self._known.of(DUTIES).forget()
        for topic in (Topic(channel), Topic(channel, said)):
            self._wake(topic)

    def _wake(self, topic: Topic) -> None:
        for news in self._waiting.get(topic, ()):
            news.set()


async def published(
    fresh: Callable[[], Context], hub: Hub, *, level: str | None, since: int | None
) -> AsyncGenerator[EditionRow, None]:
    """Give every edition from now on, or all after a number, in their order and each once.

    Parameters
    ----------
    fresh
        Makes a context that knows nothing yet, so that a key is asked for again each time.
    level
        Key of a level: only editions that changed it.
    since
        Number of the last edition that is known; 0 gives all.

    Raises
    ------
    UnauthenticatedError
        If the asker may not read, or may not any more.
    UnknownError, BadInputError
        If there is no such level or edition.

    Notes
    -----
    Listening begins before the first look, so that nothing falls between the two; and every look
    asks the database for what follows the last number given, so that nothing that was missed
    stays missed.
    """
    with hub.waking(Topic(Channel.EDITION)) as news:
        context = fresh()
        await context.require_reader()
        if level is not None:
            (await context.tree()).get(level)
        await hub.ready()
        last = await _start(context, since)
        while True:
            news.clear()
            rows = await patiently(partial(_after, fresh, last, level))
            for row in rows:
                await fresh().require_reader()
                yield row
                last = row.number
            if len(rows) < PAGE:
                await heard(news, LOOK_AGAIN_S)


async def _start(context: Context, since: int | None) -> int:
    """Return the number after which editions are given."""
    newest = await context.ask(editions.newest)
    number = newest.number if newest is not None else 0
    if since is None:
        return number
    if since < 0:
        raise BadInputError(f"since is {since}: name an edition, or 0 for all", argument="since")
    if since > number:
        raise UnknownError(
            f"there is no edition {since} yet; the newest is {number}", argument="since"
        )
    return since


async def _after(fresh: Callable[[], Context], number: int, level: str | None) -> list[EditionRow]:
    return await fresh().ask(editions_after, number, level=level, first=PAGE)


async def heard(news: asyncio.Event, seconds: float) -> None:
    """Wait until there may be something new, or some seconds are over."""
    with suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), seconds)


async def patiently(question: Callable[[], Awaitable[T]]) -> T:
    """Ask the database again while it does not answer, for about half a minute."""
    for pause_s in PAUSES_S:
        try:
            return await question()
        except (OperationalError, NoDatabaseError) as error:
            LOG.warning("a subscriber waits for the database: %s", error)
            await asyncio.sleep(pause_s)
    return await question()
