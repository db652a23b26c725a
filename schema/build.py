"""The schema as a whole: the contract's types, and the limits of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry
from strawberry.extensions import (
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig

from schema.masking import shown
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS

if TYPE_CHECKING:
    from graphql import GraphQLError
    from strawberry.types import ExecutionContext, ExecutionResult

MAX_DEPTH = 24
"""Fields below one another; introspection is not counted."""
MAX_ALIASES = 200
MAX_TOKENS = 20_000
"""Words of a query's text; long lists belong into variables."""
CACHED_QUERIES = 512
"""Query texts whose parsed form is kept."""


class Schema(strawberry.Schema):
    """Strawberry's schema, with errors told as the contract says: see :mod:`schema.masking`."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:  # noqa: ANN401 - Strawberry's
        """Answer a question: expected errors with their code, anything else masked."""
        result = await super().execute(*args, **kwargs)
        if result.errors:
            result.errors = [shown(error) for error in result.errors]
        return result

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do nothing: expected failures are no news, others are logged where they are masked."""


schema = Schema(
    Query,
    Mutation,
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: ParserCache(maxsize=CACHED_QUERIES),
        lambda: ValidationCache(maxsize=CACHED_QUERIES),
    ],
)
