"""Siting: the best sites, the fewest sites, and what is proven about them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack
from scipy.spatial import cKDTree

from geo.siting import best_sites, fewest_sites, make_case
from geo.siting_bound import price_points
from geo.siting_cover import cover_all
from geo.siting_kernel import greedy
from geo.siting_places import thin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from geo.siting import Plan


class Offered(NamedTuple):
    """Candidates as sets of points, and what the points weigh."""

    weights: list[int]
    covers: list[set[int]]

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Return weight, first and point."""
        first = np.cumsum([0, *map(len, self.covers)]).astype(np.int64)
        points = [point for some in self.covers for point in sorted(some)]
        return np.array(self.weights, np.int64), first, np.array(points, np.int32)

    def covered(self, sites: Iterable[int]) -> int:
        """Return the weight of the points that sites cover, each once."""
        reached: set[int] = set().union(*(self.covers[site] for site in sites))
        return sum(self.weights[point] for point in reached)

    def most(self, count: int) -> int:
        """Return the most that so many sites cover, by trying all."""
        some = min(count, len(self.covers))
        return max(self.covered(sites) for sites in combinations(range(len(self.covers)), some))

    def fewest(self, target: int) -> int:
        """Return how many sites it takes to cover a weight, by trying all."""
        sizes = range(len(self.covers) + 1)
        return next(size for size in sizes if self._do(size, target))

    def _do(self, size: int, target: int) -> bool:
        return (self.most(size) if size else 0) >= target

    def check(self, plan: Plan) -> None:
        """Compare what a plan says it covers with a count of our own."""
        sites = plan.sites.tolist()
        assert len(set(sites)) == len(sites)
        gains = [
            self.covered(sites[: size + 1]) - self.covered(sites[:size])
            for size in range(len(sites))
        ]
        assert plan.gains.tolist() == gains
        assert gains == sorted(gains, reverse=True), "the best comes first"
        assert all(gain > 0 for gain in gains), "no site is for nothing"
        assert plan.covered == self.covered(sites)


@st.composite
def offers(draw: st.DrawFn) -> Offered:
    """Draw up to 9 candidates on up to 12 points."""
    points = draw(st.integers(1, 12))
    weights = draw(st.lists(st.integers(0, 30), min_size=points, max_size=points))
    covers = draw(st.lists(st.sets(st.integers(0, points - 1)), min_size=1, max_size=9))
    return Offered(weights, covers)


# Greedy takes c (6 points), then needs a and b for what is left; a and b alone do.
#
#         a       b
#       0 1 2 3 | 4 5 6 7
#     c:  1 2 3   4 5 6
TRAP = Offered([1] * 8, [{0, 1, 2, 3}, {4, 5, 6, 7}, {1, 2, 3, 4, 5, 6}])


@given(offered=offers(), count=st.integers(1, 4))
@example(offered=TRAP, count=2)
@settings(deadline=None)
def test_the_best_sites_are_those_found_by_trying_all(offered: Offered, count: int) -> None:
    plan = best_sites(*offered.arrays(), count=count)

    offered.check(plan)
    assert len(plan.sites) <= count
    assert plan.optimal
    assert plan.covered == plan.bound == offered.most(count)


@given(offered=offers(), share=st.floats(0.0, 1.0))
@example(offered=TRAP, share=1.0)
@settings(deadline=None)
def test_the_fewest_sites_are_as_few_as_found_by_trying_all(offered: Offered, share: float) -> None:
    target = round(share * sum(offered.weights))
    goal = min(target, offered.covered(range(len(offered.covers))))

    plan = fewest_sites(*offered.arrays(), target=target, most=9)

    offered.check(plan)
    assert plan.covered >= goal
    assert plan.optimal
    assert plan.least == len(plan.sites) == offered.fewest(goal)
    assert plan.bound >= (offered.most(len(plan.sites)) if len(plan.sites) else 0)


@given(offered=offers(), count=st.integers(1, 4))
@settings(deadline=None)
def test_without_time_the_bound_still_holds_and_greedy_keeps_its_promise(
    offered: Offered, count: int
) -> None:
    plan = best_sites(*offered.arrays(), count=count, left_s=lambda: 0.0)

    best = offered.most(count)
    offered.check(plan)
    assert (1 - 1 / np.e) * best <= plan.covered <= best <= plan.bound
    assert plan.optimal == (plan.bound == plan.covered)


