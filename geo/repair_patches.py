"""Patches: the connected pieces of wrong land of a plan, what is wrong with each, and how wide."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.findings import Kind
from geo.layers import NO_PARENT
from geo.pieces import pieces_of
from geo.width import inscribed_width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Metric
    from geo.repair_ground import Ground
    from geo.repair_plan import Plan

NOBODY = -1
"""Stands for no unit, and for no patch."""


class Reason(StrEnum):
    """Why wrong land is left as it is."""

    TOO_WIDE = "TOO_WIDE"
    EMPTIES_A_UNIT = "EMPTIES_A_UNIT"
    NO_NEIGHBOUR = "NO_NEIGHBOUR"
    TWISTED = "TWISTED"
    BESIDE = "BESIDE"
    ENTANGLED = "ENTANGLED"
    WAIVED = "WAIVED"
    NOT_ASKED = "NOT_ASKED"
    NO_LAND = "NO_LAND"


class Wrong(NamedTuple):
    """What is wrong with land, as a finding says it."""

    kind: Kind
    units: tuple[int, ...]
    """For OVERLAP its claimants, for OUTSIDE the unit that leaves its parent; else empty."""
    parent: int
    """The parent whose sum it spoils; ``NO_PARENT`` for an overlap across parents."""


@dataclass(slots=True)
class Patch:
    """A connected piece of wrong land that the same units have.

    Attributes
    ----------
    faces
        Faces of the plan.
    units
        The units that have it, ascending.
    place
        The parent that it lies in, or ``NO_PARENT``.
    own, foreign
        Those that belong to that parent, and to others; units of other ground are neither.
    land, area_m2, width_m
        In degrees and metres.
    pieces
        The pieces of wrong land that it is part of, by number.
    to
        The unit that has it afterwards; ``NOBODY`` where none is to have it, or none was found.
    stays
        Why nothing is done.
    """

    faces: list[int]
    units: tuple[int, ...]
    place: int
    own: tuple[int, ...]
    foreign: tuple[int, ...]
    land: BaseGeometry
    area_m2: float = 0.0
    width_m: float = 0.0
    pieces: list[int] = field(default_factory=list)
    to: int = NOBODY
    stays: Reason | None = None

    @property
    def decided(self) -> bool:
        """True when it is known who has it afterwards."""
        return self.stays is None and (self.to != NOBODY or self.place == NO_PARENT)

    def after(self) -> tuple[int, ...]:
        """Return the units that have it afterwards."""
        if not self.decided:
            return self.units
        gone = {*self.own, *self.foreign} - {self.to}
        kept = [unit for unit in self.units if unit not in gone]
        return tuple(kept if self.to in {*kept, NOBODY} else sorted([*kept, self.to]))

    def wrongs(self, parent_of: NDArray[np.intp]) -> Iterator[Wrong]:
        """Say what is wrong with it, as ``geo.coverage`` does."""
        if self.place != NO_PARENT and not self.own:
            yield Wrong(Kind.BLANK, (), self.place)
        if len(self.units) > 1:
            yield Wrong(Kind.OVERLAP, self.units, self.place if len(self.own) > 1 else NO_PARENT)
        for unit in self.foreign:
            yield Wrong(Kind.OUTSIDE, (unit,), int(parent_of[unit]))


class Piece(NamedTuple):
    """A connected piece of land with which the same is wrong: one or more patches."""

    wrong: Wrong
    land: BaseGeometry
    width_m: float


class Patches(NamedTuple):
    """All that is wrong on a ground."""

    patches: list[Patch]
    pieces: list[Piece]
    of_face: NDArray[np.intp]
    """Patch of each face, shape (f,); ``NOBODY`` where nothing is wrong."""
    holders: list[tuple[int, ...]]
    """Units that have each face, length f."""


def find_patches(ground: Ground, parent_of: NDArray[np.intp], metric: Metric) -> Patches:
    """Find the wrong land of a ground, and measure it."""
    plan = ground.plan
    kinds = [_FaceKind.of(ground, owners, parent_of) for owners in plan.inside]
    number: dict[_FaceKind, int] = {}
    kind_of = np.full(len(kinds) + 1, NOBODY)
    for face, kind in enumerate(kinds):
        if kind.wrong:
            kind_of[face] = number.setdefault(kind, len(number))
    of_face = _connected(plan, kind_of)
    members: dict[int, list[int]] = {}
    for face in np.flatnonzero(of_face >= 0).tolist():
        members.setdefault(int(of_face[face]), []).append(face)
    patches = []
    for faces in members.values():
        kind = kinds[faces[0]]
        land = _union(plan.faces[faces])
        patch = Patch(faces, kind.units, kind.place, kind.own, kind.foreign, land)
        patch.stays = Reason.ENTANGLED if kind.unclear else None
        patches.append(patch)
    lands = np.empty(len(patches), object)
    lands[:] = [patch.land for patch in patches]
    flat = metric.project(lands)
    for patch, area, width in zip(
        patches, shapely.area(flat).tolist(), inscribed_width(flat).tolist(), strict=True
    ):
        patch.area_m2, patch.width_m = area, width
    pieces = _join(patches, plan, of_face, parent_of, metric)
    return Patches(patches, pieces, of_face, [kind.units for kind in kinds])


class _FaceKind(NamedTuple):
    units: tuple[int, ...]
    place: int
    own: tuple[int, ...]
    foreign: tuple[int, ...]
    wrong: bool
    unclear: bool

    @classmethod
    def of(cls, ground: Ground, owners: dict[int, int], parent_of: NDArray[np.intp]) -> _FaceKind:
        """Judge a face by who has it."""
        a, q = len(ground.units), len(ground.parents)
        units = tuple(sorted(int(ground.units[i]) for i in owners if i < a))
        places = [i - a for i in owners if a <= i < a + q]
        place = int(ground.parents[places[0]]) if places else NO_PARENT
        rest = sum(n for i, n in owners.items() if places and i == a + q + places[0])
        above = {unit: int(parent_of[unit]) for unit in units}
        own = tuple(unit for unit in units if places and above[unit] == place)
        foreign = tuple(unit for unit in units if above[unit] not in {place, NO_PARENT})
        wrong = bool(foreign) or (bool(places) and len(own) + rest != 1)
        unclear = len(places) > 1 or (wrong and rest != 0)
        return cls(units, place, own, foreign, wrong or len(places) > 1, unclear)


def _connected(plan: Plan, kind_of: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the patch of each face: neighbours of one kind are one."""
    count = len(plan.faces)
    same = (kind_of[plan.left] == kind_of[plan.right]) & (kind_of[plan.left] >= 0)
    a, b = plan.left[same], plan.right[same]
    _, label = pieces_of(count, a, b)
    wrong = np.flatnonzero(kind_of[:count] >= 0)
    out = np.full(count, NOBODY)
    _, out[wrong] = np.unique(label[wrong], return_inverse=True)
    return out


