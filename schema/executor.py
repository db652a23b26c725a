"""Completes lists of things in one go, instead of field by field and thing by thing.

graphql-core spends some ten microseconds on every field of every thing. Here a list of things of
one type is completed column by column: what a field says of all of them is taken at once, plain
values go out as they are, and what must be waited for is waited for together. The things below are
again completed as one list, however many parents they have.

Whatever fails on this way makes the whole answer worthless: it is thrown away, and the question is
asked again graphql-core's own way, which knows what an error in the middle of a list does. So both
ways answer the same. Only queries are answered so: they change nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from graphql import is_leaf_type, is_list_type, is_non_null_type, is_object_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.batches import batches_in
from schema.columns import Column, SlowError, Values, column_of, leaves
from schema.driving import Outcomes, close, together
from schema.roots import roots_of

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
    from strawberry.schema.schema_converter import GraphQLCoreConverter

    from schema.columns import Details

    Kind: TypeAlias = Any
    """GraphQL's output types, which are told apart as they come."""
    Raw = GraphQLResolveInfo[Any]
    Pending = list["Late"]


class FastExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes a query; what it answers counts only while ``failed`` is false."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - graphql-core's
        super().__init__(*args, **kwargs)
        self.middleware_manager = roots_of(self.schema, self.converter)
        self.failed = False
        """Whether something could not be answered on this way."""
        # graphql-core's lists of occurrences live as long as the operation: their ids are names
        self._plans: dict[tuple[str, int], tuple[Any, list[Column] | None]] = {}

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,  # noqa: ANN401 - graphql-core's
        context_value: Any = None,  # noqa: ANN401 - graphql-core's
        raw_variable_values: dict[str, Any] | None = None,
        *args: Any,  # noqa: ANN401 - graphql-core's
        **kwargs: Any,  # noqa: ANN401 - graphql-core's
    ) -> Any:  # noqa: ANN401 - graphql-core's
        """Build an executor as graphql-core does; batches of points are looked at as numbers."""
        batches = batches_in(document, raw_variable_values)
        given: Any = raw_variable_values
        if batches:
            given = {**given, **{name: [] for name in batches}}
        made = super().build(schema, document, root_value, context_value, given, *args, **kwargs)
        if batches and isinstance(made, cls):
            coerced = made.variable_values.coerced
            coerced.update((name, one) for name, one in batches.items() if name in coerced)
        return made

    @property
    def converter(self) -> GraphQLCoreConverter:
        """What turns arguments into Python's values."""
        # Strawberry hangs itself on the schema that it makes
        schema: Any = self.schema
        return cast("GraphQLCoreConverter", schema._strawberry_schema.schema_converter)

    # --- where graphql-core hands over ----------------------------------------------------------

    def complete_list_value(self, return_type: Any, details: Details, info: Any, *rest: Any) -> Any:  # noqa: ANN401 - graphql-core's
        """Complete a list of things of one type as a whole."""
        result = rest[1]  # after the path
        item = _bare(return_type.of_type)
        is_whole = type(result) is list and result and is_object_type(item)
        if is_whole and self._plan(item, details, info) is not None:
            return self._attempt(return_type, details, info, result)
        return super().complete_list_value(return_type, details, info, *rest)

    def complete_object_value(
        self,
        return_type: Kind,
        details: Details,
        info: Raw,
        *rest: Any,  # noqa: ANN401 - graphql-core's
    ) -> Any:  # noqa: ANN401 - graphql-core's
        """Complete a thing as a list of one."""
        if self._plan(return_type, details, info) is not None:
            return self._attempt(return_type, details, info, rest[1])
        return super().complete_object_value(return_type, details, info, *rest)

    def _attempt(self, kind: Any, details: Details, info: Any, value: Any) -> Any:  # noqa: ANN401 - graphql-core's
        """Complete a value, or note that this way has failed."""
        pending: Pending = []
        try:
            done = self._complete(kind, details, info, [value], pending)[0]
        except BaseException:
            close(pending)
            self.failed = True
            raise
        return self._finish(done, pending) if pending else done

    async def _finish(self, done: Any, pending: Pending) -> Any:  # noqa: ANN401 - completed values
        """Return a value when what it lacks is there."""
        try:
            await together([late.arrive() for late in pending])
        except BaseException:
            close(pending)
            self.failed = True
            raise
        return done

    # --- columns --------------------------------------------------------------------------------

    def _plan(
        self,
        kind: GraphQLObjectType,
        details: Details,
        info: Raw,
    ) -> list[Column] | None:
        """Return the columns that a field selects of a type; None where one cannot be known."""
        key = (kind.name, id(details))
        if key not in self._plans:
            self._plans[key] = details, self._make(kind, details, info)
        return self._plans[key][1]

    def _make(
        self,
        kind: GraphQLObjectType,
        details: Details,
        info: Raw,
    ) -> list[Column] | None:
        columns = []
        try:
            for name, some in self.collect_subfields(kind, details).grouped_field_set.items():
                column = column_of(self, kind, name, some, info)
                if column is None:
                    return None
                columns.append(column)
        except Exception:  # arguments that are wrong: graphql-core says where and why
            return None
        return columns

    # --- completion -----------------------------------------------------------------------------

    def complete(self, column: Column, values: Values, pending: Pending) -> Values:
        """Complete the values of a column; what they lack yet is added to ``pending``."""
        return self._complete(column.type, column.details, column.info, values, pending)

    def _complete(
        self,
        kind: Kind,
        details: Details,
        info: Raw,
        values: Values,
        pending: Pending,
    ) -> Values:
        """Complete values of one type; those of what comes later are added then."""
        if is_non_null_type(kind):
            done = self._complete(kind.of_type, details, info, values, pending)
            if any(value is None for value in done):
                raise SlowError
            return done
        if is_leaf_type(kind):
            return leaves(kind, values)
        if is_list_type(kind):
            return self._lists(kind, details, info, values, pending)
        if is_object_type(kind):
            return self._objects(kind, details, info, values, pending)
        raise SlowError

    def _lists(
        self,
        kind: Kind,
        details: Details,
        info: Raw,
        values: Values,
        pending: Pending,
    ) -> Values:
        """Complete lists as one long list."""
        flat: Values = []
        for value in values:
            if value is not None:
                if type(value) is not list and type(value) is not tuple:
                    raise SlowError
                flat.extend(value)
        done = self._complete(kind.of_type, details, info, flat, pending)
        parts: Values = []
        start = 0
        for value in values:
            if value is None:
                parts.append(None)
            else:
                parts.append(done[start : start + len(value)])
                start += len(value)
        return parts

    def _objects(
        self,
        kind: GraphQLObjectType,
        details: Details,
        info: Raw,
        values: Values,
        pending: Pending,
    ) -> Values:
        """Complete things of one type, column by column."""
        things = [value for value in values if value is not None]
        plan = self._plan(kind, details, info)
        if plan is None:
            raise SlowError
        _check(kind, things, info)
        columns: list[Values] = []
        late: list[tuple[Column, Outcomes]] = []
        nothing = [None] * len(things)
        try:
            for column in plan:
                found = column.take(things)
                if isinstance(found, list):
                    columns.append(self.complete(column, found, pending))
                else:
                    columns.append(nothing)
                    late.append((column, found))
        except BaseException:
            close(found for _, found in late)
            raise
        names = [column.name for column in plan]
        made = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        made = made or [{} for _ in things]  # whatever was selected is left out
        pending.extend(Late(self, column, found, made) for column, found in late)
        if len(things) == len(values):
            return made
        rest = iter(made)
        return [None if value is None else next(rest) for value in values]


