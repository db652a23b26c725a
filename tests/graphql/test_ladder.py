"""Who answers at a place: the nearest above where somebody is missing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from storage.duty_models import Duty, DutyLevel
from storage.keys import Role
from storage.models import Level
from tests.graphql import duty_rosters, duty_world, world
from tests.graphql.asking import ask, told
from tests.graphql.duty_rosters import KINDS, MOMENTS, holds, rosters
from tests.graphql.duty_world import EARLY, MOVED, Carried
from tests.graphql.world import C1, C3, DAYS, G11, G12, G31, G32, P1, S1, S2, D, lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

A_DAY = dt.timedelta(days=1)

Rungs = list[tuple[str, str, list[str]]]
"""Of each rung: its own unit, the unit that answers, and who does there."""

IN_G11 = (0.1, 0.1)
IN_P1 = (0.3, 0.3)
IN_G12 = (0.1, 0.75)
IN_G31 = (3.0, 0.5)
IN_G32 = (3.0, 1.5)


async def rungs(
    engine: AsyncEngine,
    place: tuple[float, float],
    arguments: str = "",
    *,
    of_place: str = "",
    **how: Any,  # noqa: ANN401 - options
) -> Rungs:
    lon, lat = lonlat(*place)
    given = f"({arguments})" if arguments else ""
    query = f"""{{ placeAt(point: {{lon: {lon}, lat: {lat}}} {of_place}) {{ ladder{given} {{
        for {{ code }} unit {{ code }} holders {{ body {{ key }} unit {{ code }} }} }} }} }}"""
    ladder = (await told(engine, query, **how))["placeAt"]["ladder"]
    for rung in ladder:
        assert {one["unit"]["code"] for one in rung["holders"]} <= {rung["unit"]["code"]}
    return [
        (
            rung["for"]["code"],
            rung["unit"]["code"],
            [one["body"]["key"] for one in rung["holders"]],
        )
        for rung in ladder
    ]


async def test_small_hard_and_big_matters_have_their_rungs(posted: AsyncEngine) -> None:
    assert await rungs(posted, IN_G11) == [
        (G11, G11, ["an"]),
        (C1, C1, ["dai", "office"]),
        (S1, S1, ["street"]),
        (D, D, []),
    ]


async def test_where_one_is_missing_the_nearest_above_answers(posted: AsyncEngine) -> None:
    assert await rungs(posted, IN_G12) == [
        (G12, C1, ["dai", "office"]),
        (C1, C1, ["dai", "office"]),
        (S1, S1, ["street"]),
        (D, D, []),
    ]
    assert await rungs(posted, IN_G32) == [(one, one, []) for one in (G32, C3, S2, D)]
    assert await rungs(posted, IN_G31) == [
        (G31, G31, ["chen"]),
        *((one, one, []) for one in (C3, S2, D)),
    ]


@pytest.mark.writes
async def test_what_one_may_not_see_answers_for_nobody(posted: AsyncEngine) -> None:
    await duty_world.put(posted, Carried("volunteer", "ren", ("grid", G32), MOVED))
    editors = {
        S2: await world.make_key(posted, Role.EDITOR, within=("subdistrict", S2)),
        S1: await world.make_key(posted, Role.EDITOR, within=("subdistrict", S1)),
    }

    assert (await rungs(posted, IN_G32, key=editors[S2]))[0] == (G32, G32, ["ren"])
    assert (await rungs(posted, IN_G32, key=editors[S1]))[0] == (G32, G32, [])
    assert (await rungs(posted, IN_G12, key=editors[S2]))[0] == (G12, C1, ["dai", "office"])


async def test_with_a_duty_only_who_carries_it_answers(posted: AsyncEngine) -> None:
    assert await rungs(posted, IN_G12, 'duty: "community_liaison"') == [
        (G12, C1, ["dai"]),
        (C1, C1, ["dai"]),
        (S1, S1, []),
        (D, D, []),
    ]
    assert await rungs(posted, IN_G12, 'duty: "grid_holder"') == [
        (one, one, []) for one in (G12, C1, S1, D)
    ]


@pytest.mark.writes
async def test_a_compound_comes_first_where_it_may_have_the_duty(posted: AsyncEngine) -> None:
    above: Rungs = [(one, one, []) for one in (G11, C1, S1, D)]

    assert await rungs(posted, IN_P1, 'duty: "party_branch"') == [(P1, P1, ["east"]), *above]
    assert await rungs(posted, IN_G11, 'duty: "party_branch"') == above, "outside of it"
    assert [one for one, _, _ in await rungs(posted, IN_P1)] == [G11, C1, S1, D], "no duty"
    # compounds have paired departments, and so have communities: the nearest above is theirs
    pairing = Carried("paired_department", "office", ("community", C1))
    await duty_world.put(posted, pairing)
    assert await rungs(posted, IN_P1, 'duty: "paired_department"') == [
        (P1, C1, ["office"]),
        (G11, C1, ["office"]),
        (C1, C1, ["office"]),
        (S1, S1, []),
        (D, D, []),
    ]


async def test_an_address_has_the_compound_that_it_names(posted: AsyncEngine) -> None:
    query = """{ placeOf(address: "a1") { ladder(duty: "committee_chair") {
        for { level { key } code } holders { body { name } } } } }"""

    first = (await told(posted, query))["placeOf"]["ladder"][0]

    assert first == {
        "for": {"level": {"key": "compound"}, "code": P1},
        "holders": [{"body": {"name": "齐书记"}}],
    }


@pytest.mark.writes
async def test_history_adds_who_did_before_but_moves_no_rung(posted: AsyncEngine) -> None:
    before = Carried("grid_holder", "chen", ("grid", G11), dt.date(2019, 1, 1), EARLY)
    await duty_world.put(posted, before)

    assert (await rungs(posted, IN_G11, "history: true"))[0] == (G11, G11, ["chen", "an"])
    # bo held G12 once: today nobody does
    assert (await rungs(posted, IN_G12, "history: true"))[0][1] == C1


@pytest.mark.parametrize(
    ("day", "own", "holders"),
    [
        # (0.1, 0.75) lies in G11 by the first edition, in G12 by the second
        (EARLY - A_DAY, G11, []),
        (EARLY, G11, ["an"]),
        (MOVED - A_DAY, G11, ["an"]),
        (MOVED, G12, []),
    ],
)
async def test_boundaries_and_holders_are_of_the_same_day(
    posted: AsyncEngine, day: dt.date, own: str, holders: list[str]
) -> None:
    found = await rungs(posted, IN_G12, 'duty: "grid_holder"', of_place=f', asOf: "{day}"')

    assert found[0] == (own, own, holders)


async def test_outside_and_before_everything_nobody_answers(posted: AsyncEngine) -> None:
    before = f', asOf: "{DAYS[1] - A_DAY}"'

    assert await rungs(posted, (9, 9)) == []
    assert await rungs(posted, (9, 9), 'duty: "party_branch"') == []
    assert await rungs(posted, IN_G11, of_place=before) == []
    assert await rungs(posted, IN_G11, 'duty: "party_branch"', of_place=before) == []
    assert await rungs(posted, (900, 9)) == [], "no place on earth"


async def test_on_a_border_the_unit_of_the_border_rule_answers(posted: AsyncEngine) -> None:
    # y = 0.5 parts G11 and G12; the smaller code has it
    assert (await rungs(posted, (0.1, 0.5)))[0] == (G11, G11, ["an"])


@pytest.mark.writes
async def test_a_second_partition_has_a_ladder_of_its_own(posted: AsyncEngine) -> None:
    async with posted.begin() as connection:
        beat = {"key": "beat", "name": "警务网格", "parent": "subdistrict", "tiling": "TILES"}
        await connection.execute(insert(Level).values(**beat, rank=9))
        await connection.execute(
            insert(Duty).values(key="warden", name="片警", level="beat", min=1, max=1)
        )
        await connection.execute(insert(DutyLevel).values(duty="warden", level="beat"))
    await world.add_unit(posted, "beat", "B1", world.polygon((0, 0, 2, 2)), parent=S1)
    await duty_world.put(posted, Carried("warden", "qi", ("beat", "B1")))

    assert await rungs(posted, IN_G11, 'duty: "warden"') == [
        ("B1", "B1", ["qi"]),
        (S1, S1, []),
        (D, D, []),
    ]
    assert [one for one, _, _ in await rungs(posted, IN_G11)] == [G11, C1, S1, D]
    by_beat = await rungs(posted, IN_G11, of_place=', level: "beat"')
    assert [one for one, _, _ in by_beat] == ["B1", S1, D]


async def test_an_unknown_duty_is_refused(posted: AsyncEngine) -> None:
    query = '{ placeAt(point: {lon: 104, lat: 38}) { ladder(duty: "king") { unit { code } } } }'

    answer = await ask(posted, query)

    assert answer.codes() == ["UNKNOWN"]
    assert answer.errors[0]["extensions"]["argument"] == "duty"


async def test_too_many_holders_are_no_silent_cut(
    posted: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.ladder.MAX_FIRST", 1)

    lon, lat = lonlat(*IN_G11)
    query = f"{{ placeAt(point: {{lon: {lon}, lat: {lat}}}) {{ ladder {{ unit {{ code }} }} }} }}"
    answer = await ask(posted, query)
    one_duty = await rungs(posted, IN_G11, 'duty: "community_office"')

    assert answer.codes() == ["LIMIT_EXCEEDED"]
    assert C1 in answer.errors[0]["message"]
    assert one_duty[0] == (G11, C1, ["office"])


@pytest.fixture
async def tried(town: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town, some bodies, and duties to try."""
    await duty_rosters.prepare(town)
    return town


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    roster=rosters(),
    day=st.sampled_from(MOMENTS),
    duty=st.sampled_from([None, *(kind.key for kind in KINDS)]),
)
@pytest.mark.writes
async def test_any_roster_is_climbed_as_by_a_plain_loop(
    tried: AsyncEngine, roster: list[Carried], day: dt.date, duty: str | None
) -> None:
    await duty_rosters.replace(tried, roster)
    # P1 lies in G11 by both editions, P2's upper half in G12
    ways = {IN_P1: (("compound", P1), ("grid", G11)), IN_G12: (("grid", _of_g12(day)),)}
    above = (("community", C1), ("subdistrict", S1), ("district", D))
    levels = next((kind.levels for kind in KINDS if kind.key == duty), ("grid",))
    mine = [one for one in roster if holds(one, day) and duty in (None, one.duty)]

    for place, lowest in ways.items():
        expected = []
        way = [unit for unit in lowest if unit[0] == "grid" or unit[0] in levels]
        for at, own in enumerate(way):
            ups = [own, *above] if own[0] == "compound" else [*way[at:], *above]
            expected.append(_rung(ups, mine))
        expected += [_rung(above[at:], mine) for at in range(len(above))]
        given = f'duty: "{duty}"' if duty else ""
        found = await rungs(tried, place, given, of_place=f', asOf: "{day}"')
        assert [(own, unit, sorted(who)) for own, unit, who in found] == expected


def _of_g12(day: dt.date) -> str:
    """Return the grid in which (0.1, 0.75) lies."""
    return G12 if day >= MOVED else G11


def _rung(ups: Sequence[tuple[str, str]], held: Sequence[Carried]) -> tuple[str, str, list[str]]:
    """Say who answers for the first of some units, one above the other."""
    for unit in ups:
        who = sorted(one.body for one in held if one.unit == unit)
        if who:
            return ups[0][1], unit[1], who
    return ups[0][1], ups[0][1], []
