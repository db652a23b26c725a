"""The day that a question is about: what stands below a field stands on that field's day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, FragmentSpreadNode, value_from_ast_untyped

from schema.lookahead import _left_out, _raw, _variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphql import FragmentDefinitionNode, InlineFragmentNode, SelectionSetNode

    from schema.lookahead import Raw
    from schema.request import Info

ARGUMENT = "asOf"

Step = tuple[str, str | None]
"""The name of a field in the answer, and the type that it is a field of."""


def asked_day(info: Info) -> dt.date | None:
    """Return the argument ``asOf`` of the nearest field at or above the current one; None without.

    Notes
    -----
    Many siblings ask: the way is gone once for all of them.
    """
    raw = _raw(info)
    steps = tuple(_steps(raw))
    known = info.context.days
    if steps not in known:
        known[steps] = _find(raw, steps)
    return known[steps]


def _steps(raw: Raw) -> Iterator[Step]:
    """Yield the way to the current field, itself first; places in lists left out."""
    path = raw.path
    while True:
        if isinstance(path.key, str):
            yield path.key, path.typename
        if path.prev is None:
            return
        path = path.prev


def _find(raw: Raw, steps: tuple[Step, ...]) -> dt.date | None:
    found = None
    selections: list[SelectionSetNode | None] = [raw.operation.selection_set]
    for name, of in reversed(steps):
        seen: set[str] = set()
        fields = [
            field
            for one in selections
            for field in _fields(raw, one, of, seen)
            if (field.alias or field.name).value == name
        ]
        found = _day_of(raw, fields) or found
        selections = [field.selection_set for field in fields]
    return found


def _day_of(raw: Raw, fields: Iterable[FieldNode]) -> dt.date | None:
    """Return the day that the same field, however often it is written down, is asked with."""
    for field in fields:
        for argument in field.arguments or ():
            if argument.name.value == ARGUMENT:
                return _as_day(value_from_ast_untyped(argument.value, _variables(raw)))
    return None


def _fields(
    raw: Raw, selections: SelectionSetNode | None, of: str | None, seen: set[str]
) -> Iterator[FieldNode]:
    """Yield the fields that a selection asks of a type: one name may be two fields of two types.

    Parameters
    ----------
    seen
        Fragments of this place: each is followed once, as execution does.
    """
    for node in selections.selections if selections else ():
        if _left_out(raw, node):
            continue
        if isinstance(node, FieldNode):
            yield node
            continue
        if isinstance(node, FragmentSpreadNode):
            if node.name.value in seen:
                continue
            seen.add(node.name.value)
        fragment: FragmentDefinitionNode | InlineFragmentNode = (
            raw.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node  # type: ignore[assignment]  # the third kind
        )
        condition = fragment.type_condition
        if condition is None or of is None or condition.name.value in {of, "Node"}:
            yield from _fields(raw, fragment.selection_set, of, seen)


def _as_day(value: Any) -> dt.date | None:  # noqa: ANN401 - a literal's text, or a variable's day
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
