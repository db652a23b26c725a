"""Loading levels and addresses: what is refused, what is kept, what makes an edition."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import func, insert, select

from geo.errors import BadInputError, ConflictError
from geo.levels import DEFAULT_LEVELS, LevelSpec, Tiling
from resolvers.addresses import LoadedAddresses, load_addresses
from resolvers.levels import load_levels
from storage import editions
from storage.addresses import AddressRows, addresses_in
from storage.keys import Role, create
from storage.levels import all_levels, unit_counts
from storage.models import Address, Draft, Edition
from storage.tallies import refresh
from tests.ground import Tally, draw, open_next, take_away, tallies_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

TODAY = dt.date(2026, 6, 1)


def tree(*rows: tuple[str, str | None, Tiling]) -> tuple[LevelSpec, ...]:
    return tuple(
        LevelSpec(key, key.title(), parent, tiling, rank)
        for rank, (key, parent, tiling) in enumerate(rows)
    )


def listed(
    *rows: tuple[str, float, float],
    people: int = 3,
    groups: dict[str, int] | None = None,
    compound: str | None = None,
) -> AddressRows:
    """Return a list of addresses of one household each: (key, lon, lat)."""
    count = len(rows)
    return AddressRows(
        keys=[key for key, _, _ in rows],
        lonlat=np.array([place for _, *place in rows], dtype=np.float64).reshape(count, 2),
        households=np.ones(count, dtype=np.int64),
        people=np.full(count, people, dtype=np.int64),
        groups=[dict(groups or {})] * count,
        compound_codes=[compound] * count,
    )


async def load(
    engine: AsyncEngine, *lists: AddressRows, replace: bool = False, on: dt.date | None = None
) -> LoadedAddresses:
    return await load_addresses(
        engine, *lists, published_by="test", today=TODAY, replace=replace, effective_on=on
    )


async def keys_in(engine: AsyncEngine, edition: int) -> list[str]:
    async with engine.connect() as connection:
        return (await addresses_in(connection, edition)).keys


# --- levels -------------------------------------------------------------------------------------


async def test_a_fresh_database_has_the_usual_levels(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await all_levels(connection) == DEFAULT_LEVELS


async def test_levels_without_units_may_become_any_other_tree(engine: AsyncEngine) -> None:
    # A new topmost level, an old one that goes, one that moves, one that is tiled otherwise.
    wanted = tree(
        ("country", None, Tiling.TILES),
        ("district", "country", Tiling.TILES),
        ("community", "district", Tiling.TILES),
        ("compound", "community", Tiling.TILES),
        ("police", "district", Tiling.DISJOINT),
    )

    changes = await load_levels(engine, wanted)

    assert changes.added == ("country", "police")
    assert changes.changed == ("district", "community", "compound")
    assert changes.removed == ("subdistrict", "grid")
    async with engine.connect() as connection:
        assert await all_levels(connection) == wanted


async def test_the_same_levels_once_more_change_nothing(engine: AsyncEngine) -> None:
    changes = await load_levels(engine, DEFAULT_LEVELS)

    assert changes.unchanged == tuple(level.key for level in DEFAULT_LEVELS)
    assert (changes.added, changes.changed, changes.removed) == ((), (), ())


async def test_what_is_no_tree_is_refused_with_every_reason(engine: AsyncEngine) -> None:
    roots = [(key, None, Tiling.TILES) for key in ("top", "other_top")]
    broken = tree(*roots, ("b", "nowhere", Tiling.TILES))

    with pytest.raises(BadInputError) as caught:
        await load_levels(engine, broken)

    assert "nowhere" in str(caught.value)
    assert "other_top" in str(caught.value)
    async with engine.connect() as connection:
        assert await all_levels(connection) == DEFAULT_LEVELS


async def published_districts(engine: AsyncEngine, *, gone: bool = False) -> None:
    async with engine.begin() as connection:
        first = await open_next(connection, "district")
        await draw(connection, first, "district", {"D": (0, 0, 1, 1), "E": (1, 0, 2, 1)})
        if gone:
            await take_away(
                connection, await open_next(connection, "district"), "district", "D", "E"
            )


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        pytest.param(
            tree(("country", None, Tiling.TILES)),
            "'district' has 2 units and must stay",
            id="dropped",
        ),
        pytest.param(
            tree(("country", None, Tiling.TILES), ("district", "country", Tiling.TILES)),
            "'district' has 2 units and must stay under nothing",
            id="moved",
        ),
    ],
)
async def test_a_level_on_which_units_ever_stood_keeps_its_place(
    engine: AsyncEngine, wanted: Sequence[LevelSpec], reason: str, gone: bool
) -> None:
    await published_districts(engine, gone=gone)

    with pytest.raises(ConflictError, match=reason):
        await load_levels(engine, wanted)

    async with engine.connect() as connection:
        assert await all_levels(connection) == DEFAULT_LEVELS


async def test_a_level_with_units_keeps_its_tiling(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await open_next(connection, "compound")
        await draw(connection, first, "compound", {"C": (0, 0, 1, 1)}, parent="A")
    wanted = [
        replace(level, tiling=Tiling.TILES) if level.key == "compound" else level
        for level in DEFAULT_LEVELS
    ]

    with pytest.raises(ConflictError, match="'compound' has 1 unit and must stay DISJOINT"):
        await load_levels(engine, wanted)


async def test_levels_side_by_side_with_units_keep_their_order(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await open_next(connection, "grid", "compound")
        for level in ("grid", "compound"):
            await draw(connection, first, level, {"X": (0, 0, 1, 1)}, parent="A")
    *above, grid, compound = DEFAULT_LEVELS
    swapped = [*above, replace(compound, rank=grid.rank), replace(grid, rank=compound.rank)]

    with pytest.raises(ConflictError, match="'grid' has 1 unit and must stay before 'compound'"):
        await load_levels(engine, swapped)


async def test_names_and_new_levels_are_welcome_beside_units(engine: AsyncEngine) -> None:
    await published_districts(engine)
    renamed = [replace(level, name=f"{level.name}！") for level in DEFAULT_LEVELS]
    police = LevelSpec("police", "警务", "district", Tiling.TILES, len(renamed))

    changes = await load_levels(engine, [*renamed, police])

    assert changes.added == ("police",)
    assert changes.changed == tuple(level.key for level in DEFAULT_LEVELS)


@pytest.mark.parametrize(
    ("status", "moved", "dropped"),
    [("OPEN", False, False), ("READING", False, False), ("DISCARDED", True, False)],
)
async def test_open_drafts_hold_a_level_and_old_ones_keep_it(
    engine: AsyncEngine, status: str, moved: bool, dropped: bool
) -> None:
    async with engine.begin() as connection:
        draft = {"status": status, "level": "compound", "source": {}, "created_by": "test"}
        await connection.execute(insert(Draft).values(draft))
    elsewhere = [
        replace(level, parent="district") if level.key == "compound" else level
        for level in DEFAULT_LEVELS
    ]
    without = [level for level in DEFAULT_LEVELS if level.key != "compound"]

    for wanted, allowed in ((elsewhere, moved), (without, dropped)):
        if allowed:
            await load_levels(engine, wanted)
        else:
            with pytest.raises(ConflictError, match=r"'compound' has 1 (open )?draft"):
                await load_levels(engine, wanted)


async def test_a_level_that_a_key_names_is_not_dropped(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await create(connection, name="n", role=Role.EDITOR, within=("compound", "C"))

    with pytest.raises(ConflictError, match="'compound' has 1 key"):
        await load_levels(engine, [level for level in DEFAULT_LEVELS if level.key != "compound"])


async def test_units_are_counted_by_level_and_edition(engine: AsyncEngine) -> None:
    await published_districts(engine, gone=True)

    async with engine.connect() as connection:
        counts = [await unit_counts(connection, number) for number in (1, 2)]
    assert counts == [{"district": 2}, {}]


# --- editions -----------------------------------------------------------------------------------


async def test_the_edition_of_a_day_is_the_highest_in_force_by_then(engine: AsyncEngine) -> None:
    days = [dt.date(2026, 1, 10), dt.date(2026, 1, 20), dt.date(2026, 1, 20)]
    async with engine.begin() as connection:
        for day in days:
            await editions.open_edition(connection, effective_on=day, published_by="test")
        asked = {day: dt.date(2026, 1, day) for day in (9, 10, 19, 20, 31)}
        found = {day: await editions.as_of(connection, date) for day, date in asked.items()}

    numbers = {day: row.number if row else None for day, row in found.items()}
    assert numbers == {9: None, 10: 1, 19: 1, 20: 3, 31: 3}


async def test_days_never_run_backwards_and_a_correction_keeps_the_day(
    engine: AsyncEngine,
) -> None:
    day, before, after = (dt.date(2026, 2, n) for n in (10, 9, 11))
    async with engine.begin() as connection:
        with pytest.raises(BadInputError, match="no edition yet"):
            await editions.open_edition(
                connection, effective_on=day, published_by="t", correction=True
            )
        await editions.open_edition(connection, effective_on=day, published_by="t")
        with pytest.raises(BadInputError, match="2026-02-10 or later"):
            await editions.open_edition(connection, effective_on=before, published_by="t")
        for wrong in (before, after):
            with pytest.raises(BadInputError, match="edition 1 stands from 2026-02-10"):
                await editions.open_edition(
                    connection, effective_on=wrong, published_by="t", correction=True
                )
        second = await editions.open_edition(
            connection, effective_on=day, published_by="t", correction=True, levels=["grid"]
        )
        rows = await editions.page(connection, 10)
        older = await editions.page(connection, 10, after=2)
        levels = await editions.levels_of(connection, [1, 2])

    assert second == 2
    assert [(row.number, row.correction) for row in rows] == [(2, True), (1, False)]
    assert [row.number for row in older] == [1]
    assert levels == {1: (), 2: ("grid",)}


async def test_numbers_become_visible_in_order(engine: AsyncEngine) -> None:
    """Whoever opens an edition waits for the one before, and then takes the next number."""
    numbers: list[int] = []

    async def publish(pause_s: float) -> None:
        async with engine.begin() as connection:
            number = await editions.open_edition(connection, effective_on=TODAY, published_by="t")
            await asyncio.sleep(pause_s)
            seen = await connection.scalar(select(func.max(Edition.number)))
            assert seen == number
            numbers.append(number)

    await asyncio.gather(*(publish(0.05 * (5 - n)) for n in range(5)))

    assert numbers == [1, 2, 3, 4, 5]


# --- addresses ----------------------------------------------------------------------------------


async def test_loading_says_what_is_new_changed_equal_and_gone(engine: AsyncEngine) -> None:
    first = await load(engine, listed(("a", 1, 1), ("b", 2, 2), ("c", 3, 3)))
    second = await load(engine, listed(("b", 2, 2), ("c", 3, 3.5), ("d", 4, 4)))
    third = await load(engine, listed(("b", 2, 2), ("d", 4, 4)), replace=True)

    assert first == LoadedAddresses(3, 0, 0, 0, edition=1)
    assert second == LoadedAddresses(1, 1, 1, 0, edition=2)
    assert third == LoadedAddresses(0, 0, 2, 2, edition=3)
    assert [await keys_in(engine, number) for number in (1, 2, 3)] == [
        ["a", "b", "c"],
        ["a", "b", "c", "d"],
        ["b", "d"],
    ]
    async with engine.connect() as connection:
        notes = [(await editions.by_number(connection, number)) for number in (1, 2, 3)]
    assert notes[2] is not None
    assert notes[2].note == "addresses: 0 added, 0 changed, 2 removed"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(listed(("a", 1.000000001, 1), people=3), id="place"),
        pytest.param(listed(("a", 1, 1), people=4), id="people"),
        pytest.param(listed(("a", 1, 1), groups={"pupil": 2}), id="groups"),
        pytest.param(listed(("a", 1, 1), compound="C"), id="compound"),
    ],
)
async def test_any_difference_makes_a_new_row_and_the_old_one_stays_in_history(
    engine: AsyncEngine, other: AddressRows
) -> None:
    await load(engine, listed(("a", 1, 1), groups={"pupil": 1}))

    changed = await load(engine, other)

    assert changed == LoadedAddresses(0, 1, 0, 0, edition=2)
    async with engine.connect() as connection:
        spans = await connection.execute(
            select(Address.first_edition, Address.last_edition).order_by(Address.row_id)
        )
        old = await addresses_in(connection, 1)
        new = await addresses_in(connection, 2)
    assert [tuple(span) for span in spans] == [(1, 1), (2, None)]
    assert old.groups == [{"pupil": 1}]
    assert (new.lonlat.tolist(), new.people.tolist()) == (
        other.lonlat.tolist(),
        other.people.tolist(),
    )
    assert (new.groups, new.compound_codes) == (other.groups, other.compound_codes)


@pytest.mark.parametrize("replace_all", [False, True])
async def test_the_same_list_again_makes_no_edition(engine: AsyncEngine, replace_all: bool) -> None:
    rows = listed(("a", 1, 1), ("b", 2, 2), groups={"pupil": 1, "elder_alone": 2}, compound="C")
    await load(engine, rows)

    again = await load(engine, rows, replace=replace_all)

    assert again == LoadedAddresses(0, 0, 2, 0, edition=None)
    async with engine.connect() as connection:
        assert await editions.count(connection) == 1


async def test_an_address_that_comes_back_begins_anew(engine: AsyncEngine) -> None:
    await load(engine, listed(("a", 1, 1), ("b", 2, 2)))
    await load(engine, listed(("b", 2, 2)), replace=True)
    await load(engine, listed(("a", 1, 1)))

    assert [await keys_in(engine, number) for number in (1, 2, 3)] == [
        ["a", "b"],
        ["b"],
        ["a", "b"],
    ]


async def test_several_lists_are_one_edition_and_no_key_may_be_in_two(
    engine: AsyncEngine,
) -> None:
    with pytest.raises(BadInputError, match="'a' stand there more than once"):
        await load(engine, listed(("a", 1, 1)), listed(("a", 2, 2)))
    loaded = await load(engine, listed(("a", 1, 1)), listed(("b", 2, 2)))

    assert loaded == LoadedAddresses(2, 0, 0, 0, edition=1)


async def test_an_empty_list_takes_everything_away_only_when_it_replaces(
    engine: AsyncEngine,
) -> None:
    await load(engine, listed(("a", 1, 1)))

    assert await load(engine, listed()) == LoadedAddresses(0, 0, 0, 0, edition=None)
    assert await load(engine, listed(), replace=True) == LoadedAddresses(0, 0, 0, 1, edition=2)


async def test_the_day_is_today_unless_history_or_the_caller_says_later(
    engine: AsyncEngine,
) -> None:
    later = TODAY + dt.timedelta(days=30)
    await load(engine, listed(("a", 1, 1)))
    await load(engine, listed(("b", 1, 1)), on=later)
    await load(engine, listed(("c", 1, 1)))
    with pytest.raises(BadInputError, match="or later"):
        await load(engine, listed(("d", 1, 1)), on=TODAY)

    async with engine.connect() as connection:
        days = [row.effective_on for row in await editions.page(connection, 10)]
    assert days == [later, later, TODAY]


async def test_a_load_that_is_refused_leaves_nothing(engine: AsyncEngine) -> None:
    await load(engine, listed(("a", 1, 1)), on=TODAY)

    with pytest.raises(BadInputError):
        await load(engine, listed(("b", 2, 2)), on=TODAY - dt.timedelta(days=1))

    async with engine.connect() as connection:
        assert await editions.count(connection) == 1
        assert await connection.scalar(select(func.count()).select_from(Address)) == 1


async def test_hostile_texts_come_back_as_they_were(engine: AsyncEngine) -> None:
    texts = ["\t", "\\N", "\\.", "'; DROP TABLE address; --", "网格\n一", '"', "a\\tb", " "]
    rows = listed(*((name, 1.0, 1.0) for name in texts), groups={"\\.\t'": 1}, compound="\\N")

    await load(engine, rows)

    async with engine.connect() as connection:
        found = await addresses_in(connection, 1)
    assert sorted(found.keys) == sorted(texts)
    assert found.compound_codes == ["\\N"] * len(texts)
    assert found.groups == [{"\\.\t'": 1}] * len(texts)


async def test_a_box_holds_its_edges(engine: AsyncEngine) -> None:
    spots = [("sw", 1.0, 1.0), ("ne", 2.0, 2.0), ("in", 1.5, 1.5), ("out", 2.000000001, 1.5)]
    await load(engine, listed(*spots))

    async with engine.connect() as connection:
        found = await addresses_in(connection, 1, (1.0, 1.0, 2.0, 2.0))
    assert found.keys == ["in", "ne", "sw"]
    assert found.lonlat.tolist() == [[1.5, 1.5], [2.0, 2.0], [1.0, 1.0]]


async def test_nothing_is_found_before_anything_is_loaded(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        found = await addresses_in(connection, 1)
    assert (found.keys, found.lonlat.shape, found.people.shape) == ([], (0, 2), (0,))


async def test_units_count_the_loaded_addresses_in_their_own_edition(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as connection:
        first = await open_next(connection, "district")
        await draw(connection, first, "district", {"W": (0, 0, 1, 1)})
        await refresh(connection, first, levels=["district"], boxes=None)
    await load(engine, listed(("a", 0.5, 0.5), ("b", 0.6, 0.5)))
    await load(engine, listed(("a", 5, 5)))
    await load(engine, listed(("c", 0.5, 0.5), people=10))

    async with engine.connect() as connection:
        found = [await tallies_of(connection, number, "district") for number in (1, 2, 3, 4)]
    assert found == [
        {},
        {"W": Tally(2, 6, {})},
        {"W": Tally(1, 3, {})},
        {"W": Tally(2, 13, {})},
    ]


async def test_two_loads_at_once_both_count(engine: AsyncEngine) -> None:
    lists = [listed((f"k{n}", 1, 1), ("shared", n, n)) for n in range(4)]

    await asyncio.gather(*(load(engine, rows) for rows in lists))

    assert await keys_in(engine, 4) == ["k0", "k1", "k2", "k3", "shared"]


async def test_many_changed_addresses_are_counted_as_few_are(engine: AsyncEngine) -> None:
    """Beyond some hundred changes nothing is looked up by box: the tallies must agree."""
    async with engine.begin() as connection:
        first = await open_next(connection, "district")
        await draw(connection, first, "district", {"W": (0, 0, 1, 1), "E": (1, 0, 2, 1)})
    spots = [(f"k{n:04}", 0.001 + n * 0.001, 0.5) for n in range(1500)]
    await load(engine, listed(*spots))
    await load(engine, listed(*((key, 1.5, 0.5) for key, _, _ in spots[:700])))

    async with engine.connect() as connection:
        found = [await tallies_of(connection, number, "district") for number in (2, 3)]
    # k0000 … k0998 lie west of 1.0, k0999 on the border: E sorts before W.
    assert found[0] == {"W": Tally(999, 2997, {}), "E": Tally(501, 1503, {})}
    assert found[1] == {"W": Tally(299, 897, {}), "E": Tally(1201, 3603, {})}
