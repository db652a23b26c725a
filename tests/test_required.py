"""Where every test is required, a skipped one fails the run and says why it was skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

SUITE = {
    "test_in_the_body": "def test_it():\n    pytest.skip('no moon')",
    "test_by_mark": "@pytest.mark.skipif(True, reason='no moon')\ndef test_it():\n    pass",
    "test_whole_module": "pytest.skip('no moon', allow_module_level=True)",
    "test_in_a_fixture": "@pytest.fixture\ndef moon():\n    pytest.skip('no moon')\n\n"
    "def test_it(moon):\n    pass",
}


@pytest.fixture(params=SUITE)
def suite(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Lay out a suite of one test that skips, under a copy of our own conftest."""
    shutil.copy(CHECKOUT / "tests" / "conftest.py", tmp_path)
    name = str(request.param)
    (tmp_path / f"{name}.py").write_text(f"import pytest\n\n{SUITE[name]}\n")
    return tmp_path


def run(suite: Path, *, required: str) -> tuple[int, str]:
    """Run the suite in another process; return its exit code and what it prints."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and files
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, suite],
        cwd=CHECKOUT,
        env=os.environ | {"WANGGE_REQUIRE_ALL": required},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_skipped_test_fails_the_run_with_its_reason(suite: Path) -> None:
    code, said = run(suite, required="1")

    assert code != 0
    assert "may not be skipped" in said
    assert "no moon" in said
    assert "1 skipped" not in said


def test_elsewhere_it_is_skipped_only(suite: Path) -> None:
    code, said = run(suite, required="0")

    assert code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert "1 skipped" in said
