"""The picture of a circle: what it costs, and how many houses it shows on the wrong side."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from benchmarks.circles.engines import at_nodes
from geo.cells import make_cells
from geo.discs import disc
from geo.isochrone import picture
from geo.walking import distances, reach

if TYPE_CHECKING:
    from benchmarks.circles.town import Town
    from geo.cells import Cells

TOGETHER = 58
"""Stations of the picture of many."""

JUDGED = 12


class Pictured(NamedTuple):
    """What pictures of a town cost, and how true they are."""

    town: str
    homes: int
    prepare_s: float
    """Once for a network."""
    one_s: float
    """A circle, the median; what it touches of the cells was made before."""
    many_s: float
    """The circles of 58 stations as one."""
    wrong: float
    """Houses missed and falsely inside, over those truly inside; the mean of twelve stations."""
    disc_wrong: float
    """The same for a disc of the same reach."""


def pictured(town: Town, limit_m: float, *, rounds: int) -> Pictured:
    """Draw circles, and judge them by the homes."""
    began = time.perf_counter()
    cells = make_cells(town.streets)
    stations = town.stations[:TOGETHER]
    together = reach(town.streets, at_nodes(town, stations), limit_m=limit_m)
    picture(cells, town.streets, together)
    prepare_s = time.perf_counter() - began
    one_s, many_s = list[float](), list[float]()
    for _ in range(rounds):
        began = time.perf_counter()
        picture(cells, town.streets, together)
        many_s.append(time.perf_counter() - began)
        for station in stations[:JUDGED]:
            reached = reach(town.streets, at_nodes(town, np.array([station])), limit_m=limit_m)
            began = time.perf_counter()
            picture(cells, town.streets, reached)
            one_s.append(time.perf_counter() - began)
    wrong, disc_wrong = _judged(town, cells, limit_m)
    return Pictured(
        town=town.name,
        homes=len(town.homes_xy),
        prepare_s=prepare_s,
        one_s=float(np.median(one_s)),
        many_s=float(np.median(many_s)),
        wrong=wrong,
        disc_wrong=disc_wrong,
    )


def _judged(town: Town, cells: Cells, limit_m: float) -> tuple[float, float]:
    """Return the wrong share of pictures and of discs, the mean of some stations."""
    homes = np.asarray(shapely.points(town.homes_xy))
    shares: list[tuple[float, ...]] = []
    for station in town.stations[:JUDGED].tolist():
        reached = reach(town.streets, at_nodes(town, np.array([station])), limit_m=limit_m)
        inside = distances(town.streets, reached, town.homes) <= limit_m
        if not inside.any():
            continue
        drawn = picture(cells, town.streets, reached)
        shapes = (drawn, disc(town.streets.node_xy[station], limit_m))
        for shape in shapes:
            shapely.prepare(shape)
        wrong = ((shapely.intersects(shape, homes) != inside).sum() for shape in shapes)
        shares.append(tuple(float(number / inside.sum()) for number in wrong))
    drawn_wrong, disc_wrong = np.mean(shares, axis=0).tolist() if shares else (0.0, 0.0)
    return drawn_wrong, disc_wrong
