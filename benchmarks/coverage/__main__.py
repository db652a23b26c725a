"""Run the coverage benchmark and write its tables.

make bench-coverage ARGS="--sizes 1000,10000 --rounds 3"
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.coverage.jobs import JOBS
from benchmarks.coverage.publish import Publishing, measure_publishing
from benchmarks.coverage.record import Book, read_records
from benchmarks.coverage.report import BEGIN, put_between, summary, tell
from benchmarks.coverage.run import Plan, WrongAnswerError, run
from benchmarks.coverage.worker import CHECKOUT, add_peers
from benchmarks.machine import machine, versions
from geo.errors import WanggeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.coverage.record import Record

SIZES = (1_000, 10_000, 100_000)
FOLDER = CHECKOUT / "build" / "benchmarks"
PUBLISHING = "publishing.json"
PAGE = CHECKOUT / "docs" / "benchmarks-coverage.md"
README = CHECKOUT / "README.md"
COMPARED = ("shapely", "numpy", "numba", "geopandas", "geoplanar", "maup")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="make bench-coverage ARGS=…", description=__doc__)
    keys = [job.key for job in JOBS]
    parser.add_argument("--sizes", type=_numbers, default=SIZES, help="grids, as 1000,10000")
    parser.add_argument("--only", default="", help=f"engines, as {keys[0]},{keys[1]}: {keys}")
    parser.add_argument("--rounds", type=int, default=5, help="calls in turn, after the first")
    parser.add_argument("--cap", type=float, default=150, help="seconds before one is given up")
    parser.add_argument("--repeat", type=float, default=12, help="seconds; slower: called once")
    parser.add_argument("--no-limits", action="store_true", help="large levels for slow engines")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where levels are kept")
    parser.add_argument("--publish", type=int, default=100_000, help="grids published; 0 for none")
    parser.add_argument("--changes", type=int, default=15, help="single changes published")
    parser.add_argument("--write", action="store_true", help="into the documents, whatever was run")
    parser.add_argument("--keep", action="store_true", help="add to the results of the last run")
    parser.add_argument("--table", action="store_true", help="tables of the last run, run nothing")
    options = parser.parse_args(arguments)
    options.keys = [key for key in options.only.split(",") if key] or keys
    unknown = sorted(set(options.keys) - set(keys))
    if unknown:
        parser.error(f"there is no engine {unknown[0]!r}; there are {', '.join(keys)}")
    everything = not options.only and tuple(options.sizes) == SIZES and not options.table
    options.write |= everything
    return options


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(word) for word in text.split(",")))


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return 1 when our own engine is wrong about a level."""
    options = parse(arguments)
    add_peers()  # so that their versions are known here, too
    results = options.folder / "coverage.jsonl"
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")

    wrong = False
    book = Book(results, _kept(options, read_records(results)))
    if not options.table:
        try:
            _run(options, book, say)
        except WrongAnswerError as error:
            wrong = True
            say(str(error))
    publishing = _read_publishing(options.folder)
    text = tell(book, JOBS, machine() | versions(COMPARED), publishing)
    sys.stdout.write(text + "\n")
    if options.write and not wrong:
        _put(PAGE, text)
        _put(README, summary(book, JOBS))
        say("the tables are written into the documents")
    return int(wrong)


def _run(options: argparse.Namespace, book: Book, say: Callable[[str], None]) -> None:
    """Run what the options ask for."""
    jobs = [job for job in JOBS if job.key in options.keys]
    plan = Plan(
        jobs=jobs,
        sizes=options.sizes,
        rounds=options.rounds,
        cap_s=options.cap,
        repeat_s=options.repeat,
        no_limits=options.no_limits,
        folder=options.folder,
    )
    run(plan, book, say)
    stored = options.folder / PUBLISHING
    if not options.keep:
        stored.unlink(missing_ok=True)
    if options.publish and options.changes:
        say(f"publishing {options.publish:,} grids, then {options.changes} changes of them")
        try:
            made = measure_publishing(options.folder, options.publish, options.changes)
        except WanggeError as error:  # such as: there is no PostGIS here
            say(str(error))
        else:
            stored.write_text(json.dumps(asdict(made)))


def _kept(options: argparse.Namespace, records: Sequence[Record]) -> list[Record]:
    """Return what is kept of the last run: nothing that is run again."""
    if options.table:
        return list(records)
    again = {(key, size) for key in options.keys for size in options.sizes}
    return [r for r in records if options.keep and (r.job, r.size) not in again]


def _read_publishing(folder: Path) -> Publishing | None:
    stored = folder / PUBLISHING
    return Publishing(**json.loads(stored.read_text())) if stored.exists() else None


def _put(page: Path, text: str) -> None:
    """Put a text between a page's markers, if it has any."""
    old = page.read_text("utf-8")
    if BEGIN in old:
        page.write_text(put_between(old, text), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
