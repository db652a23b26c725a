"""Fields asked of many things of one type at once, as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import iscoroutine
from operator import attrgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

from graphql import get_named_type, is_leaf_type, is_object_type
from graphql.execution.executor import to_nodes
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.schema.schema_converter import get_arguments

from schema.driving import Outcomes, outcomes

if TYPE_CHECKING:
    from graphql import (
        GraphQLField,
        GraphQLLeafType,
        GraphQLNamedType,
        GraphQLObjectType,
        GraphQLResolveInfo,
    )
    from strawberry.schema.schema_converter import GraphQLCoreConverter
    from strawberry.types.field import StrawberryField

    from schema.executor import FastExecutor
    from schema.request import Info

Values = list[Any]  # what resolvers return
Details: TypeAlias = Any
"""graphql-core's list of the places where a query names a field."""
Take = Callable[[Values], "Values | Outcomes"]
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


class SlowError(Exception):
    """Something that only graphql-core's own way can answer."""


class Column(NamedTuple):
    """A selected field of a type."""

    name: str
    """In the answer."""
    type: Any  # GraphQL's output type; each use narrows it
    details: Details
    take: Take
    info: GraphQLResolveInfo[Any]


def column_of(
    executor: FastExecutor,
    kind: GraphQLObjectType,
    name: str,
    details: Details,
    above: GraphQLResolveInfo[Any],
) -> Column | None:
    """Return how a selected field is asked of many things; None where that cannot be known.

    Parameters
    ----------
    name
        In the answer.
    above
        Of the field that the things come from.
    """
    field_name = details[0].node.name.value
    field = executor.schema.get_field(kind, field_name)
    if field is None or not _known(get_named_type(field.type)):
        return None
    path = Path(above.path, name, kind.name)
    info = executor.build_resolve_info(field, to_nodes(details), kind, path)
    if field_name == "__typename":
        return Column(name, field.type, details, lambda things: [kind.name] * len(things), info)
    definition = field.extensions.get("strawberry-definition")
    if definition is None or definition.extensions or definition.is_subscription:
        return None
    if definition.is_basic_field:
        get = attrgetter(definition.python_name)
        return Column(name, field.type, details, lambda things: list(map(get, things)), info)
    take = _asking(executor, kind, field, definition, details, info)
    return Column(name, field.type, details, take, info)


def _known(kind: GraphQLNamedType) -> bool:
    """Return whether the type says by itself what its things are."""
    return is_leaf_type(kind) or is_object_type(kind)


def _asking(  # noqa: PLR0917 - one caller
    executor: FastExecutor,
    kind: GraphQLObjectType,
    field: GraphQLField,
    definition: StrawberryField,
    details: Details,
    raw: GraphQLResolveInfo[Any],
) -> Take:
    """Return what asks the resolver itself, with its arguments looked at once."""
    resolver = definition.base_resolver
    if resolver is None:
        raise SlowError
    converter: GraphQLCoreConverter = executor.converter
    values = _values(executor, field, details)
    info = converter.config.info_class(_raw_info=raw, _field=definition)
    args, kwargs = get_arguments(
        field=definition,
        source=None,
        info=info,
        kwargs=values,
        config=converter.config,
        scalar_registry=converter.scalar_registry,
    )
    function = cast("Callable[..., Any]", resolver.wrapped_func)  # no classmethod
    rest, is_async = args[1:], definition.is_async
    quick = _SHORTCUTS.get((kind.name, definition.python_name))

    def ask(things: Values) -> Values | Outcomes:
        if quick is not None:
            found = quick(things, info, kwargs)
            if found is not None:
                return found
        made = [function(thing, *rest, **kwargs) for thing in things]
        if is_async:
            return outcomes(made)
        if CoroutineType in set(map(type, made)):  # some of a plain resolver's must be waited for
            return outcomes([one if iscoroutine(one) else _ready(one) for one in made])
        return made

    return ask


async def _ready(value: Any) -> Any:  # noqa: ANN401 - what resolvers return
    return value


def _values(
    executor: FastExecutor,
    field: GraphQLField,
    details: Details,
) -> dict[str, Any]:
    """Return the arguments of a field."""
    node = details[0].node
    if not field.args and not node.arguments:
        return {}
    return get_argument_values(
        field,
        node,
        executor.variable_values,
        details[0].fragment_variable_values,
        executor.hide_suggestions,
    )


_PLAIN: dict[str, frozenset[type]] = {
    "String": frozenset({str, type(None)}),
    "ID": frozenset({str, type(None)}),
    "Boolean": frozenset({bool, type(None)}),
}


def leaves(kind: GraphQLLeafType, values: Values) -> Values:
    """Return scalars and enumerators as they go out.

    Raises
    ------
    SlowError
        If one comes out as nothing, which is an error.
    """
    plain = _PLAIN.get(kind.name)
    if plain is not None and plain.issuperset(map(type, values)):
        return values
    coerce = kind.coerce_output_value
    done = [None if value is None else coerce(value) for value in values]
    if done.count(None) != values.count(None):
        raise SlowError
    return done
