"""What clients say of a service point: whether it can be meant, and what it comes to."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from geo.errors import BadInputError
from resolvers import opening
from resolvers.paging import check_length, check_text
from sources.harmless import harmless_text
from storage.facility_states import FacilityContent, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.places import Point

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


def content_of(
    order: PutOrder, place: tuple[float, float], former: FacilityContent | None
) -> FacilityContent:
    """Return what is said of a service point; what is left out is as it was.

    Parameters
    ----------
    place
        Degrees of WGS 84.
    former
        What was said of it before; None of a new one.

    Raises
    ------
    BadInputError
        If a text or the properties cannot be kept.
    """
    further = order.further
    lon, lat = place
    content = FacilityContent(
        kind=plain_text("kind", order.kind),
        name=plain_text("name", order.name, blank=True),
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
        rooms = [plain_text("rooms", room) for room in further["rooms"] or ()]
        content = content._replace(rooms=tuple(dict.fromkeys(rooms)))
    if "opening_hours" in further:
        content = content._replace(opening_hours=_or_none("openingHours", further["opening_hours"]))
    if "compound" in further:
        content = content._replace(compound_code=_or_none("compound", further["compound"]))
    if "properties" in further:
        content = content._replace(properties=_json_object(further["properties"]))
    return content


def check_further(further: Further) -> None:
    """Refuse an area, rooms or opening hours that cannot be meant.

    Raises
    ------
    BadInputError, LimitExceededError
        If they cannot; the argument is named.
    """
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


def plain_text(argument: str, text: str, *, blank: bool = False) -> str:
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
    return (plain_text(argument, text, blank=True) or None) if text is not None else None


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
