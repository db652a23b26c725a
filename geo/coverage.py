"""Findings: from chain sums that are not zero to blank land, overlaps, leaks and mismatches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import Boundaries, boundaries, chains, parent_sums
from geo.crowds import crowd_findings, find_crowded
from geo.faces import claim, enclosed, split_faces
from geo.findings import Finding, Kind, tell_apart
from geo.land import RIM_DEG, Piece, Wrong, join_pieces, land_findings, merge_slivers
from geo.layers import NO_PARENT, Ground, Proof
from geo.residual import Residual
from geo.validity import invalid_rings, solid_land

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geo.faces import Claims
    from geo.layers import Layer, Metric, Parents


def prove(
    layer: Layer, parents: Parents, metric: Metric, *, known: Boundaries | None = None
) -> Proof:
    """Check that the units of a TILES level fill their parents exactly, and say where not.

    Parameters
    ----------
    layer
        The units.
    parents
        Their parents; together they may be the whole city or a part of it.
    metric
        Equal-area metres.
    known
        What the rings of the first units say, where that was looked at already.

    Returns
    -------
    Proof
        With findings INVALID_RING, BLANK, OVERLAP, OUTSIDE and MISMATCH.

    Notes
    -----
    Parents whose chain sum is zero cost nothing but the sum. For the others the segments that do
    not cancel are polygonized, and each face is tested against all units: in none it is BLANK, in
    several OVERLAP, in a unit of another parent OUTSIDE. Where units crowd by the hundred on one
    spot, all of them are named at once instead.
    """
    chain, valid = _boundaries(layer.geoms, known)
    findings = list(invalid_rings(layer, np.flatnonzero(~valid)))
    sums = parent_sums(chain, layer.parent_of, chains(parents.geoms))
    spoilt = np.zeros(len(sums), bool)
    spoilt[layer.parent_of[~valid & (layer.parent_of != NO_PARENT)]] = True
    land = _Land(0.0, 0.0, 0.0)
    if sums.any():
        ground = Ground(layer, parents, metric, solid_land(layer.geoms, valid))
        found, land = _explain(ground, sums, spoilt)
        findings += found
    return Proof((sums == 0) & ~spoilt, tell_apart(findings), *land, sums=sums, spoilt=spoilt)


def _boundaries(geoms: NDArray[np.object_], known: Boundaries | None) -> Boundaries:
    """Return what the rings of units say, looking only at those that are not known."""
    if known is None:
        return boundaries(geoms)
    rest = boundaries(geoms[len(known.chain) :])
    return Boundaries(
        np.concatenate([known.chain, rest.chain]), np.concatenate([known.valid, rest.valid])
    )


class _Land(NamedTuple):
    """Square metres of wrong land, each counted once however many units claim it."""

    blank_m2: float
    overlap_m2: float
    outside_m2: float


def _explain(
    ground: Ground, sums: NDArray[np.int64], spoilt: NDArray[np.bool_]
) -> tuple[list[Finding], _Land]:
    """Find what keeps the sums that are not zero from being zero."""
    layer, parents = ground.layer, ground.parents
    residual = Residual.of(layer, parents, np.flatnonzero(sums))
    crowded = find_crowded(residual, ground.solid)
    residual, rest = residual.without(crowded), ground.without(crowded)
    faces = enclosed(residual.lines, ground.metric)
    faces = split_faces(faces, rest.solid, parents.geoms, ground.metric)
    claims = claim(faces, rest.solid, parents.geoms).without(crowded)
    wrong = list(_wrong_faces(layer, claims))
    pieces = join_pieces(wrong, faces, ground.solid, ground.metric)
    findings = land_findings(merge_slivers(pieces, layer), layer, parents)
    findings += _mismatches(residual, faces, layer, parents)

    told = _parents_without_land(residual, faces) | set(np.flatnonzero(spoilt).tolist()) | crowded
    beside = {p for face, what in wrong for p in (what.parent, claims.parent[face])}
    bad = set(np.flatnonzero(sums).tolist()) - told
    findings += _unexplained(residual, sorted(bad - beside), layer, parents)
    left = sorted(set(_left_over(sums, pieces, layer)) & bad & beside)
    findings += _beside_land(residual, left, faces[[face for face, _ in wrong]], layer, parents)

    crowds = [crowd for p in sorted(crowded) for crowd in crowd_findings(ground, p)]
    land = _measure(faces, wrong, claims, ground.metric)
    return findings + crowds, _Land(
        *(
            measured + sum(f.area_m2 for f in crowds if f.kind is kind)
            for measured, kind in zip(land, (Kind.BLANK, Kind.OVERLAP, Kind.OUTSIDE), strict=True)
        )
    )


def _measure(
    faces: NDArray[np.object_], wrong: Sequence[tuple[int, Wrong]], claims: Claims, metric: Metric
) -> _Land:
    """Measure faces that are wrong."""
    area_m2 = shapely.area(metric.project(faces))

    def land_m2(kind: Kind) -> float:
        there = {face for face, what in wrong if what.kind is kind}
        if kind is Kind.BLANK:
            there = {face for face in there if not claims.units[face]}
        return float(area_m2[sorted(there)].sum())

    return _Land(land_m2(Kind.BLANK), land_m2(Kind.OVERLAP), land_m2(Kind.OUTSIDE))


def _wrong_faces(layer: Layer, claims: Claims) -> Iterator[tuple[int, Wrong]]:
    """Judge each face, so that every sum that it spoils is named once.

    Land that only units of other parents claim is blank in its own parent, too: its own sum lacks
    it.
    """
    for face, (units, place) in enumerate(zip(claims.units, claims.parent, strict=True)):
        own = [unit for unit in units if layer.parent_of[unit] == place]
        if place != NO_PARENT and not own:
            yield face, Wrong(Kind.BLANK, units, place)
        if len(units) > 1:
            yield face, Wrong(Kind.OVERLAP, units, place if len(own) > 1 else NO_PARENT)
        for unit in units:
            owner = int(layer.parent_of[unit])
            if owner not in {place, NO_PARENT}:
                yield face, Wrong(Kind.OUTSIDE, (unit,), owner)


def _mismatches(
    residual: Residual, faces: NDArray[np.object_], layer: Layer, parents: Parents
) -> Iterator[Finding]:
    """Name the pieces of open segments that enclose no land."""
    for piece in _pieces_without_land(residual, faces):
        yield _mismatch(residual, piece, layer, parents)


def _parents_without_land(residual: Residual, faces: NDArray[np.object_]) -> set[int]:
    """Return the parents that a mismatch speaks of."""
    pieces = _pieces_without_land(residual, faces)
    return {p for piece in pieces for i in piece.tolist() for p in residual.parents[i]}


def _pieces_without_land(residual: Residual, faces: NDArray[np.object_]) -> list[NDArray[np.intp]]:
    """Return the connected pieces of open segments that no face touches."""
    if not len(residual.lines):
        return []
    seen = np.zeros(int(residual.component.max()) + 1, bool)
    if len(faces):
        touched = shapely.STRtree(residual.lines).query(faces, predicate="intersects")[1]
        seen[residual.component[touched]] = True
    left = np.flatnonzero(~seen[residual.component])
    left = left[np.argsort(residual.component[left], kind="stable")]
    cuts = np.flatnonzero(np.diff(residual.component[left])) + 1
    return np.split(left, cuts) if len(left) else []


def _mismatch(
    residual: Residual, piece: NDArray[np.intp], layer: Layer, parents: Parents
) -> Finding:
    members = piece.tolist()
    units = set().union(*(residual.owners.get(i, set()) for i in members))
    above = set().union(*(residual.parents[i] for i in members))
    codes = sorted(code for p in above if (code := parents.codes[p]) is not None)
    return Finding(
        level=layer.level,
        kind=Kind.MISMATCH,
        message=(
            f"the vertices of {layer.say(units) or 'no unit'} do not match those of their "
            f"neighbours or of {', '.join(codes) or 'the outline'}: no land is wrong here, but the "
            "boundaries do not add up"
        ),
        geometry=shapely.MultiLineString(residual.lines[piece].tolist()),
        units=layer.names(units),
        rows=layer.rows_of(units),
        parent=codes[0] if len(above) == 1 and codes else None,
    )


def _left_over(sums: NDArray[np.int64], pieces: list[Piece], layer: Layer) -> list[int]:
    """Return the parents whose sum the named land does not account for.

    Each piece of land stands in one parent's sum: blank land is missing there, doubled land and
    land outside is too much.
    """
    land = np.empty(len(pieces), object)
    land[:] = [piece.land for piece in pieces]
    wrongs = [piece.wrong for piece in pieces]
    missing = np.array([what.kind is Kind.BLANK for what in wrongs], bool)
    surplus = np.array([what.surplus(layer) for what in wrongs], np.int64)
    parent = np.array([what.parent for what in wrongs], np.intp)
    counts = parent != NO_PARENT
    rest = sums.copy()
    amount = chains(land) * np.where(missing, 1, -surplus)  # arrays of integers wrap silently
    np.add.at(rest, parent[counts], amount[counts])
    return np.flatnonzero(rest).tolist()


def _beside_land(
    residual: Residual,
    bad: list[int],
    wrong: NDArray[np.object_],
    layer: Layer,
    parents: Parents,
) -> Iterator[Finding]:
    """Name the open segments of parents that are no rim of wrong land; all, where all are.

    The latter have vertices that the land's rim lacks, or cross where neither has one.
    """
    if not bad:
        return
    middles = shapely.line_interpolate_point(residual.lines, 0.5, normalized=True)
    on_rim = np.zeros(len(middles), bool)
    rims = shapely.boundary(wrong)
    near = shapely.STRtree(middles).query(rims, predicate="dwithin", distance=RIM_DEG)
    on_rim[near[1]] = True
    by_parent = residual.by_parent()
    for p in bad:
        mine = np.array(by_parent[p], np.intp)
        beside = mine[~on_rim[mine]]
        yield _mismatch(residual, beside if len(beside) else mine, layer, parents)


def _unexplained(
    residual: Residual, bad: list[int], layer: Layer, parents: Parents
) -> Iterator[Finding]:
    """Give parents whose sum is not zero, though nothing else was said of them, a finding each."""
    by_parent = residual.by_parent() if bad else {}
    for p in bad:
        yield _mismatch(residual, np.array(by_parent[p], np.intp), layer, parents)
