"""Bounded lists: how many at most, and where the next page begins."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import orjson

from geo.errors import BadInputError, LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

MAX_FIRST = 1000
"""The longest page, and the longest list of names that an argument may hold."""

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """A piece of a list, in its order."""

    rows: Sequence[T]
    more: bool
    """Whether the list goes on after it."""


def page_size(first: int | None, default: int) -> int:
    """Return how many are asked for.

    Raises
    ------
    BadInputError
        If it is less than one.
    LimitExceededError
        If it is more than ``MAX_FIRST``: a list is never cut silently.
    """
    if first is None:
        return default
    if first < 1:
        raise BadInputError(f"first is {first}; ask for 1 to {MAX_FIRST}", argument="first")
    if first > MAX_FIRST:
        raise LimitExceededError(
            f"first is {first}; at most {MAX_FIRST} come in one page: follow pageInfo.endCursor",
            argument="first",
        )
    return first


def check_length(argument: str, values: Sized, limit: int = MAX_FIRST) -> None:
    """Refuse an argument with too many values."""
    if len(values) > limit:
        raise LimitExceededError(
            f"{argument} has {len(values)} values; at most {limit} may be given at once",
            argument=argument,
        )


def check_text(argument: str, *values: str) -> None:
    """Refuse text that no stored name can hold: the database takes no NUL and no half character."""
    for value in values:
        if "\0" in value or _HALF_CHARACTER.search(value):
            raise BadInputError(
                f"{argument} holds a character that no name can have: {value!r}", argument=argument
            )


def take(rows: Sequence[T], first: int) -> Page[T]:
    """Cut a page from rows that were read with one more than asked for."""
    return Page(rows[:first], len(rows) > first)


def encode_cursor(kind: str, *place: str | float) -> str:
    """Return the opaque text of a place in a list of some kind."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, *place])).decode().rstrip("=")


def decode_cursor(
    cursor: str, kind: str, *types: type[str | float | int]
) -> tuple[str | float, ...]:
    """Return the place that a cursor names.

    Parameters
    ----------
    kind
        The kind of list that it must come from.
    types
        What its parts must be.

    Raises
    ------
    BadInputError
        If this list never gave such a cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or parts[:1] != [kind] or not _fits(parts[1:], types):
        raise BadInputError(
            "after is no cursor of this list; take it from pageInfo.endCursor or an edge",
            argument="after",
        )
    return tuple(parts[1:])


def _fits(parts: list[object], types: Sequence[type]) -> bool:
    """Return whether parts have the types; JSON writes 1.0 as it is, so a float may stay one."""
    if len(parts) != len(types):
        return False
    pairs = zip(parts, types, strict=True)
    return all(
        isinstance(part, kind)
        and not isinstance(part, bool)
        and not (isinstance(part, int) and abs(part) >= 2**63)
        and not (isinstance(part, str) and "\0" in part)
        for part, kind in pairs
    )
