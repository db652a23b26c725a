"""Requests for tiles: what their addresses ask for, and how long an answer may be held."""

from __future__ import annotations

import datetime as dt
import gzip
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from geo.errors import BadInputError, UnknownError
from resolvers import tiles
from resolvers.tiles import MAX_ZOOM, Packing
from service.http_caching import matches
from service.negotiation import best_encoding
from storage.tiles import TileAt

if TYPE_CHECKING:
    from starlette.requests import Request

    from resolvers.context import Context

FOR_GOOD = "max-age=31536000, immutable"
"""Of a tile under an edition's own number: nothing about it changes."""
ASK_AGAIN = "no-cache"
"""Of what is that of the day: a client keeps it, and asks each time whether it still holds."""

_GZIP_LEVEL, _ZSTD_LEVEL = 6, 9  # once a tile
_MAX_DIGITS = 9


def _gzip(mvt: bytes) -> bytes:
    return gzip.compress(mvt, _GZIP_LEVEL, mtime=0)  # no clock: the same bytes each time


def _zstd(mvt: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(mvt)


PLAIN = Packing(None, bytes)
PACKINGS = {"zstd": Packing("zstd", _zstd), "gzip": Packing("gzip", _gzip)}
"""The best first."""

_OFFERED = tuple(PACKINGS)


class Asked(NamedTuple):
    """One request, and what it knows."""

    request: Request
    context: Context

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """Return a part of the path that is a number.

        Raises
        ------
        UnknownError
            If it is none.
        """
        text = self.part(name)
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise UnknownError(f"there is nothing at {self.request.url.path[:200]}")
        return int(text)

    def tile(self) -> TileAt:
        """Return the tile that is asked for.

        Raises
        ------
        UnknownError
            If there is no such tile.
        """
        tile = TileAt(self.number("z"), self.number("x"), self.number("y"))
        if not tiles.is_tile(tile):
            raise UnknownError(
                f"there is no tile {tile.z}/{tile.x}/{tile.y}: zooms are 0 to {MAX_ZOOM}, columns "
                "and rows are below 2 to the power of the zoom"
            )
        return tile

    def levels(self) -> tuple[str, ...]:
        """Return the keys of levels, as the path lists them."""
        return tuple(self.part("levels").split(","))

    def day(self) -> dt.date | None:
        """Return the day of which the address asks; None: today.

        Raises
        ------
        BadInputError
            If it is no day.
        """
        text = self.request.query_params.get("asOf")
        if text is None:
            return None
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise BadInputError(
                f"asOf is {text[:40]!r}; give a day as 2026-01-31", argument="asOf"
            ) from None

    def given_number(self, name: str) -> float | None:
        """Return a number that the address gives after its path; None where it does not.

        Raises
        ------
        BadInputError
            If it is none.
        """
        text = self.request.query_params.get(name)
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            raise BadInputError(f"{name} is {text[:40]!r}; give a number", argument=name) from None

    def packing(self) -> Packing:
        """Return how the client wants the bytes of a tile."""
        header = self.request.headers.get("accept-encoding", "")
        best = best_encoding(header, _OFFERED) if header else None
        return PACKINGS[best] if best is not None else PLAIN

    def headers(
        self, control: str, tag: str, *, private: bool = False, packed: bool = True
    ) -> dict[str, str]:
        """Return the headers that say how long an answer may be held, and by whom.

        Parameters
        ----------
        control
            ``FOR_GOOD`` or ``ASK_AGAIN``.
        tag
            What tells this answer from an older one.
        private
            Whether not every reader may see it.
        packed
            Whether it is packed here, and not on its way out.
        """
        own = private or not self.context.shared.public
        vary = [*(["Accept-Encoding"] if packed else []), *(["Authorization"] if own else [])]
        held = {"Cache-Control": f"{'private' if own else 'public'}, {control}", "ETag": tag}
        return held | ({"Vary": ", ".join(vary)} if vary else {})

    def is_held(self, tag: str) -> bool:
        """Return whether the client has the answer of a tag already."""
        return matches(self.request.headers.get("if-none-match"), tag)
