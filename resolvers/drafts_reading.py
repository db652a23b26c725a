"""Drafts for those who may see them, and what their checks found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Datum, Plane
from geo.errors import BadInputError, ForbiddenError
from resolvers.context import State
from resolvers.paging import Page, take
from resolvers.shapes import areas_of_box, geojson_of
from storage import drafts_reading, findings_reading, waivers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.context import Context
    from storage.drafts_reading import DraftRow, Ground
    from storage.findings_reading import FeatureRow, FindingFilter, FindingRow
    from storage.units import UnitRow, Wanted
    from storage.waivers import WaivedCount


def state_of(draft: DraftRow) -> State:
    """Return what a draft's units are seen in: it and those that it stands on, over its base."""
    return State(draft.base_edition, (draft.id, *sorted(draft.with_drafts)))


async def by_ids(context: Context, ids: Sequence[int]) -> dict[int, DraftRow]:
    """Return those of some drafts that the asker may see.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may see none at all.
    """
    ground = await context.editor_ground()
    return await context.ask(drafts_reading.drafts_by_ids, ids, ground=ground)


async def one(context: Context, draft: int) -> DraftRow | None:
    """Return a draft; None when there is none.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not see it.
    """
    ground = await context.editor_ground()
    found = await context.ask(drafts_reading.drafts_by_ids, [draft], ground=ground)
    if draft not in found and ground is not None:
        await _refuse_foreign(context, draft, ground)
    return found.get(draft)


async def _refuse_foreign(context: Context, draft: int, ground: Ground) -> None:
    if await context.ask(drafts_reading.existing, [draft]):
        raise ForbiddenError(
            f"the draft lies outside {ground.level} {ground.code}, for which the key is valid"
        )


async def page(
    context: Context, *, status: str | None, level: str | None, first: int, after: int | None
) -> Page[DraftRow]:
    """Return a page of the drafts that the asker may see, newest first."""
    ground = await context.editor_ground()
    if level is not None:
        (await context.tree()).get(level)
    rows = await context.ask(
        drafts_reading.drafts_page,
        status=status,
        level=level,
        ground=ground,
        first=first + 1,
        after=after,
    )
    return take(rows, first)


async def count(context: Context, *, status: str | None, level: str | None) -> int:
    """Return how many drafts of a status and level the asker may see."""
    ground = await context.editor_ground()
    return await context.ask(drafts_reading.count_drafts, status=status, level=level, ground=ground)


async def together(context: Context, ids: Sequence[int]) -> dict[int, list[DraftRow]]:
    """Return, by draft, those that it stands on or that stand on it."""
    ground = await context.editor_ground()
    return await context.ask(drafts_reading.together, ids, ground=ground)


async def units_page(
    context: Context,
    drafts: Sequence[int],
    *,
    bbox: Sequence[float] | None,
    first: int,
    after: tuple[str, int] | None,
    wanted: Wanted,
) -> dict[int, Page[UnitRow]]:
    """Return a page of the units of each of many drafts, by code."""
    found = await context.ask(
        drafts_reading.units_page,
        drafts,
        areas=_areas(bbox),
        first=first + 1,
        after=after,
        wanted=wanted,
    )
    return {draft: take(rows, first) for draft, rows in found.items()}


async def count_units(
    context: Context, drafts: Sequence[int], *, bbox: Sequence[float] | None
) -> dict[int, int]:
    """Return how many units each of many drafts has."""
    return await context.ask(drafts_reading.count_units, drafts, areas=_areas(bbox))


def _areas(bbox: Sequence[float] | None) -> tuple[str, ...] | None:
    return areas_of_box(bbox, Datum.WGS84) if bbox is not None else None


async def findings_page(
    context: Context,
    drafts: Sequence[int],
    which: FindingFilter,
    *,
    first: int,
    after: tuple[float, str] | None,
    geometry: bool,
) -> dict[int, Page[FindingRow]]:
    """Return a page of the findings of each of many drafts, largest first."""
    found = await context.ask(
        findings_reading.findings_page,
        drafts,
        which,
        first=first + 1,
        after=after,
        geometry=geometry,
        day=context.today,
    )
    return {draft: take(rows, first) for draft, rows in found.items()}


async def count_findings(
    context: Context, drafts: Sequence[int], which: FindingFilter
) -> dict[int, int]:
    """Return how many findings of a kind each of many drafts has."""
    return await context.ask(findings_reading.count_findings, drafts, which, day=context.today)


async def counts(context: Context, drafts: Sequence[int]) -> dict[int, list[WaivedCount]]:
    """Return how many findings of each of many drafts are open and how many are waived today."""
    return await context.ask(waivers.counts_of_drafts, drafts, context.today)


async def features(
    context: Context, keys: Sequence[tuple[int, int]], *, geometry: bool
) -> dict[tuple[int, int], FeatureRow]:
    """Return rows of drafts' files by (draft, row)."""
    return await context.ask(findings_reading.features, keys, geometry=geometry)


def picture_of(draft: DraftRow, row: FeatureRow, datum: Datum) -> str | None:
    """Return the GeoJSON text of a row's geometry as it was sent, in degrees of a datum.

    None where the row has none, or none that can be drawn: with coordinates that are no numbers,
    or that do not belong to the file's coordinate system.
    """
    if row.source_wkb is None:
        return geojson_of(_one(shapely.from_wkb(row.wkb)), datum)[0] if row.wkb else None
    sent = shapely.force_2d(shapely.from_wkb(row.source_wkb))
    if sent.is_empty or not _finite(sent):
        return None
    try:
        plane = Plane.around(
            draft.crs, list(sent.bounds), datum=Datum(draft.source.get("datum", Datum.WGS84))
        )
    except BadInputError:
        return None
    shown = shapely.transform(sent, lambda xy: plane.to_lonlat(plane.from_file(xy)))
    return geojson_of(_one(shown), datum)[0] if _finite(shown) else None


def _one(geometry: shapely.Geometry) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    alone = np.empty(1, dtype=object)
    alone[0] = geometry
    return alone


def _finite(geometry: shapely.Geometry) -> bool:
    return bool(np.isfinite(shapely.get_coordinates(geometry)).all())
