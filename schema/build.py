"""The schema as a whole: the contract's types, and the limits of a query."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import (
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from schema.circle_query import CircleQueries
from schema.duty_mutation import DutyMutations
from schema.duty_query import DutyQueries
from schema.facility_mutation import FacilityMutations
from schema.facility_query import FacilityQueries
from schema.masking import shown
from schema.mutation import Mutation
from schema.plan_mutation import PlanMutations
from schema.plan_query import PlanQueries
from schema.query import Query
from schema.quick import Queries, answer, is_on
from schema.quick import Query as Quick
from schema.request import RequestContext
from schema.scalars import SCALARS
from schema.siting_query import SitingQueries
from schema.subscription import Subscription
from schema.uploading import UPLOADS, Uploading

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from strawberry.types import ExecutionContext

MAX_DEPTH = 24
"""Fields below one another; introspection is not counted."""
MAX_ALIASES = 200
MAX_TOKENS = 20_000
"""Words of a query's text; long lists belong into variables."""
CACHED_QUERIES = 512
"""Query texts whose parsed form is kept."""


@strawberry.type(name="Query", description="Everything that can be read.")
class AllQueries(Query, FacilityQueries, CircleQueries, SitingQueries, DutyQueries, PlanQueries):
    """The questions of all modules."""


@strawberry.type(name="Mutation", description="Everything that can be changed.")
class AllMutations(Mutation, Uploading, FacilityMutations, DutyMutations, PlanMutations):
    """The mutations of all modules."""


class Schema(strawberry.Schema):
    """Strawberry's schema, with errors told as the contract says: see :mod:`schema.masking`.

    Queries are answered the fast way (:mod:`schema.quick`), unless that is turned off.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Strawberry's
        super().__init__(*args, **kwargs)
        self.fast = is_on()
        """Whether queries are answered the fast way."""
        self._queries = Queries()

    async def execute(  # noqa: PLR0917 - Strawberry's
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,  # noqa: ANN401 - Strawberry's
        root_value: Any = None,  # noqa: ANN401 - Strawberry's
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Answer a question: expected errors with their code, anything else masked."""
        allowed = set(allowed_operation_types or OperationType) - {OperationType.SUBSCRIPTION}
        known = self._queries.get(query, operation_name) if self._is_quick(context_value) else None
        if known is not None and OperationType.QUERY in allowed:
            found = await answer(
                self._schema,
                known,
                variable_values,
                context_value,
                root=root_value,
                extensions=operation_extensions,
            )
            return _shown(ExecutionResult(found.data, found.errors))
        try:
            result = await super().execute(
                query,
                variable_values,
                context_value,
                root_value,
                operation_name,
                allowed,
                operation_extensions,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is not OperationType.SUBSCRIPTION:
                raise
            result = ExecutionResult(data=None, errors=[_needs_socket()])
        return _shown(result)

    async def _execute_operation(
        self,
        execution_context: ExecutionContext,
        extensions_runner: Any,  # noqa: ANN401 - Strawberry's
        middleware_manager: Any,  # noqa: ANN401 - Strawberry's
        execute_function: Any,  # noqa: ANN401 - Strawberry's
        custom_context_kwargs: Any,  # noqa: ANN401 - Strawberry's
    ) -> Any:  # noqa: ANN401 - Strawberry's
        """Answer what was found to be valid; keep a query for those who ask it again."""
        asked = execution_context
        document, context = asked.graphql_document, asked.context
        if (
            document is None
            or asked.query is None
            or asked.operation_type is not OperationType.QUERY
            or not self._is_quick(context)
        ):
            return await super()._execute_operation(
                asked,
                extensions_runner,
                middleware_manager,
                execute_function,
                custom_context_kwargs,
            )
        query = Quick(document, asked.operation_name)
        self._queries.keep(asked.query, asked._provided_operation_name, query)
        async with extensions_runner.executing():
            asked.result = await answer(
                self._schema,
                query,
                asked.variables,
                context,
                root=asked.root_value,
                extensions=asked.operation_extensions,
            )
            return asked.result

    def _is_quick(self, context: object) -> bool:
        return self.fast and isinstance(context, RequestContext) and context.fast

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - Strawberry's
        """Answer an operation of a WebSocket, one of many: it begins with what is so now."""
        context = kwargs.get("context_value")
        if isinstance(context, RequestContext):
            kwargs["context_value"] = context.another()
        return _told(await super().stream(*args, **kwargs))

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do nothing: expected failures are no news, others are logged where they are masked."""


def _shown(result: ExecutionResult) -> ExecutionResult:
    """Tell the errors of a result as the contract says."""
    if result.errors:
        result.errors = [shown(error) for error in result.errors]
    return result


async def _told(results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Tell the errors of results as the contract says."""
    try:
        async with aclosing(results):
            async for result in results:
                if result.errors:
                    began = not isinstance(result, PreExecutionError)
                    result.errors = [shown(error, began=began) for error in result.errors]
                yield result
    except GraphQLError as error:  # the parser's cache raises what the parser would have told
        yield PreExecutionError(data=None, errors=[shown(error)])


def _needs_socket() -> GraphQLError:
    """Return what a subscription is told that comes without a WebSocket."""
    return GraphQLError(
        "a subscription has many answers: ask over a WebSocket, in the protocol "
        "graphql-transport-ws"
    )


schema = Schema(
    AllQueries,
    AllMutations,
    Subscription,
    config=StrawberryConfig(scalar_map=SCALARS | UPLOADS),
    extensions=[
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: ParserCache(maxsize=CACHED_QUERIES),
        lambda: ValidationCache(maxsize=CACHED_QUERIES),
    ],
)
