"""Fields asked of many things of one type at once, as columns of a table.

A column is the same for every request whose text selects it: what it takes from a request, its
arguments and its context, is read when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import iscoroutine
from operator import attrgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

from graphql import FieldNode, GraphQLField, GraphQLObjectType
from graphql.execution.executor import to_nodes
from graphql.pyutils import Path

from schema.completing import completer
from schema.driving import Outcomes, outcomes
from schema.given import reader_of
from schema.guard import ReaderGuard

if TYPE_CHECKING:
    from strawberry.types.field import StrawberryField

    from schema.completing import Complete
    from schema.executor import Run
    from schema.given import Read
    from schema.request import Info

Values = list[Any]  # what resolvers return
Details: TypeAlias = Any
"""graphql-core's list of the places where a query names a field."""
Take = Callable[[Values, "Run"], "Values | Outcomes"]
Resolve = Callable[..., Any]
Shortcut = Callable[[Sequence[Any], "Info", dict[str, Any]], "Values | None"]
"""Answers a field for many things of one type, given its arguments; None where it cannot."""

F = TypeVar("F", bound=Shortcut)

_SHORTCUTS: dict[tuple[str, str], Shortcut] = {}


def shortcut(kind: str, name: str) -> Callable[[F], F]:
    """Register what answers a field for many things at once, as its resolver would for each.

    Parameters
    ----------
    kind
        Name of the type.
    name
        Name of the field in Python.
    """

    def register(function: F) -> F:
        _SHORTCUTS[kind, name] = function
        return function

    return register


class Place(NamedTuple):
    """Where a query selects a field."""

    field: GraphQLField
    kind: GraphQLObjectType
    """The type that has it."""
    nodes: list[FieldNode]
    path: Path
    """Without the places in lists."""


class Column(NamedTuple):
    """A selected field of a type."""

    name: str
    """In the answer."""
    place: Place
    take: Take
    complete: Complete


class Below:
    """What is selected below a field, type by type.

    Parameters
    ----------
    place
        Of the field.
    details
        Those of the field.
    """

    def __init__(self, place: Place, details: Details) -> None:
        self.place = place
        self._details = details
        self._columns: dict[str, list[Column] | None] = {}

    def columns(self, kind: GraphQLObjectType, run: Run) -> list[Column] | None:
        """Return the columns of a type; None where one cannot be known."""
        if kind.name not in self._columns:
            selected = run.operation.below(kind, self._details, run.variables)
            self._columns[kind.name] = columns_of(kind, selected, self.place.path, run)
        return self._columns[kind.name]


def columns_of(
    kind: GraphQLObjectType, selected: dict[str, Details], above: Path | None, run: Run
) -> list[Column] | None:
    """Return how selected fields are asked of many things; None where that cannot be known.

    Parameters
    ----------
    selected
        By their names in the answer.
    above
        Of the field that the things come from.
    run
        The first request that asks.
    """
    columns = []
    try:
        for name, details in selected.items():
            column = _column(kind, name, details, above, run)
            if column is None:
                return None
            columns.append(column)
    except Exception:  # arguments that are wrong: graphql-core says where and why
        return None
    return columns


def _column(
    kind: GraphQLObjectType, name: str, details: Details, above: Path | None, run: Run
) -> Column | None:
    nodes = to_nodes(details)
    field_name = nodes[0].name.value
    field = run.operation.schema.get_field(kind, field_name)
    if field is None:
        return None
    place = Place(field, kind, nodes, Path(above, name, kind.name))
    take = _take(place, run)
    if take is None:
        return None
    return Column(name, place, take, completer(field.type, Below(place, details)))


def _take(place: Place, run: Run) -> Take | None:
    """Return what asks a field of things."""
    kind = place.kind
    if place.nodes[0].name.value == "__typename":
        return lambda things, _run: [kind.name] * len(things)
    definition: StrawberryField | None = place.field.extensions.get("strawberry-definition")
    if definition is None or definition.is_subscription:
        return None
    if definition.is_basic_field:
        get = attrgetter(definition.python_name)
        return lambda things, _run: list(map(get, things))
    guards = [type(one) for one in definition.extensions]
    if guards and (guards != [ReaderGuard] or not definition.is_async):
        return None
    return _asking(place, definition, run, guarded=bool(guards))


def _asking(place: Place, definition: StrawberryField, run: Run, *, guarded: bool) -> Take | None:
    """Return what asks the resolver of a field."""
    resolver = definition.base_resolver
    if resolver is None or resolver.parent_parameter or resolver.root_parameter:
        return None
    read = reader_of(place.field, place.nodes[0], run.operation.converter)
    function: Resolve = cast("Resolve", resolver.wrapped_func)  # no classmethod
    if guarded:
        if resolver.info_parameter is None or resolver.info_parameter.name != "info":
            return None
        function = _guarded(function)
    return _Asking(place, definition, read, function).ask


class _Asking:
    """Asks a resolver itself, with its arguments looked at once a request.

    Parameters
    ----------
    read
        Reads its arguments.
    function
        The resolver.
    """

    def __init__(
        self, place: Place, definition: StrawberryField, read: Read, function: Resolve
    ) -> None:
        self._place = place
        self._definition = definition
        self._read = read
        self._function = function
        self._is_async = definition.is_async
        parameter = definition.base_resolver and definition.base_resolver.info_parameter
        self._info_name = parameter.name if parameter is not None else None
        self._quick = _SHORTCUTS.get((place.kind.name, definition.python_name))

    def ask(self, things: Values, run: Run) -> Values | Outcomes:
        """Return what it says of things."""
        info, arguments = run.bound.get(id(self)) or self._bind(run)
        if self._quick is not None:
            found = self._quick(things, info, arguments)
            if found is not None:
                return found
        function = self._function
        made = [function(thing, **arguments) for thing in things]
        if self._is_async:
            return outcomes(made)
        if CoroutineType in set(map(type, made)):  # some of a plain resolver's must be waited for
            return outcomes([one if iscoroutine(one) else _ready(one) for one in made])
        return made

    def _bind(self, run: Run) -> tuple[Info, dict[str, Any]]:
        info: Info = run.operation.make_info(
            _raw_info=run.raw(self._place), _field=self._definition
        )
        arguments = self._read(run.variables)
        if self._info_name is not None:
            arguments[self._info_name] = info
        run.bound[id(self)] = info, arguments
        return info, arguments


async def _ready(value: Any) -> Any:  # noqa: ANN401 - what resolvers return
    return value


def _guarded(function: Resolve) -> Resolve:
    """Return a resolver that asks for the right to read first: see :mod:`schema.guard`."""

    async def guarded(thing: Any, *, info: Info, **arguments: Any) -> Any:  # noqa: ANN401 - a resolver
        await info.context.reading.require_reader()
        return await function(thing, info=info, **arguments)

    return guarded
