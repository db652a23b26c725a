"""Units as GeoJSON: one geometry, or a page of features."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from geo import crs
from resolvers import assignments
from resolvers.context import State
from resolvers.facilities import day_of
from resolvers.pictures import shape_texts, simplified_texts
from schema.asked_day import asked_day
from schema.ids import IdKind, encode
from schema.request import Info
from storage.assignments import UnitKey
from storage.units import UnitRow, Wanted


async def geometry_of(
    info: Info, row: UnitRow, state: State, datum: crs.Datum, tolerance_m: float | None
) -> str:
    """Return the GeoJSON text of a unit."""
    return (await _texts(info, [row], state, datum=datum, tolerance_m=tolerance_m))[0]


async def collection_of(
    info: Info,
    rows: Sequence[UnitRow],
    state: State,
    *,
    datum: crs.Datum,
    tolerance_m: float | None,
    holders: Mapping[UnitKey, list[str]] | None = None,
) -> bytes:
    """Return the text of a FeatureCollection of units, and of who holds a duty there if asked."""
    texts = await _texts(info, rows, state, datum=datum, tolerance_m=tolerance_m)
    counted = await _complete(info, rows, state, Wanted.TALLY)
    features = [
        {
            "type": "Feature",
            "geometry": orjson.Fragment(text),
            "properties": _properties(row) | _held(row, holders),
        }
        for row, text in zip(counted, texts, strict=True)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


async def holder_names(
    info: Info, rows: Sequence[UnitRow], state: State, duty: str
) -> dict[UnitKey, list[str]]:
    """Return who carries a duty on units, by name, on the day that the question is about."""
    context = info.context.reading
    day = asked_day(info) or await day_of(context, state)
    units = [(row.level, row.code) for row in rows]
    names = await assignments.holder_names(context, units, duty, day)
    info.context.spend(sum(map(len, names.values())))
    return names


def _held(row: UnitRow, holders: Mapping[UnitKey, list[str]] | None) -> dict[str, Any]:  # JSON
    return {"holders": holders[row.level, row.code]} if holders is not None else {}


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
        return await simplified_texts(
            info.context.reading, rows, state, tolerance_m=tolerance_m, datum=datum
        )
    if datum is crs.Datum.WGS84:
        ready = await _complete(info, rows, state, Wanted.GEOMETRY)
        return [row.geojson or "null" for row in ready]
    return await shape_texts(await _complete(info, rows, state, Wanted.SHAPE), datum)


async def _complete(
    info: Info, rows: Sequence[UnitRow], state: State, wanted: Wanted
) -> list[UnitRow]:
    """Return rows with some columns, which the look-ahead has read as a rule."""
    if all(wanted in row.wanted for row in rows):
        return list(rows)
    return await asyncio.gather(*(info.context.complete(state, row, wanted) for row in rows))
