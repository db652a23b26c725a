"""``wangge demo``: the made-up town, published, proven and served from a database of its own."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from geo.errors import ConflictError, NoDatabaseError, UnreadableError
from resolvers.demo import Played, Town, play
from resolvers.demo_circles import Services
from resolvers.demo_duties import Roster
from resolvers.edition_lists import list_editions
from resolvers.truth import read_faults
from service.cli.frame import JsonOption, app, run, today
from service.cli.output import emit, note, progress
from service.cli.playbill import played_json, show_played
from service.cli.serve import address_of, listen, run_service
from service.cluster import Cluster
from service.database import open_database, require_postgis
from service.errors import ExitCode
from service.keeper import kept
from service.postmaster import end_orphan
from service.settings import Settings, read_settings, without_password
from sources.addresses import read_addresses
from sources.assignments import read_assignments
from sources.bodies import read_bodies
from sources.boundaries import read_boundaries
from sources.duties import read_duties
from sources.facilities import read_facilities
from sources.levels import read_levels
from sources.programmes import read_programmes
from sources.streets import read_streets
from sources.walkable import read_walkable
from storage.engine import make_engine
from storage.migrate import status, upgrade

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

FILES = Path(__file__).resolve().parents[2] / "fixtures" / "data"
"""The town's files, which belong to the checkout."""

FOLDER = "demo"
"""Where the demo's database lies below the data folder, apart from a city's."""

PUBLISHER = "demo"


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after printing.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = None,
    files: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="The town's files, as `python -m fixtures` wrote them."
        ),
    ] = FILES,
    as_json: JsonOption = False,
) -> None:
    """Load the made-up town, print what is proven about it, and serve it."""
    settings = read_settings(port=port)
    with ExitStack() as opened:
        listener = None
        if not once:  # a port in use is better known before the work than after it
            listener = opened.enter_context(listen(settings.host, settings.port))
        begun = monotonic()
        with progress("reading the town's files"):
            town = read_town(files)
        with progress("starting a database"):
            url = opened.enter_context(empty_database(settings))
        with progress("publishing, proving, walking and checking the town"):
            played = run(_play(url, town, today(settings)))
        emit(played_json(played), as_json, lambda _: show_played(played, town))
        note(f"played in {monotonic() - begun:.1f} s")
        if not played.right:
            raise typer.Exit(ExitCode.FINDINGS)
        if listener is not None:
            note(f"open {address_of(listener)} in a browser: three example queries are there")
            run_service(settings, url, listener)


async def _play(url: str, town: Town, day: dt.date) -> Played:
    engine = make_engine(url)
    try:
        return await play(engine, town, today=day, by=PUBLISHER)
    finally:
        await engine.dispose()


# -- the files --------------------------------------------------------------------------------


def read_town(folder: Path) -> Town:
    """Read the town's files.

    Raises
    ------
    UnreadableError
        If one of them is not there or is not what it should be.
    """
    levels = read_levels(folder / "levels.toml")
    truth = folder / "grids_next_year.truth.json"
    try:
        content = truth.read_bytes()
    except OSError as error:
        raise UnreadableError(
            f"{truth} cannot be read: {error.strerror}; `python -m fixtures` writes it"
        ) from error
    return Town(
        levels=levels,
        units={
            level.key: read_boundaries(folder / "town.gpkg", layer=level.key) for level in levels
        },
        addresses=[read_addresses(folder / f"addresses_{number}.csv") for number in (1, 2)],
        services=Services(
            streets=read_streets(folder / "streets.geojson", walkable=read_walkable()),
            facilities=read_facilities(folder / "facilities.csv"),
            programmes=read_programmes(folder / "programmes.toml"),
        ),
        roster=Roster(
            duties=read_duties(folder / "duties.toml"),
            bodies=[read_bodies(folder / f"{name}.csv") for name in ("people", "organisations")],
            assignments=read_assignments(folder / "assignments.csv"),
        ),
        again=read_boundaries(folder / "grids.geojson"),
        foreign=read_boundaries(folder / "grids_gbk.zip"),
        next_year=read_boundaries(folder / "grids_next_year.gpkg"),
        faults=read_faults(truth.name, content),
    )


# -- the database -----------------------------------------------------------------------------


@contextmanager
def empty_database(settings: Settings) -> Iterator[str]:
    """Give the URL of a database without editions, for as long as the block lasts.

    ``DATABASE_URL`` wins, if no city lives there. Without it a private server runs in a folder of
    its own, which is made anew.

    Raises
    ------
    ConflictError
        If ``DATABASE_URL`` names a database with editions, or another demo runs.
    NoDatabaseError
        If there is no database to be had.
    """
    if settings.database_url is not None:
        _refuse_a_city(settings.database_url)
        with open_database(settings) as url:
            yield url
        return
    folder = settings.data_dir / FOLDER
    _clear(folder)
    # What a crash would lose is made anew by the next demo.
    with Cluster(folder, durable=False) as cluster, kept(cluster):
        if not cluster.owned:
            raise _busy(folder)
        upgrade(cluster.url())
        yield cluster.url()


def _refuse_a_city(url: str) -> None:
    """Refuse a database in which something is published, before any table is touched."""
    require_postgis(url)
    if status(url).current is not None and run(_has_editions(url)):
        raise ConflictError(
            f"the database {without_password(url)} has editions, and the demo would add the "
            "made-up town to them: unset DATABASE_URL, or let it name an empty database"
        )


async def _has_editions(url: str) -> bool:
    engine = make_engine(url)
    try:
        return bool(await list_editions(engine, 1))
    finally:
        await engine.dispose()


def _clear(folder: Path) -> None:
    """Remove the tables of an earlier demo, unless it still runs."""
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (folder / "lock").open("a+b") as lock:
            _hold(lock.fileno(), folder)
            end_orphan(folder / "pgdata")
            if (folder / "pgdata").exists():
                shutil.rmtree(folder / "pgdata")
    except OSError as error:
        raise NoDatabaseError(
            f"the folder {folder} cannot be used: {error.strerror}; let WANGGE_DATA_DIR name a "
            "folder that you may write"
        ) from error


def _hold(lock: int, folder: Path) -> None:
    """Lock the folder as the server's owner does, until the file is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _busy(folder) from None


def _busy(folder: Path) -> ConflictError:
    return ConflictError(
        f"a demo runs already on {folder}: stop it, or let WANGGE_DATA_DIR name another folder"
    )
