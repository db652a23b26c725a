"""What commands print: results on the standard output, progress and complaints beside it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import orjson
from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

PIPE_WIDTH = 200
"""Columns of a table that goes to a file or another program, where no terminal sets them."""
LINE_EVERY_S = 5.0
"""How often a plain line says how far the work is."""


class _Pipeable(Console):
    """A console that leaves it to the program to end when its reader has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console on the standard output or error; text is shown as it is, uncoloured."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return _Pipeable(file=stream, width=width, highlight=False, markup=False, emoji=False)


def printable(text: str) -> str:
    """Return ``text`` with control characters written out.

    Names come from files: none may move the cursor or colour the terminal of who reads them.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def emit(value: T, as_json: bool, render: Callable[[T], RenderableType]) -> None:
    """Print a result: as JSON for machines, or as ``render`` shows it to people.

    Parameters
    ----------
    value
        Anything that orjson writes; field names as in the API.
    render
        Makes a table, a text or a group of them of ``value``; not called for JSON.
    """
    if as_json:
        sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        console().print(render(value))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> Table:
    """Make a plain table; numbers stand to the right, what is absent is left blank."""
    made = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD)
    cells = [list(row) for row in rows]
    for place, name in enumerate(columns):
        numbers = all(isinstance(row[place], int | float | None) for row in cells)
        # A narrow terminal breaks long words, but never cuts off an id, a code or a figure.
        made.add_column(
            Text(name), justify="right" if cells and numbers else "left", overflow="fold"
        )
    for row in cells:
        made.add_row(*(_cell(value) for value in row))
    return made


def together(*parts: RenderableType | None) -> Group:
    """Print several things below one another; those that are None are left out."""
    return Group(*(part for part in parts if part is not None))


def _cell(value: object) -> Text:
    match value:
        case None:
            return Text()
        case bool():
            return Text("yes" if value else "no")
        case int():
            return Text(f"{value:,}")
        case float():
            return Text(f"{value:,.2f}")
        case _:
            return Text(printable(str(value)))


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far a long work is, on the standard error.

    A terminal shows a bar that goes away at the end; otherwise lines say it now and then.

    Parameters
    ----------
    what
        The work, such as ``reading grids.gpkg``.
    total
        How many steps it has, if that is known.

    Yields
    ------
    Callable
        To be called with the number of steps that were done since.
    """
    if sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        yield from _lines(what, total)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    counted = (BarColumn(), MofNCompleteColumn()) if total is not None else ()
    columns = (TextColumn("{task.description}", markup=False), *counted, TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as shown:
        task = shown.add_task(printable(what), total=total)
        yield lambda steps: shown.advance(task, steps)


def _lines(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    started = said = monotonic()
    done = 0

    def advance(steps: int) -> None:
        nonlocal done, said
        done += steps
        if monotonic() - said >= LINE_EVERY_S:
            said = monotonic()
            note(f"{what}: {done:,}" + (f" of {total:,}" if total is not None else ""))

    note(f"{what} …")
    yield advance
    note(f"{what}: done in {monotonic() - started:.1f} s")


def note(sentence: str) -> None:
    """Print one line on the standard error."""
    sys.stderr.write(printable(sentence) + "\n")
    sys.stderr.flush()
