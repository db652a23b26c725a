"""The small city that tests of benchmarks ask about, published once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.graphql.city import publish, server_of

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.graphql.city import Server
    from service.cluster import Cluster
    from tests.databases import Databases

GRIDS, ADDRESSES = 300, 1_500
"""One sub-district of ten communities; five addresses a grid."""


def published(databases: Databases, cluster: Cluster, folder: Path) -> Server:
    """Publish the city by the program's own commands, unless that was done.

    Parameters
    ----------
    folder
        Where its files are generated.
    """

    def fill(url: str) -> None:
        city = server_of(url, cluster.pid or os.getpid())
        publish(city, folder, lambda _: None, grids=GRIDS, addresses=ADDRESSES)

    name = databases.once("bench_graphql", fill)
    return server_of(databases.url(name), cluster.pid or os.getpid())
