"""Vector tiles of the units of an edition: made once, packed once, and kept."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import UnknownError
from geo.simplify import step_below
from resolvers.pictures import have_made
from storage import tiles
from storage.tiles import GRID, HALF_WORLD_M, Span, TileAt

if TYPE_CHECKING:
    from resolvers.context import Context

MAX_ZOOM = 22
"""The highest zoom of a tile: a step of its grid is 2 mm there."""

ERROR_STEPS = 2
"""How far a picture may be off, in steps of a tile's grid: a quarter of a pixel, since maps draw a
tile 512 pixels wide."""

LOWEST_STEP_MM = 500
"""Below it units are drawn as stored: a tile holds few of them there, and they are cut first."""

TRIES = 3
"""Pictures that were made may be forgotten before they are read: so often they are made anew."""

_OWN_BYTES = 300
"""What keeping a tile takes beside its bytes."""

_LONG_BYTES = 32_000
"""Tiles longer than this are packed beside the event loop."""


class Packing(NamedTuple):
    """How the bytes of a tile are packed."""

    name: str | None
    """As the header Content-Encoding says it; None: they are not packed."""
    pack: Callable[[bytes], bytes]


class EditionGround(NamedTuple):
    """Where the units of an edition lie."""

    edition: int
    spans: dict[str, Span]
    """By level, of those that have units."""
    levels: frozenset[str]
    """Keys of the levels that there were when it was looked up."""

    def bounds(self, levels: Sequence[str]) -> tuple[float, float, float, float] | None:
        """Return west, south, east, north of the units of some levels; None where there are none.

        Parameters
        ----------
        levels
            Keys.
        """
        some = [self.spans[level] for level in levels if level in self.spans]
        if not some:
            return None
        return (
            min(span.west for span in some),
            min(span.south for span in some),
            max(span.east for span in some),
            max(span.north for span in some),
        )

    def step_mm(self, zoom: int) -> int | None:
        """Return the step of the pictures that a zoom draws, in millimetres; None: as stored.

        It is the same all over an edition, so that neighbouring tiles meet.
        """
        bounds = self.bounds(list(self.spans))
        if bounds is None:
            return None
        # the map stretches the ground the more, the farther from the equator
        farthest = min(max(abs(bounds[1]), abs(bounds[3])), _MAX_LAT)
        step_m = 2 * HALF_WORLD_M * math.cos(math.radians(farthest)) / (GRID * 2**zoom)
        found = step_below(ERROR_STEPS * step_m)
        return found if found is not None and found >= LOWEST_STEP_MM else None


_MAX_LAT = 85.0
"""Web Mercator ends there."""


def is_tile(tile: TileAt) -> bool:
    """Return whether there is such a square."""
    side = 1 << min(tile.z, MAX_ZOOM)
    return 0 <= tile.z <= MAX_ZOOM and 0 <= tile.x < side and 0 <= tile.y < side


async def ground_of(context: Context, edition: int) -> EditionGround:
    """Return where the units of an edition lie; asked once a process.

    Raises
    ------
    UnknownError
        If there is no such edition.
    """

    async def make() -> EditionGround:
        found, tree = await asyncio.gather(context.ask(tiles.spans, edition), context.tree())
        if found is None:
            raise UnknownError(f"there is no edition {edition}", argument="edition")
        keys = frozenset(spec.key for spec in tree.specs)
        return EditionGround(edition, {span.level: span for span in found}, keys)

    return await context.shared.grounds.get(edition, make, lambda _: 1)


async def checked_levels(context: Context, levels: Sequence[str]) -> None:
    """Refuse levels that there are not, and the same one twice.

    Raises
    ------
    UnknownError
        It names the levels that there are.
    """
    tree = await context.tree()
    for level in levels:
        tree.get(level)
    if len(set(levels)) < len(levels):
        raise UnknownError(
            f"{','.join(levels)} names a level twice; name each once", argument="level"
        )


async def of_units(
    context: Context, edition: int, levels: tuple[str, ...], tile: TileAt, packing: Packing
) -> bytes:
    """Return the tile of the units of some levels, packed; empty where no unit is seen.

    Parameters
    ----------
    levels
        Keys, in the order of the tile's layers.

    Raises
    ------
    UnknownError
        If there is no such edition or level.
    TooCostlyError
        If too many others wait for theirs.

    Notes
    -----
    Nothing is asked of the database where the tile is kept; one statement otherwise, but for the
    first tile of an edition, and for the first of those that draw the same pictures.
    """

    async def make() -> bytes:
        ground = await ground_of(context, edition)
        if len(set(levels)) < len(levels) or not ground.levels.issuperset(levels):
            await checked_levels(context, levels)  # there may be new ones
        async with context.shared.drawing.one("tiles"):
            mvt = await _drawn(context, ground, levels, tile)
        return await packed(mvt, packing)

    key = ("units", edition, levels, tile, packing.name)
    return await context.shared.tiles.get(key, make, weigh)


async def packed(mvt: bytes, packing: Packing) -> bytes:
    """Return the bytes of a tile as they are sent; an empty tile stays empty."""
    if len(mvt) > _LONG_BYTES:
        return await asyncio.to_thread(packing.pack, mvt)
    return packing.pack(mvt) if mvt else mvt


def weigh(kept: bytes) -> int:
    """Return what keeping a tile takes, in bytes."""
    return _OWN_BYTES + len(kept)


async def _drawn(
    context: Context, ground: EditionGround, levels: Sequence[str], tile: TileAt
) -> bytes:
    bounds = ground.bounds(levels)
    if bounds is None or not _touches(tile, bounds):
        return b""
    step_mm = ground.step_mm(tile.z)
    for _ in range(TRIES):
        if step_mm is None:
            break
        found = await context.ask(tiles.of_units, ground.edition, levels, tile, step_mm=step_mm)
        if found.made:
            return found.mvt
        await have_made(context, ground.edition, step_mm)
    found = await context.ask(tiles.of_units, ground.edition, levels, tile, step_mm=None)
    return found.mvt


def _touches(tile: TileAt, bounds: tuple[float, float, float, float]) -> bool:
    """Return whether a tile with its margin meets a box in degrees."""
    west, south, east, north = tiles.degrees_of(tile, tiles.BUFFER)
    return west <= bounds[2] and bounds[0] <= east and south <= bounds[3] and bounds[1] <= north
