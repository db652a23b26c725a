"""Lists of duties, bodies and assignments: what is stored of them, and which rows come back.

The units are G1 to G4 (grids), P1 and P2 (compounds), Q1 (community); grid G9 stood until 2026,
G5 stands since then.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from geo.errors import ConflictError, NoEditionError, UnknownError
from resolvers.duty_lists import duties_as_toml, load_duties
from sources.duties import read_duties
from storage import assigning
from tests import listed_town
from tests.listed_town import ASSIGNMENTS, DUTIES, ORGANISATIONS, PEOPLE, TODAY, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.assignment_lists import LoadedAssignments
    from resolvers.duty_lists import LoadedDuties
    from resolvers.list_lookup import Reject

pytestmark = pytest.mark.anyio

HEAD = ("duty", "body", "unit", "post", "since", "until")
BODY = ("key", "name", "kind", "member_of", "home_unit", "phone")


@pytest.fixture
async def town(engine: AsyncEngine, tmp_path: Path) -> AsyncEngine:
    """Give a database with units, and bodies a, b, c (people) and o (an organisation)."""
    await listed_town.publish(engine)
    people = [(key, name, "person", "", "", "") for key, name in zip("abc", "安薄陈", strict=True)]
    path = write(tmp_path / "bodies.csv", BODY, *people, ("o", "东区支部", "org", "", "", ""))
    loaded = await listed_town.bodies(engine, path)
    assert loaded.added == 4
    return engine


async def load(
    engine: AsyncEngine,
    folder: Path,
    *rows: Sequence[object],
    replace: bool = False,
    day: dt.date = TODAY,
) -> LoadedAssignments:
    """Load assignments; each row may leave out its last cells."""
    whole = [(*row, *[""] * (len(HEAD) - len(row))) for row in rows]
    path = write(folder / "assignments.csv", HEAD, *whole)
    return await listed_town.assignments(engine, path, replace=replace, day=day)


def told(rejected: Sequence[Reject]) -> dict[int, str]:
    """Return the reasons by the row."""
    return {reject.row: reject.reason for reject in rejected}


async def test_the_lists_of_the_town_load_once_and_give_its_known_figures(
    engine: AsyncEngine,
) -> None:
    await listed_town.publish_town(engine)

    duties = await load_duties(engine, read_duties(DUTIES), day=TODAY)
    bodies = await listed_town.bodies(engine, ORGANISATIONS, PEOPLE)
    carried = await listed_town.assignments(engine, ASSIGNMENTS)
    again = await listed_town.assignments(engine, ASSIGNMENTS, replace=True)
    bodies_again = await listed_town.bodies(engine, PEOPLE, ORGANISATIONS)

    assert (duties.added, duties.changed, duties.removed) == (0, 0, 0), "a new database knows them"
    assert bodies[:3] == (1334 + 101, 0, 0)
    assert (bodies.rejected, bodies.notices) == ((), ())
    rows = len(ASSIGNMENTS.read_text(encoding="utf-8").splitlines()) - 1
    assert carried == (rows, 0, 0, 0, (), (), True)
    assert again == (0, 0, rows, 0, (), (), True)
    assert bodies_again[:3] == (0, 0, 1435)
    stored = await listed_town.carried(engine)
    assert len({row[2] for row in stored if row[0] == "grid_holder" and row[5] is None}) == 46
    assert len({row[2] for row in stored if row[0] == "party_branch"}) == 25
    assert len({row[1] for row in stored if row[0] == "party_branch"}) == 21
    assert sum(row[0] == "volunteer" for row in stored) == 1112


# -- bodies ---------------------------------------------------------------------------------


async def test_bodies_are_stored_as_a_list_says_them(engine: AsyncEngine, tmp_path: Path) -> None:
    await listed_town.publish(engine)
    head = ("工号", "姓名", "职业", "技能", "所属组织", "所在网格", "地址编码", "电话", "备注")
    path = write(
        tmp_path / "people.csv",
        head,
        ("a", "安小平", "医生", "急救、驾驶", "", "第一网格", "0001", "000-1", "左撇子"),
        ("b", "薄二", "", "", "", "G2", "", "", ""),
    )

    await listed_town.bodies(engine, path)

    stored = await listed_town.stored_bodies(engine)
    assert stored["a"] == {
        "key": "a",
        "kind": "PERSON",
        "name": "安小平",
        "profession": "医生",
        "skills": ["急救", "驾驶"],
        "member_of": None,
        "home_level": "grid",
        "home_code": "G1",
        "home_address": "0001",
        "contact": {"phone": "000-1"},
        "properties": {"备注": "左撇子"},
        "search_text": "a 安小平 anxiaoping axp",
        "changed_by": "test",
    }
    b = stored["b"]
    assert (b["home_code"], b["contact"], b["properties"], b["skills"]) == ("G2", {}, {}, [])


async def test_what_a_list_has_no_column_for_stays(engine: AsyncEngine, tmp_path: Path) -> None:
    first = write(
        tmp_path / "1.csv", ("key", "name", "skills", "phone", "desk"), ("a", "安", "x", "1", "4")
    )
    other = write(tmp_path / "2.csv", ("key", "name", "email", "desk"), ("a", "安二", "a@b", ""))
    await listed_town.bodies(engine, first, kind="PERSON")

    changed = await listed_town.bodies(engine, other, kind="PERSON")
    again = await listed_town.bodies(engine, other, kind="PERSON")

    stored = (await listed_town.stored_bodies(engine))["a"]
    assert (changed[:3], again[:3]) == ((0, 1, 0), (0, 0, 1))
    assert (stored["name"], stored["skills"]) == ("安二", ["x"])
    assert stored["contact"] == {"phone": "1", "email": "a@b"}
    assert stored["properties"] == {}, "a blank cell says that there is no desk any more"


async def test_a_home_outside_the_city_is_kept_as_it_was_written(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await listed_town.publish(engine)
    head = ("key", "name", "home_level", "home_unit")
    away = [("a", "安", "", "兰州"), ("b", "薄", "", "第三网格"), ("c", "陈", "star", "G1")]
    path = write(tmp_path / "p.csv", head, *away)
    back = write(tmp_path / "q.csv", head, ("a", "安", "网格", "G2"))

    loaded = await listed_town.bodies(engine, path, kind="PERSON")
    stored = await listed_town.stored_bodies(engine)
    await listed_town.bodies(engine, back, kind="PERSON")

    assert loaded.rejected == ()
    [notice] = loaded.notices
    assert (notice.code, notice.feature_count) == ("HOME_UNKNOWN", 3)
    assert [stored[key]["home_code"] for key in "abc"] == [None, None, None]
    assert [stored[key]["properties"] for key in "abc"] == [
        {"home": "兰州"},
        {"home": "第三网格"},  # two grids are called so
        {"home": "G1"},
    ]
    moved = (await listed_town.stored_bodies(engine))["a"]
    assert (moved["home_level"], moved["home_code"], moved["properties"]) == ("grid", "G2", {})


async def test_members_are_known_by_key_or_name_in_whatever_order(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    rows = [
        ("a", "安", "person", "branch", "", ""),
        ("b", "薄", "person", "东区支部", "", ""),
        ("branch", "东区支部", "org", "office", "", ""),
        ("office", "街道", "org", "", "", ""),
    ]

    loaded = await listed_town.bodies(engine, write(tmp_path / "all.csv", BODY, *rows))
    later = write(tmp_path / "later.csv", BODY, ("c", "陈", "person", "街道", "", ""))
    await listed_town.bodies(engine, later)

    stored = await listed_town.stored_bodies(engine)
    assert loaded.rejected == ()
    assert {key: row["member_of"] for key, row in stored.items()} == {
        "a": "branch",
        "b": "branch",
        "branch": "office",
        "c": "office",
        "office": None,
    }


async def test_each_bad_body_is_named_and_nothing_else_is_lost(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    rows = [
        ("a", "安", "person", "", "", ""),  # row 2
        ("", "无", "person", "", "", ""),
        ("n", "", "person", "", "", ""),
        ("a", "安二", "person", "", "", ""),  # row 5
        ("m", "孟", "person", "gone", "", ""),
        ("o", "支部", "org", "gone", "", ""),
        ("p", "潘", "person", "o", "", ""),
        ("q", "齐", "person", "a", "", ""),
        ("x", "甲会", "org", "y", "", ""),  # row 10
        ("y", "乙会", "org", "x", "", ""),
        ("9.99E+14", "冗", "person", "", "", ""),
        ("k" * 201, "长", "person", "", "", ""),
        ("z", "末", "person", "", "", ""),  # row 14
    ]

    loaded = await listed_town.bodies(engine, write(tmp_path / "bodies.csv", BODY, *rows))

    assert sorted(await listed_town.stored_bodies(engine)) == ["a", "z"]
    assert {row: reason.partition(";")[0] for row, reason in told(loaded.rejected).items()} == {
        3: "key is blank: no key",
        4: "name is blank: no name",
        5: "key 'a' was there before, in row 2",
        6: "member_of: there is no organisation called 'gone'",
        7: "member_of: there is no organisation called 'gone'",
        8: "it is a member of 'o', whose own row was not taken",
        9: "member_of: 'a' is a person, who has no members",
        10: "it would be a member of itself",
        11: "it would be a member of itself",
        12: "key is the number 9.99E+14, whose last digits are lost",
        13: "key has 201 characters, more than 200",
    }


async def test_a_key_of_two_lists_is_bad_in_the_second(engine: AsyncEngine, tmp_path: Path) -> None:
    one = write(tmp_path / "1.csv", ("key", "name"), ("a", "安"))
    two = write(tmp_path / "2.csv", ("key", "name"), ("b", "薄"), ("a", "安二"))

    loaded = await listed_town.bodies(engine, one, two, kind="PERSON")

    assert loaded.rejected == (("2.csv", 3, "key 'a' was there before, in 1.csv row 2", 1),)
    assert (await listed_town.stored_bodies(engine))["a"]["name"] == "安"


async def test_all_or_nothing_leaves_everything_as_it_was(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    path = write(tmp_path / "1.csv", ("key", "name"), ("a", "安"), ("", "薄"))

    loaded = await listed_town.bodies(engine, path, kind="PERSON", all_or_nothing=True)

    assert (loaded.taken, loaded.added, len(loaded.rejected)) == (False, 0, 1)
    assert await listed_town.stored_bodies(engine) == {}


# -- assignments ----------------------------------------------------------------------------


async def test_words_of_people_are_understood(town: AsyncEngine, tmp_path: Path) -> None:
    head = ("职责", "姓名", "层级", "网格", "岗位", "任职日期")
    rows = [
        ("网格长", "安", "网格", "第一网格", "", "2025年3月1日"),
        ("志愿者", "薄", "", "第2网格", "矛盾调解员", "2025.3.1"),
        ("党支部", "东区支部", "小区", "东苑", "", ""),
        ("楼栋长", "陈", "", "P1", "3号楼", ""),
    ]

    loaded = await listed_town.assignments(town, write(tmp_path / "a.csv", head, *rows))

    assert loaded.rejected == ()
    assert [(n.code, n.feature_count) for n in loaded.notices] == [("BODY_NAME", 4)]
    assert await listed_town.carried(town) == [
        ("building_head", "c", "P1", "3号楼", str(TODAY), None),
        ("grid_holder", "a", "G1", None, "2025-03-01", None),
        ("party_branch", "o", "P1", None, str(TODAY), None),
        ("volunteer", "b", "G2", "mediator", "2025-03-01", None),
    ]


async def test_each_bad_assignment_is_named_and_nothing_else_is_lost(
    town: AsyncEngine, tmp_path: Path
) -> None:
    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G1", "", "2025-01-01"),  # row 2
        ("mayor", "a", "G1"),
        ("grid_holder", "nobody", "G1"),
        ("grid_holder", "b", "G7"),  # row 5
        ("grid_holder", "b", "P1"),
        ("grid_holder", "b", "第三网格"),
        ("volunteer", "b", "G1", "juggler"),
        ("grid_holder", "b", "G2", "", "2025-02-01", "2025-01-01"),
        ("grid_holder", "b", "G2", "", "2025-02-01", "2025-02-01"),  # row 10
        ("grid_holder", "b", "G2", "", "2025-02-30"),
        ("grid_holder", "a", "G1", "", "2025-01-01"),
        ("grid_holder", "b", "G1", "", "2025-06-01", "2025-07-01"),
        ("grid_holder", "a", "G2", "", "2025-06-01"),
        ("", "a", "G1"),  # row 15
        ("grid_holder", "b", ""),
        ("grid_holder", "b", "9.99E+14"),
        ("grid_holder", "b", "G9", "", "2025-06-01"),
        ("grid_holder", "c", "G3", "", "2025-01-01"),  # row 19
    )

    assert await listed_town.carried(town) == [
        ("grid_holder", "a", "G1", None, "2025-01-01", None),
        ("grid_holder", "c", "G3", None, "2025-01-01", None),
    ]
    reasons = told(loaded.rejected)
    assert sorted(reasons) == list(range(3, 19))
    expected = {
        3: "there is no duty 'mayor'",
        4: "there is no body 'nobody'",
        5: "there is no grid 'G7'",
        6: "unit 'P1' is a compound, and grid_holder is carried on grid",
        7: "2 units are called '第三网格' (G3, G4",
        8: "volunteer has no post 'juggler'",
        9: "it ends on 2025-01-01, but begins on 2025-02-01",
        10: "it ends on 2025-02-01, but begins on 2025-02-01",
        11: "since '2025-02-30' is no day",
        12: "the same stands in assignments.csv row 2, from the same day",
        13: "grid G1 has a holder of grid_holder already, and one is all it may have: a from "
        "2025-01-01 on, in assignments.csv row 2",
        14: "a carries grid_holder on another unit already, and may on one at a time: grid G1 from "
        "2025-01-01 on, in assignments.csv row 2",
        15: "it names no duty",
        16: "it names no unit",
        17: "unit is the number 9.99E+14, whose last digits are lost",
        18: "grid 'G9' stands only to the day before 2026-01-01",
    }
    for row, part in expected.items():
        assert part in reasons[row], (row, reasons[row])


async def test_a_holder_in_the_way_is_named_with_its_days(
    town: AsyncEngine, tmp_path: Path
) -> None:
    await load(town, tmp_path, ("grid_holder", "a", "G1", "", "2025-01-01", "2026-01-01"))

    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "b", "G1", "", "2025-12-31"),
        ("grid_holder", "c", "G1", "", "2026-01-01"),
    )

    assert told(loaded.rejected) == {
        2: "grid G1 has a holder of grid_holder already, and one is all it may have: a from "
        "2025-01-01 to the day before 2026-01-01"
    }
    assert loaded.added == 1, "the day on which one no longer holds is the next one's"


async def test_another_last_day_is_a_change_and_room_is_made_before_it_is_needed(
    town: AsyncEngine, tmp_path: Path
) -> None:
    """The new holder stands above the end of the old one in the file: order decides nothing."""
    await load(town, tmp_path, ("grid_holder", "a", "G1", "", "2025-01-01"))

    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "b", "G1", "", "2025-06-01"),
        ("grid_holder", "a", "G1", "", "2025-01-01", "2025-06-01"),
        ("grid_holder", "a", "G2", "", "2025-06-01"),
    )
    back = await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G2", "", "2025-06-01", "2025-07-01"),
        ("grid_holder", "b", "G1", "", "2025-06-01", "2025-07-01"),
        ("grid_holder", "a", "G1", "", "2025-07-01"),
    )

    assert (loaded[:4], loaded.rejected) == ((2, 1, 0, 0), ())
    assert (back[:4], back.rejected) == ((1, 2, 0, 0), ())


async def test_what_ended_may_go_on_unless_somebody_is_in_the_way(
    town: AsyncEngine, tmp_path: Path
) -> None:
    ended = ("grid_holder", "a", "G1", "", "2025-01-01", "2025-06-01")
    await load(town, tmp_path, ended, ("grid_holder", "b", "G2", "", "2025-01-01", "2025-06-01"))
    await load(town, tmp_path, ("grid_holder", "c", "G2", "", "2025-08-01"))

    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G1", "", "2025-01-01"),
        ("grid_holder", "b", "G2", "", "2025-01-01"),
    )

    assert loaded[:4] == (0, 1, 0, 0)
    assert "c from 2025-08-01 on" in told(loaded.rejected)[3]


async def test_a_row_without_a_first_day_is_the_one_that_holds(
    town: AsyncEngine, tmp_path: Path
) -> None:
    row = ("volunteer", "a", "G1", "mediator")
    await load(town, tmp_path, row)

    later = TODAY + dt.timedelta(days=40)
    again = await load(town, tmp_path, row, day=later)
    ended = await load(town, tmp_path, (*row, "", str(later)), day=later)
    anew = await load(town, tmp_path, row, day=later)

    assert (again[:4], ended[:4], anew[:4]) == ((0, 0, 1, 0), (0, 1, 0, 0), (1, 0, 0, 0))
    assert await listed_town.carried(town) == [
        ("volunteer", "a", "G1", "mediator", str(TODAY), str(later)),
        ("volunteer", "a", "G1", "mediator", str(later), None),
    ]


async def test_a_list_without_last_days_brings_nothing_back_that_was_ended(
    town: AsyncEngine, tmp_path: Path
) -> None:
    """Somebody ends what a list named, or says that it never was; the list comes once more."""
    head, day = ("duty", "body", "unit", "since"), "2025-01-01"
    rows = [("volunteer", body, "G1", day) for body in "abc"]
    path = write(tmp_path / "plain.csv", head, *rows)
    await listed_town.assignments(town, path)
    ends = [("volunteer", "a", "G1", "", day, "2026-03-01")]
    await load(town, tmp_path, *ends)
    async with town.begin() as connection:
        await assigning.end(connection, [2], dt.date(2025, 1, 1), "somebody")
    before = await listed_town.carried(town)

    again = await listed_town.assignments(town, path)
    with_blanks = await load(town, tmp_path, ("volunteer", "a", "G1", "", day))

    assert (again[:4], again.rejected) == ((0, 0, 3, 0), ())
    assert [(n.code, n.feature_count) for n in again.notices] == [("OVER", 2)]
    assert before == [
        ("volunteer", "a", "G1", None, day, "2026-03-01"),
        ("volunteer", "b", "G1", None, day, day),
        ("volunteer", "c", "G1", None, day, None),
    ]
    assert with_blanks[:4] == (0, 1, 0, 0), "a blank last day is said: it goes on"


async def test_another_first_day_of_what_holds_is_said_to_be_no_change(
    town: AsyncEngine, tmp_path: Path
) -> None:
    await load(town, tmp_path, ("party_branch", "o", "P1", "", "2025-03-01"))

    loaded = await load(town, tmp_path, ("party_branch", "o", "P1", "", "2025-01-01"))

    assert "give the same first day, 2025-03-01" in told(loaded.rejected)[2]


async def test_the_whole_truth_ends_what_it_does_not_name(
    town: AsyncEngine, tmp_path: Path
) -> None:
    soon = str(TODAY + dt.timedelta(days=9))
    await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G1", "", "2025-01-01"),
        ("grid_holder", "b", "G2", "", "2025-01-01", "2025-06-01"),
        ("grid_holder", "c", "G3", "", soon),
        ("party_branch", "o", "P1", "", "2025-01-01"),
    )

    loaded = await load(town, tmp_path, ("grid_holder", "b", "G1"), replace=True)

    assert loaded == (1, 0, 0, 2, (), (), True)
    assert await listed_town.carried(town) == [
        ("grid_holder", "a", "G1", None, "2025-01-01", str(TODAY)),
        ("grid_holder", "b", "G1", None, str(TODAY), None),
        ("grid_holder", "b", "G2", None, "2025-01-01", "2025-06-01"),
        ("grid_holder", "c", "G3", None, soon, soon),  # it never began
        ("party_branch", "o", "P1", None, "2025-01-01", None),
    ]


async def test_a_row_that_is_not_understood_ends_nobody_of_its_duty(
    town: AsyncEngine, tmp_path: Path
) -> None:
    await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G1", "", "2025-01-01"),
        ("volunteer", "a", "G1", "mediator", "2025-01-01"),
    )

    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "aa", "G1", "", "2025-01-01"),  # a slip
        ("volunteer", "b", "G1", "mediator"),
        replace=True,
    )
    unknown = await load(town, tmp_path, ("voluntier", "b", "G1"), replace=True)

    assert (loaded.ended, len(loaded.rejected)) == (1, 1)
    [notice] = loaded.notices
    assert notice.code == "NOT_REPLACED"
    assert "grid_holder" in notice.message
    assert unknown.ended == 0
    holding = [row[:3] for row in await listed_town.carried(town) if row[5] is None]
    assert holding == [("grid_holder", "a", "G1"), ("volunteer", "b", "G1")]


async def test_an_orphan_is_ended_though_its_unit_is_gone_and_history_may_be_loaded(
    town: AsyncEngine, tmp_path: Path
) -> None:
    early = dt.date(2025, 6, 1)
    await load(town, tmp_path, ("grid_holder", "a", "G9", "", "2025-01-01"), day=early)

    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G2", "", "2026-01-01"),
        ("grid_holder", "a", "G9", "", "2025-01-01", "2026-01-01"),
        ("party_branch", "o", "G9", "", "2025-01-01", "2025-02-01"),
        ("volunteer", "b", "G9", "", "2025-01-01", "2025-02-01"),
        ("volunteer", "c", "G9", "", "2025-01-01", "2026-02-01"),
    )

    assert loaded[:4] == (3, 1, 0, 0), "c was there while G9 stood, and ended before today"
    assert sorted(told(loaded.rejected)) == [4], "a branch is not carried on grids"


async def test_a_key_beside_another_bodys_name_is_taken_and_told(
    town: AsyncEngine, tmp_path: Path
) -> None:
    head = ("duty", "body", "name", "unit")
    rows = [
        ("grid_holder", "a", "薄", "G1"),
        ("volunteer", "b", " 薄 ", "G1"),
        ("volunteer", "c", "", "G2"),
    ]

    loaded = await listed_town.assignments(town, write(tmp_path / "a.csv", head, *rows))

    assert (loaded.added, loaded.rejected) == (3, ())
    [notice] = loaded.notices
    assert (notice.code, notice.feature_count) == ("NAME_DIFFERS", 1)
    assert notice.message.endswith("'a' is '安', not '薄', in a.csv row 2")


async def test_what_begins_on_a_day_to_come_is_for_a_unit_that_stands_on_that_day(
    town: AsyncEngine, tmp_path: Path
) -> None:
    early = dt.date(2025, 6, 1)
    loaded = await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G9", "", "2025-01-01", "2026-01-01"),
        ("grid_holder", "a", "G5", "", "2026-01-01"),
        ("volunteer", "b", "G9", "", "2026-01-01"),
        ("volunteer", "b", "旧网格", "", "2026-02-01"),
        ("volunteer", "b", "G5", "", "2025-12-31"),
        ("volunteer", "b", "G9", "", "2025-12-31"),
        ("volunteer", "c", "G5", "", "2025-01-01"),
        day=early,
    )

    assert told(loaded.rejected) == {
        4: "grid 'G9' stands only to the day before 2026-01-01",
        5: "grid 'G9' stands only to the day before 2026-01-01",
        6: "grid 'G5' stands only from 2026-01-01 on",
        8: "grid 'G5' stands only from 2026-01-01 on",
    }
    assert loaded.added == 3


async def test_nothing_is_taken_of_a_list_with_a_bad_row_where_all_or_nothing_is_asked(
    town: AsyncEngine, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "a.csv", HEAD[:3], ("grid_holder", "a", "G1"), ("grid_holder", "b", "G1")
    )

    loaded = await listed_town.assignments(town, path, all_or_nothing=True)

    assert (loaded.taken, loaded[:4], len(loaded.rejected)) == (False, (0, 0, 0, 0), 1)
    assert await listed_town.carried(town) == []


async def test_two_loads_at_once_wait_for_each_other(town: AsyncEngine, tmp_path: Path) -> None:
    one = write(tmp_path / "1.csv", HEAD[:3], ("grid_holder", "a", "G1"))
    two = write(tmp_path / "2.csv", HEAD[:3], ("grid_holder", "b", "G1"))

    both = await asyncio.gather(
        listed_town.assignments(town, one), listed_town.assignments(town, two)
    )

    assert sorted(loaded.added for loaded in both) == [0, 1]
    [reject] = [reject for loaded in both for reject in loaded.rejected]
    assert "has a holder of grid_holder already" in reject.reason


async def test_a_load_waits_for_whoever_is_assigning_and_sees_what_came_of_it(
    town: AsyncEngine, tmp_path: Path
) -> None:
    day = dt.date(2025, 1, 1)
    async with town.connect() as connection:
        await assigning.lock(connection)
        new = assigning.NewAssignment("grid_holder", "b", "grid", "G1", day)
        await assigning.insert(connection, [new], "editor")
        loading = asyncio.create_task(load(town, tmp_path, ("grid_holder", "a", "G1")))
        done, _ = await asyncio.wait({loading}, timeout=0.3)
        assert not done
        await connection.commit()

    reasons = told((await loading).rejected)

    assert "b from 2025-01-01 on" in reasons[2]


async def test_the_number_of_statements_does_not_grow_with_the_list(
    town: AsyncEngine, tmp_path: Path, statements: list[str]
) -> None:
    def rows(count: int) -> list[tuple[str, ...]]:
        return [
            ("volunteer", "a", "G1", "", f"20{n:02}-01-01", f"20{n:02}-02-01") for n in range(count)
        ]

    await load(town, tmp_path, *rows(28))  # the last of them is still to come
    few = len(statements)
    statements.clear()
    loaded = await load(town, tmp_path, *rows(40))

    assert loaded.added == 12
    assert len(statements) == few


async def test_without_published_units_nobody_is_assigned(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    with pytest.raises(NoEditionError, match="import and publish boundaries first"):
        await load(engine, tmp_path, ("grid_holder", "a", "G1"))


# -- duties ---------------------------------------------------------------------------------


async def put_duties(
    engine: AsyncEngine, folder: Path, text: str, *, replace: bool = False
) -> LoadedDuties:
    """Load a file of duties."""
    path = folder / "duties.toml"
    path.write_text(text, encoding="utf-8")
    return await load_duties(engine, read_duties(path), day=TODAY, replace=replace)


HOLDER = '[[duty]]\nkey = "grid_holder"\nname = "网格长"\nlevel = "grid"\n'


async def test_a_duty_is_added_changed_and_taken_away(town: AsyncEngine, tmp_path: Path) -> None:
    text = '[[duty]]\nkey = "guard"\nlevel = "grid"\nlevels = ["community", "grid"]\nmin = 2\n'
    post = '[[duty.post]]\nkey = "night"\nname = "夜班"\n'

    added = await put_duties(town, tmp_path, text)
    changed = await put_duties(town, tmp_path, text + post)
    same = await put_duties(town, tmp_path, await duties_as_toml(town))
    await load(town, tmp_path, ("guard", "a", "Q1", "夜班"))
    gone = await put_duties(town, tmp_path, text + post, replace=True)

    assert (added, changed) == ((1, 0, 0, 0), (0, 1, 0, 0))
    assert same == (0, 0, 20, 0)
    assert gone == (0, 0, 1, 19)
    assert (await listed_town.carried(town))[0][:4] == ("guard", "a", "Q1", "night")


async def test_a_duty_of_a_level_that_there_is_not_is_refused(
    town: AsyncEngine, tmp_path: Path
) -> None:
    with pytest.raises(UnknownError, match="no level 'planet'"):
        await put_duties(town, tmp_path, '[[duty]]\nkey = "a"\nlevel = "planet"\n')


@pytest.mark.parametrize(
    ("before", "after", "rows", "said"),
    [
        (
            HOLDER,
            HOLDER + "max = 1\n",
            [("a", "G1", ""), ("b", "G1", ""), ("c", "G2", "")],
            "1 assignment(s) of units that another one has on the same days: b on grid G1",
        ),
        (
            HOLDER,
            HOLDER + "several = false\n",
            [("a", "G1", ""), ("a", "G2", ""), ("b", "G3", "")],
            "1 assignment(s) of bodies that carry it on another unit on the same days: a on",
        ),
        (
            HOLDER + 'levels = ["community", "grid"]\n',
            HOLDER,
            [("a", "Q1", ""), ("a", "G2", "")],
            "1 assignment(s) on levels other than grid: a on community Q1",
        ),
        (
            HOLDER + '[[duty.post]]\nkey = "x"\n[[duty.post]]\nkey = "y"\n',
            HOLDER + '[[duty.post]]\nkey = "y"\n',
            [("a", "G1", "x"), ("a", "G2", "y"), ("b", "G2", "")],
            "1 assignment(s) in posts that it would not have: a on grid G1 as x",
        ),
    ],
    ids=["one holder", "one unit", "a level less", "a post less"],
)
async def test_a_stricter_duty_is_refused_while_there_is_what_it_does_not_allow(
    town: AsyncEngine,
    tmp_path: Path,
    before: str,
    after: str,
    rows: list[tuple[str, str, str]],
    said: str,
) -> None:
    await put_duties(town, tmp_path, before)
    loaded = await load(
        town, tmp_path, *[("grid_holder", b, u, p, "2025-01-01") for b, u, p in rows]
    )
    kept = await duties_as_toml(town)

    with pytest.raises(ConflictError) as caught:
        await put_duties(town, tmp_path, after)

    assert loaded.rejected == ()
    assert said in str(caught.value)
    assert "end them first" in str(caught.value)
    assert caught.value.extensions["count"] == 1
    assert await duties_as_toml(town) == kept


async def test_a_stricter_duty_is_taken_when_nobody_minds(
    town: AsyncEngine, tmp_path: Path
) -> None:
    await put_duties(town, tmp_path, HOLDER)
    days = ("2025-01-01", "2025-06-01")
    await load(
        town,
        tmp_path,
        ("grid_holder", "a", "G1", "", *days),
        ("grid_holder", "b", "G1", "", days[1]),
    )

    await put_duties(town, tmp_path, HOLDER + "max = 1\nseveral = false\n")
    loaded = await load(town, tmp_path, ("grid_holder", "c", "G1"))

    assert "has a holder" in told(loaded.rejected)[2]


async def test_a_duty_that_somebody_carried_cannot_be_taken_away(
    town: AsyncEngine, tmp_path: Path
) -> None:
    await load(town, tmp_path, ("volunteer", "a", "G1", "", "2025-01-01", "2025-02-01"))

    with pytest.raises(ConflictError, match=r"volunteer \(1\)"):
        await put_duties(town, tmp_path, HOLDER + "min = 1\n", replace=True)
