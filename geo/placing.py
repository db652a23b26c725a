"""Which coordinate systems a file's numbers can be in, by their ranges and by the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from pyproj.crs import CRS
from pyproj.geod import Geod

from geo.crs import WGS84, crs_label, of_own_degrees, own_degrees, parse_crs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from geo.ground import Ground

__all__ = [
    "MERCATOR",
    "Numbers",
    "Reading",
    "distinct",
    "lands",
    "metres_away",
    "middle",
    "namesakes",
    "of_ground",
    "of_numbers",
    "possible",
    "zone_number",
    "zones_by_meridian",
]

MERCATOR = "EPSG:3857"
"""What maps on the web are drawn in."""

SAMPLE = 500
"""How many vertices are tried."""

MOST = 0.5
"""At least so many of them must agree: single wild features are told of elsewhere."""

REACH_DEG, WORLD_DEG = 3.0, 90.0
"""How far beyond the area that a CRS is made for a file may lie, unless that is the world."""

NEAR_DEG = 0.03
"""How far beyond the ground a file may lie and still be meant for it: more than BD-09's shift."""

NOWHERE_DEG = 0.01
"""Nobody draws districts as near to 0° N, 0° E: there lie degrees that are taken for metres."""

TURNED = 1000.0
"""No conversion there and back misses by so many metres or feet, but for turns around the Earth."""

SAME_DEG = 1e-7
"""Systems that agree within a centimetre are one and the same reading."""

EASTING_M = (100_000.0, 900_000.0)
NORTHING_M = (300_000.0, 6_200_000.0)
"""Where China lies in a zone: 400 km to both sides of 500,000, and 3 to 56 degrees north."""

CHINA = (73.0, 3.0, 135.5, 54.0)
"""West, south, east, north of the land, in degrees."""

ZONE_M = 1_000_000.0
"""What a zone's number is multiplied by and added to its eastings."""

ZONES = {3: range(25, 46), 6: range(13, 24)}
"""Numbers of the zones of China, by their width in degrees."""

NUMBERED: dict[str, dict[int, int]] = {
    "China 2000": {3: 4513, 6: 4491},
    "Xian 1980": {3: 2349, 6: 2327},
    "Beijing 1954": {3: 2401, 6: 21413},
}
"""EPSG code of the first zone with its number in the eastings, by datum and width."""

BY_MERIDIAN = {3: 4534, 6: 4502}
"""EPSG code of the first zone of CGCS2000 without it (central meridian 75), by width."""

FIRST_MERIDIAN, LAST_MERIDIAN = 75, 135


Span = tuple[float, float, float, float]


