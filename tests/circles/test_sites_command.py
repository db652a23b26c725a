"""``wangge circles --sites``: the next sites, from the command line."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from service.cli import app
from storage.engine import make_engine
from tests.circles.drawn import Land, build
from tests.circles.street import G3, G4, HOUSES, LANDS, STATIONS, WAYS, B

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.testing import Result

COMMAND = ("circles", "--kinds", "station", "--metres", "255")


def drawn(url: str, lands: Sequence[Land] = LANDS) -> None:
    """Draw the street of :mod:`tests.circles.street`."""

    async def draw() -> None:
        engine = make_engine(url)
        await build(engine, lands=lands, houses=HOUSES, points=STATIONS, ways=WAYS)
        await engine.dispose()

    asyncio.run(draw())


def invoke(url: str, *options: str) -> Result:
    return CliRunner().invoke(app, [*COMMAND, *options], env={"DATABASE_URL": url})


# The street's places that bring most inside are x = 3500, 3000 and 4000: see tests/graphql.
def test_the_next_sites_are_told_as_the_api_tells_them(database_url: str) -> None:
    drawn(database_url)

    done = invoke(database_url, "--sites", "3", "--json")

    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)["siting"]
    assert [site["newHouseholds"] for site in plan["sites"]] == [175, 150, 117]
    assert [site["unit"]["code"] for site in plan["sites"]] == [G4, G3, G4]
    assert plan["shareBefore"] == pytest.approx(150 / 820)
    assert plan["shareAfter"] == pytest.approx(592 / 820)
    assert (plan["households"], plan["bound"], plan["optimal"]) == (442, 442, True)


def test_the_next_sites_are_shown_with_the_share_after_each(database_url: str) -> None:
    drawn(database_url)

    done = invoke(database_url, "--sites", "2", "--within", f"community:{B}")

    assert done.exit_code == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["175", "49.2", "%"] in [row[-3:] for row in rows]  # (125 + 175) of 610
    assert ["150", "73.8", "%"] in [row[-3:] for row in rows]
    proof = (
        "proven among these places: as many sites bring no more than these 325 households inside"
    )
    assert proof in done.stdout


def test_without_the_option_no_site_is_sought(database_url: str) -> None:
    drawn(database_url)

    assert "siting" not in json.loads(invoke(database_url, "--json").stdout)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--sites", "0"), "give 1 to 200"),
        (("--sites", "3", "--own-level", "community"), "leave out --own-level"),
        (("--sites", "3", "--within", "nowhere"), "there is no unit nowhere"),
    ],
)
def test_sites_that_cannot_be_meant_are_refused(
    database_url: str, options: tuple[str, ...], reason: str
) -> None:
    drawn(database_url)

    done = invoke(database_url, *options)

    assert done.exit_code == 2, done.stderr
    assert reason in " ".join(done.stderr.split())


def test_with_several_topmost_units_one_has_to_be_named(database_url: str) -> None:
    halves = [
        Land("district", "D1", None, (-50, -1000, 2050, 1000)),
        Land("district", "D2", None, (2050, -1000, 4100, 1000)),
    ]
    drawn(database_url, halves)

    done = invoke(database_url, "--sites", "3")

    assert done.exit_code == 2
    assert "there are 2 units of the level district" in " ".join(done.stderr.split())
