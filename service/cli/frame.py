"""What every command stands on: the program, its database, and how failures are told."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import getpass
import os
import re
import shlex
import sys
import traceback
from contextvars import ContextVar
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
import typer
import uvloop
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from geo.errors import ConflictError, NoDatabaseError, UnreadableError, WanggeError
from service.cli.commands import COMMANDS
from service.cli.output import note
from service.errors import ExitCode, outcome_of

# What only some commands need is imported where it is used: help and refusals come at once.

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sqlalchemy.ext.asyncio import AsyncEngine

    from service.settings import Settings

T = TypeVar("T")

DEBUG = "WANGGE_DEBUG"
"""Environment variable that shows the traceback of an unexpected failure."""

CHOICES = 8
"""How many answers to a question are listed; ``--json`` has them all."""

COLLECTED_AFTER = (200_000, 30, 30)
"""How many new objects make Python look for cycles among them, and how often it looks further. With
its own 700 it looks thousands of times through the rows of a level, which all live to the end."""

_BARE = re.compile(r"[\w@%+=:,./-]+")

_as_json: ContextVar[bool] = ContextVar("as_json", default=False)


def _remember_json(given: bool) -> bool:
    """Let failures, too, be told as JSON."""
    _as_json.set(given)
    return given


JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON for machines, a failure included.",
        is_eager=True,
        callback=_remember_json,
    ),
]
"""The option ``--json`` that every command has."""


class Program(TyperGroup):
    """The whole program: the one place where a failure becomes a sentence and an exit code.

    It knows all commands by name and help, and loads the one that is run.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - whatever Typer gives a group
        super().__init__(**settings)
        told = {name: TyperCommand(name, help=told.help) for name, told in COMMANDS.items()}
        self.commands = {**told, **self.commands}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as below
        """Find the command that is meant, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = load_commands(name).commands[name]
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - Typer keeps these types to itself
        """Run a command."""
        _as_json.set(False)
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()  # a reader that has gone is noticed here, not at the very end
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit(ExitCode.READER_GONE) from None
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:
            raise typer.Exit(_tell(error)) from None
        return answer


app = typer.Typer(
    name="wangge",
    cls=Program,
    help="Keep the map by which a city is cared for: no blank land, no overlap, and the proof.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""The program; command modules add themselves to it."""


def load_commands(*names: str) -> TyperGroup:
    """Import commands, all of them unless some are named, and return the program with them."""
    for name in names or COMMANDS:
        for module in COMMANDS[name].modules:
            import_module(f"service.cli.{module}")
    return get_group(app)


def main() -> None:
    """Run the program with the arguments of the process, and end it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal that cannot show Chinese is no reason to fail
            reconfigure(errors="backslashreplace")
    gc.set_threshold(*COLLECTED_AFTER)
    app(prog_name="wangge")


def _print_version(given: bool) -> None:
    if given:
        sys.stdout.write(f"wangge {version('wangge')}\n")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and stop.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    """Declare the options that stand before any command."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end; Ctrl-C cancels it, so that its transaction rolls back."""
    kept: list[T] = []

    # The task itself returns nothing: putting back the handler of Ctrl-C makes Python print the
    # task for an error that nobody sees, and a level's changes take seconds to print.
    async def keep() -> None:
        kept.append(await work)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(keep())
    finally:
        work.close()  # else one that Ctrl-C came before is said to have been forgotten
    return kept[0]


def on_database(
    use: Callable[[AsyncEngine], Awaitable[T]], *, settings: Settings | None = None
) -> T:
    """Open the database, run a use case on it, and close it again.

    Parameters
    ----------
    use
        Takes the engine; usually a function inside the command that calls ``resolvers``.
    settings
        Those of the environment unless given.

    Raises
    ------
    NoDatabaseError
        If PostGIS is missing, does not answer or stops answering.
    """
    from service.database import open_database  # noqa: PLC0415
    from service.settings import read_settings  # noqa: PLC0415

    with open_database(settings or read_settings()) as url:
        return run(_with_engine(url, use))


async def _with_engine(url: str, use: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    from storage.engine import make_engine  # noqa: PLC0415

    engine = make_engine(url)
    try:
        return await use(engine)
    finally:
        await engine.dispose()


def today(settings: Settings) -> dt.date:
    """Return the day that it is in the city."""
    return dt.datetime.now(ZoneInfo(settings.timezone)).date()


def current_user() -> str:
    """Return the name that a command's work is signed with: the account that runs it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return f"uid {os.getuid()}"


def _tell(error: Exception) -> ExitCode:
    """Tell a failure in one sentence, and return the exit code that says the same."""
    expected = _expected(error)
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if expected is None:
        _say(
            f"unexpected {type(error).__name__}: {_first_line(error)}; this is a bug, "
            f"{DEBUG}=1 shows where",
            {"code": "BUG"},
        )
        return ExitCode.BUG
    _say(str(expected), expected.extensions)
    return outcome_of(expected).exit_code


def _expected(error: Exception) -> WanggeError | None:
    """Return the failure as one that users understand; None for a bug."""
    if isinstance(error, WanggeError):
        return error
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    from storage.contention import got_in_the_way  # noqa: PLC0415

    if got_in_the_way(error):
        return ConflictError("somebody else was changing the same; try again in a moment")
    if isinstance(error, OperationalError):
        return NoDatabaseError(f"the database stopped answering: {_first_line(error.orig)}")
    return None


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["without a word"])[0]


def _say(sentence: str, facts: dict[str, object]) -> None:
    if _as_json.get():
        failure = {"error": {**facts, "message": sentence}}
        sys.stdout.write(orjson.dumps(failure, default=str).decode() + "\n")
    else:
        note(f"error: {sentence}")
        choices = _choices(facts)
        if choices:
            note(f"choose one: {choices}")
        elif facts.get("hint"):
            note(f"hint: {facts['hint']}")


def _choices(facts: dict[str, object]) -> str:
    """Return what may be answered to a question about a file, as one types it; else nothing."""
    argument, options = facts.get("argument"), facts.get("options")
    if facts.get("code") != UnreadableError.code or not isinstance(options, list) or not argument:
        return ""
    name = re.sub(r"(?=[A-Z])", "-", str(argument)).lower()
    typed = [f"--{name} {_quoted(str(option))}" for option in options[:CHOICES]]
    return " | ".join([*typed, "…"] if len(options) > CHOICES else typed)


def _quoted(text: str) -> str:
    """Return a text as a shell takes it; Chinese words need no quotes."""
    return text if _BARE.fullmatch(text) else shlex.quote(text)


def _forget_stdout() -> None:
    """Send what is still unwritten nowhere, or Python complains about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
