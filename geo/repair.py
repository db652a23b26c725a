"""Repair: a level mended with the least land moved, and proven afterwards.

The borders near wrong land are noded, and the faces between them told apart (``geo.repair_plan``).
Each piece of wrong land up to a width goes to one unit (``geo.repair_choice``). As units and faces
are sums of directed segments, a unit that gains or loses a face is its own sum with the face's
added or taken away: no overlay computes it, no coordinate is made up, and neighbours keep matching
vertex by vertex. So the sum of each parent (see ``geo.chain``) is zero when nothing wrong stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import boundaries, chains, parent_sums
from geo.coverage import prove
from geo.crs import round9
from geo.findings import Kind
from geo.layers import NO_PARENT, Layer, Parents
from geo.repair_asked import FOUND_DEG, LAND_KINDS, MAX_CLAIMANTS, Asked
from geo.repair_choice import choose
from geo.repair_ground import lay_ground, open_lines
from geo.repair_patches import NOBODY, Reason, find_patches
from geo.repair_plan import build_polygons, lay_out
from geo.repair_tidy import drop_needless
from geo.validity import areas_only, as_multipolygons, solid_land
from geo.width import PRECISION, inscribed_width

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.findings import Finding
    from geo.layers import Metric
    from geo.repair_ground import Ground
    from geo.repair_patches import Patch, Patches

__all__ = ["MAX_CLAIMANTS", "Left", "Move", "Reason", "Repaired", "repair"]

MAX_PASSES = 3
"""A pass leaves nothing that another one mends, but for borders bent by their own rounding."""

WORDS = {
    Reason.TOO_WIDE: "wider than what may be moved",
    Reason.EMPTIES_A_UNIT: "mended, it would leave a unit without land of its own: say whose it is",
    Reason.NO_NEIGHBOUR: "no unit of the same parent lies beside it",
    Reason.TWISTED: "a ring crosses itself, and it cannot be told what it should enclose",
    Reason.BESIDE: "it belongs to wrong land beside it that stays",
    Reason.ENTANGLED: "too many borders cross there to be told apart",
    Reason.WAIVED: "it is waived",
    Reason.NOT_ASKED: "its repair was not asked for",
    Reason.NO_LAND: "it is no question of whose land it is: mend it in the file",
}
"""What a reason says to people."""


class Move(NamedTuple):
    """Land that changed hands."""

    land: BaseGeometry
    """In degrees."""
    givers: tuple[str, ...]
    """The units that had it and have it no more; empty for blank land."""
    taker: str | None
    """The unit that has it now; None for nobody, outside of all parents."""
    area_m2: float
    width_m: float
    pieces: int
    finding: str | None
    """Id of the finding that it mends; None for land too narrow to be one."""


class Left(NamedTuple):
    """A finding that stays, and why."""

    finding: Finding
    reason: Reason

    @property
    def message(self) -> str:
        """What the reason says to people."""
        return WORDS[self.reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A level after its repair.

    Attributes
    ----------
    geoms
        MultiPolygons in degrees, shape (n,); what was not touched is the same object as before.
    changed
        Units whose polygon is another one, by index, ascending; some received vertices only.
    parents
        What the units fill now, shape (p,).
    noded_parents
        Parents that received vertices, by index. They belong into all levels that share the border.
    moves
        Land that changed hands, largest first.
    left
        What is still wrong.
    proven
        Parents that are filled exactly by valid units, shape (p,).
    """

    geoms: NDArray[np.object_]
    changed: NDArray[np.intp]
    parents: NDArray[np.object_]
    noded_parents: NDArray[np.intp]
    moves: tuple[Move, ...]
    left: tuple[Left, ...]
    proven: NDArray[np.bool_]


