"""``wangge load``: everything that is no boundary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolvers import levels
from service.cli.frame import JsonOption, app, on_database
from service.cli.output import emit, table
from sources.levels import read_levels

if TYPE_CHECKING:
    from rich.table import Table

    from geo.levels import LevelSpec
    from storage.levels import LevelChanges

group = typer.Typer(help="Load what is no boundary.", no_args_is_help=True)
app.add_typer(group, name="load")


@group.command("levels")
def load_levels(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML file of [[level]] tables.")],
    as_json: JsonOption = False,
) -> None:
    """Make FILE the tree of levels; levels in use keep their place."""
    specs = read_levels(file)
    changes = on_database(lambda engine: levels.load_levels(engine, specs))
    emit(changes._asdict(), as_json, lambda _: _levels_table(specs, changes))


def _levels_table(specs: tuple[LevelSpec, ...], changes: LevelChanges) -> Table:
    fates = {key: fate for fate, keys in changes._asdict().items() for key in keys}
    rows = [
        [spec.key, spec.name, spec.parent, spec.tiling.value, fates[spec.key]] for spec in specs
    ]
    rows += [[key, None, None, None, "removed"] for key in changes.removed]
    return table(["level", "name", "parent", "tiling", ""], rows)
