"""What becomes of geometries that are no plain polygons, and that each is told."""

from __future__ import annotations

import sqlite3
import struct
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from geo.errors import UnreadableError
from sources.boundaries import read_boundaries
from sources.wkb import count_curved, faces_as_polygons
from tests.bytewise import dbf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.boundaries import BoundaryFile

Point = tuple[float, ...]


# Well-known binary, written by hand: byte order, kind, and what the kind asks for (OGC 06-103r4,
# section 8.2; the curves and faces are of SQL/MM).
def shape(kind: int, body: bytes) -> bytes:
    return b"\x01" + struct.pack("<I", kind) + body


def points(*xy: Point) -> bytes:
    return struct.pack("<I", len(xy)) + b"".join(struct.pack(f"<{len(p)}d", *p) for p in xy)


def several(kind: int, *members: bytes) -> bytes:
    return shape(kind, struct.pack("<I", len(members)) + b"".join(members))


def arc(*xy: Point) -> bytes:
    return shape(8, points(*xy))


def polygon(*xy: Point, kind: int = 3) -> bytes:
    return several(kind, points(*xy))


# A circle of radius 1 around (1, 0), and its upper half closed by its diameter.
CIRCLE = several(10, arc((0, 0), (1, 1), (2, 0), (1, -1), (0, 0)))
HALF = several(10, several(9, arc((0, 0), (1, 1), (2, 0)), shape(2, points((2, 0), (0, 0)))))
SQUARE = polygon((5, 0), (6, 0), (6, 1), (5, 1), (5, 0))
# The unit square as two triangles.
LOWER = ((0, 0), (1, 0), (1, 1), (0, 0))
UPPER = ((0, 0), (1, 1), (0, 1), (0, 0))


def geopackage(path: Path, geometries: Sequence[bytes | None]) -> Path:
    """Write a GeoPackage whose geometries are just these bytes."""
    codes = np.array([str(n) for n in range(len(geometries))], dtype=object)
    blank = shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)] * len(codes), dtype=object))
    pyogrio.raw.write(
        path,
        blank,
        [codes],
        np.array(["code"], dtype=object),
        crs="EPSG:4326",
        geometry_type="Unknown",
        layer="units",
        driver="GPKG",
    )
    with sqlite3.connect(path) as database:
        listed = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (trigger,) in database.execute(listed).fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        for fid, wkb in enumerate(geometries, start=1):
            blob = None if wkb is None else b"GP\x00\x01" + struct.pack("<i", 4326) + wkb
            database.execute("UPDATE units SET geom = ? WHERE fid = ?", (blob, fid))
    database.close()
    return path


def told(found: BoundaryFile) -> list[tuple[str, int]]:
    return [(notice.code, notice.feature_count) for notice in found.notices]


def test_curves_become_straight_within_a_hundred_thousandth_of_their_radius(tmp_path: Path) -> None:
    surface = several(12, CIRCLE, SQUARE)
    path = geopackage(tmp_path / "curves.gpkg", [CIRCLE, HALF, surface, SQUARE])

    found = read_boundaries(path)

    assert told(found) == [("CURVES", 3)]
    assert [geom.geom_type for geom in found.geoms] == ["Polygon"] * 2 + ["MultiPolygon", "Polygon"]
    # a regular polygon of n corners in a circle of radius 1 holds n / 2 sin(2 pi / n)
    least = np.array([720 / 2 * np.sin(2 * np.pi / 720)] * 3) * (1, 0.5, 1) + (0, 0, 1)
    whole = np.array([np.pi, np.pi / 2, np.pi + 1])
    areas = shapely.area(found.geoms)
    assert (areas[:3] >= least).all()
    assert (areas[:3] < whole).all()
    assert areas[3] == 1
    middle = shapely.Point(1, 0)
    assert middle.distance(found.geoms[0].exterior) > 1 - 1e-5


def test_neighbours_along_an_arc_share_all_its_vertices(tmp_path: Path) -> None:
    other = several(
        10,
        several(9, arc((2, 0), (1, 1), (0, 0)), shape(2, points((0, 0), (0, 2), (2, 2), (2, 0)))),
    )

    found = read_boundaries(geopackage(tmp_path / "arcs.gpkg", [HALF, other]))

    one, two = (set(map(tuple, shapely.get_coordinates(geom).tolist())) for geom in found.geoms)
    assert len(one) > 360
    assert one < two, "the other one has two corners more"


def test_triangles_and_faces_become_the_land_that_they_cover(tmp_path: Path) -> None:
    tin = several(16, polygon(*LOWER, kind=17), polygon(*UPPER, kind=17))
    surface = several(15, polygon(*LOWER), polygon(*UPPER))
    path = geopackage(tmp_path / "faces.gpkg", [polygon(*LOWER, kind=17), tin, surface])

    found = read_boundaries(path)

    assert told(found) == [("FACES", 3)]
    assert shapely.equals(found.geoms[0], shapely.Polygon(LOWER))
    assert all(shapely.equals(geom, shapely.box(0, 0, 1, 1)) for geom in found.geoms[1:])
    assert shapely.is_valid(found.geoms).all()


