"""What a process knows of the database as long as it would hear of a change."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")

TRUSTED_S = 30.0
"""How long what is known counts after the connection that tells of changes was last seen well."""

MOST = 1_000
"""Facts that are kept: the days that are asked about are any."""

REST = 10.0
"""How many times as long as it took something is not found out again: where changes come one after
another, finding it out takes a tenth of the time."""

UNKNOWN: Final = object()
"""What is known of something of which nothing is known; None is a fact."""

DUTIES: Final = "duties"
"""What is known of duties, bodies and assignments, which change more often than all else."""


class Known:
    """Facts that stay true until a change is told.

    Parameters
    ----------
    kept
        Whether anything is kept at all.
    within
        What these are a part of; they are trusted when it is.

    Notes
    -----
    Nothing is known before :meth:`trust`, after :meth:`doubt`, and once the connection on which
    changes are told has been silent for longer than it is asked whether it is there. A fact that
    was looked up before a change and came back after it is not kept. Who changes something in
    another process is told within the milliseconds that a notice takes.
    """

    def __init__(self, *, kept: bool = True, within: Known | None = None) -> None:
        self._kept = kept
        self._within = within
        self._until_s = 0.0
        self._changes = 0
        self._facts: dict[Hashable, Any] = {}
        self._parts: dict[str, Known] = {}
        self._coming: set[Hashable] = set()
        self._resting: dict[Hashable, float] = {}

    def of(self, part: str) -> Known:
        """Return the facts of a part: forgotten with all others, or alone."""
        if part not in self._parts:
            self._parts[part] = Known(kept=self._kept, within=self)
        return self._parts[part]

    def trust(self) -> None:
        """Note that all changes until now have been told."""
        if self._kept:
            self._until_s = time.monotonic() + TRUSTED_S

    def doubt(self) -> None:
        """Note that changes may not be told any more."""
        self._until_s = 0.0
        self.forget()

    def forget(self) -> None:
        """Forget everything: something has changed, or is about to."""
        self._changes += 1
        self._facts.clear()
        for part in self._parts.values():
            part.forget()

    def look(self, key: Hashable) -> Any:  # noqa: ANN401 - facts of any type
        """Return a fact, or ``UNKNOWN``."""
        if not self._is_trusted():
            return UNKNOWN
        return self._facts.get(key, UNKNOWN)

    async def learn(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Find a fact out, and keep it unless something changed meanwhile."""
        before = self._changes
        found = await make()
        if before == self._changes and self._is_trusted():
            if len(self._facts) >= MOST:
                self._facts.clear()
            self._facts[key] = found
        return found

    def begin(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> asyncio.Task[T] | None:
        """Begin to find out what is not known, for those who ask later.

        Returns
        -------
        asyncio.Task or None
            Whoever gets it has to hear how it ends. None where that is under way or was done just
            now, and where nothing would be kept.
        """
        if not self._is_trusted() or key in self._coming:
            return None
        if time.monotonic() < self._resting.get(key, 0.0):
            return None
        self._coming.add(key)
        return asyncio.ensure_future(self._learn_once(key, make))

    async def _learn_once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        began = time.monotonic()
        try:
            return await self.learn(key, make)
        finally:
            ended = time.monotonic()
            self._coming.discard(key)
            self._resting[key] = ended + REST * (ended - began)

    def _is_trusted(self) -> bool:
        until_s = self._until_s if self._within is None else self._within._until_s
        return time.monotonic() < until_s
