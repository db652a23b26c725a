"""Pieces of wrong land, said as findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.findings import Finding, Kind
from geo.layers import NO_PARENT
from geo.width import inscribed_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Layer, Metric, Parents


class Wrong(NamedTuple):
    """What is wrong with a piece of land."""

    kind: Kind
    units: tuple[int, ...]
    """The units that claim it, or the one that leaves its parent."""
    parent: int
    """The parent whose sum it spoils; ``NO_PARENT`` for an overlap across parents."""

    def surplus(self, layer: Layer) -> int:
        """Return how often the land counts too much, or too little, in the parent's sum."""
        if self.parent == NO_PARENT:
            return 0
        if self.kind is not Kind.OVERLAP:
            return 1
        return int((layer.parent_of[list(self.units)] == self.parent).sum()) - 1


class Piece(NamedTuple):
    """A connected piece of wrong land."""

    wrong: Wrong
    land: BaseGeometry
    area_m2: float
    width_m: float
    neighbours: Sequence[int] = ()
    """Units along it, longest shared border first; looked for where it is blank."""


def join_pieces(
    wrong: Sequence[tuple[int, Wrong]],
    faces: NDArray[np.object_],
    solid: NDArray[np.object_],
    metric: Metric,
) -> list[Piece]:
    """Join neighbouring faces on which the same is wrong.

    Parameters
    ----------
    wrong
        Faces, by number, and what is wrong with them.
    faces
        Polygons in degrees, shape (f,).
    solid
        Valid polygons of the units, shape (n,).
    metric
        Equal-area metres.
    """
    groups: dict[Wrong, list[int]] = {}
    for face, what in wrong:
        groups.setdefault(what, []).append(face)
    kinds: list[Wrong] = []
    parts: list[BaseGeometry] = []
    for what, members in groups.items():
        pieces = shapely.get_parts(shapely.union_all(faces[members]))
        kinds += [what] * len(pieces)
        parts += list(pieces)
    land = np.empty(len(parts), object)
    land[:] = parts
    flat = metric.project(land)
    area, width = shapely.area(flat), inscribed_width(flat)
    blank = [i for i, what in enumerate(kinds) if what.kind is Kind.BLANK]
    around = dict(zip(blank, _neighbours(land[blank], solid, metric), strict=True))
    return [
        Piece(what, land[i], float(area[i]), float(width[i]), around.get(i, ()))
        for i, what in enumerate(kinds)
    ]


def land_finding(piece: Piece, layer: Layer, parents: Parents) -> Finding:
    """Say a piece of wrong land in words and figures."""
    kind, units, parent = piece.wrong
    name = parents.codes[parent] if parent != NO_PARENT else None
    in_parent = f" in {name}" if name else ""
    size = size_text(piece.area_m2, piece.width_m)
    named = layer.names(units)
    if kind is Kind.BLANK:
        whose = (
            f"that only {layer.say(units)} claims, of another parent," if units else "of no unit"
        )
        named = tuple(c for i in piece.neighbours if (c := layer.codes[i]) is not None)
        beside = f", beside {layer.say(piece.neighbours)}" if piece.neighbours else ""
        message = f"land {whose}{in_parent}{beside}: {size}"
    elif kind is Kind.OVERLAP:
        message = f"{layer.say(units)} claim the same land{in_parent}: {size}"
    else:
        message = f"{layer.say(units)} leaves its parent {name or '(the outline)'}: {size}"
    return Finding(
        level=layer.level,
        kind=kind,
        message=message,
        geometry=piece.land,
        area_m2=piece.area_m2,
        width_m=piece.width_m,
        units=tuple(dict.fromkeys(named)),
        rows=layer.rows_of(units),
        parent=name,
        extra=piece.wrong.surplus(layer),
    )


def size_text(area_m2: float, width_m: float) -> str:
    """Say how large a piece of land is, in three digits."""
    return f"{_number(area_m2)} m2, up to {_number(width_m)} m wide"


def _number(value: float) -> str:
    three_digits = 100
    return f"{value:,.0f}" if value >= three_digits else f"{value:.3g}"


def _neighbours(
    land: NDArray[np.object_], solid: NDArray[np.object_], metric: Metric
) -> list[list[int]]:
    """Return the units along each piece of land, longest shared border first."""
    around: list[list[tuple[float, int]]] = [[] for _ in range(len(land))]
    if len(land):
        piece, unit = shapely.STRtree(solid).query(land, predicate="intersects")
        rims = shapely.intersection(shapely.boundary(land[piece]), shapely.boundary(solid[unit]))
        lengths = shapely.length(metric.project(rims))
        for i, u, length in zip(piece.tolist(), unit.tolist(), lengths.tolist(), strict=True):
            if length > 0:
                around[i].append((-length, u))
    return [[u for _, u in sorted(beside)] for beside in around]
