"""Real files of Shenzhen: shifted ones land on those that are not, and labels are put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pytest
import shapely

from geo.crs import Datum, LocalMetric, Plane, convert
from resolvers.grounds import ground_of_file
from sources.boundaries import BoundaryFile, Columns, read_boundaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.ground import Ground

pytestmark = pytest.mark.real

METRIC = LocalMetric(114.1, 22.63)

DISTRICTS = ["440303", "440304", "440305", "440306", "440307", "440308", "440309"]


@pytest.fixture(scope="module")
def shenzhen(request: pytest.FixtureRequest) -> BoundaryFile:
    """Give the districts of Shenzhen in WGS 84, as one compiler drew them."""
    folder: Path = request.getfixturevalue("real_data")
    return read_boundaries(folder / "b_china/shenzhen_wgs84/sz.json", columns=Columns(code="qh"))


@pytest.fixture(scope="module")
def ground(shenzhen: BoundaryFile) -> Ground:
    """Give them as the ground that stands."""
    return ground_of_file(shenzhen)


def distances_m(sent: NDArray[np.object_], stands: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return how far points every 20 m along an outline lie from another outline, in metres."""
    here, there = (shapely.boundary(METRIC.project(geoms)) for geoms in (sent, stands))
    along = shapely.get_coordinates(shapely.segmentize(here, 20.0))
    line = shapely.union_all(there)
    shapely.prepare(line)
    return np.asarray(shapely.distance(shapely.points(along), line))


def in_wgs84(found: BoundaryFile) -> NDArray[np.object_]:
    plane = Plane.around(found.crs, shapely.total_bounds(found.geoms).tolist(), datum=found.datum)
    return np.asarray(
        shapely.transform(found.geoms, lambda xy: plane.to_lonlat(plane.from_file(xy)))
    )


@pytest.mark.parametrize("code", DISTRICTS)
def test_a_district_in_gcj02_lands_on_its_drawing_in_wgs84(
    real_data: Path, shenzhen: BoundaryFile, ground: Ground, code: str
) -> None:
    """Both compilers took the borders from one source, so that on land only rounding is left.

    One wrote six decimals (0.1 m), the other converted them in his own way (about a metre): hence 3
    metres for the half. Some rocks and pieces of coast are drawn by one of them only and lie
    kilometres from anything, so that the mean stays at some tens of metres.
    """
    path = real_data / f"b_china/shenzhen_gcj02/{code}.json"

    found = read_boundaries(path, need_code=False, ground=ground)

    assert found.datum is Datum.GCJ02
    assert [notice.code for notice in found.notices] == ["DATUM"]
    before = distances_m(found.geoms, shenzhen.geoms)
    after = distances_m(in_wgs84(found), shenzhen.geoms)
    assert before.mean() > 240.0
    assert after.mean() < 50.0
    assert np.median(before) > 200.0
    assert np.median(after) < 3.0


def test_the_outline_of_the_city_in_gcj02_is_known_by_its_parts(
    real_data: Path, ground: Ground
) -> None:
    path = real_data / "b_china/shenzhen_gcj02/440300.json"

    found = read_boundaries(path, need_code=False, ground=ground)

    assert found.datum is Datum.GCJ02


def write(
    folder: Path,
    geoms: NDArray[np.object_],
    label: str | None,
    place: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Path:
    path = folder / "sent.shp"
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.asarray(shapely.transform(geoms, place))),
        [np.array([str(i) for i in range(len(geoms))], dtype=object)],
        ["code"],
        geometry_type="Polygon",
        crs=label,
        driver="ESRI Shapefile",
    )
    return path


@pytest.mark.parametrize("label", ["EPSG:4326", "EPSG:4490", None])
@pytest.mark.filterwarnings("ignore:.*crs.*:UserWarning")
def test_the_city_in_bd09_is_brought_back_to_the_centimetre(
    tmp_path: Path, shenzhen: BoundaryFile, ground: Ground, label: str | None
) -> None:
    path = write(tmp_path, shenzhen.geoms, label, lambda xy: convert(xy, Datum.WGS84, Datum.BD09))

    found = read_boundaries(path, ground=ground)

    assert found.datum is Datum.BD09
    here = METRIC.forward(shapely.get_coordinates(shapely.normalize(shenzhen.geoms)))
    back = METRIC.forward(shapely.get_coordinates(shapely.normalize(in_wgs84(found))))
    assert np.abs(np.sort(back, axis=0) - np.sort(here, axis=0)).max() < 0.01


@pytest.mark.parametrize(
    ("crs", "label"),
    [("EPSG:4526", None), ("EPSG:4547", None), ("EPSG:4547", "EPSG:4546"), ("EPSG:32650", None)],
)
@pytest.mark.filterwarnings("ignore:.*crs.*:UserWarning")
def test_the_city_in_metres_is_found_on_its_ground(
    tmp_path: Path, shenzhen: BoundaryFile, ground: Ground, crs: str, label: str | None
) -> None:
    plane = Plane.of(crs, (114.1, 22.63))
    path = write(tmp_path, shenzhen.geoms, label, lambda xy: plane.to_file(plane.from_lonlat(xy)))

    found = read_boundaries(path, ground=ground)

    assert (found.crs, found.datum) == (crs, Datum.WGS84)


@pytest.mark.parametrize(
    ("name", "crs", "notices"),
    [
        ("b_china/shenzhen_wgs84/sz.json", "EPSG:4326", []),
        ("b_china/shenzhen_wgs84/sz.shp", "EPSG:4326", ["NO_CRS"]),
        # Its cells are no part of the districts: no datum brings them onto their borders.
        ("b_china/shenzhen_wgs84/grid.shp", "EPSG:4326", ["NO_CRS", "DATUM"]),
        ("b_china/beijing_gcj02/110000.json", "EPSG:4326", []),
        ("b_hierarchy/sf_blockgroups.shp", "EPSG:4326", ["NO_CRS"]),
        ("d_malformed/r5_valid-polygon-projected.geojson", "EPSG:3857", []),
    ],
)
def test_other_files_keep_what_they_say(
    real_data: Path, ground: Ground, name: str, crs: str, notices: list[str]
) -> None:
    found = read_boundaries(real_data / name, need_code=False, ground=ground)

    told = [notice.code for notice in found.notices if notice.code in {"NO_CRS", "CRS", "DATUM"}]
    assert (found.crs, found.datum, told) == (crs, Datum.WGS84, notices)


@pytest.mark.parametrize("layer", ["oregon_2269", "oregon_4326"])
def test_each_layer_of_a_file_has_its_own_system(real_data: Path, layer: str) -> None:
    path = real_data / "d_malformed/mapshaper_mixed_crs.gpkg"

    found = read_boundaries(path, layer=layer, columns=Columns(code="ST"))

    assert found.crs == f"EPSG:{layer[-4:]}"
    west, south, east, north = shapely.total_bounds(in_wgs84(found)).tolist()
    assert -125 < west < east < -116
    assert 41 < south < north < 47
