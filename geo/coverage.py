"""Findings: from chain sums that are not zero to blank land, overlaps, leaks and mismatches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.chain import chains, parent_sums
from geo.faces import claim, find_faces
from geo.findings import Finding, Kind
from geo.land import Wrong, join_pieces, land_finding
from geo.layers import NO_PARENT, Proof
from geo.residual import Residual
from geo.validity import invalid_rings, solid_land

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geo.faces import Claims
    from geo.layers import Layer, Metric, Parents


def prove(layer: Layer, parents: Parents, metric: Metric) -> Proof:
    """Check that the units of a TILES level fill their parents exactly, and say where not.

    Parameters
    ----------
    layer
        The units.
    parents
        Their parents; together they may be the whole city or a part of it.
    metric
        Equal-area metres.

    Returns
    -------
    Proof
        With findings INVALID_RING, BLANK, OVERLAP, OUTSIDE and MISMATCH.

    Notes
    -----
    Parents whose chain sum is zero cost nothing but the sum. For the others the segments that do
    not cancel are polygonized, and each face is tested against all units: in none it is BLANK, in
    several OVERLAP, in a unit of another parent OUTSIDE.
    """
    valid = shapely.is_valid(layer.geoms)
    findings = list(invalid_rings(layer, np.flatnonzero(~valid)))
    sums = parent_sums(chains(layer.geoms), layer.parent_of, chains(parents.geoms))
    proven = sums == 0
    spoilt = layer.parent_of[~valid]
    proven[spoilt[spoilt != NO_PARENT]] = False
    bad = np.flatnonzero(sums)
    if not len(bad):
        return Proof(proven, findings, 0.0, 0.0, 0.0)

    solid = solid_land(layer.geoms, valid)
    residual = Residual.of(layer, parents, bad)
    faces = find_faces(residual.lines, solid, parents.geoms, metric)
    claims = claim(faces, solid, parents.geoms)
    wrong = list(_wrong_faces(layer, claims))
    pieces = join_pieces(wrong, faces, solid, metric)
    findings += [land_finding(piece, layer, parents) for piece in pieces]
    findings += _mismatches(residual, faces, layer, parents)
    explained = {p for face, what in wrong for p in (what.parent, claims.parent[face])}
    explained |= {int(p) for p in spoilt}
    findings += _unexplained(residual, sorted(set(bad.tolist()) - explained), layer, parents)

    area_m2 = shapely.area(metric.project(faces))

    def land_m2(kind: Kind) -> float:
        return float(area_m2[sorted({face for face, what in wrong if what.kind is kind})].sum())

    return Proof(
        proven,
        findings,
        blank_m2=land_m2(Kind.BLANK),
        overlap_m2=land_m2(Kind.OVERLAP),
        outside_m2=land_m2(Kind.OUTSIDE),
    )


def _wrong_faces(layer: Layer, claims: Claims) -> Iterator[tuple[int, Wrong]]:
    """Judge each face."""
    for face, (units, place) in enumerate(zip(claims.units, claims.parent, strict=True)):
        if not units and place != NO_PARENT:
            yield face, Wrong(Kind.BLANK, (), place)
        owners = {int(layer.parent_of[u]) for u in units}
        if len(units) > 1:
            inner = place if owners == {place} else NO_PARENT
            yield face, Wrong(Kind.OVERLAP, units, inner)
        for unit in units:
            owner = int(layer.parent_of[unit])
            if owner not in {place, NO_PARENT}:
                yield face, Wrong(Kind.OUTSIDE, (unit,), owner)


def _mismatches(
    residual: Residual, faces: NDArray[np.object_], layer: Layer, parents: Parents
) -> Iterator[Finding]:
    """Name the pieces of open segments that enclose no land."""
    seen = np.zeros(int(residual.component.max()) + 1, bool)
    if len(faces):
        seen[residual.component[shapely.STRtree(residual.lines).query(faces, "intersects")[1]]] = 1
    left = np.flatnonzero(~seen[residual.component])
    left = left[np.argsort(residual.component[left], kind="stable")]
    cuts = np.flatnonzero(np.diff(residual.component[left])) + 1
    for piece in np.split(left, cuts) if len(left) else []:
        yield _mismatch(residual, piece, layer, parents)


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
            f"neighbours or of {', '.join(codes) or 'the outline'}: no land is wrong, but nothing "
            "is proven"
        ),
        geometry=shapely.MultiLineString(residual.lines[piece].tolist()),
        units=layer.names(units),
        rows=layer.rows_of(units),
        parent=codes[0] if len(above) == 1 and codes else None,
    )


def _unexplained(
    residual: Residual, bad: list[int], layer: Layer, parents: Parents
) -> Iterator[Finding]:
    """Give parents whose sum is not zero, though nothing else was said of them, a finding each."""
    for p in bad:
        open_ones = [i for i, above in residual.parents.items() if p in above]
        yield _mismatch(residual, np.array(open_ones, np.intp), layer, parents)
