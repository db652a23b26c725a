"""What changes from one state of a level to another: units told apart by their land.

A unit's name is its code, yet codes are exchanged, taken over and renumbered. So which unit of
before *is* which unit of after is judged by land first:

Same land
    The boundary moved by no more than 20 mm. Vertices that were added do not count.
Nearly the same land
    The common land is at least ``MOST`` of either unit. In a tiling a unit has at most one such
    counterpart, and an exchange of codes beside a border that was tidied up is still seen as one.
Continued
    A unit goes on, in this order, as the unit on the same land (of the same code rather than of
    another one); as the unit of its code, where one of the two lies mostly in the other; as the
    unit on nearly the same land; as the unit of its code, wherever that lies; and, where neither
    code is left, as the unit of the same name on common land that is at least ``HALF`` of either
    one. A name is second evidence only: it decides where land is divided evenly.
Split
    ``MOST`` of the land of a unit of before went to several *parts*. A part is a unit of after
    that lies mostly (``MOST``) in it, and in which no other unit of before lies mostly: else it is
    that other unit, enlarged.
Merged
    The same, seen backwards: ``MOST`` of the land of a unit of after came from several parts.

All of this is symmetric in time, but for the names: what is added forwards is removed backwards,
what is split is merged.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.changes_homes import NO_HOMES, Named, State, homes_moved
from geo.changes_land import Lands, Overlay, moved, same_boundaries
from geo.changes_pairs import NONE, Sides, pair_units, parts_of, settle
from geo.changes_told import (
    Change,
    ChangeKind,
    ChangeSet,
    Movement,
    UnitLabel,
    after_count,
    by_code,
)
from geo.world import Units, other_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from geo.changes_homes import Homes
    from geo.changes_pairs import Parts
    from geo.layers import Metric


def plain_name(name: str) -> str:
    """Return a name as it is compared: full-width forms, case and blanks make no difference."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def find_changes(
    level: str,
    old: Units,
    new: Units,
    metric: Metric,
    *,
    still: Units | None = None,
    homes: Homes = NO_HOMES,
    moves: bool = True,
    matching: Callable[[str], str] = plain_name,
) -> ChangeSet:
    """Find what changes from one state of a level to another.

    Parameters
    ----------
    level
        Its key.
    old, new
        The units of either state, or just those that differ.
    metric
        Equal-area metres.
    still
        Further units that stand in both states, near those that differ; they are not counted.
    homes
        The addresses whose households are asked for.
    moves
        Whether anything can move; it cannot where no unit stood, or none is to stand.
    matching
        Makes of a name what is compared.

    Returns
    -------
    ChangeSet
        Rows of one code twice in one state, as a draft may have them, are several units.

    Notes
    -----
    Boundaries that are equal segment by segment are told by their chains; only what is left is
    laid over one another, in the metric plane: one intersection for each pair that touches.
    """
    same = _unchanged(old, new, metric)
    before, after = _others(old, same.old), _others(new, same.new)
    if not len(before) and not len(after):
        return ChangeSet(level, (), (), len(new))
    around = still if still is not None else Units.none()
    found = _Comparison(before, after, metric, matching)
    changes = sorted(found.changes(), key=lambda change: change.place)
    movements: list[Movement] = []
    if moves:
        stay = [
            Named.of(u.codes, u.geoms).take(k).join(Named.of(around.codes, around.geoms))
            for u, k in ((old, same.old), (new, same.new))
        ]
        passed = found.land_passed(stay[1].geoms)
        counted = homes_moved(
            homes,
            State(Named.of(before.codes, before.geoms), stay[0]),
            State(Named.of(after.codes, after.geoms), stay[1]),
        )
        ways = passed.keys() | counted.keys()
        movements = [Movement(*way, counted.get(way, 0), passed.get(way, 0.0)) for way in ways]
    return ChangeSet(
        level,
        tuple(changes),
        tuple(sorted(movements, key=lambda movement: movement.place)),
        len(new) - after_count(changes),
    )


def all_added(level: str, units: Units, area_m2: NDArray[np.float64]) -> ChangeSet:
    """Return the changes of a level on which nothing stood.

    Parameters
    ----------
    level
        Its key.
    units
        Those that are to stand, each valid.
    area_m2
        Their land in the metric plane, shape (n,).
    """
    kinds = (ChangeKind.ADDED,)
    labels = map(UnitLabel, units.codes, units.names)
    changes = [
        Change(kinds, None, label, land)
        for label, land in zip(labels, area_m2.tolist(), strict=True)
    ]
    return ChangeSet(level, tuple(sorted(changes, key=lambda change: change.place)), (), 0)


class _Same(NamedTuple):
    """The places of k units that stand in both states, in nothing different."""

    old: NDArray[np.intp]
    new: NDArray[np.intp]


