"""The made-up town's ground in a database, and how files are read by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pytest
import shapely

from fixtures.__main__ import DATA
from geo.crs import Datum, Plane
from geo.errors import UnknownError, UnreadableError
from resolvers.grounds import ground_for, ground_of_file
from sources.boundaries import read_boundaries
from storage.engine import make_engine
from tests.publishing.outside import Wangge
from tests.town import layer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncEngine

    from sources.boundaries import BoundaryFile
    from tests.databases import Databases

LEVELS = ("district", "subdistrict", "community")
DISTRICT, NORTH = "999001", "999001001"


@pytest.fixture(scope="session")
def made_up_town(databases: Databases) -> str:
    """Publish the made-up town down to its communities, once; return its database's URL."""
    url = databases.make("made_up_town")
    program = Wangge(url)
    program.ask("load", "levels", DATA / "levels.toml")
    for level in LEVELS:
        program.publish(level, DATA / "town.gpkg", "--layer", level)
    return url


@pytest.fixture
async def engine(made_up_town: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine on the town."""
    made = make_engine(made_up_town)
    try:
        yield made
    finally:
        await made.dispose()


@pytest.fixture
def bare_url(databases: Databases) -> Iterator[str]:
    """Give a database without any edition."""
    with databases.copy() as url:
        yield url


def same_land(one: object, other: object) -> bool:
    """Return whether two polygons are one but for the rounding to 1e-9 degrees."""
    pair = np.array([one, other], dtype=object)
    apart = shapely.area(shapely.symmetric_difference(*pair))
    return bool(apart < 1e-9 * shapely.area(pair[0]))


@pytest.mark.anyio
async def test_the_ground_of_a_city_is_its_outline_and_the_level_above(
    engine: AsyncEngine,
) -> None:
    ground = await ground_for(engine, "grid", None)

    assert ground is not None
    assert same_land(ground.outline, layer("district").geoms[0])
    assert len(ground.parents) == len(layer("community").geoms) == 9


@pytest.mark.anyio
async def test_the_ground_within_a_unit_is_that_unit_alone(engine: AsyncEngine) -> None:
    by_code = layer("subdistrict").by_code()
    inside = [code for code in layer("community").by_code() if str(code).startswith(NORTH)]

    for named in (NORTH, f"subdistrict:{NORTH}"):
        ground = await ground_for(engine, "grid", named)
        assert ground is not None
        assert same_land(ground.outline, by_code[NORTH])
        assert len(ground.parents) == len(inside) == 5
        assert same_land(shapely.union_all(ground.parents), by_code[NORTH])


@pytest.mark.anyio
async def test_a_unit_of_the_level_above_is_its_own_parent(engine: AsyncEngine) -> None:
    ground = await ground_for(engine, "community", NORTH)

    assert ground is not None
    assert [same_land(parent, ground.outline) for parent in ground.parents] == [True]


@pytest.mark.anyio
async def test_the_topmost_level_lies_on_the_outline(engine: AsyncEngine) -> None:
    ground = await ground_for(engine, "district", None)

    assert ground is not None
    assert same_land(ground.outline, layer("district").geoms[0])
    assert len(ground.parents) == 0


@pytest.mark.anyio
async def test_where_nothing_stands_there_is_no_ground(bare_url: str) -> None:
    made = make_engine(bare_url)
    try:
        assert await ground_for(made, "grid", None) is None
        assert await ground_for(made, "district", None) is None
    finally:
        await made.dispose()


@pytest.mark.anyio
async def test_a_level_or_unit_that_is_not_there_is_told(engine: AsyncEngine) -> None:
    with pytest.raises(UnknownError, match="no level street"):
        await ground_for(engine, "street", None)
    with pytest.raises(UnknownError, match="no unit 123 stands"):
        await ground_for(engine, "grid", "123")


# --- the town's grids, written in many ways -------------------------------------------------------


def send(
    folder: Path,
    place: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    label: str | None,
    *,
    within: str = "",
    first: int | None = None,
) -> Path:
    """Write grids with their coordinates changed, under a label: all, those of a unit, or some."""
    grids = layer("grid")
    inside = [str(code).startswith(within) for code in grids.columns["code"]]
    kept = np.flatnonzero(inside)[:first]
    path = folder / "grids.fgb"
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.asarray(shapely.transform(grids.geoms[kept], place))),
        [np.array(grids.columns["code"], dtype=object)[kept]],
        ["code"],
        geometry_type="Polygon",
        crs=label,
        driver="FlatGeobuf",
        SPATIAL_INDEX="NO",  # an index puts the features into another order
    )
    return path


def into(crs: str, datum: Datum = Datum.WGS84) -> Callable[..., NDArray[np.float64]]:
    plane = Plane.of(crs, (104.9, 38.4), datum=datum)
    return lambda lonlat: plane.to_file(plane.from_lonlat(lonlat))


def swapped(place: Callable[..., NDArray[np.float64]]) -> Callable[..., NDArray[np.float64]]:
    return lambda lonlat: place(lonlat)[:, ::-1]


SENT = {
    "as it is": (into("EPSG:4490"), "EPSG:4490", []),
    "a zone with its number": (into("EPSG:4523"), None, ["NO_CRS"]),
    "a zone without": (into("EPSG:4544"), None, ["NO_CRS"]),
    "a zone without, north first": (swapped(into("EPSG:4544")), None, ["NO_CRS", "AXES"]),
    "a zone without, labelled, north first": (swapped(into("EPSG:4544")), "EPSG:4544", ["AXES"]),
    "the neighbouring zone's label": (into("EPSG:4544"), "EPSG:4545", ["CRS"]),
    "another zone's number": (into("EPSG:4523"), "EPSG:4522", ["CRS"]),
    "metres as degrees": (into("EPSG:4544"), "EPSG:4326", ["CRS"]),
    "degrees as metres": (into("EPSG:4326"), "EPSG:4523", ["CRS"]),
    "the web's map": (into("EPSG:3857"), None, ["NO_CRS"]),
    "UTM": (into("EPSG:32648"), None, ["NO_CRS"]),
    "UTM under the label of a zone": (into("EPSG:32648"), "EPSG:4544", ["CRS"]),
    "latitude first": (swapped(into("EPSG:4326")), "EPSG:4326", ["AXES"]),
    "GCJ-02": (into("EPSG:4326", Datum.GCJ02), "EPSG:4326", ["DATUM"]),
    "BD-09": (into("EPSG:4326", Datum.BD09), "EPSG:4490", ["DATUM"]),
    "GCJ-02 in a zone": (into("EPSG:4544", Datum.GCJ02), None, ["NO_CRS", "DATUM"]),
    "BD-09, latitude first": (
        swapped(into("EPSG:4326", Datum.BD09)),
        None,
        ["NO_CRS", "AXES", "DATUM"],
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("how", SENT)
@pytest.mark.parametrize("within", [None, NORTH])
@pytest.mark.filterwarnings("ignore:.*crs.*:UserWarning")
async def test_the_grids_land_where_they_belong(
    engine: AsyncEngine, tmp_path: Path, how: str, within: str | None
) -> None:
    place, label, notices = SENT[how]
    ground = await ground_for(engine, "grid", within)

    found = read_boundaries(send(tmp_path, place, label, within=within or ""), ground=ground)

    assert [notice.code for notice in found.notices] == notices
    assert all(notice.feature_count == len(found.rows) for notice in found.notices)
    assert_at_home(found)


def assert_at_home(found: BoundaryFile) -> None:
    """Compare what was read with the town, corner by corner: all within a millimetre."""
    drawn = layer("grid").by_code()
    here = np.array([drawn[code] for code in found.codes], dtype=object)
    there = ground_of_file(found).parents
    np.testing.assert_allclose(
        shapely.get_coordinates(there), shapely.get_coordinates(here), rtol=0, atol=1e-8
    )


@pytest.mark.anyio
async def test_a_file_of_more_than_the_unit_is_read_by_what_lies_on_its_borders(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    ground = await ground_for(engine, "grid", NORTH)

    for datum in Datum:
        path = send(tmp_path, into("EPSG:4326", datum), "EPSG:4326")
        assert read_boundaries(path, ground=ground).datum is datum


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:.*crs.*:UserWarning")
async def test_some_grids_are_enough(engine: AsyncEngine, tmp_path: Path) -> None:
    """The first twelve are two communities of nine: most of the ground stays bare."""
    path = send(tmp_path, into("EPSG:4326", Datum.GCJ02), "EPSG:4326", first=12)

    found = read_boundaries(path, ground=await ground_for(engine, "grid", DISTRICT))

    assert found.datum is Datum.GCJ02


@pytest.mark.filterwarnings("ignore:.*crs.*:UserWarning")
def test_without_a_ground_a_shift_is_not_guessed_and_a_zone_is_asked_for(tmp_path: Path) -> None:
    shifted = send(tmp_path, into("EPSG:4326", Datum.GCJ02), "EPSG:4326")
    assert read_boundaries(shifted).datum is Datum.WGS84
    assert read_boundaries(shifted).notices == ()

    unnumbered = send(tmp_path, into("EPSG:4544"), None)
    with pytest.raises(UnreadableError, match=r"--crs EPSG:4534") as error:
        read_boundaries(unnumbered)
    assert error.value.extensions["argument"] == "crs"
    assert read_boundaries(unnumbered, crs="EPSG:4544").notices == ()


def test_a_file_of_parents_is_a_ground_as_the_stored_ones_are(tmp_path: Path) -> None:
    parents = read_boundaries(DATA / "town.gpkg", layer="community")
    shifted = send(tmp_path, into("EPSG:3857", Datum.BD09), "EPSG:3857")

    found = read_boundaries(shifted, ground=ground_of_file(parents))

    assert (found.crs, found.datum) == ("EPSG:3857", Datum.BD09)
    assert_at_home(found)


def test_a_ground_of_shifted_parents_is_brought_back(tmp_path: Path) -> None:
    path = send(tmp_path, into("EPSG:4326", Datum.BD09), "EPSG:4326")

    assert_at_home(read_boundaries(path, datum=Datum.BD09))


@pytest.mark.anyio
async def test_the_ground_costs_few_statements(engine: AsyncEngine, statements: list[str]) -> None:
    await ground_for(engine, "grid", None)
    assert len(statements) == 3

    statements.clear()
    await ground_for(engine, "grid", NORTH)
    # The tree of levels twice: for the level, and to find the unit above it.
    assert len(statements) == 4
