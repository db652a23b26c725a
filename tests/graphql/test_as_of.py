"""Every question that takes a day, on days of every edition, against PostGIS itself."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
from graphql import GraphQLObjectType
from sqlalchemy import text

from schema.build import schema
from schema.ids import IdKind, encode
from tests.graphql.asking import TODAY, ask
from tests.graphql.world import C1, DAYS, G11, lonlat
from tests.publishing.outside import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

A_DAY = dt.timedelta(days=1)
OF_DAYS = {
    DAYS[1] - A_DAY: None,
    DAYS[1]: 1,
    DAYS[2] - A_DAY: 1,
    DAYS[2]: 2,
    TODAY: 2,
    dt.date(9999, 12, 31): 2,
}
"""The edition of each day."""

LON, LAT = lonlat(0.5, 0.75)
"""In the first grid of C1 by the first edition, in the second by the second."""

WITHIN = f'{{level: "community", code: "{C1}"}}'
ASKED = {
    "edition": "edition(asOf: $day) { number }",
    "unit": f'unit(level: "grid", code: "{G11}", asOf: $day) {{ id }}',
    "units": f'units(level: "grid", within: {WITHIN}, asOf: $day) {{ nodes {{ id }} totalCount }}',
    "placeAt": f"placeAt(point: {{lon: {LON}, lat: {LAT}}}, asOf: $day) {{ units {{ id }} }}",
    "placeOf": 'placeOf(address: "a2", asOf: $day) { units { id } }',
    "placesAt": f"placesAt(points: [{{lon: {LON}, lat: {LAT}}}], asOf: $day) {{ code }}",
    "coverage": 'coverage(level: "grid", asOf: $day) { edition { number } parents }',
}
"""A question to each root field that takes a day; whoever adds one, adds its question here."""

ON_OTHER_GROUND = {
    "bodies": "tests/graphql/test_duties_in_time.py",
    "circleCoverage": "tests/circles/test_answers.py",
    "crossAppointment": "tests/graphql/test_duties_in_time.py",
    "dutyCoverage": "tests/graphql/test_duties_in_time.py",
    "facilities": "tests/graphql/test_facilities.py",
    "siting": "tests/graphql/test_siting.py",
}
"""Root fields that are asked where there are facilities or duties, and in which file."""

STANDING = """
SELECT u.level, u.code, u.id, u.parent_code,
       ST_Contains(u.geom, ST_SetSRID(ST_Point(:lon, :lat), 4326)) AS here,
       (SELECT ST_Contains(u.geom, a.geom) FROM address a WHERE a.key = 'a2') AS home
FROM unit u JOIN level l ON l.key = u.level
WHERE l.tiling = 'TILES' AND u.first_edition <= :number
  AND coalesce(u.last_edition, :number) >= :number
ORDER BY l.rank, u.code
"""


async def expected(engine: AsyncEngine, number: int) -> dict[str, Any]:  # JSON
    """Return what is so in an edition, asked with SQL."""
    values = {"lon": LON, "lat": LAT, "number": number}
    async with engine.connect() as connection:
        rows = (await connection.execute(text(STANDING), values)).all()

    def named(*ids: int) -> list[dict[str, str]]:
        return [{"id": encode(IdKind.UNIT, one)} for one in ids]

    grids = [row for row in rows if row.level == "grid"]
    below = named(*(row.id for row in grids if row.parent_code == C1))
    [there] = [row.code for row in grids if row.here]
    return {
        "edition": {"number": number},
        "unit": named(*(row.id for row in grids if row.code == G11))[0],
        "units": {"nodes": below, "totalCount": len(below)},
        "placeAt": {"units": named(*(row.id for row in rows if row.here))},
        "placeOf": {"units": named(*(row.id for row in rows if row.home))},
        "placesAt": [{"code": there}],
        "coverage": {
            "edition": {"number": number},
            "parents": sum(row.level == "community" for row in rows),
        },
    }


BEFORE: Mapping[str, Any] = {  # JSON
    "placeAt": {"units": []},
    "placeOf": {"units": []},
    "placesAt": [{"code": None}],
}
"""What is told of a day before the first edition; anything else is NO_EDITION."""


@pytest.mark.parametrize("day", OF_DAYS, ids=str)
@pytest.mark.writes
async def test_each_question_is_answered_as_of_its_day(town: AsyncEngine, day: dt.date) -> None:
    number = OF_DAYS[day]
    answer = await ask(
        town, f"query ($day: Date) {{ {' '.join(ASKED.values())} }}", {"day": str(day)}
    )

    if number is None:
        assert answer.data == {name: BEFORE.get(name) for name in ASKED}
        assert answer.codes() == ["NO_EDITION"] * (len(ASKED) - len(BEFORE))
    else:
        assert answer.errors == []
        assert answer.data == await expected(town, number)


@pytest.mark.writes
async def test_the_two_editions_answer_differently(town: AsyncEngine) -> None:
    first, second = await expected(town, 1), await expected(town, 2)

    assert [name for name in ASKED if first[name] == second[name]] == []


@pytest.mark.writes
async def test_without_a_day_it_is_today(town: AsyncEngine) -> None:
    query = f"query ($day: Date) {{ {' '.join(ASKED.values())} }}"

    for today, number in ((TODAY, 2), (DAYS[2] - A_DAY, 1)):
        answer = await ask(town, query, today=today)
        assert answer.data == await expected(town, number)


def test_every_root_field_that_takes_a_day_is_asked() -> None:
    query = schema._schema.query_type
    assert isinstance(query, GraphQLObjectType)

    dated = {name for name, field in query.fields.items() if "asOf" in field.args}
    assert dated == set(ASKED) | set(ON_OTHER_GROUND)
    for name, file in ON_OTHER_GROUND.items():
        text = (CHECKOUT / file).read_text(encoding="utf-8")
        assert re.search(rf"\b{name}\([^)]*asOf:", text), name
