"""A level on which nothing stood: its changes are those that any comparison finds."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given

from geo.changes import all_added, find_changes
from geo.world import Units
from tests.geo.builders import PLANE, array, draw_nest
from tests.geo.strategies import seeds


@given(seed=seeds)
def test_every_unit_is_added_with_its_land(seed: int) -> None:
    nest = draw_nest(np.random.default_rng(seed))
    codes = [f"{17 * i % 101:03}" for i in range(len(nest.grids))]
    units = Units(
        row_ids=np.zeros(len(codes), np.int64),
        geoms=PLANE.degrees(array(nest.grids)),
        codes=codes,
        names=[f"n{code}" for code in codes],
        parent_codes=["1"] * len(codes),
        properties=[{} for _ in codes],
    )
    area_m2 = np.asarray(shapely.area(PLANE.project(units.geoms)))

    assert all_added("grid", units, area_m2) == find_changes(
        "grid", Units.none(), units, PLANE, moves=False
    )