def test_walls_of_a_surface_cover_no_land(tmp_path: Path) -> None:
    floor = [(x, y, 0.0) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    wall = [(0, 0, 0), (1, 0, 0), (1, 0, 9), (0, 0, 9), (0, 0, 0)]
    box = several(1015, polygon(*floor, kind=1003), polygon(*wall, kind=1003))

    found = read_boundaries(geopackage(tmp_path / "box.gpkg", [box]))

    assert told(found) == [("HEIGHTS_DROPPED", 1), ("FACES", 1)]
    assert shapely.equals(found.geoms[0], shapely.box(0, 0, 1, 1))


def test_a_multipatch_shapefile_is_read(tmp_path: Path) -> None:
    """A strip of two triangles: the unit square (ESRI Shapefile Technical Description, page 21)."""
    strip = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
    content = struct.pack("<i4diiii", 31, 0, 0, 1, 1, 1, len(strip), 0, 0)
    content += b"".join(struct.pack("<2d", *p) for p in strip) + struct.pack("<2d4d", *[0.0] * 6)
    words = 50 + (8 + len(content)) // 2
    path = tmp_path / "patch.shp"
    head = struct.pack("<ii8d", 1000, 31, 0, 0, 1, 1, 0, 0, 0, 0)
    record = struct.pack(">ii", 1, len(content) // 2) + content
    path.write_bytes(struct.pack(">i20xi", 9994, words) + head + record)
    entry = struct.pack(">ii", 50, len(content) // 2)
    path.with_suffix(".shx").write_bytes(struct.pack(">i20xi", 9994, 54) + head + entry)
    path.with_suffix(".dbf").write_bytes(dbf([(b"code", 4)], [[b"1"]]))

    found = read_boundaries(path, crs="EPSG:4326")

    assert shapely.union_all(found.geoms).equals(shapely.box(0, 0, 1, 1))
    assert ("HEIGHTS_DROPPED", 1) in told(found)
    assert shapely.is_valid(found.geoms).all()


@pytest.mark.parametrize("kind", [3, 1003, 2003, 3003])
def test_heights_and_measures_are_left_out(tmp_path: Path, kind: int) -> None:
    more = {3: (), 1003: (5.0,), 2003: (7.0,), 3003: (5.0, 7.0)}[kind]
    wkb = polygon(*[(*corner, *more) for corner in LOWER], kind=kind)

    found = read_boundaries(geopackage(tmp_path / "z.gpkg", [wkb, SQUARE]))

    assert told(found) == ([] if kind == 3 else [("HEIGHTS_DROPPED", 1)])
    assert shapely.equals(found.geoms[0], shapely.Polygon(LOWER))
    assert not (shapely.has_z(found.geoms) | shapely.has_m(found.geoms)).any()


def test_what_is_no_polygon_stays_and_is_told_with_its_rows(tmp_path: Path) -> None:
    line = shape(2, points((0, 0), (1, 1)))
    dot = shape(1, struct.pack("<2d", 0, 0))
    mixed = several(7, SQUARE, dot)
    pair = several(7, SQUARE, several(7, polygon(*LOWER)))
    empty = several(3)
    path = geopackage(tmp_path / "mixed.gpkg", [SQUARE, line, None, dot, empty, mixed, pair])

    found = read_boundaries(path)

    kinds = [geom and geom.geom_type for geom in found.geoms]
    assert kinds[:4] == ["Polygon", "LineString", None, "Point"]
    assert kinds[5:] == ["GeometryCollection", "MultiPolygon"]
    assert told(found) == [("COLLECTION", 1), ("NO_GEOMETRY", 2), ("WRONG_TYPE", 3)]
    said = {notice.code: notice.message for notice in found.notices}
    assert said["NO_GEOMETRY"].endswith("in rows 3, 5")
    assert "in rows 2, 4, 6 " in said["WRONG_TYPE"]
    assert "1 GeometryCollection, 1 LineString, 1 Point" in said["WRONG_TYPE"]


def test_curves_in_geoparquet_are_refused_with_their_rows(tmp_path: Path) -> None:
    geo = b'{"primary_column": "g", "columns": {"g": {"encoding": "WKB"}}}'
    table = pa.table({"code": ["1", "2"], "g": [SQUARE, CIRCLE]})
    path = tmp_path / "curves.parquet"
    pq.write_table(table.replace_schema_metadata({"geo": geo}), path)

    with pytest.raises(UnreadableError, match=r"curves\.parquet has curves in row 2"):
        read_boundaries(path)


def test_bytes_that_are_no_geometry_are_no_faces() -> None:
    deep = SQUARE
    for _ in range(100):
        deep = several(7, deep)
    tin = several(16, polygon(*LOWER, kind=17))

    assert faces_as_polygons(SQUARE) is None
    assert faces_as_polygons(b"") is None
    assert count_curved([None, b"", SQUARE, CIRCLE]) == 1
    for broken in (deep, tin[:-1], tin[:7], several(16, shape(99, b"\1\0\0\0\0"))):
        with pytest.raises(ValueError, match="geometry"):
            faces_as_polygons(broken)
