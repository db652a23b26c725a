"""``wangge circles`` as its users meet it, on the straight street."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.circles.street import G1, G2, G3, G4, A
from tests.publishing.outside import Wangge

if TYPE_CHECKING:
    from tests.circles.conftest import Worlds
    from tests.databases import Databases

pytestmark = pytest.mark.postgis


@pytest.fixture
def wangge(databases: Databases, worlds: Worlds) -> Wangge:
    """Give the program on the street."""
    return Wangge(databases.url(worlds.read_street))


def test_json_has_the_shape_of_the_api(wangge: Wangge) -> None:
    told = wangge.ask("circles", "--kinds", "station", "--metres", "350")

    version = told["walk"].pop("networkVersion")
    assert version
    assert told["walk"] == {"minutes": 5, "speedKmh": 4.0, "metres": 350.0, "basis": "NETWORK"}
    assert told["facilityCount"] == 2
    assert told["total"] == {
        "addresses": 40,
        "households": 820,
        "people": 1640,
        "groups": [{"group": "elder_alone", "people": 8}],
    }
    assert (told["inside"]["households"], told["outside"]["households"]) == (210, 610)
    assert told["notConnected"]["addresses"] == 0
    assert told["share"] == pytest.approx(210 / 820)
    nodes = told["byUnit"]["nodes"]
    assert [node["unit"]["code"] for node in nodes] == [G2, G4, G1, G3]
    assert nodes[2]["nearest"] == {"key": "s1", "name": "s1"}
    assert nodes[2]["share"] == pytest.approx(35 / 55)
    assert told["byUnit"]["totalCount"] == 4


def test_people_are_told_the_share_and_who_is_left_out(wangge: Wangge) -> None:
    answer = wangge("circles", "--kinds", "station", "--metres", "350", "--first", "2")

    assert answer.exit_code == 0, answer
    words = " ".join(answer.out.split())
    assert "2 facilities, 5 minutes at 4 km/h (350 m) along streets" in words
    assert "25.6 % of the households are inside" in words
    assert "2 of 4 grid units" in words
    assert f"{G2} {G2} 155 0 0.0 %" in words
    assert G3 not in words


def test_a_unit_is_named_with_or_without_its_level(wangge: Wangge) -> None:
    options = ["--kinds", "station", "--metres", "550", "--by", "grid"]

    plain = wangge.ask("circles", *options, "--within", A)
    full = wangge.ask("circles", *options, "--within", f"community:{A}")
    own = wangge.ask("circles", *options, "--within", A, "--own-level", "community")

    assert plain == full
    assert plain["total"]["addresses"] == 20
    assert plain["inside"]["addresses"] == 11
    assert own["inside"]["addresses"] == 10


def test_several_kinds_and_another_day_and_a_group_are_asked_for(wangge: Wangge) -> None:
    told = wangge.ask(
        "circles",
        "--kinds",
        "station,clinic",
        "--kinds",
        "school",
        "--minutes",
        "6",
        "--speed",
        "3.5",
        "--as-of",
        "2026-06-01",
        "--group",
        "elder_alone",
        "--by",
        "community",
    )

    assert told["walk"]["metres"] == pytest.approx(350.0)
    assert (told["group"], told["share"]) == ("elder_alone", 0.25)
    assert [node["share"] for node in told["byUnit"]["nodes"]] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("options", "code", "argument"),
    [
        (["--kinds", "castle"], "UNKNOWN", "kinds"),
        (["--kinds", ","], "BAD_INPUT", "kinds"),
        (["--kinds", "station", "--minutes", "0"], "BAD_INPUT", "walk.minutes"),
        (["--kinds", "station", "--speed", "nan"], "BAD_INPUT", "walk.speedKmh"),
        (["--kinds", "station", "--metres", "1e9"], "BAD_INPUT", "walk.metres"),
        (["--kinds", "station", "--within", "nowhere"], "UNKNOWN", "within"),
        (["--kinds", "station", "--by", "galaxy"], "UNKNOWN", "level"),
        (["--kinds", "station", "--group", "rich"], "UNKNOWN", "group"),
        (["--kinds", "station", "--as-of", "tomorrow"], "BAD_INPUT", "asOf"),
        (["--kinds", "station", "--as-of", "1999-01-01"], "NO_EDITION", "asOf"),
    ],
)
def test_what_cannot_be_meant_is_told(
    wangge: Wangge, options: list[str], code: str, argument: str
) -> None:
    answer = wangge("circles", *options, "--json")

    error = answer.json()["error"]
    assert answer.exit_code != 0
    assert (error["code"], error["argument"]) == (code, argument)


def test_without_streets_it_says_so(databases: Databases, worlds: Worlds) -> None:
    answer = Wangge(databases.url(worlds.read_roadless))("circles", "--kinds", "station")

    assert answer.exit_code == 0, answer
    assert "as the crow flies (no streets are loaded)" in " ".join(answer.out.split())


def test_the_usual_walk_is_a_setting(wangge: Wangge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANGGE_WALK_MINUTES", "6")
    monkeypatch.setenv("WANGGE_WALK_SPEED_KMH", "3.5")

    told = wangge.ask("circles", "--kinds", "station")

    assert told["walk"]["metres"] == pytest.approx(350.0)
    assert told["inside"]["addresses"] == 14
