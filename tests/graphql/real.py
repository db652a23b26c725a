"""Drafts of the small town as imports leave them: checked, with a plan, ready to be published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import text

from geo.check import Sent
from geo.crs import Datum
from resolvers.importing import DraftOrder, make_draft
from tests.graphql.asking import TODAY
from tests.graphql.world import UNITS, array_of, polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.graphql.world import Box


class Drew(NamedTuple):
    """A unit as a file has it."""

    code: str
    box: Box
    name: str | None = None
    parent: str | None = None


def standing(level: str, *codes: str) -> list[Drew]:
    """Return units as they stand in edition 2; all of the level without codes."""
    return [
        Drew(unit.code, unit.box, unit.name, unit.parent)
        for unit in UNITS
        if unit.level == level and unit.last is None and (not codes or unit.code in codes)
    ]


async def make(
    engine: AsyncEngine,
    level: str,
    units: Sequence[Drew],
    *,
    within: tuple[str, str] | None = None,
    together_with: Sequence[int] = (),
    by: str = "editor",
) -> int:
    """Import units as a draft; return its number."""
    sent = Sent(
        rows=np.arange(1, len(units) + 1),
        codes=[unit.code for unit in units],
        names=[unit.name for unit in units],
        parents=[unit.parent for unit in units],
        properties=[{} for _ in units],
        geoms=array_of([polygon(unit.box) for unit in units]),
        crs="EPSG:4326",
        datum=Datum.WGS84,
    )
    source: dict[str, Any] = {  # free JSON: the contract's DraftSource
        "file": "drawn.geojson",
        "sha256": "ab" * 32,
        "format": "GeoJSON",
        "layer": None,
        "featureCount": len(units),
        "encoding": "UTF-8",
        "crs": "EPSG:4326",
        "datum": "WGS84",
        "columns": {},
        "notices": [],
    }
    ground = ":".join(within) if within is not None else None
    made = await make_draft(
        engine, sent, source, DraftOrder(level, ground, by, TODAY, together_with)
    )
    if made.draft is None:
        raise ValueError("the draft has no number")
    return made.draft


async def copies(engine: AsyncEngine, draft: int, count: int) -> list[int]:
    """Store a draft once more, ``count`` times, with its rows and without a plan."""
    columns = (
        "status, level, within_level, within_code, base_edition, with_drafts, crs, source, report,"
        " created_by"
    )
    rows = (
        "row, code, name, parent_code, named_parent, geom, source_wkb, chain, area_m2, properties,"
        " households, people, groups"
    )
    once = text(
        f"WITH made AS (INSERT INTO draft ({columns}) SELECT {columns} FROM draft"
        " WHERE id = :draft RETURNING id), filled AS (INSERT INTO draft_unit (draft_id,"
        f" {rows}) SELECT made.id, {rows} FROM made, draft_unit WHERE draft_id = :draft)"
        " SELECT id FROM made"
    )
    async with engine.begin() as connection:
        return [
            (await connection.execute(once, {"draft": draft})).scalar_one() for _ in range(count)
        ]
