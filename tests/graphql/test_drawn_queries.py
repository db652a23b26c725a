"""Drawn queries are answered the fast way as graphql-core's own way answers them."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from graphql import parse, validate

from schema.build import schema
from storage.keys import Role
from tests.graphql import world
from tests.graphql.both_ways import DROPPED, Ways
from tests.graphql.drawn_values import VALUES
from tests.graphql.random_queries import Draw, found_in, reachable
from tests.graphql.world import C1

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.graphql.both_ways import Told
    from tests.graphql.random_queries import Asked

pytestmark = pytest.mark.one_way

CORE = schema._schema
SEED = os.environ.get("DRAWN_SEED", "7")
"""Another one draws other queries."""

PARTS = 8
EACH = (2_000 if os.environ.get("CI") else 400) // PARTS
AT_ONCE = 5
MOST_CURSORS = 20

RARELY = frozenset({"siting", "assignmentPlan", "circleCoverage", "circleAt", "coverage"})
"""They keep a processor busy."""


def drawing(part: int, values: dict[str, Any] | None = None) -> Draw:
    """Return what draws the queries of a part."""
    return Draw(CORE, values or dict(VALUES), seed=f"{SEED}:{part}", rarely=RARELY)


class Asking:
    """Draws queries, asks them both ways, and notes what comes.

    Parameters
    ----------
    part
        Which of the queries are drawn.
    """

    def __init__(self, ways: Ways, part: int) -> None:
        self.values: dict[str, Any] = dict(VALUES)
        self.draw = drawing(part, self.values)
        self.ways = ways
        self.told: Counter[str] = Counter()
        self.reached: set[tuple[str, str]] = set()

    async def some(self, number: int, key: str | None) -> None:
        """Ask some queries at once."""
        asked = [self.draw.query() for _ in range(number)]
        answers = await asyncio.gather(
            *(
                self.ways.ask(
                    one.text,
                    one.variables,
                    operation=one.operation,
                    key=key,
                    slow_first=bool(at % 2),
                )
                for at, one in enumerate(asked)
            )
        )
        for one, told in zip(asked, answers, strict=True):
            self._note(one, told)

    def _note(self, asked: Asked, told: Told) -> None:
        data, errors = told.answer["data"], told.answer["errors"]
        self.told["gave up"] += told.fell_back
        self.told["gave up without need"] += told.fell_back and not errors
        self.told["refused"] += data is None
        self.told["with errors"] += bool(errors)
        self.told["said something"] += bool(data and any(data.values()))
        for name, page, said in found_in(CORE, asked, data):
            self.reached.add(name)
            if name[1] in {"cursor", "startCursor", "endCursor"}:
                self._keep(f"{page[0]}.{page[1]}.after", said)

    def _keep(self, argument: str, cursor: str) -> None:
        """Let pages begin where earlier answers said; now and then where those of another list."""
        here = self.values.setdefault(argument, [*VALUES["after"]])
        if cursor not in here and len(here) < MOST_CURSORS:
            here.insert(0, cursor)


@pytest.mark.filterwarnings(DROPPED)
@pytest.mark.anyio
@pytest.mark.parametrize("part", range(PARTS))
async def test_drawn_queries_are_answered_the_same_both_ways(
    full_town: AsyncEngine, part: int
) -> None:
    reader = await world.make_key(full_town, Role.READER)
    own = await world.make_key(full_town, Role.EDITOR, within=("community", C1))
    editor = await world.make_key(full_town, Role.EDITOR)
    keys = [editor, None, own, reader, editor, None, own, None, editor, "wg_none"]
    # in one part units are not held in memory, in another no stranger may read
    ways = await Ways.of(full_town, holds=part != 0, keeps=True, public=part != 1)
    asking = Asking(ways, part)

    for at in range(EACH // AT_ONCE):
        await asking.some(AT_ONCE, keys[at % len(keys)])
    await ways.settle()

    told = asking.told
    assert told["said something"] > EACH * (0.4 if part == 1 else 0.6), told
    assert told["with errors"] > EACH / 10, told
    assert told["refused"] < EACH * (0.5 if part == 1 else 0.15), told
    assert told["gave up"] < EACH / 4, "most are answered the fast way"
    # where an argument is wrong of a field that is never read, it gives up without need
    assert told["gave up without need"] <= EACH * 0.06, told
    assert len(asking.reached) > EACH, f"only {len(asking.reached)} fields said something"


def test_every_field_that_a_query_can_come_to_is_drawn() -> None:
    drawn: Counter[tuple[str, str]] = Counter()
    for part in range(PARTS):
        draw = drawing(part)
        for _ in range(2_000 // PARTS):
            draw.query()
        drawn += draw.drawn

    assert reachable(CORE) - set(drawn) == set()


def test_whatever_is_drawn_is_valid_and_of_every_kind() -> None:
    draw = drawing(PARTS)
    texts = [draw.query().text for _ in range(150)]

    for text in texts:
        assert validate(CORE, parse(text)) == [], text
    every = " ".join(texts)
    for sign in ("@include(if: $v", "@skip(if: true)", "... on Unit", "fragment F2 on ", "{ ... {"):
        assert sign in every
    for sign in ("... on Node {", " = ", ": null", "query Other", "__schema", "a0: "):
        assert sign in every
    fragments = [line for text in texts for line in re.findall(r"[.]{3}(F[0-9]+)", text)]
    assert len(fragments) > len(set(fragments)), "some are spread twice"


def test_the_same_seed_draws_the_same_queries() -> None:
    one, same, other = drawing(1), drawing(1), drawing(2)
    asked = [[draw.query() for _ in range(20)] for draw in (one, same, other)]

    assert asked[0] == asked[1]
    assert asked[0] != asked[2]
