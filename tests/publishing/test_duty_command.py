"""``wangge duties``: planners read which units have who answers for them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from tests.clock import city_day
from tests.publishing.carried import Carried, carry

if TYPE_CHECKING:
    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

TODAY = city_day()
A_DAY = dt.timedelta(days=1)


@pytest.fixture
def staffed(town: Wangge, stored: Stored) -> Wangge:
    """Give the town with holders of three of its four grids, one of whom began today."""
    carry(
        stored,
        Carried("anna", "010101"),
        Carried("bert", "010201"),
        Carried("cora", "010202", since=TODAY),
        Carried("dora", "0101", "community_liaison", level="community"),
        Carried("dora", "0102", "community_liaison", level="community"),
        Carried("vera", "010101", "volunteer", post="mediator"),
        Carried("vito", "010101", "volunteer", post="rescue_helper"),
    )
    return town


def test_all_duties_are_listed_with_how_well_they_are_covered(staffed: Wangge) -> None:
    found = {one["duty"]["key"]: one for one in staffed.ask("duties")}

    # three of four grids have a holder, one body has both communities, nobody else anything
    assert list(found) == sorted(found)
    holder, liaison = found["grid_holder"], found["community_liaison"]
    assert (holder["covered"], holder["total"], holder["share"]) == (3, 4, 0.75)
    assert (holder["missing"]["totalCount"], holder["bodyCount"]) == (1, 3)
    assert (liaison["covered"], liaison["total"], liaison["bodyCount"]) == (2, 2, 1)
    assert found["volunteer"]["bodyCount"] == 2
    # no compound stands: there is no share of nothing
    assert (found["party_branch"]["total"], found["party_branch"]["share"]) == (0, None)


def test_one_duty_is_told_with_what_it_lacks_and_by_parent(staffed: Wangge) -> None:
    found = staffed.ask("duties", "grid_holder")

    assert [unit["code"] for unit in found["missing"]["nodes"]] == ["010102"]
    assert found["excess"] == {"totalCount": 0, "nodes": []}
    parents = [
        (one["unit"]["code"], one["covered"], one["total"], one["share"])
        for one in found["byParent"]["nodes"]
    ]
    assert parents == [("0101", 1, 2, 0.5), ("0102", 2, 2, 1.0)]
    assert found["byParent"]["totalCount"] == 2


def test_units_with_too_many_are_told(staffed: Wangge, stored: Stored) -> None:
    stored.rows("UPDATE duty SET max = 2 WHERE key = 'volunteer' RETURNING key")
    assert staffed.ask("duties", "volunteer")["excess"]["nodes"] == []
    carry(stored, Carried("vilma", "010101", "volunteer"))

    found = staffed.ask("duties", "volunteer")

    assert [unit["code"] for unit in found["excess"]["nodes"]] == ["010101"]
    assert found["excess"]["totalCount"] == 1


def test_the_day_the_ground_and_the_post_are_chosen(staffed: Wangge) -> None:
    before = staffed.ask("duties", "grid_holder", "--within", "0102", "--as-of", TODAY)
    east = staffed.ask("duties", "--within", "community:0102")
    post = staffed.ask("duties", "volunteer", "--post", "mediator")

    assert (before["covered"], before["total"]) == (2, 2)
    assert {one["level"]["key"] for one in east} == {"community", "grid", "compound"}
    assert {one["total"] for one in east if one["level"]["key"] == "community"} == {1}
    assert (post["covered"], post["bodyCount"], post["post"]) == (1, 1, "mediator")


def test_people_read_sentences_and_tables(staffed: Wangge) -> None:
    every, one = staffed("duties").out, staffed("duties", "grid_holder").out

    assert "网格长" in every
    assert "75.0 %" in every
    assert f"网格长 (grid_holder) on {TODAY}: 3 of 4 grid units are covered (75.0 %), by" in one
    assert "grid units that are not covered: 1\n" in one
    assert "by community: 2\n" in one


def test_long_lists_say_that_they_are_cut(staffed: Wangge) -> None:
    said = staffed("duties", "volunteer", "--first", "2").out

    assert "grid units that are not covered: 3, of which the first 2\n" in said


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        (("grid_holdr",), "UNKNOWN", "grid_holder"),
        (("grid_holder", "--level", "community"), "BAD_INPUT", "it is on grid"),
        (("volunteer", "--post", "king"), "BAD_INPUT", "its posts are"),
        (("--post", "mediator"), "BAD_INPUT", "name it"),
        (("grid_holder", "--within", "77"), "UNKNOWN", "there is no unit 77"),
        (("--as-of", "2001-01-01"), "NO_EDITION", "nothing was published by 2001-01-01"),
        (("--as-of", "someday"), "BAD_INPUT", "is no day"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    staffed: Wangge, asked: tuple[str, ...], code: str, says: str
) -> None:
    answer = staffed("duties", *asked, "--json")
    error = answer.json()["error"]

    assert error["code"] == code
    assert says in error["message"]
