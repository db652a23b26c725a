"""``wangge load facilities`` and ``wangge load programmes``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resolvers.facility_lists import load_facilities
from resolvers.programmes import load_programmes
from service.cli.frame import JsonOption, current_user, on_database, today
from service.cli.load import group
from service.cli.options import (
    CrsOption,
    DatumOption,
    EncodingOption,
    LayerOption,
    parse_day,
)
from service.cli.output import emit, printable, progress, table, together
from service.settings import read_settings
from sources.apart import Limits, read_facilities_apart
from sources.facilities import FacilityColumns, FacilityFile, parse_facility_columns
from sources.programmes import read_programmes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from resolvers.facility_lists import LoadedFacilities
    from resolvers.programmes import LoadedProgrammes
    from sources.notices import Notice

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="YYYY-MM-DD",
        help="First day on which what is new or changed is so; today unless given.",
    ),
]


@group.command("facilities")
def load_facility_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", readable=False, help="CSV, TSV, .xlsx or a layer of points."
        ),
    ],
    *,
    kind: Annotated[
        str | None, typer.Option(help="Kind of all that FILEs hold, instead of a column.")
    ] = None,
    new_kinds: Annotated[
        bool, typer.Option("--new-kinds", help="Take up kinds that are not known.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="FILEs are the whole truth: others end.")
    ] = False,
    since: SinceOption = None,
    columns: Annotated[
        str,
        typer.Option(
            help="Which column means what: key=…,kind=…,name=…,lon=…,lat=…,floor_area_m2=…,"
            "rooms=…,opening_hours=…,since=…,until=…,compound=…"
        ),
    ] = "",
    layer: LayerOption = None,
    encoding: EncodingOption = None,
    crs: CrsOption = None,
    datum: DatumOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load service points; the same file again changes nothing."""
    settings = read_settings()
    day = parse_day(since, argument="since") or today(settings)
    meant = parse_facility_columns(columns) if columns else FacilityColumns()
    limits = Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds)
    lists = []
    with progress("reading facilities", len(files)) as advance:
        for file in files:
            lists.append(
                read_facilities_apart(
                    file,
                    limits=limits,
                    layer=layer,
                    encoding=encoding,
                    crs=crs,
                    datum=datum,
                    columns=meant,
                    kind=kind,
                )
            )
            advance(1)
    with progress("storing facilities"):
        loaded = on_database(
            lambda engine: load_facilities(
                engine,
                *lists,
                changed_by=current_user(),
                day=day,
                replace=replace,
                new_kinds=new_kinds,
            ),
            settings=settings,
        )
    emit(_as_dict(lists, loaded), as_json, lambda _: together(*_shown(lists, loaded)))


@group.command("programmes")
def load_programme_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", readable=False, help="TOML file of [[kind]] and [[programme]] tables."
        ),
    ],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="FILE names all programmes: others end.")
    ] = False,
    since: SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load kinds of service points with their rules, and programmes with their promises."""
    settings = read_settings()
    day = parse_day(since, argument="since") or today(settings)
    read = read_programmes(file)
    loaded = on_database(
        lambda engine: load_programmes(engine, read, day=day, replace=replace), settings=settings
    )
    emit(_programmes_dict(loaded), as_json, lambda _: _programmes_table(loaded))


def _as_dict(lists: Sequence[FacilityFile], loaded: LoadedFacilities) -> dict[str, object]:
    notices: list[tuple[str | None, Notice]]
    notices = [(part.file, notice) for part in lists for notice in part.notices]
    notices += [(None, notice) for notice in loaded.notices]
    return {
        "added": loaded.added,
        "changed": loaded.changed,
        "unchanged": loaded.unchanged,
        "ended": loaded.ended,
        "newKinds": list(loaded.new_kinds),
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


def _shown(lists: Sequence[FacilityFile], loaded: LoadedFacilities) -> list[Text | Table]:
    said = [Text(printable(f"{part.file}: {n.message}")) for part in lists for n in part.notices]
    said += [Text(printable(notice.message)) for notice in loaded.notices]
    if loaded.new_kinds:
        said.append(Text(printable(f"new kinds: {', '.join(loaded.new_kinds)}")))
    counts = [loaded.added, loaded.changed, loaded.unchanged, loaded.ended]
    if not (loaded.added or loaded.changed or loaded.ended):
        end = f"nothing changed: {loaded.unchanged:,} facilities stand as before"
        return [*said, Text(end)]
    return [*said, table(["added", "changed", "unchanged", "ended"], [counts])]


def _programmes_dict(loaded: LoadedProgrammes) -> dict[str, object]:
    return {
        "kinds": {
            "added": loaded.kinds_added,
            "changed": loaded.kinds_changed,
            "unchanged": loaded.kinds_unchanged,
        },
        "added": loaded.added,
        "changed": loaded.changed,
        "unchanged": loaded.unchanged,
        "ended": loaded.ended,
    }


def _programmes_table(loaded: LoadedProgrammes) -> Table:
    rows = [
        ["kinds", loaded.kinds_added, loaded.kinds_changed, loaded.kinds_unchanged, None],
        ["programmes", loaded.added, loaded.changed, loaded.unchanged, loaded.ended],
    ]
    return table(["", "added", "changed", "unchanged", "ended"], rows)