def repair(
    layer: Layer,
    parents: Parents,
    metric: Metric,
    *,
    max_move_m: float = 1.0,
    only: Collection[str] | None = None,
    findings: Sequence[Finding] | None = None,
) -> Repaired:
    """Mend the wrong land of a TILES level up to a width, with the least land moved.

    Parameters
    ----------
    layer
        The units, in degrees on the grid.
    parents
        What they should fill.
    metric
        Equal-area metres.
    max_move_m
        Blank, doubled and outside land whose largest inscribed circle is wider stays as it is.
    only
        Ids of the findings to mend; None for all.
    findings
        What :func:`geo.coverage.prove` found, where it is known already.

    Returns
    -------
    Repaired
        Every parent whose findings were all mended is proven.

    Raises
    ------
    ValueError
        If ``max_move_m`` is negative or no number.

    Notes
    -----
    Blank land and land outside is moved once, land of k claimants of its parent k - 1 times: no
    repair can move less. Only units near wrong land are looked at.
    """
    if not max_move_m >= 0:
        raise ValueError(f"max_move_m is {max_move_m}, not a width")
    if findings is None:
        findings = prove(layer, parents, metric).findings
    work = _Repair(layer, parents, metric, max_move_m, Asked(findings, only))
    for _ in range(MAX_PASSES):
        if not work.run():
            break
    return work.result()


