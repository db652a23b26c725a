"""Drawn queries are answered the fast way as graphql-core's own way answers them."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from graphql import parse, validate

from schema.build import schema
from storage.keys import Role
from tests.graphql import world
from tests.graphql.both_ways import Ways
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

RARELY = frozenset({"siting", "assignmentPlan", "circleCoverage", "circleAt", "coverage"})
"""They keep a processor busy."""

REACHED = set()
class Asking:
    """Draws queries, asks them both ways, and notes what comes.

    Parameters
    ----------
    part
        Which of the queries are drawn.
    """

    def __init__(self, ways: Ways, part: int) -> None:
        self.values: dict[str, Any] = dict(VALUES)
        self.draw = Draw(CORE, self.values, seed=f"{SEED}:{part}", rarely=RARELY)
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
        if told.fell_back and not errors: print(asked.text, asked.variables)
        self.told["gave up without need"] += told.fell_back and not errors
        self.told["gave up"] += told.fell_back
        self.told["refused"] += data is None
        self.told["with errors"] += bool(errors)
        for e in errors: self.told[e.get('extensions',{}).get('code')] += 1
        self.told["said something"] += bool(data and any(data.values()))
        for name, page, said in found_in(CORE, asked, data):
            self.reached.add(name)
            REACHED.add(name)
            if name[1] in {"cursor", "startCursor", "endCursor"}:
                self._keep(f"{page[0]}.{page[1]}.after", said)

    def _keep(self, argument: str, cursor: str) -> None:
        """Let pages begin where earlier answers said; now and then where those of another list."""
        here = self.values.setdefault(argument, [*VALUES["after"]])
        if cursor not in here and len(here) < 20:
            here.insert(0, cursor)


# where an error takes its siblings with it, graphql-core and Strawberry drop what these were about
# to do; the fast way's own coroutines have other names
@pytest.mark.filterwarnings("ignore:coroutine '(Executor|GraphQLCoreConverter)[.].*never awaited")
@pytest.mark.anyio
@pytest.mark.parametrize("part", range(PARTS))
async def test_drawn_queries_are_answered_the_same_both_ways(
    full_town: AsyncEngine, part: int
) -> None:
    reader = await world.make_key(full_town, Role.READER)
    own = await world.make_key(full_town, Role.EDITOR, within=("community", C1))
    editor = await world.make_key(full_town, Role.EDITOR)
    keys = [editor, None, own, reader, editor, None, own, None, editor, "wg_none"]
    asking = Asking(await Ways.of(full_town, holds=part != 0), part)

    for at in range(EACH // AT_ONCE):
        await asking.some(AT_ONCE, keys[at % len(keys)])
    await asking.ways.settle()

    told = asking.told
    print(part, told, len(asking.reached))
    if part==7: print(len(REACHED), sorted(reachable(CORE)-REACHED))
