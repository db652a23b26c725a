"""The schema as a whole: the contract's types, and the limits of a query."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import GraphQLError
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
from schema.limits import Bounded
from schema.masking import shown
from schema.mutation import Mutation
from schema.plan_mutation import PlanMutations
from schema.plan_query import PlanQueries
from schema.query import Query
from schema.request import RequestContext
from schema.scalars import SCALARS
from schema.siting_query import SitingQueries
from schema.subscription import Subscription
from schema.uploading import UPLOADS, Uploading

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from strawberry.types import ExecutionContext


@strawberry.type(name="Query", description="Everything that can be read.")
class AllQueries(Query, FacilityQueries, CircleQueries, SitingQueries, DutyQueries, PlanQueries):
    """The questions of all modules."""


@strawberry.type(name="Mutation", description="Everything that can be changed.")
class AllMutations(Mutation, Uploading, FacilityMutations, DutyMutations, PlanMutations):
    """The mutations of all modules."""


class Schema(strawberry.Schema):
    """Strawberry's schema, with errors told as the contract says: see :mod:`schema.masking`."""

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:  # noqa: ANN401 - Strawberry's
        """Answer a question: expected errors with their code, anything else masked."""
        allowed = set(kwargs.get("allowed_operation_types") or OperationType)
        kwargs["allowed_operation_types"] = allowed - {OperationType.SUBSCRIPTION}
        try:
            result = await self._in_time(*args, **kwargs)
        except InvalidOperationTypeError as error:
            if error.operation_type is not OperationType.SUBSCRIPTION:
                raise
            result = ExecutionResult(data=None, errors=[_needs_socket()])
        if result.errors:
            result.errors = [shown(error) for error in result.errors]
        return result

    async def _in_time(self, *args: Any, **kwargs: Any) -> ExecutionResult:  # noqa: ANN401 - Strawberry's
        """Answer a question, or say that its time was up; see :class:`schema.limits.Clock`."""
        context = kwargs.get("context_value")
        if not isinstance(context, RequestContext):
            return await super().execute(*args, **kwargs)
        try:
            async with asyncio.timeout(None) as context.clock.waiting:
                return await super().execute(*args, **kwargs)
        except TimeoutError:
            why = context.clock.ended
            if why is None:
                raise
            error = GraphQLError(str(why), original_error=why)
            return ExecutionResult(data=None, errors=[error])

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
    extensions=[Bounded],
)
