"""Street networks in the database: read as they were built, and the newest whole one in use."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import func, select, text

from geo.crs import Datum, convert
from geo.errors import BadInputError
from geo.street_building import Built, build_streets
from geo.streets import Streets
from resolvers.addresses import load_addresses
from resolvers.streets import LoadedStreets, load_streets, pieces_of
from storage import streets
from storage.circle_models import StreetEdge, StreetNetwork, StreetNode
from tests.ground import DAY, draw, open_next
from tests.streets_made import CORNER, STEP_DEG, Town, Way, drawn
from tests.test_loading import listed
from tests.test_streets_built import PLACES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

TOWN = Town(columns=6, rows=5, river=1, bridges=(2,))
CHECKOUT = Path(__file__).resolve().parent.parent


async def load(engine: AsyncEngine, built: Built, *, dry_run: bool = False) -> LoadedStreets:
    return await load_streets(
        engine, built, source={"files": []}, loaded_by="test", dry_run=dry_run
    )


async def in_use(engine: AsyncEngine) -> Streets | None:
    async with engine.connect() as connection:
        row = await streets.newest(connection)
        return None if row is None else await streets.read(connection, row.id)


async def kept(engine: AsyncEngine) -> dict[str, list[int]]:
    """Return which networks have a row, nodes, and edges."""
    columns = {"rows": StreetNetwork.id, "nodes": StreetNode.network, "edges": StreetEdge.network}
    async with engine.connect() as connection:
        return {
            name: sorted((await connection.scalars(select(column).distinct())).all())
            for name, column in columns.items()
        }


def a_way(number: int) -> Built:
    return build_streets(drawn(PLACES, Way("ACB", "path", f"name {number}"), "DCE"))


def assert_equal(one: Streets, other: Streets) -> None:
    for field in fields(Streets):
        np.testing.assert_array_equal(
            getattr(one, field.name), getattr(other, field.name), err_msg=field.name
        )


async def test_a_network_is_read_as_it_was_built(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streets, "PIECE", 7)  # in several pieces, the last of them not full
    built = build_streets(TOWN.ways())

    loaded = await load(engine, built)

    assert loaded == LoadedStreets(built.streets.version, 1, True, ())
    read = await in_use(engine)
    assert read is not None
    assert_equal(read, built.streets)


async def test_the_row_of_a_network_says_what_it_is(engine: AsyncEngine) -> None:
    built = a_way(1)
    await load(engine, built)

    async with engine.connect() as connection:
        row = await streets.newest(connection)

    assert row is not None
    assert (row.version, row.node_count, row.edge_count) == (built.streets.version, 5, 4)
    assert row.length_m == pytest.approx(built.streets.length_m.sum(), abs=1e-6)
    assert (row.source, row.loaded_by) == ({"files": []}, "test")


async def test_loops_rings_and_texts_come_back(engine: AsyncEngine) -> None:
    texts = ["\\N", "\t\n", "北环路", "'; DROP TABLE street_edge; --"]
    ways = [
        Way(path, text, text) for path, text in zip(("CFAC", "DC", "BG", "CE"), texts, strict=True)
    ]
    built = build_streets(drawn(PLACES, *ways))

    await load(engine, built)

    read = await in_use(engine)
    assert read is not None
    assert_equal(read, built.streets)
    async with engine.connect() as connection:
        rows = await connection.execute(select(StreetEdge.kind, StreetEdge.name))
        assert sorted(rows.all()) == sorted((text, text) for text in texts)


async def test_what_is_stored_is_drawn_where_it_lies(engine: AsyncEngine) -> None:
    """PostGIS itself measures the lines: on the ellipsoid, not in our plane."""
    built = build_streets(TOWN.ways())
    await load(engine, built)

    async with engine.connect() as connection:
        measured = await connection.scalar(
            select(func.sum(func.ST_Length(text("geom::geography")))).select_from(StreetEdge)
        )
        ends = await connection.scalar(
            text(
                "SELECT count(*) FROM street_edge e JOIN street_node a ON a.node = e.a"
                " JOIN street_node b ON b.node = e.b WHERE ST_StartPoint(e.geom) = a.geom"
                " AND ST_EndPoint(e.geom) = b.geom AND ST_SRID(e.geom) = 4326"
            )
        )
    assert measured == pytest.approx(built.streets.length_m.sum(), rel=1e-6)
    assert ends == len(built.streets)


async def test_no_network_is_none(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await streets.newest(connection) is None
        assert await streets.read(connection, 1) is None


async def test_the_same_streets_again_change_nothing(engine: AsyncEngine) -> None:
    await load(engine, a_way(1))

    again = await load(engine, a_way(1))

    assert (again.network, again.changed) == (None, False)
    assert await kept(engine) == {"rows": [1], "nodes": [1], "edges": [1]}


async def test_a_dry_run_stores_nothing_and_says_whether_it_would(engine: AsyncEngine) -> None:
    assert (await load(engine, a_way(1), dry_run=True)).changed
    assert await in_use(engine) is None
    await load(engine, a_way(1))

    assert not (await load(engine, a_way(1), dry_run=True)).changed
    assert (await load(engine, a_way(2), dry_run=True)).changed
    assert await kept(engine) == {"rows": [1], "nodes": [1], "edges": [1]}


async def test_the_newest_two_networks_are_kept_and_every_row(engine: AsyncEngine) -> None:
    for number in (1, 2, 3, 1):
        await load(engine, a_way(number))

    assert await kept(engine) == {"rows": [1, 2, 3, 4], "nodes": [3, 4], "edges": [3, 4]}
    read = await in_use(engine)
    assert read is not None
    assert read.version == a_way(1).streets.version
    async with engine.connect() as connection:
        assert await streets.read(connection, 2) is None


async def test_two_loads_at_once_of_the_same_streets_store_them_once(engine: AsyncEngine) -> None:
    done = await asyncio.gather(*(load(engine, a_way(1)) for _ in range(4)))

    assert sorted(loaded.changed for loaded in done) == [False, False, False, True]
    assert await kept(engine) == {"rows": [1], "nodes": [1], "edges": [1]}


KILLED = """
import asyncio, os, signal, sys
from geo.street_building import build_streets
from resolvers import streets as use
from storage import streets
from storage.engine import make_engine
from tests.streets_made import Town
real = streets.store
async def store(*given, **named):
    await real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
