"""Writes how service points stand from day to day; the tables forbid two states of one day."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import ARRAY, BigInteger, bindparam, delete, func, text
from sqlalchemy.exc import DBAPIError

from geo.errors import ConflictError
from storage import facilities
from storage.circle_models import Facility
from storage.models import SRID
from storage.units import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection


Day = dt.date

LOAD_LOCK = 0x77616E6767650006
"""Advisory lock that lets one list be loaded at a time ("wangge" and a number)."""

OVERLAP = "23P01"
"""SQLSTATE of an exclusion constraint: another state stands on one of the days."""

UNKNOWN_KEY = "23503"
"""SQLSTATE of a foreign key: what is named is gone."""


class FacilityContent(NamedTuple):
    """All that is said of a service point, but for its days."""

    kind: str
    name: str
    lon: float
    """Degrees (WGS 84), rounded to 1e-9."""
    lat: float
    floor_area_m2: float | None
    rooms: tuple[str, ...]
    opening_hours: str | None
    compound_code: str | None
    properties: bytes
    """JSON text with sorted keys, so that the same is the same."""


class FacilityState(NamedTuple):
    """A state of a service point; without a number it is not stored yet."""

    row_id: int | None
    key: str
    content: FacilityContent
    since: Day
    until: Day | None


def canonical_json(value: object) -> bytes:
    """Return the text of a JSON value by which two of them are compared."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits: it comes back as another number
        return canonical_json(orjson.loads(json.dumps(value, allow_nan=False)))


async def lock_loading(connection: AsyncConnection) -> None:
    """Let other loads wait until the transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})


async def states(
    connection: AsyncConnection, keys: Collection[str] | None, *, lock: bool = True
) -> dict[str, list[FacilityState]]:
    """Return all states of the keys (None: of all service points), by their days.

    Parameters
    ----------
    lock
        Whether others who would change them have to wait until the transaction ends.

    Notes
    -----
    No limit: a list may be the whole truth. Leans on ``facility_one_row_a_day``.
    """
    query = facilities.columns(as_text=False).order_by(Facility.key, Facility.since)
    if keys is not None:
        query = query.where(Facility.key == func.any(texts(list(keys))))
    if lock:
        query = query.with_for_update()
    found: dict[str, list[FacilityState]] = {}
    for row in await connection.execute(query):
        state = _state_of(row)
        found.setdefault(state.key, []).append(state)
    return found


async def write(
    connection: AsyncConnection,
    *,
    begun: Sequence[tuple[FacilityState, str]],
    mended: Sequence[tuple[FacilityState, str]],
    dropped: Sequence[int],
    changed_by: str,
) -> None:
    """Write states, each with the text by which it is found.

    Parameters
    ----------
    begun
        New ones.
    mended
        Stored ones that are otherwise now.
    dropped
        Numbers of stored ones that never came.

    Raises
    ------
    ConflictError
        If somebody else wrote a state of the same days meanwhile, or took a kind away.
    """
    try:
        if dropped:  # they make room for what stands longer or begins then
            gone = bindparam(None, list(dropped), ARRAY(BigInteger), unique=True)
            await connection.execute(delete(Facility).where(Facility.row_id == func.any(gone)))
        for statement, rows in ((_UPDATE, mended), (_INSERT, begun)):
            for start in range(0, len(rows), AT_ONCE):
                part = [_plain(*row) for row in rows[start : start + AT_ONCE]]
                values = {"rows": orjson.dumps(part).decode(), "changed_by": changed_by}
                await connection.execute(text(statement), values)
        if len(begun) > MANY:  # else the planner takes the table for empty
            await connection.execute(text("ANALYZE facility"))
    except DBAPIError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


MANY = 1_000
"""So many new rows are worth looking at."""

AT_ONCE = 10_000
"""So many rows are one statement: each counts as a change of all."""

_COLUMNS = """key, kind, name, geom, floor_area_m2, rooms, opening_hours, compound_code, properties,
    search_text, since, until, changed_by"""
_VALUES = f"""r.key, r.kind, r.name, ST_SetSRID(ST_MakePoint(r.lon, r.lat), {SRID}),
    r.floor_area_m2, r.rooms, r.opening_hours, r.compound_code, r.properties, r.search_text,
    r.since, r.until, :changed_by"""
_ROWS = """jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
    (row_id bigint, key text, kind text, name text, lon float8, lat float8, floor_area_m2 float8,
     rooms text[], opening_hours text, compound_code text, properties jsonb, search_text text,
     since date, until date)"""
_INSERT = f"INSERT INTO facility ({_COLUMNS}) SELECT {_VALUES} FROM {_ROWS}"
_UPDATE = f"""
UPDATE facility f SET ({_COLUMNS}, changed_at) = ROW ({_VALUES}, now())
FROM {_ROWS} WHERE f.row_id = r.row_id
"""


def _plain(state: FacilityState, search_text: str) -> dict[str, Any]:
    """Return a state's values by their columns."""
    values: dict[str, Any] = {**state._asdict(), **state.content._asdict()}
    del values["content"]
    return {
        **values,
        "properties": orjson.Fragment(state.content.properties),
        "search_text": search_text,
    }


def _refusal(error: DBAPIError) -> ConflictError | None:
    """Return what is said of a failure that others caused; None of any other."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate == OVERLAP:
        return ConflictError(
            "somebody else changed the same service point at the same time; look at it again, "
            "then repeat what is still to be changed"
        )
    if sqlstate == UNKNOWN_KEY:
        return ConflictError("a kind of service points was taken away meanwhile; load it again")
    return None


def _state_of(row: Any) -> FacilityState:  # noqa: ANN401 - a row of the columns above
    row_id, key, kind, name, lon, lat, area_m2, rooms, hours, compound, properties, *days = row
    content = FacilityContent(
        kind=kind,
        name=name,
        lon=lon,
        lat=lat,
        floor_area_m2=area_m2,
        rooms=tuple(rooms),
        opening_hours=hours,
        compound_code=compound,
        properties=canonical_json(properties),
    )
    return FacilityState(row_id, key, content, *days)
