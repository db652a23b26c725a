"""A made-up town as the files that the service loads."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import osmium
import pyogrio
import shapely
from osmium.osm.mutable import Node, Way

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.circles.town import Town
    from geo.street_building import Ways

LEVELS = (("district", 1), ("subdistrict", 4), ("community", 16), ("grid", 48))
"""Levels from the top, and how many units each has along a side of the town."""

POINTS = 58
"""Stations of the service."""


class Files(NamedTuple):
    """What is loaded, in this order."""

    levels: Path
    units: Path
    """GeoPackage with a layer a level."""
    addresses: Path
    streets: Path
    facilities: Path


def write_files(folder: Path, town: Town) -> Files:
    """Write the files of a town.

    Raises
    ------
    ValueError
        If the town is a real one: it has files.
    """
    if town.ways is None:
        raise ValueError(f"{town.name} was not made up")
    folder.mkdir(parents=True, exist_ok=True)
    files = Files(
        *(folder / name for name in ("levels.toml", "units.gpkg", "addresses.csv")),
        *(folder / name for name in ("streets.osm.pbf", "facilities.csv")),
    )
    files.levels.write_text("".join(_level(number) for number in range(len(LEVELS))))
    _write_units(files.units, town)
    _write_addresses(files.addresses, town)
    write_osm(files.streets, town.ways)
    _write_facilities(files.facilities, town)
    return files


def write_osm(path: Path, ways: Ways) -> None:
    """Write ways as an extract of OpenStreetMap."""
    if ways.node is None:
        raise ValueError("these ways have no names for their nodes")
    ids, first = np.unique(ways.node, return_index=True)
    writer = osmium.SimpleWriter(str(path), overwrite=True)
    try:
        for number, (lon, lat) in zip(ids.tolist(), ways.lonlat[first].tolist(), strict=True):
            writer.add_node(Node(id=number, location=(lon, lat), version=1))
        for way in range(len(ways.kinds)):
            nodes = ways.node[ways.start[way] : ways.start[way + 1]].tolist()
            writer.add_way(Way(id=way + 1, version=1, nodes=nodes, tags={"highway": "residential"}))
    finally:
        writer.close()


def _level(number: int) -> str:
    key, _ = LEVELS[number]
    above = f'parent = "{LEVELS[number - 1][0]}"\n' if number else ""
    return f'[[level]]\nkey = "{key}"\nname = "{key}"\n{above}tiling = "TILES"\n\n'


def _write_units(path: Path, town: Town) -> None:
    """Write squares; each border has the vertices of the finest level, so that all match."""
    path.unlink(missing_ok=True)
    lonlat = town.streets.plane.inverse(town.homes_xy)
    (west, south), (east, north) = lonlat.min(axis=0) - 0.001, lonlat.max(axis=0) + 0.001
    finest = LEVELS[-1][1]
    x = np.linspace(west, east, finest + 1).round(9).astype(np.float64)
    y = np.linspace(south, north, finest + 1).round(9).astype(np.float64)
    for number, (level, sides) in enumerate(LEVELS):
        by = finest // sides
        cells = [(i, j) for i in range(sides) for j in range(sides)]
        upper = sides // LEVELS[number - 1][1] if number else 1
        codes = [_code(number, i, j) for i, j in cells]
        parents = [_code(number - 1, i // upper, j // upper) if number else "" for i, j in cells]
        squares = [
            _square(x[i * by : (i + 1) * by + 1], y[j * by : (j + 1) * by + 1]) for i, j in cells
        ]
        _write_layer(path, level, np.array(squares, object), (codes, codes, parents))


def _code(level: int, i: int, j: int) -> str:
    return f"{level + 1}{i:02}{j:02}"


def _square(x: NDArray[np.float64], y: NDArray[np.float64]) -> shapely.Polygon:
    south, north = [(v, y[0]) for v in x], [(v, y[-1]) for v in x[::-1]]
    east, west = [(x[-1], v) for v in y[1:-1]], [(x[0], v) for v in y[-2:0:-1]]
    return shapely.Polygon([*south, *east, *north, *west])


def _write_layer(
    path: Path, level: str, squares: NDArray[np.object_], columns: tuple[Sequence[str], ...]
) -> None:
    pyogrio.raw.write(
        path,
        shapely.to_wkb(squares),
        [np.array(column, object) for column in columns],
        ["code", "name", "parent"],
        layer=level,
        driver="GPKG",
        geometry_type="Polygon",
        crs="EPSG:4326",
        append=path.exists(),
    )


def _write_addresses(path: Path, town: Town) -> None:
    """Write homes of one to three households; every fifth has somebody who lives there alone."""
    lonlat = town.streets.plane.inverse(town.homes_xy)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "lon", "lat", "households", "people", "elder_alone"))
        for number, (lon, lat) in enumerate(lonlat.tolist()):
            households = 1 + number % 3
            alone = int(number % 5 == 0)
            rows.writerow((number, f"{lon:.9f}", f"{lat:.9f}", households, 3 * households, alone))


def _write_facilities(path: Path, town: Town) -> None:
    stations = town.stations[:POINTS]
    lonlat = town.streets.plane.inverse(town.streets.node_xy[stations])
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "kind", "name", "lon", "lat"))
        for number, (lon, lat) in enumerate(lonlat.tolist()):
            key = f"S{number:03}"
            rows.writerow((key, "station", f"station {number}", f"{lon:.9f}", f"{lat:.9f}"))