class Reading(NamedTuple):
    """One way to read the numbers of a file."""

    crs: CRS
    swapped: bool = False
    """Whether north comes first in the file."""
    zone: tuple[int, int] | None = None
    """Width in degrees and number of the zone that the eastings name, if they led here."""

    @property
    def label(self) -> str:
        """The CRS's code or WKT."""
        return crs_label(self.crs)

    def straight(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return coordinates with east first, shape (n, 2)."""
        return xy[:, ::-1] if self.swapped else xy

    def degrees(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where a file's coordinates lie, within some hundred metres, shape (n, 2).

        Infinite for nowhere, and where PROJ went around the Earth to find a place.
        """
        straight = self.straight(xy)
        with np.errstate(all="ignore"):
            lonlat = own_degrees(self.crs, straight)
            if self.crs.is_projected:
                missed = np.abs(of_own_degrees(self.crs, lonlat) - straight).max(axis=1)
                lonlat[~(missed < TURNED)] = np.inf
        return lonlat


class Numbers(NamedTuple):
    """The coordinates of a file, as they are."""

    span: Span
    """Least x and y, greatest x and y."""
    sample: NDArray[np.float64]
    """Some vertices, shape (k, 2)."""

    @classmethod
    def of(cls, geoms: NDArray[np.object_]) -> Numbers:
        """Take the numbers of geometries that have some, shape (n,)."""
        xy = shapely.get_coordinates(geoms)
        west, south, east, north = shapely.total_bounds(geoms).tolist()
        return cls((west, south, east, north), xy[:: 1 + len(xy) // SAMPLE])

    @property
    def exist(self) -> bool:
        """Whether there is any number."""
        return len(self.sample) > 0

    def are_degrees(self, *, swapped: bool = False) -> bool:
        """Return whether most of them can be degrees."""
        limits = (90, 180) if swapped else (180, 90)
        return bool((np.abs(self.sample) <= limits).all(axis=1).mean() >= MOST)


def of_numbers(numbers: Numbers, datum: str | None = None) -> list[Reading]:
    """Return what the numbers alone can be: degrees, or metres of a zone that they name.

    Numbers of the zones 13 and 14, far in the west, are also those of the east coast on the web's
    map: then both are returned.

    Parameters
    ----------
    numbers
        Of the file.
    datum
        Name of the datum that the file claims; its zones are taken where it has any.
    """
    if numbers.are_degrees():
        return [Reading(parse_crs(WGS84))]
    if numbers.are_degrees(swapped=True):
        return [Reading(parse_crs(WGS84), swapped=True)]
    codes = NUMBERED.get(datum or "", NUMBERED["China 2000"])
    zones = [
        Reading(
            parse_crs(str(codes[width] + number - ZONES[width].start)), swapped, (width, number)
        )
        for swapped in (False, True)
        for width, number in _zones_named(numbers.span, swapped=swapped)
    ]
    maps = [Reading(parse_crs(MERCATOR), zone.swapped) for zone in zones]
    return zones + [
        reading
        for reading in maps
        if _in_box(reading.degrees(numbers.sample), CHINA, 0.0).mean() >= MOST
    ]


def _zones_named(span: Span, *, swapped: bool) -> list[tuple[int, int]]:
    """Return the one zone whose number all eastings begin with, with its width; else nothing."""
    number = zone_number(span, swapped=swapped) or 0
    return [(width, number) for width, numbers in ZONES.items() if number in numbers]


def zone_number(span: Span, *, swapped: bool) -> int | None:
    """Return what stands before all eastings, 0 for nothing; None if they are in no zone.

    Parameters
    ----------
    span
        Least x and y, greatest x and y.
    swapped
        Whether y is taken for the easting.
    """
    west, south, east, north = span
    if swapped:
        west, south, east, north = south, west, north, east
    if not (NORTHING_M[0] <= south <= north <= NORTHING_M[1] and 0 < west < 100 * ZONE_M):
        return None
    number = int(west // ZONE_M)
    inside = EASTING_M[0] <= west - number * ZONE_M <= east - number * ZONE_M <= EASTING_M[1]
    return number if inside else None


def of_ground(ground: Ground) -> list[Reading]:
    """Return systems that are used where a ground lies: its zones and its map on the web."""
    west, south, east, north = ground.outline.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    codes = [MERCATOR]
    for width, first in BY_MERIDIAN.items():
        meridians = range(FIRST_MERIDIAN, LAST_MERIDIAN + 1, width)
        codes += [
            f"EPSG:{first + (meridian - FIRST_MERIDIAN) // width}"
            for meridian in meridians
            if abs(meridian - lon) <= width
        ]
    zone = int((lon + 180) // 6) + 1
    half = 32600 if lat >= 0 else 32700
    codes += [f"EPSG:{half + (near - 1) % 60 + 1}" for near in (zone - 1, zone, zone + 1)]
    systems = [parse_crs(code) for code in codes]
    return [Reading(crs, swapped) for swapped in (False, True) for crs in systems]


def zones_by_meridian() -> list[tuple[int, str]]:
    """Return the 3-degree zones of CGCS2000 without a number: central meridian and code."""
    meridians = range(FIRST_MERIDIAN, LAST_MERIDIAN + 1, 3)
    return [(meridian, f"EPSG:{BY_MERIDIAN[3] + i}") for i, meridian in enumerate(meridians)]


def namesakes(reading: Reading) -> list[str]:
    """Return the zones of older datums that have the same numbers, some 100 metres off."""
    if reading.zone is None:
        return []
    width, number = reading.zone
    codes = {name: codes[width] + number - ZONES[width].start for name, codes in NUMBERED.items()}
    return [f"{name} (EPSG:{c})" for name, c in codes.items() if f"EPSG:{c}" != reading.label]


def possible(reading: Reading, numbers: Numbers) -> bool:
    """Return whether the numbers can be coordinates of a system, or would lie off its area.

    An area that is not known forbids nothing but what is no place on Earth.
    """
    if reading.crs.is_geographic:
        degree = reading.crs.axis_info[0].unit_conversion_factor
        limit = np.pi / degree * np.array([1.0, 0.5])
        straight = reading.straight(numbers.sample)
        return bool((np.abs(straight) <= limit * (1 + 1e-9)).all(axis=1).mean() >= MOST)
    lonlat = reading.degrees(numbers.sample)
    there = np.isfinite(lonlat).all(axis=1) & ~(np.abs(lonlat) < NOWHERE_DEG).all(axis=1)
    area = reading.crs.area_of_use or parse_crs(reading.label).area_of_use
    if area is not None:
        box = (area.west, area.south, area.east, area.north)
        there &= _in_box(lonlat, box, REACH_DEG if area.north - area.south < WORLD_DEG else 0.0)
    return bool(there.mean() >= MOST)


def lands(reading: Reading, numbers: Numbers, ground: Ground) -> bool:
    """Return whether a file that is read so lies on a ground, or beside it."""
    lonlat = reading.degrees(numbers.sample)
    return bool(_in_box(lonlat, ground.outline.bounds, NEAR_DEG).mean() >= MOST)


def _in_box(lonlat: NDArray[np.float64], box: Sequence[float], slack: float) -> NDArray[np.bool_]:
    west, south, east, north = box
    if west > east:  # across the antimeridian
        east += 360.0
    middle = (west + east) / 2
    with np.errstate(invalid="ignore"):  # nowhere is in no box
        lon = (lonlat[:, 0] - middle + 180.0) % 360.0 - 180.0
        beside = np.abs(lon) <= (east - west) / 2 + slack
    return np.asarray(beside & (lonlat[:, 1] >= south - slack) & (lonlat[:, 1] <= north + slack))


def distinct(readings: Iterable[Reading], numbers: Numbers) -> list[Reading]:
    """Return readings that lead to different places, the first of those that agree."""
    kept: list[Reading] = []
    places: list[NDArray[np.float64]] = []
    for reading in readings:
        lonlat = reading.degrees(numbers.sample)
        if not any(np.allclose(lonlat, other, rtol=0, atol=SAME_DEG) for other in places):
            kept.append(reading)
            places.append(lonlat)
    return kept


def middle(reading: Reading, numbers: Numbers) -> tuple[float, float]:
    """Return longitude and latitude amid a file that is read so; infinite for nowhere."""
    lonlat = reading.degrees(numbers.sample)
    lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
    lon, lat = np.median(lonlat, axis=0).tolist() if len(lonlat) else (np.inf, np.inf)
    return lon, lat


def metres_away(reading: Reading, numbers: Numbers, ground: Ground) -> float:
    """Return how far the middle of a file, read so, lies from a ground; infinite for nowhere."""
    lon, lat = middle(reading, numbers)
    if not np.isfinite([lon, lat]).all():
        return float("inf")
    nearest = shapely.shortest_line(shapely.Point(lon, lat), ground.outline)
    there_lon, there_lat = nearest.coords[1]
    _, _, metres = Geod(ellps="WGS84").inv(lon, lat, there_lon, there_lat)
    return float(metres)
