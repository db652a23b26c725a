"""Who gets which land: the least that can be moved, and to whom it belongs by its shape.

Land that several units of its parent have goes to the one with the longest border between it and
land that nobody else has; land that none has goes to the neighbour with the longest border; units
of other parents leave it. What would empty a unit is not done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.layers import NO_PARENT
from geo.repair_patches import NOBODY, Reason
from geo.width import inscribed_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    from numpy.typing import NDArray

    from geo.layers import Metric
    from geo.repair_ground import Ground
    from geo.repair_patches import Patch, Patches

SLIVER_M = 1.0
"""A unit that keeps only land narrower than this has been emptied, in metres."""

HALF = 0.5
"""A unit that keeps more than this share of its land has not been emptied."""


def choose(
    ground: Ground,
    found: Patches,
    parent_of: NDArray[np.intp],
    metric: Metric,
    fixed: Set[int],
) -> None:
    """Decide for each patch who has it, or why it stays.

    Parameters
    ----------
    ground, found
        The plan, and what is wrong on it. Patches that stay already are not decided.
    parent_of
        Parent of each unit of the level.
    metric
        Equal-area metres.
    fixed
        Units that must neither lose nor gain land.
    """
    work = _Choice(ground, found, parent_of, metric, fixed)
    work.decide()
    work.keep_whole()
    while work.keep_filled():
        pass


class _Choice:
    """The choice while it is made."""

    def __init__(
        self,
        ground: Ground,
        found: Patches,
        parent_of: NDArray[np.intp],
        metric: Metric,
        fixed: Set[int],
    ) -> None:
        self.plan, self.found, self.parent_of = ground.plan, found, parent_of
        self.metric, self.fixed = metric, fixed
        self.patches = found.patches
        self.borders = self._borders()
        self.faces_of: dict[int, set[int]] = {}
        for face, units in enumerate(found.holders):
            for unit in units:
                self.faces_of.setdefault(unit, set()).add(face)
        self.beside = self._face_neighbours()
        self.claimed: dict[int, list[Patch]] = {}
        for patch in self.patches:
            for unit in patch.units:
                self.claimed.setdefault(unit, []).append(patch)
        self.now: dict[int, set[int]] = {}

    def _face_neighbours(self) -> dict[int, set[int]]:
        beside: dict[int, set[int]] = {}
        span = len(self.plan.faces) + 1
        doors = np.sort(self.plan.left * span + self.plan.right)
        doors = doors[np.diff(doors, prepend=-1) > 0]
        for a, b in zip(*(side.tolist() for side in np.divmod(doors, span)), strict=True):
            beside.setdefault(a, set()).add(b)
            beside.setdefault(b, set()).add(a)
        return beside

    def _borders(self) -> list[dict[int, float]]:
        """Return the faces beside each patch, and the length of border to each in metres."""
        plan, count = self.plan, len(self.plan.faces)
        of_face = np.append(self.found.of_face, NOBODY)
        line = np.flatnonzero(of_face[plan.left] != of_face[plan.right])
        lines = np.asarray(shapely.linestrings(plan.points[plan.ends[line]]))
        length = shapely.length(self.metric.project(lines)).tolist()
        borders: list[dict[int, float]] = [{} for _ in self.patches]
        sides = ((plan.left[line], plan.right[line]), (plan.right[line], plan.left[line]))
        for mine, theirs in sides:
            patch = of_face[mine].tolist()
            for k, face, metres in zip(patch, theirs.tolist(), length, strict=True):
                if k != NOBODY and face != count:
                    borders[k][face] = borders[k].get(face, 0.0) + metres
        return borders

    # -- who has it --------------------------------------------------------------------------

    def decide(self) -> None:
        """Decide the patches that are open, doubled land first."""
        undecided = [k for k, patch in enumerate(self.patches) if self._open(patch)]
        for k in undecided:
            self._decide_at_once(self.patches[k])
        doubled = [k for k in undecided if self.patches[k].own]
        blank = [k for k in undecided if not self.patches[k].own]
        while (
            self._give(doubled, alone=True)
            or self._give(blank, alone=False)
            or self._give(doubled, alone=False)
        ):
            pass
        self.now = {unit: set(faces) for unit, faces in self.faces_of.items()}
        for patch in self.patches:
            if self._open(patch):
                patch.stays = Reason.EMPTIES_A_UNIT if patch.own else Reason.NO_NEIGHBOUR
            self._account(patch, patch.units)

    def _open(self, patch: Patch) -> bool:
        return patch.stays is None and patch.to == NOBODY and patch.place != NO_PARENT

    def _decide_at_once(self, patch: Patch) -> None:
        """Decide where there is no choice."""
        held = [unit for unit in patch.own if unit in self.fixed]
        if len(held) > 1 or not self.fixed.isdisjoint(patch.foreign):
            patch.stays = Reason.TWISTED
        elif held or len(patch.own) == 1:
            patch.to = (held or patch.own)[0]

    def _give(self, todo: list[int], *, alone: bool) -> bool:
        """Give patches to the units beside them; True if any was, and others have new neighbours.

        With ``alone``, only land counts that a unit has for itself, now or after the repair.
        """
        chosen = {}
        for k in todo:
            if self._open(self.patches[k]):
                score = self._score(k, alone=alone)
                if score:
                    chosen[k] = min(score, key=lambda unit: (-score[unit], unit))
        for k, unit in chosen.items():
            self.patches[k].to = unit
        return bool(chosen)

    def _score(self, k: int, *, alone: bool) -> dict[int, float]:
        """Return the length of border that each unit that may get a patch has with it."""
        patch = self.patches[k]
        score: dict[int, float] = {}
        for face, metres in self.borders[k].items():
            beside = self._own_holders(face, patch.place)
            if alone and (len(beside) != 1 or not self._settled(face)):
                continue
            for unit in beside:
                if unit not in self.fixed and (unit in patch.own or not patch.own):
                    score[unit] = score.get(unit, 0.0) + metres
        return score

    def _settled(self, face: int) -> bool:
        k = int(self.found.of_face[face])
        return k == NOBODY or self.patches[k].decided

    def _holders(self, face: int) -> tuple[int, ...]:
        k = int(self.found.of_face[face])
        return self.found.holders[face] if k == NOBODY else self.patches[k].after()

    def _own_holders(self, face: int, place: int) -> list[int]:
        return [unit for unit in self._holders(face) if self.parent_of[unit] == place]

    def _account(self, patch: Patch, before: tuple[int, ...]) -> None:
        """Note who has a patch that others had before."""
        after = patch.after()
        for unit in before:
            if unit not in after:
                self.now[unit].difference_update(patch.faces)
        for unit in after:
            if unit not in before:
                self.now.setdefault(unit, set()).update(patch.faces)

    # -- what no choice may do ---------------------------------------------------------------

    def keep_whole(self) -> None:
        """Give doubled land back to units that would fall into more parts without it."""
        for unit in sorted({u for p in self.patches if p.decided for u in p.own if u != p.to}):
            part_of, parts = _label(self.now[unit], self.beside)
            if parts <= _label(self.faces_of[unit], self.beside)[1] or not self._has_own(unit):
                continue
            for patch in self.claimed[unit]:
                lost = patch.decided and unit in patch.own and unit != patch.to
                if lost and self._give_back(patch, unit, part_of):
                    part_of, _ = _label(self.now[unit], self.beside)

    def _give_back(self, patch: Patch, unit: int, part_of: dict[int, int]) -> bool:
        """Let a unit keep a patch where that leaves fewer parts; True if it does."""
        around = set().union(*(self.beside[face] for face in patch.faces))
        joined = len({part_of[face] for face in around if face in part_of}) - 1
        keeper = patch.to
        if joined < 1 or keeper in self.fixed:
            return False
        rest = self.now[keeper].difference(patch.faces)
        split = _label(rest, self.beside)[1] - _label(self.now[keeper], self.beside)[1]
        if split >= joined:
            return False
        before, patch.to = patch.after(), unit
        self._account(patch, before)
        return True

    def keep_filled(self) -> bool:
        """Leave patches as they are without which a unit would be empty; True if any was."""
        losers = {u for p in self.patches if p.decided for u in {*p.own, *p.foreign} - {p.to}}
        emptied = {unit for unit in losers if self._emptied(unit)}
        for patch in self.patches:
            if patch.decided and not emptied.isdisjoint({*patch.own, *patch.foreign} - {patch.to}):
                before = patch.after()
                patch.to, patch.stays = NOBODY, Reason.EMPTIES_A_UNIT
                self._account(patch, before)
        return bool(emptied)

    def _emptied(self, unit: int) -> bool:
        before, after = self.faces_of[unit], self.now[unit]
        # Shares of a unit's land are the same in degrees: no metres are needed for them.
        kept, had = (
            shapely.area(self.plan.faces[sorted(faces)]).sum() for faces in (after, before)
        )
        if kept > HALF * had:
            return False
        was, is_now = self._width_m(before), self._width_m(after)
        return is_now <= min(SLIVER_M, HALF * was)

    def _has_own(self, unit: int) -> bool:
        """Return whether a unit has land that is not wrong."""
        return any(self.found.of_face[face] == NOBODY for face in self.faces_of[unit])

    def _width_m(self, faces: Iterable[int]) -> float:
        members = sorted(faces)
        if not members:
            return 0.0
        land = np.array([shapely.coverage_union_all(self.plan.faces[members])], object)
        return float(inscribed_width(self.metric.project(land))[0])


def _label(faces: Set[int], beside: dict[int, set[int]]) -> tuple[dict[int, int], int]:
    """Return which part each face is in, of those that hang together, and how many there are."""
    part_of: dict[int, int] = {}
    left, parts = set(faces), 0
    while left:
        queue = [left.pop()]
        while queue:
            face = queue.pop()
            part_of[face] = parts
            near = beside.get(face, set()) & left
            left -= near
            queue += near
        parts += 1
    return part_of, parts
