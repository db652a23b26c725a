"""Made-up towns of any size: streets with bends, a river with bridges, homes and stations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.crs import LocalMetric
from geo.snapping import snap
from geo.street_building import Ways, build_streets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.street_building import Built
    from geo.streets import Entries, Streets

PLANE = LocalMetric(121.0, 31.0)
SIDE_M = 70.0
"""Blocks are about as long: edges of real extracts have 69 to 74 m on an average."""

KEPT = 0.835
"""Share of the sides of blocks that are streets: 1.67 a crossing, as in real extracts."""

EDGES_A_CROSSING = 1.56
"""What is left of them once streets that only go on are one."""

BRIDGES = 12
"""Every so many streets across the river there is a bridge."""

INNER = np.array([0.25, 0.5, 0.75])
"""Where streets have their bends."""

HOMES_AN_EDGE = 1.42
STATIONS = 1000


class Town(NamedTuple):
    """A town, with h homes and stations on crossings."""

    name: str
    ways: Ways | None
    """What the streets are made of; None for a real town."""
    streets: Streets
    homes_xy: NDArray[np.float64]
    """Shape (h, 2), metres."""
    homes: Entries
    stations: NDArray[np.intp]
    """Nodes of the largest piece, at most `STATIONS`."""


def make_town(edges: int, *, seed: int = 1) -> Town:
    """Make up a town of about so many edges."""
    ways = draw_ways(edges, seed=seed)
    streets = build_streets(ways).streets
    homes_xy = scatter(streets, round(HOMES_AN_EDGE * edges), seed=seed)
    return settled(f"made-up town of {len(streets):,} edges", streets, homes_xy, ways=ways)


def real_town(name: str, built: Built, homes_lonlat: NDArray[np.float64]) -> Town:
    """Return a town of real streets and houses."""
    return settled(name, built.streets, built.streets.plane.forward(homes_lonlat))


def settled(
    name: str, streets: Streets, homes_xy: NDArray[np.float64], *, ways: Ways | None = None
) -> Town:
    """Return a town with its homes placed on the streets, and stations on crossings."""
    largest = np.flatnonzero(streets.piece == 0)
    rng = np.random.default_rng(7)
    stations = rng.choice(largest, min(STATIONS, len(largest)), replace=False)
    return Town(name, ways, streets, homes_xy, snap(streets, homes_xy), stations)


def draw_ways(edges: int, *, seed: int) -> Ways:
    """Draw streets along the sides of jittered blocks; every side is a way of its own."""
    rng = np.random.default_rng(seed)
    k = max(2, round(np.sqrt(edges / EDGES_A_CROSSING)))
    number = np.arange(k * k).reshape(k, k)
    column, row = np.divmod(number.ravel(), k)
    xy = np.column_stack([column, row]) * SIDE_M - k * SIDE_M / 2
    xy = xy + rng.uniform(-SIDE_M / 4, SIDE_M / 4, xy.shape)
    a = np.concatenate([number[:-1].ravel(), number[:, :-1].ravel()])
    b = np.concatenate([number[1:].ravel(), number[:, 1:].ravel()])
    kept = (rng.random(len(a)) < KEPT) & ~_over_water(xy, a, b, column)
    a, b = a[kept], b[kept]
    along = xy[b] - xy[a]
    aside = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
    bend_m = rng.uniform(-8.0, 8.0, len(a))[:, None] * np.sin(np.pi * INNER)
    inner = xy[a][:, None] + along[:, None] * INNER[:, None] + aside[:, None] * bend_m[:, :, None]
    vertices = np.concatenate([xy[a][:, None], inner, xy[b][:, None]], axis=1)
    size = vertices.shape[1]
    ids = k * k + 1 + np.arange(len(a) * len(INNER)).reshape(len(a), len(INNER))
    return Ways(
        start=np.arange(0, size * len(a) + 1, size, dtype=np.int64),
        lonlat=np.round(PLANE.inverse(vertices.reshape(-1, 2)), 9),
        node=np.column_stack([a + 1, ids, b + 1]).ravel().astype(np.int64),
        kinds=["residential"] * len(a),
        names=[None] * len(a),
    )


def _over_water(
    xy: NDArray[np.float64], a: NDArray[np.intp], b: NDArray[np.intp], column: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Tell which sides cross the river where there is no bridge."""
    width_m = max(1.0, float(np.ptp(xy[:, 0])))
    north = xy[:, 1] > 0.1 * width_m * np.sin(2 * np.pi * xy[:, 0] / width_m)
    return np.asarray((north[a] != north[b]) & (column[a] % BRIDGES != 0), np.bool_)


def scatter(streets: Streets, count: int, *, seed: int) -> NDArray[np.float64]:
    """Return places 8 to 35 m off the streets, shape (count, 2), as many a metre everywhere."""
    rng = np.random.default_rng(seed)
    step = np.diff(streets.line_xy, axis=0)
    step[streets.line_start[1:-1] - 1] = 0.0  # from one line to the next
    length_m = np.hypot(*step.T)
    at = rng.choice(len(step), count, p=length_m / length_m.sum())
    aside = np.column_stack([-step[at, 1], step[at, 0]]) / length_m[at, None]
    off_m = rng.uniform(8.0, 35.0, count) * rng.choice([-1.0, 1.0], count)
    part = rng.random(count)
    return np.asarray(
        streets.line_xy[at] + step[at] * part[:, None] + aside * off_m[:, None], np.float64
    )
