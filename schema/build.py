"""The schema as a whole: the contract's types, and the limits of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import strawberry
from strawberry.extensions import (
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig

from schema.masking import Masking
from schema.query import Query
from schema.scalars import SCALARS

if TYPE_CHECKING:
    from graphql import GraphQLError
    from strawberry.types import ExecutionContext

MAX_DEPTH = 24
"""Fields below one another; introspection is not counted."""
MAX_ALIASES = 200
MAX_TOKENS = 20_000
"""Words of a query's text; long lists belong into variables."""
CACHED_QUERIES = 512
"""Query texts whose parsed form is kept."""


class Schema(strawberry.Schema):
    """Strawberry's schema, which leaves the log to :class:`Masking`."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do nothing: expected failures are no news, others are logged where they are masked."""


schema = Schema(
    Query,
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[
        Masking,
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: ParserCache(maxsize=CACHED_QUERIES),
        lambda: ValidationCache(maxsize=CACHED_QUERIES),
    ],
)
