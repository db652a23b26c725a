"""List the benchmarks that there are."""

from __future__ import annotations

import sys
from typing import NamedTuple


class Benchmark(NamedTuple):
    """One benchmark, as ``make`` runs it."""

    target: str
    says: str


BENCHMARKS = (
    Benchmark(
        "bench-coverage",
        "proof, report and repair of generated levels beside shapely, PostGIS, geoplanar, maup "
        "and mapshaper; publishing one changed grid (docs/benchmarks-coverage.md)",
    ),
    Benchmark(
        "bench-import",
        "a GeoPackage of 100,000 grids from disk into a proven, published edition, beside "
        "ogr2ogr (docs/benchmarks-import.md)",
    ),
    Benchmark(
        "bench-circles",
        "walks, circles, their pictures and sites beside scipy, networkx, pgRouting, Valhalla and "
        "HiGHS; circleCoverage over HTTP (docs/benchmarks-circles.md)",
    ),
    Benchmark(
        "bench-graphql",
        "questions of map front ends over HTTP beside PostGraphile, Strawberry and tipg on the "
        "same database (docs/benchmarks-graphql.md)",
    ),
    Benchmark(
        "bench-planning",
        "plans of 300 to 20,000 bodies beside HiGHS, networkx and scipy on the same flow "
        "(docs/benchmarks-planning.md)",
    ),
)


def main() -> None:
    """Write one line for each benchmark."""
    for benchmark in BENCHMARKS:
        sys.stdout.write(f"make {benchmark.target}\n    {benchmark.says}\n")


if __name__ == "__main__":
    main()
