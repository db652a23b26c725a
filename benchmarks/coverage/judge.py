"""What engines find and mend, held against the truth about a generated level."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from benchmarks.coverage.faults import PAIRED, FaultKind
from geo.chain import chains, parent_sums
from geo.validity import solid_land

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from benchmarks.coverage.generate import Truth

NEAR_M = 0.02
"""A row belongs to a fault when it comes this near to its place."""

GAP, OVERLAP, OUTSIDE, ANY = "gap", "overlap", "outside", "any"
"""What a row says of its place; ANY when an engine does not tell kinds apart."""

_RIGHT_WORD = {
    FaultKind.SLIVER_GAP: {GAP},
    FaultKind.MISSING_CELL: {GAP},
    FaultKind.HOLE: {GAP},
    FaultKind.LEAK: {GAP, OUTSIDE},
    FaultKind.EXTRA_VERTEX: {GAP, OVERLAP, OUTSIDE},
    FaultKind.SELF_CROSSING: {GAP, OVERLAP, OUTSIDE},
}
"""What may be said of a fault; of all others that it is an OVERLAP."""


class Row(NamedTuple):
    """One thing that an engine reports."""

    what: str
    place: BaseGeometry
    """In plane metres."""
    units: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """How right a report is."""

    rows: int
    false_rows: int
    """Rows that lie at no fault."""
    found: dict[str, float]
    """Share of the faults found, by kind."""
    named: dict[str, float]
    """Share of the faults whose units are named together, by kind; only kinds of several units."""


def judge_rows(rows: Sequence[Row], truth: Sequence[Truth]) -> Verdict:
    """Hold a report against the faults that were put in.

    Parameters
    ----------
    rows
        What was reported.
    truth
        The faults; none for a clean level, where every row is false.

    Notes
    -----
    A fault is found when a row within 2 cm of its place says the right thing of it, or does not
    tell kinds apart. Its units are named when its own one is named together with each other one,
    by one such row or by several.
    """
    places = np.array([row.place for row in rows], object)
    zones = shapely.buffer(np.array([fault.place for fault in truth], object), NEAR_M)
    near, at = shapely.STRtree(zones).query(places, predicate="intersects")
    found: set[int] = set()
    beside: dict[int, set[str]] = defaultdict(set)  # units that a row names together with its own
    for row, fault in zip(near.tolist(), at.tolist(), strict=True):
        if _says_right(rows[row].what, truth[fault].kind):
            found.add(fault)
            if truth[fault].units[0] in rows[row].units:
                beside[fault] |= set(rows[row].units)
    complete = {fault for fault in found if set(truth[fault].units) <= beside[fault]}
    return Verdict(
        len(rows),
        len(rows) - len(set(near.tolist())),
        _shares(truth, found, frozenset(FaultKind)),
        _shares(truth, complete, PAIRED),
    )


def _says_right(what: str, kind: FaultKind) -> bool:
    return what == ANY or what in _RIGHT_WORD.get(kind, {OVERLAP})


def _shares(
    truth: Sequence[Truth], reached: set[int], kinds: frozenset[FaultKind]
) -> dict[str, float]:
    """Return the share of the faults of each kind that is among those reached."""
    total: dict[FaultKind, int] = defaultdict(int)
    hits: dict[FaultKind, int] = defaultdict(int)
    for number, fault in enumerate(truth):
        total[fault.kind] += 1
        hits[fault.kind] += number in reached
    told = [kind for kind in FaultKind if total[kind] and kind in kinds]
    return {kind.value: hits[kind] / total[kind] for kind in told}


# -- repairs ----------------------------------------------------------------------------------


class Mending(NamedTuple):
    """What a repair made of a level; areas in square metres of the plane."""

    moved_m2: float
    """Land that units gained or lost, each unit counted on its own."""
    least_m2: float
    """The least that any repair of the whole level must move."""
    ratio: float | None
    """Land moved by the least possible, in those parents that were mended: None without any."""
    not_filled: int
    """Parents whose units do not fill them exactly, vertex by vertex, afterwards."""
    wrong_m2: float
    """Land that is blank, covered twice or outside afterwards."""
    emptied: int
    """Units that have no land left."""
    changed: int
    """Units whose boundary changed."""
    invalid: int
    """Units whose rings are not valid afterwards."""


def judge_repair(
    before: NDArray[np.object_],
    parents: NDArray[np.object_],
    parent_of: NDArray[np.intp],
    after: NDArray[np.object_],
    parents_after: NDArray[np.object_],
) -> Mending:
    """Measure what a repair did.

    Parameters
    ----------
    before, after
        Units, shape (n,), in the same order; None or empty for a unit that is gone.
    parents, parents_after
        Their parents, shape (p,); a repair may put vertices into them.
    parent_of
        Index of each unit's parent, shape (n,).

    Notes
    -----
    The least possible for a parent is its blank land, and what is covered more than once, and what
    its units hold outside of it. A repair that leaves land blank moves less than that, so the ratio
    is taken where it left nothing wrong.
    """
    tidy = _polygonal(after)
    start, end = _solid(before), _solid(tidy)
    changed = chains(tidy) != chains(before)
    moved = np.zeros(len(before))
    moved[changed] = shapely.area(shapely.symmetric_difference(start[changed], end[changed]))
    moved_by = np.bincount(parent_of, moved, len(parents))
    least_by = least_land(start, parents, parent_of)
    sums = parent_sums(chains(tidy), parent_of, chains(parents_after))
    valid = shapely.is_valid(tidy)
    filled = sums == 0
    filled[parent_of[~valid]] = False
    mended = filled & (least_by > 0)
    return Mending(
        moved_m2=float(moved.sum()),
        least_m2=float(least_by.sum()),
        ratio=float(moved_by[mended].sum() / least_by[mended].sum()) if mended.any() else None,
        not_filled=int((~filled).sum()),
        wrong_m2=float(least_land(end, parents_after, parent_of).sum()),
        emptied=int((shapely.is_empty(tidy) & ~shapely.is_empty(before)).sum()),
        changed=int(changed.sum()),
        invalid=int((~valid).sum()),
    )


def least_land(
    units: NDArray[np.object_], parents: NDArray[np.object_], parent_of: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the least land that a repair must move for each parent, shape (p,).

    Parents that are filled already are told by their sums, and cost nothing.
    """
    out = np.zeros(len(parents))
    suspects = parent_sums(chains(units), parent_of, chains(parents)) != 0
    order = np.argsort(parent_of, kind="stable")
    first = np.searchsorted(parent_of[order], np.arange(len(parents) + 1))
    for parent in np.flatnonzero(suspects).tolist():
        land = units[order[first[parent] : first[parent + 1]]]
        whole = parents[parent]
        inside = shapely.intersection(land, whole)
        once = shapely.union_all(inside).area
        blank = whole.area - once
        surplus = shapely.area(inside).sum() - once
        outside = shapely.area(shapely.difference(land, whole)).sum()
        out[parent] = blank + surplus + outside
    return out


def _solid(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    return solid_land(geoms, shapely.is_valid(geoms))


def _polygonal(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons, with what is missing or left as points and lines taken out."""
    out = np.array(geoms, object)
    out[shapely.is_missing(out)] = shapely.Polygon()
    for i in np.flatnonzero(~np.isin(shapely.get_type_id(out), (3, 6))):  # polygon, multipolygon
        parts = [p for p in shapely.get_parts(out[i]) if p.geom_type in {"Polygon", "MultiPolygon"}]
        out[i] = shapely.union_all(parts) if parts else shapely.Polygon()
    return out
