"""The import benchmark: its files are what they are said to be, and its table is true."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pytest
import shapely

from benchmarks.coverage.report import BEGIN, END
from benchmarks.importing.__main__ import PAGE, SIZES, parse
from benchmarks.importing.files import CHANGED, UPPER, stored_files
from benchmarks.importing.report import tell
from benchmarks.importing.run import Record
from benchmarks.importing.watch import CommandFailedError, watch
from geo.chain import chains

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cities")


def land(path: Path, layer: str) -> NDArray[np.object_]:
    return np.asarray(shapely.from_wkb(pyogrio.raw.read(path, layer=layer)[2]), object)


def test_every_level_fills_the_one_above_it(folder: Path) -> None:
    files = stored_files(folder, CELLS)
    levels = [land(files.above, level) for level in UPPER]
    levels += [land(files.grids, "grid"), land(files.changed, "grid")]

    assert len(levels[3]) == len(levels[4]) == files.grids_count >= CELLS
    sums = {int(chains(units).sum()) for units in levels}  # wraps modulo 2^64, as it should
    assert len(sums) == 1


def test_one_grid_in_a_hundred_is_drawn_otherwise_in_the_second_file(folder: Path) -> None:
    files = stored_files(folder, CELLS)
    before, after = land(files.grids, "grid"), land(files.changed, "grid")

    changed = int((chains(before) != chains(after)).sum())
    assert abs(changed - CHANGED * files.grids_count) <= 2
    assert shapely.is_valid(after).all()


def record(key: str, wall_s: float, *, grids: int = 10_000, peak_mib: float = 400.0) -> Record:
    return Record(
        key=key,
        grids=grids,
        wall_s=wall_s,
        cpu_s=wall_s / 2,
        server_cpu_s=wall_s / 4,
        peak_mib=peak_mib,
        server_mib=50.0,
    )


def test_the_table_compares_medians_and_tells_the_most_memory() -> None:
    ours = [record("import", s, peak_mib=m) for s, m in ((3.0, 700.0), (9.0, 500.0), (4.0, 600.0))]
    told = tell([*ours, *(record("ogr2ogr", s) for s in (2.0, 1.0, 30.0))], {"processor": "any"})

    assert (
        "| 10,000 | import, proven and published | 4.00 s | 2.00 | 2.00 s | 1.00 s | 2.00 | 700 MiB"
        " | 50 MiB | 3 |" in told
    )
    assert told.endswith("processor any.")


def test_without_ogr2ogr_its_row_says_so_and_nothing_is_compared() -> None:
    lines = tell([record("import", 3.0)], {}).splitlines()

    [theirs] = [line for line in lines if "loaded only" in line]
    [ours] = [line for line in lines if "proven and published" in line]
    assert "not installed here" in theirs
    assert "| 3.00 s |  |" in ours


def test_the_memory_of_children_is_counted() -> None:
    child = "import time; held = bytearray(150 << 20); time.sleep(0.5)"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )

    spent = watch([sys.executable, "-c", parent], server=os.getpid())

    assert 150 < spent.peak_mib < 300
    assert spent.server_cpu_s >= spent.cpu_s, "this process stands for the server: it is among it"
    assert spent.wall_s > 0.5


def test_a_command_that_fails_ends_the_run_with_what_it_said() -> None:
    with pytest.raises(CommandFailedError, match=r"ended with 3:\nsorry"):
        watch(
            [sys.executable, "-c", "print('sorry', flush=True); raise SystemExit(3)"],
            server=os.getpid(),
        )


def test_only_a_whole_run_is_written_into_the_page() -> None:
    assert parse([]).write
    assert parse([]).sizes == SIZES
    assert not parse(["--sizes", "1000"]).write
    assert not parse(["--only", "import"]).write
    assert not parse(["--table"]).write
    page = PAGE.read_text("utf-8")
    assert page.index(BEGIN) < page.index(END)
