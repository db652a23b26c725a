"""Plans: the cheapest by brute force and by other engines, proven, or refused with numbers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import coo_array

from geo.planning import BALANCE_M, EMPTY_M, MISFIT_M, Hindrance, Lack, Problem, lacks, plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.planning import Plan

MANY = 1_000_000


def problem(
    home: list[tuple[float, float]],
    centre: list[tuple[float, float]],
    *,
    fits: list[list[bool]] | None = None,
    households: list[int] | None = None,
    least: int = 0,
    most: int = MANY,
    staying: list[int] | None = None,
    covered: list[list[int]] | None = None,
    per_post: int = 0,
) -> Problem:
    """Make a small case by hand."""
    number = len(centre)
    able = np.array(fits if fits is not None else [[True]] * len(home), bool)
    able = able.reshape(len(home), -1) if len(home) else np.ones((0, 1), bool)
    return Problem(
        home_m=np.array(home, float).reshape(-1, 2),
        fits=able,
        centre_m=np.array(centre, float),
        households=np.array(households or [1] * number, np.int64),
        least=np.full(number, least),
        most=np.full(number, most),
        staying=np.array(staying or [0] * number, np.int64),
        covered=np.array(covered or [[0] * able.shape[1]] * number, np.int64),
        per_post=per_post,
    )


def drawn(rng: np.random.Generator, bodies: int, units: int, posts: int, **kw: Any) -> Problem:  # noqa: ANN401 - bounds
    """Draw a case at random: one in five homes unknown, one in six bodies without a skill."""
    home = rng.uniform(0, 6_000, (bodies, 2))
    home[rng.random(bodies) < 0.2] = np.nan
    fits = rng.random((bodies, posts)) < 0.3
    fits[np.arange(bodies), rng.integers(0, posts, bodies)] = True
    fits[rng.random(bodies) < 1 / 6] = False
    return Problem(
        home_m=home,
        fits=fits,
        centre_m=rng.uniform(0, 6_000, (units, 2)),
        households=rng.integers(0, 2_000, units),
        least=np.full(units, kw.get("least", 0)),
        most=np.full(units, kw.get("most", MANY)),
        staying=kw.get("staying", np.zeros(units, np.int64)),
        covered=kw.get("covered", np.zeros((units, posts), np.int64)),
        per_post=kw.get("per_post", 0),
    )


# -- what a plan costs, told apart from the code that is tested ------------------------------


def cost_m(case: Problem, where: list[tuple[int, int]]) -> float | None:
    """Return what a plan costs by the definition, to a centimetre each; None if it is not one."""
    holders = case.staying.tolist()
    fitting = case.covered.tolist()
    total = 0.0
    for body, (u, s) in enumerate(where):
        if u < 0:
            continue
        holders[u] += 1
        fitting[u][s] += bool(case.fits[body, s])
        total += 0 if case.fits[body, s] else MISFIT_M
        x, y = case.home_m[body] - case.centre_m[u]
        total += 0 if np.isnan(x) else round(float(np.hypot(x, y)), 2)
    if any(h > m or h < e for h, m, e in zip(holders, case.most, case.least, strict=True)):
        return None
    if min(map(min, fitting)) < case.per_post:
        return None
    every, homes = sum(holders), int(case.households.sum())
    for u, h in enumerate(holders):
        share = case.households[u] / homes if homes else 1 / len(holders)
        target = every * share
        total += round(BALANCE_M * (h - target) ** 2 / max(target, 1), 2)
        total += EMPTY_M * sum(f == 0 for f in fitting[u])
    return total


def cheapest(case: Problem) -> float | None:
    """Return the cost of the best of all plans that place most; None if there is none."""
    n, q = case.fits.shape
    places = [(-1, -1), *itertools.product(range(len(case.room)), range(q))]
    best: dict[int, float] = {}
    for where in itertools.product(places, repeat=n):
        found = cost_m(case, list(where))
        if found is not None:
            number = sum(u >= 0 for u, _ in where)
            best[number] = min(best.get(number, np.inf), found)
    return best[max(best)] if best else None


def told_m(case: Problem, made: Plan) -> float | None:
    return cost_m(case, list(zip(made.unit.tolist(), made.post.tolist(), strict=True)))


# -- the best there is -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_no_plan_of_a_small_case_is_cheaper_and_none_is_refused_that_there_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units, posts = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    staying = rng.integers(0, 3, units)
    covered = np.minimum(rng.integers(0, 2, (units, posts)), staying[:, None])
    bounds = {"least": int(rng.integers(0, 3)), "most": int(rng.integers(1, 5))}
    case = drawn(
        rng,
        int(rng.integers(0, 5)),
        units,
        posts,
        **bounds,
        staying=staying,
        covered=covered,
        per_post=int(rng.integers(0, 2)),
    )

    best = cheapest(case)

    assert (best is None) == bool(lacks(case))
    if best is not None:
        made = plan(case)
        assert made.optimal
        assert made.cost_m == pytest.approx(best, abs=1e-6)
        assert told_m(case, made) == pytest.approx(best, abs=1e-6)


def test_without_room_to_choose_a_plan_is_the_cheapest_matching() -> None:
    rng = np.random.default_rng(7)
    home, centre = rng.uniform(0, 9_000, (60, 2)), rng.uniform(0, 9_000, (60, 2))
    case = problem([*map(tuple, home)], [*map(tuple, centre)], least=1, most=1)

    made = plan(case)

    ways = np.round(ways_m(case), 2)
    rows, columns = linear_sum_assignment(ways)
    assert made.optimal
    assert sorted(made.unit.tolist()) == list(range(60))
    assert made.cost_m == pytest.approx(ways[rows, columns].sum(), abs=1e-6)


def ways_m(case: Problem) -> NDArray[np.float64]:
    """Return the way from each home to each unit, shape (n, m)."""
    off: NDArray[np.float64] = case.home_m[:, None] - case.centre_m
    way: NDArray[np.float64] = np.linalg.norm(off, axis=2)
    return way


def by_highs(case: Problem) -> float:
    """Return the least cost, by HiGHS on every body, unit, post and number of holders at once."""
    (n, q), m = case.fits.shape, len(case.room)
    ways = np.nan_to_num(np.round(ways_m(case), 2))[:, :, None] + MISFIT_M * ~case.fits[:, None, :]
    number = np.arange(n + 1)
    target = n * case.households / case.households.sum()
    load = BALANCE_M * (number - target[:, None]) ** 2 / np.maximum(target, 1)[:, None]
    # variables: x[body, unit, post], has[unit, number], empty[unit, post]
    x, has = (
        np.arange(n * m * q).reshape(n, m, q),
        n * m * q + np.arange(m * (n + 1)).reshape(m, -1),
    )
    empty = n * m * q + has.size + np.arange(m * q).reshape(m, q)
    size = n * m * q + has.size + m * q
    cost = np.concatenate([ways.ravel(), load.ravel(), np.full(m * q, EMPTY_M)])
    rows: list[tuple[NDArray[np.intp], NDArray[np.float64], float, float]] = []
    rows += [(x[p].ravel(), np.ones(m * q), 1, 1) for p in range(n)]
    rows += [(has[u], np.ones(n + 1), 1, 1) for u in range(m)]
    for u in range(m):
        counted = np.concatenate([np.ones(n * q), -number])
        rows.append((np.concatenate([x[:, u].ravel(), has[u]]), counted, 0, 0))
        for s in range(q):
            able = np.append(x[case.fits[:, s], u, s], empty[u, s])
            rows.append((able, np.ones(len(able)), 1, np.inf))
    which = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    values = np.concatenate([row[1] for row in rows])
    columns = np.concatenate([row[0] for row in rows])
    owed = coo_array((values, (which, columns)), (len(rows), size)).tocsr()
    low, high = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
    found = milp(
        cost,
        integrality=np.ones(size),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(owed, low, high),
        options={"mip_rel_gap": 0.0},
    )
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_highs_finds_no_cheaper_plan_on_the_whole_model(seed: int) -> None:
    case = drawn(np.random.default_rng(seed), 36, 5, 3)

    made = plan(case)

    assert made.optimal
    assert made.cost_m == pytest.approx(by_highs(case), abs=0.05)  # loads are rounded to 1 cm


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_the_order_of_bodies_and_of_units_changes_no_cost(seed: int, order: Any) -> None:  # noqa: ANN401 - Hypothesis's Random
    case = drawn(np.random.default_rng(seed), 40, 6, 3, most=9)
    bodies, units = list(range(40)), list(range(6))
    order.shuffle(bodies)
    order.shuffle(units)
    turned = replace(
        case,
        home_m=case.home_m[bodies],
        fits=case.fits[bodies],
        centre_m=case.centre_m[units],
        households=case.households[units],
    )

    one, other = plan(case), plan(turned)

    assert one.optimal
    assert other.optimal
    assert one.cost_m == pytest.approx(other.cost_m, abs=1e-9)


def test_a_city_of_volunteers_is_balanced_near_home_and_proven() -> None:
    rng = np.random.default_rng(11)
    case = drawn(rng, 1_334, 46, 8, least=1)
    case = replace(case, households=rng.integers(500, 1_500, 46))

    made = plan(case)

    assert made.optimal
    assert told_m(case, made) == pytest.approx(made.cost_m, abs=1e-4)
    assert (made.unit >= 0).all()
    assert np.abs(made.holders - made.target).max() < 5
    assert np.nanmean(made.way_m) < 0.4 * np.nanmean(ways_m(case)), "far nearer than anywhere"
    assert made.bound_m <= made.cost_m <= 1.001 * made.bound_m


def test_a_load_far_from_its_target_is_still_found() -> None:
    # All live at A, B is 1,000 km away: nearly all of 400 go to A though the target is 200.
    case = problem([(0.0, 0.0)] * 400, [(0.0, 0.0), (1e6, 0.0)])

    made = plan(case)

    # the k-th to stay away saves (2 x (200 - k) + 1) x 2 x 10000 / 200 m, never 1,000 km
    assert made.optimal
    assert made.holders.tolist() == [399, 1] or made.holders.tolist() == [400, 0]
    assert made.cost_m == pytest.approx(
        min(
            k * 1e6 + EMPTY_M * (k == 0) + 2 * BALANCE_M * (200 - k) ** 2 / 200 for k in range(401)
        ),
        abs=0.05,
    )


def test_who_has_no_time_gets_a_plan_and_a_bound_below_it() -> None:
    case = drawn(np.random.default_rng(3), 300, 20, 4, least=1, per_post=1)

    made = plan(case, left_s=lambda: 0.0)

    assert made.bound_m <= plan(case).cost_m <= made.cost_m
    assert told_m(case, made) == pytest.approx(made.cost_m, abs=1e-4)


# -- what is drawn ---------------------------------------------------------------------------


def test_each_goes_to_the_near_unit_while_both_are_in_balance() -> None:
    #   A . a b . . . . c d . B      1 km between them
    case = problem([(100, 0), (200, 0), (800, 0), (900, 0)], [(0, 0), (1_000, 0)])

    made = plan(case)

    assert made.unit.tolist() == [0, 0, 1, 1]
    assert made.way_m.tolist() == [100, 200, 200, 100]
    assert made.target.tolist() == [2, 2]
    assert (made.cost_m, made.bound_m, made.optimal) == (600, 600, True)


def test_a_unit_with_three_times_the_households_gets_three_times_the_holders() -> None:
    case = problem([(500, 0)] * 8, [(0, 0), (1_000, 0)], households=[300, 100])

    assert plan(case).holders.tolist() == [6, 2]


def test_a_post_is_filled_by_the_one_who_has_its_skill() -> None:
    # Two units side by side; a and b mend, c and d heal: each unit gets one of both.
    fits = [[True, False], [True, False], [False, True], [False, True]]
    case = problem([(0, 0)] * 4, [(0, 0), (10, 0)], fits=fits)

    made = plan(case)

    assert sorted(zip(made.unit.tolist(), made.post.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    assert made.post.tolist() == [0, 0, 1, 1]
    assert made.cost_m == 20


def test_holders_who_stay_count_for_the_load_and_for_their_post() -> None:
    case = problem([(0, 0)] * 2, [(0, 0), (0, 0)], staying=[2, 0], covered=[[1], [0]])

    made = plan(case)

    assert made.unit.tolist() == [1, 1]
    assert made.holders.tolist() == [2, 2]
    assert made.cost_m == 0


def test_who_lives_farthest_is_left_out_where_room_is_short() -> None:
    case = problem([(10, 0), (20, 0), (900, 0)], [(0, 0), (0, 0)], most=1)

    made = plan(case)

    assert made.unit.tolist()[2] == -1
    assert np.isnan(made.way_m[2])
    assert made.post.tolist()[2] == -1
    assert made.cost_m == 30


def test_posts_are_evened_out_where_that_costs_nothing() -> None:
    case = problem([(0, 0)] * 6, [(0, 0)], fits=[[True, True, True]] * 6)

    assert sorted(plan(case).post.tolist()) == [0, 0, 1, 1, 2, 2]


def test_nobody_to_place_is_a_plan_where_nobody_must_be() -> None:
    made = plan(problem([], [(0, 0)]))

    assert made.unit.tolist() == []
    assert (made.cost_m, made.optimal) == (EMPTY_M, True)


# -- what cannot be --------------------------------------------------------------------------


def test_too_few_bodies_are_counted() -> None:
    case = problem([(0, 0)] * 1_334, [(0, 0)] * 46, least=30)

    assert lacks(case) == [Lack(Hindrance.TOO_FEW_BODIES, tuple(range(46)), (), 1_380, 1_334)]
    with pytest.raises(ValueError, match="no plan can meet"):
        plan(case)


def test_a_skill_that_is_too_rare_is_named_with_its_numbers() -> None:
    fits = [[True, False]] * 5 + [[False, True]] * 2
    case = problem([(0, 0)] * 7, [(0, 0)] * 3, fits=fits, per_post=1)

    assert lacks(case) == [Lack(Hindrance.TOO_FEW_SKILLED, (0, 1, 2), (1,), 3, 2)]


def test_posts_that_lack_only_together_are_named_together() -> None:
    # Three bodies each for posts 0 and 1, but the same three; post 2 has its own.
    fits = [[True, True, False]] * 3 + [[False, False, True]] * 3
    case = problem([(0, 0)] * 6, [(0, 0)] * 2, fits=fits, per_post=1)

    assert lacks(case) == [Lack(Hindrance.TOO_FEW_SKILLED, (0, 1), (0, 1), 4, 3)]


def test_units_that_are_full_or_too_small_are_named() -> None:
    full = problem([(0, 0)] * 4, [(0, 0)] * 2, most=2, staying=[3, 0])
    small = problem([(0, 0)] * 9, [(0, 0)], fits=[[True] * 3] * 9, most=2, per_post=1)

    assert lacks(full) == [Lack(Hindrance.TOO_MANY_STAY, (0,), (), 3, 2)]
    assert lacks(small) == [Lack(Hindrance.UNIT_TOO_SMALL, (0,), (), 3, 2)]


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    case = problem([(0, 0)], [(0, 0)])

    with pytest.raises(ValueError, match="belong together"):
        replace(case, staying=np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="nowhere"):
        replace(case, centre_m=np.array([[np.nan, 0.0]]))