def _unchanged(old: Units, new: Units, metric: Metric) -> _Same:
    """Return which units are in both states, with boundaries that did not move."""
    place = {code: i for i, code in enumerate(old.codes)}
    pairs: dict[int, int] = {}
    for j, code in enumerate(new.codes):
        i = place.get(code, NONE)
        # of two rows of one code one is the unit
        if i != NONE and i not in pairs and not _differs(old, i, new, j):
            pairs[i] = j
    was, now = np.array(list(pairs), np.intp), np.array(list(pairs.values()), np.intp)
    same = same_boundaries(old.geoms[was], new.geoms[now])
    other = np.flatnonzero(~same)
    same[other] = ~moved(old.geoms[was[other]], new.geoms[now[other]], metric)
    return _Same(was[same], now[same])


def _others(units: Units, which: NDArray[np.intp]) -> Units:
    mask = np.ones(len(units), bool)
    mask[which] = False
    return units.take(mask)


def _differs(old: Units, i: int, new: Units, j: int) -> bool:
    return (
        old.names[i] != new.names[j]
        or old.parent_codes[i] != new.parent_codes[j]
        or bool(other_columns(old.properties[i], new.properties[j]))
    )


def _ways(old: Units, i: int, new: Units, j: int) -> list[ChangeKind]:
    """Return in what ways a unit changes beside its land."""
    ways = []
    if old.names[i] != new.names[j]:
        ways.append(ChangeKind.RENAMED)
    if old.codes[i] != new.codes[j]:
        ways.append(ChangeKind.RECODED)
    if _other_attributes(old, i, new, j):
        ways.append(ChangeKind.REATTRIBUTED)
    return ways


def _other_attributes(old: Units, i: int, new: Units, j: int) -> tuple[str, ...]:
    """Return which columns differ, the parent's first."""
    parent = ("parent",) if old.parent_codes[i] != new.parent_codes[j] else ()
    return parent + other_columns(old.properties[i], new.properties[j])


class _Comparison:
    """Two states of the units that differ, laid over one another."""

    def __init__(
        self, old: Units, new: Units, metric: Metric, matching: Callable[[str], str]
    ) -> None:
        self.old, self.new = old, new
        sides = Sides(old.codes, new.codes, old.names, new.names, matching)
        self.lands = Lands.of(old.geoms, new.geoms, metric)
        self.overlay = Overlay(self.lands, settle(sides, self.lands))
        self.pairs = pair_units(sides, self.overlay)
        self.split, self.merged = parts_of(self.overlay)

    def changes(self) -> Iterable[Change]:
        """Yield every unit that changes."""
        for i, j in self.pairs.both:
            kinds = _ways(self.old, i, self.new, j)
            redrawn = (i, j) not in self.pairs.same_land
            if redrawn:
                kinds.append(ChangeKind.REDRAWN)
            yield from self._change(i, j, kinds, self.overlay.moved_m2(i, j) if redrawn else 0.0)
        for i in self.pairs.gone:
            yield from self._change(
                i, NONE, [ChangeKind.REMOVED], float(self.lands.before.area_m2[i])
            )
        for j in self.pairs.come:
            yield from self._change(NONE, j, [ChangeKind.ADDED], float(self.lands.after.area_m2[j]))

    def _change(self, i: int, j: int, kinds: list[ChangeKind], moved_m2: float) -> Iterable[Change]:
        into = _labels(self.new, self.split.get(i, ()))
        made_of = _labels(self.old, self.merged.get(j, ()))
        kinds += [ChangeKind.SPLIT] * bool(into) + [ChangeKind.MERGED] * bool(made_of)
        if kinds:
            yield Change(
                tuple(kinds) if len(kinds) == 1 else tuple(sorted(kinds, key=_ORDER.__getitem__)),
                _label(self.old, i),
                _label(self.new, j),
                moved_m2,
                into,
                made_of,
                () if NONE in (i, j) else _other_attributes(self.old, i, self.new, j),
            )

    def land_passed(self, still: NDArray[np.object_]) -> dict[tuple[str | None, str | None], float]:
        """Return the land that passes from one code to another, in square metres.

        Parameters
        ----------
        still
            Polygons in degrees of the units around that do not differ.
        """
        passed: dict[tuple[str | None, str | None], float] = {}

        def add(giver: str | None, taker: str | None, area_m2: float) -> None:
            if giver != taker:
                passed[giver, taker] = passed.get((giver, taker), 0.0) + area_m2

        for i, j in self.pairs.same_land:
            add(self.old.codes[i], self.new.codes[j], float(self.lands.after.area_m2[j]))
        for i, j, area_m2 in self.overlay.wide():
            if (i, j) not in self.pairs.same_land:
                add(self.old.codes[i], self.new.codes[j], area_m2)
        left, come = self.overlay.unclaimed(still)
        for i, area_m2 in left.items():
            add(self.old.codes[i], None, area_m2)
        for j, area_m2 in come.items():
            add(None, self.new.codes[j], area_m2)
        return passed


_ORDER = {kind: place for place, kind in enumerate(ChangeKind)}


def _labels(units: Units, which: Parts) -> tuple[UnitLabel, ...]:
    if not which:
        return ()
    found = (UnitLabel(units.codes[i], units.names[i]) for i in which)
    return tuple(sorted(found, key=by_code))


def _label(units: Units, index: int) -> UnitLabel | None:
    return None if index == NONE else UnitLabel(units.codes[index], units.names[index])
