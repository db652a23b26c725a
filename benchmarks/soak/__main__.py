"""Ask the service for a long time; its memory must stay level.

python -m benchmarks.soak --requests 1000000 --minutes 30
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import shapely
import uvloop

from benchmarks.coverage.worker import CHECKOUT
from benchmarks.graphql.city import ADDRESSES, GRIDS, ground_of, publish, serve_database
from benchmarks.graphql.servers import running
from benchmarks.soak.mix import Mix
from benchmarks.soak.run import Plan, soak, told
from resolvers.keys import create_key
from storage.engine import make_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.graphql.city import Ground, Server
    from benchmarks.soak.run import Soaked

FOLDER = CHECKOUT / "build" / "benchmarks"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="of all clients together")
    parser.add_argument("--minutes", type=float, default=60.0, help="at most")
    parser.add_argument("--clients", type=int, default=8, help="that ask side by side")
    parser.add_argument("--grids", type=int, default=GRIDS, help="of the city")
    parser.add_argument("--addresses", type=int, default=ADDRESSES, help="of the city")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where files are kept")
    parser.add_argument("--database", type=Path, help="folder of a database that is kept")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Publish a city, serve it, and ask."""
    options = parse(arguments)
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {text}\n")

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wangge-soak-")))
        server = stack.enter_context(serve_database(options.database or scratch / "db"))
        publish(server, options.folder, say, grids=options.grids, addresses=options.addresses)
        ground = ground_of(options.folder, options.grids)
        plan = Plan(options.requests, 60 * options.minutes, options.clients)
        found = soak_service(server, ground, plan, say)
    (options.folder / "soak.json").write_text(json.dumps(found._asdict()))
    sys.stdout.write("\n".join(told(found)) + "\n")
    return 1 if found.wrong() else 0


def soak_service(server: Server, ground: Ground, plan: Plan, say: Callable[[str], None]) -> Soaked:
    """Serve a published city by a process of its own, and ask it."""
    key = uvloop.run(prepare(server))
    parents = sorted({code[:-3] for code in ground.codes})
    x, y = shapely.get_coordinates(shapely.centroid(ground.cells[0]))[0].tolist()
    with running("ours", server) as service:
        mix = Mix(ground, parents, seed=5)
        return uvloop.run(soak(service, mix, plan, key=key, at=(x, y), say=say))


async def prepare(server: Server) -> str:
    """Make a key for changes."""
    engine = make_engine(server.url().replace("postgresql:", "postgresql+psycopg:", 1))
    try:
        return (await create_key(engine, name=f"soak {time.time_ns()}", role="editor")).secret
    finally:
        await engine.dispose()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
