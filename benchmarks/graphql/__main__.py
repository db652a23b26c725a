"""Run the GraphQL benchmark and write its tables.

make bench-graphql ARGS="--rounds 1 --seconds 1 --only viewport,point --without strawberry"
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.coverage.report import put_between
from benchmarks.coverage.worker import CHECKOUT
from benchmarks.graphql import book as books
from benchmarks.graphql.city import (
    ADDRESSES,
    GRIDS,
    CommandError,
    ground_of,
    publish,
    serve_database,
)
from benchmarks.graphql.facts import facts_of
from benchmarks.graphql.load import wrk
from benchmarks.graphql.questions import QUESTIONS, draw_sample
from benchmarks.graphql.report import put_into_readme, tell
from benchmarks.graphql.rounds import Load, WrongAnswerError, agree, contenders_of, measure
from benchmarks.graphql.servers import NotHereError, running
from benchmarks.graphql.speakers import (
    Ours,
    OursCollected,
    OursForgetful,
    PostGraphile,
    PostGraphileJson,
    Strawberry,
    Tipg,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.graphql.city import Server
    from benchmarks.graphql.rounds import Timed
    from benchmarks.graphql.servers import Running
    from benchmarks.graphql.speakers import Speaker

FOLDER = CHECKOUT / "build" / "benchmarks"
PAGE = CHECKOUT / "docs" / "benchmarks-graphql.md"
README = CHECKOUT / "README.md"

PEERS: dict[str, tuple[type[Speaker], ...]] = {
    "postgraphile": (PostGraphile, PostGraphileJson),
    "strawberry": (Strawberry,),
    "tipg": (Tipg,),
}
"""Those that are installed apart or made for this, and in how many ways each is asked."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="make bench-graphql ARGS=…", description=__doc__)
    keys = [question.key for question in QUESTIONS]
    parser.add_argument("--rounds", type=int, default=5, help="of all servers, in turn")
    parser.add_argument("--seconds", type=float, default=4.0, help="of load, each time")
    parser.add_argument("--only", default=",".join(keys), help=f"of {','.join(keys)}")
    parser.add_argument("--without", default="", help=f"servers left out, of {','.join(PEERS)}")
    parser.add_argument("--grids", type=int, default=GRIDS, help="of the city")
    parser.add_argument("--addresses", type=int, default=ADDRESSES, help="of the city")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where files are kept")
    parser.add_argument("--database", type=Path, help="folder of a database that is kept")
    parser.add_argument("--agree", action="store_true", help="compare answers, time nothing")
    parser.add_argument("--write", action="store_true", help="into the page, whatever was run")
    parser.add_argument("--table", action="store_true", help="tables of the last run, run nothing")
    options = parser.parse_args(arguments)
    options.only = _of(parser, options.only, keys)
    options.without = _of(parser, options.without, list(PEERS))
    usual = vars(parser.parse_args([]))
    alone = {"folder", "database", "write", "only", "without"}
    whole = all(vars(options)[name] == usual[name] for name in usual.keys() - alone)
    options.write |= whole and set(options.only) == set(keys) and not options.without
    return options


def _of(parser: argparse.ArgumentParser, text: str, known: Sequence[str]) -> list[str]:
    wanted = [word for word in text.split(",") if word]
    if unknown := sorted(set(wanted) - set(known)):
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(known)}")
    return wanted


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return 1 where it cannot be run."""
    options = parse(arguments)
    stored = options.folder / "graphql.json"
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")

    if not options.table:
        try:
            if not options.agree:
                wrk()
            found = run(options, say)
        except (NotHereError, CommandError, WrongAnswerError) as error:
            say(str(error))
            return 1
        if options.agree:
            return 0
        books.save(stored, found)
    book = books.read(stored)
    text = tell(book)
    sys.stdout.write(text + "\n")
    if options.write:
        PAGE.write_text(put_between(PAGE.read_text("utf-8"), text), "utf-8")
        README.write_text(put_into_readme(README.read_text("utf-8"), book), "utf-8")
        say(f"the tables are written into {PAGE.name} and {README.name}")
    return 0


def run(options: argparse.Namespace, say: Callable[[str], None]) -> books.Book:
    """Publish a city, run all servers on it, compare their answers and time them."""
    missing: list[books.Missing] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wangge-bench-")))
        server = stack.enter_context(serve_database(options.database or scratch / "db"))
        publish(server, options.folder, say, grids=options.grids, addresses=options.addresses)
        started = start(server, options.without, stack, missing, say)
        ours = next(speaker for speaker, _ in started if isinstance(speaker, Ours))
        ground = ground_of(options.folder, options.grids)
        sample = draw_sample(ground, holders=ours.has_holders())
        contenders = contenders_of(started, sample)
        for key in options.only:
            agree(key, contenders, say)
        times: list[Timed] = []
        for question in [] if options.agree else QUESTIONS:
            if question.key in options.only:
                load = Load(server, scratch, options.seconds, options.rounds)
                times += measure(question, contenders, load)
                say(f"  {question.key}: timed")
        return books.Book(times, missing, facts_of(server), sample.holders)


def start(
    server: Server,
    without: Sequence[str],
    stack: ExitStack,
    missing: list[books.Missing],
    say: Callable[[str], None],
) -> list[tuple[Speaker, Running]]:
    """Start ours and those that are here; the others are noted as missing."""
    service = stack.enter_context(running("ours", server))
    forgetful = stack.enter_context(running("ours-forgetful", server))
    started: list[tuple[Speaker, Running]] = [
        (Ours(service.fetch), service),
        (OursCollected(service.fetch), service),
        (OursForgetful(forgetful.fetch), forgetful),
    ]
    for key, speakers in PEERS.items():
        if key in without:
            continue
        try:
            peer = stack.enter_context(running(key, server))
        except NotHereError as error:
            say(f"  {key}: {error}")
            missing.append(books.Missing(speakers[0].says, "not installed here"))
        else:
            started += [(speaker(), peer) for speaker in speakers]
    say(f"  servers: {', '.join(speaker.key for speaker, _ in started)}")
    return started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
