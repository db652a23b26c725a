"""What changes on a level, as it is told: which units, in what ways, and who moves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class ChangeKind(StrEnum):
    """In what way a unit changes; one may change in several."""

    ADDED = "ADDED"
    """It continues no unit of before."""
    REMOVED = "REMOVED"
    """No unit of after continues it."""
    REDRAWN = "REDRAWN"
    """Its boundary moved by more than 20 mm."""
    RENAMED = "RENAMED"
    RECODED = "RECODED"
    REATTRIBUTED = "REATTRIBUTED"
    """Its parent or one of its other columns changed."""
    SPLIT = "SPLIT"
    """It became several units, one of which may keep its code."""
    MERGED = "MERGED"
    """It is made of several units of before, one of which may have had its code."""


class UnitLabel(NamedTuple):
    """A unit as people know it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """One unit that changes.

    Attributes
    ----------
    kinds
        In what ways, in the order of ``ChangeKind``; never none.
    before, after
        The unit in either state; None where it is added or removed.
    moved_m2
        Land that only one of the two has, in square metres; 0 where it was not redrawn.
    split_into, merged_from
        The units of after that it was split into, and those of before that it is made of, by
        code; none where it is neither.
    columns
        Names of the columns that changed; ``parent`` where the parent did.
    """

    kinds: tuple[ChangeKind, ...]
    before: UnitLabel | None
    after: UnitLabel | None
    moved_m2: float
    split_into: tuple[UnitLabel, ...] = ()
    merged_from: tuple[UnitLabel, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """The code that it has, or had where it is removed."""
        return self.label.code

    @property
    def label(self) -> UnitLabel:
        """The unit in its newer state."""
        label = self.after or self.before
        if label is None:
            raise ValueError("a change of no unit")
        return label

    @property
    def place(self) -> tuple[bytes, bytes]:
        """Its place among others: by code, then by the code before."""
        return self.code.encode(), self.before.code.encode() if self.before else b""


class Movement(NamedTuple):
    """Households and land that pass from one code to another; None: from or to no unit."""

    giver: str | None
    taker: str | None
    households: int
    area_m2: float

    @property
    def place(self) -> tuple[int, float, bytes, bytes]:
        """Its place among others: most households first, then most land, then by code."""
        giver, taker = (self.giver or "").encode(), (self.taker or "").encode()
        return -self.households, -self.area_m2, giver, taker


@dataclass(frozen=True)
class ChangeSet:
    """All that changes on one level.

    Attributes
    ----------
    changes
        By code.
    movements
        Most households first. Literally by code: all of a recoded unit passes to the new code.
    unchanged
        Units that stand in both states as they are.
    """

    level: str
    changes: tuple[Change, ...]
    movements: tuple[Movement, ...]
    unchanged: int

    @cached_property
    def _counts(self) -> Counter[ChangeKind]:
        return Counter(kind for change in self.changes for kind in change.kinds)

    def count(self, kind: ChangeKind) -> int:
        """Return how many units change in a way."""
        return self._counts[kind]

    @cached_property
    def households_moved(self) -> int:
        """Households whose unit has another code afterwards, or that have one in one state only."""
        return sum(movement.households for movement in self.movements)

    @cached_property
    def gone(self) -> tuple[UnitLabel, ...]:
        """Units whose code stands no more, by code: nobody can carry a duty on them any longer."""
        left = {change.after.code for change in self.changes if change.after is not None}
        old = [change.before for change in self.changes if change.before is not None]
        return tuple(sorted((unit for unit in old if unit.code not in left), key=by_code))


def by_code(unit: UnitLabel) -> bytes:
    """Return the place of a unit in a list by code."""
    return unit.code.encode()


def only(found: ChangeSet, before: Collection[str], after: Collection[str]) -> ChangeSet:
    """Return the changes of some units.

    Parameters
    ----------
    before, after
        Their codes in either state.
    """
    changes = [
        change
        for change in found.changes
        if (change.before is not None and change.before.code in before)
        or (change.after is not None and change.after.code in after)
    ]
    standing = sum(c.after is not None and c.after.code in after for c in changes)
    movements = [m for m in found.movements if m.giver in before or m.taker in after]
    return ChangeSet(found.level, tuple(changes), tuple(movements), len(after) - standing)


def after_count(changes: Sequence[Change]) -> int:
    """Return how many of the units that change stand afterwards."""
    return sum(change.after is not None for change in changes)
