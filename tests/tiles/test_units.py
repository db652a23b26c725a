"""What tiles show of units: their land, nothing between neighbours, their names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
import shapely
from sqlalchemy import make_url

from schema.ids import IdKind, encode
from storage.tiles import TileAt
from tests.graphql import world
from tests.tiles import lattice
from tests.tiles.decoded import BUFFER, GRID, HALF_WORLD_M, Feature, layers, tile_of
from tests.tiles.test_tiles_http import act

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.databases import Databases
    from tests.tiles.conftest import Served

CENTRE = (lattice.LON + 3 * lattice.STEP, lattice.LAT + 3 * lattice.STEP)
ZOOMS = (5, 8, 10, 11, 12, 13, 14, 15, 16, 18, 22)


def drawn(town: Served, levels: str, tile: TileAt, edition: int = 2) -> dict[str, list[Feature]]:
    """Return the features of a tile."""
    response = town.client.get(f"/tiles/{edition}/{levels}/{tile.z}/{tile.x}/{tile.y}.mvt")
    assert response.status_code == 200
    return layers(response.content)


def overlaid(url: str, level: str, tile: TileAt) -> dict[str, shapely.Geometry]:
    """Return the land of units in a tile, in steps of its grid, as PostGIS cuts it.

    The coordinates are those of the tile's lower left corner, y upwards, as GDAL gives them.
    """
    step = 2 * HALF_WORLD_M / 2**tile.z / GRID
    west, south = tile.x * GRID * step - HALF_WORLD_M, HALF_WORLD_M - (tile.y + 1) * GRID * step
    query = """
        SELECT code, ST_AsBinary(ST_Intersection(
            ST_Transform(geom, 3857), ST_TileEnvelope(%s, %s, %s)))
        FROM unit WHERE level = %s AND last_edition IS NULL"""
    host, name = make_url(url).query["host"], make_url(url).database
    with psycopg.connect(host=str(host), user="postgres", dbname=name) as connection:
        rows = connection.execute(query, (*tile, level)).fetchall()
    lands = {code: shapely.from_wkb(bytes(wkb)) for code, wkb in rows}
    return {
        code: shapely.transform(land, lambda xy: (xy - [west, south]) / step)
        for code, land in lands.items()
        if not land.is_empty
    }


@pytest.mark.parametrize("zoom", ZOOMS)
def test_units_lie_where_postgis_cuts_them(town: Served, lattice_url: str, zoom: int) -> None:
    tile = tile_of(*CENTRE, zoom)
    expected = overlaid(lattice_url, "grid", tile)

    inside = shapely.box(0, 0, GRID, GRID)
    features = {
        f.attributes["code"]: f.land.intersection(inside) for f in drawn(town, "grid", tile)["grid"]
    }

    # a quarter of a pixel are two steps, and rounding is less than one; land thinner than that
    # may be gone
    for code, land in expected.items():
        if code not in features:
            assert shapely.buffer(land, -1).is_empty
            continue
        wrong = shapely.symmetric_difference(features[code], land)
        assert wrong.area <= 0.5 * shapely.length(land) + 1, (
            f"on the whole less than half a step: {code}"
        )
        assert shapely.buffer(wrong, -2).is_empty, "nowhere more than two to either side"
    assert {code for code, land in features.items() if not land.is_empty} <= set(expected)


def segments(lands: list[shapely.Geometry]) -> Counter[tuple[float, ...]]:
    """Return the directed sides of polygons that are not there the other way round, too.

    Those along the rim, where all units are cut, are left out.
    """
    sides: Counter[tuple[float, ...]] = Counter()
    for polygon in shapely.get_parts(shapely.orient_polygons(np.array(lands, dtype=object))):
        for ring in shapely.get_rings(polygon):
            xy = shapely.get_coordinates(ring)
            for start, end in zip(xy[:-1].tolist(), xy[1:].tolist(), strict=True):
                if not is_rim(start, end):
                    sides[*start, *end] += 1
    return Counter({side: n - sides[*side[2:], *side[:2]] for side, n in sides.items()}) - Counter()


def is_rim(start: list[float], end: list[float]) -> bool:
    """Return whether a side lies along the rim of a tile with its margin."""
    rim = {-BUFFER, GRID + BUFFER}
    return any(a == b and a in rim for a, b in zip(start, end, strict=True))


@pytest.mark.parametrize("zoom", ZOOMS)
def test_neighbours_share_every_vertex(town: Served, zoom: int) -> None:
    tile = tile_of(*CENTRE, zoom)
    found = drawn(town, "grid,community,district", tile)

    grids, communities, district = (
        segments([f.land for f in found[level]]) for level in ("grid", "community", "district")
    )

    # the sides between two grids are there both ways; the rest is the side of the town
    assert grids == communities == district
    assert bool(grids) == (zoom < 15), "from there on, the tile lies amid the town"


@pytest.mark.parametrize("zoom", ZOOMS)
def test_nothing_is_left_between_units(town: Served, zoom: int) -> None:
    tile = tile_of(*CENTRE, zoom)
    found = drawn(town, "grid,district", tile)

    lands = [f.land for f in found["grid"]]
    together = shapely.union_all(lands)

    assert all(land.is_valid for land in lands)
    assert shapely.get_num_interior_rings(shapely.get_parts(together)).sum() == 0
    assert together.area == pytest.approx(sum(land.area for land in lands), rel=1e-12)
    assert together.equals(shapely.union_all([f.land for f in found["district"]]))


def test_neighbouring_tiles_show_the_same_where_both_reach(town: Served) -> None:
    tile = tile_of(*CENTRE, 14)
    here = {f.attributes["code"]: f.land for f in drawn(town, "grid", tile)["grid"]}
    east = tile._replace(x=tile.x + 1)
    there = {f.attributes["code"]: f.land for f in drawn(town, "grid", east)["grid"]}

    both = shapely.box(GRID - BUFFER + 1, 0, GRID + BUFFER - 1, GRID)
    for code in set(here) & set(there):
        moved = shapely.transform(there[code], lambda xy: np.add(xy, [GRID, 0]))
        wrong = shapely.symmetric_difference(
            shapely.intersection(here[code], both), shapely.intersection(moved, both)
        )
        # only the ends of sides that were cut may differ
        assert wrong.area <= 2 * BUFFER


def test_a_feature_has_the_names_of_its_unit(town: Served) -> None:
    tile = tile_of(*CENTRE, 12)
    found = drawn(town, "grid,community", tile)

    grids = {f.attributes["code"]: f for f in found["grid"]}
    first = grids["00"]

    assert list(grids) == sorted(f"{i}{j}" for i in range(6) for j in range(6))
    assert first.attributes == {
        "id": encode(IdKind.UNIT, first.number or 0),
        "code": "00",
        "name": "北京路网格",
        "parent": "C1",
        "households": 4,
    }
    assert grids["50"].attributes["parent"] == "C3"
    assert grids["50"].attributes["households"] == 0
    assert [f.attributes["code"] for f in found["community"]] == ["C1", "C2", "C3", "C4"]


def test_an_edition_shows_its_own_state(town: Served) -> None:
    tile = tile_of(*CENTRE, 12)

    first, second = (drawn(town, "grid", tile, edition)["grid"][0] for edition in (1, 2))

    assert first.attributes["name"] == "grid 00"
    assert second.attributes["name"] == "北京路网格"
    assert first.number != second.number, "another version of the unit"
    assert first.land.equals(second.land)


def test_the_topmost_unit_names_no_parent(town: Served) -> None:
    [district] = drawn(town, "district", tile_of(*CENTRE, 12))["district"]

    assert "parent" not in district.attributes
    assert district.attributes["code"] == "D"


NECK = 0.00002
"""Degrees: less than a step of the grid at the zooms below."""


def neck(south: float) -> list[shapely.Polygon]:
    """Return two squares with a narrow neck between them as one unit, and what fills the rest.

    So::

    +---+-----+---+
    |   | top |   |
    |   +-----+   |
    |   +-----+   |
    |   | low |   |
    +---+-----+---+
    """
    west, east = 104.015, 104.025
    north = south + NECK
    rim = [(104, 31), (west, 31), (west, south), (east, south), (east, 31), (104.04, 31)]
    rest = [(104.04, 31.02), (east, 31.02), (east, north), (west, north), (west, 31.02)]
    low = shapely.Polygon([(west, 31), (east, 31), (east, south), (west, south)])
    top = shapely.Polygon([(west, north), (east, north), (east, 31.02), (west, 31.02)])
    return [shapely.Polygon([*rim, *rest, (104, 31.02)]), low, top]


@pytest.mark.parametrize("zoom", [8, 9, 10, 11])
def test_a_unit_that_the_grid_folds_is_mended(
    databases: Databases, serving: Callable[..., Served], zoom: int
) -> None:
    async def draw(engine: AsyncEngine) -> None:
        await world.build(engine)
        # of several heights one falls between two lines of the grid, whatever the zoom
        for place in range(4):
            for number, land in enumerate(neck(31.0101 + place * NECK / 3)):
                shape = shapely.MultiPolygon([land])
                await world.add_unit(engine, "grid", f"N{place}{number}", shape)

    with databases.copy() as url:
        act(url, draw)
        found = drawn(serving(url), "grid", tile_of(104.02, 31.01, zoom))["grid"]

    lands = {f.attributes["code"]: f.land for f in found}
    for place in range(4):
        some = [lands[f"N{place}{number}"] for number in range(3)]
        assert all(land.is_valid for land in some)
        together = shapely.union_all(some)
        assert together.equals(shapely.box(*together.bounds))
        assert together.area == sum(land.area for land in some)
