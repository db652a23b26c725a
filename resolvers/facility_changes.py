"""Changes of single service points: whether the asker may, there and before, and the work."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from typing import TYPE_CHECKING

import numpy as np

from geo.crs import Datum, convert, round9
from geo.errors import BadInputError, ForbiddenError, UnknownError
from resolvers.again import until_undisturbed
from resolvers.facilities import inside_of
from resolvers.facility_lists import FAR_KM, far_away, stretches, write_plan
from resolvers.facility_orders import PutOrder, check_further, content_of, plain_text
from resolvers.naming import search_text
from resolvers.programmes import require_kinds
from resolvers.rights import Right, require
from resolvers.stretches import Said, Stretch, plan
from resolvers.units import UnitRef
from storage import facilities, facility_ground, facility_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from resolvers.context import Context
    from resolvers.places import Point
    from storage.drafts_reading import Ground
    from storage.facilities import FacilityRow
    from storage.facility_ground import Inside
    from storage.facility_states import FacilityContent, FacilityState

Day = dt.date

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
    key, further = plain_text("key", order.key), order.further
    check_further(further)
    place = await _placed(context, order.point)
    await require_kinds(context, [plain_text("kind", order.kind)], argument="kind")
    inside = await _ground(context, ground)
    day = order.since or context.today
    await asyncio.to_thread(search_text, key, order.name)  # its dictionaries take a moment

    async def put(_again: bool) -> FacilityRow | None:
        async with context.shared.engine.begin() as connection:
            await _require_place(connection, inside, [place], argument="location")
            states = (await facility_states.states(connection, [key])).get(key, [])
            await _require_place(connection, inside, _places(states, day), argument="key")
            said = Said(
                key,
                content_of(order, place, _former(states, day)),
                None,
                further.get("until", _end_of(states, day)),
            )
            made = plan(stretches({key: states} if states else {}), [said], day)
            await write_plan(connection, made, by)
            return await facilities.latest(connection, key, day)

    row = await until_undisturbed(put)
    context.renew()
    return _there(row, key)


def _former(states: Sequence[FacilityState], day: Day) -> FacilityContent | None:
    """Return what is said of a service point on a day, or was said last."""
    on_day = [state for state in states if Stretch(*state).covers(day)]
    return (on_day or states)[-1].content if states else None


def _places(states: Sequence[FacilityState], day: Day) -> list[tuple[float, float]]:
    """Return where a service point stands on a day or later, or stood last."""
    alive = [state for state in states if state.until is None or state.until > day]
    return [(state.content.lon, state.content.lat) for state in alive or states[-1:]]


def _end_of(states: Sequence[FacilityState], day: Day) -> Day | None:
    """Return the day on which a service point ends, where one is set that is still to come."""
    end = states[-1].until if states else None
    return end if end is not None and end > day else None


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
    key, day = plain_text("key", key), on or context.today
    inside = await _ground(context, ground)

    async def remove(_again: bool) -> FacilityRow | None:
        async with context.shared.engine.begin() as connection:
            states = (await facility_states.states(connection, [key])).get(key, [])
            if not states:
                raise UnknownError(f"there is no service point {key!r}", argument="key")
            await _require_place(connection, inside, _places(states, day), argument="key")
            _check_end(key, states, day)
            made = plan(stretches({key: states}), [], day, replace=True)
            await write_plan(connection, made, by)
            return await facilities.latest(connection, key, day)

    row = await until_undisturbed(remove)
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