@given(offered=offers(), target=st.integers(1, 200))
@settings(deadline=None)
def test_without_time_the_least_number_of_sites_is_no_more_than_it_takes(
    offered: Offered, target: int
) -> None:
    goal = min(target, offered.covered(range(len(offered.covers))))

    plan = fewest_sites(*offered.arrays(), target=target, most=9, left_s=lambda: 0.0)

    assert plan.covered >= goal
    assert plan.least <= offered.fewest(goal) <= len(plan.sites)


def test_where_too_few_sites_are_allowed_they_cover_what_they_can() -> None:
    plan = fewest_sites(*TRAP.arrays(), target=8, most=1)

    assert plan.sites.tolist() == [2]
    assert (plan.covered, plan.bound, plan.least) == (6, 6, 2)


def test_what_is_covered_already_weighs_nothing() -> None:
    weights = [0, 0, 0, 0, 1, 1, 1, 1]  # a stands already

    plan = best_sites(*TRAP._replace(weights=weights).arrays(), count=1)

    assert plan.sites.tolist() == [1]
    assert plan.gains.tolist() == [4]


@pytest.mark.parametrize(
    "offered",
    [Offered([3], [set()]), Offered([0], [{0}]), Offered([], []), Offered([], [set(), set()])],
)
def test_where_nobody_can_be_brought_inside_there_are_no_sites(offered: Offered) -> None:
    for plan in (
        best_sites(*offered.arrays(), count=3),
        fewest_sites(*offered.arrays(), target=3, most=9),
    ):
        assert not len(plan.sites)
        assert (plan.covered, plan.bound, plan.least, plan.optimal) == (0, 0, 0, True)


def test_equal_candidates_are_taken_in_their_order() -> None:
    offered = Offered([1] * 6, [{0, 1}, {2, 3}, {4, 5}, {0, 1}])

    assert best_sites(*offered.arrays(), count=2).sites.tolist() == [0, 1]


def test_points_with_the_same_candidates_are_one() -> None:
    # a and b share the points 1 and 2; nobody covers 3; 4 weighs nothing
    offered = Offered([1, 2, 4, 8, 0], [{0, 1, 2, 4}, {1, 2}])

    case = make_case(*offered.arrays())

    assert case.weight.tolist() == [1, 6]
    assert [case.site[a:b].tolist() for a, b in zip(case.begin, case.begin[1:], strict=False)] == [
        [0],
        [0, 1],
    ]
    assert [case.point[a:b].tolist() for a, b in zip(case.first, case.first[1:], strict=False)] == [
        [0, 1],
        [1],
    ]


def test_arguments_that_cannot_be_meant_are_refused() -> None:
    weight, first, point = TRAP.arrays()
    with pytest.raises(ValueError, match="0 sites are none"):
        best_sites(weight, first, point, count=0)
    with pytest.raises(ValueError, match="0 sites are none"):
        fewest_sites(weight, first, point, target=1, most=0)
    with pytest.raises(ValueError, match="not negative"):
        best_sites(-weight, first, point, count=1)


# -- larger cases: discs in a square city --------------------------------------------------------


def scattered(points: int, candidates: int, side_m: float) -> Offered:
    """Return homes and candidates spread over a square, each covering 1,000 m around it."""
    rng = np.random.default_rng(20_261_122)
    homes, sites = rng.random((points, 2)) * side_m, rng.random((candidates, 2)) * side_m
    tree = cKDTree(homes)
    near = [set(tree.query_ball_point(site, 1_000.0)) for site in sites]
    return Offered(rng.integers(1, 21, points).tolist(), near)


def relaxed(offered: Offered, count: int) -> float:
    """Return what so many sites cover at most where parts of sites are allowed: HiGHS's LP."""
    sites, points = len(offered.covers), len(offered.weights)
    _, first, point = offered.arrays()
    by = csr_array((np.ones(len(point)), point, first), (sites, points)).T
    owed = vstack(
        [
            hstack([-by, eye_array(points)]),
            csr_array(np.r_[np.ones(sites), np.zeros(points)][None, :]),
        ],
        format="csr",
    )
    cost = -np.r_[np.zeros(sites), np.array(offered.weights, float)]
    found = linprog(cost, A_ub=owed, b_ub=np.r_[np.zeros(points), count], bounds=(0, 1))
    assert found.fun is not None
    return -float(found.fun)


