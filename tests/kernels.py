"""Compile the kernels of ``geo`` into their caches, before several processes do it at once.

Each process that finds no cache compiles for forty seconds. ``make test`` runs this beside the
checks, which keep one core busy.
"""

from __future__ import annotations

from fixtures.__main__ import DATA
from resolvers.checking import check_files
from resolvers.repairing_files import repair_files
from sources.boundaries import read_boundaries


def main() -> None:
    """Check and mend a file with every kind of fault."""
    grids = read_boundaries(DATA / "grids_next_year.gpkg")
    communities = read_boundaries(DATA / "town.gpkg", layer="community")
    check_files(grids, communities)
    repair_files(grids, communities)


if __name__ == "__main__":
    main()
