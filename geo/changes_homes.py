"""Households that pass from one unit to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import shapely

from geo.locate import NOWHERE
from geo.membership import Membership
from geo.validity import solid_land

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Homes(NamedTuple):
    """n addresses."""

    lonlat: NDArray[np.float64]
    """Degrees, rounded to 1e-9, shape (n, 2)."""
    households: NDArray[np.int64]
    """Shape (n,)."""
    named: Sequence[str | None] | None = None
    """On a DISJOINT level: the code of the unit that an address names, length n. It belongs to
    that unit where it stands, else to the one that it touches."""

    def take(self, which: NDArray[np.bool_]) -> Homes:
        """Return some of the addresses."""
        named = self.named
        if named is not None:
            named = [named[i] for i in np.flatnonzero(which).tolist()]
        return Homes(self.lonlat[which], self.households[which], named)

    def tree(self) -> shapely.STRtree:
        """Return an index of the points."""
        return shapely.STRtree(np.asarray(shapely.points(self.lonlat)))


NO_HOMES = Homes(np.zeros((0, 2)), np.zeros(0, np.int64))


class Named(NamedTuple):
    """n polygons with codes."""

    codes: NDArray[np.object_]
    """Shape (n,)."""
    geoms: NDArray[np.object_]
    """In degrees, shape (n,)."""

    @classmethod
    def of(cls, codes: Sequence[str] | NDArray[np.object_], geoms: NDArray[np.object_]) -> Self:
        """Put codes and polygons together."""
        return cls(np.array(codes, object), geoms)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Named:
        """Return some of them."""
        return Named(self.codes[which], self.geoms[which])

    def join(self, other: Named) -> Named:
        """Return both, one after the other."""
        return Named(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class State(NamedTuple):
    """The units of one state."""

    other: Named
    """Those that differ in the other state."""
    still: Named
    """Those around that do not, but for noise: in either state the same ones in the same order."""


Way = tuple[str | None, str | None]
"""From which code to which; None: from or to no unit."""


def homes_moved(homes: Homes, old: State, new: State) -> dict[Way, int]:
    """Return the households that pass from one code to another.

    Parameters
    ----------
    homes
        The addresses.
    old, new
        The units before and after.

    Notes
    -----
    The rule of :func:`geo.locate.locate`: of the units that touch an address the one with the
    bytewise smallest code has it. Only addresses near a unit that differs are placed. What passes
    between units that do not differ is the noise of their border, and not told.
    """
    some = homes.take(_near(homes, [old.other, new.other]))
    if not len(some.households):
        return {}
    tree = some.tree()
    beside = _beside(some, tree, old.still) | _beside(some, tree, new.still)
    states = [state.other.join(state.still.take(beside)) for state in (old, new)]
    givers, takers = (_codes(some, tree, units) for units in states)
    stay = set(new.still.codes[beside].tolist())
    moved: dict[Way, int] = {}
    for giver, taker, count in zip(givers, takers, some.households.tolist(), strict=True):
        if giver != taker and not (giver in stay and taker in stay):
            moved[giver, taker] = moved.get((giver, taker), 0) + count
    return moved


def _near(homes: Homes, states: Sequence[Named]) -> NDArray[np.bool_]:
    """Return which addresses with households may touch or name one of some units, shape (n,)."""
    found = np.zeros(len(homes.lonlat), bool)
    if not len(found):
        return found
    tree = homes.tree()
    for units in states:
        found[tree.query(units.geoms)[1]] = True
    if homes.named is not None:
        codes = {code for units in states for code in units.codes.tolist()}
        found |= np.array([name in codes for name in homes.named], bool)
    return found & (homes.households > 0)


def _beside(homes: Homes, points: shapely.STRtree, units: Named) -> NDArray[np.bool_]:
    """Return which units addresses may touch or name, shape (m,)."""
    found = np.zeros(len(units.codes), bool)
    found[points.query(units.geoms)[0]] = True
    if homes.named is not None:
        names = set(homes.named)
        found |= np.array([code in names for code in units.codes.tolist()], bool)
    return found


def _codes(homes: Homes, points: shapely.STRtree, units: Named) -> list[str | None]:
    """Return the code of the unit that each address lies in."""
    keys: list[bytes] = [code.encode() for code in units.codes.tolist()]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranked = units.take(np.array(order, np.intp))
    members = Membership(points)
    members.take(solid_land(ranked.geoms, shapely.is_valid(ranked.geoms)), np.arange(len(keys)))
    codes = [None if unit == NOWHERE else ranked.codes[unit] for unit in members.unit.tolist()]
    if homes.named is None:
        return codes
    known = set(ranked.codes.tolist())
    return [name if name in known else code for name, code in zip(homes.named, codes, strict=True)]
