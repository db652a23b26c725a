"""Which unit of before goes on as which unit of after: see ``geo.changes`` for the definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.chain import chains

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from geo.changes_land import Lands, Overlay

MOST = 0.8
"""A unit lies mostly in another with this share of its land.

Beyond a half, so that no unit lies mostly in two; below nine tenths, since borders are tidied up
when a unit is divided or renumbered, and a strip of 30 m is a tenth of a common grid.
"""

HALF = 0.5
"""The share of land that a name must be borne out by."""

NONE = -1
"""The place of no unit."""

Parts = Sequence[int]
Pair = tuple[int, int]


class Sides(NamedTuple):
    """The names of n units of before and of m units of after."""

    codes_before: Sequence[str]
    codes_after: Sequence[str]
    names_before: Sequence[str]
    names_after: Sequence[str]
    matching: Callable[[str], str]
    """Makes of a name what is compared."""


class Pairing(NamedTuple):
    """Which units go on, which go and which come."""

    both: Sequence[Pair]
    same_land: frozenset[Pair]
    """Those of ``both`` whose boundary did not move."""
    gone: Sequence[int]
    come: Sequence[int]


def settle(sides: Sides, lands: Lands) -> dict[int, int]:
    """Return, by unit of before, the unit of after that lies where it lay.

    Parameters
    ----------
    sides
        The names of the units that differ.
    lands
        Their land.

    Notes
    -----
    Nothing is laid over one another for that: of units of one code the boundaries are compared,
    of others their chains.
    """
    chains_before, chains_after = chains(lands.before.geoms), chains(lands.after.geoms)
    same_code = list(_of_same_code(sides))
    alike = {(i, j) for i, j in same_code if chains_before[i] == chains_after[j]}
    doubtful = [pair for pair in same_code if pair not in alike]
    matching = _Matching()
    matching.take(pair for pair in same_code if pair in alike)
    matching.take(lands.unmoved(doubtful))
    matching.take(_equal(chains_before.tolist(), chains_after.tolist()))
    return matching.after_of


def pair_units(sides: Sides, overlay: Overlay) -> Pairing:
    """Find out which units go on, and as which.

    Parameters
    ----------
    sides
        The names of the units that differ.
    overlay
        Their land.
    """
    common = _by_land(overlay, sides)
    mostly = {pair for pair in common if max(overlay.shares(*pair)) >= MOST}
    nearly = {pair for pair in common if min(overlay.shares(*pair)) >= MOST}
    same_code = list(_of_same_code(sides))
    shared = set(same_code)
    matching = _Matching()
    matching.take(overlay.settled.items())
    matching.take(pair for pair in common if pair in mostly & shared)
    matching.take(pair for pair in common if pair in nearly)
    matching.take(pair for pair in common if pair in shared)
    matching.take(same_code)
    matching.take(_of_same_name(matching.free(common), sides, overlay))

    both = sorted(matching.after_of.items())
    settled = set(overlay.settled.items())
    near = [pair for pair in both if pair in nearly and pair not in settled]
    return Pairing(
        both=both,
        same_land=frozenset(settled) | frozenset(overlay.lands.unmoved(near)),
        gone=[i for i in range(len(sides.codes_before)) if i not in matching.after_of],
        come=[j for j in range(len(sides.codes_after)) if j not in matching.before_of],
    )


class _Matching:
    """Pairs, taken one after the other while both are free."""

    def __init__(self) -> None:
        self.after_of: dict[int, int] = {}
        self.before_of: dict[int, int] = {}

    def take(self, pairs: Iterable[Pair]) -> None:
        for i, j in pairs:
            if i not in self.after_of and j not in self.before_of:
                self.after_of[i] = j
                self.before_of[j] = i

    def free(self, pairs: Iterable[Pair]) -> list[Pair]:
        return [(i, j) for i, j in pairs if i not in self.after_of and j not in self.before_of]


def _of_same_code(sides: Sides) -> Iterator[Pair]:
    return _equal(sides.codes_before, sides.codes_after)


def _equal(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[Pair]:
    """Yield the places of equal things."""
    places: dict[Hashable, list[int]] = {}
    for i, thing in enumerate(before):
        places.setdefault(thing, []).append(i)
    for j, thing in enumerate(after):
        for i in places.get(thing, ()):
            yield i, j


def _by_land(overlay: Overlay, sides: Sides) -> list[Pair]:
    """Return the pairs with common land, most first; of equal land by both codes together.

    The order is the same when before and after are exchanged.
    """
    common = overlay.common

    def place(pair: Pair) -> tuple[float, list[str]]:
        codes = [sides.codes_before[pair[0]], sides.codes_after[pair[1]]]
        return -round(overlay.area_m2(*pair), 3), sorted(codes)

    return sorted(zip(common.before.tolist(), common.after.tolist(), strict=True), key=place)


def _of_same_name(pairs: Iterable[Pair], sides: Sides, overlay: Overlay) -> Iterator[Pair]:
    for i, j in pairs:
        if max(overlay.shares(i, j)) >= HALF:
            name = sides.matching(sides.names_before[i])
            if name and name == sides.matching(sides.names_after[j]):
                yield i, j


def parts_of(overlay: Overlay) -> tuple[Mapping[int, Parts], Mapping[int, Parts]]:
    """Return units of before that were split, and units of after that were merged, with parts."""
    common, lands = overlay.common, overlay.lands
    before = _End(common.before, lands.before.area_m2, common.area_m2)
    after = _End(common.after, lands.after.area_m2, common.area_m2)
    return _wholes(before, after), _wholes(after, before)


class _End(NamedTuple):
    """One end of k pairs that have land in common."""

    unit: NDArray[np.intp]
    """Shape (k,)."""
    unit_m2: NDArray[np.float64]
    """Land of all units of the state, shape (n,)."""
    common_m2: NDArray[np.float64]
    """Shape (k,)."""

    def mostly(self) -> NDArray[np.bool_]:
        """Return which units lie mostly in the one at the other end, shape (k,)."""
        return np.asarray(self.common_m2 >= MOST * self.unit_m2[self.unit])


def _wholes(whole: _End, part: _End) -> dict[int, Parts]:
    """Return the units most of whose land is that of several parts."""
    whole_in_part = whole.mostly()
    held = np.bincount(part.unit[whole_in_part], minlength=len(part.unit_m2))
    foreign = held[part.unit] - whole_in_part  # how many others lie mostly in the part
    parts: dict[int, list[int]] = {}
    covered = np.zeros(len(whole.unit_m2))
    for k in np.flatnonzero(part.mostly() & (foreign == 0)).tolist():
        unit = int(whole.unit[k])
        parts.setdefault(unit, []).append(int(part.unit[k]))
        covered[unit] += whole.common_m2[k]
    enough = covered >= MOST * whole.unit_m2
    return {i: found for i, found in parts.items() if len(found) > 1 and enough[i]}
