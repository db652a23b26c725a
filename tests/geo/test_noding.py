"""Noding: it ends, it matches every level, it moves nothing that is stored and little else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.chain import chains
from geo.coverage import prove
from geo.crs import Plane, round9
from geo.noding import INSERT_M, MOVED_M, node
from geo.segments import Sums
from tests.geo.builders import (
    PLANE,
    Nest,
    array,
    box,
    draw_layer,
    draw_nest,
    draw_parents,
    node_level,
    polygon,
    sums_of,
)
from tests.geo.strategies import Dirty, dirty_coverages, draw_rough, rough_coverages, seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.noding import Ground, Noded

    Geoms = NDArray[np.object_]

STEP = 0.0002
"""What rounding to 1e-9 degrees may add to a distance, in metres."""


class Published(NamedTuple):
    """Three levels, published from the top down, each as its file sent it."""

    grids: Geoms
    """The grids as they stand, in degrees."""
    above: Geoms
    """The communities and the city, in degrees, with all nodes that they received."""
    sums: Sums
    """Of grids, communities and city: what must be zero."""
    before: Geoms
    """The communities and the city before the grids came."""
    noded: Noded
    """What noding said of the grids."""


def nest_sums(community_of: NDArray[np.intp], communities: int) -> Sums:
    """Return the sums of a nest: each community's grids, and the city's communities."""
    n, m = len(community_of), communities
    return Sums(
        np.concatenate([np.arange(n + m), n + np.arange(m + 1)]),
        np.concatenate([community_of, np.full(m, m), np.arange(m + 1)]),
        np.concatenate([np.ones(n + m, np.int64), -np.ones(m + 1, np.int64)]),
    )


def publish(
    nest: Nest, send: Callable[[list[shapely.Polygon]], Geoms], ground: Ground
) -> Published:
    """Publish city, communities and grids one after the other.

    Parameters
    ----------
    nest
        Drawn in metres.
    send
        Makes of drawn polygons those of a file.
    ground
        The file's plane.
    """
    m = len(nest.communities)
    city = in_degrees(send([nest.city]), ground)
    first = node(send(nest.communities), city, sums_of([0] * m, 1), ground)
    city[first.stored_index] = first.stored
    before = np.concatenate([first.sent, city])
    sums = nest_sums(nest.community_of, m)
    last = node(send(nest.grids), before, sums, ground)
    return Published(last.sent, with_nodes(before, last), sums, before, last)


def in_degrees(geoms: Geoms, ground: Ground) -> Geoms:
    """Return a file's polygons as they are stored when nothing is noded."""

    def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return round9(ground.to_lonlat(ground.from_file(xy)))

    return np.asarray(shapely.transform(geoms, convert))


def with_nodes(stored: Geoms, noded: Noded) -> Geoms:
    """Return the stored polygons with the nodes that they received."""
    out = stored.copy()
    out[noded.stored_index] = noded.stored
    return out


def left_of(sums: Sums, geoms: Geoms) -> list[int]:
    """Return every sum, modulo 2^64."""
    total = np.zeros(int(sums.group.max()) + 1, np.int64)
    np.add.at(total, sums.group, chains(geoms)[sums.polygon] * sums.sign)
    return [int(rest) for rest in total]


def assert_everything_matches(done: Published) -> None:
    """All levels' sums are zero, by the chain and by segments counted one by one."""
    everything = np.concatenate([done.grids, done.above])
    assert shapely.is_valid(everything).all()
    assert not any(left_of(done.sums, everything))
    m = len(done.above) - 1
    for above, below in [(done.above[-1:], done.above[:m]), (done.above[:m], done.grids)]:
        assert segments_once(above) == segments_once(below)


def segments_once(geoms: Geoms) -> set[tuple[float, ...]]:
    """Return the directed segments whose opposite is not there: the rim, counted by hand."""
    there: set[tuple[float, ...]] = set()
    for part in shapely.get_parts(shapely.orient_polygons(geoms)):
        for ring in (part.exterior, *part.interiors):
            corners = list(ring.coords)
            for a, b in pairwise(corners):
                if (*b, *a) in there:
                    there.remove((*b, *a))
                else:
                    there.add((*a, *b))
    return there


