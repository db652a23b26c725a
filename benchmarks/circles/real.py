"""Real towns: extracts of OpenStreetMap with their buildings as homes, if the files are there."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import shapely

from benchmarks.circles.town import real_town
from benchmarks.coverage.worker import CHECKOUT
from resolvers.streets import join_files
from sources.streets import read_streets
from sources.walkable import read_walkable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from benchmarks.circles.town import Town

PLACES = (
    ("Liechtenstein", "liechtenstein.osm.pbf"),
    ("Krems", "krems.osm.gz"),
    ("Helsinki, the centre", "helsinki.osm.pbf"),
    ("Monaco", "monaco_2013.osm.gz"),
)
"""Name and extract."""


def real_towns() -> Iterator[Town]:
    """Yield the towns whose files are there."""
    named = os.environ.get("WANGGE_REAL_DATA")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "data"
    for name, extract in PLACES:
        path = folder / "c_networks" / extract
        if path.exists():
            built = join_files([read_streets(path, walkable=read_walkable())])
            yield real_town(f"{name}: {len(built.streets):,} edges", built, _buildings(path))


def _buildings(path: Path) -> NDArray[np.float64]:
    """Return the middles of the buildings in an extract, degrees, shape (h, 2)."""
    name = f"/vsigzip/{path}" if path.suffix == ".gz" else str(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some buildings are cut by the edge of the extract
        found = pyogrio.raw.read(
            name, layer="multipolygons", where="building IS NOT NULL", columns=[]
        )
    land = shapely.from_wkb(found[2], on_invalid="ignore")
    return np.asarray(shapely.get_coordinates(shapely.centroid(land[~shapely.is_missing(land)])))
