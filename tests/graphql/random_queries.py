"""Draws valid queries against the schema: fields, arguments, aliases, fragments, conditions."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_object_type,
    parse,
    validate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphql import GraphQLField, GraphQLInputType, GraphQLNamedType, GraphQLSchema

Values = dict[str, "Sequence[Any]"]
"""What may be given for an argument, by its name; JSON."""

MOST_FIELDS = 5
DEEPEST = 6


class Draw:
    """Draws queries.

    Parameters
    ----------
    schema
        Of the questions.
    values
        What may be given for arguments; a field whose required arguments have none is not asked.
    without
        Names of root fields that are not asked.
    seed
        The same seed draws the same queries.
    """

    def __init__(
        self, schema: GraphQLSchema, values: Values, *, without: set[str], seed: int
    ) -> None:
        self._schema = schema
        self._values = values
        self._without = without
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self._variables: dict[str, tuple[str, Any]] = {}
        self._fragments: list[str] = []
        self._numbers = itertools.count()

    def query(self) -> tuple[str, dict[str, Any]]:
        """Return a valid query and its variables."""
        while True:
            text, variables = self._any()
            if not validate(self._schema, parse(text)):
                return text, variables

    def _any(self) -> tuple[str, dict[str, Any]]:
        self._variables, self._fragments = {}, []
        root = self._schema.query_type
        if root is None:
            raise ValueError("the schema has no queries")
        names = [
            name
            for name, field in root.fields.items()
            if name not in self._without and self._is_askable(field)
        ]
        chosen = self._random.choices(names, k=self._random.randint(1, 3))
        body = " ".join(self._field(name, root.fields[name], 0) for name in chosen)
        told = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._variables.items())
        head = f"query Drawn({told})" if told else "query Drawn"
        text = " ".join([f"{head} {{ {body} }}", *self._fragments])
        return text, {name: value for name, (_, value) in self._variables.items()}

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        arguments = self._arguments(field)
        alias = f"a{next(self._numbers)}: " if self._random.random() < 0.3 else ""
        kind = get_named_type(field.type)
        below = ""
        if is_composite_type(kind):
            below = f" {{ {self._selection(kind, depth + 1)} }}"
        return f"{alias}{name}{arguments}{self._condition()}{below}"

    def _selection(self, kind: GraphQLNamedType, depth: int) -> str:
        """Return fields of a type, some of them in fragments, some of them twice."""
        if not is_object_type(kind):
            possible = self._schema.get_possible_types(kind)  # type: ignore[arg-type] # composite
            some = self._random.sample(list(possible), k=min(2, len(possible)))
            parts = [f"... on {one.name} {{ {self._selection(one, depth)} }}" for one in some]
            return " ".join(["__typename", *parts])
        fields = [
            (name, field)
            for name, field in kind.fields.items()
            if (depth < DEEPEST or not is_composite_type(get_named_type(field.type)))
            and self._is_askable(field)
        ]
        count = min(len(fields), self._random.randint(1, MOST_FIELDS))
        parts = [
            self._field(name, field, depth) for name, field in self._random.sample(fields, count)
        ]
        if not parts or self._random.random() < 0.2:
            parts.append("__typename")
        if self._random.random() < 0.15:
            parts.append(self._random.choice(parts))
        if self._random.random() < 0.25:
            cut = self._random.randint(0, len(parts) - 1)
            inside = " ".join(parts[cut:])
            parts = [*parts[:cut], self._fragment(kind, inside)]
        return " ".join(parts)

    def _fragment(self, kind: GraphQLObjectType, inside: str) -> str:
        condition = self._condition()
        if self._random.random() < 0.5:
            return f"... on {kind.name}{condition} {{ {inside} }}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {kind.name} {{ {inside} }}")
        return f"...{name}{condition}"

    def _condition(self) -> str:
        if self._random.random() > 0.12:
            return ""
        word, value = self._random.choice(["include", "skip"]), self._random.random() < 0.5
        if self._random.random() < 0.5:
            return f" @{word}(if: {json.dumps(value)})"
        return f" @{word}(if: ${self._variable('Boolean!', value)})"

    def _variable(self, kind: str, value: Any) -> str:  # noqa: ANN401 - JSON
        name = f"v{len(self._variables)}"
        self._variables[name] = (kind, value)
        return name

    def _is_askable(self, field: GraphQLField) -> bool:
        """Return whether all arguments that a field requires have values."""
        return all(
            name in self._values
            for name, argument in field.args.items()
            if isinstance(argument.type, GraphQLNonNull)
        )

    def _arguments(self, field: GraphQLField) -> str:
        """Return some of a field's arguments, those that it requires among them."""
        told = []
        for name, argument in field.args.items():
            required = isinstance(argument.type, GraphQLNonNull)
            if name not in self._values or (not required and self._random.random() < 0.6):
                continue
            value = self._random.choice(self._values[name])
            if value is None and required:
                value = next(one for one in self._values[name] if one is not None)
            if self._random.random() < 0.3:
                told.append(f"{name}: ${self._variable(str(argument.type), value)}")
            else:
                told.append(f"{name}: {literal(argument.type, value)}")
        return f"({', '.join(told)})" if told else ""


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
