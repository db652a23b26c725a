"""Automatic persisted queries: a client names a query by its hash once the service knows it."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from http import HTTPStatus
from typing import Any

from service.http_answers import NOT_FOUND_QUERY, Refused

ROOM_BYTES = 16 << 20
"""What the texts of one process may take; a client whose query was forgotten sends it again."""
MAX_QUERY_BYTES = 1 << 18
"""A longer text is answered, and not kept."""
OVERHEAD_BYTES = 300
"""What a text takes beside its letters: the key, the entry, the object."""

NOT_FOUND = "PersistedQueryNotFound"
NOT_SUPPORTED = "PersistedQueryNotSupported"
"""The messages by which clients know what to do; they are part of the protocol."""

_VERSION = 1
_HASH = re.compile(r"[0-9a-f]{64}\Z")


class PersistedQueries:
    """Query texts by their SHA-256, the least recently used of which are forgotten.

    A text is kept under its own hash and no other, so that no client can put words into another
    one's mouth; and only if it was executed, so that nonsense takes no room.

    Parameters
    ----------
    room
        The most bytes that all texts may take.
    """

    def __init__(self, room: int = ROOM_BYTES) -> None:
        self.room = room
        self.taken = 0
        self._texts: OrderedDict[str, str] = OrderedDict()

    def resolve(self, query: str | None, extensions: dict[str, Any] | None) -> str | None:
        """Return the text of the query that a request means.

        Raises
        ------
        Refused
            If the text is not known here (the client sends it then), is another one than the hash
            says, or is named in a way that is none of the protocol.
        """
        named = (extensions or {}).get("persistedQuery")
        if named is None:
            return query
        name = _name_of(named)
        if query is not None:
            if digest(query) != name:
                raise Refused("the query is another one than its sha256Hash says")
            return query
        known = self._texts.get(name)
        if known is None:
            raise Refused(
                NOT_FOUND, status=HTTPStatus.NOT_FOUND, code=NOT_FOUND_QUERY, legacy=HTTPStatus.OK
            )
        self._texts.move_to_end(name)
        return known

    def keep(self, query: str, extensions: dict[str, Any] | None) -> None:
        """Keep a text that was executed, if the request named it by its hash."""
        if (extensions or {}).get("persistedQuery") is None:
            return
        name = digest(query)
        weight = _weight(query)
        if name in self._texts or weight > min(MAX_QUERY_BYTES, self.room):
            return
        self._texts[name] = query
        self.taken += weight
        while self.taken > self.room:
            _, old = self._texts.popitem(last=False)
            self.taken -= _weight(old)


def refuse_persisted(extensions: dict[str, Any] | None) -> None:
    """Refuse a query by its hash where none are kept: the client then sends texts only.

    Raises
    ------
    Refused
        If the request names one.
    """
    if (extensions or {}).get("persistedQuery") is not None:
        raise _unsupported()


def digest(query: str) -> str:
    """Return the name of a text."""
    return hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()


def _name_of(named: object) -> str:
    if not isinstance(named, dict) or named.get("version") != _VERSION:
        raise _unsupported()
    name = named.get("sha256Hash")
    if not isinstance(name, str) or not _HASH.match(name.lower()):
        raise Refused("extensions.persistedQuery.sha256Hash must be a SHA-256 in 64 hex digits")
    return name.lower()


def _unsupported() -> Refused:
    return Refused(NOT_SUPPORTED, code="PERSISTED_QUERY_NOT_SUPPORTED", legacy=HTTPStatus.OK)


def _weight(query: str) -> int:
    return len(query.encode("utf-8", "surrogatepass")) + OVERHEAD_BYTES
