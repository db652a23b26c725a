"""What an export writes comes back as no change, from any format and by way of other programs."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from pyogrio.raw import read, write
from pyproj import Transformer

from fixtures.__main__ import DATA
from tests.publishing.outside import Wangge
from tests.publishing.stored import Stored
from tests.town import layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.databases import Databases

pytestmark = pytest.mark.postgis

SUFFIXES = (".geojson", ".geojsonl", ".gpkg", ".fgb", ".parquet", ".kml", ".shp", ".shp.zip")
LEVELS = ("district", "subdistrict", "community", "grid")

Feature = dict[str, Any]  # hand-made GeoJSON

MORE: tuple[tuple[str, tuple[object, ...]], ...] = (
    # cut to the same ten bytes, and told apart by a number
    ("population_2020", (1200, None, 0)),
    ("population_2021", (1300, 7, 0)),
    ("网格员姓名", ("张三丰", "李四", None)),
    ("checked_by_the_office", (True, False, None)),
    ("share_of_land", (0.1, 1e-3, 123456.789)),
    ("tags", (["老旧小区", 2], [], None)),
    ("contact", ({"phone": "0935-1234567", "at": [None, 1.5]}, {}, None)),
    ("remark_long", ("社区服务站" * 60, "", None)),
    ("postcode", ("0730100", "733000", "00")),
    ("seen_on", ("2026-03-01", None, "2026-03-02")),
    ("Code_2", ("x", None, "y")),
    ("total", (10**15, 2**53 + 1, None)),
)
"""Further columns, with the values that rows have in turn."""


@pytest.fixture(scope="module")
def program(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wangge]:
    """Give the town's four levels in editions 1 to 4, its grids with columns of every kind."""
    name = "round_trips"
    wangge = Wangge(databases.make(name))
    wangge.ask("load", "levels", DATA / "levels.toml")
    for level in LEVELS[:-1]:
        wangge.publish(level, DATA / "town.gpkg", "--layer", level)
    grids = tmp_path_factory.mktemp("town") / "grids.geojson"
    write_features(grids, [rich(feature, n) for n, feature in enumerate(town_grids())])
    assert wangge.publish("grid", grids) == 4
    yield wangge
    databases.drop(name)


def town_grids() -> list[Feature]:
    """Return the town's grids as GeoJSON."""
    grids = layer("grid")
    names = list(grids.columns)
    rows = zip(*grids.columns.values(), strict=True)
    return [
        {
            "type": "Feature",
            "properties": {
                name: None if cell != cell else cell  # noqa: PLR0124 - NaN
                for name, cell in zip(names, row, strict=True)
            },
            "geometry": json.loads(shapely.to_geojson(geom)),
        }
        for row, geom in zip(rows, grids.geoms, strict=True)
    ]


def rich(feature: Feature, number: int) -> Feature:
    """Return a feature with columns of every kind; every fifth lacks them."""
    if number % 5 == 4:
        return feature
    more = {name: values[number % len(values)] for name, values in MORE}
    return feature | {"properties": feature["properties"] | more}


def write_features(path: Path, features: list[Feature], **members: object) -> Path:
    document = {"type": "FeatureCollection", **members, "features": features}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def exported(wangge: Wangge, folder: Path, suffix: str, level: str = "grid") -> Path:
    path = folder / f"{level}{suffix}"
    wangge.ask("export", "--level", level, "--out", path)
    return path


def comes_back(wangge: Wangge, level: str, path: Path, edition: int = 4) -> list[str]:
    """Publish a file that must change nothing; return the notices that it gave."""
    with Stored(wangge.url) as stored:
        before = stored.units(level)
        made = wangge.draft(level, path, "--publish")
        assert int(made["publishedAs"]["number"]) == edition, made["source"]["notices"]
        assert stored.units(level) == before
    return [notice["code"] for notice in made["source"]["notices"]]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_comes_back_as_no_change(program: Wangge, tmp_path: Path, suffix: str) -> None:
    path = exported(program, tmp_path, suffix)

    notices = comes_back(program, "grid", path)

    assert "OWN_COLUMNS" in notices
    assert "REMOVED" not in notices
    if suffix not in (".geojson", ".geojsonl"):
        assert "RESTORED" in notices


def test_every_level_comes_back(program: Wangge, tmp_path: Path) -> None:
    for level in LEVELS[:-1]:
        comes_back(program, level, exported(program, tmp_path, ".shp", level))


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4523", "EPSG:4544", "EPSG:3857"])
def test_another_coordinate_system_is_no_change(program: Wangge, tmp_path: Path, crs: str) -> None:
    """There and back with PROJ, as any map program does it: 4523 has the zone in its eastings."""
    path = exported(program, tmp_path, ".gpkg")
    meta, _, wkb, data = read(path)
    to = Transformer.from_crs("EPSG:4326", crs, always_xy=True)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to.transform(*xy.T))

    there = tmp_path / "there.gpkg"
    moved = shapely.to_wkb(shapely.transform(shapely.from_wkb(wkb), move))
    write(there, moved, data, meta["fields"], crs=crs, geometry_type="MultiPolygon", layer="grid")

    comes_back(program, "grid", there)


def turned(ring: list[list[float]], by: int) -> list[list[float]]:
    return [*ring[by % (len(ring) - 1) : -1], *ring[: by % (len(ring) - 1) + 1]]


def every_ring(
    change: Callable[[list[list[float]]], list[list[float]]],
) -> Callable[[Feature], Feature]:
    def changed(feature: Feature) -> Feature:
        geometry = feature["geometry"]
        many = geometry["type"] == "MultiPolygon"
        polygons = geometry["coordinates"] if many else [geometry["coordinates"]]
        done = [[change(ring) for ring in polygon] for polygon in polygons]
        return feature | {"geometry": geometry | {"coordinates": done if many else done[0]}}

    return changed


@pytest.mark.parametrize(
    "change",
    [
        every_ring(lambda ring: turned(ring, 3)),
        every_ring(lambda ring: ring[::-1]),
        every_ring(lambda ring: [[round(x, 7), round(y, 7)] for x, y in ring]),
        every_ring(lambda ring: [[x, y, 1350.0] for x, y in ring]),
    ],
    ids=["other start", "other way round", "seven decimals", "with heights"],
)
def test_the_same_land_written_otherwise_is_no_change(
    program: Wangge, tmp_path: Path, change: Callable[[Feature], Feature]
) -> None:
    path = exported(program, tmp_path, ".geojson")
    features = [change(feature) for feature in json.loads(path.read_text("utf-8"))["features"]]

    comes_back(program, "grid", write_features(tmp_path / "otherwise.geojson", features))


def test_rows_and_columns_in_another_order_are_no_change(program: Wangge, tmp_path: Path) -> None:
    path = exported(program, tmp_path, ".geojson")
    features = json.loads(path.read_text("utf-8"))["features"]
    random.Random(4).shuffle(features)  # noqa: S311 - any order but the file's own
    for feature in features:
        feature["properties"] = dict(reversed(feature["properties"].items()))

    comes_back(program, "grid", write_features(tmp_path / "shuffled.geojson", features))
