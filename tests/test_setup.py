"""The two commands on machines that lack what they need: one sentence, or another way."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
TOOLS = ("sh", "dirname", "basename", "sed", "sort", "tail", "tr", "id", "cat", "printf", "env")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Give a folder of programs with neither Python, apt-get, sudo nor docker, to be PATH."""
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    return tmp_path


def add(folder: Path, name: str, script: str) -> None:
    """Put a program into the folder."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def run(script: str, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of ours with nothing but the programs of that folder."""
    return subprocess.run(  # noqa: S603 - our own scripts
        ["/bin/sh", CHECKOUT / "scripts" / script, *arguments],
        env={"PATH": str(path), "HOME": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_apt_get_setup_says_in_a_sentence_what_to_install(bare: Path) -> None:
    done = run("setup.sh", bare)

    assert done.returncode == 1
    assert done.stderr == (
        "wangge: this machine has no apt-get: install Python 3.11 or newer and "
        "PostgreSQL 15 or newer with PostGIS, then run this again\n"
    )


def test_a_user_without_sudo_is_given_the_command_for_an_administrator(bare: Path) -> None:
    (bare / "id").unlink()
    add(bare, "id", "echo 1000")
    add(bare, "apt-get", "echo must not run; exit 9")

    done = run("setup.sh", bare)

    assert done.returncode == 1
    assert "let an administrator run: apt-get update && apt-get install -y" in done.stderr
    assert "python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_that_is_too_old_is_passed_by(bare: Path) -> None:
    add(bare, "python3", "exit 1")  # what the version check answers on 3.10

    assert run("setup.sh", bare, "--ready").returncode == 1


def test_the_demo_without_apt_get_or_docker_says_in_a_sentence_what_to_install(bare: Path) -> None:
    done = run("demo.sh", bare)

    assert done.returncode == 1
    assert "install Docker with its compose plugin, or Python 3.11" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_demo_without_apt_get_runs_in_containers_where_an_engine_answers(bare: Path) -> None:
    add(
        bare, "docker", 'case "$1 $2" in "info "*|"compose version") ;; *) echo "docker $*" ;; esac'
    )

    done = run("demo.sh", bare, "--once")

    assert done.stdout.strip() == (
        "docker compose run --build --rm --service-ports wangge demo --once"
    )


def test_the_demo_without_apt_get_needs_an_engine_that_answers(bare: Path) -> None:
    add(bare, "docker", "exit 1")

    assert "install Docker" in run("demo.sh", bare).stderr


def test_one_command_is_all_that_continuous_integration_runs() -> None:
    lines = (CHECKOUT / ".ci" / "run").read_text().splitlines()

    assert lines[-1] == "exec make test"
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(("ci", "required"), [("true", True), ("", False)])
def test_continuous_integration_requires_every_test(ci: str, required: bool) -> None:
    make = shutil.which("make")
    assert make is not None
    printed = subprocess.run(  # noqa: S603 - our own Makefile
        [make, "-s", "-f", "-", "shown"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "CI": ci},
        input="include Makefile\nshown:\n\t@echo required=$$WANGGE_REQUIRE_ALL\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == ("required=1" if required else "required=")
