"""Lists that are loaded row by row: reading them, and giving back what could not be taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.text import Text

from geo.errors import BadInputError
from resolvers.reject_files import rejects_path, write_rejects
from service.cli.output import emit, note, printable, progress, table, together
from service.errors import ExitCode
from sources.apart import Limits, read_roster_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from resolvers.list_lookup import Reject
    from service.settings import Settings
    from sources.notices import Notice
    from sources.rosters import Roster

RejectedOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="File for the rows that could not be taken, instead of one beside FILE.",
    ),
]

SHOWN = 10
"""So many of the rows that could not be taken are shown; the file has them all."""


class Taken(NamedTuple):
    """What a load did."""

    what: str
    counts: Mapping[str, int]
    rejected: Sequence[Reject]
    notices: Sequence[Notice]
    """What is said of all lists together."""
    taken: bool


def read_lists(
    files: Sequence[Path],
    usual: Sequence[str],
    settings: Settings,
    *,
    layer: str | None,
    encoding: str | None,
) -> list[Roster]:
    """Read lists, each in a process apart.

    Parameters
    ----------
    usual
        Names by which the columns that are looked for go.
    """
    limits = Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds)
    rosters = []
    with progress("reading lists", len(files)) as advance:
        for file in files:
            rosters.append(
                read_roster_apart(file, limits=limits, usual=usual, layer=layer, encoding=encoding)
            )
            advance(1)
    return rosters


def end_with_rejects(
    files: Sequence[Path],
    rosters: Sequence[Roster],
    notices: Sequence[tuple[str, Notice]],
    loaded: Taken,
    rejected: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write the rows that could not be taken to files, and say what was done.

    Parameters
    ----------
    notices
        What is said of each list, by its name.
    rejected
        Where the rows go; beside each list by default.

    Raises
    ------
    Exit
        With the code of findings, if any row was not taken.
    """
    written: list[Path] = []
    failed: BadInputError | None = None
    for source, roster in enumerate(rosters):
        mine = [reject for reject in loaded.rejected if reject.source == source]
        try:
            if mine:
                path = rejected or rejects_path(files[source])
                written.append(write_rejects(path, roster, mine))
        except BadInputError as error:
            failed = error  # what was taken is taken: that is said first
    all_notices = [*notices, *((None, notice) for notice in loaded.notices)]
    emit(
        _as_dict(all_notices, loaded, written),
        as_json,
        lambda _: together(*_shown(all_notices, loaded, written)),
    )
    if failed is not None:
        note(f"error: {failed}")
    if loaded.rejected:
        raise typer.Exit(ExitCode.FINDINGS)


def _as_dict(
    notices: Sequence[tuple[str | None, Notice]], loaded: Taken, written: Sequence[Path]
) -> dict[str, object]:
    return {
        **loaded.counts,
        "taken": loaded.taken,
        "rejected": [
            {"file": reject.file, "row": reject.row, "reason": reject.reason}
            for reject in loaded.rejected
        ],
        "rejectedFiles": [str(path) for path in written],
        "notices": [
            {
                "file": file,
                "code": notice.code,
                "message": notice.message,
                "featureCount": notice.feature_count,
            }
            for file, notice in notices
        ],
    }


def _shown(
    notices: Sequence[tuple[str | None, Notice]], loaded: Taken, written: Sequence[Path]
) -> list[RenderableType]:
    shown: list[RenderableType] = [
        Text(printable(f"{file}: {notice.message}" if file else notice.message))
        for file, notice in notices
    ]
    shown += [
        Text(printable(f"{reject.file} row {reject.row}: {reject.reason}"))
        for reject in loaded.rejected[:SHOWN]
    ]
    if loaded.rejected:
        where = f", with reasons: {', '.join(map(str, written))}" if written else ""
        count = len(loaded.rejected)
        were = "row was" if count == 1 else "rows were"
        shown.append(Text(printable(f"{count:,} {were} not taken{where}")))
    if not loaded.taken:
        return [*shown, Text("nothing was taken, as --all-or-nothing asks")]
    counts = dict(loaded.counts)
    unchanged = counts.pop("unchanged")
    if not any(counts.values()):
        said = f"nothing changed: {unchanged:,} {loaded.what} stand as before"
        return [*shown, Text(said)]
    return [*shown, table(list(loaded.counts), [list(loaded.counts.values())])]
