"""What an audit says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.levels import LevelSpec

MAX_TOLD = 1000
"""So many differences of one kind are named; beyond, they are counted."""


class LevelAudit(NamedTuple):
    """What the audit of one level found."""

    level: str
    units: int
    parents: int
    """Parents that have units of this level below them."""
    proven: int


class Difference(NamedTuple):
    """Something that is stored otherwise than the rest of what is stored says."""

    code: str
    """CHAIN, RING, AREA, GRID, NAME, PARENT, PROOF, OUTLINE, WAIVED, HISTORY, EDITION, PLACE or
    TALLY."""
    level: str | None
    unit: str | None
    """Code of the unit, or of the parent for PROOF; None for the outline."""
    message: str
    address: str | None = None
    """Key of the address."""
    units: tuple[str, ...] = ()
    """For PROOF: codes of the units that are concerned."""


class Findings:
    """The differences that an audit gathers."""

    def __init__(self) -> None:
        self._told: list[Difference] = []
        self._counts: Counter[str] = Counter()

    def add(self, difference: Difference) -> None:
        """Take one in; of one kind only the first are kept."""
        self._counts[difference.code] += 1
        if self._counts[difference.code] <= MAX_TOLD:
            self._told.append(difference)

    def all(self) -> list[Difference]:
        """Return what was found, and how much more there is."""
        more = [
            Difference(code, None, None, f"and {count - MAX_TOLD:,} more of {code}")
            for code, count in self._counts.items()
            if count > MAX_TOLD
        ]
        return self._told + more


class Edition(NamedTuple):
    """What is audited, where it is read, and what was found so far."""

    connection: AsyncConnection
    number: int
    specs: Sequence[LevelSpec]
    findings: Findings
