"""Loading service points: what is added, changed, ended and refused, and who sees it."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, select, text

from geo.errors import BadInputError, ConflictError, UnknownError
from resolvers.facility_lists import LoadedFacilities, load_facilities
from storage import facilities, facility_kinds, facility_states
from storage.circle_models import Facility
from storage.facility_kinds import KindRow
from tests.facility_files import Point, listed
from tests.graphql import world

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

TODAY = dt.date(2026, 6, 1)
NEXT = dt.date(2026, 7, 1)


async def load(engine: AsyncEngine, *points: Point, **how: Any) -> LoadedFacilities:  # noqa: ANN401 - options
    how = {"changed_by": "test", "day": TODAY, **how}
    return await load_facilities(engine, listed(*points), **how)


async def states(engine: AsyncEngine) -> list[tuple[str, str, dt.date, dt.date | None]]:
    """Return key, name and days of all states."""
    query = select(Facility.key, Facility.name, Facility.since, Facility.until)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(Facility.key, Facility.since))
        return [(key, name, since, until) for key, name, since, until in rows]


async def standing(
    engine: AsyncEngine, day: dt.date, kinds: Collection[str] | None = None
) -> list[str]:
    async with engine.connect() as connection:
        return (await facilities.standing(connection, day, kinds=kinds)).key


async def stamp(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await facilities.stamp(connection)


async def test_the_same_list_once_more_changes_nothing(engine: AsyncEngine) -> None:
    points = [
        Point("a", name="驿站", since="2024-01-01", area_m2=61.5, rooms=("meeting", "rest")),
        Point("b", kind="gate", compound="C1", hours="24/7", properties={"n": 10**30, "m": [1.0]}),
        Point("c", lon=104.000000001, until="2027-01-01", properties={"z": None, "a": {"y": 1}}),
    ]

    first = await load(engine, *points)
    stored, seen = await states(engine), await stamp(engine)
    again = await load(engine, *reversed(points), day=NEXT)

    assert first[:4] == (3, 0, 0, 0)
    assert again[:4] == (0, 0, 3, 0)
    assert stored == [
        ("a", "驿站", dt.date(2024, 1, 1), None),
        ("b", "", TODAY, None),
        ("c", "", TODAY, dt.date(2027, 1, 1)),
    ]
    assert (await states(engine), await stamp(engine)) == (stored, seen)


@pytest.mark.parametrize(
    "other",
    [
        Point("a", name="other"),
        Point("a", lon=104.005000001),
        Point("a", kind="clinic"),
        Point("a", area_m2=0.0),
        Point("a", rooms=("meeting",)),
        Point("a", hours="24/7"),
        Point("a", compound="C"),
        Point("a", properties={"b": None}),
    ],
)
async def test_whatever_differs_begins_a_new_state(engine: AsyncEngine, other: Point) -> None:
    await load(engine, Point("a"))

    changed = await load(engine, other, day=NEXT)

    assert changed[:4] == (0, 1, 0, 0)
    assert [row[2:] for row in await states(engine)] == [(TODAY, NEXT), (NEXT, None)]
    async with engine.connect() as connection:
        days = [(await facilities.by_keys(connection, day, ["a"]))["a"] for day in (TODAY, NEXT)]
    assert days[0]._replace(row_id=0, since=NEXT, until=None) != days[1]._replace(row_id=0)


async def test_the_whole_truth_ends_what_it_does_not_name(engine: AsyncEngine) -> None:
    await load(engine, Point("a"), Point("b"), Point("c", since="2026-07-01"))

    kept = await load(engine, Point("a"), day=NEXT)
    ended = await load(engine, Point("a"), day=NEXT, replace=True)

    assert (kept.ended, ended.ended) == (0, 2)
    assert await standing(engine, TODAY) == ["a", "b"]
    assert await standing(engine, NEXT) == ["a"]
    assert await standing(engine, dt.date(2030, 1, 1)) == ["a"]


async def test_those_of_a_day_and_of_kinds_come_as_arrays(engine: AsyncEngine) -> None:
    await load(
        engine,
        Point("s", lon=104.01, lat=38.02),
        Point("g", kind="gate", compound="C7", until="2026-07-01"),
    )

    async with engine.connect() as connection:
        all_of_them = await facilities.standing(connection, TODAY)
        gates = await facilities.standing(connection, NEXT, kinds=["gate"])

    assert all_of_them.key == ["g", "s"]
    assert all_of_them.kind == ["gate", "station"]
    assert all_of_them.compound_code == ["C7", None]
    assert all_of_them.lonlat.tolist() == [[104.005, 38.005], [104.01, 38.02]]
    assert len(set(all_of_them.row_id.tolist())) == 2
    assert (gates.key, gates.lonlat.shape) == ([], (0, 2))


async def test_kinds_are_known_by_key_or_name_and_others_refused_or_taken_up(
    engine: AsyncEngine,
) -> None:
    points = [Point("a", kind="驿站"), Point("b", kind="GATE"), Point("c", kind="便民亭")]

    with pytest.raises(UnknownError, match=r"no kind '便民亭' .* station, .*--new-kinds") as caught:
        await load(engine, *points)
    nothing = await states(engine)
    loaded = await load(engine, *points, new_kinds=True)

    assert nothing == []
    assert "station" in list(caught.value.extensions["options"])  # type: ignore[call-overload] # a list
    assert loaded.new_kinds == ("便民亭",)
    async with engine.connect() as connection:
        arrays = await facilities.standing(connection, TODAY)
        kinds = await facility_kinds.kinds(connection)
    assert arrays.kind == ["station", "gate", "便民亭"]
    assert KindRow("便民亭", "便民亭", ()) in kinds


async def test_a_key_in_two_lists_is_refused(engine: AsyncEngine) -> None:
    lists = [listed(Point("a"), Point("b")), listed(Point("b"))]

    with pytest.raises(BadInputError, match="'b' stand there more than once"):
        await load_facilities(engine, *lists, changed_by="test", day=TODAY)


async def test_a_place_far_from_the_city_is_refused_by_its_key(engine: AsyncEngine) -> None:
    await world.build(engine)  # from 104.00 to 104.04 degrees, 38.00 to 38.02
    near, far = Point("near", lon=104.0, lat=38.9), Point("far", lon=104.0, lat=38.95)

    with pytest.raises(BadInputError, match="'far' lie more than 100 km from the city"):
        await load(engine, near, far)
    with pytest.raises(BadInputError, match="'west'"):
        await load(engine, Point("west", lon=102.8, lat=38.01))
    loaded = await load(engine, near, Point("east", lon=105.1, lat=38.01))

    assert loaded.added == 2


async def test_opening_hours_that_cannot_be_understood_are_kept_aloud(
    engine: AsyncEngine,
) -> None:
    loaded = await load(
        engine, Point("a", hours="周一至周五"), Point("b", hours="Mo-Fr 09:00-17:00")
    )

    assert loaded.added == 2
    assert [(n.code, n.feature_count) for n in loaded.notices] == [("OPENING_HOURS", 1)]
    assert "'a'" in loaded.notices[0].message


async def test_gates_that_name_no_compound_are_told(engine: AsyncEngine) -> None:
    loaded = await load(
        engine,
        Point("g", kind="gate"),
        Point("h", kind="gate", compound="C1"),
        Point("s", kind="station"),
    )

    assert [(n.code, n.feature_count) for n in loaded.notices] == [("GATE_OF_NONE", 1)]
    assert "'g'" in loaded.notices[0].message


async def test_a_row_that_ended_before_the_load_needs_its_first_day(engine: AsyncEngine) -> None:
    with pytest.raises(BadInputError, match="'a' would end on 2026-05-01"):
        await load(engine, Point("a", until="2026-05-01"))

    await load(engine, Point("a", since="2026-04-01", until="2026-05-01"))

    assert await standing(engine, dt.date(2026, 4, 30)) == ["a"]
    assert await standing(engine, dt.date(2026, 5, 1)) == []


async def test_two_lists_at_once_come_one_after_the_other(engine: AsyncEngine) -> None:
    await asyncio.gather(
        *(load(engine, Point("a", name=f"n{n}"), Point(f"b{n}")) for n in range(4))
    )

    found = await states(engine)
    assert [key for key, *_ in found] == ["a", "b0", "b1", "b2", "b3"]


async def test_two_states_of_one_day_are_a_conflict_in_words(engine: AsyncEngine) -> None:
    content = facility_states.FacilityContent(
        "station", "x", 104.0, 38.0, None, (), None, None, b"{}"
    )

    def state(since: dt.date) -> facility_states.FacilityState:
        return facility_states.FacilityState(None, "a", content, since, None)

    async def write(since: dt.date) -> None:
        async with engine.begin() as connection:
            await facility_states.write(
                connection, begun=[(state(since), "a")], mended=[], dropped=[], changed_by="test"
            )

    outcomes = await asyncio.gather(write(TODAY), write(NEXT), return_exceptions=True)

    [failed] = [one for one in outcomes if one is not None]
    assert isinstance(failed, ConflictError)
    assert "somebody else changed the same service point" in str(failed)
    assert len(await states(engine)) == 1


async def test_every_change_of_a_point_a_kind_or_a_programme_is_stamped(
    engine: AsyncEngine,
) -> None:
    seen = [await stamp(engine)]
    await load(engine, Point("a"))
    seen.append(await stamp(engine))
    async with engine.begin() as connection:
        await facility_kinds.put(connection, [KindRow("station", "站", ())])
        inside = await facilities.stamp(connection)
        assert await stamp(engine) == seen[-1], "others see it when it is done"
    seen.append(await stamp(engine))
    await world.run(engine, text("UPDATE programme SET name = name"))
    seen.append(await stamp(engine))
    await world.run(engine, delete(Facility))
    seen.append(await stamp(engine))

    assert sorted(set(seen)) == seen
    assert inside == seen[2]


async def test_the_author_and_the_moment_of_a_change_are_kept(engine: AsyncEngine) -> None:
    await load(engine, Point("a"), changed_by="first")
    await load(engine, Point("a", name="x"), changed_by="second", day=NEXT)

    query = select(Facility.changed_by, Facility.changed_at).order_by(Facility.since)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    assert [row[0] for row in rows] == ["second", "second"], "the first state was ended"
    assert all(row[1] is not None for row in rows)


async def test_many_thousand_points_load_in_seconds(engine: AsyncEngine) -> None:
    points = [Point(f"g{n:06d}", kind="gate", lon=104 + n * 1e-6) for n in range(6_000)]

    first = await load(engine, *points)
    moved = await load(engine, *(p._replace(lat=38.1) for p in points[:3_000]), day=NEXT)

    assert (first.added, moved.changed) == (6_000, 3_000)
    assert len(await standing(engine, NEXT)) == 6_000
