"""A network built of ways: what is joined, what is not, and what order does not change."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geo.crs import LocalMetric
from geo.errors import BadInputError
from geo.street_building import Built, Ways, _hilbert, build_streets, loose_ends
from geo.streets import Streets
from tests.streets_made import CORNER, STEP_DEG, Town, Way, drawn, lonlat_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.streets_made import Place

EARTH = Geod(ellps="WGS84")

# C is where A-B and D-E cross; F and G make a way around from A to B.
#
#         E
#   F-----+-----G
#   |     |     |
#   A-----C-----B
#         |
#         D
PLACES: dict[str, Place] = {
    "A": (0, 0),
    "B": (2, 0),
    "C": (1, 0),
    "D": (1, -1),
    "E": (1, 2),
    "F": (0, 1),
    "G": (2, 1),
}


def geodesic_m(*paths: str) -> float:
    """Return the length of paths on the ellipsoid."""
    total = 0.0
    for path in paths:
        lon, lat = zip(*(lonlat_of(PLACES[letter]) for letter in path), strict=True)
        total += EARTH.line_length(lon, lat)
    return total


def degrees(streets: Streets) -> list[int]:
    """Return how many ends of edges meet at each node, sorted."""
    ends = np.concatenate([streets.a, streets.b])
    return sorted(np.bincount(ends, minlength=len(streets.node_xy)).tolist())


def assert_same(one: Built, other: Built) -> None:
    """Compare two networks to the last bit."""
    for name in ("node_lonlat", "line_lonlat"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.kinds, one.names) == (other.kinds, other.names)
    for field in fields(Streets):
        found, wanted = (getattr(built.streets, field.name) for built in (one, other))
        np.testing.assert_array_equal(found, wanted, err_msg=field.name)


# --- what meets, and what only passes -----------------------------------------------------------


@pytest.mark.parametrize("by_place", [False, True])
def test_ways_that_share_a_vertex_meet_there(by_place: bool) -> None:
    built = build_streets(drawn(PLACES, "ACB", "DCE", by_place=by_place))

    assert len(built.streets) == 4
    assert degrees(built.streets) == [1, 1, 1, 1, 4]
    assert built.streets.piece_length_m.shape == (1,)
    assert built.streets.length_m.sum() == pytest.approx(geodesic_m("ACB", "DCE"), rel=1e-6)


@pytest.mark.parametrize("by_place", [False, True])
def test_a_bridge_over_a_street_does_not_meet_it(by_place: bool) -> None:
    built = build_streets(drawn(PLACES, "AB", "DE", by_place=by_place))

    assert len(built.streets) == 2
    assert degrees(built.streets) == [1, 1, 1, 1]
    # D-E is the longer one: three steps to the north.
    assert built.streets.piece_length_m == pytest.approx(
        [geodesic_m("DE"), geodesic_m("AB")], rel=1e-6
    )


def test_nodes_of_two_names_at_one_place_are_two() -> None:
    places = PLACES | {"c": PLACES["C"]}

    apart = build_streets(drawn(places, "ACB", "DcE"))
    joined = build_streets(drawn(places, "ACB", "DcE", by_place=True))

    assert len(apart.streets.piece_length_m) == 2
    assert len(joined.streets.piece_length_m) == 1


def test_a_step_of_no_length_joins_what_it_leads_to() -> None:
    places = PLACES | {"c": PLACES["C"]}

    joined = build_streets(drawn(places, "ACB", "DcE", "Cc"))

    assert degrees(joined.streets) == [1, 1, 1, 1, 4]
    assert (joined.streets.length_m > 0).all()


def test_a_vertex_that_a_street_only_passes_is_no_node() -> None:
    whole = build_streets(drawn(PLACES, "AFGB"))
    cut = build_streets(drawn(PLACES, "AF", "GF", "GB"))

    assert_same(whole, cut)
    assert degrees(whole.streets) == [1, 1]
    assert len(whole.streets.line_xy) == 4


def test_streets_side_by_side_are_edges_both_and_the_shorter_is_the_arc() -> None:
    #  A-C-B and A-F-G-B, with a dead end at A and at B each
    places = PLACES | {"a": (-1, 0), "b": (3, 0)}

    streets = build_streets(drawn(places, "aA", "Bb", "ACB", "AFGB")).streets

    assert len(streets) == 4
    side_by_side = np.flatnonzero(streets.length_m > geodesic_m("AC") * 1.5)
    assert streets.a[side_by_side].tolist() == [streets.a[side_by_side[0]]] * 2
    assert streets.b[side_by_side].tolist() == [streets.b[side_by_side[0]]] * 2
    assert sorted(streets.length_m[side_by_side]) == pytest.approx(
        [geodesic_m("ACB"), geodesic_m("AFGB")], rel=1e-6
    )
    # Each of the three neighbourhoods is there both ways.
    assert len(streets.arc_node) == 6
    assert max(streets.arc_length_m) == pytest.approx(geodesic_m("ACB"), rel=1e-6)


def test_a_loop_is_an_edge_and_no_arc() -> None:
    #  D-C, and from C by F and A back to C
    streets = build_streets(drawn(PLACES, "DC", "CFAC")).streets

    assert degrees(streets) == [1, 3]
    loop = int(np.argmax(streets.length_m))
    assert streets.a[loop] == streets.b[loop]
    assert streets.length_m[loop] == pytest.approx(geodesic_m("CFAC"), rel=1e-6)
    assert len(streets.arc_node) == 2


def test_a_roundabout_is_cut_where_its_arms_meet_it() -> None:
    #  the ring A-F-G-B with arms at A, F and G: three pieces of ring and three arms
    places = PLACES | {"a": (-1, -1), "f": (-1, 2), "g": (3, 2)}

    streets = build_streets(drawn(places, "AFGBA", "aA", "fF", "gG")).streets

    assert degrees(streets) == [1, 1, 1, 3, 3, 3]
    assert len(streets) == 6
    assert len(streets.arc_node) == 12


@pytest.mark.parametrize("path", ["AFGBA", "GBAFG", "ABGFA"])
def test_a_ring_that_meets_nothing_has_one_node_wherever_it_begins(path: str) -> None:
    streets = build_streets(drawn(PLACES, path, "DE")).streets

    ring = int(np.argmax(streets.length_m))
    assert streets.a[ring] == streets.b[ring]
    assert degrees(streets) == [1, 1, 2]
    assert_same(build_streets(drawn(PLACES, path)), build_streets(drawn(PLACES, "BAFGB")))


def test_the_same_street_twice_counts_once() -> None:
    once = build_streets(drawn(PLACES, "ACB", "DCE"))
    twice = build_streets(drawn(PLACES, "ACB", "BC", "DCE", "DCE"))

    assert_same(once, twice)
    assert (once.repeated, twice.repeated) == (0, 3)


def test_a_way_that_walks_back_on_itself_is_a_dead_end() -> None:
    assert_same(build_streets(drawn(PLACES, "ACEC")), build_streets(drawn(PLACES, "ACE")))


def test_an_edge_is_called_as_most_of_its_length() -> None:
    ways = (Way("AF", "path", "short"), Way("FG", "service", "long"), Way("GB", None, None))
    built = build_streets(drawn(PLACES, *ways))

    assert (built.kinds, built.names) == (["service"], ["long"])


def test_a_name_makes_another_version_and_its_absence_too() -> None:
    versions = {
        build_streets(drawn(PLACES, Way("AB", kind, name))).streets.version
        for kind in (None, "path")
        for name in (None, "A", "B")
    }

    assert len(versions) == 6


# --- pieces and places --------------------------------------------------------------------------


@pytest.mark.parametrize(("bridges", "pieces"), [((), 2), ((2,), 1), ((0, 3), 1)])
def test_a_river_is_crossed_by_bridges_only(bridges: tuple[int, ...], pieces: int) -> None:
    town = Town(columns=5, rows=6, river=1, bridges=bridges)

    streets = build_streets(town.ways()).streets

    # Three corners of two streets each are no nodes: each joins two edges to one. At the river,
    # a bank's ends without a bridge are such corners, too.
    ends_of_banks = sum(2 - len({0, 4} & set(bridges)) for _ in range(2))
    assert len(streets.piece_length_m) == pieces
    assert len(streets) == town.edges - 4 - ends_of_banks
    if pieces == 2:  # four rows lie north of the river, two south
        north = streets.node_xy[streets.piece == 0]
        south = streets.node_xy[streets.piece == 1]
        assert north[:, 1].min() > south[:, 1].max()


def test_pieces_are_numbered_by_their_length() -> None:
    streets = build_streets(drawn(PLACES, "AC", "FG", "DE")).streets

    assert (np.diff(streets.piece_length_m) < 0).all()
    by_node = np.zeros(3)
    np.add.at(by_node, streets.piece[streets.a], streets.length_m)
    np.testing.assert_allclose(by_node, streets.piece_length_m)


def test_nodes_lie_where_they_were_drawn_in_the_plane_of_the_network() -> None:
    built = build_streets(drawn(PLACES, "ACB", "DCE"))
    streets = built.streets

    given_ = {lonlat_of(PLACES[letter]) for letter in "ABCDE"}
    assert {tuple(place) for place in built.node_lonlat.tolist()} == given_
    np.testing.assert_array_equal(streets.node_xy, streets.plane.forward(built.node_lonlat))
    np.testing.assert_array_equal(
        streets.line_xy[streets.line_start[:-1]], streets.node_xy[streets.a]
    )
    np.testing.assert_array_equal(
        streets.line_xy[streets.line_start[1:] - 1], streets.node_xy[streets.b]
    )


def test_neighbours_along_the_curve_are_neighbours_on_the_ground() -> None:
    """The defining property of Hilbert's curve, on a square of 16 by 16 cells."""
    side = 16
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)

    walk = grid[np.argsort(_hilbert(grid.astype(np.int64)))]

    assert len(np.unique(_hilbert(grid.astype(np.int64)))) == side * side
    np.testing.assert_array_equal(np.abs(np.diff(walk, axis=0)).sum(axis=1), 1)


