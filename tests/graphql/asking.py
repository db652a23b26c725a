"""Put questions to the schema as clients do, without HTTP between."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from resolvers.context import Context, Shared
from schema.build import schema
from schema.request import RequestContext

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

TODAY = dt.date(2026, 11, 22)


class Answer(NamedTuple):
    """What a question brought."""

    data: Any  # JSON
    errors: list[dict[str, Any]]

    def codes(self) -> list[str]:
        """Return the codes of the errors."""
        return [error["extensions"]["code"] for error in self.errors]


async def ask(
    engine: AsyncEngine,
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    public: bool = True,
    today: dt.date = TODAY,
    shared: Shared | None = None,
    fast: bool = True,
) -> Answer:
    """Put a query to the schema and return the answer as a client reads it."""
    process = shared or Shared(engine, public=public)
    context = RequestContext(Context(process, today=today, key=key), fast=fast)
    result = await schema.execute(query, variable_values=variables, context_value=context)
    errors = [error.formatted for error in result.errors or ()]
    return Answer(*orjson.loads(orjson.dumps([result.data, errors])))


async def told(
    engine: AsyncEngine,
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    today: dt.date = TODAY,
    shared: Shared | None = None,
) -> Any:  # noqa: ANN401 - JSON
    """Return the data of an answer that must have no errors."""
    answer = await ask(engine, query, variables, key=key, today=today, shared=shared)
    assert answer.errors == []
    return answer.data
