"""Drives the coroutines of siblings in one task: a task for each takes longer than what it does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from graphql.pyutils import gather_with_cancel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Generator, Iterable, Sequence

    Work = Coroutine[Any, Any, Any]  # whatever a resolver returns
    Values = list[Any]


class Begun:
    """A coroutine that has gone as far as it goes without waiting.

    Parameters
    ----------
    work
        Not begun; it belongs to this from now on.

    Attributes
    ----------
    is_done
        Whether it has returned.
    value
        What it returned.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waits_for: object = None
        self.is_done = False
        self.value: Any = None
        try:
            self._waits_for = work.send(None)
        except StopIteration as done:
            self.is_done, self.value = True, done.value

    def __await__(self) -> Generator[Any, Any, Any]:
        while not self.is_done:
            try:
                try:
                    said = yield self._waits_for
                except BaseException as error:  # it is the coroutine's to hear
                    self._waits_for = self._work.throw(error)
                else:
                    self._waits_for = self._work.send(said)
            except StopIteration as done:
                self.is_done, self.value = True, done.value
        return self.value


class _Waiting(NamedTuple):
    """A coroutine that has begun."""

    place: int
    work: Work
    future: asyncio.Future[Any] | None
    """What it waits for; None when it only lets others go first."""


class Outcomes:
    """What coroutines return, once what they wait for is there; nothing runs before it is awaited.

    Parameters
    ----------
    values
        What those returned that have ended, in their places.
    waiting
        The others.
    """

    def __init__(self, values: Values, waiting: list[_Waiting]) -> None:
        self._values = values
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, Values]:
        return _rest(self._values, self._waiting).__await__()

    def close(self) -> None:
        """Give the coroutines up."""
        _give_up(self._waiting)


def outcomes(coroutines: Sequence[Work]) -> Values | Outcomes:
    """Return what coroutines return: at once where none of them waits, else to be awaited.

    Parameters
    ----------
    coroutines
        Not begun; they belong to this function from now on, and are closed if one fails.
    """
    values: Values = [None] * len(coroutines)
    waiting: list[_Waiting] = []
    try:
        for place, work in enumerate(coroutines):
            _step(place, work, values, waiting)
    except BaseException:
        _give_up(waiting)
        close(coroutines)
        raise
    return Outcomes(values, waiting) if waiting else values


def _step(place: int, work: Work, values: Values, waiting: list[_Waiting]) -> None:
    """Let a coroutine go on until it returns, or waits for a future."""
    try:
        future = work.send(None)
    except StopIteration as done:
        values[place] = done.value
        return
    if future is not None:
        future._asyncio_future_blocking = False  # as a task says that it heard
    waiting.append(_Waiting(place, work, future))


async def _rest(values: Values, waiting: list[_Waiting]) -> Values:
    """Drive coroutines to their end, each when what it waits for is there."""
    try:
        while waiting:
            await _news(waiting)
            now, waiting = waiting, []
            for at, one in enumerate(now):
                if one.future is not None and not one.future.done():
                    waiting.append(one)
                    continue
                try:
                    _step(one.place, one.work, values, waiting)
                except BaseException:
                    waiting += now[at + 1 :]
                    raise
    except BaseException:
        _give_up(waiting)
        raise
    return values


def _give_up(waiting: Sequence[_Waiting]) -> None:
    """Close coroutines, and end what they wait for, if that works for them alone.

    Others may wait for a plain future, too, as a loader's; how it ends is heard, as nobody else
    may hear it.
    """
    for one in waiting:
        if one.future is not None:
            one.future.add_done_callback(hear)
            if type(one.future) is not asyncio.Future:  # a task, or what gathers some
                one.future.cancel()
        one.work.close()


def hear(done: asyncio.Future[Any]) -> None:
    """Hear how something ended that nobody may wait for any more."""
    if not done.cancelled():
        done.exception()


async def _news(waiting: Sequence[_Waiting]) -> None:
    """Wait until one of those that wait can go on."""
    futures = {one.future for one in waiting if one.future is not None}
    if any(one.future is None for one in waiting):
        await asyncio.sleep(0)
    elif not any(future.done() for future in futures):
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def together(works: Sequence[Awaitable[None]]) -> None:
    """Wait for all; the first that fails ends the others."""
    if len(works) == 1:
        await works[0]
    else:
        await gather_with_cancel(*works)


class Closable(Protocol):
    """What can be given up."""

    def close(self) -> object:
        """Give it up."""


def close(works: Iterable[Closable]) -> None:
    """Give coroutines up, begun or not."""
    for one in works:
        one.close()
