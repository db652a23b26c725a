"""Degrees, metres and the shifted Chinese datums."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj.network import is_network_enabled  # type: ignore[attr-defined]  # documented so
from scipy import optimize

from geo.crs import Datum, LocalMetric, Plane, convert, crs_label, parse_crs, round9
from geo.errors import BadInputError

GEOD = pyproj.Geod(ellps="WGS84")

ZONE_35_PRJ = (
    'PROJCS["CGCS2000_3_Degree_GK_Zone_35",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
    'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],'
    'PARAMETER["False_Easting",35500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",105.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
"""What ArcGIS writes beside a Shapefile: no code of any authority."""

in_china = st.tuples(st.floats(73.0, 135.0), st.floats(3.0, 53.0))
anywhere = st.tuples(st.floats(-180.0, 180.0), st.floats(-85.0, 85.0))
shifted = st.sampled_from([Datum.GCJ02, Datum.BD09])


def test_degrees_round_to_their_nine_decimals() -> None:
    rounded = round9([[104.9000000014, -0.0], [-1e-12, 38.4]])

    assert rounded.tolist() == [[104.900000001, 0.0], [0.0, 38.4]]
    assert not np.signbit(rounded).any()


@given(st.floats(-180.0, 180.0))
def test_rounding_twice_is_rounding_once(lon: float) -> None:
    once = round9([[lon, 0.0]])

    np.testing.assert_array_equal(round9(once), once)
    assert float(f"{once[0, 0]:.9f}") == once[0, 0], "the decimal text gives the same double"


@given(in_china, shifted)
def test_shifted_points_come_back(point: tuple[float, float], datum: Datum) -> None:
    there = convert([point], Datum.WGS84, datum)
    back = convert(there, datum, Datum.WGS84)

    np.testing.assert_allclose(back, [point], rtol=0, atol=1e-9)


@given(in_china)
def test_baidu_and_gcj_convert_directly(point: tuple[float, float]) -> None:
    gcj = convert([point], Datum.WGS84, Datum.GCJ02)
    baidu = convert(gcj, Datum.GCJ02, Datum.BD09)

    np.testing.assert_allclose(convert(baidu, Datum.BD09, Datum.GCJ02), gcj, rtol=0, atol=1e-9)
    np.testing.assert_allclose(convert([point], Datum.WGS84, Datum.BD09), baidu, rtol=0, atol=1e-9)


@given(anywhere.filter(lambda p: not (72 <= p[0] <= 138 and 0.8 <= p[1] <= 56)), shifted)
def test_points_outside_china_stay(point: tuple[float, float], datum: Datum) -> None:
    assert convert([point], Datum.WGS84, datum).tolist() == [list(point)]
    assert convert([point], datum, Datum.WGS84).tolist() == [list(point)]


def test_the_shift_of_beijing_is_the_published_one() -> None:
    gcj = convert([[116.397428, 39.90923]], Datum.WGS84, Datum.GCJ02)

    # The published formula for the latitude, written out once more with the standard library.
    x, y = 116.397428 - 105.0, 39.90923 - 35.0
    wave = 20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)
    lat_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    lat_m += wave * 2 / 3
    lat_m += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    lat_m += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    radians = math.radians(39.90923)
    magic = 1 - 0.00669342162296594323 * math.sin(radians) ** 2
    meridian = 6378245.0 * (1 - 0.00669342162296594323) / (magic * math.sqrt(magic))
    assert gcj[0, 1] == pytest.approx(39.90923 + math.degrees(lat_m / meridian), abs=1e-12)
    # Some hundred metres to the east, as every map of Beijing shows.
    _, _, metres = GEOD.inv(116.397428, 39.90923, *gcj[0])
    assert 500 < metres < 600


def test_equal_area_metres_agree_with_the_ellipsoid() -> None:
    cells = np.array([shapely.box(104.9, 38.4, 104.91, 38.41), None], dtype=object)

    area_m2 = LocalMetric(104.905, 38.405).area_m2(cells)

    # Geodesic edges and projected straight ones differ by a few square centimetres here.
    exact, _ = GEOD.geometry_area_perimeter(shapely.orient_polygons(cells[0]))
    assert area_m2[0] == pytest.approx(exact, rel=1e-7)
    assert area_m2[1] == 0.0


@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_local_metres_come_back_to_their_degrees(east: float, north: float) -> None:
    metric = LocalMetric.around((104.0, 38.0, 106.0, 39.0))
    lonlat = [[105.0 + east, 38.5 + north]]

    np.testing.assert_allclose(metric.inverse(metric.forward(lonlat)), lonlat, atol=1e-11)
    assert (metric.lon0, metric.lat0) == (105.0, 38.5)


PLANES = [
    ("EPSG:4326", (104.9, 38.4)),
    ("EPSG:4490", (104.9, 38.4)),
    ("EPSG:4523", (104.9, 38.4)),  # CGCS2000, 3 degrees, zone number in the easting
    ("EPSG:4544", (104.9, 38.4)),
    ("EPSG:3857", (104.9, 38.4)),
    ("EPSG:2232", (-104.97, 39.72)),  # US survey feet
    ("EPSG:2056", (9.52, 47.14)),  # another datum
    ("EPSG:27700", (-0.13, 51.5)),
    ("EPSG:4807", (2.35, 48.85)),  # grads, from Paris
]


@pytest.mark.parametrize(("crs", "centre"), PLANES)
def test_a_plane_is_metres_on_the_ground(crs: str, centre: tuple[float, float]) -> None:
    plane = Plane.of(crs, centre)
    lon, lat = centre
    ends = np.array(
        [[lon, lat], [lon + 0.001, lat], [lon, lat + 0.001], [lon - 0.001, lat - 0.001]]
    )

    x, y = (plane.from_lonlat(ends) - plane.from_lonlat(ends[:1])).T

    _, _, metres = GEOD.inv([lon] * 4, [lat] * 4, ends[:, 0], ends[:, 1])
    np.testing.assert_allclose(np.hypot(x, y), metres, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("crs", "centre"), PLANES)
def test_a_plane_leads_there_and_back(crs: str, centre: tuple[float, float]) -> None:
    plane = Plane.of(crs, (centre[0] - 0.1, centre[1] - 0.1, centre[0] + 0.1, centre[1] + 0.1))
    lonlat = np.array([centre]) + np.linspace(-0.1, 0.1, 50)[:, None]

    xy = plane.from_lonlat(lonlat)

    np.testing.assert_allclose(plane.to_lonlat(xy), lonlat, rtol=0, atol=1e-11)
    np.testing.assert_allclose(plane.from_file(plane.to_file(xy)), xy, rtol=1e-15)


@pytest.mark.parametrize(("crs", "centre"), PLANES)
def test_a_plane_around_file_coordinates_is_the_same(crs: str, centre: tuple[float, float]) -> None:
    plane = Plane.of(crs, centre)
    x, y = plane.to_file(plane.from_lonlat([centre]))[0]

    around = Plane.around(crs, (x - 1, y - 1, x + 1, y + 1) if abs(x) > 400 else (x, y, x, y))

    assert around.operation == plane.operation
    np.testing.assert_allclose(around.scale, plane.scale, rtol=1e-4)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4269", "EPSG:4326"])
def test_degrees_that_agree_with_wgs84_stay_bit_by_bit(crs: str) -> None:
    plane = Plane.of(crs, (104.9, 38.4))

    assert plane.operation == ""
    assert plane.accuracy_m == 0.0


def test_a_cgcs2000_zone_is_its_projection_and_nothing_else() -> None:
    plane = Plane.of("EPSG:4523", (104.9, 38.4))
    unproject = pyproj.Transformer.from_crs("EPSG:4523", "EPSG:4490", always_xy=True)
    xy = np.array([[35491264.675, 4251902.86]])

    degrees = np.column_stack(unproject.transform(xy[:, 0], xy[:, 1]))

    np.testing.assert_allclose(plane.to_lonlat(xy), degrees, rtol=0, atol=1e-12)
    assert plane.scale == (1.0, 1.0), "metres stay as they are"


def test_a_shifted_plane_gives_wgs84() -> None:
    plane = Plane.of("EPSG:4326", (114.06, 22.54), datum=Datum.GCJ02)
    gcj = convert([[114.06, 22.54]], Datum.WGS84, Datum.GCJ02)

    np.testing.assert_allclose(plane.to_lonlat(plane.from_file(gcj)), [[114.06, 22.54]], atol=1e-9)


def test_a_datum_without_a_known_change_says_so() -> None:
    assert Plane.of("EPSG:4610", (104.9, 38.4)).accuracy_m is None  # Xian 1980
    assert Plane.of("EPSG:2056", (9.5, 47.1)).accuracy_m == 1.0


def test_grids_are_never_fetched() -> None:
    assert not is_network_enabled()


def test_arcgis_names_of_zones_are_recognised() -> None:
    assert crs_label(parse_crs(ZONE_35_PRJ)) == "EPSG:4523"
    assert crs_label(parse_crs("4490")) == "EPSG:4490"


def test_a_zone_that_only_looks_alike_is_not_taken_for_it() -> None:
    moved = ZONE_35_PRJ.replace("35500000.0", "35500100.0")

    assert crs_label(parse_crs(moved)).startswith("PROJCRS")


@pytest.mark.parametrize("text", ["EPSG:99999", "nonsense", "", 'LOCAL_CS["x",UNIT["m",1]]'])
def test_an_unknown_crs_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="EPSG:4490") as error:
        parse_crs(text)

    assert error.value.extensions["argument"] == "crs"


@pytest.mark.parametrize(
    "text",
    [
        "+proj=longlat +ellps=krass +nadgrids=/etc/passwd",
        "+proj=utm +zone=48 +ellps=krass +nadgrids=@http://127.0.0.1/grid.gsb +units=m",
        'GEOGCS["x",DATUM["x",SPHEROID["Krasovsky",6378245,298.3],EXTENSION["PROJ4_GRIDS",'
        '"/etc/passwd"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]',
    ],
)
def test_a_crs_that_names_a_file_to_be_opened_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="grid file"):
        parse_crs(text)


def test_a_plane_far_from_its_zone_is_refused() -> None:
    with pytest.raises(BadInputError, match="coordinate system"):
        Plane.around("EPSG:4523", (1e12, 1e12, 1e12 + 1, 1e12 + 1))


# --- shifted maps, there and back over all of China ---------------------------------------------

CM_DEG = 0.01 / 111_320.0
"""A centimetre along a meridian; along a parallel it is more degrees."""


def all_china(margin: float = 0.0) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return a point every quarter of a degree over the rectangle that is shifted."""
    lon = np.arange(72.004 + margin, 137.8347 - margin, 0.25)
    lat = np.arange(0.8293 + margin, 55.8271 - margin, 0.25)
    return np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_all_of_china_comes_back_to_the_centimetre(datum: Datum) -> None:
    true = all_china()

    back = convert(convert(true, Datum.WGS84, datum), datum, Datum.WGS84)

    assert np.abs(back - true).max() < CM_DEG


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_every_shifted_place_of_china_has_its_true_one(datum: Datum) -> None:
    """A margin is left out: nothing is shifted to the rectangle's very edge."""
    shifted_points = all_china(margin=0.05)

    again = convert(convert(shifted_points, datum, Datum.WGS84), Datum.WGS84, datum)

    assert np.abs(again - shifted_points).max() < CM_DEG