# --- ends that nearly meet ----------------------------------------------------------------------

HALF_METRE_NORTH = 0.5 / 111_000 / STEP_DEG


@pytest.mark.parametrize(("share", "told"), [(0.6, True), (0.98, True), (1.05, False)])
def test_an_end_near_another_street_is_told(share: float, told: bool) -> None:
    places = PLACES | {"x": (1, share * HALF_METRE_NORTH)}

    streets = build_streets(drawn(places, "AB", "xE")).streets

    ends = loose_ends(streets)
    assert len(ends) == told
    if told:
        assert streets.node_xy[ends[0]] == pytest.approx(
            streets.plane.forward([lonlat_of(places["x"])])[0]
        )


def test_an_end_near_its_own_street_is_not_told() -> None:
    places = PLACES | {"x": (0.001, HALF_METRE_NORTH / 2)}

    assert not len(loose_ends(build_streets(drawn(places, "AFGBx")).streets))


# --- what cannot be meant -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "A", "AA"])
def test_no_line_at_all_is_refused(path: str) -> None:
    with pytest.raises(BadInputError, match="no street"):
        build_streets(drawn(PLACES, path))


def test_a_vertex_on_the_other_side_of_the_earth_is_refused_and_named() -> None:
    places = PLACES | {"0": (-CORNER[0] / STEP_DEG, -CORNER[1] / STEP_DEG)}

    with pytest.raises(BadInputError, match=r"0\.0000000, 0\.0000000"):
        build_streets(drawn(places, "ACB", "DCE", "F0"))


