"""Units as GeoJSON: one geometry, or a page of features."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from geo import crs
from resolvers.context import State
from resolvers.pictures import simplified
from resolvers.shapes import geojson_of, geojson_of_wkb
from schema.ids import IdKind, encode
from schema.request import Info
from storage.units import UnitRow, Wanted

if TYPE_CHECKING:
    from shapely import Geometry


async def geometry_of(
    info: Info, row: UnitRow, state: State, datum: crs.Datum, tolerance_m: float | None
) -> str:
    """Return the GeoJSON text of a unit."""
    return (await _texts(info, [row], state, datum=datum, tolerance_m=tolerance_m))[0]


async def collection_of(
    info: Info,
    rows: Sequence[UnitRow],
    state: State,
    datum: crs.Datum,
    tolerance_m: float | None,
) -> bytes:
    """Return the text of a FeatureCollection of units."""
    texts = await _texts(info, rows, state, datum=datum, tolerance_m=tolerance_m)
    counted = await _complete(info, rows, state, Wanted.TALLY)
    features = [
        {
            "type": "Feature",
            "geometry": orjson.Fragment(text),
            "properties": _properties(row),
        }
        for row, text in zip(counted, texts, strict=True)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def _properties(row: UnitRow) -> dict[str, Any]:  # values of JSON
    kind = IdKind.UNIT if row.draft_id is None else IdKind.DRAFT_UNIT
    return {
        "id": encode(kind, row.id),
        "level": row.level,
        "code": row.code,
        "name": row.name,
        "parent": row.parent_code,
        "areaM2": row.area_m2,
        "households": row.households or 0,
        "people": row.people or 0,
    }


async def _texts(
    info: Info,
    rows: Sequence[UnitRow],
    state: State,
    *,
    datum: crs.Datum,
    tolerance_m: float | None,
) -> list[str]:
    if tolerance_m is not None:
        drawn = await _drawn(info, rows, state, tolerance_m)
        return await asyncio.to_thread(geojson_of, _array(drawn), datum)
    if datum is crs.Datum.WGS84:
        return [
            row.geojson or "null" for row in await _complete(info, rows, state, Wanted.GEOMETRY)
        ]
    shaped = await _complete(info, rows, state, Wanted.SHAPE)
    return [geojson_of_wkb(row.wkb or b"", datum) for row in shaped]


async def _drawn(
    info: Info, rows: Sequence[UnitRow], state: State, tolerance_m: float
) -> list[Geometry]:
    """Return the simplified polygons of units, whose levels are drawn as a whole."""
    pictures = {
        (level, draft): await simplified(
            info.context.reading, state, level, in_draft=draft, tolerance_m=tolerance_m
        )
        for level, draft in dict.fromkeys((row.level, row.draft_id) for row in rows)
    }
    return [pictures[row.level, row.draft_id][row.row_id] for row in rows]


async def _complete(
    info: Info, rows: Sequence[UnitRow], state: State, wanted: Wanted
) -> list[UnitRow]:
    """Return rows with some columns, which the look-ahead has read as a rule."""
    return [
        row if wanted in row.wanted else await info.context.complete(state, row, wanted)
        for row in rows
    ]


def _array(geoms: Sequence[Geometry]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    out = np.empty(len(geoms), dtype=object)
    out[:] = geoms
    return out
