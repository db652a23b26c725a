"""The program as its users meet it: arguments in, exit code and text out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from typer.testing import CliRunner

from service.cli import app
from service.cli.frame import load_commands
from sources.addresses import read_addresses
from sources.boundaries import read_boundaries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.core import TyperGroup

    from sources.addresses import AddressFile
    from sources.boundaries import BoundaryFile

APART = "service.cli.reading.read_boundaries_apart"
ADDRESSES_APART = "service.cli.reading_addresses.read_addresses_apart"
MADE = ("typer.testing._get_command", "service.cli.frame.load_commands")
CHECKOUT = Path(__file__).resolve().parents[2]


class Answer(NamedTuple):
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return what was printed."""
        return json.loads(self.out)


class Wangge:
    """Commands on one database, within this process.

    A file is read in this process, too, unless ``apart`` says otherwise: starting another one for
    each of some hundred commands would take minutes. So would making all commands anew for each;
    as in a process of its own, they are made once.
    """

    def __init__(self, url: str, *, apart: bool = False) -> None:
        self.url = url
        self.apart = apart

    def __call__(self, *arguments: object) -> Answer:
        """Run a command; whatever happens is an answer."""
        env = {"DATABASE_URL": self.url, "COLUMNS": "200"}
        with ExitStack() as here:
            for made in MADE:
                here.enter_context(patch(made, _all_commands))
            if not self.apart:
                here.enter_context(patch(APART, _read_here))
                here.enter_context(patch(ADDRESSES_APART, _read_addresses_here))
            done = CliRunner().invoke(app, [str(a) for a in arguments], env=env)
        return Answer(done.exit_code, done.stdout, done.stderr)

    def ask(self, *arguments: object, exit_code: int = 0) -> Any:  # noqa: ANN401 - any JSON
        """Run a command with ``--json`` that must end in a certain way."""
        answer = self(*arguments, "--json")
        assert answer.exit_code == exit_code, (arguments, answer)
        return answer.json()

    def draft(self, level: str, file: Path, *options: object, exit_code: int = 0) -> Any:  # noqa: ANN401
        """Import a file; return the API's Draft."""
        return self.ask("import", file, "--level", level, *options, exit_code=exit_code)

    def publish(self, level: str, file: Path, *options: object) -> int:
        """Import a clean file and publish it; return the edition that stands then."""
        made = self.draft(level, file, "--publish", *options)
        assert made["status"] == "PUBLISHED", made
        return int(made["publishedAs"]["number"])

    def failure(self, *arguments: object, exit_code: int) -> dict[str, Any]:
        """Run a command that must fail; return the error as programs see it."""
        error: dict[str, Any] = self.ask(*arguments, exit_code=exit_code)["error"]
        return error


@cache
def _made_once() -> TyperGroup:
    return load_commands()


def _all_commands(*_: object) -> TyperGroup:
    """Return the program with all its commands, whichever are asked for."""
    return _made_once()


def _read_here(
    path: Path,
    *,
    limits: object,
    unwanted: object = None,
    **asked: Any,  # noqa: ANN401 - as read_boundaries takes them
) -> BoundaryFile:
    return read_boundaries(path, **asked)


def _read_addresses_here(
    path: Path,
    *,
    limits: object,
    **asked: Any,  # noqa: ANN401 - as read_addresses takes them
) -> AddressFile:
    return read_addresses(path, **asked)


def environment(url: str | None, **more: str) -> dict[str, str]:
    """Return the environment of a command's own process."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("WANGGE_", "DATABASE_URL"))}
    return env | ({"DATABASE_URL": url} if url is not None else {}) | more


def program() -> list[str]:
    """Return how the program is started in a process of its own."""
    beside = shutil.which("wangge", path=str(Path(sys.executable).parent))
    return [beside] if beside else [sys.executable, "-m", "service.cli"]


def in_process(
    *arguments: object, url: str | None = None, env: Mapping[str, str] | None = None
) -> Answer:
    """Run a command in a process of its own, and wait for it."""
    done = subprocess.run(  # noqa: S603 - our own program
        [*program(), *map(str, arguments)],
        env=environment(url, **(env or {})),
        cwd=CHECKOUT,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