class Late:
    """A column that has to be waited for.

    Parameters
    ----------
    executor
        Whose.
    column
        Which.
    found
        Its values, when they are there.
    made
        The things that it belongs to, completed but for it.
    """

    def __init__(
        self, executor: FastExecutor, column: Column, found: Outcomes, made: Values
    ) -> None:
        self._executor = executor
        self._column = column
        self._found = found
        self._made = made

    async def arrive(self) -> None:
        """Complete the column, and put it where it belongs."""
        column, pending = self._column, cast("Pending", [])
        values = await self._found
        try:
            done = self._executor.complete(column, values, pending)
            for thing, value in zip(self._made, done, strict=True):
                thing[column.name] = value
            if pending:
                await together([late.arrive() for late in pending])
        except BaseException:
            close(pending)
            raise

    def close(self) -> None:
        """Give it up."""
        self._found.close()


def _check(kind: GraphQLObjectType, things: Values, info: Raw) -> None:
    """Refuse what is not of the type, as an exception in the place of a thing."""
    one_of_each = {type(thing): thing for thing in things}
    for thing in one_of_each.values():
        if isinstance(thing, BaseException | Awaitable):
            raise SlowError
        if kind.is_type_of is not None and not kind.is_type_of(thing, info):
            raise SlowError


def _bare(kind: Any) -> Any:  # noqa: ANN401 - GraphQL's types
    return kind.of_type if is_non_null_type(kind) else kind
