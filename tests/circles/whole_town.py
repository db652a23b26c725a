"""The made-up town in the tables, and the same town as plain rows for another way of counting."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, Point, Polygon
from sqlalchemy import insert

from fixtures.__main__ import DATA
from geo.street_building import Ways, build_streets
from resolvers.streets import street_rows
from storage import streets, tallies
from storage.circle_models import Facility
from storage.models import SRID, Address, Edition, Outline, Unit
from tests import town
from tests.circles.reference import Door, Ground, ground_of

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

LEVELS = ("district", "subdistrict", "community", "grid")
GROUPS = ("elder_alone", "elder", "disabled", "pupil", "infant")


@dataclass
class Row:
    """An address or a service point, in the metres of the reference."""

    key: str
    xy: tuple[float, float]
    values: dict[str, str]
    compound: str | None


def plain(rows: list[dict[str, str]], compounds: dict[str, BaseGeometry]) -> list[Row]:
    """Return rows with the compound that they name, or else lie in."""
    found = []
    for values in rows:
        point = Point(float(values["lon"]), float(values["lat"]))
        inside = [code for code in sorted(compounds) if compounds[code].intersects(point)]
        [xy] = town.in_metres(point).coords
        compound = values["compound"] or (inside[0] if inside else None)
        found.append(Row(values["key"], (xy[0], xy[1]), values, compound))
    return found


def compounds() -> dict[str, BaseGeometry]:
    """Return the land of the compounds by code."""
    return {str(p["code"]): geom for p, geom in town.features("compounds.geojson")}


def ways() -> list[list[tuple[float, float]]]:
    """Return the streets' vertices in degrees."""
    content = json.loads((DATA / "streets.geojson").read_text("utf-8"))
    return [feature["geometry"]["coordinates"] for feature in content["features"]]


def reference_ground() -> Ground:
    """Return the streets in the metres of the reference."""
    named = []
    for way in ways():
        places = shapely.get_coordinates(town.in_metres(shapely.LineString(way))).tolist()
        names = [f"{lon:.9f} {lat:.9f}" for lon, lat in way]
        named.append([(name, (x, y)) for name, (x, y) in zip(names, places, strict=True)])
    return ground_of(named)


def doors_of(ground: Ground, rows: list[Row], gates: dict[str, list[Row]]) -> list[list[Door]]:
    """Return where rows enter the streets: by the gates of their compound, if it has any."""
    found = []
    for row in rows:
        through = gates.get(row.compound or "", [])
        if not through or row.values.get("kind") == "gate":
            found.append(ground.door(row.xy))
            continue
        found.append(
            [
                Door(door.segment, door.along_m, door.walk_m + apart_m(row, gate))
                for gate in through
                for door in ground.door(gate.xy)
            ]
        )
    return found


def apart_m(one: Row, other: Row) -> float:
    """Return how far two rows are from one another, straight."""
    return float(np.hypot(one.xy[0] - other.xy[0], one.xy[1] - other.xy[1]))


async def build(engine: AsyncEngine) -> None:
    """Put the town into the tables as edition 1."""
    async with engine.begin() as connection:
        values = {"number": 1, "effective_on": dt.date(2026, 1, 1), "published_by": "town hall"}
        await connection.execute(insert(Edition).values(values))
        await _add_units(connection)
        rows, _ = town.addresses()
        await connection.execute(insert(Address), [_address(row) for row in rows])
        await tallies.refresh(connection, 1, levels=None, boxes=None)
        points = [_facility(row) for row in town.table("facilities.csv")]
        await connection.execute(insert(Facility), points)
        await _add_streets(connection)


async def _add_units(connection: AsyncConnection) -> None:
    layers = [(level, _layer(level)) for level in LEVELS]
    layers.append(("compound", [(dict(p), g) for p, g in town.features("compounds.geojson")]))
    units = []
    for level, features in layers:
        for properties, geom in features:
            code = str(properties["code"])
            units.append(
                {
                    "level": level,
                    "code": code,
                    "name": str(properties["name"]),
                    "parent_code": _parent(level, properties),
                    "geom": _stored(geom),
                    "chain": 0,
                    "area_m2": town.area_m2(geom),
                    "since_edition": 1,
                    "drawn_edition": 1,
                    "first_edition": 1,
                }
            )
    await connection.execute(insert(Unit), units)
    outline = {"geom": units[0]["geom"], "chain": 0, "lon0": 104.9, "lat0": 38.4}
    await connection.execute(insert(Outline).values(outline | {"first_edition": 1}))


def _layer(level: str) -> list[tuple[dict[str, object], BaseGeometry]]:
    read = town.layer(level)
    names = list(read.columns)
    return [
        (dict(zip(names, row, strict=True)), geom)
        for *row, geom in zip(*read.columns.values(), read.geoms.tolist(), strict=True)
    ]


def _parent(level: str, properties: dict[str, object]) -> str | None:
    return None if level == "district" else str(properties["parent"])


def _address(row: dict[str, str]) -> dict[str, Any]:  # columns of a table
    return {
        "key": row["key"],
        "geom": _stored(Point(float(row["lon"]), float(row["lat"]))),
        "households": int(row["households"]),
        "people": int(row["people"]),
        "groups": {group: int(row[group]) for group in GROUPS},
        "compound_code": row["compound"] or None,
        "first_edition": 1,
    }


def _facility(row: dict[str, str]) -> dict[str, Any]:  # columns of a table
    return {
        "key": row["key"],
        "kind": row["kind"],
        "name": row["name"],
        "geom": _stored(Point(float(row["lon"]), float(row["lat"]))),
        "compound_code": row["compound"] or None,
        "since": dt.date.fromisoformat(row["since"]),
        "until": dt.date.fromisoformat(row["until"]) if row["until"] else None,
        "changed_by": "tester",
    }


async def _add_streets(connection: AsyncConnection) -> None:
    lines = ways()
    start = np.cumsum([0, *(len(line) for line in lines)]).astype(np.int64)
    none = [None] * len(lines)
    lonlat = np.array([spot for line in lines for spot in line])
    built = build_streets(Ways(start, lonlat, None, none, none))
    await streets.store(connection, street_rows(built), source={}, loaded_by="tester")


def _stored(geom: BaseGeometry) -> Any:  # noqa: ANN401 - a GeoAlchemy element
    many = MultiPolygon([geom]) if isinstance(geom, Polygon) else geom
    return from_shape(many, srid=SRID)