def vertices(geom: shapely.Geometry) -> set[tuple[float, float]]:
    return {(x, y) for x, y in shapely.get_coordinates(geom).tolist()}


def furthest_m(before: Geoms, after: Geoms) -> float:
    """Return how far from a border land changed hands at most, in metres of the drawing."""
    most = 0.0
    for was, now in zip(before, after, strict=True):
        moved = shapely.symmetric_difference(was, now)
        if not moved.is_empty:
            corners = shapely.points(shapely.get_coordinates(moved))
            most = max(most, float(shapely.distance(corners, was.boundary).max()))
    return most


def exactly(geoms: list[shapely.Polygon]) -> Geoms:
    return array(geoms)


# -- nests that truly nest -------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    seed=seeds,
    blocks=st.integers(1, 3),
    cells=st.integers(1, 5),
    block_m=st.sampled_from([80.0, 300.0, 4000.0]),
)
def test_three_levels_match_though_parents_lack_their_childrens_nodes(
    seed: int, blocks: int, cells: int, block_m: float
) -> None:
    nest = draw_nest(np.random.default_rng(seed), blocks=blocks, cells=cells, block_m=block_m)

    assert_everything_matches(publish(nest, exactly, PLANE))


@settings(deadline=None, max_examples=40)
@given(seed=seeds, cells=st.integers(2, 5))
def test_three_levels_match_when_nodes_lie_one_to_nine_millimetres_off_the_line(
    seed: int, cells: int
) -> None:
    nest = draw_nest(np.random.default_rng(seed), cells=cells, off_m=(0.001, 0.009))
    done = publish(nest, exactly, PLANE)

    assert_everything_matches(done)
    assert furthest_m(array(nest.grids), PLANE.project(done.grids)) <= INSERT_M + STEP


