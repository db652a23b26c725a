"""Where a site may stand, and which homes it would bring inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo import discs, walking
from geo.errors import BadInputError, TooCostlyError
from geo.siting_places import thin
from resolvers.circles import lonlat_of
from resolvers.nearness import EXACT_M, same_walls
from resolvers.paging import check_length
from resolvers.shapes import DIGITS
from resolvers.walks import Basis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.streets import Streets
    from resolvers.city import City, Spots
    from resolvers.places import Point
    from resolvers.walks import WalkRow

MAX_CANDIDATES = 2_000
"""The most places that are looked at."""

CELL_M = 100.0
"""Street crossings nearer to one another than about this are one place."""
STRETCH_M = 250.0
"""On streets that are longer than this from crossing to crossing there are places between."""

MAX_PAIRS = 20_000_000
"""The most pairs of a candidate and a home: 240 MB, and a second to choose among."""
MAX_VISITS = 40_000_000
"""The most crossings that are walked to, from all candidates together: some seconds."""
_ROUNDING = 1e-3
"""By such a part a street may be longer than it is, and still have no place more."""
_SAMPLE = 16
"""Candidates by which it is told how many there may be."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Places where a site may stand.

    Attributes
    ----------
    lonlat
        Degrees (WGS 84), shape (k, 2): where the site would be, to the last decimal that is shown.
    spacing_m
        In squares of this side at most one of the crossings, and of other places on streets
        (without streets: of the homes), is among them; None where places were given.
    """

    lonlat: NDArray[np.float64]
    spacing_m: float | None

    def some(self, which: NDArray[np.intp], spacing_m: float | None) -> Candidates:
        """Return some of the places, by their numbers."""
        return Candidates(self.lonlat[which], spacing_m)


class Offers(NamedTuple):
    """Which homes each candidate would bring inside, in compressed rows."""

    candidates: Candidates
    first: NDArray[np.int64]
    home: NDArray[np.int32]
    """Index into the homes that were asked about."""


def given_candidates(points: Sequence[Point], ground: shapely.Geometry) -> Candidates:
    """Return the places that somebody gave.

    Raises
    ------
    BadInputError
        If there is none, or one is not on the Earth or outside the ground (degrees); it is named.
    LimitExceededError
        If there are more than ``MAX_CANDIDATES``.
    """
    check_length("candidates", points, MAX_CANDIDATES)
    if not points:
        raise BadInputError(
            "candidates is empty; name places, or leave it out to try gates, service points and "
            "street crossings",
            argument="candidates",
        )
    lonlat = np.concatenate(
        [lonlat_of(point, argument=f"candidates[{n}]") for n, point in enumerate(points)]
    )
    shapely.prepare(ground)
    inside = shapely.intersects_xy(ground, lonlat)
    if not inside.all():
        bad = int(np.argmin(inside))
        raise BadInputError(
            f"candidates[{bad}] lies outside `within` ({np.count_nonzero(~inside):,} of "
            f"{len(points):,} do): name places on the land of `within`",
            argument=f"candidates[{bad}]",
        )
    return Candidates(lonlat, None)


def found_candidates(city: City, ground: shapely.Geometry, homes: NDArray[np.intp]) -> Candidates:
    """Return compounds' gates, service points and places on the streets of some ground.

    Parameters
    ----------
    ground
        In degrees. What lies on its border is not on it.
    homes
        Without streets, of these homes about one in each square is a candidate.

    Notes
    -----
    Where there are too many, service points keep up to half of the room, then crossings come
    before other places on streets.
    """
    tiers = [city.facilities.lonlat.reshape(-1, 2)]
    if city.streets is not None:
        box = _box(city, ground)
        tiers += [
            city.plane.inverse(_in_box(city.streets.node_xy, box)),
            city.plane.inverse(_in_box(_along_streets(city.streets), box)),
        ]
    else:
        tiers.append(city.homes.lonlat[homes])
    kept, spacing_m = np.zeros((0, 2)), CELL_M
    for tier, (lonlat, cell_m) in enumerate(zip(tiers, (1.0, CELL_M, CELL_M), strict=False)):
        room = MAX_CANDIDATES // 2 if tier == 0 else MAX_CANDIDATES - len(kept)
        if room:
            places = _inside(lonlat, ground)
            spread = thin(city.plane.forward(places), most=room, cell_m=cell_m)
            kept = np.concatenate([kept, places[spread.chosen]])
            spacing_m = max(spacing_m, spread.cell_m)
    return Candidates(kept, spacing_m)


def _along_streets(streets: Streets) -> NDArray[np.float64]:
    """Return places between the ends of long edges, evenly spread; shape (k, 2), metres."""
    pieces = np.ceil(streets.length_m / STRETCH_M - _ROUNDING).astype(np.int64)
    edge = np.repeat(np.arange(len(pieces)), np.maximum(pieces - 1, 0))
    long = np.unique(edge)
    number = np.arange(len(edge)) - np.searchsorted(edge, edge) + 1
    counts = np.diff(streets.line_start)
    vertex_edge = np.repeat(np.arange(len(counts)), counts)
    own = np.isin(vertex_edge, long)
    lines = np.asarray(
        shapely.linestrings(streets.line_xy[own], indices=np.searchsorted(long, vertex_edge[own]))
    )
    at_m = number * streets.length_m[edge] / pieces[edge]
    spots = shapely.line_interpolate_point(lines[np.searchsorted(long, edge)], at_m)
    return np.asarray(shapely.get_coordinates(spots))


def _box(city: City, ground: shapely.Geometry) -> NDArray[np.float64]:
    """Return the corners of the box around some ground, metres, shape (2, 2)."""
    sides = np.asarray(shapely.bounds(city.plane.project(np.array([ground], object))), np.float64)
    margin_m = np.array([[-1.0], [1.0]], np.float64)
    box: NDArray[np.float64] = sides.reshape(2, 2) + margin_m
    return box


def _in_box(xy: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points in a box: few are worth converting to degrees."""
    inside: NDArray[np.bool_] = ((xy >= box[0]) & (xy <= box[1])).all(axis=1)
    return xy[inside]


