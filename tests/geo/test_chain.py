"""The boundary-chain sum: what it depends on, and what it does not."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry.base import BaseGeometry
from sqlalchemy import make_url

from geo.chain import chains, chains_of_wkb, parent_sums
from tests.geo.builders import PLANE, STEP_M, array, box, draw_nest, polygon
from tests.geo.strategies import seeds, stars

WORD = 2**64


def chain_of(geom: shapely.Polygon | shapely.MultiPolygon) -> int:
    """Return the chain of one polygon drawn in metres."""
    return int(chains(PLANE.degrees(array([geom])))[0])


def total_of(geoms: list[shapely.Polygon]) -> int:
    """Return the sum of chains, from -2^63 to 2^63."""
    return int(chains(PLANE.degrees(array(geoms))).sum())


def turned(ring: shapely.LinearRing, by: int, *, back: bool) -> list[tuple[float, ...]]:
    """Return a ring that starts ``by`` vertices later, and may run the other way."""
    corners = list(ring.coords)[:-1]
    by %= len(corners)
    corners = corners[by:] + corners[:by]
    return corners[::-1] if back else corners


@given(star=stars(), by=st.integers(0, 11), back=st.booleans(), hole_back=st.booleans())
def test_start_vertex_and_direction_of_rings_do_not_matter(
    star: shapely.Polygon, by: int, back: bool, hole_back: bool
) -> None:
    again = shapely.Polygon(
        turned(star.exterior, by, back=back),
        [turned(hole, by, back=hole_back) for hole in star.interiors],
    )

    assert chain_of(again) == chain_of(star) != 0


@given(one=stars(), two=stars(west=200.0), three=stars(west=400.0))
def test_the_chain_of_many_parts_is_the_sum_in_any_order(
    one: shapely.Polygon, two: shapely.Polygon, three: shapely.Polygon
) -> None:
    forth, back = shapely.MultiPolygon([one, two, three]), shapely.MultiPolygon([three, one, two])

    assert chain_of(forth) == chain_of(back) == total_of([one, two, three])


@given(star=stars())
def test_holes_count_against_their_exterior_and_their_order_does_not_matter(
    star: shapely.Polygon,
) -> None:
    shell = box(-100, -100, 500, 200)
    here = shapely.Polygon(star.exterior)
    there = affinity.translate(here, 200.0)
    holes = [here.exterior, there.exterior]
    holed = shapely.Polygon(shell.exterior, holes)

    assert chain_of(holed) == chain_of(shapely.Polygon(shell.exterior, holes[::-1]))
    assert total_of([holed, here, there]) == chain_of(shell)


@given(seed=seeds, blocks=st.integers(1, 3), cells=st.integers(1, 4))
def test_a_random_subdivision_sums_to_the_land_that_it_divides(
    seed: int, blocks: int, cells: int
) -> None:
    grids = PLANE.degrees(
        array(draw_nest(np.random.default_rng(seed), blocks=blocks, cells=cells).grids)
    )
    whole = shapely.coverage_union_all(grids)  # keeps every vertex of the rim

    assert chains(grids).sum() == chains(array([whole]))[0]
    assert parent_sums(chains(grids), np.zeros(len(grids), np.intp), chains(array([whole]))) == [0]


@pytest.mark.parametrize("copies", [2, 3, 5, 9])
def test_a_unit_that_is_there_several_times_does_not_cancel(copies: int) -> None:
    # Under XOR an even number of surplus copies would be nothing.
    left, right = box(0, 0, 50, 100), box(50, 0, 100, 100)
    whole = polygon((0, 0), (50, 0), (100, 0), (100, 100), (50, 100), (0, 100))

    assert total_of([left, right]) == chain_of(whole)
    assert total_of([left] + [right] * copies) != chain_of(whole)


@given(star=stars(), which=st.integers(0, 100), dx=st.sampled_from([-1, 1]))
def test_a_vertex_moved_by_one_step_of_the_grid_changes_the_chain(
    star: shapely.Polygon, which: int, dx: int
) -> None:
    corners = list(star.exterior.coords)[:-1]
    x, y = corners[which % len(corners)]
    corners[which % len(corners)] = (x + dx * STEP_M, y)

    assert chain_of(shapely.Polygon(corners, list(star.interiors))) != chain_of(star)


def test_one_more_collinear_vertex_changes_the_chain() -> None:
    plain = box(0, 0, 100, 100)
    noded = polygon((0, 0), (50, 0), (100, 0), (100, 100), (0, 100))

    assert noded.equals(plain)
    assert chain_of(noded) != chain_of(plain)


@given(seed=seeds, which=st.integers(0, 8))
def test_a_missing_cell_leaves_its_own_chain(seed: int, which: int) -> None:
    grids = PLANE.degrees(array(draw_nest(np.random.default_rng(seed), blocks=1).grids))
    whole = chains(array([shapely.coverage_union_all(grids)]))
    rest = np.delete(grids, which)

    left = parent_sums(chains(rest), np.zeros(len(rest), np.intp), whole)

    np.testing.assert_array_equal(left, -chains(grids[[which]]))
    assert left[0] != 0


def test_every_parent_has_its_own_sum_and_units_of_no_parent_count_for_none() -> None:
    # | a | b |   west holds a and b
    # | c |       east holds c and lacks the rest; x belongs to nobody
    a, b, c, x = box(0, 0, 1, 1), box(1, 0, 2, 1), box(5, 0, 6, 1), box(9, 9, 10, 10)
    west = polygon((0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1))
    east = box(5, 0, 8, 1)
    units, above = (chains(PLANE.degrees(array(g))) for g in ([a, b, c, x], [west, east]))

    left = parent_sums(units, np.array([0, 0, 1, -1]), above)

    assert left[0] == 0
    assert left[1] == units[2] - above[1]


def test_sums_wrap_at_two_to_the_sixty_fourth() -> None:
    huge = np.full(4, 2**62, np.int64)

    np.testing.assert_array_equal(
        parent_sums(huge, np.zeros(4, np.intp), np.zeros(1, np.int64)), [0]
    )
    np.testing.assert_array_equal(
        parent_sums(huge[:3], np.zeros(3, np.intp), np.array([-(2**62)])), [0]
    )


def test_minus_zero_is_the_same_place_as_zero() -> None:
    plain = shapely.Polygon([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    minus = shapely.Polygon([(-0.0, -0.0), (1.0, -0.0), (-0.0, 1.0)])

    assert chains(array([minus])) == chains(array([plain]))


def test_heights_and_empty_parts_do_not_count() -> None:
    flat = box(0, 0, 1, 1)
    high = shapely.Polygon([(x, y, 7.0) for x, y in flat.exterior.coords])

    assert chains(array([high])) == chains(array([flat]))
    assert chains(array([shapely.Polygon(), shapely.MultiPolygon()])).tolist() == [0, 0]


def test_the_empty_level_has_no_chains() -> None:
    assert chains(np.empty(0, object)).shape == (0,)
    assert parent_sums(np.zeros(0, np.int64), np.zeros(0, np.intp), np.array([5])).tolist() == [-5]


@pytest.mark.parametrize(
    "wrong",
    [
        shapely.Point(0, 0),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.GeometryCollection([shapely.box(0, 0, 1, 1)]),
        None,
    ],
)
def test_what_is_no_polygon_is_refused_by_its_number(wrong: BaseGeometry | None) -> None:
    both = np.empty(2, object)
    both[0], both[1] = shapely.box(0, 0, 1, 1), wrong

    with pytest.raises(ValueError, match="1"):
        chains(both)


@pytest.mark.parametrize(
    "wkb",
    [
        shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=0),
        shapely.to_wkb(shapely.Polygon([(0, 0, 1), (1, 0, 1), (0, 1, 1)]), byte_order=1),
        b"",
        b"\x01\x03\x00",
    ],
    ids=["big-endian", "with heights", "nothing", "cut off"],
)
def test_bytes_that_would_be_misread_are_refused(wkb: bytes) -> None:
    with pytest.raises(ValueError, match="geometry 0"):
        chains_of_wkb([wkb])


@pytest.fixture
def connection(database_url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(make_url(database_url).set(drivername="postgresql").render_as_string())


def test_postgis_gives_bytes_with_the_same_chains(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    grids = PLANE.degrees(array(draw_nest(np.random.default_rng(8)).grids))
    holed = shapely.Polygon(box(0, 0, 9, 9).exterior, [box(3, 3, 6, 6).exterior])
    geoms = np.concatenate(
        [grids, array([holed, shapely.MultiPolygon([holed, box(20, 0, 21, 1)])])]
    )
    asked = "SELECT ST_GeomFromWKB(unnest(%s::bytea[]), 4326)"

    with connection, connection.cursor(binary=True) as cursor:
        cursor.execute(asked, [shapely.to_wkb(geoms).tolist()])
        ewkb = [bytes.fromhex(v) if isinstance(v, str) else v for (v,) in cursor.fetchall()]

    np.testing.assert_array_equal(chains_of_wkb(ewkb), chains(geoms))  # type: ignore[arg-type]


def test_sql_proves_the_same_parents(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    # Three parents: one filled, one short of a cell, one with a cell three times.
    whole, owner, given_chains = [], [], []
    for p in range(3):
        grids = PLANE.degrees(array(draw_nest(np.random.default_rng(p), blocks=1).grids))
        whole.append(int(chains(array([shapely.coverage_union_all(grids)]))[0]))
        drawn = [*grids[p == 1 :], *([grids[0]] * 2 if p == 2 else [])]
        owner += [p] * len(drawn)
        given_chains += chains(array(drawn)).tolist()

    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE child(parent int, chain bigint)")
        cursor.executemany(
            "INSERT INTO child VALUES (%s, %s)", list(zip(owner, given_chains, strict=True))
        )
        cursor.execute(
            "SELECT mod(sum(c.chain) - p.chain, 18446744073709551616) = 0, sum(c.chain) - p.chain"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS p(chain, place)"
            " JOIN child c ON c.parent = p.place - 1 GROUP BY p.place, p.chain ORDER BY p.place",
            [whole],
        )
        rows = cursor.fetchall()

    left = parent_sums(np.array(given_chains), np.array(owner, np.intp), np.array(whole))
    assert [proven for proven, _ in rows] == [True, False, False] == (left == 0).tolist()
    assert [int(str(rest)) % WORD for _, rest in rows] == [int(rest) % WORD for rest in left]
