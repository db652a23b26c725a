"""The day that a question is about: what stands below a root field stands on that field's day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from graphql import value_from_ast_untyped

from schema.lookahead import _raw, _variables, _walk

if TYPE_CHECKING:
    from schema.request import Info

ARGUMENT = "asOf"


def asked_day(info: Info) -> dt.date | None:
    """Return the argument ``asOf`` of the root field above the current one; None without it."""
    raw = _raw(info)
    path = raw.path
    while path.prev is not None:
        path = path.prev
    for field in _walk(raw, raw.operation.selection_set):
        if (field.alias or field.name).value != path.key:
            continue
        for argument in field.arguments or ():
            if argument.name.value == ARGUMENT:
                return _as_day(value_from_ast_untyped(argument.value, _variables(raw)))
    return None


def _as_day(value: Any) -> dt.date | None:  # noqa: ANN401 - a literal's text, or a variable's day
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