class _Repair:
    """A repair, pass after pass."""

    def __init__(
        self, layer: Layer, parents: Parents, metric: Metric, max_move_m: float, asked: Asked
    ) -> None:
        self.layer, self.before, self.metric = layer, parents, metric
        self.codes = parents.codes
        self.max_move_m, self.asked = max_move_m, asked
        self.geoms, self.parents = layer.geoms.copy(), parents.geoms.copy()
        self.stayed: list[Patch] = []
        self.crowded = asked.crowded(layer)
        self.moved: dict[tuple[tuple[str, ...], str | None, str | None], list[Patch]] = {}

    def run(self) -> bool:
        """Mend what can be mended; True where another pass may mend more."""
        chain, valid = boundaries(self.geoms)
        solid, fixed = self._untwist(np.flatnonzero(~valid))
        parent_of = self.layer.parent_of
        if not valid.all():
            chain = chains(solid)
        sums = parent_sums(chain, parent_of, chains(self.parents))
        bad = np.setdiff1d(np.flatnonzero(sums), self.crowded)
        around = open_lines(solid, parent_of, self.parents, bad)
        lines = self.asked.lines(around)
        if not len(lines):
            return False
        ground = lay_ground(
            solid, parent_of, self.parents, lines=lines, around=around, crowded=self.crowded
        )
        if not ground.settled:
            return False
        found = find_patches(ground, parent_of, self.metric)
        self._leave(ground, found)
        choose(ground, found, parent_of, self.metric, fixed)
        self._note(found)
        self._rebuild(ground, found, fixed)
        return self._unfinished(found)

    def _unfinished(self, found: Patches) -> bool:
        """Return whether a parent is not proven though nothing wrong stays in it."""
        parent_of = self.layer.parent_of
        sums = parent_sums(chains(self.geoms), parent_of, chains(self.parents))
        held = [patch for patch in found.patches if patch.stays is not None]
        stay = {wrong.parent for patch in held for wrong in patch.wrongs(parent_of)}
        stay |= {patch.place for patch in held}
        return not stay.issuperset(np.flatnonzero(sums).tolist())

    # -- rings that cross themselves ----------------------------------------------------------

    def _untwist(self, twisted: NDArray[np.intp]) -> tuple[NDArray[np.object_], set[int]]:
        """Draw twisted rings anew where that moves little; the others must not be touched.

        Returns valid polygons of all units, and the units that stay twisted.
        """
        if not len(twisted):
            return self.geoms, set()
        solid = self.geoms.copy()
        solid[twisted] = _solid(self.geoms[twisted])
        clear = self._redrawn_m(twisted, solid[twisted]) <= self._limit_m
        clear &= shapely.is_valid(solid[twisted]) & ~shapely.is_empty(solid[twisted])
        asked = self._asked_rings()
        clear &= np.array([asked is None or i in asked for i in twisted.tolist()], bool)
        drawn = twisted[clear]
        self.geoms[drawn] = solid[drawn]
        stays = set(twisted[~clear].tolist())
        broken = [i for i in stays if not solid[i].is_valid]
        solid[broken] = shapely.MultiPolygon()
        return solid, stays

    def _redrawn_m(
        self, units: NDArray[np.intp], solid: NDArray[np.object_]
    ) -> NDArray[np.float64]:
        """Return how wide the land is of which two readings of a ring disagree, shape (k,).

        One takes all that the ring goes around, the other what it goes around an odd number of
        times, as maps are painted.
        """
        painted = shapely.make_valid(self.geoms[units], method="linework")
        unclear = areas_only(np.asarray(shapely.symmetric_difference(painted, solid)))
        return inscribed_width(self.metric.project(unclear))

    def _asked_rings(self) -> set[int] | None:
        """Return the units whose rings are to be drawn anew; None for all."""
        if self.asked.only is None:
            return None
        rows = {
            row
            for finding in self.asked.findings
            if finding.kind is Kind.INVALID_RING and finding.id in self.asked.only
            for row in finding.rows
        }
        return (
            set(np.flatnonzero(np.isin(self.layer.rows, sorted(rows))).tolist()) if rows else set()
        )

    @property
    def _limit_m(self) -> float:
        """The width up to which land is moved, with what measuring it may add."""
        return self.max_move_m * (1 + PRECISION)

    # -- what stays ---------------------------------------------------------------------------

    def _leave(self, ground: Ground, found: Patches) -> None:
        """Leave patches that are too wide, waived or not asked for, and those of failed plans."""
        exact = ground.plan.exact
        unclear = set(ground.units[~exact[: len(ground.units)]].tolist())
        crowded = set(self.crowded.tolist())
        for patch in found.patches:
            wide = any(found.pieces[i].width_m > self._limit_m for i in patch.pieces)
            if patch.stays is not None:
                continue
            concerned = {patch.place, *self.layer.parent_of[list(patch.units)].tolist()}
            if not (unclear.isdisjoint(patch.units) and crowded.isdisjoint(concerned)):
                patch.stays = Reason.ENTANGLED
            elif wide:
                patch.stays = Reason.TOO_WIDE
            else:
                patch.stays = self._not_wanted(patch)

    def _not_wanted(self, patch: Patch) -> Reason | None:
        findings = self.asked.find(patch, self.layer)
        if any(finding.waiver is not None for finding in findings):
            return Reason.WAIVED
        above = {wrong.parent for wrong in patch.wrongs(self.layer.parent_of)} - {NO_PARENT}
        names = {self.codes[parent] for parent in above}
        return None if self.asked.wants(findings, names) else Reason.NOT_ASKED

    def _note(self, found: Patches) -> None:
        """Keep what was moved, by finding, and what was left."""
        self.stayed = [patch for patch in found.patches if patch.stays is not None]
        for patch in found.patches:
            if patch.stays is None:
                ids = [finding.id for finding in self.asked.find(patch, self.layer)]
                givers = self._names(set(patch.units) - set(patch.after()))
                taker = None if patch.to == NOBODY else self.layer.say([patch.to])
                self.moved.setdefault((givers, taker, ids[0] if ids else None), []).append(patch)

    def _names(self, units: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(self.layer.say([unit]) for unit in units))

    # -- the new polygons ---------------------------------------------------------------------

    def _rebuild(self, ground: Ground, found: Patches, fixed: set[int]) -> None:
        """Exchange the polygons that gained or lost a face or received vertices."""
        plan, a = ground.plan, len(ground.units)
        place = {int(unit): i for i, unit in enumerate(ground.units)}
        face, owner, often = [], [], []
        for patch in found.patches:
            before, after = set(patch.units), set(patch.after())
            for unit, sign in [(u, -1) for u in before - after] + [(u, 1) for u in after - before]:
                face += patch.faces
                owner += [place[unit]] * len(patch.faces)
                often += [sign] * len(patch.faces)
        given = lay_out(
            plan.rims, np.array(face, np.intp), np.array(owner, np.intp), np.array(often, np.int64)
        )
        net, ends = drop_needless(
            plan, plan.polygons.join(given).net(), ground.corners, count=a + len(ground.parents)
        )
        drawn = {place[unit] for unit in ground.noded_units.tolist()} | set(owner)
        drawn -= {place[unit] for unit in fixed if unit in place}
        units = np.array([i for i in sorted(drawn) if plan.exact[i]], np.intp)
        _exchange(self.geoms, ground.units[units], build_polygons(net, units, plan.points, ends))
        above = np.searchsorted(ground.parents, ground.noded_parents)
        above = above[plan.exact[a + above]]
        rebuilt = build_polygons(net, a + above, plan.points, ends)
        _exchange(self.parents, ground.parents[above], rebuilt)

    def result(self) -> Repaired:
        """Prove the level again, and say what was done."""
        proven, findings = self._prove()
        return Repaired(
            geoms=self.geoms,
            changed=_others(self.geoms, self.layer.geoms),
            parents=self.parents,
            noded_parents=_others(self.parents, self.before.geoms),
            moves=self._moves(),
            left=self._left(findings),
            proven=proven,
        )

    def _prove(self) -> tuple[NDArray[np.bool_], Sequence[Finding]]:
        """Prove the level: only parents that are not proven are looked at again."""
        parent_of = self.layer.parent_of
        chain, valid = boundaries(self.geoms)
        proven = parent_sums(chain, parent_of, chains(self.parents)) == 0
        proven[parent_of[~valid & (parent_of != NO_PARENT)]] = False
        bad = np.flatnonzero(~proven)
        near = shapely.STRtree(self.geoms).query(shapely.box(*shapely.bounds(self.parents[bad]).T))
        units = np.union1d(near[1], np.flatnonzero(np.isin(parent_of, bad) | ~valid))
        position = np.full(len(proven) + 1, NO_PARENT)
        position[bad] = np.arange(len(bad))
        some = Layer(
            level=self.layer.level,
            geoms=self.geoms[units],
            codes=[self.layer.codes[i] for i in units.tolist()],
            parent_of=position[parent_of[units]],
            rows=self.layer.rows[units],
        )
        parents = Parents([self.codes[i] for i in bad.tolist()], self.parents[bad])
        return proven, prove(some, parents, self.metric).findings

    def _left(self, findings: Sequence[Finding]) -> tuple[Left, ...]:
        """Return findings with the reason why each one stays, which its place tells."""
        inside = shapely.point_on_surface([patch.land for patch in self.stayed])
        tree = shapely.STRtree(inside)
        left = []
        for finding in findings:
            near = tree.query(finding.geometry, predicate="dwithin", distance=FOUND_DEG)
            there = [self.stayed[int(i)].stays for i in np.sort(near)]
            reason = there[0] if finding.kind in LAND_KINDS and there else None
            if reason is Reason.TOO_WIDE and finding.width_m <= self._limit_m:
                reason = Reason.BESIDE
            reason = reason or self._reason(finding)
            left.append(Left(finding, reason))
        return tuple(left)

    def _reason(self, finding: Finding) -> Reason:
        """Return why something stays that is no land, or was not looked at."""
        if not self.asked.wants([finding], {finding.parent}):
            return Reason.NOT_ASKED
        if finding.kind is Kind.INVALID_RING:
            return Reason.TWISTED
        lands = shapely.STRtree([patch.land for patch in self.stayed])
        beside = lands.query(finding.geometry, predicate="dwithin", distance=FOUND_DEG)
        return Reason.BESIDE if len(beside) else Reason.ENTANGLED

    def _moves(self) -> tuple[Move, ...]:
        """Return what was moved, largest first: what has one finding and one taker is one."""
        moves = []
        for (givers, taker, finding), patches in self.moved.items():
            land: BaseGeometry = shapely.union_all([patch.land for patch in patches])
            area_m2 = sum(patch.area_m2 for patch in patches)
            width_m = max(patch.width_m for patch in patches)
            moves.append(Move(land, givers, taker, area_m2, width_m, len(patches), finding))
        return tuple(sorted(moves, key=lambda m: (-m.area_m2, m.givers, m.taker or "")))


def _solid(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return what twisted polygons enclose, on the grid of degrees."""
    solid = solid_land(geoms, np.zeros(len(geoms), bool))
    return as_multipolygons(np.asarray(shapely.transform(solid, round9)))


def _exchange(
    geoms: NDArray[np.object_], places: NDArray[np.intp], built: NDArray[np.object_]
) -> None:
    """Put polygons in their places, in array ``geoms``, but for those that are no other ones."""
    other = chains(built) != chains(geoms[places])
    other |= shapely.get_num_coordinates(built) != shapely.get_num_coordinates(geoms[places])
    geoms[places[other]] = built[other]


def _others(now: NDArray[np.object_], before: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the places at which two arrays hold different objects."""
    pairs = zip(now.tolist(), before.tolist(), strict=True)
    return np.array([i for i, (a, b) in enumerate(pairs) if a is not b], np.intp)
