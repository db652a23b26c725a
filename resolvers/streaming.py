"""A level of an edition, piece by piece, for a client who may read slowly or leave.

Nothing is held while a client reads: each piece is a question of its own, which names the edition,
so that all pieces are of one state whatever is published meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError, TooCostlyError, UnknownError
from resolvers.exporting import find_top
from storage import editions, exporting

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncIterator, Iterator, Sequence

    from resolvers.context import Context
    from storage.exporting import Place, TextRow

PIECE_BYTES = 1 << 20
"""Stored bytes of the geometries of one piece; a unit that is larger is a piece by itself."""
PIECE_UNITS = 500
PAGE_UNITS = 5_000
"""Units whose sizes are looked up at a time."""


class Opened(NamedTuple):
    """What is to be read."""

    edition: int
    level: str
    top: str | None
    """Code of the unit below which everything lies; None for all."""
    path: tuple[str, ...]
    """Levels from that unit's down to the one above ``level``."""


async def open_level(
    context: Context,
    level: str,
    *,
    edition: int | None = None,
    as_of: dt.date | None = None,
    within: str | None = None,
) -> Opened:
    """Return what is to be read; see :func:`resolvers.exporting.read_level`.

    Raises
    ------
    UnauthenticatedError
        If the asker may not read.
    BadInputError
        If an edition and a day are given.
    UnknownError, NoEditionError
        If level, edition or unit do not exist.
    """
    await context.require_reader()
    if edition is not None and as_of is not None:
        raise BadInputError("give edition or asOf, not both", argument="edition")
    tree = await context.tree()
    spec = tree.get(level)
    number = await _number(context, edition, as_of)
    if within is None:
        return Opened(number, spec.key, None, ())
    top, path = await context.ask(find_top, number, tree.specs, spec, within)
    return Opened(number, spec.key, top, tuple(path))


async def _number(context: Context, edition: int | None, as_of: dt.date | None) -> int:
    if edition is None:
        return (await context.edition(as_of)).number
    if await context.ask(editions.by_number, edition) is None:
        raise UnknownError(f"there is no edition {edition}", argument="edition")
    return edition


async def pieces(
    context: Context, opened: Opened, *, wkt: bool = False
) -> AsyncIterator[list[TextRow]]:
    """Yield the units, by code, in pieces that fit into memory."""
    async for page in _pages(context, opened):
        for piece in _cut(page):
            ids = [place.row_id for place in piece]
            yield await context.ask(exporting.texts_at, opened.edition, ids, wkt=wkt)


async def require_small(context: Context, opened: Opened, most_bytes: int) -> None:
    """Refuse a level whose file must be made as a whole, and would be too large.

    Raises
    ------
    TooCostlyError
        If its geometries take more than ``most_bytes`` as they are stored.
    """
    size = 0
    async for page in _pages(context, opened):
        size += sum(place.stored_bytes for place in page)
        if size > most_bytes:
            raise TooCostlyError(
                f"the level is larger than {most_bytes >> 20} MiB, too large for a file of this "
                "format: take geojson, geojsonl or csv, or less with `within`"
            )


async def _pages(context: Context, opened: Opened) -> AsyncIterator[list[Place]]:
    after = None
    while True:
        page = await context.ask(
            exporting.places_at,
            opened.edition,
            opened.level,
            after=after,
            limit=PAGE_UNITS,
            top=opened.top,
            path=opened.path,
        )
        if page:
            yield page
        if len(page) < PAGE_UNITS:
            return
        after = page[-1].code


def _cut(page: Sequence[Place]) -> Iterator[list[Place]]:
    """Cut a page into pieces."""
    piece: list[Place] = []
    size = 0
    for place in page:
        if piece and (size + place.stored_bytes > PIECE_BYTES or len(piece) >= PIECE_UNITS):
            yield piece
            piece, size = [], 0
        piece.append(place)
        size += place.stored_bytes
    if piece:
        yield piece
