"""Kinds with rules and programmes with promises: reading their file, and loading it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from geo.errors import BadInputError, UnknownError, UnreadableError
from geo.facility_rules import Equipment, OpenWeek, failing, read_rule
from resolvers.programmes import load_programmes
from sources.programmes import ProgrammeFile, ProgrammeSpec, read_programmes
from storage import facility_kinds, programmes

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

TOWN = Path(__file__).resolve().parent.parent / "fixtures" / "data" / "programmes.toml"
TODAY = dt.date(2026, 6, 1)
NEXT = dt.date(2026, 7, 1)


def read(folder: Path, text: str) -> ProgrammeFile:
    path = folder / "programmes.toml"
    path.write_text(text, encoding="utf-8")
    return read_programmes(path)


# -- the file ----------------------------------------------------------------------------------


def test_a_programme_is_read_with_all_that_it_promises(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        [[kind]]
        key = "station"
        name = "驿站\\u001b"
        rules = ["AREA_MIN_60", "ROOM_MEETING", "AREA_MIN_60"]
        [[kind]]
        key = "gate"
        [[programme]]
        key = "near-10"
        name = "近"
        kinds = ["station", "gate"]
        minutes = 10
        speed_kmh = 3
        metres = 500
        basis = "RADIUS"
        own_level = "community"
        target = 58
        due = 2026-12-31
        since = "2026-01-01"
        until = 2028-01-01
        """,
    )

    assert found.kinds == (
        ("station", "驿站", ("AREA_MIN_60", "ROOM_MEETING")),
        ("gate", "gate", ()),
    )
    assert found.programmes == (
        ProgrammeSpec(
            key="near-10",
            name="近",
            kinds=("station", "gate"),
            minutes=10,
            speed_kmh=3.0,
            metres=500.0,
            basis="RADIUS",
            own_level="community",
            target=58,
            due=dt.date(2026, 12, 31),
            since=dt.date(2026, 1, 1),
            until=dt.date(2028, 1, 1),
        ),
    )


def test_the_file_of_the_town_is_read(tmp_path: Path) -> None:
    del tmp_path
    found = read_programmes(TOWN)

    assert [kind.key for kind in found.kinds] == ["station", "community_centre", "gate"]
    walks = {one.key: (one.minutes, one.metres) for one in found.programmes}
    assert walks == {
        "station_15": (15, 1000.0),
        "points_10": (10, 500.0),
        "points_5": (5, 300.0),
        "own_centre": (15, 1000.0),
    }
    assert {one.key: one.target for one in found.programmes}["points_10"] == 30


PROGRAMME = '[[programme]]\nkey = "p"\nkinds = ["a"]\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[kinds]]", "'kinds' is not known; write [[kind]] and [[programme]] tables only"),
        ("kind = 3", "kind must be written as [[kind]]"),
        ("kind = [3]", "kind number 1 must be a [[kind]] table"),
        ("[[kind]]", "kind number 1: it has no key"),
        ('[[kind]]\nkey = "A B"', "its key is 'A B'"),
        ('[[kind]]\nkey = "a"\nrule = []', "'rule' is not known; use key, name, rules"),
        ('[[kind]]\nkey = "a"\nname = 3', "name must be text in quotes, not '3'"),
        ('[[kind]]\nkey = "a"\nrules = "NICE"', "rules must be a list of texts"),
        ('[[kind]]\nkey = "a"\nrules = ["NICE"]', "'NICE' is no rule; rules are AREA_MIN_<m2>"),
        ('[[kind]]\nkey = "a"\n[[kind]]\nkey = "a"', "kind 'a' is there twice"),
        ('[[programme]]\nkey = "p"', "programme 'p': it has no kinds"),
        (PROGRAMME + "minutes = 0", "minutes must be a whole number of 1 to 120, not 0"),
        (PROGRAMME + "minutes = 10000", "not 10000"),
        (PROGRAMME + "minutes = 7.5", "minutes must be a whole number"),
        (PROGRAMME + "minutes = true", "minutes must be a whole number of 1 to 120, not True"),
        (PROGRAMME + "speed_kmh = nan", "speed_kmh must be a number of 0.5 to 10, not nan"),
        (PROGRAMME + "speed_kmh = 0", "not 0"),
        (PROGRAMME + "metres = inf", "metres must be a number of 1 to 20,000, not inf"),
        (PROGRAMME + 'basis = "AIR"', "basis must be NETWORK or RADIUS, not 'AIR'"),
        (PROGRAMME + "target = -1", "target must be a whole number of 1 to 1,000,000"),
        (PROGRAMME + "due = 2026-12-31T00:00:00", "due must be a day such as 2026-12-31"),
        (PROGRAMME + 'due = "soon"', "not 'soon'"),
        (PROGRAMME + "since = 2026-01-01\nuntil = 2026-01-01", "it would end on 2026-01-01"),
        (PROGRAMME * 2, "programme 'p' is there twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        read(tmp_path, text)

    assert reason in str(caught.value)


def test_every_reason_is_told_and_a_line_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"has no key.*has no kinds.*minutes must be"):
        read(tmp_path, "[[programme]]\nminutes = 0")
    with pytest.raises(UnreadableError, match="line 1"):
        read(tmp_path, "[[programme]")


