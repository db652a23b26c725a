"""What a question may cost, worked out from its text and variables before anything runs.

The unit is a thing: a unit, a body, a finding … that the answer may hold; a plain field of one
counts a tenth. A list is as long as its ``first`` (or its list of ids or points) allows, and
everything below is counted that many times, except that units below units are told apart: however
many levels one goes down, no unit comes twice, so that no more than ``CITY_UNITS`` are counted
until the question turns upwards again. ``@skip`` and ``@include`` are not looked at: a question's
cost must not hang on whether it hides its parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    value_from_ast_untyped,
)

from schema.weights import (
    CITY_UNITS,
    GIVEN_LISTS,
    GOES_DOWN,
    INTROSPECTION,
    LENGTHS,
    LONGEST,
    PLAIN,
    ROWS_OF_PAGE,
    THING,
    USUAL_LENGTH,
    WEIGHTS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphql import FieldNode as Field
    from graphql import (
        GraphQLField,
        GraphQLOutputType,
        NamedTypeNode,
        SelectionSetNode,
        ValueNode,
    )


class Length(NamedTuple):
    """How many things a field names: a number, or what a variable says."""

    number: int
    """Without the variable."""
    variable: str | None = None


class Step(NamedTuple):
    """A field, with what is below it."""

    weight: float
    length: Length
    """Of the list that it is, or of the page that it opens."""
    opens_page: bool
    down: bool
    """Whether each of its things comes once if each of its parents does."""
    below: tuple[Step, ...]
    takes_page: bool = False


Plan = tuple[Step, ...]


class Estimate(NamedTuple):
    """What an operation costs."""

    steps: Plan
    fixed: int | None
    """Whatever its variables are; None where they have a say."""


_Fragment = FragmentDefinitionNode | InlineFragmentNode


def plan(schema: GraphQLSchema, document: DocumentNode, operation: str | None) -> Plan:
    """Return what an operation of a valid document costs, but for its variables."""
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    chosen = next(
        one
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
        and (operation is None or (one.name is not None and one.name.value == operation))
    )
    root = schema.get_root_type(chosen.operation)
    defaults = {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in chosen.variable_definitions or ()
        if one.default_value is not None
    }
    if root is None:
        return ()
    return _Planner(schema, fragments, defaults).steps(root, [chosen.selection_set])


def prepare(schema: GraphQLSchema, document: DocumentNode, operation: str | None) -> Estimate:
    """Return what an operation of a valid document costs, so that it is quickly said again."""
    steps = plan(schema, document, operation)
    return Estimate(steps, None if any(map(_varies, steps)) else estimate(steps, {}))


def _varies(step: Step) -> bool:
    return step.length.variable is not None or any(map(_varies, step.below))


def estimate(steps: Plan, variables: Mapping[str, object]) -> int:
    """Return what an operation costs with its variables, in things, rounded up."""
    total = sum(_cost(step, variables, copies=1.0, apart=1.0, page=1.0) for step in steps)
    return int(-(-total // 1))


def _cost(
    step: Step, variables: Mapping[str, object], *, copies: float, apart: float, page: float
) -> float:
    """Return what a field costs.

    Parameters
    ----------
    copies
        How often its parents may come again.
    apart
        How many parents there are that differ.
    page
        How long the page is that its parent opened.
    """
    length = page if step.takes_page else _number(step.length, variables)
    total = step.weight * copies * apart
    if step.opens_page:
        page = length
    elif step.takes_page and not step.below:
        return total * page
    else:
        if step.down:
            apart = min(apart * length, CITY_UNITS)
        else:
            copies, apart = copies * apart * length, 1.0
        total += THING * copies * apart if length > 1 else 0
    return total + sum(
        _cost(one, variables, copies=copies, apart=apart, page=page) for one in step.below
    )


def _number(length: Length, variables: Mapping[str, object]) -> float:
    if length.variable is None or length.variable not in variables:
        return length.number
    value = variables[length.variable]
    if isinstance(value, list | tuple):
        return len(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return min(max(value, 1), LONGEST)
    return length.number


class _Planner:
    """Plans the fields of one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        defaults: Mapping[str, object],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._defaults = defaults

    def steps(
        self, parent: GraphQLObjectType | GraphQLInterfaceType, sets: Iterable[SelectionSetNode]
    ) -> Plan:
        """Return the fields of one place, merged as execution merges them."""
        named: dict[tuple[str, str], list[Field]] = {}
        types: dict[str, GraphQLObjectType | GraphQLInterfaceType] = {}
        for owner, node in self._fields(parent, sets):
            types[owner.name] = owner
            key = node.alias.value if node.alias else node.name.value
            named.setdefault((owner.name, key), []).append(node)
        made = (self._step(types[name], nodes) for (name, _), nodes in named.items())
        return tuple(step for step in made if step is not None)

    def _fields(
        self, parent: GraphQLObjectType | GraphQLInterfaceType, sets: Iterable[SelectionSetNode]
    ) -> Iterable[tuple[GraphQLObjectType | GraphQLInterfaceType, Field]]:
        seen: set[str] = set()
        waiting = [(parent, one) for one in sets]
        while waiting:
            owner, selected = waiting.pop()
            for node in selected.selections:
                if isinstance(node, FieldNode):
                    yield owner, node
                    continue
                if isinstance(node, FragmentSpreadNode):
                    if node.name.value in seen:
                        continue
                    seen.add(node.name.value)
                    inner: _Fragment = self._fragments[node.name.value]
                elif isinstance(node, InlineFragmentNode):
                    inner = node
                else:
                    continue
                waiting.append((self._narrowed(owner, inner.type_condition), inner.selection_set))

    def _narrowed(
        self, owner: GraphQLObjectType | GraphQLInterfaceType, condition: NamedTypeNode | None
    ) -> GraphQLObjectType | GraphQLInterfaceType:
        """Return the type that a fragment is on, which may be one of those that its place holds."""
        on = self._schema.type_map.get(condition.name.value) if condition is not None else None
        return on if isinstance(on, GraphQLObjectType | GraphQLInterfaceType) else owner

    def _step(
        self, parent: GraphQLObjectType | GraphQLInterfaceType, nodes: Sequence[Field]
    ) -> Step | None:
        name = nodes[0].name.value
        definition = self._schema.get_field(parent, name)
        if definition is None:
            return None
        if name.startswith("__"):  # as large as the schema: a rule of validation sees to that
            plain = name == "__typename"
            return Step(PLAIN if plain else INTROSPECTION, Length(1), False, False, ())
        kind = get_named_type(definition.type)
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        holds = isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        below = self.steps(kind, sets) if holds else ()  # type: ignore[arg-type]  # looked at the line before
        full = f"{parent.name}.{name}"
        page = name in ROWS_OF_PAGE and parent.name.endswith("Connection")
        # what only leads to things costs nothing itself: the things are counted
        leads = below and (page or (name == "node" and parent.name.endswith("Edge")))
        usual = 0.0 if leads else PLAIN if is_leaf_type(kind) and not page else THING
        return Step(
            WEIGHTS.get(full, usual),
            self._length(full, definition, nodes[0]),
            kind.name.endswith("Connection"),
            full in GOES_DOWN,
            below,
            page,
        )

    def _length(self, full: str, definition: GraphQLField, node: Field) -> Length:
        """Return how many things a field names."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if full in LENGTHS and "first" not in given:
            return Length(LENGTHS[full])
        for name in ("first", *GIVEN_LISTS):
            if name in definition.args:
                default = definition.args[name].default_value
                return self._said(given.get(name), default if isinstance(default, int) else 1)
        if _is_list(definition.type) and not is_leaf_type(get_named_type(definition.type)):
            return Length(USUAL_LENGTH)
        return Length(1)

    def _said(self, value: ValueNode | None, default: int) -> Length:
        """Return the length that an argument says."""
        if isinstance(value, IntValueNode):
            return Length(min(max(int(value.value), 1), LONGEST))
        if isinstance(value, ListValueNode):
            return Length(len(value.values))
        if isinstance(value, VariableNode):
            other = self._defaults.get(value.name.value)
            number = other if isinstance(other, int) else default
            return Length(len(other) if isinstance(other, list) else number, value.name.value)
        return Length(default)


def _is_list(kind: GraphQLOutputType) -> bool:
    return is_list_type(kind.of_type) if is_non_null_type(kind) else is_list_type(kind)
