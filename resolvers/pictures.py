"""Units drawn with fewer vertices: all levels of an edition together, once for each step."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import aclosing
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Datum, LocalMetric
from geo.errors import BadInputError, TooCostlyError
from geo.levels import Tiling
from geo.simplify import simplify_together, step_below
from resolvers.children import rows_of
from resolvers.context import State
from resolvers.drawing import draw_apart
from resolvers.shapes import geojson_of
from resolvers.units import complete
from storage import drafts_reading, pictures, proofs
from storage.engine import as_geoms
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection

    from resolvers.context import Context
    from storage.units import UnitRow

    Shapes = Mapping[int, shapely.Geometry]

MAX_VERTICES = 12_000_000
"""The most vertices of an edition that are drawn together: about 2 GB of memory."""

MANY_VERTICES = 50_000
"""From here on an edition is drawn in a process apart."""

MAX_UNITS = 200_000
"""The most units of a draft that are drawn together."""

MAX_TOLERANCE_M = 100_000.0

_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
"""How often one asks whether another has made the pictures: ever more seldom."""

_TRIES = 3
"""Pictures that were made may be forgotten before they are read: so often they are made anew."""


async def simplified_texts(
    context: Context,
    rows: Sequence[UnitRow],
    state: State,
    *,
    tolerance_m: float,
    datum: Datum,
) -> list[str]:
    """Return the GeoJSON texts of units, drawn without cracks between neighbours and levels.

    Parameters
    ----------
    tolerance_m
        See :func:`geo.simplify.simplify_together`. It is rounded down to a step of the ladder
        (:func:`geo.simplify.step_below`); below the lowest one the units come out as stored.

    Raises
    ------
    BadInputError
        If the tolerance is negative or beyond ``MAX_TOLERANCE_M``.
    TooCostlyError
        If the edition has more than ``MAX_VERTICES`` vertices, or the draft more than
        ``MAX_UNITS`` units.
    """
    if not 0 <= tolerance_m <= MAX_TOLERANCE_M:
        raise BadInputError(
            f"toleranceM is {tolerance_m:g}; give 0 to {MAX_TOLERANCE_M:g} metres",
            argument="toleranceM",
        )
    step_mm = step_below(tolerance_m)
    by_draft: dict[int | None, list[int]] = defaultdict(list)
    for row in rows:
        by_draft[row.draft_id].append(row.row_id)
    shapes = {
        draft: await _shapes(context, state, draft, step_mm, row_ids)
        for draft, row_ids in by_draft.items()
    }
    return await texts_of([shapes[row.draft_id][row.row_id] for row in rows], datum)


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


# --- asking -------------------------------------------------------------------------------------


class _Batch:
    """Gathers the rows that fields side by side ask for, so that they are one statement."""

    def __init__(self, fetch: Callable[[list[int]], Awaitable[Shapes]]) -> None:
        self._fetch = fetch
        self._row_ids: set[int] = set()
        self._coming: asyncio.Task[Shapes] | None = None

    async def get(self, row_ids: Sequence[int]) -> Shapes:
        self._row_ids.update(row_ids)
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._ask())
        # the one who began may be cancelled, the others not: the task goes on
        return await asyncio.shield(self._coming)

    async def _ask(self) -> Shapes:
        await asyncio.sleep(0)  # until all fields that are ready have asked
        asked, self._row_ids, self._coming = sorted(self._row_ids), set(), None
        return await self._fetch(asked)


async def _shapes(
    context: Context, state: State, draft: int | None, step_mm: int | None, row_ids: Sequence[int]
) -> Shapes:
    """Return the shapes of rows of an edition or of one draft, by number."""

    async def fetch(asked: list[int]) -> Shapes:
        if step_mm is None or state.edition is None:
            return await _as_stored(context, state, asked, in_draft=draft is not None)
        return await _of_edition(context, state.edition, step_mm, asked)

    async def begin() -> _Batch:
        return _Batch(fetch)

    if draft is not None and step_mm is not None:
        # a draft can be checked anew: nothing of it is kept
        number, step = draft, step_mm
        return await context.once(
            ("picture", number, step), lambda: _draw_draft(context, state, number, step)
        )
    batch = await context.once(("pictures", state, draft, step_mm), begin)
    return await batch.get(row_ids)


async def _as_stored(
    context: Context, state: State, row_ids: Sequence[int], *, in_draft: bool
) -> dict[int, shapely.Geometry]:
    keys = [(state, in_draft, row_id) for row_id in row_ids]
    found = await complete(context, keys, Wanted.SHAPE)
    geoms = as_geoms([row.wkb for row in found.values()])
    return {row_id: geom for (_, _, row_id), geom in zip(found, geoms, strict=True)}


async def _of_edition(
    context: Context, edition: int, step_mm: int, row_ids: Sequence[int]
) -> dict[int, shapely.Geometry]:
    """Return stored pictures; they are made when they are first asked for."""
    found = await context.ask(pictures.read, edition, step_mm, row_ids)
    for _ in range(_TRIES):
        if len(found) == len(row_ids):
            break
        await have_made(context, edition, step_mm)
        found = await context.ask(pictures.read, edition, step_mm, row_ids)
    drawn = dict(zip(found, as_geoms(list(found.values())), strict=True))
    missing = [row_id for row_id in row_ids if row_id not in found]
    if missing:
        drawn |= await _as_stored(context, State(edition), missing, in_draft=False)
    return drawn


# --- making -------------------------------------------------------------------------------------


async def have_made(context: Context, edition: int, step_mm: int) -> None:
    """Make the pictures of an edition, or wait until another has made them.

    Nobody holds a connection while waiting. One at a time draws in the whole service, which
    bounds its memory.
    """
    pause_s = _PAUSE_S
    while True:
        async with context.shared.engine.begin() as connection:
            if await pictures.is_made(connection, edition, step_mm):
                return
            if await pictures.may_make(connection):
                # it may have been made between the two questions
                if not await pictures.is_made(connection, edition, step_mm):
                    await _make(context, connection, edition, step_mm)
                return
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def _make(context: Context, connection: AsyncConnection, edition: int, step_mm: int) -> None:
    tree = await context.tree()
    tiling = {spec.key for spec in tree.specs if spec.tiling is Tiling.TILES}
    row_ids: dict[str, list[int]] = defaultdict(list)
    geoms: dict[str, list[NDArray[np.object_]]] = defaultdict(list)
    vertices = 0
    # closed at once when there is too much: the cursor must not outlive the transaction
    async with aclosing(pictures.standing(connection, edition)) as parts:
        async for part in parts:
            # tiling levels are drawn over one another, others each by itself
            layer = "" if part.level in tiling else part.level
            row_ids[layer] += part.row_ids
            geoms[layer].append(part.geoms)
            vertices += int(shapely.get_num_coordinates(part.geoms).sum())
            if vertices > MAX_VERTICES:
                raise TooCostlyError(
                    f"edition {edition} has more than {MAX_VERTICES} vertices, too many to "
                    "simplify together; ask for geometry without toleranceM"
                )
    if not geoms:
        return
    layers = [np.concatenate(some) for some in geoms.values()]
    metric = await metric_of(context, edition, layers[0])
    draw = simplify_together if vertices < MANY_VERTICES else draw_apart
    drawn = [await asyncio.to_thread(draw, layer, metric, step_mm / 1000) for layer in layers]
    numbers = [row_id for some in row_ids.values() for row_id in some]
    await pictures.write(connection, edition, step_mm, numbers, np.concatenate(drawn))


async def _draw_draft(context: Context, state: State, draft: int, step_mm: int) -> Shapes:
    """Return the units of a draft, without cracks between them."""
    read = await context.ask(drafts_reading.shapes, draft, limit=MAX_UNITS + 1)
    if len(read) > MAX_UNITS:
        raise TooCostlyError(
            f"draft {draft} has more than {MAX_UNITS} units, too many to simplify together; "
            "ask for geometry without toleranceM"
        )
    bases = {row.id: row.base_edition for row in await rows_of(context, state)}
    geoms = as_geoms([wkb for _, wkb in read])
    metric = await metric_of(context, bases.get(draft), geoms)
    drawn = await asyncio.to_thread(simplify_together, geoms, metric, step_mm / 1000)
    return {row_id: geom for (row_id, _), geom in zip(read, drawn, strict=True)}
