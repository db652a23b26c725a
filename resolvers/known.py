"""What a process knows of the database as long as it would hear of a change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

T = TypeVar("T")

TRUSTED_S = 30.0
"""How long what is known counts after the connection that tells of changes was last seen well."""

MOST = 1_000
"""Facts that are kept: the days that are asked about are any."""

UNKNOWN: Final = object()
"""What is known of something of which nothing is known; None is a fact."""


class Known:
    """Facts that stay true until a change is told.

    Parameters
    ----------
    kept
        Whether anything is kept at all.

    Notes
    -----
    Nothing is known before :meth:`trust`, after :meth:`doubt`, and once the connection on which
    changes are told has been silent for longer than it is asked whether it is there. A fact that
    was looked up before a change and came back after it is not kept. Who changes something in
    another process is told within the milliseconds that a notice takes.
    """

    def __init__(self, *, kept: bool = True) -> None:
        self._kept = kept
        self._until_s = 0.0
        self._changes = 0
        self._facts: dict[Hashable, Any] = {}

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

    def look(self, key: Hashable) -> Any:  # noqa: ANN401 - facts of any type
        """Return a fact, or ``UNKNOWN``."""
        if time.monotonic() >= self._until_s:
            return UNKNOWN
        return self._facts.get(key, UNKNOWN)

    async def learn(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Find a fact out, and keep it unless something changed meanwhile."""
        before = self._changes
        found = await make()
        if before == self._changes and time.monotonic() < self._until_s:
            if len(self._facts) >= MOST:
                self._facts.clear()
            self._facts[key] = found
        return found
