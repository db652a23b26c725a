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


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a suite of tests that skip, each in its way, under a copy of our own conftest."""
    folder = tmp_path_factory.mktemp("suite")
    shutil.copy(CHECKOUT / "tests" / "conftest.py", folder)
    for name, test in SUITE.items():
        (folder / f"{name}.py").write_text(f"import pytest\n\n{test}\n")
    return folder


def run(suite: Path, *, required: str) -> tuple[int, list[str]]:
    """Run the suite in another process; return its exit code and the lines it prints."""
    options = ["-p", "no:cacheprovider", "-c", os.devnull]
    # In CI pytest does not cut its summary, and every reason stands there a second time.
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(  # noqa: S603 - our own interpreter and files
        [sys.executable, "-m", "pytest", *options, "--continue-on-collection-errors", suite],
        cwd=CHECKOUT,
        env=environment | {"WANGGE_REQUIRE_ALL": required},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_every_kind_of_skip_fails_the_run_with_its_reason(suite: Path) -> None:
    code, lines = run(suite, required="1")

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 3 errors" in lines[-1]  # errors are what fails before a test begins
    assert "skipped" not in lines[-1]
    for name in SUITE:
        told = [line for line in lines if f"{name}.py" in line and "may not be skipped" in line]
        assert len(told) == 1
        assert told[0].endswith(": no moon")


def test_elsewhere_they_are_skipped_only(suite: Path) -> None:
    code, lines = run(suite, required="0")

    assert code in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert "4 skipped" in lines[-1]
