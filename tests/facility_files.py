"""Makes lists of service points without files, for tests of what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sources.facilities import FacilityFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sources.cells import JsonValue


class Point(NamedTuple):
    """A service point as a list says it."""

    key: str
    lon: float = 104.005
    lat: float = 38.005
    kind: str = "station"
    name: str = ""
    area_m2: float | None = None
    rooms: tuple[str, ...] = ()
    hours: str | None = None
    since: str | None = None
    until: str | None = None
    compound: str | None = None
    properties: Mapping[str, JsonValue] = {}


def listed(*points: Point) -> FacilityFile:
    """Return a list as a file is read."""
    return FacilityFile(
        file="points.csv",
        sha256="",
        keys=[point.key for point in points],
        kinds=[point.kind for point in points],
        labels=[point.name for point in points],
        lonlat=np.array([(p.lon, p.lat) for p in points], np.float64).reshape(-1, 2),
        floor_areas=[point.area_m2 for point in points],
        rooms=[list(point.rooms) for point in points],
        opening_hours=[point.hours for point in points],
        since=[point.since for point in points],
        until=[point.until for point in points],
        compounds=[point.compound for point in points],
        properties=[dict(point.properties) for point in points],
        notices=(),
    )
