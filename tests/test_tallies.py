"""Who counts which address: leaves, borders, partitions side by side, compounds, history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, text, update

from storage.models import Address, AddressPlace, Unit, UnitTally
from storage.tallies import refresh
from tests.ground import (
    Tally,
    draw,
    lay_levels,
    open_next,
    places_of,
    settle,
    take_away,
    tallies_of,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

# Two communities of two grids each; the numbers are degrees.
#
#   1 +-----+-----+-----+-----+
#     | a1  | a2  | b1  | b2  |     A = a1 + a2, B = b1 + b2, district D = A + B
#   0 +-----+-----+-----+-----+
#     0     1     2     3     4


async def lay_communities(connection: AsyncConnection, edition: int) -> None:
    await draw(connection, edition, "district", {"D": (0, 0, 4, 1)})
    sides = {"A": (0.0, 0.0, 2.0, 1.0), "B": (2.0, 0.0, 4.0, 1.0)}
    await draw(connection, edition, "community", sides, parent="D")


async def lay_grids(connection: AsyncConnection, edition: int, community: str) -> None:
    west = 0.0 if community == "A" else 2.0
    name = community.lower()
    sides = {f"{name}1": (west, 0.0, west + 1, 1.0), f"{name}2": (west + 1, 0.0, west + 2, 1.0)}
    await draw(connection, edition, "grid", sides, parent=community)


async def lay_town(connection: AsyncConnection) -> int:
    """Lay the drawn town with all four grids as edition 1."""
    await lay_levels(connection)
    edition = await open_next(connection, "district", "community", "grid")
    await lay_communities(connection, edition)
    await lay_grids(connection, edition, "A")
    await lay_grids(connection, edition, "B")
    return edition


async def test_every_level_counts_what_its_grids_count(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        await settle(connection, edition, {"p": (0.5, 0.5)}, people=2, groups={"pupil": 1})
        await settle(connection, edition, {"q": (1.5, 0.5)}, people=5, groups={"pupil": 2})
        await settle(connection, edition, {"r": (3.5, 0.5)}, people=7, groups={"elder_alone": 1})
        await refresh(connection, edition, levels=None, boxes=None)

        found = await tallies_of(connection, edition, "district", "community", "grid")

    assert found == {
        "a1": Tally(1, 2, {"pupil": 1}),
        "a2": Tally(1, 5, {"pupil": 2}),
        "b2": Tally(1, 7, {"elder_alone": 1}),
        "A": Tally(2, 7, {"pupil": 3}),
        "B": Tally(1, 7, {"elder_alone": 1}),
        "D": Tally(3, 14, {"pupil": 3, "elder_alone": 1}),
    }


async def test_an_address_on_a_border_goes_to_the_bytewise_smallest_code(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        # "Z9" sorts before "a1" by its bytes, and after it in most languages.
        await connection.execute(
            update(Unit).where(Unit.level == "grid", Unit.code == "b1").values(code="Z9")
        )
        await settle(connection, edition, {"edge": (2.0, 0.5), "corner": (1.0, 0.0)})
        await refresh(connection, edition, levels=None, boxes=None)

        places = await places_of(connection, edition)
        found = await tallies_of(connection, edition, "community")

    assert {("edge", "grid", "Z9"), ("corner", "grid", "a1")} <= places
    assert found == {"A": Tally(1, 3, {}), "B": Tally(1, 3, {})}


async def test_an_address_in_no_grid_is_said_to_be_in_none_and_counts_for_no_level(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        # As over a lake that was waived: b1 is gone, and B still stands around it.
        await connection.execute(text("DELETE FROM unit WHERE level = 'grid' AND code = 'b1'"))
        await settle(connection, edition, {"lake": (2.5, 0.5), "abroad": (9.0, 9.0)})
        await refresh(connection, edition, levels=None, boxes=None)

        places = await places_of(connection, edition)
        found = await tallies_of(connection, edition, "district", "community", "grid")

    assert places == {("lake", "grid", None), ("abroad", "grid", None)}
    assert found == {}


async def test_while_only_the_district_stands_it_counts_by_place(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await lay_levels(connection)
        first = await open_next(connection, "district")
        await draw(connection, first, "district", {"D": (0, 0, 4, 1)})
        await settle(connection, first, {"p": (0.5, 0.5), "q": (9.0, 9.0)})
        await refresh(connection, first, levels=None, boxes=None)

        places = await places_of(connection, first)
        found = await tallies_of(connection, first, "district")

    assert places == {("p", "district", "D"), ("q", "district", None)}
    assert found == {"D": Tally(1, 3, {})}


async def test_a_lower_level_takes_over_where_it_is_published_and_only_there(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        await lay_levels(connection)
        first = await open_next(connection, "district", "community")
        await lay_communities(connection, first)
        await settle(connection, first, {"p": (0.5, 0.5), "q": (3.5, 0.5), "edge": (2.0, 0.5)})
        await refresh(connection, first, levels=None, boxes=None)
        second = await open_next(connection, "grid")
        await lay_grids(connection, second, "B")
        # The box holds B alone, but every address is to hear of the new lowest level.
        await refresh(connection, second, levels=["grid"], boxes=[(2, 0, 4, 1)])

        before = await places_of(connection, first)
        after = await places_of(connection, second)
        tallies_before = await tallies_of(connection, first, "community", "district")
        tallies_after = await tallies_of(connection, second, "community", "district", "grid")

    assert before == {
        ("p", "community", "A"),
        ("q", "community", "B"),
        ("edge", "community", "A"),
    }
    assert after == {
        ("p", "community", "A"),
        ("p", "grid", None),
        ("q", "grid", "b2"),
        ("edge", "grid", "b1"),  # the lowest level first, then the code
    }
    assert tallies_before == {"A": Tally(2, 6, {}), "B": Tally(1, 3, {}), "D": Tally(3, 9, {})}
    assert tallies_after == {
        "A": Tally(1, 3, {}),
        "B": Tally(2, 6, {}),
        "D": Tally(3, 9, {}),
        "b1": Tally(1, 3, {}),
        "b2": Tally(1, 3, {}),
    }


async def test_the_higher_level_counts_by_place_again_when_its_grids_are_gone(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        first = await lay_town(connection)
        await settle(connection, first, {"p": (0.5, 0.5), "r": (3.5, 0.5)})
        await refresh(connection, first, levels=None, boxes=None)
        second = await open_next(connection, "grid")
        await take_away(connection, second, "grid", "b1", "b2")
        await refresh(connection, second, levels=["grid"], boxes=[(2, 0, 4, 1)])

        places = await places_of(connection, second)
        found = await tallies_of(connection, second, "district", "community", "grid")

    assert places == {("p", "grid", "a1"), ("r", "grid", None), ("r", "community", "B")}
    assert found == {
        "a1": Tally(1, 3, {}),
        "A": Tally(1, 3, {}),
        "B": Tally(1, 3, {}),
        "D": Tally(2, 6, {}),
    }


async def test_partitions_side_by_side_place_each_address_and_count_it_once(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        # One police area that covers the west half of A only: the rest is not published yet.
        await draw(connection, edition, "police", {"pol": (0, 0, 1, 1)}, parent="A")
        await settle(connection, edition, {"p": (0.5, 0.5), "q": (1.5, 0.5), "r": (3.5, 0.5)})
        await refresh(connection, edition, levels=None, boxes=None)

        places = await places_of(connection, edition)
        found = await tallies_of(connection, edition, "district", "community", "police")

    assert places == {
        ("p", "grid", "a1"),
        ("q", "grid", "a2"),
        ("r", "grid", "b2"),
        ("p", "police", "pol"),
        ("q", "police", None),
        ("r", "police", None),
    }
    assert found == {
        "A": Tally(2, 6, {}),
        "B": Tally(1, 3, {}),
        "D": Tally(3, 9, {}),
        "pol": Tally(1, 3, {}),
    }


async def test_a_compound_counts_who_names_it_and_else_who_lies_in_it(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        walls = {"C1": (0.1, 0.1, 0.4, 0.4), "C2": (0.6, 0.1, 0.9, 0.4), "C0": (0.4, 0.1, 0.6, 0.4)}
        await draw(connection, edition, "compound", walls, parent="A")
        await settle(connection, edition, {"in C1, names C2": (0.2, 0.2)}, compound="C2")
        await settle(connection, edition, {"in C1, names none": (0.3, 0.3)}, people=5)
        await settle(connection, edition, {"in C1, names one gone": (0.3, 0.2)}, compound="old")
        await settle(connection, edition, {"on the wall of C0 and C1": (0.4, 0.2)}, people=11)
        await settle(connection, edition, {"outside": (0.5, 0.9)})
        await refresh(connection, edition, levels=None, boxes=None)

        found = await tallies_of(connection, edition, "compound")

    assert found == {"C0": Tally(1, 11, {}), "C1": Tally(2, 8, {}), "C2": Tally(1, 3, {})}


async def test_rows_that_stay_equal_are_kept_and_others_begin_anew(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await lay_town(connection)
        await settle(connection, first, {"p": (0.5, 0.5), "q": (1.5, 0.5), "r": (3.5, 0.5)})
        await refresh(connection, first, levels=None, boxes=None)
        second = await open_next(connection, "grid")
        # The border between a1 and a2 moves east, past q: q changes grid, A stays as it was.
        await take_away(connection, second, "grid", "a1", "a2")
        moved = {"a1": (0.0, 0.0, 1.8, 1.0), "a2": (1.8, 0.0, 2.0, 1.0)}
        await draw(connection, second, "grid", moved, parent="A")
        await refresh(connection, second, levels=["grid"], boxes=[(0, 0, 2, 1)])

        query = select(UnitTally.code).where(UnitTally.first_edition == second)
        begun = set(await connection.scalars(query))
        ended = set(
            await connection.scalars(select(UnitTally.code).where(UnitTally.last_edition == first))
        )
        found = await tallies_of(connection, second, "grid")
        old = await tallies_of(connection, first, "grid")
        new_places = await connection.scalar(
            select(func.count()).where(AddressPlace.first_edition == second)
        )

    assert (begun, ended) == ({"a1"}, {"a1", "a2"})
    assert found == {"a1": Tally(2, 6, {}), "b2": Tally(1, 3, {})}
    assert old == {"a1": Tally(1, 3, {}), "a2": Tally(1, 3, {}), "b2": Tally(1, 3, {})}
    assert new_places == 1, "only q has moved"


async def test_refreshing_once_more_changes_nothing(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        await settle(connection, edition, {"p": (0.5, 0.5), "q": (9.0, 9.0)})
        await refresh(connection, edition, levels=None, boxes=None)
        rows = [
            list(await connection.execute(select(table))) for table in (UnitTally, AddressPlace)
        ]
        await refresh(connection, edition, levels=None, boxes=None)
        await refresh(connection, edition, levels=None, boxes=[(-9, -9, 10, 10)])
        again = [
            list(await connection.execute(select(table))) for table in (UnitTally, AddressPlace)
        ]

    assert again == rows


async def test_a_second_refresh_of_one_edition_mends_the_first(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        edition = await lay_town(connection)
        await settle(connection, edition, {"p": (0.5, 0.5)})
        await refresh(connection, edition, levels=None, boxes=None)
        await connection.execute(
            update(Address).values(geom=text("ST_SetSRID(ST_MakePoint(3.5, 0.5), 4326)"))
        )
        await refresh(connection, edition, levels=None, boxes=None)

        places = await places_of(connection, edition)
        found = await tallies_of(connection, edition, "district", "community", "grid")

    assert places == {("p", "grid", "b2")}
    assert found == {"b2": Tally(1, 3, {}), "B": Tally(1, 3, {}), "D": Tally(1, 3, {})}


async def test_a_box_gives_the_same_as_everything(engine: AsyncEngine) -> None:
    """A grid is split and a neighbour renamed; the box of the changes is enough."""
    found = []
    for boxes in ([(2.0, 0.0, 4.0, 1.0)], None):
        async with engine.connect() as connection:
            first = await lay_town(connection)
            spots = {f"k{n}": (0.05 + n * 0.2, 0.5) for n in range(20)}
            await settle(connection, first, spots, groups={"pupil": 1})
            await refresh(connection, first, levels=None, boxes=None)
            second = await open_next(connection, "grid")
            await take_away(connection, second, "grid", "b1", "b2")
            sides = {
                "n1": (2.0, 0.0, 2.4, 1.0),
                "n2": (2.4, 0.0, 3.0, 1.0),
                "n3": (3.0, 0.0, 4.0, 1.0),
            }
            await draw(connection, second, "grid", sides, parent="B")
            await refresh(connection, second, levels=["grid"], boxes=boxes)
            found.append(
                (
                    await places_of(connection, second),
                    await tallies_of(connection, second, "district", "community", "grid"),
                )
            )
            await connection.rollback()

    assert found[0] == found[1]
    # x = 0.05 + 0.2 n: two of the twenty lie in [2.0, 2.4), three in [2.4, 3.0), five in [3, 4).
    counts = {code: tally.households for code, tally in found[0][1].items()}
    assert {code: counts[code] for code in ("n1", "n2", "n3")} == {"n1": 2, "n2": 3, "n3": 5}


async def test_only_the_levels_that_changed_are_counted(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await lay_town(connection)
        await settle(connection, first, {"p": (0.2, 0.2)})
        await refresh(connection, first, levels=None, boxes=None)
        second = await open_next(connection, "compound")
        await draw(connection, second, "compound", {"C1": (0.1, 0.1, 0.4, 0.4)}, parent="A")
        # Tampered with, so that a needless recount would show.
        await connection.execute(update(UnitTally).values(people=99))
        await refresh(connection, second, levels=["compound"], boxes=[(0.1, 0.1, 0.4, 0.4)])

        found = await tallies_of(connection, second, "compound", "grid")

    assert found == {"C1": Tally(1, 3, {}), "a1": Tally(1, 99, {})}


async def test_the_number_of_statements_does_not_grow_with_the_town(
    engine: AsyncEngine, statements: list[str]
) -> None:
    counts = []
    for addresses in (1, 300):
        async with engine.connect() as connection:
            edition = await lay_town(connection)
            spots = {f"k{n}": (0.01 + 0.013 * n, 0.5) for n in range(addresses)}
            await settle(connection, edition, spots)
            statements.clear()
            await refresh(connection, edition, levels=None, boxes=None)
            counts.append(len(statements))
            await connection.rollback()

    assert counts[0] == counts[1]
    assert counts[0] < 30
