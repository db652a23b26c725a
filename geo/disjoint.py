"""The check of a DISJOINT level: inside one parent each, and no overlap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains
from geo.crowds import crowd_finding, doubled_land, find_crowded_units
from geo.findings import Finding, Kind, Severity, tell_apart
from geo.land import SLIVER_M, Piece, Wrong, land_findings, merge_slivers, size_text
from geo.layers import NO_PARENT, Ground, Proof
from geo.validity import areas_only, invalid_rings, solid_land
from geo.width import inscribed_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.crowds import Doubled
    from geo.layers import Layer, Metric, Parents

SLACK_M = 0.020
"""Overlaps and leaks of a DISJOINT level up to this width do not count, in metres."""


def check_disjoint(layer: Layer, parents: Parents, metric: Metric) -> Proof:
    """Check that the units of a DISJOINT level lie in one parent each and do not overlap.

    Parameters
    ----------
    layer, parents, metric
        As for :func:`prove`.

    Returns
    -------
    Proof
        With findings INVALID_RING, OVERLAP, OUTSIDE and STRADDLES above ``SLACK_M`` width. A
        parent is proven when none of them concerns it. Land in no unit is a BLANK warning, one
        for each parent: it is owed to nobody.
    """
    valid = shapely.is_valid(layer.geoms)
    solid = solid_land(layer.geoms, valid)
    groups = _groups(layer, solid)
    crowds = list(_crowds(Ground(layer, parents, metric, solid), groups))
    overlaps = _pair_overlaps(layer, groups, metric)
    clashes = [replace(f, extra=0) for f in land_findings(overlaps, layer, parents)]
    leaks = list(_leaks(layer, parents, solid, metric))
    blank = list(_blank(layer, parents, [group.land for group in groups], metric))
    found = [finding for _, finding in crowds] + clashes + [finding for _, finding in leaks]
    units = [crowd for crowd, _ in crowds]
    units += [overlap.wrong.units for overlap in overlaps] + [(unit,) for unit, _ in leaks]
    twisted = np.flatnonzero(~valid)
    spoilt = np.zeros(len(parents.geoms), bool)
    spoilt[_parents_of(twisted.tolist(), layer)] = True
    faults: dict[str, set[int]] = {}
    for finding, these in zip(found, units, strict=True):
        faults.setdefault(finding.id, set()).update(_parents_of(these, layer))
    proven = ~spoilt
    proven[sorted(set().union(*faults.values()))] = False
    told = tell_apart(found)
    return Proof(
        proven,
        [*invalid_rings(layer, twisted), *told, *blank],
        blank_m2=sum(finding.area_m2 for finding in blank),
        overlap_m2=_union_area([f.geometry for f in found if f.kind is Kind.OVERLAP], metric),
        outside_m2=float(sum(f.area_m2 for _, f in leaks if f.kind is Kind.OUTSIDE)),
        sums=np.zeros(len(parents.geoms), np.int64),
        spoilt=spoilt,
        # Findings that share an id but for their number stand for one another.
        faults={f.id: frozenset(faults[replace(f, twin=0).id]) for f in told},
    )


def _parents_of(units: Sequence[int], layer: Layer) -> list[int]:
    """Return the parents that some units belong to."""
    owners = set(layer.parent_of[np.array(units, np.intp)].tolist())
    return sorted(owners - {NO_PARENT})


class _Group(NamedTuple):
    """Units that are looked at as one: equal ones, or a crowd."""

    units: list[int]
    land: BaseGeometry
    crowd: Doubled | None = None


def _groups(layer: Layer, solid: NDArray[np.object_]) -> list[_Group]:
    """Put equal units together, and those of parents where units crowd by the hundred."""
    piles: dict[int, list[int]] = {}
    for unit, chain in enumerate(chains(solid).tolist()):
        piles.setdefault(chain, []).append(unit)
    first = np.array([units[0] for units in piles.values()], np.intp)
    crowded = find_crowded_units(solid[first], layer.parent_of[first])
    groups = [
        _Group(units, solid[units[0]])
        for units in piles.values()
        if int(layer.parent_of[units[0]]) not in crowded
    ]
    for parent in sorted(crowded):
        units = np.flatnonzero(layer.parent_of == parent)
        land = doubled_land(solid[units])
        groups.append(_Group(units.tolist(), land.once, land))
    return groups


def _crowds(ground: Ground, groups: Sequence[_Group]) -> Iterator[tuple[tuple[int, ...], Finding]]:
    """Name the crowds."""
    for units, _, land in groups:
        if land is not None:
            parent = int(ground.layer.parent_of[units[0]])
            yield tuple(units), crowd_finding(ground, parent, np.array(units, np.intp), land)


def _blank(
    layer: Layer, parents: Parents, lands: Sequence[BaseGeometry], metric: Metric
) -> Iterator[Finding]:
    """Say how much land of each parent lies in no unit."""
    held = np.empty(len(lands), object)
    held[:] = lands
    tree = shapely.STRtree(held)
    bare = np.empty(len(parents.geoms), object)
    for p, land in enumerate(parents.geoms):
        inside = np.sort(tree.query(land, predicate="intersects"))
        bare[p] = shapely.difference(land, shapely.union_all(held[inside]))
    bare = areas_only(bare)
    flat = metric.project(bare)
    area, width, chain = shapely.area(flat), inscribed_width(flat), chains(bare)
    for p in np.flatnonzero(area > 0).tolist():
        name = parents.codes[p]
        yield Finding(
            level=layer.level,
            kind=Kind.BLANK,
            message=f"land of no unit in {name or 'the outline'}: "
            f"{size_text(float(area[p]), float(width[p]))}",
            geometry=bare[p],
            area_m2=float(area[p]),
            width_m=float(width[p]),
            parent=name,
            severity=Severity.WARNING,
            chain=int(chain[p]),
            pieces=int(shapely.get_num_geometries(bare[p])),
            pair=(),
        )


def _union_area(land: Sequence[BaseGeometry | None], metric: Metric) -> float:
    there = [geometry for geometry in land if geometry is not None]
    if not there:
        return 0.0
    return float(shapely.area(metric.project(np.array([shapely.union_all(there)], object))).sum())


def _pair_overlaps(layer: Layer, groups: Sequence[_Group], metric: Metric) -> list[Piece]:
    """Find land that several units claim: a pile of equal ones at once, the others in pairs."""
    shapes = np.empty(len(groups), object)
    shapes[:] = [group.land for group in groups]
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = a < b
    a, b = a[once], b[once]
    repeated = [i for i, g in enumerate(groups) if len(g.units) > 1 and g.crowd is None]
    both = areas_only(shapely.intersection(shapes[a], shapes[b]))
    units = [groups[i].units for i in repeated]
    units += [
        groups[i].units + groups[j].units for i, j in zip(a.tolist(), b.tolist(), strict=True)
    ]
    land, clash = shapely.get_parts(np.concatenate([shapes[repeated], both]), return_index=True)
    flat = metric.project(land)
    width, area = inscribed_width(flat), shapely.area(flat)
    pieces = []
    for k in np.flatnonzero(width > SLACK_M).tolist():
        claimants = tuple(sorted(units[clash[k]]))
        owners = _parents_of(claimants, layer)
        wrong = Wrong(Kind.OVERLAP, claimants, owners[0] if len(owners) == 1 else NO_PARENT)
        pieces.append(Piece(wrong, land[k], float(area[k]), float(width[k])))
    return merge_slivers(pieces, layer)


def _leaks(
    layer: Layer,
    parents: Parents,
    solid: NDArray[np.object_],
    metric: Metric,
) -> Iterator[tuple[int, Finding]]:
    """Name units that leave their parent: into another one (STRADDLES), or into none (OUTSIDE)."""
    mine = np.flatnonzero(layer.parent_of != NO_PARENT)
    shapely.prepare(parents.geoms)
    inside = shapely.covers(parents.geoms[layer.parent_of[mine]], solid[mine])
    mine = mine[~inside]  # most units end here
    flat_parents = metric.project(parents.geoms)
    beyond = areas_only(shapely.difference(solid[mine], parents.geoms[layer.parent_of[mine]]))
    flat = metric.project(beyond)
    width, chain = inscribed_width(flat), chains(beyond).tolist()
    tree = shapely.STRtree(flat_parents)
    for k in np.flatnonzero(width > SLACK_M).tolist():
        unit, owner = int(mine[k]), int(layer.parent_of[mine[k]])
        others = [int(p) for p in tree.query(flat[k], predicate="intersects") if p != owner]
        shared = areas_only(shapely.intersection(beyond[k], parents.geoms[others]))
        into = inscribed_width(metric.project(shared)) > SLACK_M
        there = [others[i] for i in np.flatnonzero(into)]
        kind = Kind.STRADDLES if there else Kind.OUTSIDE
        names = [parents.codes[p] or "the outline" for p in [owner, *there]]
        size = size_text(float(flat[k].area), float(width[k]))
        said = (
            f"{layer.say([unit])} lies in {' and '.join(names)}: {size} of it beyond the first"
            if there
            else f"{layer.say([unit])} leaves its parent {names[0]}: {size}"
        )
        finding = Finding(
            level=layer.level,
            kind=kind,
            message=said,
            geometry=beyond[k],
            area_m2=float(flat[k].area),
            width_m=float(width[k]),
            units=layer.names([unit]),
            rows=layer.rows_of([unit]),
            parent=parents.codes[owner],
            extra=1,
            chain=chain[k] if kind is Kind.OUTSIDE else None,
            pieces=int(shapely.get_num_geometries(beyond[k])),
            pair=(layer.name(unit),) if width[k] <= SLIVER_M else None,
        )
        yield unit, finding
