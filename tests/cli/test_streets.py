"""``wangge load streets`` as its users meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.__main__ import DATA
from sources.streets import read_streets
from tests.publishing import drawing
from tests.publishing.drawing import write_geojson
from tests.streets_made import osm_text
from tests.test_streets_read import CROSS, PLACES, write_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge

pytestmark = pytest.mark.postgis


@pytest.fixture(autouse=True)
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in this process: that another one reads the same is tested by itself."""

    def here(path: Path, *, limits: object, **asked: Any) -> object:  # noqa: ANN401
        return read_streets(path, **asked)

    monkeypatch.setattr("service.cli.load_streets.read_streets_apart", here)


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "extract.osm"
    ways = [*CROSS, ("AD", {"highway": "motorway"})]
    path.write_text(osm_text(PLACES, ways), encoding="utf-8")
    return path


def test_a_load_tells_what_it_took_and_what_it_left_out(wangge: Wangge, extract: Path) -> None:
    done = wangge.ask("load", "streets", extract)

    assert (done["nodeCount"], done["edgeCount"], done["pieceCount"]) == (5, 4, 1)
    assert (done["network"], done["changed"], done["largestShare"]) == (1, True, 1.0)
    (part,) = done["files"]
    assert (part["file"], part["format"], part["taken"]) == ("extract.osm", "OpenStreetMap", 2)
    assert part["leftOut"] == [{"reason": "motorway", "wayCount": 1}]
    assert done["notices"] == []


def test_people_are_told_the_same(wangge: Wangge, extract: Path) -> None:
    answer = wangge("load", "streets", extract)

    assert answer.exit_code == 0, answer
    assert "5 nodes, 4 edges, 0.4 km; 1 piece, the largest holds 100.0%" in answer.out
    assert "motorway" in answer.out
    assert "stored as network 1" in answer.out


def test_the_same_file_again_changes_nothing(wangge: Wangge, extract: Path) -> None:
    first = wangge.ask("load", "streets", extract)
    again = wangge.ask("load", "streets", extract)

    assert (again["changed"], again["network"]) == (False, None)
    assert again["version"] == first["version"]
    assert "nothing changed" in wangge("load", "streets", extract).out


def test_a_dry_run_stores_nothing(wangge: Wangge, extract: Path) -> None:
    assert "nothing was stored" in wangge("load", "streets", extract, "--dry-run").out
    assert wangge.ask("load", "streets", extract)["network"] == 1


def test_a_table_of_ones_own_replaces_ours(wangge: Wangge, extract: Path, tmp_path: Path) -> None:
    table = tmp_path / "cars.toml"
    table.write_text(
        '[[rule]]\nwalk = true\nreason = "cars"\nhighway = ["motorway"]\n', encoding="utf-8"
    )

    done = wangge.ask("load", "streets", extract, "--walkable", table)

    assert (done["edgeCount"], done["files"][0]["taken"]) == (1, 1)
    reasons = {left["reason"] for left in done["files"][0]["leftOut"]}
    assert reasons == {"highway=footway is in no rule", "highway=residential is in no rule"}


def test_the_towns_streets_are_loaded(wangge: Wangge) -> None:
    """627 ways of the made-up town, which its generator says are of one piece but a path."""
    done = wangge.ask("load", "streets", DATA / "streets.geojson")

    assert done["files"][0]["taken"] == 627
    assert done["files"][0]["leftOut"] == []
    assert done["largestShare"] > 0.99


def test_what_cannot_be_walked_is_refused_with_the_reasons(wangge: Wangge, tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "x.geojson", [("AB", {"highway": "motorway"})])

    error = wangge.failure("load", "streets", lines, exit_code=2)

    assert "1 × motorway" in error["message"]
    assert error["argument"] == "walkable"


def test_streets_far_from_the_published_ground_are_refused(
    wangge: Wangge, extract: Path, tmp_path: Path
) -> None:
    wangge.publish("district", write_geojson(tmp_path / "d.geojson", drawing.DISTRICT))

    error = wangge.failure("load", "streets", extract, exit_code=2)

    assert "lie elsewhere" in error["message"]


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x0d\n\tOSMHeader", b"<osm", b"hello"])
def test_what_is_no_file_of_streets_is_unreadable(
    wangge: Wangge, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "x.osm.pbf"
    path.write_bytes(content)

    assert wangge.failure("load", "streets", path, exit_code=3)["code"] == "UNREADABLE"
