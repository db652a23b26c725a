"""Answers a query column by column, instead of field by field and thing by thing.

graphql-core spends some ten microseconds on every field of every thing. Here a list of things of
one type is completed column by column: what a field says of all of them is taken at once, plain
values go out as they are, and what must be waited for is waited for together. The things below are
again completed as one list, however many parents they have.

Whatever fails on this way makes the whole answer worthless: it is thrown away, and the question is
asked again graphql-core's own way, which knows what an error in the middle of a list does. So both
ways answer the same. Only queries are answered so: they change nothing. Errors of root fields are
told without that: nothing is above them that they could take with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from graphql import ExecutionResult as Executed
from graphql import GraphQLResolveInfo, is_non_null_type, located_error
from strawberry.execution import optimized_is_awaitable

from schema.completing import SlowError, arrived
from schema.driving import close, together

if TYPE_CHECKING:
    from graphql import GraphQLError
    from graphql.execution.values import VariableValues

    from schema.columns import Column, Place
    from schema.completing import Pending, Values
    from schema.prepared import Operation
    from schema.request import Info, RequestContext

Raw = GraphQLResolveInfo[Any]


class Run:
    """One request's run of an operation.

    Parameters
    ----------
    operation
        What was worked out for it.
    variables
        The request's.
    context
        The request's.
    root
        What root fields are asked of.
    """

    def __init__(
        self, operation: Operation, variables: VariableValues, context: RequestContext, root: object
    ) -> None:
        self.operation = operation
        self.variables = variables
        self.context = context
        self.bound: dict[int, tuple[Info, dict[str, Any]]] = {}
        """Info and arguments of the columns that were asked, by the id of their place."""
        self._root = root
        self._errors: list[GraphQLError] = []

    def raw(self, place: Place) -> Raw:
        """Return what graphql-core tells the resolver of a field."""
        operation = self.operation
        return GraphQLResolveInfo(
            place.nodes[0].name.value,
            place.nodes,
            place.field.type,
            place.kind,
            place.path,
            operation.schema,
            operation.fragments,
            self._root,
            operation.node,
            cast("VariableValues", self.variables.coerced),  # Strawberry tells nothing else either
            self.context,
            cast("Any", optimized_is_awaitable),  # a TypeGuard but in name
            None,
            operation.helpers,
        )

    async def answer(self, columns: list[Column]) -> Executed:
        """Answer the operation.

        Parameters
        ----------
        columns
            The root fields.

        Raises
        ------
        Exception
            Of any kind, if graphql-core's own way must answer.
        """
        data: dict[str, Any] = {column.name: None for column in columns}
        if len(columns) == 1:
            await self._put(columns[0], data, alone=True)
        else:
            await together([self._put(column, data, alone=False) for column in columns])
        errors = self._errors
        lost = any(
            data[column.name] is None and is_non_null_type(column.place.field.type)
            for column in columns
        )
        return Executed(None if lost else data, errors or None)

    async def _put(self, column: Column, data: dict[str, Any], *, alone: bool) -> None:
        """Ask a root field, and put what it says into the answer."""
        try:
            found = column.take([self._root], self)
            values: Values = found if isinstance(found, list) else await found
        except Exception as error:
            if is_non_null_type(column.place.field.type) and not alone:
                raise  # its siblings end with it, sooner or later
            self._tell(error, column)
            return
        pending: Pending = []
        try:
            data[column.name] = column.complete(values, self, pending)[0]
        except BaseException:
            close(pending)
            raise
        await arrived(pending)

    def _tell(self, error: Exception, column: Column) -> None:
        """Note the error of a root field."""
        if isinstance(error, SlowError):
            raise error
        self._errors.append(located_error(error, column.place.nodes, [column.name]))
