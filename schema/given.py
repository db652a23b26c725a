"""Variables and arguments, read by readers that are made once for a text.

graphql-core looks at the types of what is given for every request, and Strawberry once more. Here
that is done when a text is asked for the first time; what is odd about a value is left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    Undefined,
    VariableNode,
    Visitor,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    visit,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_argument_values
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryObjectDefinition

from schema.batches import PointBatch, batches_in, names_of_lists

if TYPE_CHECKING:
    from graphql import (
        GraphQLInputType,
        GraphQLLeafType,
        GraphQLSchema,
        Node,
        OperationDefinitionNode,
    )
    from graphql.execution.get_variable_signature import GraphQLVariableSignature
    from strawberry.schema.schema_converter import GraphQLCoreConverter

Convert = Callable[[Any], Any]  # from what graphql-core gives to what resolvers take
Read = Callable[[VariableValues], dict[str, Any]]
"""Reads the arguments of a field."""

_DEFINITION = "strawberry-definition"


class _Variable(NamedTuple):
    signature: GraphQLVariableSignature
    coerce: Convert
    """Returns ``Undefined`` for what is wrong."""
    default: Any
    """As resolvers are given it; ``Undefined`` where there is none."""


class Variables:
    """The variables of an operation.

    Parameters
    ----------
    operation
        One of a valid text.
    """

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._lists = names_of_lists(operation)
        self._known: list[_Variable] = []
        for node in operation.variable_definitions or ():
            signature: Any = get_variable_signature(schema, node)  # no error: the text is valid
            default = coerce_default_value(signature) if node.default_value else Undefined
            self._known.append(_Variable(signature, _coercer(signature.type), default))

    def batches(self, given: Mapping[str, Any]) -> dict[str, PointBatch]:
        """Return those that are batches of points, see :mod:`schema.batches`."""
        return batches_in(self._lists, given)

    def read(
        self, given: Mapping[str, Any], batches: Mapping[str, PointBatch] | None = None
    ) -> VariableValues | None:
        """Return the values; None where one is wrong, of which graphql-core tells.

        Parameters
        ----------
        batches
            Those that are, where that was looked at already.
        """
        batches = self.batches(given) if batches is None else batches
        sources, coerced = {}, {}
        for signature, coerce, default in self._known:
            name, kind = signature.name, signature.type
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            if value is Undefined and (default is not Undefined or not is_non_null_type(kind)):
                read = default
            elif name in batches:
                coerced[name] = batches[name]
                continue
            else:
                read = coerce(value)
                if read is Undefined:
                    return None
            if read is not Undefined:
                coerced[name] = read
        return VariableValues(sources, coerced)


def _coercer(kind: GraphQLInputType) -> Convert:
    """Return what gives variables their GraphQL type, as ``coerce_input_value`` does.

    Objects are taken apart here: their fields are looked at once. It answers for the rest.
    """
    if is_non_null_type(kind):
        inner = _coercer(kind.of_type)
        return lambda value: Undefined if value is None or value is Undefined else inner(value)
    if is_input_object_type(kind) and not kind.is_one_of:
        return _object_coercer(kind)
    if is_leaf_type(kind):
        return lambda value: None if value is None else _leaf(kind, value)
    return lambda value: coerce_input_value(value, kind)


def _leaf(kind: GraphQLLeafType, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return kind.coerce_input_value(value)
    except Exception:  # of any scalar; graphql-core says what is wrong
        return Undefined


@cache
def _object_coercer(kind: GraphQLInputObjectType) -> Convert:
    @cache
    def known() -> list[tuple[str, Convert, Any]]:  # at its first use: types may be circular
        return [
            (name, _coercer(field.type), coerce_default_value(field))
            for name, field in kind.fields.items()
        ]

    def coerce(value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(value, dict):
            return coerce_input_value(value, kind)
        read = {}
        for name, inner, default in known():
            if name in value:
                read[name] = inner(value[name])
            elif default is not Undefined:
                read[name] = default
            elif is_non_null_type(kind.fields[name].type):
                return Undefined
        known_names = kind.fields.keys() >= value.keys()
        return read if known_names and Undefined not in read.values() else Undefined

    return coerce


def variables_of(*nodes: Node) -> set[str]:
    """Return the names of the variables that parts of a text use."""
    found: set[str] = set()

    class Look(Visitor):
        def enter_variable(self, node: VariableNode, *_: object) -> None:
            found.add(node.name.value)

    for node in nodes:
        visit(node, Look())
    return found


def reader_of(field: GraphQLField, node: FieldNode, converter: GraphQLCoreConverter) -> Read:
    """Return what reads the arguments of a selected field, as its resolver takes them.

    Raises
    ------
    graphql.GraphQLError
        If one is wrong, whatever the variables are.
    """
    definition = field.extensions[_DEFINITION]
    names = [
        (name, argument.python_name, _conversion(field.args[name].type, converter))
        for argument in definition.arguments
        for name in [converter.config.name_converter.from_argument(argument)]
    ]
    if not names:
        return lambda _variables: {}
    coerce = _coercion(field, node)

    def read(variables: VariableValues) -> dict[str, Any]:
        values = coerce(variables)
        return {
            python_name: values[name] if convert is None else convert(values[name])
            for name, python_name, convert in names
            if name in values
        }

    return read


def _coercion(field: GraphQLField, node: FieldNode) -> Read:
    """Return what gives arguments their GraphQL types: what is no variable is looked at once."""
    whole = partial(get_argument_values, field, node)
    variables: dict[str, str] = {}
    constant = []
    for argument in node.arguments or ():
        if isinstance(argument.value, VariableNode):
            variables[argument.name.value] = argument.value.name.value
        elif variables_of(argument.value):
            return whole
        else:
            constant.append(argument)
    others = {name: one for name, one in field.args.items() if name not in variables}
    alone = FieldNode(name=node.name, arguments=tuple(constant), loc=node.loc)
    given = get_argument_values(GraphQLField(field.type, args=others), alone)

    def coerce(values: VariableValues) -> dict[str, Any]:
        read = dict(given)
        for name, variable in variables.items():
            value = values.coerced.get(variable)
            if value is None:  # not given, or null where that may be wrong
                return whole(values)
            read[name] = value
        return read

    return coerce


def _conversion(kind: Any, converter: GraphQLCoreConverter) -> Convert | None:  # noqa: ANN401 - a GraphQL type
    """Return what makes Python's values of a type; None where they are that already."""
    if is_non_null_type(kind):
        kind = kind.of_type
    make: Convert
    if is_list_type(kind):
        make = _listing(_conversion(kind.of_type, converter))
    elif is_input_object_type(kind):
        make = _making(kind, converter)
    else:
        return None
    return lambda value: None if value is None else make(value)


def _listing(item: Convert | None) -> Convert:
    """Return what converts lists; a default is shared by all requests, so that each has its own."""

    def convert(values: Any) -> Any:  # noqa: ANN401 - a list or a batch
        if item is None or isinstance(values, PointBatch):
            return values if isinstance(values, PointBatch) else list(values)
        return [item(value) for value in values]

    return convert


@cache
def _making(kind: GraphQLInputObjectType, converter: GraphQLCoreConverter) -> Convert:
    """Return what makes an object of an input type, as Strawberry would."""
    definition: StrawberryObjectDefinition = kind.extensions[_DEFINITION]
    config = converter.config
    if definition.from_input is not None:
        return lambda value: convert_argument(
            value, definition.origin, converter.scalar_registry, config
        )
    unsaid = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }

    @cache
    def names() -> list[tuple[str, str, Convert | None]]:  # at its first use: types may be circular
        made = []
        for field in definition.fields:
            name = config.name_converter.from_field(field)
            made.append((name, field.python_name, _conversion(kind.fields[name].type, converter)))
        return made

    def make(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of the type
        said = {
            python_name: value[name] if convert is None else convert(value[name])
            for name, python_name, convert in names()
            if name in value
        }
        return definition.origin(**{**unsaid, **said})

    return make
