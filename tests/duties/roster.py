"""The made-up town's roster, counted from its files row by row."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import shapely

from tests.town import addresses, layer, table

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = table("assignments.csv")
NOW = [row for row in ROWS if not row["until"]]
PEOPLE = table("people.csv")
BEFORE = Counter(row["unit"] for row in NOW if row["duty"] == "volunteer")
"""How many volunteers each grid has."""


@cache
def households() -> dict[str, int]:
    """Return the households of each grid, each address counted where its point lies."""
    grids, (rows, points) = layer("grid"), addresses()
    _, inside = shapely.STRtree(grids.geoms).query(points, predicate="within")
    counts: Counter[str] = Counter()
    for row, grid in zip(rows, inside.tolist(), strict=True):
        counts[str(grids.columns["code"][grid])] += int(row["households"])
    return dict(counts)


def targets(bodies: int) -> dict[str, float]:
    """Return each grid's part of some bodies, by households."""
    own = households()
    return {code: bodies * number / sum(own.values()) for code, number in own.items()}


def spread(loads: Mapping[str, int]) -> float:
    """Return by how much units are off their part, on the average, as a share of it."""
    parts = targets(sum(loads.values()))
    return sum(abs(loads[code] - part) for code, part in parts.items()) / sum(loads.values())
