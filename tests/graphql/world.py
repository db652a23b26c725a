"""A small town drawn by hand into the tables: what it answers can be read off the drawing.

Everything stands on a lattice of 0.01 degrees; (0, 0) is 104 E, 38 N. Every ring has a vertex at
each half step, so that all levels match vertex by vertex. District, two subdistricts (S1, S2),
three communities (C1, C2 in S1; C3 in S2), six grids::

    y=2 +-----------+-----------+-----------------------+
        | C2 grid 1 | C2 grid 2 | C3 grid 2             |
    y=1 +-----------+-----------+-----------------------+      a6 is at (5, 1)
        | C1 grid 1 | C1 grid 2 | C3 grid 1             |
    y=0 +-----------+-----------+-----------------------+
       x=0          1           2                       4

Edition 2 divides C1 anew, along y = 0.5: grid 1 is then the lower half. Two compounds stand in C1.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, Point, Polygon
from sqlalchemy import Text, cast, insert, text
from sqlalchemy.dialects.postgresql import JSONB

from geo.chain import chains
from geo.crs import LocalMetric
from storage import keys
from storage.models import (
    SRID,
    Address,
    AddressPlace,
    Edition,
    EditionLevel,
    Outline,
    Unit,
    UnitTally,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from geoalchemy2 import WKBElement
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import ColumnElement, Executable
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LON0, LAT0, STEP = 104.0, 38.0, 0.01
METRIC = LocalMetric(104.02, 38.01)
DAYS = {1: dt.date(2025, 1, 1), 2: dt.date(2026, 1, 1)}

Box = tuple[float, float, float, float]

D = "999000"
S1, S2 = "999000001", "999000002"
C1, C2, C3 = "999000001001", "999000001002", "999000002001"
G11, G12, G21, G22, G31, G32 = (f"{c}{n}" for c in (C1, C2, C3) for n in ("001", "002"))
P1, P2 = f"{C1}P01", f"{C1}P02"


class Drawn(NamedTuple):
    """A unit of the drawing."""

    level: str
    code: str
    name: str
    parent: str | None
    box: Box
    pinyin: str = ""
    first: int = 1
    last: int | None = None


UNITS = (
    Drawn("district", D, "沙湖县", None, (0, 0, 4, 2), "shahuxian shx"),
    Drawn("subdistrict", S1, "西街街道", D, (0, 0, 2, 2), "xijiejiedao xjjd"),
    Drawn("subdistrict", S2, "东街街道", D, (2, 0, 4, 2), "dongjiejiedao djjd"),
    Drawn("community", C1, "柳树社区", S1, (0, 0, 2, 1), "liushushequ lssq"),
    Drawn("community", C2, "石桥社区", S1, (0, 1, 2, 2), "shiqiaoshequ sqsq"),
    Drawn("community", C3, "东门社区", S2, (2, 0, 4, 2), "dongmenshequ dmsq"),
    Drawn("grid", G11, "柳树第一网格", C1, (0, 0, 1, 1), "liushudiyiwangge lsdywg", 1, 1),
    Drawn("grid", G12, "柳树第二网格", C1, (1, 0, 2, 1), "liushudierwangge lsdewg", 1, 1),
    Drawn("grid", G11, "柳树第一网格", C1, (0, 0, 2, 0.5), "liushudiyiwangge lsdywg", 2),
    Drawn("grid", G12, "柳树第二网格", C1, (0, 0.5, 2, 1), "liushudierwangge lsdewg", 2),
    Drawn("grid", G21, "石桥第一网格", C2, (0, 1, 1, 2), "shiqiaodiyiwangge sqdywg"),
    Drawn("grid", G22, "石桥第二网格", C2, (1, 1, 2, 2), "shiqiaodierwangge sqdewg"),
    Drawn("grid", G31, "东门第一网格", C3, (2, 0, 4, 1), "dongmendiyiwangge dmdywg"),
    Drawn("grid", G32, "东门第二网格", C3, (2, 1, 4, 2), "dongmendierwangge dmdewg"),
    Drawn("compound", P1, "柳树苑", C1, (0.2, 0.2, 0.6, 0.6), "liushuyuan lsy"),
    Drawn("compound", P2, "柳荫里", C1, (1.2, 0.2, 1.8, 0.8), "liuyinli lyl"),
)
"""In the order of their ids: 1, 2, 3 …"""

IDS = {(unit.level, unit.code, unit.first): n for n, unit in enumerate(UNITS, start=1)}
PROPERTIES: dict[str, dict[str, Any]] = {  # free JSON
    G21: {"kind": "urban", "seq": 10**30, "tags": ["old", "north"]},
    G22: {"kind": "rural"},
}


class Home(NamedTuple):
    """An address of the drawing, and the grid that it lies in, by edition."""

    key: str
    place: tuple[float, float]
    households: int
    people: int
    groups: dict[str, int]
    grids: tuple[str | None, str | None]
    named: str | None = None
    """The compound that the address names."""
    compound: str | None = None
    """The compound that it counts for."""


HOMES = (
    Home("a1", (0.3, 0.3), 2, 5, {"elder_alone": 1}, (G11, G11), P1, P1),
    Home("a2", (1.5, 0.75), 3, 7, {"elder_alone": 2, "pupil": 1}, (G12, G12), None, P2),
    Home("a3", (0.5, 1.5), 4, 9, {"pupil": 3}, (G21, G21)),
    Home("a4", (3.0, 0.5), 5, 11, {}, (G31, G31)),
    Home("a5", (1.0, 0.25), 6, 13, {}, (G11, G11)),
)
LOST = Home("a6", (5.0, 1.0), 8, 17, {}, (None, None))


def lonlat(x: float, y: float) -> tuple[float, float]:
    """Return the degrees of a lattice point."""
    return round(LON0 + x * STEP, 9), round(LAT0 + y * STEP, 9)


def ring(box: Box) -> list[tuple[float, float]]:
    """Return the ring of a box, counter-clockwise, with a vertex at each half step."""
    west, south, east, north = box

    def along(start: float, end: float) -> list[float]:
        steps = max(1, round(abs(end - start) / 0.5))
        return [start + (end - start) * k / steps for k in range(steps)]

    corners: Iterator[tuple[float, float]] = (
        point
        for points in (
            [(x, south) for x in along(west, east)],
            [(east, y) for y in along(south, north)],
            [(x, north) for x in along(east, west)],
            [(west, y) for y in along(north, south)],
        )
        for point in points
    )
    points = [lonlat(x, y) for x, y in corners]
    return [*points, points[0]]


def polygon(box: Box) -> MultiPolygon:
    """Return the polygon of a box, as it is stored."""
    return MultiPolygon([Polygon(ring(box))])


def stored(geometry: BaseGeometry) -> WKBElement:
    """Return a geometry as a column takes it."""
    return from_shape(geometry, srid=SRID)


def area_m2(box: Box) -> float:
    """Return the land of a box."""
    return float(METRIC.area_m2(array_of([polygon(box)]))[0])


def array_of(geoms: Sequence[BaseGeometry]) -> NDArray[np.object_]:
    out = np.empty(len(geoms), dtype=object)
    out[:] = geoms
    return out


async def build(engine: AsyncEngine, *, homes: Sequence[Home] = HOMES) -> None:
    """Draw the whole town."""
    async with engine.begin() as connection:
        await _publish(connection)
        await _draw(connection)
        await _settle(connection, homes)


async def _publish(connection: AsyncConnection) -> None:
    notes = {1: "first", 2: "C1 divided anew"}
    rows = [
        {
            "number": number,
            "effective_on": day,
            "published_by": "town hall",
            "note": notes[number],
            "published_at": dt.datetime(2025, 1, number, 8, 30, tzinfo=dt.UTC),
        }
        for number, day in DAYS.items()
    ]
    await connection.execute(insert(Edition), rows)
    changed = [{"number": 1, "level": unit.level} for unit in UNITS]
    pairs = {(row["number"], row["level"]) for row in changed} | {(2, "grid")}
    levels = [{"number": number, "level": level} for number, level in sorted(pairs, key=str)]
    await connection.execute(insert(EditionLevel), levels)
    outline = polygon(UNITS[0].box)
    await connection.execute(
        insert(Outline).values(
            geom=stored(outline),
            chain=int(chains(array_of([outline]))[0]),
            lon0=METRIC.lon0,
            lat0=METRIC.lat0,
            first_edition=1,
        )
    )


async def _draw(connection: AsyncConnection) -> None:
    shapes = array_of([polygon(unit.box) for unit in UNITS])
    areas, sums = METRIC.area_m2(shapes), chains(shapes)
    rows = [
        {
            "level": unit.level,
            "code": unit.code,
            "name": unit.name,
            "parent_code": unit.parent,
            "geom": stored(shapes[number - 1]),
            "chain": int(sums[number - 1]),
            "area_m2": float(areas[number - 1]),
            "properties": _jsonb(PROPERTIES.get(unit.code, {})),
            "search_text": f"{unit.code} {unit.name} {unit.pinyin}".lower(),
            "since_edition": unit.first,
            "drawn_edition": unit.first,
            "first_edition": unit.first,
            "last_edition": unit.last,
        }
        for number, unit in enumerate(UNITS, start=1)
    ]
    for row in rows:  # one by one: an expression cannot be sent many times
        await connection.execute(insert(Unit).values(row))


def _jsonb(value: dict[str, Any]) -> ColumnElement[Any]:
    return cast(cast(json.dumps(value), Text), JSONB)


async def _settle(connection: AsyncConnection, homes: Sequence[Home]) -> None:
    """Put the addresses into the town, and count them."""
    for home in homes:
        row = await connection.scalar(
            insert(Address)
            .values(
                key=home.key,
                geom=stored(Point(*lonlat(*home.place))),
                households=home.households,
                people=home.people,
                groups=home.groups,
                compound_code=home.named,
                first_edition=1,
            )
            .returning(Address.row_id)
        )
        await connection.execute(
            insert(AddressPlace).values(
                address_row=row, level="grid", code=home.grids[0], first_edition=1
            )
        )
    tallies: dict[tuple[str, str], list[Home]] = {}
    parents = {(unit.level, unit.code): unit.parent for unit in UNITS}
    above = {"grid": "community", "community": "subdistrict", "subdistrict": "district"}
    for home in homes:
        level, code = "grid", home.grids[0]
        while code is not None:
            tallies.setdefault((level, code), []).append(home)
            code = parents[level, code]
            level = above.get(level, "")
        if home.compound is not None:
            tallies.setdefault(("compound", home.compound), []).append(home)
    rows = [
        {
            "level": level,
            "code": code,
            "households": sum(home.households for home in some),
            "people": sum(home.people for home in some),
            "groups": _total([home.groups for home in some]),
            "first_edition": 1,
        }
        for (level, code), some in tallies.items()
    ]
    await connection.execute(insert(UnitTally), rows)


def _total(groups: Sequence[Mapping[str, int]]) -> dict[str, int]:
    keys = {key for one in groups for key in one}
    return {key: sum(one.get(key, 0) for one in groups) for key in keys}


async def add_unit(
    engine: AsyncEngine,
    level: str,
    code: str,
    geometry: BaseGeometry,
    *,
    parent: str | None = None,
    name: str = "",
    first: int = 1,
) -> None:
    """Let one more unit stand, whatever it does to the proof."""
    async with engine.begin() as connection:
        await connection.execute(
            insert(Unit).values(
                level=level,
                code=code,
                name=name,
                parent_code=parent,
                geom=stored(geometry),
                chain=0,
                area_m2=1.0,
                search_text=f"{code} {name}".lower(),
                since_edition=first,
                drawn_edition=first,
                first_edition=first,
            )
        )


async def run(engine: AsyncEngine, statement: Executable) -> None:
    """Change something that no use case would."""
    async with engine.begin() as connection:
        await connection.execute(statement)


async def make_key(
    engine: AsyncEngine, role: keys.Role, *, within: tuple[str, str] | None = None
) -> str:
    """Make a key and return it; also where nothing else can be changed: it is in nobody's way."""
    async with engine.begin() as connection:
        await connection.execute(text("SET TRANSACTION READ WRITE"))
        return (await keys.create(connection, name="tester", role=role, within=within)).secret