def test_edges_that_are_none_are_a_mistake_of_the_program() -> None:
    plane = LocalMetric(*CORNER)
    xy = np.array([[0.0, 0.0], [1.0, 0.0]])
    start = np.array([0, 2], dtype=np.int64)

    def edge(a: int, b: int, line: NDArray[np.float64]) -> Streets:
        ends = (np.array([end], dtype=np.int32) for end in (a, b))
        return Streets.of_edges(
            version="",
            plane=plane,
            node_xy=xy,
            a=next(ends),
            b=next(ends),
            line_start=start,
            line_xy=line,
        )

    assert edge(0, 1, xy).length_m.tolist() == [1.0]
    with pytest.raises(ValueError, match="leads to a node"):
        edge(0, 2, xy)
    with pytest.raises(ValueError, match="no length"):
        edge(0, 1, np.zeros((2, 2)))


# --- order makes no difference ------------------------------------------------------------------


@st.composite
def networks(draw: st.DrawFn) -> list[list[int]]:
    """Draw walks over a square of 5 by 5 places, by number."""
    step = st.integers(0, 24)
    return draw(st.lists(st.lists(step, min_size=2, max_size=8), min_size=1, max_size=8))


def as_ways(walks: Sequence[Sequence[int]], *, by_place: bool) -> Ways:
    """Return walks as ways; each place has a kink of its own, so that no two lengths agree."""
    places = [
        lonlat_of((n % 5 + 0.1 * np.sin(7.0 * n), n // 5 + 0.1 * np.cos(5.0 * n)))
        for n in range(25)
    ]
    corners = [n for walk in walks for n in walk]
    return Ways(
        start=np.cumsum([0, *map(len, walks)]).astype(np.int64),
        lonlat=np.array([places[n] for n in corners]),
        node=None if by_place else np.array(corners, dtype=np.int64),
        kinds=["path"] * len(walks),
        names=[None] * len(walks),
    )


@given(networks(), st.booleans(), st.randoms(use_true_random=False))
def test_order_direction_and_cuts_of_ways_change_nothing(
    walks: list[list[int]], by_place: bool, random: object
) -> None:
    steps = {frozenset(pair) for walk in walks for pair in pairwise(walk)}
    steps = {pair for pair in steps if len(pair) == 2}
    if not steps:
        return
    built = build_streets(as_ways(walks, by_place=by_place))
    pieces = [sorted(pair) for pair in sorted(steps, key=sorted)]
    shuffle = getattr(random, "shuffle")  # noqa: B009 - Hypothesis's own kind of Random
    shuffle(pieces)
    for piece in pieces:
        shuffle(piece)

    again = build_streets(as_ways([*pieces, *pieces[:2]], by_place=by_place))

    assert_same(built, again)
    streets = built.streets
    lonlat = as_ways([[n] for n in range(25)], by_place=True).lonlat
    length = sum(EARTH.line_length(*lonlat[list(pair)].T) for pair in steps)
    assert streets.length_m.sum() == pytest.approx(length, rel=1e-6)
    assert streets.piece_length_m.sum() == pytest.approx(length, rel=1e-6)


@given(networks())
def test_nodes_are_where_streets_meet_or_end_and_arcs_are_the_shortest(
    walks: list[list[int]],
) -> None:
    if all(a == b for walk in walks for a, b in pairwise(walk)):
        return
    streets = build_streets(as_ways(walks, by_place=False)).streets
    ends = np.concatenate([streets.a, streets.b])
    degree = np.bincount(ends, minlength=len(streets.node_xy))

    lonely = np.flatnonzero(degree == 2)  # rings that meet nothing
    assert np.isin(lonely, streets.a[streets.a == streets.b]).all()
    assert (degree > 0).all()
    shortest: dict[tuple[int, int], float] = {}
    edges = zip(streets.a.tolist(), streets.b.tolist(), streets.length_m.tolist(), strict=True)
    for a, b, length in edges:
        for pair in ((a, b), (b, a)):
            if a != b:
                shortest[pair] = min(length, shortest.get(pair, np.inf))
    of = np.repeat(np.arange(len(streets.node_xy)), np.diff(streets.arc_start))
    pairs = zip(of.tolist(), streets.arc_node.tolist(), strict=True)
    assert dict(zip(pairs, streets.arc_length_m.tolist(), strict=True)) == shortest
    assert (streets.length_m[streets.arc_edge] == streets.arc_length_m).all()
    assert (streets.piece[of] == streets.piece[streets.arc_node]).all()
