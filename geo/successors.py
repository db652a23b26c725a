"""Who takes the place of a unit that stands no more: the units that receive its households."""

from __future__ import annotations

from collections import defaultdict
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from geo.changes_told import Movement


class Successor(NamedTuple):
    """A unit of after, and what it receives of a unit that stands no more."""

    code: str
    households: int
    household_share: float | None
    """Of all that the other one had; None where it had none."""
    area_m2: float
    area_share: float | None
    """Of all its land; None where it had none."""


def successors_of(
    movements: Iterable[Movement], gone: Collection[str]
) -> dict[str, tuple[Successor, ...]]:
    """Return who takes the place of units that stand no more, the best first.

    The best is the one that receives most households, then the one that receives most land, then
    the one with the smallest code. What becomes nobody's counts in the shares only.

    Parameters
    ----------
    movements
        All that passes between the codes of two states of a level; see
        :class:`geo.changes_told.ChangeSet`.
    gone
        Codes that stand in the earlier state only.

    Returns
    -------
    dict
        An entry for each code; an empty one where its land is nobody's now.
    """
    passing: dict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        if movement.giver in gone:
            passing[movement.giver or ""].append(movement)
    return {code: _shared(passing[code]) for code in gone}


def _shared(movements: list[Movement]) -> tuple[Successor, ...]:
    households = sum(movement.households for movement in movements)
    area_m2 = fsum(movement.area_m2 for movement in movements)
    return tuple(
        Successor(
            movement.taker,
            movement.households,
            movement.households / households if households else None,
            movement.area_m2,
            movement.area_m2 / area_m2 if area_m2 else None,
        )
        for movement in sorted(movements, key=lambda one: one.place)
        if movement.taker is not None
    )