def published_shift(lon: float, lat: float) -> tuple[float, float]:
    """Return the GCJ-02 degrees of a place by the published formula, with the standard library."""
    x, y = lon - 105.0, lat - 35.0
    sin, pi = math.sin, math.pi
    wave = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    up = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    up += (wave + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    up += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    right = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    right += (wave + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    right += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    a, ee = 6378245.0, 0.00669342162296594323
    magic = 1.0 - ee * sin(math.radians(lat)) ** 2
    up = up * 180.0 / ((a * (1.0 - ee)) / (magic * math.sqrt(magic)) * pi)
    right = right * 180.0 / (a / math.sqrt(magic) * math.cos(math.radians(lat)) * pi)
    return lon + right, lat + up


@given(in_china)
def test_the_inverse_is_the_root_that_an_independent_solver_finds(
    place: tuple[float, float],
) -> None:
    found = convert([place], Datum.GCJ02, Datum.WGS84)[0]

    def missed(true: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
        lon, lat = published_shift(float(true[0]), float(true[1]))
        return [lon - place[0], lat - place[1]]

    solved = optimize.root(missed, place, tol=1e-13)

    assert np.abs(missed(solved.x)).max() < 1e-10
    np.testing.assert_allclose(found, solved.x, rtol=0, atol=CM_DEG)
