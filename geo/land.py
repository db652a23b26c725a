"""Pieces of wrong land, said as findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains
from geo.findings import Finding, Kind
from geo.layers import NO_PARENT
from geo.rings import edges_of
from geo.width import inscribed_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Layer, Metric, Parents

RIM_DEG = 1e-9
"""A segment this near to a rim lies on it, in degrees: crossings are not exact."""

SLIVER_M = 1.0
"""Pieces of land up to this width, in metres, are told together: one finding for each pair."""


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
    """A connected piece of wrong land, or the slivers of one pair."""

    wrong: Wrong
    land: BaseGeometry
    area_m2: float
    width_m: float
    neighbours: Sequence[int] = ()
    """Units along it, longest shared border first; looked for where it is blank."""
    borders_m: Sequence[float] = ()
    """Length of border to each of them."""
    pieces: int = 1
    """How many connected pieces there are."""
    pair: Sequence[int] | None = None
    """Of slivers: the units between which they lie; see :func:`merge_slivers`."""


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
    lands = np.array([shapely.union_all(faces[members]) for members in groups.values()], object)
    return connected_pieces(list(groups), lands, solid, metric)


def connected_pieces(
    wrong: Sequence[Wrong],
    lands: NDArray[np.object_],
    solid: NDArray[np.object_],
    metric: Metric,
) -> list[Piece]:
    """Take wrong land apart into connected pieces, and measure them.

    Parameters
    ----------
    wrong, lands
        What is wrong, and where: polygons and multipolygons in degrees; both of length k.
    solid, metric
        As for :func:`join_pieces`.
    """
    land, which = shapely.get_parts(lands, return_index=True)
    flat = metric.project(land)
    area, width = shapely.area(flat), inscribed_width(flat)
    kinds = [wrong[i] for i in which.tolist()]
    blank = [i for i, what in enumerate(kinds) if what.kind is Kind.BLANK]
    around = dict(zip(blank, _neighbours(land[blank], solid, metric), strict=True))
    return [
        Piece(what, land[i], float(area[i]), float(width[i]), *around.get(i, ((), ())))
        for i, what in enumerate(kinds)
        if area[i] > 0
    ]


def merge_slivers(pieces: Sequence[Piece], layer: Layer) -> list[Piece]:
    """Make one of all slivers of a kind that lie between the same units of one parent.

    Parameters
    ----------
    pieces
        Connected pieces.
    layer
        The units.

    Returns
    -------
    list of Piece
        Pieces wider than ``SLIVER_M`` as they are, then the slivers. Doubled land lies between its
        claimants, land outside with the unit that leaves, blank land between the two units with
        the longest borders to it.
    """
    out: list[Piece] = []
    slivers: dict[tuple[Wrong, tuple[int, ...]], list[Piece]] = {}
    for piece in pieces:
        named = _by_length(piece, layer)
        if piece.width_m > SLIVER_M:
            out.append(named)
            continue
        blank = piece.wrong.kind is Kind.BLANK
        pair = tuple(sorted(named.neighbours[:2])) if blank else piece.wrong.units
        slivers.setdefault((piece.wrong, pair), []).append(named)
    return out + [_merged(same, pair, layer) for (_, pair), same in slivers.items()]


def _merged(pieces: Sequence[Piece], pair: tuple[int, ...], layer: Layer) -> Piece:
    """Return several slivers as one piece."""
    if len(pieces) == 1:
        return pieces[0]._replace(pair=pair)
    borders: dict[int, float] = {}
    for piece in pieces:
        for unit, metres in zip(piece.neighbours, piece.borders_m, strict=True):
            borders[unit] = borders.get(unit, 0.0) + metres
    together = Piece(
        pieces[0].wrong,
        _together(pieces),
        sum(piece.area_m2 for piece in pieces),
        max(piece.width_m for piece in pieces),
        tuple(borders),
        tuple(borders.values()),
        pieces=len(pieces),
        pair=pair,
    )
    return _by_length(together, layer)


def _together(pieces: Sequence[Piece]) -> BaseGeometry:
    lands = np.empty(len(pieces), object)
    lands[:] = [piece.land for piece in pieces]
    one = np.asarray(shapely.multipolygons(lands, indices=np.zeros(len(lands), np.intp)))
    whole: BaseGeometry = one[0]
    return whole


def _by_length(piece: Piece, layer: Layer) -> Piece:
    """Order a piece's neighbours: longest border first, to the millimetre, then by name."""
    if not piece.neighbours:
        return piece
    beside = zip(piece.neighbours, piece.borders_m, strict=True)
    ordered = sorted(beside, key=lambda b: (-round(b[1], 3), layer.name(b[0])))
    units, metres = zip(*ordered, strict=True)
    return piece._replace(neighbours=units, borders_m=metres)


