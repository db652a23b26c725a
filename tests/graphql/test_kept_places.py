"""What places show that lie in the same units is kept, and is what others would be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolvers import context as contexts
from schema.completing import MOST_KEPT
from tests.graphql.both_ways import hold, shared_of
from tests.graphql.test_both_ways import ask_both
from tests.graphql.world import C1, G11, S1, D, lonlat

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.context import Shared

pytestmark = [pytest.mark.anyio, pytest.mark.one_way]

PLAIN = "query ($at: PointInput!) { placeAt(point: $at) { units { code } } }"
INSIDE = (0.3, 0.4), (0.6, 0.7), (0.45, 0.2)


def at(x: float, y: float) -> dict[str, Any]:
    """Return the variables of a question about a place."""
    lon, lat = lonlat(x, y)
    return {"at": {"lon": lon, "lat": lat}}


def kept(shared: Shared) -> list[Any]:
    """Return what is kept of places, for all units that were asked for."""
    standings = [standing for standing, _ in shared.standing._held.values()]
    return [choice.shown for one in standings for choice in one._choices.values()]


async def sure_place(town: AsyncEngine, shared: Shared) -> tuple[float, float]:
    """Return a place in the grid of which memory tells at once, as far from borders as it takes."""
    for place in [(x / 20, y / 20) for y in range(1, 10) for x in range(1, 40)]:
        await ask_both(town, PLAIN, at(*place), shared)
        if kept(shared):
            return place
    pytest.fail("memory tells of no place at once")


async def test_places_in_the_same_units_are_shown_once_for_all(town: AsyncEngine) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    x, y = await sure_place(town, shared)

    for place in ((x, y), (x + 0.001, y), (x, y + 0.001), (x, y)):
        told = await ask_both(town, PLAIN, at(*place), shared)
        codes = [unit["code"] for unit in told["data"]["placeAt"]["units"]]
        assert codes == [D, S1, C1, G11]

    assert [len(shown) for shown in kept(shared)] == [1]


@pytest.mark.parametrize(
    "selected",
    [
        "units { code name areaM2 __typename } onBorder __typename",
        "units { code } units { name }",
        "a: units { code } b: units { name }",
        "units { code level { key } }",
        "units { code parent { code } households }",
        "units { code } reason nearest { code }",
        'units { code } unit(level: "compound") { code }',
        "onBorder",
        "units { ...on Node { id } code }",
        "units { code } units @skip(if: true) { geometry }",
    ],
)
async def test_whatever_is_selected_is_told_both_ways(town: AsyncEngine, selected: str) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    query = f"query ($at: PointInput!) {{ placeAt(point: $at) {{ {selected} }} }}"

    for place in (*INSIDE, (1.5, 0.6), (2.5, 1.5), (9.0, 9.0)):
        await ask_both(town, query, at(*place), shared)


async def test_a_variable_says_each_time_what_is_skipped(town: AsyncEngine) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    query = """query ($at: PointInput!, $more: Boolean!) {
      placeAt(point: $at) { units { code name @include(if: $more) } } }"""

    for more in (True, False, True, False):
        told = await ask_both(town, query, {**at(0.3, 0.4), "more": more}, shared)
        assert all(("name" in unit) is more for unit in told["data"]["placeAt"]["units"])


async def test_what_is_kept_counts_as_what_is_made(
    town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    place = await sure_place(town, shared)
    for most in (4, 3, 4):  # a place in four units
        monkeypatch.setattr(contexts, "MAX_THINGS", most)
        told = await ask_both(town, PLAIN, at(*place), shared)
        assert bool(told["errors"]) is (most < 4)


async def test_a_few_texts_are_kept_for_each_place(town: AsyncEngine) -> None:
    shared = shared_of(town, holds=True)
    await hold(shared)
    place = await sure_place(town, shared)
    for number in range(1, 3 * MOST_KEPT):  # after the one that was asked to find the place
        query = PLAIN.replace("units", f"name{number}: units")
        told = await ask_both(town, query, at(*place), shared)
        assert list(told["data"]["placeAt"]) == [f"name{number}"]
        assert [len(shown) for shown in kept(shared)] == [1 + number % MOST_KEPT]
