"""Places of points, where what is held in memory tells them without waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolvers.places_at_once import place_at_once, places_at_once
from schema.batches import points_of
from schema.columns import shortcut
from schema.completing import Kept, Picked
from schema.lookahead import is_plain_place, unit_wanted
from schema.places import Place
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.context import Context
    from schema.request import Info


def _may_read(context: Context) -> bool:
    """Return whether it takes no look at a key to know that the asker may read."""
    return context.is_stranger and context.shared.public


@shortcut("Query", "place_at")
def _place_at(
    _root: Sequence[Any], info: Info, asked: dict[str, Any]
) -> list[Place] | list[Kept] | None:
    reading = info.context.reading
    if not _may_read(reading):
        return None
    plain = is_plain_place(info)
    row = place_at_once(
        reading,
        asked["point"].plain(),
        level=asked.get("level"),
        as_of=asked.get("as_of"),
        wanted=Wanted.NOTHING if plain else unit_wanted(info, "units") | unit_wanted(info, "unit"),
    )
    if row is None:
        return None
    if not plain or row.shown is None:
        return [Place.of(info, row)]
    place = Place(row=row, nearest_wanted=Wanted.NOTHING, on_border=row.on_border)
    return [Kept(place, len(row.units), row.shown)]


@shortcut("Query", "places_at")
def _places_at(_root: Sequence[Any], info: Info, asked: dict[str, Any]) -> list[Picked] | None:
    reading = info.context.reading
    if not _may_read(reading):
        return None
    points = points_of(asked["points"])
    found = places_at_once(reading, points, level=asked.get("level"), as_of=asked.get("as_of"))
    if found is None:
        return None
    info.context.spend(len(points))
    # a row has all that the fields of its answer read: see schema.places.place_codes_of
    return [Picked(found.answers, found.which, found.shown)]
