"""Circles as polygons: one, the union of many, and the land that they leave out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import discs, isochrone, walking
from geo.cells import CELL_M, COARSE_CELL_M, make_cells
from resolvers.context import State
from resolvers.held import bytes_of
from resolvers.shapes import DIGITS, to_datum
from resolvers.units import UnitRef, by_keys
from resolvers.walks import Basis
from storage import circle_homes, proofs
from storage.engine import as_geoms
from storage.units import Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.cells import Cells
    from geo.crs import Datum, LocalMetric
    from geo.walking import Reach
    from resolvers.circle_coverage import CoverageRow
    from resolvers.circles import CircleRow
    from resolvers.city import City, Spots
    from resolvers.context import Context

_GRID_DEG = 10.0**-DIGITS

LONG_M, LONG_CELL_M = 5_000.0, 40.0
"""Pictures of walks longer than this are drawn in such cells: in the finest ones a walk of 20 km
takes ten seconds, and all of the room for tiles. There alone a longer walk's picture may leave out
something that a shorter one's shows: less than a cell."""


def cell_for(metres: float, *, many: bool = False) -> float:
    """Return the side of the cells in which a walk's picture is drawn.

    Parameters
    ----------
    metres
        How far is walked.
    many
        Whether it is the union of many circles.
    """
    if metres > LONG_M:
        return LONG_CELL_M
    return COARSE_CELL_M if many else CELL_M


async def cells_of(context: Context, city: City, cell_m: float = CELL_M) -> Cells:
    """Return the nearest-edge cells of a city's network, made once.

    Parameters
    ----------
    cell_m
        Their side; see :func:`cell_for`.
    """
    network = city.network()

    async def make() -> Cells:
        return await asyncio.to_thread(make_cells, network, cell_m=cell_m)

    return await context.shared.city.get(("cells", network.version, cell_m), make, _weigh_cells)


async def picture_around(
    context: Context, city: City, stands: Spots, metres: float, basis: Basis
) -> shapely.Geometry:
    """Return the land within a walk of any of some places, in metres of the city's plane."""
    if basis is Basis.RADIUS or stands.entries is None:
        return await asyncio.to_thread(discs.union_of_discs, stands.xy, metres)
    cells = await cells_of(context, city, cell_for(metres, many=len(stands) > 1))
    network, entries = city.network(), stands.entries

    def draw() -> shapely.Geometry:
        reached = walking.reach(network, entries, limit_m=metres)
        return isochrone.picture(cells, network, reached)

    return await asyncio.to_thread(draw)


def picture_of(cells: Cells, city: City, reached: Reach) -> shapely.Geometry:
    """Return the land of a walk that was walked already, in metres of the city's plane."""
    return isochrone.picture(cells, city.network(), reached)


async def union_picture(context: Context, row: CoverageRow) -> shapely.Geometry:
    """Return the land inside any of the circles, in metres; with an own level, each in its unit."""

    async def make() -> shapely.Geometry:
        near = row.near
        stands = row.city.stands.some(near.chosen)
        if near.unit is None or near.own_level is None:
            return await picture_around(context, row.city, stands, row.walk.metres, near.basis)
        return await _own_pictures(context, row, stands, near.unit, near.own_level)

    name = ("union", row.near.name, row.walk.metres)
    return await context.shared.city.get(name, make, _weigh)


async def _own_pictures(
    context: Context, row: CoverageRow, stands: Spots, unit: NDArray[np.int32], level: str
) -> shapely.Geometry:
    """Return the circles of each unit's own service points, as far as they lie in the unit."""
    lands = await context.ask(circle_homes.lands, row.city.edition, [level])
    polygons = row.city.plane.project(as_geoms([wkb for _, wkb in lands]))
    pieces = []
    for number in np.unique(unit[unit >= 0]).tolist():
        mine = stands.some(np.flatnonzero(unit == number))
        circle = await picture_around(context, row.city, mine, row.walk.metres, row.near.basis)
        own = shapely.intersection(circle, polygons[number], grid_size=isochrone.GAP_GRID_M)
        pieces.append(own)
    return await asyncio.to_thread(_joined, pieces)


def _joined(pieces: list[shapely.Geometry]) -> shapely.Geometry:
    return only_land(shapely.union_all(pieces, grid_size=isochrone.GAP_GRID_M))


