"""Vector tiles of what lies over the units: findings, and the circles of service points."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from geo.errors import UnknownError
from resolvers import drafts_reading
from resolvers.circle_coverage import circle_coverage
from resolvers.circle_pictures import gap_picture, union_picture
from resolvers.coverage_findings import findings_page
from resolvers.coverage_reading import report_of
from resolvers.tiles import packed, weigh
from storage import tiles, waivers
from storage.engine import as_geoms
from storage.findings_reading import FindingFilter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from resolvers.context import Context
    from resolvers.tiles import Packing
    from resolvers.walks import WalkAsked
    from storage.findings_reading import FindingRow
    from storage.tiles import TileAt

FINDINGS, CIRCLES, GAP = "findings", "circles", "gap"
"""Names of the layers."""

MAX_FINDINGS = 10_000
"""Of a draft, so many are drawn: the largest."""


class Shapes(NamedTuple):
    """Geometries in degrees with what is told of each, to be cut into tiles."""

    geoms: NDArray[np.object_]
    attributes: list[dict[str, Any]]  # values of JSON

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return west, south, east, north; None where there is nothing."""
        if not len(self.geoms):
            return None
        west, south, east, north = shapely.total_bounds(self.geoms).tolist()
        return west, south, east, north


class Layers(NamedTuple):
    """What tiles are cut from, by layer."""

    layers: dict[str, Shapes]

    def bytes(self) -> int:
        """Return what they take in memory, about."""
        return sum(
            1000 * len(shapes.geoms) + 16 * int(shapely.get_num_coordinates(shapes.geoms).sum())
            for shapes in self.layers.values()
        )

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return west, south, east, north; None where there is nothing."""
        boxes = [box for shapes in self.layers.values() if (box := shapes.bounds()) is not None]
        if not boxes:
            return None
        sides = np.array(boxes)
        west, south = sides[:, :2].min(axis=0).tolist()
        east, north = sides[:, 2:].max(axis=0).tolist()
        return west, south, east, north


# --- findings -----------------------------------------------------------------------------------


async def edition_findings(
    context: Context, level: str, *, as_of: dt.date | None
) -> tuple[tuple[object, ...], Layers]:
    """Return what was found about a level of the edition that stands on a day, and its name.

    Returns
    -------
    tuple
        Tiles that are cut from it may be kept under the name: an edition does not change, and the
        waivers that hold are part of it.

    Raises
    ------
    UnknownError, NoEditionError
        If there is no such level, or nothing was published by that day.
    """
    spec = (await context.tree()).get(level)
    edition = (await context.edition(as_of)).number
    day = as_of or context.today
    held = await context.ask(waivers.holding, level, day)
    name = ("findings", edition, spec, held)

    async def make() -> Layers:
        report = await report_of(context, spec, edition, None, day=day)
        page = await findings_page(
            context, report, FindingFilter(), first=len(report.findings), after=None
        )
        return Layers({FINDINGS: _findings(page.rows)})

    return name, await context.shared.tiles.get(name, make, Layers.bytes)


async def draft_findings(context: Context, draft: int) -> Layers:
    """Return what was found about a draft, for those who may see it; nothing of it is kept.

    Raises
    ------
    UnauthenticatedError, ForbiddenError, UnknownError
        If the asker may not see it, or there is none.
    """
    if await drafts_reading.one(context, draft) is None:
        raise UnknownError(f"there is no draft {draft}")
    pages = await drafts_reading.findings_page(
        context, [draft], FindingFilter(), first=MAX_FINDINGS, after=None, geometry=True
    )
    return Layers({FINDINGS: _findings(pages[draft].rows if draft in pages else [])})


def _findings(rows: Sequence[FindingRow]) -> Shapes:
    drawn = [row for row in rows if row.wkb is not None]
    return Shapes(as_geoms([row.wkb for row in drawn]), [_told(row) for row in drawn])


def _told(row: FindingRow) -> dict[str, Any]:  # values of JSON
    """Return what a tile tells of a finding: single values, for it has no lists."""
    told = {
        # as GraphQL names it (schema.ids), so that a click leads to the rest
        "id": base64.b64encode(f"Finding:{row.id}".encode()).decode(),
        "kind": row.kind,
        "rule": row.rule,
        "severity": row.severity,
        "message": row.message,
        "areaM2": row.area_m2,
        "widthM": row.width_m,
        "households": row.households,
        "units": ",".join(row.units),
        "parent": row.parent_code,
        "waived": row.waiver is not None,
    }
    return {key: value for key, value in told.items() if value is not None}


# --- circles ------------------------------------------------------------------------------------


async def circles(
    context: Context, kinds: Sequence[str], walk: WalkAsked, *, day: dt.date | None
) -> tuple[tuple[object, ...], Layers]:
    """Return the land within a walk of any service point of some kinds, and the land without.

    Returns
    -------
    tuple
        Tiles that are cut from it may be kept under the name: streets, homes and service points
        are part of it.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError, NoNetworkError
        As :func:`resolvers.circle_coverage.circle_coverage`.
    """
    row = await circle_coverage(context, kinds, walk=walk, day=day)
    name = ("circles", row.near.name, row.walk, tuple(kinds), row.city.edition)

    async def make() -> Layers:
        union, gap = await asyncio.gather(union_picture(context, row), gap_picture(context, row))
        walked = {
            "kinds": ",".join(kinds),
            "minutes": row.walk.minutes,
            "metres": row.walk.metres,
            "basis": row.walk.basis.value,
        }
        there = [geom for geom in (union, gap) if geom is not None]
        degrees = await asyncio.to_thread(row.city.plane.unproject, np.array(there, dtype=object))
        named = zip((CIRCLES, GAP), degrees, strict=False)
        return Layers(
            {
                layer: Shapes(np.array([geom], dtype=object), [walked])
                for layer, geom in named
                if not shapely.is_empty(geom)
            }
        )

    return name, await context.shared.tiles.get(name, make, Layers.bytes)


# --- tiles --------------------------------------------------------------------------------------


async def cut(
    context: Context,
    layers: Layers,
    tile: TileAt,
    packing: Packing,
    *,
    name: tuple[object, ...] | None = None,
) -> bytes:
    """Return a tile of some layers, packed; empty where nothing is seen.

    Parameters
    ----------
    name
        Under which tiles are kept; None: not at all.

    Notes
    -----
    One statement for each layer that is seen, as all are once.
    """

    async def make() -> bytes:
        async with context.shared.drawing.one("tiles"):
            parts = [
                await _part(context, layer, shapes, tile) for layer, shapes in layers.layers.items()
            ]
        return await packed(b"".join(parts), packing)

    if name is None:
        return await make()
    return await context.shared.tiles.get((name, tile, packing.name), make, weigh)


async def _part(context: Context, layer: str, shapes: Shapes, tile: TileAt) -> bytes:
    west, south, east, north = tiles.degrees_of(tile, 2 * tiles.BUFFER)
    box = shapely.box(west, south, east, north)
    near = np.flatnonzero(shapely.intersects(shapes.geoms, box))
    # cut roughly here, so that a city's land is not sent for each tile of it
    some = shapely.clip_by_rect(shapes.geoms[near], west, south, east, north)
    sent: list[tuple[bytes, Mapping[str, object]]] = [
        (shapely.to_wkb(geom), shapes.attributes[i])
        for i, geom in zip(near, some, strict=True)
        if not shapely.is_empty(geom)
    ]
    return await context.ask(tiles.of_shapes, layer, tile, sent) if sent else b""
