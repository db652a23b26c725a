"""Units without land to speak of, and lists written by a test: what loads of lists need."""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text

from fixtures.__main__ import DATA
from resolvers.assignment_lists import load_assignments
from resolvers.body_lists import load_bodies
from sources.assignments import read_assignments
from sources.bodies import read_bodies
from tests.town import layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.assignment_lists import LoadedAssignments
    from resolvers.body_lists import LoadedBodies

TODAY = dt.date(2026, 11, 22)
PUBLISHED = dt.date(2025, 1, 1)

_EDITION = """
INSERT INTO edition (number, effective_on, published_by) VALUES (:number, :day, 'town hall')
"""
_UNITS = """
INSERT INTO unit (level, code, name, geom, chain, area_m2, since_edition, drawn_edition,
    first_edition, last_edition)
SELECT :level, :code, :name, ST_Multi(ST_Buffer(ST_SetSRID(ST_MakePoint(104, 38), 4326), 0.001)),
    0, 1, :first, :first, :first, :last
"""


class Place(NamedTuple):
    """A unit that stands, or stood up to an edition."""

    level: str
    code: str
    name: str = ""
    first: int = 1
    last: int | None = None


PLACES = (
    Place("community", "Q1", "沙柳社区"),
    Place("grid", "G1", "第一网格"),
    Place("grid", "G2", "第二网格"),
    Place("grid", "G3", "第三网格"),
    Place("grid", "G4", "第三网格"),
    Place("grid", "G5", "新网格", 2),
    Place("grid", "G9", "旧网格", 1, 1),
    Place("compound", "P1", "东苑"),
    Place("compound", "P2", "西苑"),
)
"""Two editions; with the second G5 came and G9 went."""

SECOND = dt.date(2026, 1, 1)


async def publish(
    engine: AsyncEngine,
    places: Iterable[Place] = PLACES,
    days: Sequence[dt.date] = (PUBLISHED, SECOND),
) -> None:
    """Let units stand."""
    async with engine.begin() as connection:
        editions = [{"number": n, "day": day} for n, day in enumerate(days, start=1)]
        await connection.execute(text(_EDITION), editions)
        await connection.execute(text(_UNITS), [place._asdict() for place in places])


async def publish_town(engine: AsyncEngine) -> None:
    """Let the units of the made-up town stand, all in one place."""
    places = []
    for level in ("district", "subdistrict", "community", "grid", "compound"):
        columns = layer(level).columns
        codes, names = columns["code"], columns["name"]
        places += [Place(level, str(c), str(n)) for c, n in zip(codes, names, strict=True)]
    await publish(engine, places, (PUBLISHED,))


def write(path: Path, *rows: Sequence[object]) -> Path:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


async def bodies(
    engine: AsyncEngine, *paths: Path, kind: str | None = None, all_or_nothing: bool = False
) -> LoadedBodies:
    """Load lists of bodies as the program does."""
    files = [read_bodies(path, kind=kind) for path in paths]
    return await load_bodies(engine, *files, changed_by="test", all_or_nothing=all_or_nothing)


async def assignments(
    engine: AsyncEngine,
    *paths: Path,
    day: dt.date = TODAY,
    all_or_nothing: bool = False,
    replace: bool = False,
) -> LoadedAssignments:
    """Load lists of assignments as the program does."""
    return await load_assignments(
        engine,
        *[read_assignments(path) for path in paths],
        changed_by="test",
        day=day,
        all_or_nothing=all_or_nothing,
        replace=replace,
    )


async def carried(engine: AsyncEngine) -> list[tuple[object, ...]]:
    """Return what is stored: duty, body, code, post, since, until; sorted."""
    query = text("SELECT duty, body, code, post, since::text, until::text FROM assignment")
    async with engine.connect() as connection:
        rows = [tuple(row) for row in await connection.execute(query)]
    return sorted(rows, key=str)


async def stored_bodies(engine: AsyncEngine) -> dict[str, dict[str, object]]:
    """Return the bodies by their keys, as columns and values."""
    query = text("SELECT * FROM body ORDER BY key")
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).mappings().all()
    unlike = {"row_id", "changed_at"}
    return {row["key"]: {k: v for k, v in row.items() if k not in unlike} for row in rows}


PEOPLE = DATA / "people.csv"
ORGANISATIONS = DATA / "organisations.csv"
ASSIGNMENTS = DATA / "assignments.csv"
DUTIES = DATA / "duties.toml"
