"""Read the made-up town's files for tests, and measure them without the engine under test."""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from pyogrio.raw import read
from pyproj import Transformer
from shapely import Point, Polygon
from shapely.geometry import shape

from fixtures.__main__ import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry


class Layer(NamedTuple):
    """A layer of a file: geometries, and its columns by name."""

    geoms: NDArray[np.object_]
    columns: dict[str, list[object]]

    def by_code(self) -> dict[object, Polygon]:
        """Return the polygons by the column ``code``."""
        return dict(zip(self.columns["code"], self.geoms.tolist(), strict=True))


def layer(name: str, file: Path = DATA / "town.gpkg") -> Layer:
    """Return a layer of a file of polygons."""
    meta, _, wkb, data = read(file, layer=name)
    columns = dict(zip(meta["fields"].tolist(), (values.tolist() for values in data), strict=True))
    return Layer(np.array(shapely.from_wkb(wkb), dtype=object), columns)


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def features(name: str) -> list[tuple[dict[str, object], BaseGeometry]]:
    """Return properties and geometries of a GeoJSON file."""
    content = json.loads((DATA / name).read_text(encoding="utf-8"))
    return [(item["properties"], shape(item["geometry"])) for item in content["features"]]


def addresses() -> tuple[list[dict[str, str]], NDArray[np.object_]]:
    """Return the rows of both address lists, and their points."""
    rows = [*table("addresses_1.csv"), *table("addresses_2.csv")]
    points = [Point(float(row["lon"]), float(row["lat"])) for row in rows]
    return rows, np.array(points, dtype=object)


def segments(geom: BaseGeometry) -> Counter[tuple[tuple[int, int], tuple[int, int]]]:
    """Return signed segments on the 1e-9 lattice: a to b counts 1, b to a counts -1."""
    total: Counter[tuple[tuple[int, int], tuple[int, int]]] = Counter()
    for part in shapely.get_parts(geom):
        for ring in shapely.get_rings(shapely.orient_polygons(part)):
            nodes = np.rint(shapely.get_coordinates(ring) * 1e9).astype(np.int64).tolist()
            for one, two in pairwise((x, y) for x, y in nodes):
                total[min(one, two), max(one, two)] += 1 if one < two else -1
    return total


def remainder(
    whole: BaseGeometry, parts: Iterable[BaseGeometry]
) -> dict[tuple[tuple[int, int], tuple[int, int]], int]:
    """Return what is left of the parts' boundaries when the whole's is taken away."""
    total = segments(whole)
    for key in total:
        total[key] = -total[key]
    for part in parts:
        total.update(segments(part))
    return {key: count for key, count in total.items() if count}


def in_metres(geom: BaseGeometry) -> BaseGeometry:
    """Return a geometry in an equal-area projection centred on the town."""
    return shapely.transform(geom, lambda xy: np.column_stack(_TO_PLANE.transform(*xy.T)))


_TO_PLANE = Transformer.from_crs(
    "EPSG:4326", "+proj=laea +lon_0=104.9 +lat_0=38.4 +ellps=GRS80", always_xy=True
)


def area_m2(geom: BaseGeometry) -> float:
    """Return the area on the ground."""
    return float(shapely.area(in_metres(geom)))


def length_m(geom: BaseGeometry) -> float:
    """Return the length on the ground."""
    return float(shapely.length(in_metres(geom)))


def apart_m(one: BaseGeometry, two: BaseGeometry) -> float:
    """Return the distance on the ground."""
    return float(shapely.distance(in_metres(one), in_metres(two)))


def width_m(geom: BaseGeometry) -> float:
    """Return the shorter side of the rectangle around a geometry."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(in_metres(geom)))
    return min(float(np.hypot(*(two - one))) for one, two in pairwise(corners))
