"""What a question costs is worked out before anything runs, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from graphql import parse

from resolvers.context import Context, Shared
from schema.build import schema
from schema.cost import estimate, plan
from schema.limits import Limits
from schema.request import RequestContext
from schema.weights import CITY_UNITS
from tests.graphql.asking import TODAY
from tests.graphql.world import G11

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def cost(query: str, variables: dict[str, Any] | None = None, name: str | None = None) -> int:
    return estimate(plan(schema._schema, parse(query), name), variables or {})


UNIT = f'unit(level: "grid", code: "{G11}")'
PAGE = 'units(level: "grid", first: {first}) {{ nodes {{ {inner} }} }}'


def test_a_thing_counts_one_and_its_plain_fields_a_tenth_each() -> None:
    assert cost(f"{{ {UNIT} {{ {' '.join(f'a{n}: code' for n in range(10))} }} }}") == 2
    assert cost(f"{{ {UNIT} {{ {' '.join(f'a{n}: code' for n in range(100))} }} }}") == 11


@pytest.mark.parametrize("first", [10, 100, 1000])
def test_a_page_costs_its_length_times_what_each_costs(first: int) -> None:
    # the field 2, and of each unit: itself 1, its parent 1, two plain fields 0.2
    query = PAGE.format(first=first, inner="code parent { code }")

    assert cost(f"{{ {query} }}") == round(2 + first * 2.2)


def test_a_variable_counts_as_its_value_and_a_default_where_it_has_none() -> None:
    query = 'query ($n: Int = 10) { units(level: "grid", first: $n) { nodes { areaM2: code } } }'

    assert cost(query, {"n": 1000}) == 2 + 1100
    assert cost(query) == 2 + 11
    assert cost('query ($n: Int) { units(level: "grid", first: $n) { nodes { code } } }') == 2 + 110
    huge = cost(query, {"n": 2**31 - 1})
    assert huge <= CITY_UNITS * 2, "refused for what it is, but not worked out for ever"


def test_lists_of_ids_and_points_count_their_items() -> None:
    ids = "query ($i: [ID!]!) { nodes(ids: $i) { id } }"

    assert cost(ids, {"i": ["x"] * 1000}) == 1 + 1000 + 100
    assert cost('{ nodes(ids: ["a", "b", "c"]) { id } }') == 5  # 1 + 3 + 0.3


def test_who_only_goes_down_meets_no_unit_twice() -> None:
    down = "code"
    for _ in range(6):
        down = f"children(first: 1000) {{ nodes {{ {down} }} }}"
    tree = cost(f'{{ units(level: "district", first: 1000) {{ nodes {{ {down} }} }} }}')

    assert tree < 12 * CITY_UNITS, "no more than the city at each level"


def test_who_turns_upwards_meets_all_again_and_again() -> None:
    def round_trips(number: int) -> int:
        inner = "code"
        for _ in range(number):
            inner = f"children(first: 100) {{ nodes {{ parent {{ {inner} }} }} }}"
        return cost(f"{{ {UNIT} {{ {inner} }} }}")

    assert round_trips(3) > 100 * round_trips(2) / 2
    assert round_trips(3) > Limits().cost


def test_fields_of_one_name_are_merged_and_fragments_counted_where_they_are_spread() -> None:
    once = cost(f"{{ {UNIT} {{ code parent {{ name }} }} }}")

    assert cost(f"{{ {UNIT} {{ code }} {UNIT} {{ parent {{ name }} }} }}") == once
    fragment = "fragment A on Unit { code ... on Unit { parent { name } } }"
    spread = f"{{ {UNIT} {{ ...A ...A }} }} {fragment}"
    assert cost(spread) == once


def test_heavy_fields_cost_more_and_only_the_operation_that_is_named_counts() -> None:
    place = '{level: "grid", code: "1"}'
    query = f"""query Heavy {{ siting(kinds: ["a"], within: {place}) {{ households }} }}
        query Light {{ levels {{ key }} }}"""

    assert cost(query, name="Heavy") > 5000
    assert cost(query, name="Light") < 20


@pytest.mark.anyio
async def test_the_answer_says_cost_and_limit(town: AsyncEngine) -> None:
    context = RequestContext(Context(Shared(town), today=TODAY), limits=Limits(cost=5))

    told = await schema.execute(f"{{ {UNIT} {{ code }} }}", context_value=context)

    assert told.errors is None
    assert told.extensions == {"cost": {"estimated": 2, "limit": 5}}


@pytest.mark.anyio
async def test_what_costs_too_much_is_refused_before_a_statement_runs(
    town: AsyncEngine, counted: list[str]
) -> None:
    context = RequestContext(Context(Shared(town), today=TODAY), limits=Limits(cost=1000))
    query = PAGE.format(first=1000, inner="code")

    told = await schema.execute(f"{{ {query} }}", context_value=context)

    assert told.data is None
    assert told.errors is not None
    (error,) = told.errors
    assert error.extensions == {"code": "TOO_COSTLY", "cost": 1102, "limit": 1000}
    assert told.extensions == {"cost": {"estimated": 1102, "limit": 1000}}
    assert counted == []
