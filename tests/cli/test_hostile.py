"""Files that are meant to hurt, given to the program: it ends in time, and says what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import shapely
from pyogrio.raw import write

from tests.geo import hostile
from tests.geo.hostile import array, at
from tests.publishing.outside import CHECKOUT, environment, program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.publishing.outside import Answer, Wangge

SECONDS = 120
"""A generous limit: none of these takes ten seconds on an idle machine."""

GIB = 2**20
"""In the unit that the system counts memory in, which is KiB."""

MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
sys.stderr.write(f"\\nKiB {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
sys.exit(done.returncode)
"""
"""Runs a program and says how much memory it took at most."""


class Ended(NamedTuple):
    """How a program ended."""

    exit_code: int
    said: Any
    """What it printed, as JSON."""
    kib: int

    @property
    def kinds(self) -> set[str]:
        """Return the kinds of the findings."""
        return {finding["kind"] for finding in self.said["findings"]["nodes"]}


def put(path: Path, geoms: NDArray[np.object_], *, crs: str = hostile.CRS) -> Path:
    """Write units as a GeoPackage."""
    codes = np.array([f"{i:06d}" for i in range(len(geoms))], object)
    write(
        path,
        geometry=np.asarray(shapely.to_wkb(geoms)),
        field_data=[codes],
        fields=np.array(["code"]),
        geometry_type="Unknown",
        crs=crs,
        driver="GPKG",
    )
    return path


def measured(*arguments: object) -> Ended:
    """Run a command in a process of its own, within the limit of time."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", MEASURED, *program(), *map(str, arguments), "--json"],
        env=environment(None),
        cwd=CHECKOUT,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout, done.stderr
    return Ended(done.returncode, json.loads(done.stdout), int(done.stderr.rsplit("KiB ")[-1]))


HUGE: dict[str, tuple[Callable[[], NDArray[np.object_]], set[str]]] = {
    "a round unit of 100,000 vertices": (lambda: hostile.circle(100_000), set()),
    "a unit with 5,000 holes": (lambda: hostile.perforated(5_000), {"BLANK"}),
    "3,000 nearly equal units": (lambda: hostile.nearly_equal(3_000, 0.5), {"OVERLAP"}),
    "3,000 nested units": (lambda: hostile.concentric(3_000), {"OVERLAP"}),
    "a star of 1,000 strips": (lambda: hostile.star(1_000), {"OVERLAP"}),
    "a fabric of 1,000 strips": (lambda: hostile.woven(1_000), {"OVERLAP"}),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_huge_file_is_checked_in_little_memory(tmp_path: Path, what: str) -> None:
    make, kinds = HUGE[what]

    ended = measured("check", put(tmp_path / "huge.gpkg", at(make())))

    assert ended.exit_code == (1 if kinds else 0)
    assert ended.kinds >= kinds
    assert ended.kib < 1.5 * GIB


SMALL: dict[str, Callable[[], NDArray[np.object_]]] = {
    "comb": lambda: hostile.comb(2_000),
    "spiral": lambda: hostile.spiral(2_000),
    "equal": lambda: hostile.equal(60),
    "nearly equal": lambda: hostile.nearly_equal(60, 0.005),
    "crossing": lambda: hostile.nearly_equal(20, 1.0),
    "entangled": lambda: hostile.nearly_equal(300, 1.0),
    "nested": lambda: hostile.concentric(100),
    "spikes without width": lambda: hostile.spiked(300, 0.0),
    "spikes": lambda: hostile.spiked(300, 0.3),
    "holes": lambda: hostile.perforated(300),
    "parts": lambda: hostile.scattered(300),
    "overlapping parts": lambda: hostile.piled_parts(100),
    "star": lambda: hostile.star(20),
    "fabric": lambda: hostile.woven(40),
    "no land": lambda: hostile.flat(50),
}
CLEAN = {"comb", "spiral", "spikes without width", "spikes", "parts"}


@pytest.mark.postgis
@pytest.mark.parametrize("what", SMALL)
def test_a_hostile_file_ends_with_findings_in_every_command(
    wangge: Wangge, here: Path, what: str
) -> None:
    file = put(here.parent / "hostile.gpkg", at(SMALL[what]()))
    mended = here.parent / "mended.gpkg"
    expected = 0 if what in CLEAN else 1

    checked = wangge("check", file, "--json")
    imported = wangge("import", file, "--level", "district", "--dry-run", "--json")
    repaired = wangge("repair", file, "-o", mended, "--json")

    assert ended(checked) == ended(imported) == expected
    assert ended(repaired) in {0, 1}
    assert imported.json()["report"]["clean"] is checked.json()["clean"] is (what in CLEAN)
    if mended.exists():  # what the repair says of the copy is what a check says of it
        assert ended(wangge("check", mended, "--json")) == ended(repaired)


def ended(answer: Answer) -> int:
    """Return the exit code of a command that printed JSON and no traceback."""
    assert "Traceback" not in answer.err
    answer.json()
    return answer.exit_code


FAR: dict[str, tuple[float, str, int]] = {
    "1e300 metres": (1e300, hostile.CRS, 2),
    "1e300 metres of Mercator": (1e300, "EPSG:3857", 2),
    "a thousand turns around the Earth": (4e10, "EPSG:3857", 2),
    "a million kilometres too many": (1e9, hostile.CRS, 2),
    "beyond the antimeridian in Mercator": (2.1e7, "EPSG:3857", 2),
    "1e300 degrees": (1e300, "EPSG:4326", 3),
    "not a number": (float("nan"), hostile.CRS, 3),
    "endless": (float("inf"), "EPSG:4326", 3),
}


@pytest.mark.postgis
@pytest.mark.parametrize("what", FAR)
def test_a_place_that_is_not_on_earth_is_refused_with_its_row(
    wangge: Wangge, here: Path, what: str
) -> None:
    x, crs, exit_code = FAR[what]
    west = 114.0 if crs == "EPSG:4326" else 500_000.0
    good = shapely.Polygon([(west, 30), (west + 1, 30), (west + 1, 31), (west, 31)])
    with np.errstate(invalid="ignore"):
        wild = shapely.Polygon([(west, 30), (x, 30), (x, 31), (west, 31)])
    file = put(here.parent / "far.gpkg", array([good, wild]), crs=crs)

    for command in (["check", file], ["import", file, "--level", "district", "--dry-run"]):
        answer = wangge(*command)

        assert answer.exit_code == exit_code, answer
        assert answer.out == ""
        assert "row 2" in answer.err or "coordinate system" in answer.err


@pytest.mark.postgis
def test_parents_without_a_feature_are_refused(wangge: Wangge, here: Path) -> None:
    units = put(here.parent / "units.gpkg", at(hostile.equal(1)))
    none = put(here.parent / "none.gpkg", at(hostile.equal(0)))

    answer = wangge("check", units, "--within", none)

    assert answer.exit_code == 3
    assert "none.gpkg" in answer.err
    assert "no features" in answer.err


@pytest.mark.postgis
def test_columns_are_not_needed_for_a_check(wangge: Wangge, here: Path) -> None:
    """A bare polygon has no row of attributes at all."""
    file = here.parent / "bare.json"
    file.write_text(
        '{"type": "Polygon", "coordinates": [[[114, 30], [114.1, 30], [114.1, 30.1], [114, 30]]]}',
        encoding="utf-8",
    )

    answer = wangge("check", file, "--json")

    assert {f["kind"] for f in answer.json()["findings"]["nodes"]} == {"MISSING_CODE"}
    assert answer.exit_code == 1
