"""``wangge load``: everything that is no boundary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from resolvers import addresses, levels
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.options import (
    CrsOption,
    DatumOption,
    EffectiveOnOption,
    EncodingOption,
    LayerOption,
    parse_day,
)
from service.cli.output import emit, printable, progress, table, together
from service.cli.reading_addresses import read_address_file
from service.settings import read_settings
from sources.addresses import AddressColumns, AddressFile, parse_address_columns
from sources.levels import read_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.levels import LevelSpec
    from resolvers.addresses import LoadedAddresses
    from storage.levels import LevelChanges

FATES = ("added", "changed", "unchanged")
"""What may happen to a level that stays."""

group = typer.Typer(help="Load what is no boundary.", no_args_is_help=True)
app.add_typer(group, name="load")


@group.command("levels")
def load_levels(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="TOML file of [[level]] tables.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Make FILE the tree of levels; levels in use keep their place."""
    specs = read_levels(file)
    changes = on_database(lambda engine: levels.load_levels(engine, specs))
    went = f"duties that went with their level: {', '.join(changes.duties)}"
    shown = together(_levels_table(specs, changes), went if changes.duties else None)
    emit(changes._asdict(), as_json, lambda _: shown)


@group.command("addresses")
def load_addresses(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", readable=False, help="CSV, TSV, .xlsx or a layer of points."
        ),
    ],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="FILEs are the whole truth: others are taken away.")
    ] = False,
    columns: Annotated[
        str,
        typer.Option(
            help="Which column means what: key=…,lon=…,lat=…,households=…,people=…,"
            "compound=…,groups=…|…"
        ),
    ] = "",
    layer: LayerOption = None,
    encoding: EncodingOption = None,
    crs: CrsOption = None,
    datum: DatumOption = None,
    effective_on: EffectiveOnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load addresses as one edition; the same file again changes nothing."""
    settings = read_settings()
    day = parse_day(effective_on)
    meant = parse_address_columns(columns) if columns else AddressColumns()
    lists = []
    with progress("reading addresses", len(files)) as advance:
        for file in files:
            lists.append(
                read_address_file(
                    file, layer=layer, encoding=encoding, crs=crs, datum=datum, columns=meant
                )
            )
            advance(1)
    with progress("storing addresses"):
        loaded = on_database(
            lambda engine: addresses.load_addresses(
                engine,
                *lists,
                published_by=current_user(),
                today=today(settings),
                replace=replace,
                effective_on=day,
            ),
            settings=settings,
        )
    emit(_as_dict(lists, loaded), as_json, lambda _: together(*_shown(lists, loaded)))


def _levels_table(specs: tuple[LevelSpec, ...], changes: LevelChanges) -> Table:
    fates = {key: fate for fate in FATES for key in getattr(changes, fate)}
    rows: list[list[str | None]] = [
        [spec.key, spec.name, spec.parent, spec.tiling.value, fates[spec.key]] for spec in specs
    ]
    rows += [[key, None, None, None, "removed"] for key in changes.removed]
    return table(["level", "name", "parent", "tiling", ""], rows)


def _as_dict(lists: Sequence[AddressFile], loaded: LoadedAddresses) -> dict[str, object]:
    notices = [
        {
            "file": part.file,
            "code": notice.code,
            "message": notice.message,
            "featureCount": notice.feature_count,
        }
        for part in lists
        for notice in part.notices
    ]
    return {**loaded._asdict(), "notices": notices}


def _shown(lists: Sequence[AddressFile], loaded: LoadedAddresses) -> list[Text | Table]:
    said = [Text(printable(f"{part.file}: {n.message}")) for part in lists for n in part.notices]
    if loaded.edition is None:
        end = f"nothing changed: {loaded.unchanged:,} addresses stand as before"
        return [*said, Text(end)]
    counts = [loaded.added, loaded.changed, loaded.unchanged, loaded.removed, loaded.edition]
    columns = ["added", "changed", "unchanged", "removed", "edition"]
    return [*said, table(columns, [counts])]
