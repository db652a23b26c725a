"""How a file's numbers are read: by what is said of them, by their ranges, and by the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import Datum, LocalMetric, Plane, convert
from geo.errors import UnreadableError
from geo.ground import Ground
from sources.claims import Claims, Found
from sources.reading_words import notices_of
from sources.readings import case_of, choose_reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shapes = np.ndarray[tuple[int], np.dtype[np.object_]]
SHIFTED = [Datum.GCJ02, Datum.BD09]


class Town(NamedTuple):
    """A drawn town: cells that make quarters, in metres around a place."""

    metric: LocalMetric
    cells: Shapes
    quarter: NDArray[np.intp]
    """Quarter of each cell."""
    quarters: Shapes

    @property
    def ground(self) -> Ground:
        """What stands."""
        lonlat = degrees(self.quarters, self.metric)
        return Ground(shapely.union_all(lonlat), lonlat)


def degrees(metres: Shapes, metric: LocalMetric) -> Shapes:
    return np.asarray(shapely.transform(metres, metric.inverse))


def town(lon: float = 105.0, lat: float = 38.5, *, size_m: float = 6000.0, seed: int = 0) -> Town:
    """Draw 6 x 6 bent cells in 3 x 2 quarters of 2 x 3 cells.

    The corners of a square lattice are moved by up to a third of a cell, and each side between two
    of them is bent sideways, alike for both cells at it.
    """
    luck = np.random.default_rng(seed)
    step = size_m / 6
    corner = np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0), indexing="ij"), axis=-1)
    corner = (corner - 3.0 + luck.uniform(-0.3, 0.3, corner.shape)) * step
    bends = luck.uniform(-0.15, 0.15, (2, 7, 7))

    def side(start: tuple[int, int], along: int) -> NDArray[np.float64]:
        a = corner[start]
        b = corner[start[0] + (along == 0), start[1] + (along == 1)]
        part = np.linspace(0.0, 1.0, 9)[:, None]
        across = np.array([-(b - a)[1], (b - a)[0]])
        bent: NDArray[np.float64] = (
            a + (b - a) * part + across * bends[(along, *start)] * np.sin(np.pi * part)
        )
        return bent

    cells, quarter = [], []
    for i in range(6):
        for j in range(6):
            south, north = side((i, j), 0), side((i, j + 1), 0)
            west, east = side((i, j), 1), side((i + 1, j), 1)
            ring = np.vstack([south[:-1], east[:-1], north[:0:-1], west[:0:-1]])
            cells.append(shapely.Polygon(ring))
            quarter.append(2 * (i // 2) + j // 3)
    shapes, of = np.array(cells, dtype=object), np.array(quarter)
    whole = [shapely.union_all(shapes[of == q]) for q in range(6)]
    return Town(LocalMetric(lon, lat), shapes, of, np.array(whole, dtype=object))


def read(
    geoms: Shapes,
    ground: Ground | None,
    *,
    label: str | None = "EPSG:4326",
    crs: str | None = None,
    datum: Datum | None = None,
) -> Found:
    return choose_reading(case_of("sent.shp", geoms, Claims(label, crs, datum), ground))


def said(geoms: Shapes, ground: Ground | None, label: str | None) -> dict[str, str]:
    """Return the notices of a file, by code."""
    case = case_of("sent.shp", geoms, Claims(label, None, None), ground)
    return {notice.code: notice.message for notice in notices_of(case, choose_reading(case))}


def shift(lonlat: Shapes, datum: Datum) -> Shapes:
    return np.asarray(shapely.transform(lonlat, lambda xy: convert(xy, Datum.WGS84, datum)))


def displaced(geoms: Shapes, east: float, north: float) -> Shapes:
    step = np.array([east, north])
    return np.asarray(shapely.transform(geoms, lambda xy: xy + step))


def write_in(lonlat: Shapes, crs: str) -> Shapes:
    plane = Plane.of(crs, shapely.total_bounds(lonlat).tolist())
    return np.asarray(shapely.transform(lonlat, lambda xy: plane.to_file(plane.from_lonlat(xy))))


def north_first(geoms: Shapes) -> Shapes:
    return np.asarray(shapely.transform(geoms, lambda xy: xy[:, ::-1]))


# --- shifted maps -------------------------------------------------------------------------------

places = st.tuples(st.floats(80.0, 128.0), st.floats(20.0, 48.0))
towns = st.builds(
    lambda place, size_m, seed: town(*place, size_m=size_m, seed=seed),
    places,
    st.floats(1500.0, 60_000.0),
    st.integers(0, 10_000),
)
datums = st.sampled_from(list(Datum))


def concluded(geoms: Shapes, ground: Ground) -> Datum | None:
    """Return the datum that is concluded; None for a question."""
    try:
        return read(geoms, ground).datum
    except UnreadableError:
        return None


@pytest.mark.parametrize("datum", SHIFTED)
def test_a_file_for_other_ground_is_not_shifted_until_it_touches(datum: Datum) -> None:
    drawn = town()
    lonlat = degrees(drawn.quarters, drawn.metric)
    own = degrees(drawn.cells[drawn.quarter == 0], drawn.metric)
    beside = Ground(lonlat[2], lonlat[2:3])

    assert read(shift(own, datum), Ground(lonlat[0], lonlat[:1])).datum is datum
    assert read(shift(own, datum), beside).datum is Datum.WGS84
    assert "DATUM" in said(shift(own, datum), beside, "EPSG:4326")


@given(towns, datums, st.booleans())
@settings(max_examples=18)
def test_the_datum_of_a_whole_town_is_found(drawn: Town, datum: Datum, divided: bool) -> None:
    ground = drawn.ground if divided else Ground(drawn.ground.outline, drawn.quarters[:0])

    assert concluded(shift(degrees(drawn.cells, drawn.metric), datum), ground) is datum


@given(towns, datums, st.floats(0.0, 10.0), st.integers(0, 100))
@settings(max_examples=18)
def test_noise_leads_to_the_right_datum_or_to_a_question(
    drawn: Town, datum: Datum, noise_m: float, seed: int
) -> None:
    """Every corner of every cell lies somewhere else, so that no two cells match."""
    luck = np.random.default_rng(seed)

    def push(cell: shapely.Polygon) -> shapely.Polygon:
        corners = shapely.get_coordinates(cell)[:-1]
        return shapely.Polygon(corners + luck.normal(0.0, noise_m / 2, corners.shape))

    cells = np.array([push(cell) for cell in drawn.cells], dtype=object)

    found = concluded(shift(degrees(cells, drawn.metric), datum), drawn.ground)

    assert found in {datum, None}
    assert found is not None or datum is not Datum.WGS84, "a right label is not questioned"


@given(towns, datums, st.floats(1.0, 40.0))
@settings(max_examples=15)
def test_a_coarser_drawing_leads_to_the_right_datum_or_to_a_question(
    drawn: Town, datum: Datum, tolerance_m: float
) -> None:
    coarse = shapely.coverage_simplify(drawn.cells, tolerance_m)

    found = concluded(shift(degrees(coarse, drawn.metric), datum), drawn.ground)

    assert found in {datum, None}
    assert found is not None or datum is not Datum.WGS84


@given(towns, datums, st.sets(st.integers(0, 5), min_size=1, max_size=5))
@settings(max_examples=18)
def test_some_quarters_lead_to_the_right_datum_or_to_a_question(
    drawn: Town, datum: Datum, kept: set[int]
) -> None:
    cells = drawn.cells[np.isin(drawn.quarter, sorted(kept))]

    found = concluded(shift(degrees(cells, drawn.metric), datum), drawn.ground)

    assert found in {datum, None}
    assert found is not None or datum is not Datum.WGS84


@given(towns, st.sets(st.integers(0, 35), min_size=1, max_size=35))
@settings(max_examples=15)
def test_any_cells_with_a_right_label_stay_as_labelled(drawn: Town, kept: set[int]) -> None:
    """Most of what bounds them may lie within the quarters, where no border stands."""
    cells = drawn.cells[sorted(kept)]

    assert concluded(degrees(cells, drawn.metric), drawn.ground) is Datum.WGS84


@given(towns, st.floats(20.0, 2000.0), st.floats(0.0, 6.28))
@settings(max_examples=18)
def test_a_plain_offset_is_not_explained_as_a_datum(
    drawn: Town, offset_m: float, angle: float
) -> None:
    step = offset_m * np.array([np.cos(angle), np.sin(angle)])
    moved = degrees(displaced(drawn.cells, *step), drawn.metric)
    amid = np.array([[drawn.metric.lon0, drawn.metric.lat0]])
    shifts = [drawn.metric.forward(convert(amid, Datum.WGS84, datum))[0] for datum in SHIFTED]

    found = concluded(moved, drawn.ground)

    # Only an offset that nearly is that of a datum may look like it, or be asked for.
    alike = min(float(np.hypot(*(step - of))) for of in shifts)
    assert found is Datum.WGS84 or alike < (250.0 if found is not None else 600.0)


@given(towns, st.floats(1.0, 25.0))
@settings(max_examples=15)
def test_borders_that_moved_by_some_metres_are_no_datum(drawn: Town, most_m: float) -> None:
    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return xy + most_m * np.column_stack([np.sin(xy[:, 1] / 300), np.cos(xy[:, 0] / 400)])

    cells = np.asarray(shapely.transform(drawn.cells, move))

    assert concluded(degrees(cells, drawn.metric), drawn.ground) is Datum.WGS84


@pytest.mark.parametrize("place", [(9.5, 47.1), (-122.4, 37.8), (151.2, -33.9)])
def test_outside_china_no_map_is_shifted(place: tuple[float, float]) -> None:
    drawn = town(*place)
    moved = displaced(drawn.cells, 500.0, -300.0)

    found = read(degrees(moved, drawn.metric), drawn.ground)

    assert (found.datum, found.compared, found.unproven) == (Datum.WGS84, (), ())


def test_compounds_that_do_not_touch_prove_nothing() -> None:
    """They need not follow any border, so their outlines say nothing of a shift."""
    drawn = town()
    compounds = shapely.buffer(drawn.cells, -150.0)

    found = read(shift(degrees(compounds, drawn.metric), Datum.GCJ02), drawn.ground)

    assert (found.datum, found.unproven) == (Datum.WGS84, ())


def test_a_shift_is_told_in_metres() -> None:
    drawn = town()
    sent = shift(degrees(drawn.cells, drawn.metric), Datum.GCJ02)

    told = said(sent, drawn.ground, "EPSG:4490")

    assert list(told) == ["DATUM"]
    assert " m as WGS 84, 0.0 m as GCJ-02" in told["DATUM"]


def test_what_no_datum_explains_is_said() -> None:
    drawn = town()
    moved = displaced(drawn.cells, -400.0, 500.0)

    told = said(degrees(moved, drawn.metric), drawn.ground, "EPSG:4326")

    assert list(told) == ["DATUM"]
    assert "no datum brings the file onto the borders that stand" in told["DATUM"]


def test_a_named_datum_is_not_questioned() -> None:
    drawn = town()
    sent = shift(degrees(drawn.cells, drawn.metric), Datum.GCJ02)

    for datum in Datum:
        assert read(sent, drawn.ground, datum=datum).datum is datum


def test_two_datums_that_fit_alike_are_a_question() -> None:
    """One quarter is sent twice, once in each datum: nobody can say which half is right."""
    drawn = town()
    sent = degrees(drawn.quarters, drawn.metric)
    both = np.concatenate([shift(sent[:3], Datum.GCJ02), shift(sent[3:], Datum.BD09)])

    with pytest.raises(UnreadableError, match="not clear") as error:
        read(both, drawn.ground)

    assert error.value.extensions["argument"] == "datum"
    assert error.value.extensions["options"] == ["WGS84", "GCJ02", "BD09"]
    assert "m as GCJ-02" in str(error.value)


# --- systems and axes ---------------------------------------------------------------------------

ZONES = [
    ("EPSG:4523", 105.0, 38.5),
    ("EPSG:4527", 117.0, 32.0),
    ("EPSG:4499", 123.4, 41.8),  # 6 degrees, zone 21
]


@pytest.mark.parametrize(("crs", "lon", "lat"), ZONES)
@pytest.mark.parametrize("label", [None, "EPSG:4326", "EPSG:3857", "EPSG:4545", 'LOCAL_CS["x"]'])
def test_the_zone_number_in_the_eastings_decides(
    crs: str, lon: float, lat: float, label: str | None
) -> None:
    drawn = town(lon, lat)
    sent = write_in(degrees(drawn.cells, drawn.metric), crs)

    for geoms, swapped in ((sent, False), (north_first(sent), True)):
        for ground in (None, drawn.ground):
            found = read(geoms, ground, label=label)
            assert (found.reading.label, found.reading.swapped) == (crs, swapped)
            told = said(geoms, ground, label)
            assert list(told) == ["NO_CRS" if label is None else "CRS", *["AXES"] * swapped]


def test_the_far_west_and_the_east_coast_on_the_web_look_alike() -> None:
    """Zone 13 begins at 13,000,000; so does, in Web Mercator, the longitude of 116.8 degrees."""
    shanghai = town(121.4, 36.9)
    sent = write_in(degrees(shanghai.cells, shanghai.metric), "EPSG:3857")

    with pytest.raises(
        UnreadableError, match="as EPSG:3857 it would lie at longitude 121"
    ) as error:
        read(sent, None, label=None)

    assert error.value.extensions["options"] == ["EPSG:4491", "EPSG:3857"]
    assert read(sent, None, label="EPSG:3857").reading.label == "EPSG:3857"
    assert read(sent, shanghai.ground, label=None).reading.label == "EPSG:3857"


def test_another_zone_number_than_that_of_the_label_is_told() -> None:
    drawn = town(105.0, 38.5)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:4523")

    told = said(sent, None, "EPSG:4524")["CRS"]

    assert "the file says EPSG:4524" in told
    assert "taken for EPSG:4523, as its eastings begin with 35" in told
    assert "Xian 1980 (EPSG:2359) and Beijing 1954 (EPSG:2411) look the same" in told


def test_the_zones_of_the_datum_that_the_file_names_are_kept() -> None:
    drawn = town(105.0, 38.5)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:4523")

    assert read(sent, None, label="EPSG:2359").reading.label == "EPSG:2359"
    assert read(sent, None, label="EPSG:2360").reading.label == "EPSG:2359"


UNNUMBERED = [
    ("EPSG:4544", 105.2, 38.5),
    ("EPSG:4547", 114.3, 30.6),
    ("EPSG:32648", 104.2, 30.5),
    ("EPSG:3857", 104.2, 30.5),
    ("EPSG:32632", 9.5, 47.1),
    ("EPSG:32756", 151.2, -33.9),
]


@pytest.mark.parametrize(("crs", "lon", "lat"), UNNUMBERED)
def test_without_a_number_only_the_ground_can_tell(crs: str, lon: float, lat: float) -> None:
    drawn = town(lon, lat)
    sent = write_in(degrees(drawn.cells, drawn.metric), crs)

    for geoms, swapped in ((sent, False), (north_first(sent), True)):
        found = read(geoms, drawn.ground, label=None)
        assert (found.reading.label, found.reading.swapped) == (crs, swapped)
        with pytest.raises(UnreadableError, match="name its coordinate system") as error:
            read(geoms, None, label=None)
        assert error.value.extensions["argument"] == "crs"


def test_wide_and_narrow_zones_around_one_meridian_are_one_system() -> None:
    drawn = town(111.4, 28.0)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:4508")

    assert read(sent, drawn.ground, label=None).reading.label == "EPSG:4546"
    assert read(sent, drawn.ground, label="EPSG:4508").reading.label == "EPSG:4508"


def test_the_question_says_where_the_file_would_lie() -> None:
    drawn = town(105.2, 38.5)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:4544")

    with pytest.raises(UnreadableError) as error:
        read(sent, None, label="EPSG:4326")

    message, options = str(error.value), error.value.extensions["options"]
    assert "the file says EPSG:4326, but its numbers are no degrees" in message
    assert "it would lie at latitude 38.50" in message
    assert isinstance(options, list)
    assert options[:2] == ["EPSG:4534", "EPSG:4535"]
    assert "EPSG:4544" in options
    assert options[-1] == "EPSG:3857"


def test_a_label_of_the_neighbouring_zone_yields_to_the_ground() -> None:
    drawn = town(105.2, 38.5)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:4544")

    assert read(sent, None, label="EPSG:4543").reading.label == "EPSG:4543", "nobody can know"
    told = said(sent, drawn.ground, "EPSG:4543")

    # Three degrees of longitude are 261 km at this latitude: cos(38.5) x 111.32 km x 3.
    assert "but so it lies 25" in told["CRS"] or "but so it lies 26" in told["CRS"]
    assert "taken for EPSG:4544" in told["CRS"]


def test_another_projection_on_the_same_ground_is_told_by_the_outline() -> None:
    """UTM is shorter by 0.4 per mille than a zone of CGCS2000: 1.7 km from the equator to here."""
    drawn = town(105.2, 38.5)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:32648")

    found = read(sent, drawn.ground, label="EPSG:4544")

    assert found.reading.label == "EPSG:32648"
    assert "mean distance" in said(sent, drawn.ground, "EPSG:4544")["CRS"]


@pytest.mark.parametrize("label", ["EPSG:3857", "EPSG:4544", "EPSG:2056"])
def test_degrees_under_a_label_of_metres_are_degrees(label: str) -> None:
    drawn = town()
    sent = degrees(drawn.cells, drawn.metric)

    for ground in (None, drawn.ground):
        assert read(sent, ground, label=label).reading.label == "EPSG:4326"
        assert list(said(sent, ground, label)) == ["CRS"]


@pytest.mark.parametrize("label", [None, "EPSG:4326", "EPSG:4490"])
def test_latitude_first_is_seen_where_it_goes_beyond_90(label: str | None) -> None:
    drawn = town(105.0, 38.5)
    sent = north_first(degrees(drawn.cells, drawn.metric))

    for ground in (None, drawn.ground):
        found = read(sent, ground, label=label)
        assert found.reading.swapped
        assert found.reading.label == (label or "EPSG:4326")


def test_latitude_first_within_90_degrees_needs_the_ground() -> None:
    drawn = town(87.6, 43.8)  # Ürümqi
    sent = north_first(degrees(drawn.cells, drawn.metric))

    assert not read(sent, None).reading.swapped, "taken as it is"
    assert read(sent, drawn.ground).reading.swapped
    assert list(said(sent, drawn.ground, "EPSG:4326")) == ["AXES"]


def test_north_first_in_a_zone_without_a_number_is_seen_by_its_label() -> None:
    drawn = town(105.2, 38.5)
    sent = north_first(write_in(degrees(drawn.cells, drawn.metric), "EPSG:4544"))

    found = read(sent, None, label="EPSG:4544")

    assert (found.reading.label, found.reading.swapped) == ("EPSG:4544", True)


def test_a_shift_and_a_missing_label_and_swapped_axes_are_found_together() -> None:
    drawn = town(114.3, 30.6)
    shifted = shift(degrees(drawn.cells, drawn.metric), Datum.BD09)
    sent = north_first(write_in(shifted, "EPSG:4547"))

    found = read(sent, drawn.ground, label=None)

    assert (found.reading.label, found.reading.swapped) == ("EPSG:4547", True)
    assert found.datum is Datum.BD09
    assert list(said(sent, drawn.ground, None)) == ["NO_CRS", "AXES", "DATUM"]


def test_a_named_system_is_not_questioned() -> None:
    drawn = town(105.2, 38.5)
    sent = write_in(degrees(drawn.cells, drawn.metric), "EPSG:4544")

    found = read(sent, drawn.ground, label="EPSG:4544", crs="EPSG:4543")

    assert (found.reading.label, found.on_ground) == ("EPSG:4543", False)


def test_a_right_label_is_no_news() -> None:
    drawn = town(105.2, 38.5)
    lonlat = degrees(drawn.cells, drawn.metric)

    for crs in ("EPSG:4326", "EPSG:4490", "EPSG:4523", "EPSG:4544", "EPSG:3857", "EPSG:32648"):
        for ground in (None, drawn.ground):
            assert said(write_in(lonlat, crs), ground, crs) == {}


def test_a_file_of_another_place_stays_where_it_says() -> None:
    drawn, other = town(105.2, 38.5), town(114.3, 30.6)
    sent = degrees(other.cells, other.metric)

    found = read(sent, drawn.ground)

    assert (found.reading.label, found.datum, found.on_ground) == ("EPSG:4326", Datum.WGS84, False)


def test_an_empty_ground_is_none() -> None:
    drawn = town()
    nowhere = Ground(shapely.GeometryCollection(), drawn.quarters[:0])

    assert read(degrees(drawn.cells, drawn.metric), nowhere).reading.label == "EPSG:4326"


def test_a_file_without_any_coordinate_is_read_as_it_says() -> None:
    nothing = np.array([None, shapely.Polygon()], dtype=object)

    assert read(nothing, town().ground, label="EPSG:4523").reading.label == "EPSG:4523"
    assert read(nothing, None, label=None).reading.label == "EPSG:4326"
