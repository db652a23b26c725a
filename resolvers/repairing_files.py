"""Repair of plain files, without anything stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geo.findings import Severity
from geo.labels import usable
from geo.repair import Left, Reason
from geo.repair_written import in_file_coordinates
from resolvers.checking import ALONE, UNITS, addresses_of, check_files, sent_file
from resolvers.repairing import MAX_MOVE_M, check_width, repair_checked

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from geo.check import Checked
    from geo.findings import Finding
    from geo.layers import Parents
    from resolvers.repairing import Moved
    from sources.addresses import AddressFile
    from sources.boundaries import BoundaryFile


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedFiles:
    """A file after its repair.

    Attributes
    ----------
    before, after
        What a check says of the file as it was, and as it is written now.
    geoms
        The rows' polygons in the file's own coordinates, shape (n,).
    changed_rows
        How many rows have another polygon.
    parents
        The parents' file with the vertices that its polygons received; None without such a file.
    noded_parents
        How many of its polygons received any.
    """

    before: Checked
    after: Checked
    geoms: NDArray[np.object_]
    changed_rows: int
    parents: BoundaryFile | None
    noded_parents: int
    moved: tuple[Moved, ...]
    moved_m2: float
    left: tuple[Left, ...]


def repair_files(
    file: BoundaryFile,
    parents: BoundaryFile | None = None,
    addresses: AddressFile | None = None,
    *,
    max_move_m: float = MAX_MOVE_M,
    only: Collection[str] | None = None,
) -> RepairedFiles:
    """Mend a boundary file, on another file or on its own outline, filled.

    Parameters
    ----------
    file
        The units. They are noded first, as an import does.
    parents
        What they should fill.
    addresses
        Addresses, to count who is moved.
    max_move_m
        Land up to this width is moved, in metres.
    only
        Ids of the findings to mend; None for all.

    Raises
    ------
    BadInputError
        If the width cannot be meant.
    """
    check_width(max_move_m)
    before = check_files(file, parents, addresses)
    people = addresses_of(addresses) if addresses is not None else None
    level = ALONE if parents is None else UNITS
    rows = repair_checked(
        sent_file(file),
        before,
        level.key,
        None,
        max_move_m=max_move_m,
        only=only,
        addresses=people,
    )
    geoms = in_file_coordinates(rows.sent.geoms, file.geoms, file.crs, file.datum)
    above = _parents_written(parents, rows.parents) if parents is not None else None
    after = check_files(replace(file, geoms=geoms), above, addresses)
    return RepairedFiles(
        before=before,
        after=after,
        geoms=geoms,
        changed_rows=sum(a is not b for a, b in zip(geoms, file.geoms, strict=True)),
        parents=above,
        noded_parents=_noded(parents, above),
        moved=rows.moved,
        moved_m2=rows.moved_m2,
        left=_still_there(after, rows.left),
    )


def _parents_written(file: BoundaryFile, mended: Parents) -> BoundaryFile:
    """Return the parents' file with the polygons that a repair has left them."""
    degrees = np.full(len(file.geoms), None, object)
    # Rows that can be no unit are not among the parents; the others are, in the same order.
    place = 0
    for row in np.flatnonzero(usable(file.geoms)).tolist():
        if place < len(mended.codes) and (file.codes[row] or "") == mended.codes[place]:
            degrees[row] = mended.geoms[place]
            place += 1
    geoms = in_file_coordinates(degrees, file.geoms, file.crs, file.datum)
    return replace(file, geoms=geoms)


def _noded(before: BoundaryFile | None, after: BoundaryFile | None) -> int:
    if before is None or after is None:
        return 0
    return sum(a is not b for a, b in zip(before.geoms, after.geoms, strict=True))


def _still_there(after: Checked, left: Sequence[Left]) -> tuple[Left, ...]:
    """Return what forbids publishing afterwards, and why it stays."""
    by_id = {stays.finding.id: stays.reason for stays in left}
    by_units = {(stays.finding.kind, stays.finding.units): stays.reason for stays in left}

    def reason(finding: Finding) -> Reason:
        alike = by_units.get((finding.kind, finding.units), Reason.NO_LAND)
        return by_id.get(finding.id, alike)

    return tuple(
        Left(finding, reason(finding))
        for finding in after.report.findings
        if finding.severity is Severity.BLOCKING and finding.waiver is None
    )
