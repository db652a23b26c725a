"""Draws valid queries against the schema: fields, arguments, aliases, fragments, conditions.

Every query is valid as it is drawn. A name in an answer always means the same field with the same
arguments, wherever in a query it stands: so places may be merged as they come.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_operation_ast,
    is_composite_type,
    is_object_type,
    is_required_argument,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphql import (
        DocumentNode,
        GraphQLField,
        GraphQLInputType,
        GraphQLNamedType,
        GraphQLSchema,
        SelectionSetNode,
    )

Values = dict[str, "Sequence[Any]"]
"""What may be given for an argument; JSON.

By its name, by ``field.argument``, or by ``Type.field.argument``: the most telling counts.
"""

MOST_FIELDS = 4
DEEPEST = 5

NOT_GIVEN = object()


class Asked(NamedTuple):
    """A drawn query."""

    text: str
    variables: dict[str, Any]
    operation: str | None
    """Which of several; None for the only one."""


class Made(NamedTuple):
    """A named fragment of the query that is being drawn."""

    name: str
    depth: int
    """At which it was drawn."""


class Draw:
    """Draws queries.

    Parameters
    ----------
    schema
        Of the questions.
    values
        What may be given for arguments; a field whose required arguments have none is not asked.
    seed
        The same seed draws the same queries.
    rarely
        Names of root fields that are drawn a quarter as often as the others.

    Notes
    -----
    Of a type's fields, those are likelier that were drawn less often until now.
    """

    def __init__(
        self, schema: GraphQLSchema, values: Values, *, seed: str, rarely: frozenset[str]
    ) -> None:
        self._schema = schema
        self.values = values
        self._rarely = rarely
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self.drawn: Counter[tuple[str, str]] = Counter()
        """How often each field of each type was drawn."""
        self._begin()

    def _begin(self) -> None:
        self._told: list[str] = []  # variables as the operation declares them
        self._given: dict[str, Any] = {}
        self._fragments: list[str] = []
        self._made: defaultdict[tuple[str, str], list[Made]] = defaultdict(list)
        self._names: dict[str, list[str]] = {}
        self._numbers = itertools.count()

    def query(self) -> Asked:
        """Return a valid query."""
        self._begin()
        root = self._schema.query_type
        if root is None:
            raise ValueError("the schema has no queries")
        chosen = self._chosen(root, 0, self._random.choices([1, 2, 3], [7, 2, 1])[0])
        parts = [self._field(root, name, root.fields[name], 0, "") for name in chosen]
        if self._chance(0.03):
            parts.append("__schema { queryType { name fields { name } } }")
        body = self._some_in_fragment(root, parts, 0, "")
        told = f"({', '.join(self._told)})" if self._told else ""
        texts = [f"query Drawn{told} {{ {body} }}", *self._fragments]
        operation = None
        if self._chance(0.05):
            texts.append("query Other { __typename }")
            operation = "Drawn"
        return Asked(" ".join(texts), self._given, operation)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    # --- fields ---------------------------------------------------------------------------------

    def _chosen(self, kind: GraphQLObjectType, depth: int, count: int) -> list[str]:
        """Return names of fields of a type, no one twice."""
        names = [
            name
            for name, field in kind.fields.items()
            if (depth < DEEPEST or not is_composite_type(get_named_type(field.type)))
            and self._is_askable(kind.name, name, field)
        ]
        weights = {
            name: (0.25 if depth == 0 and name in self._rarely else 1.0)
            / (1 + self.drawn[kind.name, name])
            for name in names
        }
        chosen: list[str] = []
        while weights and len(chosen) < count:
            [name] = self._random.choices(list(weights), list(weights.values()))
            del weights[name]
            chosen.append(name)
        return chosen

    def _field(
        self, kind: GraphQLObjectType, name: str, field: GraphQLField, depth: int, prefix: str
    ) -> str:
        """Return a field; now and then twice, with different fields below."""
        self.drawn[kind.name, name] += 1
        head = self._head(name, self._arguments(kind.name, name, field), prefix)
        below = get_named_type(field.type)
        if not is_composite_type(below):
            return f"{head}{self._condition()}"
        times = 2 if self._chance(0.1) else 1
        return " ".join(
            f"{head}{self._condition()} {{ {self._selection(below, depth + 1)} }}"
            for _ in range(times)
        )

    def _head(self, name: str, arguments: str, prefix: str) -> str:
        """Return a field with its arguments, under a name that means nothing else."""
        if self._chance(0.25):
            return f"a{next(self._numbers)}: {name}{arguments}"
        given = self._names.setdefault(name, [""])
        if arguments not in given:
            given.append(arguments)
        at = given.index(arguments)
        if not at and not prefix:
            return f"{name}{arguments}"
        return f"{prefix}{name}_{at}: {name}{arguments}"

    def _selection(self, kind: GraphQLNamedType, depth: int) -> str:
        """Return fields of a type, some of them in fragments, some of them twice."""
        if not is_object_type(kind):
            return self._of_any(kind, depth)
        return self._of_one(kind, depth, "")

    def _of_any(self, kind: Any, depth: int) -> str:  # noqa: ANN401 - an interface
        """Return fields of the types that have an interface, under names of their own."""
        possible = list(self._schema.get_possible_types(kind))
        some = self._random.sample(possible, k=min(2, len(possible)))
        parts = ["__typename"]
        parts += [self._choice([f"... on {kind.name} {{ id }}", "id", ""])]
        for one in some:
            inside = self._of_one(one, depth, f"{one.name}_")
            parts.append(f"... on {one.name}{self._condition()} {{ {inside} }}")
        return " ".join(parts)

    def _of_one(self, kind: GraphQLObjectType, depth: int, prefix: str) -> str:
        count = self._random.randint(1, MOST_FIELDS)
        parts = [
            self._field(kind, name, kind.fields[name], depth, prefix)
            for name in self._chosen(kind, depth, count)
        ]
        if not parts or self._chance(0.15):
            parts.append(self._choice(["__typename", f"a{next(self._numbers)}: __typename"]))
        if self._chance(0.1):
            parts.append(self._choice(parts))
        if kind.interfaces and self._chance(0.1):
            # an interface's fields are those of its types, under the same names
            parts.append(self._choice(["... on Node { id }", "... on Node { __typename }"]))
        return self._some_in_fragment(kind, parts, depth, prefix)

    def _choice(self, some: Sequence[str]) -> str:
        return self._random.choice(some)

    # --- fragments and conditions ---------------------------------------------------------------

    def _some_in_fragment(
        self, kind: GraphQLObjectType, parts: list[str], depth: int, prefix: str
    ) -> str:
        if self._chance(0.25):
            cut = self._random.randint(0, len(parts) - 1)
            parts = [*parts[:cut], self._fragment(kind, " ".join(parts[cut:]), depth, prefix)]
        again = [one.name for one in self._made[kind.name, prefix] if one.depth >= depth]
        if again and self._chance(0.3):
            parts.insert(0, f"...{self._choice(again)}{self._condition()}")
        return " ".join(parts)

    def _fragment(self, kind: GraphQLObjectType, inside: str, depth: int, prefix: str) -> str:
        condition = self._condition()
        if self._chance(0.4):
            return f"... on {kind.name}{condition} {{ {inside} }}"
        if self._chance(0.2):
            return f"...{condition} {{ {inside} }}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {kind.name} {{ {inside} }}")
        self._made[kind.name, prefix].append(Made(name, depth))
        return f"...{name}{condition}"

    def _condition(self) -> str:
        """Return nothing, or what leaves something out or does not."""
        words = [word for word in ("include", "skip") if self._chance(0.05)]
        return "".join(f" @{word}(if: {self._boolean()})" for word in words)

    def _boolean(self) -> str:
        value = self._chance(0.5)
        if self._chance(0.4):
            return json.dumps(value)
        return f"${self._variable(GraphQLNonNull(self._scalar('Boolean')), value)}"

    # --- arguments and variables ----------------------------------------------------------------

    def _scalar(self, name: str) -> Any:  # noqa: ANN401 - a type of the schema
        return self._schema.type_map[name]

    def _values_of(self, kind: str, field: str, argument: str) -> Sequence[Any] | None:
        for name in (f"{kind}.{field}.{argument}", f"{field}.{argument}", argument):
            if name in self.values:
                return self.values[name]
        return None

    def _is_askable(self, kind: str, name: str, field: GraphQLField) -> bool:
        """Return whether all arguments that a field requires have values."""
        return all(
            self._values_of(kind, name, one)
            for one, argument in field.args.items()
            if is_required_argument(argument)
        )

    def _arguments(self, kind: str, field_name: str, field: GraphQLField) -> str:
        """Return some of a field's arguments, those that it requires among them."""
        told = []
        for name, argument in field.args.items():
            required = isinstance(argument.type, GraphQLNonNull)
            values = self._values_of(kind, field_name, name)
            if not values or (not is_required_argument(argument) and self._chance(0.55)):
                continue
            # the first half is usual, the rest odd
            usual = values[: (len(values) + 1) // 2] if self._chance(0.6) else values
            value = self._random.choice(usual)
            if value is None and required:
                value = next(one for one in values if one is not None)
            told.append(f"{name}: {self._written(argument.type, value)}")
        return f"({', '.join(told)})" if told else ""

    def _written(self, kind: GraphQLInputType, value: Any) -> str:  # noqa: ANN401 - JSON
        """Return a value as it is written into a query: itself, or a variable, or some of each."""
        if self._chance(0.25):
            return f"${self._variable(kind, value)}"
        bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if value is not None and isinstance(bare, GraphQLList):
            return f"[{', '.join(self._written(bare.of_type, one) for one in value[:50])}]"
        if value is not None and isinstance(bare, GraphQLInputObjectType):
            inside = (
                f"{name}: {self._written(bare.fields[name].type, one)}"
                for name, one in value.items()
            )
            return f"{{{', '.join(inside)}}}"
        return literal(bare, value)

    def _variable(self, kind: GraphQLInputType, value: Any) -> str:  # noqa: ANN401 - JSON
        """Return a variable that has a value: given, or by default; now and then null instead."""
        name = f"v{len(self._told)}"
        told, default, given = str(kind), "", value
        way = self._random.random()
        if value is not None and way < 0.3:
            default = f" = {literal(kind, value)}"
            told = told.removesuffix("!") if way < 0.2 else told
            given = self._random.choice([NOT_GIVEN, NOT_GIVEN, value])
            if not told.endswith("!") and way < 0.05:
                given = None
        elif value is None and way < 0.5:
            given = NOT_GIVEN
        self._told.append(f"${name}: {told}{default}")
        if given is not NOT_GIVEN:
            self._given[name] = given
        return name


def literal(kind: GraphQLInputType, value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a value as it is written into a query."""
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if value is None:
        return "null"
    if isinstance(bare, GraphQLList):
        return f"[{', '.join(literal(bare.of_type, one) for one in value)}]"
    if isinstance(bare, GraphQLEnumType):
        return str(value)
    if isinstance(bare, GraphQLInputObjectType):
        parts: Mapping[str, Any] = value
        inside = (f"{name}: {literal(bare.fields[name].type, one)}" for name, one in parts.items())
        return f"{{{', '.join(inside)}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {json.dumps(one)}' for name, one in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def reachable(schema: GraphQLSchema) -> set[tuple[str, str]]:
    """Return every field of every type that a query can come to."""
    found: set[tuple[str, str]] = set()
    seen: set[str] = set()
    waiting: list[Any] = [schema.query_type]
    while waiting:
        kind = waiting.pop()
        if kind.name in seen:
            continue
        seen.add(kind.name)
        if not is_object_type(kind):
            waiting += schema.get_possible_types(kind)
            continue
        for name, field in kind.fields.items():
            found.add((kind.name, name))
            below = get_named_type(field.type)
            if is_composite_type(below):
                waiting.append(below)
    return found


Found = list[tuple[tuple[str, str], tuple[str, str], Any]]
"""Fields that said something: type and name, the field of the page that it stands on, and what."""


def found_in(schema: GraphQLSchema, asked: Asked, data: Any) -> Found:  # noqa: ANN401 - JSON
    """Return the fields of an answer that are not null, as often as they were read."""
    document = parse(asked.text)
    operation = get_operation_ast(document, asked.operation)
    if operation is None or data is None:
        return []
    reader = _Reader(schema, document)
    reader.read(schema.query_type, operation.selection_set, data, ("", ""))
    return reader.found


class _Reader:
    """Reads an answer along its query."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self.found: Found = []

    def read(self, kind: Any, nodes: SelectionSetNode, value: Any, page: tuple[str, str]) -> None:  # noqa: ANN401 - a type, and JSON
        """Read a thing of a type; ``page`` is the field of the page that it stands on."""
        if not is_object_type(kind):
            kind = self._schema.type_map[value["__typename"]]
        for node in nodes.selections:
            if isinstance(node, FieldNode):
                self._field(kind, node, value, page)
                continue
            inner: Any = node
            if isinstance(node, FragmentSpreadNode):
                inner = self._fragments[node.name.value]
            wanted = inner.type_condition
            if wanted is None or wanted.name.value in {kind.name, "Node"}:
                self.read(kind, inner.selection_set, value, page)

    def _field(self, kind: Any, node: FieldNode, value: Any, page: tuple[str, str]) -> None:  # noqa: ANN401 - a type, and JSON
        said = value.get(node.alias.value if node.alias else node.name.value)
        if said is None or node.name.value.startswith("__"):
            return
        name = (kind.name, node.name.value)
        self.found.append((name, page, said))
        below = get_named_type(kind.fields[node.name.value].type)
        if node.selection_set is None or not is_composite_type(below):
            return
        inside = name if below.name.endswith("Connection") else page
        for one in said if isinstance(said, list) else [said]:
            if one is not None:
                self.read(below, node.selection_set, one, inside)
