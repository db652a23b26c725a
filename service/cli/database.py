"""``wangge db``: the database that the map is kept in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from sqlalchemy import make_url

from geo.errors import NoDatabaseError
from service.cli.frame import JsonOption, app
from service.cli.output import emit, table
from service.cluster import Cluster
from service.database import open_database, require_postgis
from service.settings import Settings, read_settings, without_password
from storage import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    with _as_it_is(read_settings()) as url:
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
    """Print the address of the database, for psql; a private one answers while a service runs."""
    with _as_it_is(read_settings()) as address:
        shown = without_password(_for_psql(address))
    emit({"url": shown}, as_json, lambda _: shown)


@contextmanager
def _as_it_is(settings: Settings) -> Iterator[str]:
    """Give the URL of the database without touching its tables."""
    if settings.database_url is not None:
        require_postgis(settings.database_url)
        yield settings.database_url
        return
    if not settings.data_dir.is_dir():
        raise NoDatabaseError(
            f"there is no database in {settings.data_dir} yet; `wangge db upgrade` makes one"
        )
    with Cluster(settings.data_dir) as cluster:
        yield cluster.url()


def _for_psql(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _as_dict(found: migrate.MigrationStatus) -> dict[str, object]:
    return {"current": found.current, "head": found.head, "pending": list(found.pending)}
