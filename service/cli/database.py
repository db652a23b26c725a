"""``wangge db``: the database that the map is kept in."""

from __future__ import annotations

import typer

from service.cli.frame import JsonOption, app
from service.cli.output import emit, table
from service.database import open_database
from service.settings import read_settings, without_password
from storage import migrate

group = typer.Typer(help="Create, upgrade and find the database.", no_args_is_help=True)
app.add_typer(group, name="db")


@group.command()
def upgrade(as_json: JsonOption = False) -> None:
    """Create the tables, or change them to what this version needs."""
    with open_database(read_settings()) as url:  # opening upgrades
        found = migrate.status(url)
    emit(_as_dict(found), as_json, lambda _: f"the tables are up to date: revision {found.head}")


@group.command()
def status(as_json: JsonOption = False) -> None:
    """Say which revision the tables have, and which they need; changes nothing."""
    with open_database(read_settings(), upgrading=False) as url:
        found = migrate.status(url)
    emit(
        _as_dict(found),
        as_json,
        lambda _: table(
            ["revision", "needed", "pending"],
            [[found.current or "none", found.head, ", ".join(found.pending) or "none"]],
        ),
    )


@group.command()
def url(as_json: JsonOption = False) -> None:
    """Print the address of the database; of a private one, while its service runs."""
    with open_database(read_settings()) as address:
        shown = without_password(address)
    emit({"url": shown}, as_json, lambda _: shown)


def _as_dict(found: migrate.MigrationStatus) -> dict[str, object]:
    return {"current": found.current, "head": found.head, "pending": list(found.pending)}