async def gap_picture(context: Context, row: CoverageRow) -> shapely.Geometry | None:
    """Return the land of ``within``, or of the outline, that is in no circle, in metres.

    Returns
    -------
    Geometry or None
        None where nothing has an outline.
    """

    async def make() -> shapely.Geometry | None:
        ground = await land_of(context, row.city, row.within)
        if ground is None:
            return None
        circles = await union_picture(context, row)
        return await asyncio.to_thread(_gap, ground, circles)

    name = ("gap", row.near.name, row.walk.metres, row.within)
    return await context.shared.city.get(name, make, _weigh)


def _gap(ground: shapely.Geometry, circles: shapely.Geometry) -> shapely.Geometry:
    return only_land(isochrone.gap(ground, circles))


async def circle_text(row: CircleRow, datum: Datum) -> str | None:
    """Return the GeoJSON of a circle; None of one that was not drawn."""
    return await asyncio.to_thread(_text, row.picture, row.city.plane, datum)


async def union_text(context: Context, row: CoverageRow, datum: Datum) -> str | None:
    """Return the GeoJSON of all circles together; None where there is none."""

    async def make() -> str | None:
        geom = await union_picture(context, row)
        return await asyncio.to_thread(_text, geom, row.city.plane, datum)

    name = ("union text", row.near.name, row.walk.metres, datum)
    return await context.shared.city.get(name, make, _weigh_text)


async def gap_text(context: Context, row: CoverageRow, datum: Datum) -> str | None:
    """Return the GeoJSON of the land that is in no circle; None where there is none."""

    async def make() -> str | None:
        geom = await gap_picture(context, row)
        return await asyncio.to_thread(_text, geom, row.city.plane, datum)

    name = ("gap text", row.near.name, row.walk.metres, row.within, datum)
    return await context.shared.city.get(name, make, _weigh_text)


def _text(geom: shapely.Geometry | None, plane: LocalMetric, datum: Datum) -> str | None:
    if geom is None or shapely.is_empty(geom):
        return None
    return picture_text(geom, plane, datum)


async def land_of(context: Context, city: City, ref: UnitRef | None) -> shapely.Geometry | None:
    """Return the land of a unit, or of the outline, in metres of the city's plane."""

    async def make() -> shapely.Geometry | None:
        wkb: bytes | None
        if ref is None:
            outline = await context.ask(proofs.outline, city.edition, geometry=True)
            wkb = outline.wkb if outline is not None else None
        else:
            key = (State(city.edition), *ref)
            row = (await by_keys(context, [key], Wanted.SHAPE)).get(key)
            wkb = row.wkb if row is not None else None
        if wkb is None:
            return None
        land: shapely.Geometry = city.plane.project(as_geoms([wkb]))[0]
        return land

    return await context.shared.city.get(("land", city.edition, ref, city.plane), make, _weigh)


def only_land(geom: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry: where two touch, overlays leave lines and points."""
    parts = shapely.get_parts(geom)
    if len(parts) and shapely.get_type_id(geom) == shapely.GeometryType.GEOMETRYCOLLECTION:
        parts = shapely.get_parts(parts)
    areas = parts[shapely.get_dimensions(parts) == 2]  # noqa: PLR2004 - polygons
    return shapely.MultiPolygon(areas.tolist())


def picture_text(geom: shapely.Geometry, plane: LocalMetric, datum: Datum) -> str:
    """Return the GeoJSON of a picture in metres: 7 decimals, valid, exterior rings first.

    Degrees and rounding can let two edges cross that lie within a centimetre; the picture is then
    mended, and snapped to the grid of its decimals, which keeps it a polygon.
    """
    there = to_datum(plane.unproject(np.array([geom], dtype=object)), datum)
    rounded = shapely.transform(there, lambda xy: np.round(xy, DIGITS) + 0.0)
    if not shapely.is_valid(rounded[0]):
        mended = shapely.make_valid(there[0], method="structure", keep_collapsed=False)
        snapped = shapely.set_precision(mended, _GRID_DEG)
        whole = np.array([only_land(snapped)], dtype=object)
        rounded = shapely.transform(whole, lambda xy: np.round(xy, DIGITS) + 0.0)
    return str(shapely.to_geojson(shapely.orient_polygons(rounded)[0]))


def _weigh_cells(cells: Cells) -> int:
    return bytes_of(cells) + cells.most_bytes  # they fill while they are used


def _weigh_text(text: str | None) -> int:
    return 200 + len(text or "")


def _weigh(geom: shapely.Geometry | None) -> int:
    return 200 + (16 * int(shapely.get_num_coordinates(geom)) if geom is not None else 0)