def _union(faces: NDArray[np.object_]) -> BaseGeometry:
    union: BaseGeometry = faces[0] if len(faces) == 1 else shapely.coverage_union_all(faces)
    return union


def _join(
    patches: list[Patch],
    plan: Plan,
    of_face: NDArray[np.intp],
    parent_of: NDArray[np.intp],
    metric: Metric,
) -> list[Piece]:
    """Join neighbouring patches with which the same is wrong, and measure what comes out."""
    keys = [(k, wrong) for k, patch in enumerate(patches) for wrong in patch.wrongs(parent_of)]
    index = {key: i for i, key in enumerate(keys)}
    by_face = np.append(of_face, NOBODY)
    a, b = by_face[plan.left], by_face[plan.right]
    both = (a != b) & (a >= 0) & (b >= 0)
    beside = np.unique(np.column_stack([a, b])[both], axis=0)
    links = [
        (index[k, wrong], index[m, wrong])
        for k, m in beside.tolist()
        for wrong in patches[k].wrongs(parent_of)
        if (m, wrong) in index
    ]
    pairs = np.array(links, np.intp).reshape(-1, 2)
    _, label = pieces_of(len(keys), pairs[:, 0], pairs[:, 1])
    members: dict[int, list[int]] = {}
    for i, piece in enumerate(label.tolist()):
        members.setdefault(piece, []).append(i)
    pieces = []
    for number, group in members.items():
        for i in group:
            patches[keys[i][0]].pieces.append(number)
        mine = [patches[keys[i][0]] for i in group]
        if len(mine) == 1:
            pieces.append(Piece(keys[group[0]][1], mine[0].land, mine[0].width_m))
            continue
        land = _union(plan.faces[[face for patch in mine for face in patch.faces]])
        width = inscribed_width(metric.project(np.array([land], object)))
        pieces.append(Piece(keys[group[0]][1], land, float(width[0])))
    return pieces
