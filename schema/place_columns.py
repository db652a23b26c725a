"""Places of points, where what is held in memory tells them without waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolvers.places_at_once import place_at_once, places_at_once
from schema.batches import points_of
from schema.columns import shortcut
from schema.completing import Picked
from schema.lookahead import unit_wanted
from schema.places import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.context import Context
    from schema.request import Info


def _may_read(context: Context) -> bool:
    """Return whether it takes no look at a key to know that the asker may read."""
    return context.is_stranger and context.shared.public


@shortcut("Query", "place_at")
def _place_at(_root: Sequence[Any], info: Info, asked: dict[str, Any]) -> list[Place] | None:
    reading = info.context.reading
    if not _may_read(reading):
        return None
    wanted = unit_wanted(info, "units") | unit_wanted(info, "unit")
    row = place_at_once(
        reading,
        asked["point"].plain(),
        level=asked.get("level"),
        as_of=asked.get("as_of"),
        wanted=wanted,
    )
    return [Place.of(info, row)] if row is not None else None


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