def noisy(rng: np.random.Generator) -> Callable[[list[shapely.Polygon]], Geoms]:
    """Return a sender that moves every vertex of every unit by itself, 3 mm or so, 4.9 at most.

    So no vertex is over 10 mm off the same border as another unit has it. Where it is, by noise of
    6 mm on either side, one parent in some hundred keeps a sliver, which is told.
    """

    def shake(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        off = rng.normal(0.0, 0.003, xy.shape)
        off *= np.minimum(1.0, 0.0049 / np.hypot(*off.T))[:, None]
        return xy + off

    def send(geoms: list[shapely.Polygon]) -> Geoms:
        return array(shapely.Polygon(shake(shapely.get_coordinates(g)[:-1])) for g in geoms)

    return send


@settings(deadline=None, max_examples=40)
@given(seed=seeds, cells=st.integers(1, 4))
def test_three_levels_match_under_noise_of_three_millimetres(seed: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    nest = draw_nest(rng, cells=cells)
    done = publish(nest, noisy(rng), PLANE)

    assert_everything_matches(done)
    assert done.noded.moved_m.max() <= MOVED_M + STEP
    assert furthest_m(array(nest.grids), PLANE.project(done.grids)) <= MOVED_M + 0.0049 + STEP


@settings(deadline=None, max_examples=20)
@given(seed=seeds, crs=st.sampled_from(["EPSG:4547", "EPSG:32650"]))
def test_three_levels_match_from_a_projected_crs_with_edges_of_four_kilometres(
    seed: int, crs: str
) -> None:
    # In degrees these edges are bent by centimetres: noded there, their nodes would be off them.
    nest = draw_nest(np.random.default_rng(seed), block_m=4000.0, cells=4, off_m=(0.001, 0.009))
    plane = Plane.of(crs, (114.3, 38.4))
    corner = plane.to_file(plane.from_lonlat([(114.3, 38.4)]))

    def send(geoms: list[shapely.Polygon]) -> Geoms:
        return np.asarray(shapely.transform(array(geoms), lambda xy: xy + corner))

    assert_everything_matches(publish(nest, send, plane))


def test_nodes_of_four_kilometre_edges_would_be_missed_in_degrees() -> None:
    # The reason for the rule before, so that the test above is known to ask something.
    nest = draw_nest(np.random.default_rng(4), block_m=4000.0, cells=4)
    file = Plane.of("EPSG:4547", (114.9, 38.4))
    degrees = Plane.of("EPSG:4326", (114.9, 38.4))
    corner = file.to_file(file.from_lonlat([(114.9, 38.4)]))

    def send(geoms: list[shapely.Polygon]) -> Geoms:
        moved = np.asarray(shapely.transform(array(geoms), lambda xy: xy + corner))
        return in_degrees(moved, file)

    done = publish(nest, send, degrees)

    assert any(left_of(done.sums, np.concatenate([done.grids, done.above])))


# -- what is stored --------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(seed=seeds, cells=st.integers(2, 4), noise=st.booleans(), known=st.booleans())
def test_the_same_file_again_changes_nothing(
    seed: int, cells: int, noise: bool, known: bool
) -> None:
    rng = np.random.default_rng(seed)
    nest = draw_nest(rng, cells=cells)
    send = noisy(rng) if noise else exactly
    file = send(nest.grids)  # made once: the noise must be the same
    done = publish(nest, lambda geoms: file if geoms is nest.grids else send(geoms), PLANE)

    # An import always knows what it replaces; without noise it need not.
    former = done.grids if known or noise else None
    again = node(file, done.above, done.sums, PLANE, former=former)

    assert again.stored_index.tolist() == []
    assert [g.wkb for g in again.sent] == [g.wkb for g in done.grids]


@settings(deadline=None, max_examples=40)
@given(seed=seeds, cells=st.integers(1, 4))
def test_a_noisy_copy_of_what_stands_becomes_what_stands(seed: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    nest = draw_nest(rng, cells=cells)
    done = publish(nest, exactly, PLANE)
    copy = noisy(rng)(
        [shapely.Polygon(p.exterior) for p in shapely.get_parts(PLANE.project(done.grids))]
    )

    again = node(copy, done.above, done.sums, PLANE, former=done.grids)

    assert again.stored_index.tolist() == []
    assert all(vertices(g) == vertices(h) for g, h in zip(again.sent, done.grids, strict=True))
    assert chains(again.sent).tolist() == chains(done.grids).tolist()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(dirty=dirty_coverages())
def test_stored_vertices_never_move_however_dirty_the_file(dirty: Dirty) -> None:
    level = node_level(dirty.layer, dirty.parents)

    for was, now in zip(dirty.parents.geoms, level.parents.geoms, strict=True):
        assert vertices(was) <= vertices(now)
        assert now.is_valid
    moved = furthest_m(PLANE.project(dirty.parents.geoms), PLANE.project(level.parents.geoms))
    assert moved <= MOVED_M + STEP


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(dirty=dirty_coverages())
def test_a_dirty_file_stays_valid_and_moves_by_thirty_millimetres_at_most(dirty: Dirty) -> None:
    level = node_level(dirty.layer, dirty.parents)

    assert shapely.is_valid(level.layer.geoms).all()
    moved = furthest_m(PLANE.project(dirty.layer.geoms), PLANE.project(level.layer.geoms))
    assert moved <= level.noded.moved_m.max() + STEP
    assert level.noded.moved_m.max() <= MOVED_M + STEP


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(rough=rough_coverages)
def test_a_rough_file_stays_valid_and_moves_by_thirty_millimetres_at_most(rough: Dirty) -> None:
    level = node_level(rough.layer, rough.parents)

    assert shapely.is_valid(level.layer.geoms).all()
    assert shapely.is_valid(level.parents.geoms).all()
    for was, now in ((rough.layer, level.layer), (rough.parents, level.parents)):
        moved = furthest_m(PLANE.project(was.geoms), PLANE.project(now.geoms))
        assert moved <= MOVED_M + STEP


@pytest.mark.parametrize(
    ("seed", "cells", "block_m"),
    [(30, 3, 100.0), (52, 2, 5.0), (59, 3, 100.0), (70, 2, 5.0), (94, 3, 100.0), (120, 2, 5.0)],
)
def test_crossings_on_both_sides_of_a_stored_corner_leave_it_where_it_is(
    seed: int, cells: int, block_m: float
) -> None:
    # Drawn by hands so unsteady that crossings on both sides of a corner merge into one vertex.
    rough = draw_rough(np.random.default_rng(seed), cells=cells, block_m=block_m)
    level = node_level(rough.layer, rough.parents)

    for was, now in zip(rough.parents.geoms, level.parents.geoms, strict=True):
        assert vertices(was) <= vertices(now)


def test_levels_published_later_put_their_nodes_into_all_that_share_the_edge() -> None:
    #   100 +----+----+        city: the square; communities w, e; a second partition of w into
    #       |    |    |        police grids p1, p2 (border y = 70); then grids g1, g2 (y = 30):
    #    70 |.p..|    |        their nodes (0, 30) and (50, 30) belong into city, w, e and p1.
    #    30 |-g--|    |
    #     0 +----+----+
    city = box(0, 0, 100, 100)
    w, e = box(0, 0, 50, 100), box(50, 0, 100, 100)
    police = [box(0, 0, 50, 70), box(0, 70, 50, 100)]
    grids = [box(0, 0, 50, 30), box(0, 30, 50, 100)]

    first = node(array([w, e]), PLANE.degrees(array([city])), sums_of([0, 0], 1), PLANE)
    stored = np.concatenate([first.sent, with_nodes(PLANE.degrees(array([city])), first)])
    second = node(array(police), stored, under(2, parent=2), PLANE)
    stored = np.concatenate([with_nodes(stored, second), second.sent])
    third = node(array(grids), stored, under(2, parent=2), PLANE)
    stored = with_nodes(stored, third)

    w, e, city, p1, p2 = PLANE.project(stored)
    at = {
        name: set(map(rounded, vertices(land)))
        for name, land in {"w": w, "e": e, "city": city, "p1": p1, "p2": p2}.items()
    }
    west, middle = (0.0, 30.0), (50.0, 30.0)
    assert {name for name, there in at.items() if west in there} == {"w", "city", "p1"}
    assert {name for name, there in at.items() if middle in there} == {"w", "e", "p1"}
    assert set(third.stored_index.tolist()) == {0, 1, 2, 3}
    c = chains(stored)
    g = chains(third.sent)
    assert c[0] + c[1] == c[2]
    assert c[3] + c[4] == c[0] == g[0] + g[1]


def under(children: int, *, parent: int) -> Sums:
    """Return the one sum of sent children and their parent, as a number of all polygons."""
    members = np.append(np.arange(children), parent)
    sign = np.append(np.ones(children, np.int64), -1)
    return Sums(members, np.zeros(children + 1, np.intp), sign)


def rounded(xy: tuple[float, float]) -> tuple[float, float]:
    return (round(xy[0], 4) + 0.0, round(xy[1], 4) + 0.0)


def test_a_level_that_gives_no_nodes_receives_them() -> None:
    # A compound along the border of two grids: its side takes their corner, they take nothing.
    grids = PLANE.degrees(array([box(0, 0, 50, 50), box(50, 0, 100, 50)]))
    compound = box(20, 50.004, 70, 80)
    nothing = Sums(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.int64))

    noded = node(array([compound]), grids, nothing, PLANE, gives=False)

    assert noded.stored_index.tolist() == []
    received = {rounded(xy) for xy in vertices(PLANE.project(noded.sent)[0])}
    assert received == {rounded(xy) for xy in vertices(compound)} | {(50.0, 50.0)}


# -- how far things move ---------------------------------------------------------------------


@pytest.mark.parametrize(("apart_m", "merges"), [(0.0199, True), (0.0201, False)])
def test_vertices_merge_up_to_twenty_millimetres(apart_m: float, merges: bool) -> None:
    right = polygon((50 + apart_m, 0), (100, 0), (100, 100), (50 + apart_m, 100))
    level = node_level(
        draw_layer({"l": box(0, 0, 50, 100), "r": right}), draw_parents({"P": box(0, 0, 100, 100)})
    )

    assert prove(level.layer, level.parents, PLANE).proven.tolist() == [merges]
    assert (level.noded.merged > 0) == merges


@pytest.mark.parametrize(("off_m", "lies_on"), [(0.0099, True), (0.0101, False)])
def test_a_vertex_lies_on_an_edge_up_to_ten_millimetres(off_m: float, lies_on: bool) -> None:
    right = polygon((50, 0), (100, 0), (100, 100), (50, 100), (50 + off_m, 40))
    level = node_level(
        draw_layer({"l": box(0, 0, 50, 100), "r": right}), draw_parents({"P": box(0, 0, 100, 100)})
    )

    assert prove(level.layer, level.parents, PLANE).proven.tolist() == [lies_on]


def test_a_vertex_goes_to_the_nearest_kept_one_and_not_along_a_row() -> None:
    # Corners in a row, 15 mm apart: 1 goes to 0 (kept), 2 is 30 mm from 0 and is kept itself.
    row = [(50 + 0.015 * k, 40.0) for k in range(4)]
    units = {
        f"u{k}": polygon((x, y), (50 + 10 * k + 5, 90), (50 + 10 * k - 5, 90))
        for k, (x, y) in enumerate(row)
    }
    parents = draw_parents({"P": box(0, 0, 100, 100)})
    level = node_level(draw_layer(units), parents)

    tips = [min(vertices(g), key=lambda xy: xy[1]) for g in PLANE.project(level.layer.geoms)]
    assert [rounded(tip) for tip in tips] == [
        (50.0, 40.0),
        (50.0, 40.0),
        (50.03, 40.0),
        (50.03, 40.0),
    ]
    assert level.noded.moved_m.tolist() == pytest.approx([0, 0.015, 0, 0.015], abs=1e-6)


def test_stored_vertices_attract_before_sent_ones() -> None:
    # Two sent corners 3 mm apart, 15 and 18 mm from a stored one: all three become that one.
    stored = {"P": polygon((0, 0), (100, 0), (100, 100), (50, 100), (0, 100))}
    left = polygon((0, 0), (50, 0), (50.015, 100), (0, 100))
    right = polygon((50, 0), (100, 0), (100, 100), (50.018, 100))
    level = node_level(draw_layer({"l": left, "r": right}), draw_parents(stored))

    assert prove(level.layer, level.parents, PLANE).proven.all()
    for land in PLANE.project(level.layer.geoms):
        assert (50.0, 100.0) in {rounded(xy) for xy in vertices(land)}


@pytest.mark.parametrize("sagitta_m", [0.05, 0.4, 5.0])
def test_a_dense_curve_is_not_drawn_to_its_chord(sagitta_m: float) -> None:
    # l ends at the chord, r at an arc of 400 vertices above it: near the ends each vertex is
    # within 10 mm of what the one before has left of the chord. That ends at MOVED_M.
    along = np.linspace(0, 100, 401)
    arc = np.round(np.column_stack([along, 50 + sagitta_m * np.sin(np.pi * along / 100)]), 4)
    low = box(0, 0, 100, 50)
    high = polygon(*arc.tolist(), (100, 100), (0, 100))
    level = node_level(
        draw_layer({"low": low, "high": high}), draw_parents({"P": box(0, 0, 100, 100)})
    )
    proof = prove(level.layer, level.parents, PLANE)

    moved = furthest_m(array([low, high]), PLANE.project(level.layer.geoms))
    assert moved <= MOVED_M + STEP
    assert level.noded.moved_m.max() <= MOVED_M + STEP
    gap_m2 = 100 * 100 - low.area - high.area
    assert proof.blank_m2 >= max(gap_m2 - 100 * MOVED_M, 0.01)
    assert proof.proven.tolist() == [False]


def test_a_narrow_neck_that_closes_leaves_two_parts_and_a_valid_ring() -> None:
    # An H whose bar is 15 mm high; above and below it lie two other units.
    #   +--+----+--+
    #   |  | hi |  |
    #   |  +----+  |   the bar
    #   |  | lo |  |
    #   +--+----+--+
    h = polygon(
        *[(0, 0), (40, 0), (40, 49.9925), (60, 49.9925), (60, 0), (100, 0)],
        *[(100, 100), (60, 100), (60, 50.0075), (40, 50.0075), (40, 100), (0, 100)],
    )
    lo, hi = box(40, 0, 60.001, 49.9925), box(40, 50.0075, 60.001, 100)
    level = node_level(
        draw_layer({"h": h, "lo": lo, "hi": hi}), draw_parents({"P": box(0, 0, 100, 100)})
    )

    assert shapely.is_valid(level.layer.geoms).all()
    assert prove(level.layer, level.parents, PLANE).proven.all()
    assert level.noded.rebuilt == 1
    assert shapely.get_num_geometries(level.layer.geoms[0]) == 2


def test_a_sharp_stored_corner_is_not_cut_off_by_a_node_near_both_its_sides() -> None:
    # P's corner at (0, 0) has 20 degrees; the border between the units ends 50 mm before it, at
    # n, 8.7 mm from both sides. In both of them n would make the corner a spike. (As up has a node
    # of its own at m, neither side of P cancels to begin with.)
    #           m     . d
    #         . '  up |
    #   (0,0) ---n----|
    #         ' .  lo |
    #                 ' c
    c, d, n, e, m = (100, -17.6327), (100, 17.6327), (0.05, 0.0), (100, 0), (50, 8.8163)
    parents = draw_parents({"P": polygon((0, 0), c, e, d)})
    layer = draw_layer({"up": polygon((0, 0), n, e, d, m), "lo": polygon(n, c, e)})
    level = node_level(layer, parents)

    assert vertices(parents.geoms[0]) <= vertices(level.parents.geoms[0])
    assert shapely.is_valid(level.layer.geoms).all()
    assert prove(level.layer, level.parents, PLANE).proven.all()


def test_a_thin_tongue_is_drawn_in() -> None:
    # l has a tongue of 12 mm height and 20 m length into r, which has the notch 6 mm off.
    tongue = polygon((0, 0), (50, 0), (50, 40), (70, 40.006), (50, 40.012), (50, 100), (0, 100))
    right = polygon((50, 0), (100, 0), (100, 100), (50, 100))
    level = node_level(
        draw_layer({"l": tongue, "r": right}), draw_parents({"P": box(0, 0, 100, 100)})
    )

    assert shapely.is_valid(level.layer.geoms).all()
    assert prove(level.layer, level.parents, PLANE).proven.all()
    assert furthest_m(array([tongue, right]), PLANE.project(level.layer.geoms)) <= MOVED_M


def test_a_unit_narrower_than_twenty_millimetres_is_left_empty() -> None:
    sliver = box(50, 0, 50.012, 100)
    level = node_level(
        draw_layer({"l": box(0, 0, 50, 100), "s": sliver, "r": box(50.012, 0, 100, 100)}),
        draw_parents({"P": box(0, 0, 100, 100)}),
    )

    assert shapely.is_empty(level.layer.geoms).tolist() in ([False, True, False], [False] * 3)
    assert shapely.is_valid(level.layer.geoms).all()


def test_crossing_borders_get_a_common_vertex() -> None:
    # l reaches over x = 50 below y = 50, r above it: the slanted borders cross at (50, 50).
    left = polygon((0, 0), (60, 0), (40, 100), (0, 100))
    right = polygon((40, 0), (100, 0), (100, 100), (60, 100))
    level = node_level(
        draw_layer({"l": left, "r": right}), draw_parents({"P": box(0, 0, 100, 100)})
    )

    assert level.noded.crossings == 1
    for land in PLANE.project(level.layer.geoms):
        assert (50.0, 50.0) in {rounded(xy) for xy in vertices(land)}


# -- borders as people draw them -------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    seed=seeds,
    spacing_m=st.floats(0.05, 5.0),
    roughness=st.sampled_from([0.05, 0.3, 1.0]),
    gap_m=st.sampled_from([0.0, 0.005, 0.012, 0.019, 0.03, 0.2]),
    noise=st.booleans(),
)
def test_wiggly_borders_stay_valid_close_their_sums_and_settle(
    seed: int, spacing_m: float, roughness: float, gap_m: float, noise: bool
) -> None:
    rng = np.random.default_rng(seed)
    low, high = wiggly(rng, spacing_m, roughness, gap_m, noise=noise)
    if not (low.is_valid and high.is_valid):
        return
    layer = draw_layer({"low": low, "high": high})
    level = node_level(layer, draw_parents({"P": box(0, 0, 100, 100)}))

    assert shapely.is_valid(level.layer.geoms).all()
    moved = furthest_m(PLANE.project(layer.geoms), PLANE.project(level.layer.geoms))
    assert moved <= MOVED_M + STEP
    if prove(level.layer, level.parents, PLANE).proven.all():
        again = node(
            PLANE.project(layer.geoms),
            level.parents.geoms,
            sums_of([0, 0], 1),
            PLANE,
            former=level.layer.geoms,
        )
        assert again.stored_index.tolist() == []
        assert [g.wkb for g in again.sent] == [g.wkb for g in level.layer.geoms]


def wiggly(
    rng: np.random.Generator, spacing_m: float, roughness: float, gap_m: float, *, noise: bool
) -> tuple[shapely.Polygon, shapely.Polygon]:
    """Return two units along a rough border; the lower one knows every other vertex of it."""
    count = int(np.clip(6 / spacing_m, 5, 100))
    steps = np.cumsum(rng.uniform(0.7, 1.3, count) * spacing_m)
    x = np.concatenate([[0.0], 50 - steps[-1] / 2 + steps, [100.0]])
    y = np.cumsum(rng.normal(0, spacing_m * roughness, len(x)))
    y = 50 + y - y[0] - (y[-1] - y[0]) * x / 100

    def shaken(heights: NDArray[np.float64]) -> NDArray[np.float64]:
        off = np.clip(rng.normal(0, 0.003, len(heights)), -0.006, 0.006) * noise
        off[[0, -1]] = 0.0
        return heights + off

    some = np.unique(np.append(np.arange(0, len(x), 2), len(x) - 1))
    below = np.round(np.column_stack([x[some], shaken(y[some])]), 4)
    above = np.round(np.column_stack([x, shaken(y + gap_m)]), 4)
    low = polygon((0, 0), (100, 0), *below[::-1].tolist())
    high = polygon((100, 100), (0, 100), *above.tolist())
    return low, high


# -- hostile input ---------------------------------------------------------------------------


def test_nothing_is_noded_into_nothing() -> None:
    empty = np.empty(0, object)
    noded = node(empty, empty, Sums(*(np.zeros(0, np.intp) for _ in range(3))), PLANE)

    assert noded.sent.shape == noded.stored.shape == noded.moved_m.shape == (0,)


def test_ten_thousand_units_on_one_spot_are_noded_in_seconds() -> None:
    square = box(0, 0, 100, 100)
    noded = node(
        array([box(0, 0, 100.003, 100)] * 10_000),
        PLANE.degrees(array([square])),
        sums_of([0] * 10_000, 1),
        PLANE,
    )

    assert {g.wkb for g in noded.sent} == {noded.sent[0].wkb}
    assert chains(noded.sent)[0] == chains(PLANE.degrees(array([square])))[0]
