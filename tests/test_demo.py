"""The demo: the town is proven, every fault of its second year is found, and it says when not."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import shapely
from shapely import Polygon
from typer.testing import CliRunner

from fixtures.__main__ import DATA
from geo.errors import UnreadableError
from geo.findings import HouseholdCover, Kind
from resolvers.checking import check_files
from resolvers.truth import Fault, compare, read_faults
from service.cli import app
from sources.boundaries import read_boundaries
from tests.town import area_m2, layer

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from geo.check import Checked
    from sources.boundaries import BoundaryFile

COMMAND = [sys.executable, "-c", "from service.cli import main; main()", "demo"]
PATIENCE_S = 240
"""How long a demo may take on a machine that does much else."""


def environment(**variables: str) -> dict[str, str]:
    """Return the test's environment, without any setting of Wangge, and these."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if name != "DATABASE_URL" and not name.startswith("WANGGE_")
    }
    return plain | variables


def play(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, *options],
        env=environment(**variables),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def play_here(*options: str, **variables: str) -> Result:
    """Run the demo to its end within this process, where no process of its own is the point."""
    unset = dict.fromkeys(os.environ.keys() - environment().keys())
    return CliRunner().invoke(app, ["demo", *options], env=unset | variables)


# -- the whole demo ---------------------------------------------------------------------------


@pytest.mark.postgis
@pytest.mark.usefixtures("cluster")  # which skips where there is no PostGIS
def test_the_demo_proves_the_town_in_a_database_of_its_own(scratch: Path) -> None:
    city = scratch / "pgdata" / "PG_VERSION"  # what a city's own server would have left there
    city.parent.mkdir()
    city.write_text("15\n")
    left = scratch / "demo" / "pgdata" / "left"  # and what an earlier demo would have
    left.parent.mkdir(parents=True)
    left.touch()

    done = play("--once", WANGGE_DATA_DIR=str(scratch))

    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.strip()}
    counts = {"district": 1, "subdistrict": 2, "community": 9, "grid": 46, "compound": 30}
    parents = {"district": 1, "subdistrict": 1, "community": 2, "grid": 9, "compound": 9}
    for level, units in counts.items():
        proven = [str(units), str(parents[level]), "of", str(parents[level])]
        assert rows[level][2:6] == proven, level
    assert rows["grid"][-3:] == ["11,849", "of", "11,849"]
    assert "nothing changes" in done.stdout
    assert "vertex by vertex, for 46 of 46 grids" in done.stdout
    assert "0 findings that nobody expected" in done.stdout
    assert done.stdout.rstrip().endswith("All is as it should be.")
    assert "warning" not in done.stderr.lower()
    assert city.read_text() == "15\n"
    assert not left.exists()


@pytest.mark.postgis
def test_a_wrong_list_of_the_truth_is_noticed(database_url: str, tmp_path: Path) -> None:
    files = tmp_path / "data"
    shutil.copytree(DATA, files)
    truth = files / "grids_next_year.truth.json"
    content = json.loads(truth.read_text(encoding="utf-8"))
    faults = {fault["key"]: fault for fault in content["faults"]}
    faults["leak"]["found"][0]["area_m2"] *= 1.01
    content["faults"].remove(faults["hole"])  # 1,200 m2 of 40 households
    truth.write_text(json.dumps(content), encoding="utf-8")

    done = play_here("--once", "--json", "--files", str(files), DATABASE_URL=database_url)

    assert done.exit_code == 1, done.stderr
    told = json.loads(done.stdout)
    assert not told["right"]
    (off,) = (fault for fault in told["faults"] if fault["complaint"])
    assert off["key"] == "leak"
    assert off["complaint"].startswith("area 4342.")
    (unexpected,) = told["unexpected"]
    assert unexpected.startswith("land of no unit")
    assert told["complaints"] == ["260 households in no unit, not 220"]
    assert [level["clean"] for level in told["proof"]] == [True] * 5


