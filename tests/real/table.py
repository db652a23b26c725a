"""Write what reading, a check and a repair say of the real files into docs/real-files.md.

    python -m tests.real.table [FOLDER]

does all of it; ``python -m tests.real.concluded`` writes what reading concludes alone. FOLDER
holds the real files; else ``WANGGE_REAL_DATA`` names it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import shapely

from geo.findings import Kind
from resolvers.checking import check_files
from resolvers.repairing_files import repair_files
from tests.real import concluded
from tests.real.cases import CASES, read_case
from tests.real.concluded import folder_given, markdown, write_between

if TYPE_CHECKING:
    from pathlib import Path

    from geo.check import Checked
    from tests.real.cases import Case

FOUND = (
    "file",
    "units",
    "vertices",
    "blank: findings (pieces), m2",
    "overlap: findings (pieces), m2",
    "outside: findings, m2",
    "rings",
    "other",
    "proven",
    "s",
)
MENDED = ("file", "moved, m2", "moves", "units drawn anew", "proven after", "left, and why", "s")


def found_row(case: Case, checked: Checked, seconds: float) -> list[str]:
    """Return what a check says of a file."""
    report = checked.report
    count, pieces = Counter[Kind](), Counter[Kind]()
    for finding in report.findings:
        count[finding.kind] += 1
        pieces[finding.kind] += finding.pieces
    land = {Kind.BLANK, Kind.OVERLAP, Kind.OUTSIDE}
    others = sum(n for kind, n in count.items() if kind not in {*land, Kind.INVALID_RING})
    there = [geom for geom in checked.geoms if geom is not None]
    return [
        case.name,
        f"{len(there):,}",
        f"{int(shapely.get_num_coordinates(there).sum()):,}",
        f"{count[Kind.BLANK]} ({pieces[Kind.BLANK]}), {report.blank_m2:,.1f}",
        f"{count[Kind.OVERLAP]} ({pieces[Kind.OVERLAP]}), {report.overlap_m2:,.1f}",
        f"{count[Kind.OUTSIDE]}, {report.outside_m2:,.1f}",
        str(count[Kind.INVALID_RING]),
        str(others),
        f"{report.proven_parents} of {report.parents}",
        f"{seconds:.1f}",
    ]


def rows_of(folder: Path, case: Case) -> tuple[list[str], list[str]]:
    """Check and mend one file."""
    read = read_case(folder, case)
    start = time.perf_counter()
    checked = check_files(read.units, read.parents)
    middle = time.perf_counter()
    mended = repair_files(read.units, read.parents)
    end = time.perf_counter()
    after = mended.after.report
    reasons = Counter(left.reason.value for left in mended.left)
    why = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items())) or "nothing"
    repaired = [
        case.name,
        f"{mended.moved_m2:,.2f}",
        str(len(mended.moved)),
        str(mended.changed_rows),
        f"{after.proven_parents} of {after.parents}",
        why,
        f"{end - middle:.1f}",
    ]
    return found_row(case, checked, middle - start), repaired


def main() -> None:
    """Check and mend all files, and write the page's tables."""
    concluded.main()
    folder = folder_given()
    found, mended = [], []
    for case in CASES:
        sys.stderr.write(f"{case.name} …\n")
        said, repaired = rows_of(folder, case)
        found.append(said)
        mended.append(repaired)
    write_between("measured", f"{markdown(FOUND, found)}\n\n{markdown(MENDED, mended)}")


if __name__ == "__main__":
    main()
