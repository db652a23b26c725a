"""``wangge demo``: the made-up town, published, proven and served from a database of its own."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import ConflictError, NoDatabaseError, UnreadableError
from geo.levels import Tiling
from resolvers.demo import Played, Town, play
from resolvers.edition_lists import list_editions
from resolvers.truth import read_faults
from service.cli.frame import JsonOption, app, run, today
from service.cli.output import emit, note, progress, table, together
from service.cli.publishing import say_published
from service.cli.serve import address_of, listen, run_service
from service.database import open_database, require_postgis
from service.errors import ExitCode
from service.postmaster import end_orphan
from service.settings import Settings, read_settings, without_password
from sources.addresses import read_addresses
from sources.boundaries import read_boundaries
from sources.levels import read_levels
from storage.engine import make_engine
from storage.migrate import status

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from geo.levels import LevelSpec
    from resolvers.coverage_reading import ReportRow
    from resolvers.truth import Comparison, Verdict

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
        with progress("publishing, proving and checking the town"):
            played = run(_play(url, town, today(settings)))
        emit(_json(played), as_json, lambda _: _show(played, town))
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
    else:
        folder = settings.data_dir / FOLDER
        _clear(folder)
        settings = settings.model_copy(update={"data_dir": folder})
    with open_database(settings) as url:
        yield url


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
        raise ConflictError(
            f"a demo runs already on {folder}: stop it, or let WANGGE_DATA_DIR name another folder"
        ) from None


# -- printing ---------------------------------------------------------------------------------


def _show(played: Played, town: Town) -> RenderableType:
    return together(
        *(f"{level}: {say_published(done)}" for level, done in played.published),
        f"{town.again.file}: {say_published(played.again)}",
        f"{town.foreign.file} ({town.foreign.encoding}, {town.foreign.crs}): the same boundary, "
        f"vertex by vertex, for {played.foreign.same} of {played.foreign.units} grids",
        "",
        _proof_table(played),
        _faults_table(played.next_year, town.next_year.file),
        *_sentences(played),
    )


def _proof_table(played: Played) -> Table:
    units = {audited.level: audited.units for audited in played.audit.levels}
    return table(
        [
            "level",
            "",
            "units",
            "parents proven",
            "blank, m2",
            "overlap, m2",
            "households in exactly one unit",
        ],
        [
            [
                level.key,
                level.name,
                units.get(level.key),
                f"{report.proven_parents} of {report.parents}",
                f"{report.blank_m2:,.0f}{_allowed(level, report)}",
                f"{report.overlap_m2:,.0f}",
                _households(level, report),
            ]
            for level, report in played.proof
        ],
        title=f"The proof: edition {played.audit.edition}",
    )


def _allowed(level: LevelSpec, report: ReportRow) -> str:
    """Return a word about blank land that nobody has to fill."""
    return " (allowed)" if report.blank_m2 and level.tiling is Tiling.DISJOINT else ""


def _households(level: LevelSpec, report: ReportRow) -> str:
    covered = report.households.covered
    if level.tiling is Tiling.DISJOINT:
        return f"{covered:,} live in one"
    return f"{covered:,} of {report.households.total:,}"


def _faults_table(comparison: Comparison, file: str) -> Table:
    return table(
        ["fault", "expected", "m2", "found, m2", "m wide", "found, m wide", "as expected"],
        [_fault_row(verdict) for verdict in comparison.verdicts],
        title=f"The second year: what is wrong in {file}, and what the check found",
    )


def _fault_row(verdict: Verdict) -> list[object]:
    fault, expected, finding, complaint = verdict
    told = f"no: {complaint}" if complaint else "yes"
    if expected is None:
        return [fault.key, f"mended: {fault.notice}", None, None, None, None, told]
    found_m2 = finding.area_m2 if finding and expected.area_m2 else None
    found_m = finding.width_m if finding and expected.width_m else None
    return [
        fault.key,
        expected.kind.value,
        expected.area_m2,
        found_m2,
        expected.width_m,
        found_m,
        told,
    ]


def _sentences(played: Played) -> list[str]:
    comparison = played.next_year
    found = sum(not verdict.complaint for verdict in comparison.verdicts)
    said = [
        f"{found} of {len(comparison.verdicts)} expectations met, "
        f"{len(comparison.unexpected)} findings that nobody expected",
        *(
            f"unexpected: {finding.kind.value} {finding.message}"
            for finding in comparison.unexpected
        ),
        *comparison.complaints,
        *(f"audit: {difference.message}" for difference in played.audit.differences),
    ]
    end = "All is as it should be." if played.right else "Not all is as it should be."
    return [*said, end]


def _json(played: Played) -> dict[str, Any]:  # free JSON, for machines
    return {
        "right": played.right,
        "edition": played.audit.edition,
        "proof": [
            {
                "level": level.key,
                "clean": report.clean,
                "provenParents": report.proven_parents,
                "parents": report.parents,
                "blankM2": report.blank_m2,
                "overlapM2": report.overlap_m2,
                "households": report.households._asdict(),
            }
            for level, report in played.proof
        ],
        "audit": [level._asdict() for level in played.audit.levels],
        "faults": [
            {
                "key": verdict.fault.key,
                "expected": verdict.expected.kind if verdict.expected else None,
                "areaM2": verdict.finding.area_m2 if verdict.finding else None,
                "complaint": verdict.complaint,
            }
            for verdict in played.next_year.verdicts
        ],
        "unexpected": [finding.message for finding in played.next_year.unexpected],
        "complaints": played.next_year.complaints,
    }
