"""Apollo Client and urql do what a page of planners does, and are told what the town's files say.

Both go the same way, ``tests/js/journey.mjs``: queries, pages, queries by their hash, errors, a
file that is sent, and an edition that another client hears of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import shapely

from tests import town
from tests.node import run_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.clients.city import Served

COMMUNITY = "999001002003"
GRID = f"{COMMUNITY}001"
ANOTHER_NAME = "石榴社区老城网格"
PAGE = 7
"""Grids a page, as the journey asks for them."""
LEVELS = ("district", "subdistrict", "community")
CLIENTS = ("apollo", "urql")


class Journey(NamedTuple):
    """What one client was told, and what the town's files say."""

    client: str
    told: dict[str, Any]  # JSON
    complaints: str
    """What the client printed for its developer."""


@pytest.fixture(scope="module", params=CLIENTS)
def journey(
    request: pytest.FixtureRequest,
    serve_copy: Callable[..., AbstractContextManager[Served]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Journey:
    """Let a client go its way, in a town of its own."""
    file = tmp_path_factory.mktemp("sent") / "grids.geojson"
    features = []
    for properties, geometry in town.features("grids.geojson"):
        if properties["parent"] == COMMUNITY:
            named = {"name": ANOTHER_NAME} if properties["code"] == GRID else {}
            kept = json.loads(shapely.to_geojson(geometry))
            features.append({"type": "Feature", "properties": properties | named, "geometry": kept})
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")

    with serve_copy() as served:
        done = run_program(
            "journey.mjs",
            *(request.param, served.address, served.publisher, str(file), COMMUNITY),
        )
    assert done.returncode == 0, done.stderr
    return Journey(request.param, json.loads(done.stdout), done.stderr)


@pytest.fixture
def told(journey: Journey) -> dict[str, Any]:  # JSON
    """Give what the client was told."""
    return journey.told


def grids() -> list[str]:
    """Return the codes of the town's grids, as lists have them."""
    return sorted(str(code) for code in town.layer("grid").by_code())


def name_of(level: str, code: str) -> str:
    read = town.layer(level)
    return str(dict(zip(read.columns["code"], read.columns["name"], strict=True))[code])


def without_types(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an answer without the names of types, for which Apollo asks beside."""
    if isinstance(value, dict):
        return {key: without_types(one) for key, one in value.items() if key != "__typename"}
    return [without_types(one) for one in value] if isinstance(value, list) else value


def codes_of(answer: dict[str, Any]) -> list[tuple[list[str | int] | None, str]]:  # JSON
    """Return path and code of each error."""
    return [(error.get("path"), error["extensions"]["code"]) for error in answer["errors"]]


def test_a_client_complains_of_nothing(journey: Journey) -> None:
    assert journey.complaints == ""


def test_a_query_with_a_variable_and_a_fragment_is_answered(told: dict[str, Any]) -> None:
    unit = without_types(told["first"])
    rows, points = town.addresses()
    inside = shapely.covers(town.layer("grid").by_code()[GRID], points)

    assert (unit["code"], unit["name"]) == (GRID, name_of("grid", GRID))
    assert unit["level"] == {"key": "grid", "name": "网格"}
    assert unit["households"] == sum(
        int(row["households"]) for row, is_in in zip(rows, inside, strict=True) if is_in
    )


def test_a_point_is_in_the_units_above_it(told: dict[str, Any]) -> None:
    codes = [GRID[:length] for length in (6, 9, 12, 15)]
    above = [name_of(level, code) for level, code in zip(LEVELS, codes[:3], strict=True)]

    place = told["where"]

    assert place["onBorder"] is False
    assert [unit["code"] for unit in place["units"]] == codes
    parents = [unit["parent"] and unit["parent"]["name"] for unit in place["units"]]
    assert parents == [None, *above]


def test_one_thing_is_one_thing_in_the_cache_whoever_told_of_it(told: dict[str, Any]) -> None:
    whole = town.layer("grid").by_code()[GRID]

    assert told["cached"]["errors"] == []
    unit = without_types(told["cached"]["data"]["unit"])
    area_m2 = unit.pop("areaM2")
    assert area_m2 == pytest.approx(town.area_m2(whole), rel=1e-6)
    assert unit == {
        "id": told["first"]["id"],
        "code": GRID,
        "households": told["first"]["households"],
        "parent": {"name": name_of("community", COMMUNITY)},
        "level": {"key": "grid"},
    }
    assert "Fourth" not in [request["operation"] for request in told["sent"]]


def test_the_pages_of_a_list_are_joined_to_the_whole_list(told: dict[str, Any]) -> None:
    codes = grids()

    assert told["pages"] == {
        "codes": codes,
        "total": len(codes),
        "asked": -(-len(codes) // PAGE),
    }
    assert told["pages"]["asked"] > 2


def test_a_query_goes_by_its_hash_once_the_service_knows_it(told: dict[str, Any]) -> None:
    unknown, taught, known = told["persisted"]

    assert (unknown["method"], unknown["text"], unknown["hash"]) == ("GET", False, True)
    assert unknown["status"] == 404
    assert (taught["text"], taught["hash"], taught["status"]) == (True, True, 200)
    assert (known["method"], known["text"], known["hash"]) == ("GET", False, True)
    assert known["status"] == 200
    assert known["etag"] is not None
    one, other = (without_types(data["unit"]) for data in told["hashed"])
    assert one == other
    assert one["name"] == name_of("community", COMMUNITY)


def test_what_fails_has_a_code_and_what_stands_beside_it_is_answered(told: dict[str, Any]) -> None:
    assert codes_of(told["tooMany"]) == [(["units"], "LIMIT_EXCEEDED")]
    levels = [level["key"] for level in told["tooMany"]["data"]["levels"]]
    assert levels == ["district", "subdistrict", "community", "grid", "compound"]
    assert told["tooMany"]["data"]["units"] is None


def test_questions_that_may_not_be_asked_or_mean_nothing_have_codes(told: dict[str, Any]) -> None:
    assert codes_of(told["noKey"]) == [(["drafts"], "UNAUTHENTICATED")]
    assert {code for _, code in codes_of(told["badKey"])} == {"UNAUTHENTICATED"}
    assert codes_of(told["wrong"]) == [(None, "BAD_INPUT")]
    [wrong] = [request for request in told["sent"] if request["operation"] == "Wrong"]
    assert wrong["status"] == 400


def test_every_answer_is_of_the_type_that_the_specification_names(told: dict[str, Any]) -> None:
    types = {request["type"].split(";")[0] for request in told["sent"]}

    assert types == {"application/graphql-response+json"}


def test_a_file_is_sent_and_checked(told: dict[str, Any]) -> None:
    count = sum(code.startswith(COMMUNITY) for code in grids())
    assert without_types(told["upload"]) == {
        "id": told["stages"][-1]["draft"]["id"],
        "status": "OPEN",
        "source": {"file": "grids.geojson", "format": "GeoJSON", "featureCount": count},
        "report": {"clean": True},
        "changes": {"renamed": 1, "unchanged": count - 1},
    }


def test_the_progress_of_a_file_is_heard_to_its_end(told: dict[str, Any]) -> None:
    order = ("waiting", "reading", "checking", "storing")
    stages = [order.index(stage["stage"]) for stage in told["stages"]]

    assert stages == sorted(stages)
    assert [stage["draft"] for stage in told["stages"][:-1]] == [None] * (len(stages) - 1)
    assert told["stages"][-1]["draft"] is not None


def test_a_new_edition_is_heard_of_by_who_did_not_publish_it(journey: Journey) -> None:
    told = journey.told
    edition = without_types(told["heard"]["published"])

    assert edition.pop("id") == told["published"]["id"]
    assert edition == {
        "number": told["since"] + 1,
        "note": f"by {journey.client}",
        "levels": [{"key": "grid"}],
        "changes": {"renamed": 1, "unchanged": len(grids()) - 1},
    }


def test_after_it_a_code_leads_to_another_unit_and_the_old_one_is_still_there(
    told: dict[str, Any],
) -> None:
    new, old = told["renewed"]["unit"], told["renewed"]["node"]

    assert (new["code"], new["name"]) == (GRID, ANOTHER_NAME)
    assert old["id"] == told["first"]["id"] != new["id"]
    assert (old["name"], old["until"]["number"]) == (name_of("grid", GRID), told["since"])
