"""Global ids: what kind of thing, and which one, as one opaque text."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import strawberry

from geo.errors import BadInputError

_MAX_NUMBER = 2**63 - 1
_HASH_DIGITS = 32


class IdKind(StrEnum):
    """What an id can name."""

    UNIT = "Unit"
    DRAFT_UNIT = "DraftUnit"
    EDITION = "Edition"
    DRAFT = "Draft"
    FINDING = "Finding"
    FACILITY = "Facility"
    ASSIGNMENT = "Assignment"
    BODY = "Body"


class GlobalId(NamedTuple):
    """One thing: its kind, and its number or (of a finding) its hash."""

    kind: IdKind
    key: str

    @property
    def number(self) -> int:
        """The number."""
        return int(self.key)


@lru_cache(maxsize=30_000)
def encode(kind: IdKind, key: int | str) -> strawberry.ID:
    """Return the opaque text of a kind and a number or hash."""
    return strawberry.ID(base64.b64encode(f"{kind}:{key}".encode()).decode())


def decode(text: str, *, argument: str = "id", kind: IdKind | None = None) -> GlobalId:
    """Return what an id names.

    Raises
    ------
    BadInputError
        If no such id was ever given, or it names another kind of thing.
    """
    try:
        name, _, key = base64.b64decode(text, validate=True).decode("ascii").partition(":")
        found = GlobalId(IdKind(name), key)
    except (binascii.Error, ValueError):
        found = None
    if found is None or not _possible(found):
        wanted = _a(kind) if kind is not None else "something"
        raise BadInputError(
            f"{text[:80]!r} is no id; take it from the field id of {wanted}", argument=argument
        )
    if kind is not None and found.kind is not kind:
        raise BadInputError(
            f"the id names {_a(found.kind)}, but {_a(kind)} is asked for", argument=argument
        )
    return found


def _a(kind: IdKind) -> str:
    return f"an {kind}" if kind[0] in "AE" else f"a {kind}"


def _possible(found: GlobalId) -> bool:
    if found.kind is IdKind.FINDING:
        return len(found.key) == _HASH_DIGITS and set(found.key) <= set("0123456789abcdef")
    digits = found.key.isascii() and found.key.isdigit() and not found.key.startswith("0")
    return digits and len(found.key) < _HASH_DIGITS and int(found.key) <= _MAX_NUMBER
