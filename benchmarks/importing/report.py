"""The table of the import benchmark: medians, and how many times ogr2ogr's."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.coverage.report import factor, seconds, table
from benchmarks.importing.run import OGR2OGR, WAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.importing.run import Record

HEAD = (
    *("grids", "what", "wall", "× ogr2ogr", "processor", "processor of the server"),
    *("× ogr2ogr, both", "memory", "memory of the server", "rounds"),
)


def tell(records: Sequence[Record], facts: Mapping[str, str]) -> str:
    """Return the table, and below it the machine that it was made on."""
    lines = [
        line(records, grids, way.key, way.says)
        for grids in sorted({record.grids for record in records})
        for way in WAYS
    ]
    on = "; ".join(f"{name} {value}" for name, value in facts.items())
    return f"{table(HEAD, lines, left=2)}\n\nMedians; of memory the most. {on}."


def line(records: Sequence[Record], grids: int, key: str, says: str) -> list[str]:
    """Return the row of one way at one size."""
    mine = of(records, grids, key)
    if not mine:
        return [
            f"{grids:,}",
            says,
            "not installed here" if key == OGR2OGR else "not run",
            *[""] * (len(HEAD) - 3),
        ]
    wall_s = median(record.wall_s for record in mine)
    theirs = of(records, grids, OGR2OGR)
    both_s = median(record.cpu_s + record.server_cpu_s for record in mine)
    return [
        f"{grids:,}",
        says,
        seconds(wall_s),
        factor(wall_s / median(record.wall_s for record in theirs)) if theirs else "",
        seconds(median(record.cpu_s for record in mine)),
        seconds(median(record.server_cpu_s for record in mine)),
        factor(both_s / median(record.cpu_s + record.server_cpu_s for record in theirs))
        if theirs
        else "",
        f"{max(record.peak_mib for record in mine):,.0f} MiB",
        f"{max(record.server_mib for record in mine):,.0f} MiB",
        str(len(mine)),
    ]


def of(records: Sequence[Record], grids: int, key: str) -> list[Record]:
    """Return the calls of one way at one size."""
    return [record for record in records if (record.grids, record.key) == (grids, key)]
