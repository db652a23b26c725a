"""Changes of single service points: whether the asker may, there and where it was, and the work."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import numpy as np

from geo.crs import Datum, convert, round9
from geo.errors import BadInputError, ForbiddenError, UnknownError
from resolvers import opening
from resolvers.facilities import inside_of
from resolvers.facility_lists import FAR_KM, far_away, stretches, write_plan
from resolvers.naming import search_text
from resolvers.paging import check_length, check_text
from resolvers.programmes import require_kinds
from resolvers.rights import Right, require
from resolvers.stretches import Said, plan
from resolvers.units import UnitRef
from sources.harmless import harmless_text
from storage import facilities, facility_ground, facility_states
from storage.facility_states import FacilityContent, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from resolvers.context import Context
    from resolvers.places import Point
    from storage.drafts_reading import Ground
    from storage.facilities import FacilityRow
    from storage.facility_ground import Inside
    from storage.facility_states import FacilityState

Day = dt.date

MAX_TEXT = 1_000
"""The longest key, name or other text, in characters."""

MAX_ROOMS = 100
MAX_AREA_M2 = 10_000_000.0
"""More floor than any building has."""

MAX_PROPERTIES = 100_000
"""The longest JSON text of properties, in bytes."""


class Further(TypedDict, total=False):
    """What may be said of a service point; what is left out stays as it was."""

    floor_area_m2: float | None
    rooms: Sequence[str] | None
    opening_hours: str | None
    compound: str | None
    properties: Any  # any JSON value; only an object can be meant
    until: Day | None


class PutOrder(NamedTuple):
    """A service point, as it is to be from a day on."""

    key: str
    kind: str
    name: str
    point: Point
    since: Day | None
    """The first day; None: today."""
    further: Further


# -- putting ---------------------------------------------------------------------------------


async def put_facility(context: Context, order: PutOrder) -> FacilityRow:
    """Write how a service point is from a day on, in the name of the key.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, where it is to be or where it was.
    BadInputError, UnknownError, LimitExceededError
        If anything cannot be meant.
    ConflictError
        If somebody else changed it at the same time.
    """
    by, ground = await require(context, Right.KEEP_FACILITIES)
    key, further = _plain("key", order.key), order.further
    _check_further(further)
    place = await _placed(context, order.point)
    await require_kinds(context, [_plain("kind", order.kind)], argument="kind")
    inside = await _ground(context, ground)
    day = order.since or context.today
    await asyncio.to_thread(search_text, key, order.name)  # its dictionaries take a moment
    async with context.shared.engine.begin() as connection:
        await _require_place(connection, inside, [place], argument="location")
        states = (await facility_states.states(connection, [key])).get(key, [])
        await _require_place(connection, inside, _places(states, day), argument="key")
        content = _content(order, place, states[-1].content if states else None)
        until = further.get("until", _end_of(states, day))
        said = Said(key, content, None, until)
        made = plan(stretches({key: states} if states else {}), [said], day)
        await write_plan(connection, made, by)
        row = await facilities.latest(connection, key, day)
    context.renew()
    return _there(row, key)


def _places(states: Sequence[FacilityState], day: Day) -> list[tuple[float, float]]:
    """Return where a service point stands on a day or later, or stood last."""
    alive = [state for state in states if state.until is None or state.until > day]
    return [(state.content.lon, state.content.lat) for state in alive or states[-1:]]


def _end_of(states: Sequence[FacilityState], day: Day) -> Day | None:
    """Return the day on which a service point ends, where one is set that is still to come."""
    end = states[-1].until if states else None
    return end if end is not None and end > day else None


def _content(
    order: PutOrder, place: tuple[float, float], former: FacilityContent | None
) -> FacilityContent:
    """Return what is said of a service point; what is left out is as it was."""
    further = order.further
    lon, lat = place
    content = FacilityContent(
        kind=order.kind,
        name=_plain("name", order.name, blank=True),
        lon=lon,
        lat=lat,
        floor_area_m2=former.floor_area_m2 if former else None,
        rooms=former.rooms if former else (),
        opening_hours=former.opening_hours if former else None,
        compound_code=former.compound_code if former else None,
        properties=former.properties if former else b"{}",
    )
    if "floor_area_m2" in further:
        content = content._replace(floor_area_m2=further["floor_area_m2"])
    if "rooms" in further:
        rooms = [_plain("rooms", room) for room in further["rooms"] or ()]
        content = content._replace(rooms=tuple(dict.fromkeys(rooms)))
    if "opening_hours" in further:
        content = content._replace(opening_hours=_or_none("openingHours", further["opening_hours"]))
    if "compound" in further:
        content = content._replace(compound_code=_or_none("compound", further["compound"]))
    if "properties" in further:
        content = content._replace(properties=_json_object(further["properties"]))
    return content


def _check_further(further: Further) -> None:
    """Refuse an area, rooms or opening hours that cannot be meant."""
    area_m2 = further.get("floor_area_m2")
    if area_m2 is not None and not 0 <= area_m2 <= MAX_AREA_M2:  # NaN is not, either
        raise BadInputError(
            f"floorAreaM2 is {area_m2:g}; give 0 to {MAX_AREA_M2:g} square metres",
            argument="floorAreaM2",
        )
    check_length("rooms", further.get("rooms") or (), MAX_ROOMS)
    hours = _or_none("openingHours", further.get("opening_hours"))
    if hours is not None and not opening.understood(hours):
        raise BadInputError(
            f"openingHours {hours!r} cannot be understood; write them as OpenStreetMap does, e.g. "
            "Mo-Fr 09:00-17:00; Sa 09:00-12:00",
            argument="openingHours",
        )


def _plain(argument: str, text: str, *, blank: bool = False) -> str:
    """Return a text without blanks around it.

    Raises
    ------
    BadInputError
        If it is too long, holds control characters, or is blank where it must not be.
    """
    check_text(argument, text)
    if len(text) > MAX_TEXT or harmless_text(text) != text:
        raise BadInputError(
            f"{argument} is too long or holds control characters; at most {MAX_TEXT} plain "
            "characters can be kept",
            argument=argument,
        )
    if not text.strip() and not blank:
        raise BadInputError(f"{argument} is blank; say what it is", argument=argument)
    return text.strip()


def _or_none(argument: str, text: str | None) -> str | None:
    return (_plain(argument, text, blank=True) or None) if text is not None else None


def _json_object(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    if value is None:
        return b"{}"
    if not isinstance(value, dict):
        raise BadInputError(
            'properties must be an object, e.g. {"phone": "12"}', argument="properties"
        )
    try:
        text = canonical_json(value)
    except (ValueError, RecursionError):
        text = b""
    if not text or len(text) > MAX_PROPERTIES or b"\\u0000" in text:
        raise BadInputError(
            f"properties are too long ({MAX_PROPERTIES:,} bytes at most), nested too deep, or "
            "hold what no JSON holds",
            argument="properties",
        )
    return text


# -- removing --------------------------------------------------------------------------------


async def remove_facility(context: Context, key: str, on: Day | None) -> FacilityRow:
    """Let a service point end on a day, in the name of the key; what was before stays.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, where it stands.
    UnknownError
        If there is none of that key.
    BadInputError
        If it begins on that day or later, or ended before.
    ConflictError
        If somebody else changed it at the same time.
    """
    by, ground = await require(context, Right.KEEP_FACILITIES)
    key, day = _plain("key", key), on or context.today
    inside = await _ground(context, ground)
    async with context.shared.engine.begin() as connection:
        states = (await facility_states.states(connection, [key])).get(key, [])
        if not states:
            raise UnknownError(f"there is no service point {key!r}", argument="key")
        await _require_place(connection, inside, _places(states, day), argument="key")
        _check_end(key, states, day)
        made = plan(stretches({key: states}), [], day, replace=True)
        await write_plan(connection, made, by)
        row = await facilities.latest(connection, key, day)
    context.renew()
    return _there(row, key)


def _check_end(key: str, states: Sequence[FacilityState], day: Day) -> None:
    first, end = states[0].since, states[-1].until
    if first >= day:
        raise BadInputError(
            f"{key!r} stands from {first} on: the first day on which it can be gone is "
            f"{first + dt.timedelta(days=1)}",
            argument="on",
        )
    if end is not None and end < day:
        raise BadInputError(f"{key!r} ended on {end} already", argument="on")


def _there(row: FacilityRow | None, key: str) -> FacilityRow:
    if row is None:
        raise UnknownError(f"there is no service point {key!r}", argument="key")
    return row


# -- places ----------------------------------------------------------------------------------


async def _placed(context: Context, point: Point) -> tuple[float, float]:
    """Return where a point is, in degrees of WGS 84, rounded to 1e-9.

    Raises
    ------
    BadInputError
        If it is no point on the Earth, or far from the city.
    """
    given = np.array([[point.lon, point.lat]])
    lonlat = given
    if _on_earth(given):
        lonlat = round9(convert(given, point.datum, Datum.WGS84))
    if not _on_earth(lonlat):
        raise BadInputError(
            f"({point.lon:.10g}, {point.lat:.10g}) is no longitude and latitude",
            argument="location",
        )
    box = await context.ask(facility_ground.standing_box)
    if box is not None and far_away(lonlat, box)[0]:
        raise BadInputError(
            f"({point.lon:.10g}, {point.lat:.10g}) lies more than {FAR_KM:.0f} km from the city; "
            "longitude comes first",
            argument="location",
        )
    return float(lonlat[0, 0]), float(lonlat[0, 1])


def _on_earth(lonlat: np.ndarray) -> bool:
    lon, lat = lonlat[0].tolist()
    return math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90  # noqa: PLR2004 - degrees


async def _ground(context: Context, ground: Ground | None) -> Inside | None:
    """Return the unit that a key is valid for, in the newest edition; None for everywhere.

    Raises
    ------
    ForbiddenError
        If it does not stand, as nothing does.
    """
    if ground is None:
        return None
    if ground.edition is None:
        raise ForbiddenError(
            f"the key is valid for {ground.level} {ground.code} only, and nothing is published yet"
        )
    return await inside_of(context, ground.edition, UnitRef(ground.level, ground.code))


async def _require_place(
    connection: AsyncConnection,
    inside: Inside | None,
    places: Sequence[tuple[float, float]],
    *,
    argument: str,
) -> None:
    """Refuse a place that does not lie on somebody's ground.

    Raises
    ------
    ForbiddenError
        If one does not.
    """
    if inside is None:
        return
    for lon, lat in places:
        if not await facility_ground.point_inside(connection, inside, lon, lat):
            raise ForbiddenError(
                f"the service point lies outside {inside.level} {inside.code}, for which the key "
                "is valid",
                argument=argument,
            )
