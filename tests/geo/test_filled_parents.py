"""Parents that are known by the sum are the ones that the place would give."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.chain import Boundaries, boundaries, chains, parent_sums
from geo.layers import Parents
from geo.parents import Family, find_parents
from tests.geo.builders import PLANE, array, box, draw_nest, draw_parents
from tests.geo.strategies import seeds


def same_both_ways(
    units: np.ndarray[tuple[int], np.dtype[np.object_]],
    codes: list[str | None],
    named: list[str | None],
    parents: Parents,
) -> Family:
    """Find parents with and without what the rings say, and compare."""

    def found(known: Boundaries | None) -> Family:
        return find_parents(
            "grid",
            units,
            codes,
            named=named,
            rows=np.arange(1, len(codes) + 1),
            parents=parents,
            known=known,
        )

    plain, quick = found(None), found(boundaries(units))
    assert quick.parent_of.tolist() == plain.parent_of.tolist()
    assert quick._replace(parent_of=plain.parent_of) == plain
    return quick


@given(
    seed=seeds,
    named=st.sampled_from(["all", "some", "none"]),
    wrong=st.integers(0, 3),
    matched=st.booleans(),
)
def test_the_sum_says_what_the_place_says(seed: int, named: str, wrong: int, matched: bool) -> None:
    rng = np.random.default_rng(seed)
    nest = draw_nest(rng)
    units, above = PLANE.degrees(array(nest.grids)), nest.community_of.tolist()
    land = PLANE.degrees(array(nest.communities))  # by its corners alone: no sum is zero
    if matched:
        land = array(shapely.union_all(units[nest.community_of == p]) for p in range(len(land)))
    parents = Parents([f"{i:02}" for i in range(len(land))], land)
    codes: list[str | None] = [f"{p:02}{i:03}" for i, p in enumerate(above)]
    columns: list[str | None] = [f"{p:02}" for p in above]
    for i in rng.integers(len(codes), size=wrong).tolist():
        columns[i] = parents.codes[int(rng.integers(len(land)))]
    if named != "all":
        kept = rng.random(len(codes)) < (0.5 if named == "some" else 0.0)
        columns = [c if keep else None for c, keep in zip(columns, kept, strict=True)]

    found = same_both_ways(units, codes, columns, parents)

    assert found.parent_of.tolist() == above
    if matched:
        filled = parent_sums(chains(units), nest.community_of, chains(land))
        assert not filled.any(), "the drawing is one in which the sums tell"


@pytest.mark.parametrize("named", ["11", "12", None])
def test_a_unit_too_many_is_looked_for_by_its_place(named: str | None) -> None:
    #   +------+------+
    #   | a, a |  b   |   the second a has 11's own boundary, whatever its column says
    #   +------+------+
    parents = draw_parents({"11": box(0, 0, 100, 100), "12": box(100, 0, 200, 100)})
    units = PLANE.degrees(array([box(0, 0, 100, 100)] * 2 + [box(100, 0, 200, 100)]))

    found = same_both_ways(units, ["a", "a", "b"], ["11", named, "12"], parents)

    assert found.parent_of.tolist() == [0, 0, 1]


def test_where_no_parent_stands_nobody_lies_in_one() -> None:
    units = PLANE.degrees(array([box(0, 0, 100, 100)]))

    found = same_both_ways(units, ["a"], ["11"], Parents([], np.zeros(0, object)))

    assert found.parent_of.tolist() == [-1]
