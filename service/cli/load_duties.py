"""``wangge load duties``, ``wangge load bodies`` and ``wangge load assignments``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import BadInputError
from resolvers.assignment_lists import load_assignments
from resolvers.body_lists import load_bodies
from resolvers.duty_lists import duties_as_toml, load_duties
from service.cli.frame import JsonOption, current_user, on_database, today
from service.cli.load import group
from service.cli.load_facilities import SinceOption
from service.cli.options import EncodingOption, LayerOption, parse_day
from service.cli.output import emit, progress, table
from service.cli.rejected import RejectedOption, Taken, end_with_rejects, read_lists
from service.settings import read_settings
from sources.assignments import (
    ASSIGNMENT_WORDS,
    AssignmentColumns,
    assignments_of,
    parse_assignment_columns,
)
from sources.bodies import BODY_WORDS, BodyColumns, bodies_of, parse_body_columns
from sources.duties import read_duties

if TYPE_CHECKING:
    from rich.table import Table

    from resolvers.duty_lists import LoadedDuties


class BodyKind(StrEnum):
    """What all of a list are."""

    PERSON = "PERSON"
    ORGANISATION = "ORGANISATION"


FilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", readable=False, help="CSV, TSV, .xlsx, .xls or .ods."),
]
AllOrNothingOption = Annotated[
    bool,
    typer.Option("--all-or-nothing", help="Take nothing if a single row cannot be taken."),
]


@group.command("duties")
def load_duty_file(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", readable=False, help="TOML file of [[duty]] tables."),
    ] = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="FILE names all duties: others are taken away.")
    ] = False,
    printed: Annotated[
        bool, typer.Option("--print", help="Print the duties that there are as such a file.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Load kinds of duties; the same file again changes nothing."""
    settings = read_settings()
    if printed == (file is not None):
        raise BadInputError(
            "name a FILE to be loaded, or say --print to see the duties that there are",
            argument="file",
        )
    if file is None:
        sys.stdout.write(on_database(duties_as_toml, settings=settings))
        return
    read = read_duties(file)
    loaded = on_database(
        lambda engine: load_duties(engine, read, day=today(settings), replace=replace),
        settings=settings,
    )
    emit(loaded._asdict(), as_json, lambda _: _duties_table(loaded))


@group.command("bodies")
def load_body_files(
    files: FilesArgument,
    *,
    kind: Annotated[
        BodyKind | None, typer.Option(help="What all that FILEs list are, instead of a guess.")
    ] = None,
    all_or_nothing: AllOrNothingOption = False,
    rejected: RejectedOption = None,
    columns: Annotated[
        str,
        typer.Option(
            help="Which column means what: key=…,name=…,kind=…,profession=…,skills=…,"
            "member_of=…,home_level=…,home_unit=…,home_address=…,phone=…,email=…,wechat=…,"
            "id_number=…"
        ),
    ] = "",
    layer: LayerOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load people and organisations; rows that cannot be taken come back as a file."""
    settings = read_settings()
    meant = parse_body_columns(columns) if columns else BodyColumns()
    rosters = read_lists(
        files, [*BODY_WORDS, *_named(meant)], settings, layer=layer, encoding=encoding
    )
    lists = [bodies_of(one, columns=meant, kind=kind and kind.value) for one in rosters]
    with progress("storing bodies"):
        loaded = on_database(
            lambda engine: load_bodies(
                engine, *lists, changed_by=current_user(), all_or_nothing=all_or_nothing
            ),
            settings=settings,
        )
    counts = {
        "added": loaded.added,
        "changed": loaded.changed,
        "unchanged": loaded.unchanged,
    }
    taken = Taken("bodies", counts, loaded.rejected, loaded.notices, taken=loaded.taken)
    notices = [(part.file, notice) for part in lists for notice in part.notices]
    end_with_rejects(files, rosters, notices, taken, rejected, as_json=as_json)


@group.command("assignments")
def load_assignment_files(
    files: FilesArgument,
    *,
    duty: Annotated[
        str | None, typer.Option(help="Duty of all that FILEs hold, instead of a column.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="FILEs are the whole truth of the duties they name: others end."
        ),
    ] = False,
    since: SinceOption = None,
    all_or_nothing: AllOrNothingOption = False,
    rejected: RejectedOption = None,
    columns: Annotated[
        str,
        typer.Option(
            help="Which column means what: duty=…,body=…,name=…,level=…,unit=…,post=…,since=…,"
            "until=…"
        ),
    ] = "",
    layer: LayerOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load who carries which duty where; rows that cannot be taken come back as a file."""
    settings = read_settings()
    day = parse_day(since, argument="since") or today(settings)
    meant = parse_assignment_columns(columns) if columns else AssignmentColumns()
    rosters = read_lists(
        files, [*ASSIGNMENT_WORDS, *_named(meant)], settings, layer=layer, encoding=encoding
    )
    lists = [assignments_of(one, columns=meant, duty=duty) for one in rosters]
    with progress("storing assignments"):
        loaded = on_database(
            lambda engine: load_assignments(
                engine,
                *lists,
                changed_by=current_user(),
                day=day,
                all_or_nothing=all_or_nothing,
                replace=replace,
            ),
            settings=settings,
        )
    counts = {
        "added": loaded.added,
        "changed": loaded.changed,
        "unchanged": loaded.unchanged,
        "ended": loaded.ended,
    }
    taken = Taken("assignments", counts, loaded.rejected, loaded.notices, taken=loaded.taken)
    notices = [(part.file, notice) for part in lists for notice in part.notices]
    end_with_rejects(files, rosters, notices, taken, rejected, as_json=as_json)


def _named(columns: BodyColumns | AssignmentColumns) -> list[str]:
    """Return the columns that the caller names."""
    return [name for name in vars(columns).values() if name is not None]


def _duties_table(loaded: LoadedDuties) -> Table | str:
    if not (loaded.added or loaded.changed or loaded.removed):
        return f"nothing changed: {loaded.unchanged:,} duties stand as before"
    return table(list(loaded._fields), [list(loaded)])
