"""The files that are imported: the coverage benchmark's cities as GeoPackages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyogrio
import shapely

from benchmarks.coverage.generate import load, stored_city
from benchmarks.coverage.publish import move_wall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.coverage.generate import City

CHANGED = 0.01
"""The share of grids that the second file draws otherwise."""

FIELDS = ("code", "name", "parent")


class Files(NamedTuple):
    """What is imported of one city."""

    above: Path
    """GeoPackage of the levels above the grids, a layer each."""
    grids: Path
    changed: Path
    """The same grids, one in a hundred with a wall elsewhere."""
    grids_count: int
    """How many grids they have."""


UPPER = ("district", "subdistrict", "community")
"""Levels above the grids, from the top down: layers of one file."""


def stored_files(folder: Path, grids: int) -> Files:
    """Return the files of a city, made now if they are not there."""
    source = stored_city(folder, grids, dirty=False)
    city = load(source)
    above, grid, changed = (
        source.with_name(f"{source.stem}-{part}.gpkg") for part in ("above", "grid", "changed")
    )
    files = Files(above, grid, changed, len(city.units))
    if not files.changed.exists():  # it is written last
        for path in (above, grid):
            path.unlink(missing_ok=True)
        _write_all(city, files)
    return files


def _write_all(city: City, files: Files) -> None:
    districts = shapely.from_wkb(city.districts)
    top = city.district_codes[0][:4]
    whole = np.array([shapely.coverage_union_all(districts)], object)
    above = [city.district_codes[i] for i in city.district_of.tolist()]
    for level, geoms, codes, parents in (
        ("district", whole, [top], [""]),
        ("subdistrict", districts, city.district_codes, [top] * len(districts)),
        ("community", shapely.from_wkb(city.parents), city.parent_codes, above),
    ):
        _write(files.above, level, geoms, codes, parents)
    grids = np.asarray(shapely.from_wkb(city.units), object)
    parents = [city.parent_codes[i] for i in city.parent_of.tolist()]
    _write(files.grids, "grid", grids, city.codes, parents)
    unfinished = files.changed.with_suffix(".part.gpkg")
    unfinished.unlink(missing_ok=True)
    _write(unfinished, "grid", with_moved_walls(grids, city.parent_of), city.codes, parents)
    unfinished.rename(files.changed)


def _write(
    path: Path,
    layer: str,
    geoms: NDArray[np.object_],
    codes: Sequence[str],
    parents: Sequence[str],
) -> None:
    columns = [codes, [f"n{code}" for code in codes], parents]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(geoms),
        [np.array(column, object) for column in columns],
        list(FIELDS),
        layer=layer,
        driver="GPKG",
        geometry_type="Polygon",
        crs="EPSG:4326",
        append=path.exists(),
    )


def with_moved_walls(
    grids: NDArray[np.object_], parent_of: NDArray[np.intp]
) -> NDArray[np.object_]:
    """Return grids of which one in a hundred is drawn otherwise, always two neighbours.

    The first two grids of a community share their wall; every so many communities it is moved.
    """
    _, first = np.unique(parent_of, return_index=True)
    pairs = first[parent_of[first] == parent_of[np.minimum(first + 1, len(grids) - 1)]]
    wanted = max(1, round(CHANGED * len(grids) / 2))
    out = grids.copy()
    for west in pairs[:: max(1, len(pairs) // wanted)][:wanted].tolist():
        out[west], out[west + 1] = move_wall(out[west], out[west + 1])
    return out