def land_findings(pieces: Sequence[Piece], layer: Layer, parents: Parents) -> list[Finding]:
    """Say pieces of wrong land as findings, with the chains of their land."""
    land = np.empty(len(pieces), object)
    land[:] = [piece.land for piece in pieces]
    return [
        replace(land_finding(piece, layer, parents), chain=chain)
        for piece, chain in zip(pieces, chains(land).tolist(), strict=True)
    ]


def land_finding(piece: Piece, layer: Layer, parents: Parents) -> Finding:
    """Say a piece of wrong land in words and figures."""
    kind, units, parent = piece.wrong
    name = parents.codes[parent] if parent != NO_PARENT else None
    named, borders_m = layer.names(units), tuple[float, ...]()
    if kind is Kind.BLANK:
        named, borders_m = _named_borders(piece, layer)
    return Finding(
        level=layer.level,
        kind=kind,
        message=_say(piece, layer, name),
        geometry=piece.land,
        area_m2=piece.area_m2,
        width_m=piece.width_m,
        units=named,
        rows=layer.rows_of(units),
        parent=name,
        extra=piece.wrong.surplus(layer),
        borders_m=borders_m,
        pieces=piece.pieces,
        pair=tuple(map(layer.name, piece.pair)) if piece.pair is not None else None,
    )


def _named_borders(piece: Piece, layer: Layer) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the codes of the neighbours that have one, each once, and their borders."""
    metres: dict[str, float] = {}
    for unit, length in zip(piece.neighbours, piece.borders_m, strict=True):
        code = layer.codes[unit]
        if code is not None:
            metres[code] = metres.get(code, 0.0) + length
    return tuple(metres), tuple(metres.values())


def _say(piece: Piece, layer: Layer, name: str | None) -> str:
    """Return the message of a finding of land; ``name`` is the parent's."""
    kind, units, _ = piece.wrong
    in_parent = f" in {name}" if name else ""
    size = size_text(piece.area_m2, piece.width_m)
    many = f"{piece.pieces} slivers" if piece.pieces > 1 else ""
    size = f"together {size}" if many else size
    if kind is Kind.BLANK:
        whose = f"that only {layer.say(units)} claims, of another parent" if units else "of no unit"
        if units and name:
            whose += ","
        beside = f", beside {layer.say(piece.neighbours)}" if piece.neighbours else ""
        if piece.pair and many:
            beside = f", between {' and '.join(map(layer.name, piece.pair))}"
        return f"{many or 'land'} {whose}{in_parent}{beside}: {size}"
    if kind is Kind.OVERLAP:
        return f"{layer.say(units)} claim the same {many or 'land'}{in_parent}: {size}"
    along = f" in {many}" if many else ""
    return f"{layer.say(units)} leaves its parent {name or '(the outline)'}{along}: {size}"


def size_text(area_m2: float, width_m: float) -> str:
    """Say how large a piece of land is, in three digits."""
    return f"{_number(area_m2)} m2, up to {_number(width_m)} m wide"


def _number(value: float) -> str:
    three_digits = 100
    return f"{value:,.0f}" if value >= three_digits else f"{value:.3g}"


def _neighbours(
    land: NDArray[np.object_], solid: NDArray[np.object_], metric: Metric
) -> list[tuple[list[int], list[float]]]:
    """Return the units along each piece of land and their borders in metres, longest first."""
    if not len(land):
        return []
    edges, first = edges_of(land)
    piece = np.repeat(np.arange(len(land)), np.diff(first))
    lines = np.asarray(shapely.linestrings(edges.reshape(-1, 2, 2)))
    length = shapely.length(metric.project(lines))
    middles = np.asarray(shapely.points((edges[:, :2] + edges[:, 2:]) / 2))
    units = np.unique(shapely.STRtree(land).query(solid)[0])  # boxes will do
    unit, edge = shapely.STRtree(middles).query(
        shapely.boundary(solid[units]), predicate="dwithin", distance=RIM_DEG
    )
    key, which = np.unique(piece[edge] * len(solid) + units[unit], return_inverse=True)
    metres = np.bincount(which, length[edge], len(key))
    around: list[tuple[list[int], list[float]]] = [([], []) for _ in range(len(land))]
    for k in np.argsort(-metres, kind="stable").tolist():
        i, u = divmod(int(key[k]), len(solid))
        around[i][0].append(u)
        around[i][1].append(float(metres[k]))
    return around