streets.store = store
built = build_streets(Town(6, 5, 1, (2, 3)).ways())
asyncio.run(use.load_streets(make_engine(sys.argv[1]), built, source={}, loaded_by="killed"))
"""


async def test_a_load_that_is_killed_leaves_the_old_network_in_use(
    engine: AsyncEngine, database_url: str
) -> None:
    built = build_streets(TOWN.ways())
    await load(engine, built)

    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, database_url], cwd=CHECKOUT, check=False
    )

    assert died.returncode == -9
    read = await in_use(engine)
    assert read is not None
    assert_equal(read, built.streets)
    await load(engine, a_way(1))  # nobody holds the lock any more


# --- where the streets lie ----------------------------------------------------------------------


async def ground(engine: AsyncEngine, west: float, south: float) -> None:
    """Publish a district of 0.01 by 0.01 degrees."""
    async with engine.begin() as connection:
        edition = await open_next(connection, "district")
        await draw(connection, edition, "district", {"D": (west, south, west + 0.01, south + 0.01)})
        await connection.execute(
            text(
                "INSERT INTO outline (geom, chain, lon0, lat0, first_edition)"
                " SELECT geom, 0, 116, 39, :edition FROM unit"
            ),
            {"edition": edition},
        )


async def test_streets_on_the_ground_are_taken_without_a_word(engine: AsyncEngine) -> None:
    await ground(engine, 115.995, 38.995)

    assert (await load(engine, a_way(1))).notices == ()


async def test_streets_beside_the_ground_are_taken_with_a_warning(engine: AsyncEngine) -> None:
    # The place nearest to it is A, 0.1 degrees east of the district's corner: 8.66 km.
    await ground(engine, 115.89, 38.995)

    (notice,) = (await load(engine, a_way(1))).notices

    assert notice.code == "ELSEWHERE"
    assert "8.7 km" in notice.message


@pytest.mark.parametrize(("west", "south"), [(115.0, 39.0), (-64.0, -39.0), (10.0, 80.0)])
async def test_streets_of_another_city_are_refused(
    engine: AsyncEngine, west: float, south: float
) -> None:
    await ground(engine, west, south)

    with pytest.raises(BadInputError, match="lie elsewhere"):
        await load(engine, a_way(1))

    assert await in_use(engine) is None


async def test_addresses_stand_for_the_ground_where_none_is_published(engine: AsyncEngine) -> None:
    await load_addresses(engine, listed(("a", 10.0, 50.0)), published_by="test", today=DAY)

    with pytest.raises(BadInputError, match="from the addresses"):
        await load(engine, a_way(1))


async def test_addresses_far_from_every_street_are_counted(engine: AsyncEngine) -> None:
    # 0.01 degrees north of E are 1.1 km.
    places = listed(("near", 116.0, 39.0), ("far", 116.001, 39.012), ("farther", 116.2, 39.0))
    await load_addresses(engine, places, published_by="test", today=DAY)

    (notice,) = (await load(engine, a_way(1))).notices

    assert (notice.code, notice.feature_count) == ("FAR_ADDRESSES", 2)


@pytest.mark.parametrize("datum", list(Datum))
async def test_addresses_that_fit_the_streets_in_another_datum_only_are_told(
    engine: AsyncEngine, datum: Datum
) -> None:
    built = build_streets(Town(columns=12, rows=12, river=1, bridges=(2, 5, 8)).ways(bend=0.0))
    # Fifty doors, each 3 m or so from the street that it is on, in the datum of other maps.
    doors = np.add(built.line_lonlat[::4][:50], (0.0003, 0.00003))
    places = convert(doors, datum, Datum.WGS84).tolist()
    rows = listed(*((f"a{n}", lon, lat) for n, (lon, lat) in enumerate(places)))
    await load_addresses(engine, rows, published_by="test", today=DAY)

    notices = (await load(engine, built)).notices

    told = [notice.message for notice in notices if notice.code == "DATUM"]
    assert len(told) == (datum is not Datum.WGS84)
    assert all(datum.value in message for message in told)


@pytest.mark.parametrize("datum", list(Datum))
async def test_streets_through_houses_are_told_where_another_datum_clears_them(
    engine: AsyncEngine, datum: Datum
) -> None:
    # Houses anywhere in their blocks, which are 80 to 180 m deep, but not by the road: shifted,
    # they lie no farther from a street than they do, but some stand on it.
    random = np.random.default_rng(17)
    ways = Town(columns=40, rows=40, river=0, bridges=tuple(range(40))).ways(bend=0.0)
    marks = np.cumsum(random.uniform(0.9, 1.6, (40, 2)), axis=0)
    blocks, aside = random.integers(0, 39, (600, 2)), random.uniform(0.15, 0.85, (600, 2))

    def placed(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = [np.interp(drawn[:, k], np.arange(40), marks[:, k]) for k in (0, 1)]
        return np.round(CORNER + STEP_DEG * np.column_stack(apart), 9)

    built = build_streets(ways._replace(lonlat=placed((ways.lonlat - CORNER) / STEP_DEG)))
    houses = placed(blocks + aside)
    places = convert(houses, datum, Datum.WGS84).tolist()
    rows = listed(*((f"a{n}", lon, lat) for n, (lon, lat) in enumerate(places)))
    await load_addresses(engine, rows, published_by="test", today=DAY)

    notices = (await load(engine, built)).notices

    told = [notice.message for notice in notices if notice.code == "DATUM"]
    assert len(told) == (datum is not Datum.WGS84)
    assert told == [] or f"0% if the streets are in {datum.value}" in told[0], told


async def test_few_houses_on_the_road_say_nothing_of_its_datum(engine: AsyncEngine) -> None:
    built = build_streets(Town(columns=12, rows=12, river=0, bridges=(0,)).ways(bend=0.0))
    # every fifth of fifty stands on its street, the others 60 m from it
    doors = np.add(built.line_lonlat[::4][:50], (0.0003, 0.0))
    doors[:, 1] += np.where(np.arange(50) % 5 == 0, 0.0, 0.0006)
    rows = listed(*((f"a{n}", lon, lat) for n, (lon, lat) in enumerate(doors.tolist())))
    await load_addresses(engine, rows, published_by="test", today=DAY)

    notices = (await load(engine, built)).notices

    assert "DATUM" not in {notice.code for notice in notices}


async def test_small_pieces_are_counted_and_named_apart() -> None:
    #  D-E is 300 m long, a path beside it 2 m: less than a fiftieth of the whole.
    places = PLACES | {"x": (5, 0), "y": (5, 0.02)}
    streets_ = build_streets(drawn(places, "DE", "xy")).streets

    pieces = pieces_of(streets_)

    assert (pieces.number, pieces.small) == (2, 1)
    assert pieces.small_m == pytest.approx(2.22, abs=0.01)
    assert pieces.largest_share == pytest.approx(1 - pieces.small_m / streets_.length_m.sum())
