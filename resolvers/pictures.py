"""Levels drawn with fewer vertices: made once for an edition, a level and a tolerance."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Datum, LocalMetric
from geo.errors import BadInputError, TooCostlyError
from geo.levels import Tiling
from geo.simplify import simplify_level
from resolvers.children import rows_of
from resolvers.shapes import geojson_of
from storage import drafts_reading, proofs, units
from storage.engine import as_geoms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from resolvers.context import Context, State
    from storage.units import UnitRow

MAX_UNITS = 200_000
"""The most units of a level that are drawn together."""

MAX_TOLERANCE_M = 100_000.0


async def simplified(
    context: Context, state: State, level: str, *, in_draft: int | None, tolerance_m: float
) -> Mapping[int, shapely.Geometry]:
    """Return the simplified polygons of a level in WGS 84, by row id.

    Parameters
    ----------
    in_draft
        The draft whose units are drawn; None for those of the edition.
    tolerance_m
        See :func:`geo.simplify.simplify_level`. It is rounded down to two digits, so that maps
        at many scales share their pictures.

    Raises
    ------
    BadInputError
        If the tolerance is negative or beyond ``MAX_TOLERANCE_M``.
    TooCostlyError
        If the level has more than ``MAX_UNITS`` units.
    """
    if not 0 <= tolerance_m <= MAX_TOLERANCE_M:
        raise BadInputError(
            f"toleranceM is {tolerance_m:g}; give 0 to {MAX_TOLERANCE_M:g} metres",
            argument="toleranceM",
        )
    rounded_m = two_digits(tolerance_m)

    async def make() -> dict[int, shapely.Geometry]:
        return await _draw(context, state, level, in_draft, rounded_m)

    if in_draft is not None:  # a draft can be checked anew: nothing of it is kept
        return await context.once(("picture", in_draft, rounded_m), make)
    key = (state.edition, level, rounded_m)
    return await context.shared.pictures.get(key, make, _vertices)


async def simplified_texts(
    context: Context,
    rows: Sequence[UnitRow],
    state: State,
    *,
    tolerance_m: float,
    datum: Datum,
) -> list[str]:
    """Return the GeoJSON texts of units, whose levels are drawn as a whole; see simplified."""
    pictures = {
        (level, draft): await simplified(
            context, state, level, in_draft=draft, tolerance_m=tolerance_m
        )
        for level, draft in dict.fromkeys((row.level, row.draft_id) for row in rows)
    }
    return await texts_of([pictures[row.level, row.draft_id][row.row_id] for row in rows], datum)


async def shape_texts(rows: Sequence[UnitRow], datum: Datum) -> list[str]:
    """Return the GeoJSON texts of units that were read with their shapes."""
    return await texts_of(as_geoms([row.wkb for row in rows]), datum)


async def texts_of(
    geoms: Sequence[shapely.Geometry] | NDArray[np.object_], datum: Datum
) -> list[str]:
    """Return GeoJSON texts; many are made beside the event loop."""
    drawn = np.empty(len(geoms), dtype=object)
    drawn[:] = geoms
    if len(geoms) < _MANY:
        return geojson_of(drawn, datum)
    return await asyncio.to_thread(geojson_of, drawn, datum)


_MANY = 50
"""So many polygons are worth a thread."""


def two_digits(tolerance_m: float) -> float:
    """Return a tolerance rounded down to two significant digits."""
    if tolerance_m <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(tolerance_m)) - 1)
    # 0.3 / 0.01 is 29.999…: a hair is forgiven
    return math.floor(tolerance_m / step * (1 + 1e-12)) * step


def _vertices(picture: dict[int, shapely.Geometry]) -> int:
    return 1 + int(np.sum(shapely.get_num_coordinates(list(picture.values()))))


async def _draw(
    context: Context, state: State, level: str, in_draft: int | None, tolerance_m: float
) -> dict[int, shapely.Geometry]:
    spec = (await context.tree()).get(level)
    if in_draft is not None:
        drafts = {draft.id: draft for draft in await rows_of(context, state)}
        read = await context.ask(drafts_reading.shapes, in_draft, limit=MAX_UNITS + 1)
        base = drafts[in_draft].base_edition if in_draft in drafts else None
    else:
        base = state.edition
        read = await context.ask(units.shapes, base, level, limit=MAX_UNITS + 1)
    if len(read) > MAX_UNITS:
        raise TooCostlyError(
            f"level {level!r} has more than {MAX_UNITS} units, too many to simplify together; "
            "ask for geometry without toleranceM"
        )
    geoms = as_geoms([wkb for _, wkb in read])
    metric = await metric_of(context, base, geoms)
    tiling = spec.tiling is Tiling.TILES
    drawn = await asyncio.to_thread(simplify_level, geoms, metric, tolerance_m, tiling=tiling)
    return {row_id: geom for (row_id, _), geom in zip(read, drawn, strict=True)}


async def metric_of(
    context: Context, edition: int | None, geoms: NDArray[np.object_]
) -> LocalMetric:
    """Return the metres of an edition; around the given geometries where it has no outline."""
    if edition is not None:
        outline = await context.once(
            ("outline", edition), lambda: context.ask(proofs.outline, edition)
        )
        if outline is not None:
            return LocalMetric(outline.lon0, outline.lat0)
    bounds = shapely.total_bounds(geoms).tolist() if len(geoms) else [0.0, 0.0, 0.0, 0.0]
    return LocalMetric.around(bounds)