@pytest.mark.parametrize("count", [5, 20, 40])
def test_prices_come_near_the_linear_program_and_never_below_it(count: int) -> None:
    offered = scattered(1_000, 200, 10_000.0)
    limit = relaxed(offered, count)

    case = make_case(*offered.arrays())
    priced = price_points(case, count, 0, lambda: np.inf)

    assert int(limit + 1e-6) <= priced.bound <= limit * 1.005
    assert priced.covered <= limit


def test_ten_sites_of_two_hundred_for_a_thousand_homes_are_proven_the_best() -> None:
    offered = scattered(1_000, 200, 10_000.0)

    plan = best_sites(*offered.arrays(), count=10)

    offered.check(plan)
    assert plan.optimal
    assert plan.covered <= relaxed(offered, 10) + 1e-6


def test_a_large_case_is_solved_to_a_few_percent() -> None:
    offered = scattered(20_000, 1_000, 18_000.0)

    plan = best_sites(*offered.arrays(), count=100)

    offered.check(plan)
    assert len(plan.sites) == 100
    assert plan.covered <= plan.bound <= plan.covered * 1.06


def test_everyone_is_covered_by_little_more_sites_than_it_takes_at_least() -> None:
    offered = scattered(3_000, 500, 12_000.0)
    all_that_can_be = offered.covered(range(500))

    plan = fewest_sites(*offered.arrays(), target=sum(offered.weights), most=500)

    offered.check(plan)
    assert plan.covered == plan.bound == all_that_can_be
    assert plan.least <= len(plan.sites) <= 1.1 * plan.least


def test_sites_that_cover_all_are_exchanged_until_as_few_do() -> None:
    # Greedy takes the long row in the middle first, then three more; the three columns do.
    #
    #     0 1 2      a b c: columns
    #     3 4 5      d: 3 4 5 and 6 7
    #     6 7 8
    offered = Offered([1] * 9, [{0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {3, 4, 5, 6, 7}, {0}, {1}])
    case = make_case(*offered.arrays())
    first = greedy(case, 6, case.total)
    assert len(first) > 3

    sites = cover_all(case, first, 1, lambda: np.inf)

    assert sites.tolist() == [0, 1, 2]
    assert cover_all(case, first, len(first), lambda: np.inf).tolist() == sorted(first.tolist())


def test_the_order_of_the_homes_does_not_matter() -> None:
    offered = scattered(500, 60, 6_000.0)
    shuffled = np.random.default_rng(5).permutation(500)
    place = {old: new for new, old in enumerate(shuffled.tolist())}
    again = Offered(
        [offered.weights[old] for old in shuffled],
        [{place[point] for point in some} for some in offered.covers],
    )

    one, two = (best_sites(*case.arrays(), count=8) for case in (offered, again))

    assert one.sites.tolist() == two.sites.tolist()
    assert one.gains.tolist() == two.gains.tolist()


# -- which places are looked at ------------------------------------------------------------------


@given(
    places=st.lists(
        st.tuples(st.floats(-2_000.0, 2_000.0), st.floats(-2_000.0, 2_000.0)), max_size=60
    ),
    most=st.integers(1, 20),
)
def test_thinned_places_are_few_and_none_is_far_from_one_of_them(
    places: list[tuple[float, float]], most: int
) -> None:
    xy = np.array(places, np.float64).reshape(-1, 2)

    thinned = thin(xy, most=most, cell_m=100.0)

    kept = xy[thinned.chosen]
    assert len(kept) <= most
    squares = {tuple(cell) for cell in np.floor(kept / thinned.cell_m).tolist()}
    assert len(squares) == len(kept), "no two in one square"
    assert squares == {tuple(cell) for cell in np.floor(xy / thinned.cell_m).tolist()}
    if len(np.unique(np.floor(xy / 100.0), axis=0)) <= most:
        assert thinned.cell_m == 100.0, "squares grow only where they must"


def test_the_most_central_place_of_a_square_is_kept() -> None:
    xy = np.array([[10.0, 10.0], [55.0, 50.0], [90.0, 90.0], [150.0, 50.0]])

    assert thin(xy, most=9, cell_m=100.0).chosen.tolist() == [1, 3]


def test_no_places_at_all_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="at most 0 places"):
        thin(np.zeros((0, 2)), most=0, cell_m=100.0)
    with pytest.raises(ValueError, match=r"squares of nan m"):
        thin(np.zeros((0, 2)), most=1, cell_m=np.nan)
