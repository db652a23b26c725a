"""Run the benchmark of circles and write its tables.

make bench-circles ARGS="--sizes 20000 --rounds 3 --only walks,pictures"
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

from benchmarks.circles import book as books
from benchmarks.circles.engines import NetworkX, Ours, PgRouting, Scipy
from benchmarks.circles.pictures import pictured
from benchmarks.circles.real import real_towns
from benchmarks.circles.report import tell
from benchmarks.circles.rounds import Timed, measure
from benchmarks.circles.served import served
from benchmarks.circles.sites import LARGE, SMALL, sited
from benchmarks.circles.town import make_town
from benchmarks.circles.valhalla import isochrone_s
from benchmarks.coverage.report import put_between
from benchmarks.coverage.worker import CHECKOUT
from benchmarks.machine import machine, versions
from service.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.circles.book import Book
    from benchmarks.circles.engines import Engine
    from benchmarks.circles.town import Town

FOLDER = CHECKOUT / "build" / "benchmarks"
PAGE = CHECKOUT / "docs" / "benchmarks-circles.md"
SIZES = (20_000, 212_000)
"""Edges of a town and of a large city; 1,000,000 is a province, for those who have the time."""

LIMIT_M = 1_000.0
"""Fifteen minutes at 4 km/h."""

PARTS = ("walks", "served", "pictures", "sites")
VALHALLA = "Valhalla isochrone: a polygon, no distances"
ISOCHRONES = 20


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="make bench-circles ARGS=…", description=__doc__)
    parser.add_argument("--sizes", type=_numbers, default=SIZES, help="edges, as 20000,212000")
    parser.add_argument("--rounds", type=int, default=5, help="calls of each engine, in turn")
    parser.add_argument("--requests", type=int, default=30, help="requests to the service, each")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where files are kept")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--no-real", action="store_true", help="made-up towns only")
    parser.add_argument("--write", action="store_true", help="into the page, whatever was run")
    parser.add_argument("--table", action="store_true", help="tables of the last run, run nothing")
    options = parser.parse_args(arguments)
    options.parts = tuple(options.only.split(","))
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(PARTS)}")
    whole = options.sizes == SIZES and options.parts == PARTS and not options.no_real
    options.write |= whole and not options.table
    return options


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(word) for word in text.split(",")))


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    options = parse(arguments)
    stored = options.folder / "circles.json"
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")

    if not options.table:
        found = books.empty_book()
        for size in options.sizes:
            town = make_town(size)
            say(town.name)
            run(found, town, options, say)
        if not options.no_real and "pictures" in options.parts:
            for town in real_towns():
                say(town.name)
                found.pictures.append(pictured(town, LIMIT_M, rounds=options.rounds))
        books.save(stored, found)
    text = tell(books.read(stored), machine() | versions(("numpy", "scipy", "numba", "shapely")))
    sys.stdout.write(text + "\n")
    if options.write:
        PAGE.write_text(put_between(PAGE.read_text("utf-8"), text), "utf-8")
        say(f"the tables are written into {PAGE.name}")
    return 0


def run(found: Book, town: Town, options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Run all parts on a made-up town."""
    if "walks" in options.parts:
        with ExitStack() as stack:
            engines = engines_of(found, town, stack, say)
            found.times.extend(measure(town, engines, LIMIT_M, options.rounds, say))
        with tempfile.TemporaryDirectory() as folder:
            polygon_s = isochrone_s(town, Path(folder), LIMIT_M, ISOCHRONES)
        if polygon_s is None:
            found.missing.append(books.Missing(town.name, VALHALLA, "not installed here"))
        else:
            row = (town.name, len(town.streets), "circle", "valhalla", VALHALLA, polygon_s, 1)
            found.times.append(Timed(*row))
    if "pictures" in options.parts:
        say("  pictures")
        found.pictures.append(pictured(town, LIMIT_M, rounds=options.rounds))
    if "sites" in options.parts:
        for case in (SMALL, LARGE):
            say(f"  sites, {case.homes:,} x {case.candidates:,}")
            found.sites.extend(sited(town, case, LIMIT_M, with_highs=case == SMALL))
    if "served" in options.parts:
        folder = options.folder / f"circles-{len(town.streets)}"
        found.served.append(served(town, folder, requests=options.requests, say=say))


def engines_of(
    found: Book, town: Town, stack: ExitStack, say: Callable[[str], None]
) -> list[Engine]:
    """Return the engines that are here, ours first; the others are noted as missing."""
    engines: list[Engine] = [Ours(town), Scipy(town)]
    try:
        engines.append(NetworkX(town))
    except ImportError:
        found.missing.append(books.Missing(town.name, NetworkX.says, "not installed here"))
    try:
        engines.append(PgRouting(town, stack.enter_context(own_database())))
    except psycopg.errors.UndefinedFile:
        found.missing.append(books.Missing(town.name, PgRouting.says, "not installed here"))
    say(f"  engines: {', '.join(engine.key for engine in engines)}")
    return engines


@contextmanager
def own_database() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Give a connection to a server of one's own."""
    with tempfile.TemporaryDirectory(prefix="wangge-bench-") as place:
        Path(place).chmod(0o755)  # root's server runs as another account
        with Cluster(Path(place) / "data") as cluster:
            url = make_url(cluster.url())
            with psycopg.connect(
                host=str(url.query["host"]),
                dbname=url.database or "",
                user=url.username or "",
                autocommit=True,
            ) as connection:
                yield connection


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
