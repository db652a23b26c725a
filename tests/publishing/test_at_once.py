"""An edition that is written beside its draft is the one that publishing the draft would make."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from geo.errors import BadInputError
from resolvers import at_once, importing
from resolvers.importing import import_boundaries
from resolvers.publishing import Order, publish, publish_imported
from sources.boundaries import read_boundaries
from storage.contention import lock_publishing
from tests.publishing.drawing import plan, write_geojson
from tests.publishing.stored import Stored
from tests.publishing.test_planned import everything

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from resolvers.importing import Imported
    from storage.draft_rows import DraftRows
    from tests.databases import Databases
    from tests.publishing.drawing import Box, Plan

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

TODAY = dt.date(2026, 11, 22)


def beats(count: int) -> Plan:
    """Return police grids: both communities in strips of equal width, from west to east."""
    units: dict[str, Box] = {}
    for community, west in (("0101", 0.0), ("0102", 200.0)):
        for i in range(count):
            units[f"{community}{i:04}"] = (
                west + 200 * i / count,
                0.0,
                west + 200 * (i + 1) / count,
                200.0,
            )
    return plan(dict(units))


@pytest.fixture
def engine_of_town(town_database: str, engine: AsyncEngine) -> AsyncEngine:
    """Give an engine on the town."""
    del town_database  # it is copied
    return engine


async def imported(
    engine: AsyncEngine, here: Path, drawn: Plan, order: Order | None, level: str = "police"
) -> Imported:
    """Import a plan, and have it published at once if there is an order."""
    file = read_boundaries(write_geojson(here, drawn))
    return await import_boundaries(
        engine,
        file,
        level=level,
        within=None,
        created_by="test",
        today=TODAY,
        publishing=order,
    )


async def test_both_ways_come_to_the_same(
    engine_of_town: AsyncEngine,
    stored: Stored,
    databases: Databases,
    town_database: str,
    here: Path,
) -> None:
    order = Order("test", TODAY, note="beats")
    made = await imported(engine_of_town, here, beats(125), order)
    assert made.stands is not None
    at_once_done = await publish_imported(engine_of_town, made, order)
    written = everything(stored)

    with databases.copy(town_database) as url, Stored(url) as other:
        from storage.engine import make_engine  # noqa: PLC0415

        engine = make_engine(url)
        plain = await imported(engine, here, beats(125), None)
        assert plain.stands is None
        assert plain.draft is not None
        done = await publish(engine, [plain.draft], order)
        await engine.dispose()
        assert everything(other) == written

    assert at_once_done._replace(edition=done.edition) == done
    # the district, both communities and their four grids receive the strips' ends
    assert (done.added, done.noded) == (250, 1 + 2 + 4)
    assert done.edition.note == at_once_done.edition.note == "beats"
    assert stored.rows("SELECT status, published_as FROM draft ORDER BY id DESC LIMIT 1") == [
        ("PUBLISHED", 4)
    ]
    assert stored.faults() == {}


async def test_few_units_are_published_after_their_draft(
    engine_of_town: AsyncEngine, stored: Stored, here: Path
) -> None:
    order = Order("test", TODAY)
    made = await imported(engine_of_town, here, beats(4), order)
    assert made.stands is None

    assert (await publish_imported(engine_of_town, made, order)).added == 8
    assert stored.faults() == {}


async def test_units_that_stand_already_are_published_after_their_draft(
    engine_of_town: AsyncEngine, stored: Stored, here: Path
) -> None:
    order = Order("test", TODAY)
    made = await imported(engine_of_town, here, beats(125), order, level="grid")
    assert made.stands is None

    done = await publish_imported(engine_of_town, made, order)
    assert (done.added, done.removed) == (250, 4)
    assert stored.faults() == {}


async def test_a_day_that_is_refused_leaves_an_open_draft_and_says_why(
    engine_of_town: AsyncEngine, stored: Stored, here: Path
) -> None:
    order = Order("test", TODAY, effective_on=dt.date(1999, 1, 1))
    made = await imported(engine_of_town, here, beats(125), order)
    assert made.stands is None
    assert stored.rows("SELECT status FROM draft WHERE id = %s", made.draft) == [("OPEN",)]
    assert stored.one("SELECT count(*) FROM unit WHERE level = 'police'") == 0

    with pytest.raises(BadInputError, match="1999-01-01"):
        await publish_imported(engine_of_town, made, order)
    assert stored.faults() == {}


async def test_an_edition_that_comes_in_between_is_stood_upon(
    engine_of_town: AsyncEngine, stored: Stored, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await imported(engine_of_town, here, beats(3), None)
    assert other.draft is not None
    drafts = [other.draft]
    order = Order("test", TODAY)

    async def late(connection: AsyncConnection, *, alone: bool) -> None:
        if drafts:
            await publish(engine_of_town, [drafts.pop()], order)
        await lock_publishing(connection, alone=alone)

    monkeypatch.setattr(at_once, "lock_publishing", late)
    made = await imported(engine_of_town, here, beats(125), order)

    assert drafts == []
    assert made.stands is None
    assert stored.one("SELECT max(number) FROM edition") == 4
    assert stored.one("SELECT status FROM draft WHERE id = %s", made.draft) == "OPEN"
    assert stored.faults() == {}


async def test_a_draft_that_cannot_be_stored_leaves_no_edition(
    engine_of_town: AsyncEngine, stored: Stored, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("storage.drafts.insert_draft", fail)
    with pytest.raises(RuntimeError, match="disk"):
        await imported(engine_of_town, here, beats(125), Order("test", TODAY))

    assert stored.one("SELECT max(number) FROM edition") == 3
    assert stored.one("SELECT count(*) FROM unit WHERE level = 'police'") == 0
    assert stored.faults() == {}


async def test_a_stored_chain_that_is_wrong_is_found_before_the_edition_stands(
    engine_of_town: AsyncEngine, stored: Stored, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of = importing._rows

    def spoilt(*given: object) -> DraftRows:
        rows: DraftRows = rows_of(*given)  # type: ignore[arg-type] # handed on
        rows.chain[7] += 1
        return rows

    monkeypatch.setattr(importing, "_rows", spoilt)
    made = await imported(engine_of_town, here, beats(125), Order("test", TODAY))

    assert made.stands is None
    assert stored.one("SELECT max(number) FROM edition") == 3