# -- rules -------------------------------------------------------------------------------------


def test_rules_are_kept_at_their_bounds_and_by_nothing_unknown() -> None:
    names = ["AREA_MIN_60", "ROOM_READING_ROOM", "ROOMS_MIN_2", "HOURS_MIN_40", "OPEN_WEEKENDS"]
    rules = [read_rule(name) for name in names]
    exact = Equipment(60.0, ["reading-Room ", "x"], OpenWeek(40.0, on_weekends=True))
    below = Equipment(59.99, ["reading"], OpenWeek(39.99, on_weekends=False))

    assert failing(rules, exact) == []
    assert failing(rules, below) == names
    assert failing(rules, Equipment(None, [], None)) == names


@pytest.mark.parametrize(
    "name",
    [
        "",
        "AREA_MIN_",
        "AREA_MIN_-1",
        "AREA_MIN_0",
        "AREA_MIN_1e3",
        "ROOM_",
        "ROOM___",
        "ROOMS_MIN_1.5",
        "HOURS_MIN_169",
        "open_weekends",
        "AREA_MIN_60 ",
        "ROOM_" + "x" * 200,
    ],
)
def test_what_is_no_rule_is_told_how_rules_are_written(name: str) -> None:
    with pytest.raises(BadInputError, match="is no rule; rules are AREA_MIN_<m2>, ROOM_<NAME>"):
        read_rule(name)


# -- loading -----------------------------------------------------------------------------------

CENTRE = '[[kind]]\nkey = "centre"\nname = "中心"\nrules = ["AREA_MIN_600"]\n'
NEAR = '[[programme]]\nkey = "near"\nkinds = ["centre", "station"]\nminutes = 15\n'


async def standing(engine: AsyncEngine, day: dt.date) -> dict[str, int | None]:
    """Return the minutes of the programmes of a day."""
    async with engine.connect() as connection:
        return {row.key: row.minutes for row in await programmes.standing(connection, day)}


@pytest.mark.anyio
async def test_a_file_loads_its_kinds_and_programmes_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    said = read(tmp_path, CENTRE + NEAR)

    first = await load_programmes(engine, said, day=TODAY)
    again = await load_programmes(engine, said, day=NEXT)

    assert first == (1, 0, 0, 1, 0, 0, 0)
    assert again == (0, 0, 1, 0, 0, 1, 0)
    assert await standing(engine, TODAY - dt.timedelta(days=1)) == {}
    assert await standing(engine, TODAY) == {"near": 15}
    async with engine.connect() as connection:
        kinds = {kind.key: kind for kind in await facility_kinds.kinds(connection)}
    assert kinds["centre"] == ("centre", "中心", ("AREA_MIN_600",))
    assert "station" in kinds, "kinds that a file does not name stay"


@pytest.mark.anyio
async def test_another_promise_begins_on_its_day_and_the_whole_truth_ends_others(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    other = NEAR.replace("near", "other")
    await load_programmes(engine, read(tmp_path, CENTRE + NEAR + other), day=TODAY)

    promised = read(tmp_path, NEAR.replace("15", "10"))
    changed = await load_programmes(engine, promised, day=NEXT, replace=True)

    assert (changed.added, changed.changed, changed.ended) == (0, 1, 1)
    assert await standing(engine, TODAY) == {"near": 15, "other": 15}
    assert await standing(engine, NEXT) == {"near": 10}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CENTRE + NEAR.replace('"station"', '"pub"'), "there is no kind 'pub'"),
        (CENTRE + NEAR + 'own_level = "planet"', "there is no level 'planet'"),
    ],
)
async def test_a_programme_of_what_there_is_not_is_refused_and_nothing_kept(
    engine: AsyncEngine, tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(UnknownError, match=reason):
        await load_programmes(engine, read(tmp_path, text), day=TODAY)

    assert await standing(engine, TODAY) == {}
    async with engine.connect() as connection:
        assert "centre" not in {kind.key for kind in await facility_kinds.kinds(connection)}