@pytest.mark.postgis
def test_the_land_between_compounds_is_what_they_leave_of_the_town(
    database_url: str, tmp_path: Path
) -> None:
    town, compounds = layer("district").geoms, layer("compound").geoms
    blank_m2 = sum(map(area_m2, town)) - sum(map(area_m2, compounds))

    with Served(tmp_path, DATABASE_URL=database_url) as served:
        answer = served.ask('{ coverage(level: "compound") { clean blankM2 } }')

        assert answer["coverage"]["clean"]
        assert answer["coverage"]["blankM2"] == pytest.approx(blank_m2, rel=1e-6)
        page = served.get("graphql")
        assert "placeAt" in page
        assert "coverage" in page
    assert served.returncode == 0

    again = play_here("--once", DATABASE_URL=database_url)
    assert again.exit_code == 5, "a city's database is left alone"
    assert "has editions" in again.stderr
    assert len(again.stderr.strip().splitlines()) <= 5, "progress, and one sentence"


class Served:
    """A demo that serves, until it is told to stop."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._log = (folder / "served.txt").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*COMMAND, "--port", "0"],
            env=environment(**variables),
            stdout=self._log,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.returncode: int | None = None

    def __enter__(self) -> Served:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            found = re.match(r"Wangge answers on (\S+)", line)
            if found:
                self._url = found[1]
                return self
        self._process.wait()
        pytest.fail(f"it ended with {self._process.returncode}")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.communicate(timeout=60)
        finally:
            self._process.kill()
            self._log.close()
        self.returncode = self._process.returncode

    def ask(self, query: str) -> dict[str, Any]:  # Any: what json.loads gives
        """Return the data that answers a query without errors."""
        body = json.dumps({"query": query}).encode()
        told = json.loads(self._open("graphql", body, {"Content-Type": "application/json"}))
        assert "errors" not in told
        data: dict[str, Any] = told["data"]
        return data

    def get(self, path: str) -> str:
        """Return a page as a browser is given it."""
        return self._open(path, None, {"Accept": "text/html"})

    def _open(self, path: str, body: bytes | None, headers: dict[str, str]) -> str:
        request = Request(self._url + path, body, headers)  # noqa: S310 - our own address
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            text: str = answer.read().decode()
        return text


# -- what it refuses --------------------------------------------------------------------------


def test_a_second_demo_leaves_the_first_ones_tables_alone(scratch: Path) -> None:
    kept = scratch / "demo" / "pgdata" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with (scratch / "demo" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = play_here("--once", WANGGE_DATA_DIR=str(scratch))

    assert done.exit_code == 5
    assert "a demo runs already" in done.stderr
    assert kept.exists()


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    done = play_here("--once", "--files", str(tmp_path), WANGGE_DATA_DIR=str(tmp_path / "data"))

    assert done.exit_code == 3
    assert "levels.toml" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"faults": [{"key": "hole"}]}', b'{"faults": "none"}', b"\xff"],
)
def test_a_list_of_the_truth_of_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"^truth\.json is no list of the truth: "):
        read_faults("truth.json", content)


# -- the comparison ---------------------------------------------------------------------------
#
#   A | gap | B      two squares of 100 m and a gap of 20 m by 100 m between them: BLANK,
#                    measured on a parent of 220 m by 100 m

METRE_DEG = 360 / 40_075_016.686  # on the equator


def square(west_m: float, east_m: float) -> Polygon:
    return shapely.box(west_m * METRE_DEG, 0, east_m * METRE_DEG, 100 * METRE_DEG)


@pytest.fixture
def gap(tmp_path: Path) -> tuple[Checked, BoundaryFile]:
    """Give the check of two squares with a gap between them."""
    rows = {"A": square(0, 100), "B": square(120, 220), "P": square(0, 220)}
    paths = {}
    for name, codes in (("units", "AB"), ("parents", "P")):
        features = [
            {
                "type": "Feature",
                "properties": {"code": code},
                "geometry": json.loads(shapely.to_geojson(rows[code])),
            }
            for code in codes
        ]
        paths[name] = tmp_path / f"{name}.geojson"
        paths[name].write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    file = read_boundaries(paths["units"])
    return check_files(file, read_boundaries(paths["parents"])), file


def fault(**changes: object) -> Fault:
    """Return the gap as the list of the truth tells it, with changes."""
    found: dict[str, object] = {
        "kind": "BLANK",
        "codes": ["A", "B"],
        "rows": [],
        "area_m2": 2000.0,
        "area_rel": 0.01,
        "width_m": 20.0,
        "width_rel": 0.01,
        "households": 0,
    }
    one = {
        "key": "gap",
        "what": "",
        "rows": [1],
        "found": [found | changes],
        "may": [],
        "notice": None,
    }
    return Fault.model_validate(one)


def complaints(checked: Checked, file: BoundaryFile, *faults: Fault) -> list[str]:
    return [verdict.complaint for verdict in compare(checked, file, faults).verdicts]


def test_a_fault_that_is_found_as_told_is_right(gap: tuple[Checked, BoundaryFile]) -> None:
    assert compare(*gap, [fault()]).right


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"area_m2": 2100.0}, r"^area (19|20)\d\d(\.\d+)?, not 2100$"),
        ({"width_m": 19.0}, r"^width (19\.9|20).*, not 19$"),
        ({"households": 3}, "^households 0, not 3$"),
        ({"area_m2": 1.0, "width_m": 1.0}, "^area .*; width .*$"),
        ({"kind": "OVERLAP"}, "^not found$"),
        ({"codes": ["A", "C"]}, "^not found$"),
        ({"rows": [1]}, "^not found$"),
    ],
)
def test_what_is_found_otherwise_is_told(
    gap: tuple[Checked, BoundaryFile], changes: dict[str, object], complaint: str
) -> None:
    (told,) = complaints(*gap, fault(**changes))

    assert re.search(complaint, told), told
    assert not compare(*gap, [fault(**changes)]).right


def test_what_no_fault_explains_is_unexpected(gap: tuple[Checked, BoundaryFile]) -> None:
    (finding,) = compare(*gap, []).unexpected

    assert finding.kind is Kind.BLANK
    assert not compare(*gap, []).right


def test_one_finding_does_not_do_for_two_faults(gap: tuple[Checked, BoundaryFile]) -> None:
    assert complaints(*gap, fault(), fault()) == ["", "not found"]


def test_a_side_effect_that_is_told_is_not_unexpected(gap: tuple[Checked, BoundaryFile]) -> None:
    known = fault().model_copy(update={"found": (), "may": (Kind.BLANK,)})

    assert compare(*gap, [known]).right
    elsewhere = known.model_copy(update={"rows": (7,)})
    assert not compare(*gap, [elsewhere]).right
    otherwise = known.model_copy(update={"may": (Kind.OVERLAP,)})
    assert not compare(*gap, [otherwise]).right


def test_a_notice_that_was_not_given_is_missed(gap: tuple[Checked, BoundaryFile]) -> None:
    mended = fault().model_copy(update={"found": (), "notice": "MERGED"})

    assert complaints(*gap, fault(), mended) == ["", "no notice MERGED"]


@pytest.mark.parametrize(
    ("cover", "told"),
    [
        (HouseholdCover(9, 9, 0, 0), []),
        (HouseholdCover(9, 7, 2, 0), ["2 households in no unit, not 0"]),
        (HouseholdCover(9, 9, 0, 4), ["4 households in several units, not 0"]),
    ],
)
def test_households_that_the_list_does_not_tell_of_are_counted(
    gap: tuple[Checked, BoundaryFile], cover: HouseholdCover, told: list[str]
) -> None:
    checked, file = gap
    checked = replace(checked, report=replace(checked.report, households=cover))

    compared = compare(checked, file, [fault()])

    assert compared.complaints == told
    assert compared.right == (not told)
