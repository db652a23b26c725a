"""Texts that were refused, so that the same text is not read again to be refused again.

What is wrong with a text depends on nothing else: not on who asks, nor on when.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import NamedTuple

from graphql import GraphQLError, Source

from geo.errors import BadInputError

MOST_KEPT = 2_000
"""Refusals that are kept; each is a sentence, some hundred bytes."""
LONGEST = 500
"""Characters of what is said of a refusal that is kept: longer ones quote the text."""


class Refusal(NamedTuple):
    """Why a text is refused."""

    message: str
    positions: tuple[int, ...] | None
    """Where in the text; None: all of it."""


class Refusals:
    """Why texts were refused before anything was asked of the schema.

    Parameters
    ----------
    most
        How many are kept; the least recently used are forgotten.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.most = most
        self._held: OrderedDict[bytes, Refusal] = OrderedDict()

    def require_new(self, text: str) -> None:
        """Refuse a text again that was refused before.

        Raises
        ------
        BadInputError
            If it was beyond a bound.
        graphql.GraphQLError
            If it was no GraphQL.
        """
        name = _name_of(text)
        found = self._held.get(name)
        if found is None:
            return
        self._held.move_to_end(name)
        if found.positions is None:
            raise BadInputError(found.message)
        raise GraphQLError(found.message, source=Source(text), positions=found.positions)

    def keep(self, text: str, error: BadInputError | GraphQLError) -> None:
        """Keep why a text is refused; nothing else of it, nor of who asked."""
        positions = error.positions if isinstance(error, GraphQLError) else None
        message = error.message if isinstance(error, GraphQLError) else str(error)
        if len(message) > LONGEST:
            return
        kept = None if positions is None else tuple(positions)
        self._held[_name_of(text)] = Refusal(message, kept)
        if len(self._held) > self.most:
            self._held.popitem(last=False)


def _name_of(text: str) -> bytes:
    """Return what tells a text from others, in a few bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
