"""The picture of a circle: what can be walked to, as land.

Whether somebody is inside is told by their own walk, never by this picture; it is drawn by the same
rule. A point is inside when the walk along streets to the nearest position on any street, and the
straight way from there, are within the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.cells import MOST_TILES
from geo.cells_kernel import Slots
from geo.isochrone_kernel import Painted, cover, cut, fill, lay_out
from geo.outlines import PARTS, outline
from geo.reached_kernel import Ends, Search, Spans, Touched, forget, spans, touch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.cells import Cells
    from geo.streets import Streets
    from geo.walking import Reach

__all__ = ["GAP_GRID_M", "Part", "gap", "picture", "reached_parts"]

GAP_GRID_M = 1e-3
"""Vertices of pictures that are cut by borders are rounded to this."""


class Part(NamedTuple):
    """Parts of streets that were reached: those of one edge do not overlap."""

    edge: NDArray[np.int32]
    begin_m: NDArray[np.float64]
    """Metres along the edge from its ``a``."""
    end_m: NDArray[np.float64]


class _Reached(NamedTuple):
    """What a search reached, by edge."""

    search: Search
    touched: Touched
    spans: Spans


def picture(cells: Cells, streets: Streets, reach: Reach) -> shapely.MultiPolygon:
    """Draw what was reached from one or several starts.

    Parameters
    ----------
    cells
        The nearest streets (:func:`geo.cells.make_cells`) of ``streets``.
    streets
        The network that was walked.
    reach
        What was reached (:func:`geo.walking.reach`); its limit is the border of the picture.

    Returns
    -------
    shapely.MultiPolygon
        In metres of the network's plane; empty when no street was reached.

    Notes
    -----
    The land of points within the limit, at most ``cells.walk_cap_m`` from a street, and every cell
    through which a reached street passes: each position that was reached lies inside, by a
    sixteenth of a cell at least. Pinholes and specks of a cell (``geo.outlines.SPECK``) are left
    out. Valid; and with a farther limit, or more starts, it holds what it held before, also after
    it is projected and rounded to 1e-7 degrees. About 1 ms for 1 km in a town; tiles that nobody
    asked for before are painted first.
    """
    slots = cells.slots()
    reached = _reached(cells, streets, reach, slots)
    drawn = _draw(cells, reached, slots) if len(reached.spans.edge) else shapely.MultiPolygon()
    forget(reach.node, reached.touched.edge, slots)
    cells.give_back(slots)
    return drawn


def reached_parts(cells: Cells, streets: Streets, reach: Reach) -> Part:
    """Return the parts of streets within the limit; their lengths add up to what was reached."""
    slots = cells.slots()
    reached = _reached(cells, streets, reach, slots)
    forget(reach.node, reached.touched.edge, slots)
    cells.give_back(slots)
    return Part(*reached.spans[:3])


def gap(land: shapely.Geometry, drawn: shapely.Geometry) -> shapely.MultiPolygon:
    """Return the land that a picture leaves out.

    Parameters
    ----------
    land
        Valid land, in metres of the network's plane.
    drawn
        A picture, in the same plane.
    """
    rest = shapely.difference(land, drawn)
    return shapely.MultiPolygon([part for part in shapely.get_parts(rest) if part.area > 0])


def _reached(cells: Cells, streets: Streets, reach: Reach, slots: Slots) -> _Reached:
    ends = Ends(streets.a, streets.b, streets.length_m, *cells.near)
    starts = reach.starts
    search = Search(
        reach.node,
        reach.distance_m,
        starts.edge,
        starts.offset_m,
        starts.walk_m,
        float(reach.limit_m),
    )
    touched = touch(ends, search, slots)
    return _Reached(search, touched, spans(touched, search))


def _draw(cells: Cells, reached: _Reached, slots: Slots) -> shapely.MultiPolygon:
    """Draw what was reached; ``slots`` are those that were filled with it."""
    lattice, painted_m = cells.ground.lattice, cells.ground.cap_m
    pieces = cut(cells.ground.lines, reached.spans, lattice)
    field = lay_out(pieces, painted_m / lattice.cell_m)
    for first in range(0, len(field.tiles), MOST_TILES):
        part = slice(first, first + MOST_TILES)
        rows, stock = cells.rows(field.tiles[part])
        painted = Painted(stock, rows, painted_m, cells.walk_cap_m, lattice.cell_m)
        fill(painted, slots.of_edge, reached.touched, reached.search, field.values[part])
    cover(pieces, field)
    return outline(field, origin=(lattice.x0, lattice.y0), step=lattice.cell_m / PARTS)
