"""What a request tells those it passed on its way: who is to hear that its client left."""

from __future__ import annotations

import asyncio
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from starlette.types import Message, Receive, Scope

T = TypeVar("T")

WATCHED = "wangge.watched"
"""Where in a request's scope :class:`Watched` is."""


ANSWERED_S = 0.05
"""Requests that run for longer are listened to."""


class Question(Protocol):
    """A question that is being answered."""

    refused: bool
    """Whether it was refused before anything ran."""

    def leave(self) -> None:
        """Hear that nobody waits for the answer."""


class Watched:
    """The questions of one request.

    Attributes
    ----------
    size
        Bytes of the text that asks them, with its variables.
    """

    def __init__(self) -> None:
        self.size = 0
        self._refused = 0
        self._questions: list[Question] = []

    def add(self, question: Question) -> None:
        """Watch a question."""
        self._questions.append(question)

    def leave(self) -> None:
        """Tell all questions that their client has left."""
        for question in self._questions:
            question.leave()

    @property
    def refused(self) -> int:
        """How many of them were refused before anything ran."""
        return self._refused + sum(question.refused for question in self._questions)

    def refuse(self) -> None:
        """Note that one was refused, of those that come one after another on a connection."""
        self._refused += 1

    def begin(self, size: int) -> None:
        """Begin with the next message of a connection."""
        self.size, self._refused = size, 0


class Listener:
    """Hears when the client of a request leaves after all of it came in.

    Nobody listens in the first moments: most requests are answered in them.

    Parameters
    ----------
    receive
        Of the request.
    watched
        Its questions.
    """

    def __init__(self, receive: Receive, watched: Watched) -> None:
        self._receive = receive
        self._watched = watched
        self._gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._empty: Message | None = None

    def expect_nothing(self) -> None:
        """Take all of the request as come in: it has no body, and nobody may ask for one."""
        self._empty = {"type": "http.request", "body": b"", "more_body": False}
        self._wait()

    async def receive(self) -> Message:
        """Return the next message, as the request's own function would."""
        if self._empty is not None:
            message, self._empty = self._empty, None
            return message
        if self._timer is not None:
            self._begin()
            await self._gone.wait()
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._wait()
        return message

    def stop(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(ANSWERED_S, self._begin)

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        self._watched.leave()


@coroutine
def heard(
    work: Coroutine[Any, Any, T], receive: Receive, watched: Watched
) -> Generator[Any, Any, T]:
    """Return what a question brings; its client is listened to from when it waits for something.

    Most questions wait for nothing: they are answered before anybody could leave.

    Parameters
    ----------
    work
        Not begun.
    receive
        Of a request all of which came in.
    watched
        Hears when the client leaves.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    listener = Listener(receive, watched)
    listener.expect_nothing()
    try:
        return (yield from _rest(work, awaited))
    finally:
        listener.stop()


def _rest(work: Coroutine[Any, Any, T], awaited: object) -> Generator[Any, Any, T]:
    """Go on with what has begun, and waits for something."""
    while True:
        try:
            go_on = partial(work.send, (yield awaited))
        except BaseException as error:  # a cancellation, mostly: it is the work's
            go_on = partial(work.throw, error)
        try:
            awaited = go_on()
        except StopIteration as done:
            return cast("T", done.value)


def watch(scope: Scope, question: Question) -> None:
    """Let a request's question be watched, where anybody does."""
    watched = scope.get(WATCHED)
    if isinstance(watched, Watched):
        watched.add(question)


def refuse(scope: Scope) -> None:
    """Say that a question of a connection was refused, where anybody wants to know."""
    watched = scope.get(WATCHED)
    if isinstance(watched, Watched):
        watched.refuse()


def weigh(scope: Scope, size: int) -> None:
    """Say of how many bytes a request's text is, where anybody wants to know."""
    watched = scope.get(WATCHED)
    if isinstance(watched, Watched):
        watched.size += size
