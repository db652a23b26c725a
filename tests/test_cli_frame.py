"""The command line: what it prints where, and which exit code says what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING, Annotated

import pytest
import typer
from rich.console import Console
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool
from typer.core import TyperGroup
from typer.testing import CliRunner

from geo import errors
from geo.errors import NoDatabaseError, NotCleanError, WanggeError
from service.cli import app
from service.cli.commands import COMMANDS
from service.cli.frame import JsonOption, Program, load_commands, on_database, run
from service.cli.output import emit, printable, progress, table
from service.errors import OUTCOMES, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine
    from typer.testing import Result

WITHOUT_JSON = {"serve", "demo"}
"""Commands that run until they are stopped."""


def subclasses(of: type[WanggeError]) -> Iterator[type[WanggeError]]:
    for child in of.__subclasses__():
        yield child
        yield from subclasses(child)


def program(body: Callable[[], object]) -> typer.Typer:
    """Return a program with one command, ``go``, that does ``body``."""
    made = typer.Typer(cls=Program, rich_markup_mode=None, pretty_exceptions_enable=False)

    @made.callback()
    def options() -> None:
        """Make it a program with commands."""

    @made.command()
    def go(
        size: Annotated[int, typer.Option()] = 1,
        as_json: JsonOption = False,
    ) -> None:
        body()

    return made


def invoke(asked: typer.Typer, *arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(asked, arguments, env=env)


def failing(error: BaseException) -> typer.Typer:
    def fail() -> None:
        raise error

    return program(fail)


# --- exit codes ---------------------------------------------------------------------------------


def test_every_expected_failure_has_an_exit_code_and_a_status() -> None:
    codes = {child.code for child in subclasses(WanggeError)}

    assert set(OUTCOMES) == codes
    assert len(codes) == len(list(subclasses(WanggeError))), "each has a code of its own"
    assert all(outcome.http_status >= 400 for outcome in OUTCOMES.values())


@pytest.mark.parametrize(
    ("name", "exit_code"),
    [
        ("BadInputError", 2),
        ("UnknownError", 2),
        ("LimitExceededError", 2),
        ("NoEditionError", 2),
        ("UnreadableError", 3),
        ("NoDatabaseError", 4),
        ("NotCleanError", 5),
        ("ConflictError", 5),
        ("NotOpenError", 5),
        ("ForbiddenError", 5),
        ("UnauthenticatedError", 5),
    ],
)
def test_an_expected_failure_is_one_sentence_and_its_exit_code(name: str, exit_code: int) -> None:
    error = getattr(errors, name)("the grid 7 is not there; look for it")

    result = invoke(failing(error), "go")

    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert result.stderr == "error: the grid 7 is not there; look for it\n"


def test_a_failure_is_json_for_machines() -> None:
    error = NotCleanError("2 findings block; waive them", findingIds=["ab", "cd"])

    result = invoke(failing(error), "go", "--json")

    assert result.exit_code == 5
    assert result.stderr == ""
    assert json.loads(result.stdout) == {
        "error": {
            "code": "NOT_CLEAN",
            "message": "2 findings block; waive them",
            "findingIds": ["ab", "cd"],
        }
    }


def test_json_of_one_command_does_not_reach_the_next() -> None:
    asked = failing(NotCleanError("blocked"))

    invoke(asked, "go", "--json")

    assert invoke(asked, "go").stderr == "error: blocked\n"


def test_a_message_from_a_hostile_file_cannot_steer_the_terminal() -> None:
    result = invoke(failing(NotCleanError("code \x1b[2J\x07\r网格 is bad")), "go")

    assert result.stderr == "error: code \\x1b[2J\\x07\\r网格 is bad\n"


def test_a_bug_is_one_sentence_with_a_hint_and_exit_code_70() -> None:
    result = invoke(failing(KeyError("rank")), "go", env={"WANGGE_DEBUG": ""})

    assert result.exit_code == 70
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "KeyError" in result.stderr
    assert "WANGGE_DEBUG=1" in result.stderr


def test_a_bug_shows_its_traceback_when_asked() -> None:
    result = invoke(failing(KeyError("rank")), "go", env={"WANGGE_DEBUG": "1"})

    assert result.exit_code == 70
    assert "Traceback (most recent call last)" in result.stderr


def test_an_interrupt_is_130_without_a_word() -> None:
    result = invoke(failing(KeyboardInterrupt()), "go")

    assert (result.exit_code, result.output) == (130, "")


@pytest.mark.parametrize(
    "arguments",
    [[], ["no-such-command"], ["go", "--no-such-option"], ["go", "--size", "x"], ["go", "extra"]],
)
def test_wrong_use_is_2_and_says_how(arguments: list[str]) -> None:
    result = invoke(program(lambda: None), *arguments)

    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("code", list(ExitCode))
def test_a_command_may_choose_its_exit_code(code: ExitCode) -> None:
    assert invoke(failing(typer.Exit(code)), "go").exit_code == code


# --- the real process ---------------------------------------------------------------------------


def script(body: str) -> list[str]:
    """Return the command line of a program whose one command does ``body``."""
    lines = [
        "import asyncio, sys",
        "from service.cli.frame import app, main, run",
        "@app.command()",
        f"def go(): {body}",
        "sys.argv = ['wangge', 'go']",
        "main()",
    ]
    return [sys.executable, "-c", "\n".join(lines)]


def test_ctrl_c_ends_asynchronous_work_at_once_and_quietly() -> None:
    waiting = "print('ready', flush=True); run(asyncio.sleep(60))"
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        script(waiting), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)

    assert (process.returncode, complaint) == (130, "")


@pytest.mark.parametrize("flush", [True, False])
def test_a_reader_that_goes_away_is_no_failure(flush: bool) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        result = subprocess.run(  # noqa: S603 - our own interpreter
            script(f"print('x', flush={flush})"),
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(write_end)

    assert (result.returncode, result.stderr) == (141, "")


def test_names_are_printed_where_the_terminal_knows_no_chinese() -> None:
    result = subprocess.run(  # noqa: S603 - our own interpreter
        script("print('网格')"),
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )

    assert result.stdout == b"\\u7f51\\u683c\n"


# --- what is printed ----------------------------------------------------------------------------


def test_the_version_is_printed() -> None:
    result = invoke(app, "--version")

    assert (result.exit_code, result.stdout.split()[0]) == (0, "wangge")


def test_every_command_says_what_it_does_and_offers_json() -> None:
    def walk(command: object, path: str) -> Iterator[tuple[str, object]]:
        if isinstance(command, TyperGroup):
            for name, child in command.commands.items():
                yield from walk(child, f"{path} {name}".strip())
        else:
            yield path, command

    found = dict(walk(load_commands(), ""))

    assert {"db upgrade", "db status", "db url", "key create", "load levels"} <= set(found)
    assert [path for path, command in found.items() if not getattr(command, "help", "")] == []
    silent = [
        path
        for path, command in found.items()
        if not any("--json" in param.opts for param in getattr(command, "params", []))
    ]
    assert set(silent) <= WITHOUT_JSON


def test_the_help_told_before_loading_is_that_of_each_command() -> None:
    loaded = load_commands().commands

    first = {name: (getattr(loaded[name], "help", "") or "").split("\n\n")[0] for name in COMMANDS}
    assert first == {name: told.help for name, told in COMMANDS.items()}
    assert set(loaded) == set(COMMANDS)


@pytest.mark.parametrize("word", ["--help", "--version", "no-such-command"])
def test_what_needs_no_command_loads_none(word: str) -> None:
    lines = [
        "import sys",
        "from service.cli import main",
        f"sys.argv = ['wangge', '{word}']",
        "try: main()",
        "except SystemExit: pass",
        "print({'sqlalchemy', 'strawberry', 'shapely', 'numba'} & set(sys.modules))",
    ]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "set()"


def test_a_table_shows_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["[red]网格[/red] :smile:", 1234567, None, True], ["\x1b[31m", 2, 0.5, False]]

    emit(rows, False, lambda shown: table(["name", "count", "share", "ok"], shown))

    printed = capsys.readouterr().out
    for expected in ("[red]网格[/red] :smile:", "1,234,567", "\\x1b[31m", "0.50", "yes", "no"):
        assert expected in printed
    assert "\x1b" not in printed


def test_a_table_for_a_pipe_cuts_nothing_short(capsys: pytest.CaptureFixture[str]) -> None:
    long = "字" * 60

    emit([[long, long[:20]]], False, lambda shown: table(["a", "b"], shown))

    assert long in capsys.readouterr().out


def test_a_narrow_terminal_breaks_words_and_cuts_nothing_off() -> None:
    shown = StringIO()

    Console(file=shown, width=30).print(table(["id", "in"], [["a" * 40, "b" * 40]]))

    printed = shown.getvalue()
    assert (printed.count("a"), printed.count("b"), "…" in printed) == (40, 40, False)
    assert max(map(len, printed.splitlines())) <= 30


def test_json_has_the_values_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    def never(_value: object) -> str:
        raise AssertionError("nothing is rendered for machines")

    emit({"名": [1, 2.5, None]}, True, never)

    captured = capsys.readouterr()
    assert (json.loads(captured.out), captured.err) == ({"名": [1, 2.5, None]}, "")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("网格 7", "网格 7"),
        ("a\tb\n", "a\\tb\\n"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_control_characters_are_written_out(given: str, shown: str) -> None:
    assert printable(given) == shown


def test_progress_is_plain_lines_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 2) as advance:
        advance(1)
        advance(1)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("reading …\nreading: done in ")


def test_progress_says_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0, 1.0, 6.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr("service.cli.output.monotonic", lambda: next(seconds))

    with progress("reading", 3000) as advance:
        advance(1000)  # after 1 s: too early to say anything
        advance(1000)  # after 6 s
        advance(1000)  # 1 s later

    assert capsys.readouterr().err == (
        "reading …\nreading: 2,000 of 3,000\nreading: done in 12.0 s\n"
    )


def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")

    with progress("reading [a]", 3) as advance:
        advance(2)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "reading [a]" in captured.err
    assert "/3" in captured.err


def test_a_result_is_never_printed_on_the_way() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise AssertionError("a result of a hundred thousand units takes seconds to print")

    async def make() -> Silent:
        return Silent()

    assert isinstance(run(make()), Silent)


def test_a_result_of_asynchronous_work_is_returned() -> None:
    async def work() -> int:
        return 7

    assert run(work()) == 7


# --- with a database ----------------------------------------------------------------------------


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let commands use a fresh database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


@pytest.mark.postgis
def test_the_database_tells_its_revision_and_address(database: str) -> None:
    status = json.loads(invoke(app, "db", "status", "--json").stdout)
    upgraded = json.loads(invoke(app, "db", "upgrade", "--json").stdout)
    address = invoke(app, "db", "url").stdout

    assert status == upgraded
    assert (status["current"], status["pending"]) == (status["head"], [])
    assert make_url(address.strip()).set(drivername="postgresql+psycopg") == make_url(database)


@pytest.mark.postgis
def test_the_address_is_printed_without_its_password(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = make_url(database).set(password="s3cret")  # noqa: S106 - made up
    monkeypatch.setenv("DATABASE_URL", secret.render_as_string(hide_password=False))

    result = invoke(app, "db", "url")

    assert result.exit_code == 0
    assert "s3cret" not in result.output


@pytest.mark.postgis
def test_status_of_a_database_that_was_never_upgraded_changes_nothing(database: str) -> None:
    run_sql(database, "DROP TABLE alembic_version")

    status = json.loads(invoke(app, "db", "status", "--json").stdout)

    assert status["current"] is None
    assert status["pending"][-1] == status["head"]
    assert run_sql(database, "SELECT to_regclass('alembic_version')") is None


def test_there_is_no_status_before_there_is_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("WANGGE_DATA_DIR", str(tmp_path / "none"))

    result = invoke(app, "db", "status")

    assert result.exit_code == 4
    assert "wangge db upgrade" in result.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.postgis
def test_a_database_that_is_not_there_is_exit_code_4(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = make_url(database).set(database="gone").render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", gone)

    result = invoke(app, "key", "list", "--json")

    assert result.exit_code == 4
    assert json.loads(result.stdout)["error"]["code"] == NoDatabaseError.code


@pytest.mark.postgis
@pytest.mark.usefixtures("database")
def test_a_database_that_goes_away_is_exit_code_4() -> None:
    async def vanish(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    result = invoke(program(lambda: on_database(vanish)), "go")

    assert result.exit_code == 4
    assert result.stderr.startswith("error: the database stopped answering")
    assert result.stderr.count("\n") == 1


@pytest.mark.postgis
@pytest.mark.usefixtures("database")
def test_a_key_is_the_only_line_on_the_output_and_is_listed_without_its_text() -> None:
    made = invoke(app, "key", "create", "--role", "editor", "--name", "数据组")
    listed = invoke(app, "key", "list")
    revoked = invoke(app, "key", "revoke", "1", "--json")
    after = json.loads(invoke(app, "key", "list", "--json").stdout)

    assert made.exit_code == 0
    secret = made.stdout.removesuffix("\n")
    assert secret.startswith("wg_")
    assert secret.isprintable()
    assert "数据组" in listed.stdout
    assert secret not in listed.stdout
    assert json.loads(revoked.stdout) == {"id": 1, "revoked": True}
    assert [(row["id"], row["role"], row["revokedAt"] is None) for row in after] == [
        (1, "editor", False)
    ]


@pytest.mark.postgis
@pytest.mark.usefixtures("database")
def test_levels_are_loaded_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "levels.toml"
    file.write_text(
        '[[level]]\nkey = "land"\nname = "国"\n\n'
        '[[level]]\nkey = "commune"\nname = "乡"\nparent = "land"\n',
        encoding="utf-8",
    )

    first = invoke(app, "load", "levels", str(file))
    again = json.loads(invoke(app, "load", "levels", str(file), "--json").stdout)

    assert first.exit_code == 0
    assert "commune" in first.stdout
    assert again == {
        "added": [],
        "changed": [],
        "removed": [],
        "unchanged": ["land", "commune"],
        "duties": [],
    }


@pytest.mark.postgis
@pytest.mark.usefixtures("database")
def test_addresses_are_loaded_from_files(tmp_path: Path) -> None:
    files = []
    for name, rows in (("west.csv", "a,100.1,30.5,2,5\n"), ("east.csv", "b,100.2,30.5,1,1\n")):
        file = tmp_path / name
        file.write_text(f"key,lon,lat,households,people\n{rows}", encoding="utf-8")
        files.append(str(file))

    first = json.loads(invoke(app, "load", "addresses", *files, "--json").stdout)
    again = invoke(app, "load", "addresses", files[0])
    whole = json.loads(invoke(app, "load", "addresses", files[0], "--replace", "--json").stdout)

    def counts(loaded: dict[str, int]) -> list[int]:
        names = ("added", "changed", "unchanged", "removed", "edition")
        return [loaded[name] for name in names]

    assert counts(first) == [2, 0, 0, 0, 1]
    assert "nothing changed" in again.stdout
    assert counts(whole) == [0, 0, 1, 1, 2]


@pytest.mark.postgis
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("content", "options", "exit_code"),
    [
        ("key,lon,lat\na,1,95\n", [], 2),
        ("key,lon,lat\na,1,1\na,2,2\n", [], 2),
        ("key,lon,lat,households\na,1,1,9999999999\n", [], 2),
        ("key,lon,lat\na,1,1\n", ["--columns", "code=x"], 2),
        ("key,lon,lat\na,1,1\n", ["--effective-on", "2026-02-30"], 2),
        ("key,lon,lat\na,1,1\n", ["--datum", "MOON"], 2),
        ("", [], 3),
    ],
)
def test_bad_addresses_are_refused_and_nothing_is_left(
    tmp_path: Path, content: str, options: list[str], exit_code: int
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(content, encoding="utf-8")

    result = invoke(app, "load", "addresses", str(file), *options)

    assert result.exit_code == exit_code
    assert "Traceback" not in result.output
    fine = tmp_path / "fine.csv"
    fine.write_text("key,lon,lat\nz,1,1\n", encoding="utf-8")
    loaded = json.loads(invoke(app, "load", "addresses", str(fine), "--json").stdout)
    assert (loaded["added"], loaded["edition"]) == (1, 1)


def run_sql(url: str, statement: str) -> object:
    """Run one statement and return what it gives, if anything."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None
