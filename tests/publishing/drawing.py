"""Small towns of rectangles, drawn in steps of 1e-5 degrees, and the files that hold them.

(0, 0) is 114 E, 30 N: the central meridian of the zone EPSG:4547. A step is about 0.96 m to the
east and 1.11 m to the north. What most tests begin with::

    y=200 +-----------+-----------+
          | 010102    | 010202    |   district 01, communities 0101 and 0102, four grids;
    y=100 +-----------+-----------+   the district is drawn by its four corners, and so is each
          | 010101    | 010201    |   community: every T-junction is a node to be put in
    y=0   +-----------+-----------+
         x=0         200         400
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyogrio.raw import write
from pyproj import Transformer
from shapely import Polygon

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

LON0, LAT0, STEP = 114.0, 30.0, 1e-5
Box = tuple[float, float, float, float]

LEVELS = """
[[level]]
key = "district"

[[level]]
key = "community"
parent = "district"

[[level]]
key = "grid"
parent = "community"

[[level]]
key = "police"
parent = "community"

[[level]]
key = "compound"
parent = "community"
tiling = "DISJOINT"
"""
"""Two partitions of a community side by side, and compounds."""


@dataclass(frozen=True)
class Plan:
    """Units of one level by code, drawn in steps, with the columns that a file has.

    Attributes
    ----------
    shapes
        Polygons in steps.
    names, parents
        By code; a column is written only if there is any.
    others
        Further columns, by name and code.
    """

    shapes: Mapping[str, BaseGeometry]
    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def columns(self) -> dict[str, list[object]]:
        """Return the columns as a file has them, by name."""
        codes = list(self.shapes)
        columns: dict[str, list[object]] = {"code": list(codes)}
        if self.names:
            columns["name"] = [self.names.get(code, code) for code in codes]
        if self.parents:
            columns["parent"] = [self.parents.get(code) for code in codes]
        for name, values in self.others.items():
            columns[name] = [values.get(code) for code in codes]
        return columns


def plan(units: Mapping[str, Box | BaseGeometry], **columns: Mapping[str, Any]) -> Plan:
    """Return a plan of rectangles (west, south, east, north) and of any other polygons."""
    shapes = {
        code: shapely.box(*shape) if isinstance(shape, tuple) else shape
        for code, shape in units.items()
    }
    return Plan(shapes, **columns)


DISTRICT = plan({"01": (0, 0, 400, 200)})
COMMUNITIES = plan({"0101": (0, 0, 200, 200), "0102": (200, 0, 400, 200)})


def halves(west: float, east: float, at: float, prefix: str) -> dict[str, Box | BaseGeometry]:
    """Return two grids of a community 200 steps high, divided at ``at``: ...01 below, ...02."""
    return {f"{prefix}01": (west, 0, east, at), f"{prefix}02": (west, at, east, 200)}


GRIDS_A = plan(halves(0, 200, 100, "0101"))
GRIDS_B = plan(halves(200, 400, 100, "0102"))
GRIDS = plan({**GRIDS_A.shapes, **GRIDS_B.shapes})


def degrees(shape: BaseGeometry, decimals: int = 9) -> BaseGeometry:
    """Return a shape drawn in steps as degrees."""

    def place(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.round((LON0, LAT0) + xy * STEP, decimals))

    placed: BaseGeometry = shapely.transform(shape, place)
    return placed


def point(x: float, y: float) -> tuple[float, float]:
    """Return a point drawn in steps as degrees."""
    return round(LON0 + x * STEP, 9), round(LAT0 + y * STEP, 9)


def rectangle_m2(box: Box) -> float:
    """Return the land between two meridians and two parallels on the ellipsoid, closed form."""
    west, south, east, north = box
    a, f = 6378137.0, 1 / 298.257223563  # WGS 84
    e2 = f * (2 - f)
    e = np.sqrt(e2)

    def q(lat: float) -> float:
        s = np.sin(np.radians(lat))
        straight = s / (1 - e2 * s**2)
        return float((1 - e2) * (straight + np.arctanh(e * s) / e))

    return float(
        a**2
        / 2
        * np.radians((east - west) * STEP)
        * (q(LAT0 + north * STEP) - q(LAT0 + south * STEP))
    )


def write_geojson(
    path: Path,
    drawn: Plan,
    *,
    decimals: int = 9,
    crs: str | None = None,
    shapes: Mapping[str, BaseGeometry] | None = None,
) -> Path:
    """Write a plan as GeoJSON by hand.

    Parameters
    ----------
    decimals
        Of the degrees.
    crs
        Write a ``crs`` member; the shapes are then in it already.
    shapes
        Instead of the plan's own, in the file's coordinates.
    """
    placed = shapes or {code: degrees(s, decimals) for code, s in drawn.shapes.items()}
    columns = drawn.columns()
    features = [
        {
            "type": "Feature",
            "properties": {name: values[i] for name, values in columns.items()},
            "geometry": json.loads(shapely.to_geojson(placed[code])),
        }
        for i, code in enumerate(drawn.shapes)
    ]
    document: dict[str, object] = {"type": "FeatureCollection", "features": features}
    if crs is not None:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def write_ogr(
    path: Path, drawn: Plan, driver: str, *, layer: str = "units", crs: str = "EPSG:4326"
) -> Path:
    """Write a plan in one of GDAL's formats, in any coordinate system."""
    shapes = [degrees(shape) for shape in drawn.shapes.values()]
    if crs != "EPSG:4326":
        to = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        shapes = [
            shapely.transform(shape, lambda xy: np.column_stack(to.transform(*xy.T)))
            for shape in shapes
        ]
    columns = drawn.columns()
    kinds = {shape.geom_type for shape in shapes}
    write(
        path,
        geometry=np.array([shapely.to_wkb(shape) for shape in shapes], object),
        field_data=[np.array(values, object) for values in columns.values()],
        fields=list(columns),
        layer=layer,
        driver=driver,
        geometry_type="MultiPolygon" if "MultiPolygon" in kinds else "Polygon",
        promote_to_multi="MultiPolygon" in kinds,
        crs=crs,
    )
    return path


def other_start(shape: BaseGeometry, by: int) -> Polygon:
    """Return a polygon whose ring begins ``by`` vertices later."""
    ring = shapely.get_coordinates(shape)[:-1]
    turned = np.roll(ring, -by, axis=0)
    return Polygon(np.vstack([turned, turned[:1]]))


def clockwise(shape: BaseGeometry) -> BaseGeometry:
    """Return a polygon with its rings the other way round."""
    turned: BaseGeometry = shapely.reverse(shape)
    return turned


def write_addresses(path: Path, homes: Mapping[str, tuple[float, float, int]]) -> Path:
    """Write an address list: (x, y) in steps and households by key; three people each."""
    lines = ["key,lon,lat,households,people"]
    for key, (x, y, households) in homes.items():
        lon, lat = point(x, y)
        lines.append(f"{key},{lon:.9f},{lat:.9f},{households},{3 * households}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
