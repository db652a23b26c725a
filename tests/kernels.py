"""Compile the kernels of ``geo`` into their caches, before several processes do it at once.

Each process that finds no cache compiles for a minute. ``make test`` runs this beside the checks,
which keep one core busy.
"""

from __future__ import annotations

import numpy as np

from fixtures.__main__ import DATA
from geo.cells import make_cells
from geo.isochrone import picture
from geo.planning import Problem, plan
from geo.siting import best_sites, fewest_sites
from geo.snapping import behind_gates, snap
from geo.walking import distances, nearest, reach, reach_each, within
from resolvers.checking import check_files
from resolvers.repairing_files import repair_files
from sources.boundaries import read_boundaries
from tests.geo.networks import lattice

LIMIT_M = 250.0
BLOCKS = 5


def compile_proof() -> None:
    """Check and mend a file with every kind of fault."""
    grids = read_boundaries(DATA / "grids_next_year.gpkg")
    communities = read_boundaries(DATA / "town.gpkg", layer="community")
    check_files(grids, communities)
    repair_files(grids, communities)


def compile_walks() -> None:
    """Walk in a town of square blocks, draw how far one gets, and choose sites."""
    streets = lattice(BLOCKS, BLOCKS)
    xy = streets.node_xy + 7.0
    points = snap(streets, xy)
    behind_gates(
        streets,
        points,
        xy,
        np.zeros(len(xy), np.int32),
        np.array([0, 1], np.int64),
        xy[:1],
    )
    reached = reach(streets, points, limit_m=LIMIT_M)
    distances(streets, reached, points)
    nearest(streets, points, points, limit_m=LIMIT_M)
    reach_each(streets, points, limit_m=LIMIT_M)
    within(streets, points, points, limit_m=LIMIT_M)
    picture(make_cells(streets), streets, reached)
    weight = np.ones(BLOCKS, np.int64)
    first, point = np.arange(BLOCKS + 1, dtype=np.int64), np.arange(BLOCKS, dtype=np.int32)
    best_sites(weight, first, point, count=2)
    fewest_sites(weight, first, point, target=3, most=BLOCKS)


def compile_plans() -> None:
    """Place people onto units."""
    place = np.zeros((BLOCKS, 2))
    one = np.ones(BLOCKS, np.int64)
    fits = np.ones((BLOCKS, 1), np.bool_)
    plan(Problem(place, fits, place, one, one, one, 0 * one, np.zeros((BLOCKS, 1), np.int64)))


def main() -> None:
    """Compile everything that most tests need."""
    compile_proof()
    compile_walks()
    compile_plans()


if __name__ == "__main__":
    main()
