"""When an answer to GET is still the same: a tag that proves it without asking again.

A snapshot of PostgreSQL says exactly which transactions are seen: two questions under the same
snapshot see the same rows. So an answer that began and ended under one snapshot is tagged with
it, together with everything else that it depends on: the query, the day, the key, the settings
and the code. As long as the tag is the same, so is the answer, and none has to be made. What the
process knows is no part of such an answer: it may be older than the snapshot by as long as the
notice of a change takes, and would then be told under the new tag until the next change.

Days do not pin an answer: a correction may be published for a day that is past, and duties and
service points are corrected likewise. So every answer is asked about again (``no-cache``), which
costs one small statement; none is held for good.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import orjson
from graphql import print_schema
from sqlalchemy.exc import SQLAlchemyError

from geo.errors import NoDatabaseError
from schema.build import schema
from storage.snapshot import snapshot

if TYPE_CHECKING:
    from resolvers.context import Context
    from service.http_graphql import Asked
    from service.settings import Settings

VARY = "Accept, Authorization"
"""What an answer depends on beside its address."""
UNCACHED = {"Cache-Control": "no-store", "Vary": VARY}
"""Headers of an answer that nobody may hold."""

TAG_LENGTH = 32
"""Hex digits; those of SHA-256 that are left out would not be missed by anybody."""

_MEANINGFUL = ("public", "timezone", "walk_minutes", "walk_speed_kmh")


class Seen(NamedTuple):
    """What an answer is made from."""

    snapshot: str
    tag: str
    public: bool
    """Whether anybody is told the same."""

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer that may be held as long as it is asked about."""
        whose = "public" if self.public else "private"
        return {"ETag": self.tag, "Cache-Control": f"{whose}, no-cache", "Vary": VARY}


class Tagger:
    """Makes tags.

    Parameters
    ----------
    settings
        Those that say what an answer is go into the tag.
    """

    def __init__(self, settings: Settings) -> None:
        told = [str(getattr(settings, name)) for name in _MEANINGFUL]
        parts = [version("wangge"), print_schema(schema._schema), *told]
        self._made_by = hashlib.sha256("\0".join(parts).encode()).digest()

    async def see(self, context: Context, asked: Asked, *, media: str) -> Seen | None:
        """Return what an answer that is made now is made from; None where that cannot be said."""
        try:
            seen = await context.ask(snapshot)
        except (NoDatabaseError, SQLAlchemyError):
            return None  # the question itself will say it
        context.look_itself()
        what = [seen, asked[:3], context.today, context.key, media]
        try:
            said = orjson.dumps(what, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # variables are nested too deeply, as the question itself will say
            return None
        made = hashlib.sha256(self._made_by + said).hexdigest()[:TAG_LENGTH]
        return Seen(seen, f'W/"{made}"', public=context.key is None)

    async def still(self, context: Context, seen: Seen) -> bool:
        """Return whether nothing was written since."""
        try:
            return await context.ask(snapshot) == seen.snapshot
        except (NoDatabaseError, SQLAlchemyError):
            return False


def matches(header: str | None, tag: str) -> bool:
    """Return whether a client holds the answer of a tag, by its header If-None-Match.

    Notes
    -----
    RFC 9110, section 13.1.2: tags are compared weakly, and ``*`` stands for whatever there is.
    """
    if not header:
        return False
    if header.strip() == "*":
        return True
    return _strong(tag) in (_strong(one) for one in header.split(","))


def _strong(tag: str) -> str:
    return tag.strip().removeprefix("W/")