def _inside(lonlat: NDArray[np.float64], ground: shapely.Geometry) -> NDArray[np.float64]:
    """Return the places on some ground, rounded as they are shown: none is shown outside."""
    shown = np.round(lonlat, DIGITS)
    shapely.prepare(ground)
    return np.unique(shown[shapely.contains_xy(ground, shown)], axis=0)


def offers(city: City, candidates: Candidates, homes: NDArray[np.intp], walk: WalkRow) -> Offers:
    """Find which homes are within the walk of each candidate.

    Parameters
    ----------
    homes
        Numbers of the homes that are asked about.

    Raises
    ------
    TooCostlyError
        If places were given, and so many are too many for so long a walk.
    """
    spots = city.spots(candidates.lonlat)
    lives = city.lives.some(homes)
    most = _affordable(city, spots, lives, walk)
    if len(spots) > most:
        if candidates.spacing_m is None:
            raise TooCostlyError(
                f"{len(spots)} candidates with a walk of {walk.metres:g} m cost too much: give at "
                f"most {most}, or a shorter walk",
                argument="candidates",
            )
        fewer = thin(spots.xy, most=most, cell_m=candidates.spacing_m)
        candidates = candidates.some(fewer.chosen, fewer.cell_m)
        spots = spots.some(fewer.chosen)
    first, home = _behind_same_walls(spots, lives, walk, *_within(city, spots, lives, walk))
    return Offers(candidates, first, home)


def _affordable(city: City, spots: Spots, lives: Spots, walk: WalkRow) -> int:
    """Return how many candidates can be walked from, told by a few of them."""
    if len(spots) <= _SAMPLE:
        return _SAMPLE
    some = spots.some(np.linspace(0, len(spots) - 1, _SAMPLE).astype(np.intp))
    first, _ = _within(city, some, lives, walk)
    most = MAX_PAIRS * _SAMPLE // max(1, int(first[-1]))
    if walk.basis is Basis.NETWORK and some.entries is not None:
        begin, _, _ = walking.reach_each(city.network(), some.entries, limit_m=walk.metres)
        most = min(most, MAX_VISITS * _SAMPLE // max(1, int(begin[-1])))
    return max(most, _SAMPLE)


def _within(
    city: City, spots: Spots, lives: Spots, walk: WalkRow
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the homes within the walk of each place, in compressed rows."""
    limit_m = walk.metres + EXACT_M
    if walk.basis is Basis.NETWORK and spots.entries is not None and lives.entries is not None:
        found = walking.within(city.network(), spots.entries, lives.entries, limit_m=limit_m)
        return found.start, found.point
    by_air = discs.within_by_air(spots.xy, lives.xy, limit_m=limit_m)
    return by_air.start, by_air.point


def _behind_same_walls(
    spots: Spots,
    lives: Spots,
    walk: WalkRow,
    first: NDArray[np.int64],
    home: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Add the homes that go straight to a place behind the same walls, as everywhere else."""
    if walk.basis is Basis.RADIUS or not (spots.group >= 0).any():
        return first, home
    rows = np.split(home, first[1:-1])
    for number, near, straight_m in same_walls(spots, lives):
        own = near[straight_m <= walk.metres + EXACT_M].astype(np.int32)
        rows[number] = np.union1d(rows[number], own)
    first = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=first[1:])
    return first, np.concatenate(rows)
