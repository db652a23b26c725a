"""Compiled kernels are never mixed with those of other sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from geo.kernel_cache import SOURCES, VARIABLE, sources_digest

ROOT = SOURCES.parent
TELL = "import geo, numba; print(numba.config.CACHE_DIR)"


def told(**environment: str) -> Path:
    """Return the folder that a fresh process keeps its kernels in."""
    usual = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", TELL],
        cwd=ROOT,
        env=usual | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "one_kernel.py").write_text("from numba import njit\n")
    (tmp_path / "other_kernel.py").write_text("from numba import njit\nA = 1\n")
    (tmp_path / "plain.py").write_text("B = 1\n")
    return tmp_path


def test_a_change_of_one_kernel_leaves_all_compiled_ones_behind(sources: Path) -> None:
    before = sources_digest(sources)
    (sources / "other_kernel.py").write_text("from numba import njit\nA = 2\n")
    assert sources_digest(sources) != before


def test_a_change_elsewhere_and_a_newer_date_compile_nothing_anew(sources: Path) -> None:
    before = sources_digest(sources)
    (sources / "plain.py").write_text("B = 2\n")
    os.utime(sources / "one_kernel.py", (0, 0))
    assert sources_digest(sources) == before


def test_text_that_moves_from_one_module_to_the_next_is_a_change(sources: Path) -> None:
    before = sources_digest(sources)
    (sources / "one_kernel.py").write_text("from numba import njit\nA = 1\n")
    (sources / "other_kernel.py").write_text("from numba import njit\n")
    assert sources_digest(sources) != before


def test_numba_keeps_kernels_in_a_folder_named_after_their_sources() -> None:
    assert told() == SOURCES / "__pycache__" / f"kernels-{sources_digest(SOURCES)}"


def test_a_folder_that_the_user_names_holds_ours_also_for_processes_below(tmp_path: Path) -> None:
    name = f"kernels-{sources_digest(SOURCES)}"
    assert told(**{VARIABLE: str(tmp_path)}) == tmp_path / name
    assert told(**{VARIABLE: str(tmp_path / name)}) == tmp_path / name


def test_kernels_of_an_older_program_that_started_this_one_are_left_alone(tmp_path: Path) -> None:
    older = tmp_path / "kernels-0123456789abcdef"
    assert told(**{VARIABLE: str(older)}) == tmp_path / f"kernels-{sources_digest(SOURCES)}"
