"""Repair: what a check found in a file or a draft, mended with the least land moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.check import Sent
from geo.crs import Datum, Plane, round9
from geo.errors import BadInputError
from geo.findings import Severity
from geo.labels import usable
from geo.layers import NO_PARENT, Layer, Parents
from geo.levels import Tiling
from geo.parents import find_parents
from geo.repair import Left, Move, Reason, repair
from geo.repair_written import in_file_coordinates
from geo.validity import solid_land
from resolvers.checking import ALONE, UNITS, addresses_of, check_files, sent_file

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from geo.check import Checked
    from geo.findings import Finding
    from geo.households import Addresses
    from geo.repair import Repaired
    from geo.world import UnitName
    from sources.addresses import AddressFile
    from sources.boundaries import BoundaryFile

MAX_MOVE_M = 1.0
"""How wide the land is that a repair moves unless told otherwise, in metres."""

WIDEST_MOVE_M = 1000.0
"""No repair moves wider land: that is no fault of drawing any more."""


class Moved(NamedTuple):
    """Land that changed hands, and who lives on it."""

    move: Move
    households: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedRows:
    """A level's rows after a repair, ready to be checked again.

    Attributes
    ----------
    sent
        The same rows in degrees, with mended polygons; those that were not touched are the ones
        that the check had noded.
    parents
        What the rows fill now; the topmost outline has the code None.
    noded_parents
        Those that received vertices, by index.
    moved
        Land that changed hands, largest first.
    left
        Findings of the level that stay, and why.
    """

    sent: Sent
    parents: Parents
    noded_parents: NDArray[np.intp]
    moved: tuple[Moved, ...]
    left: tuple[Left, ...]

    @property
    def moved_m2(self) -> float:
        """Land that changed hands, counted once for each unit that gave it."""
        return sum(m.move.area_m2 * max(1, len(m.move.givers)) for m in self.moved)


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


def check_width(max_move_m: float) -> None:
    """Refuse a width that no repair can mean.

    Raises
    ------
    BadInputError
        If it is negative, no number or wider than ``WIDEST_MOVE_M``.
    """
    if not 0 <= max_move_m <= WIDEST_MOVE_M:
        raise BadInputError(
            f"land of {max_move_m:g} m width cannot be moved; name a width from 0 to "
            f"{WIDEST_MOVE_M:,.0f} m",
            argument="maxMoveM",
        )


def repair_checked(
    sent: Sent,
    checked: Checked,
    level_key: str,
    within: UnitName | None,
    *,
    max_move_m: float = MAX_MOVE_M,
    only: Collection[str] | None = None,
    addresses: Addresses | None = None,
) -> RepairedRows:
    """Mend the rows of a checked level.

    Parameters
    ----------
    sent, checked
        The rows, and what their check gave.
    level_key
        The level.
    within
        The ground that the rows are the whole truth of; None for the whole city.
    max_move_m
        Land up to this width is moved, in metres.
    only
        Ids of the findings to mend; None for all.
    addresses
        Those on the ground, to count who is moved.

    Raises
    ------
    BadInputError
        If the level does not fill its parents, or the width cannot be meant.
    """
    check_width(max_move_m)
    spec = checked.world.level(level_key)
    if spec.tiling is not Tiling.TILES:
        raise BadInputError(
            f"{level_key} does not fill its parents, so nothing says whose its land should be: "
            "mend it by hand",
            argument="level",
        )
    use = np.array([geom is not None for geom in checked.geoms], bool)
    layer, parents = _layer(sent, checked, use, _scope(checked, level_key, within))
    mended = repair(
        layer,
        parents,
        checked.metric,
        max_move_m=max_move_m,
        only=only,
        findings=[finding for finding in checked.report.findings if finding.level == level_key],
    )
    rows = np.flatnonzero(use)
    geoms = _in_degrees(sent)
    geoms[rows] = mended.geoms[: len(rows)]
    return RepairedRows(
        sent=sent._replace(geoms=geoms, crs="EPSG:4326", datum=Datum.WGS84),
        parents=Parents(parents.codes, mended.parents),
        noded_parents=mended.noded_parents,
        moved=_count(mended, addresses),
        left=mended.left,
    )


def _scope(checked: Checked, level_key: str, within: UnitName | None) -> Parents:
    """Return what the rows have to fill."""
    world = checked.world
    above = world.level(level_key).parent
    if above is None:
        top = np.array([world.outline] if world.outline is not None else [], object)
        return Parents([None] * len(top), top)
    units = world.of(above)
    if within is not None:
        units = units.take(world.below(within, above))
    return Parents(units.codes, units.geoms)


def _layer(
    sent: Sent, checked: Checked, use: NDArray[np.bool_], parents: Parents
) -> tuple[Layer, Parents]:
    """Return the rows as a level, with the units of other ground after them."""
    rows = np.flatnonzero(use).tolist()
    standing = checked.world.of(checked.level)
    context = standing.take(np.arange(len(standing)) >= len(rows))
    layer = Layer(
        level=checked.level,
        geoms=np.concatenate([checked.geoms[use], context.geoms]),
        codes=[*(sent.codes[i] for i in rows), *context.codes],
        parent_of=np.concatenate(
            [
                _parents_of(sent, checked, rows, parents),
                np.full(len(context), NO_PARENT, np.intp),
            ]
        ),
        rows=np.concatenate([sent.rows[use], np.zeros(len(context), np.intp)]),
    )
    return layer, parents


def _parents_of(
    sent: Sent, checked: Checked, rows: Sequence[int], parents: Parents
) -> NDArray[np.intp]:
    """Return the parent of each row, as the check found it."""
    if parents.codes == [None]:
        return np.zeros(len(rows), np.intp)
    if len(set(parents.codes)) == len(parents.codes):
        place = {code: i for i, code in enumerate(parents.codes)}
        codes = [checked.parent_codes[row] for row in rows]
        return np.array([place.get(code, NO_PARENT) for code in codes], np.intp)
    geoms = checked.geoms[rows]
    family = find_parents(  # several parents share a code: the place tells them apart
        checked.level,
        solid_land(geoms, shapely.is_valid(geoms)),
        [sent.codes[row] for row in rows],
        named=[checked.parent_codes[row] for row in rows],
        rows=sent.rows[rows],
        parents=parents,
    )
    return family.parent_of


def _in_degrees(sent: Sent) -> NDArray[np.object_]:
    """Return everything that was sent in degrees; rows without a polygon are kept as they are."""
    there = ~(shapely.is_missing(sent.geoms) | shapely.is_empty(sent.geoms))
    out = sent.geoms.copy()
    odd = there & ~usable(sent.geoms)
    if odd.any():
        bounds = shapely.total_bounds(sent.geoms[there]).tolist()
        plane = Plane.around(sent.crs, bounds, datum=sent.datum)

        def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return round9(plane.to_lonlat(plane.from_file(xy)))

        out[odd] = shapely.transform(sent.geoms[odd], convert)
    out[usable(sent.geoms)] = None  # a unit of which noding left nothing
    return out


def _count(mended: Repaired, addresses: Addresses | None) -> tuple[Moved, ...]:
    """Count the households on land that changed hands."""
    if addresses is None or not len(addresses.keys) or not mended.moves:
        return tuple(Moved(move, 0) for move in mended.moves)
    points = shapely.STRtree(np.asarray(shapely.points(addresses.lonlat)))
    lands = np.array([move.land for move in mended.moves], object)
    move, point = points.query(lands, predicate="intersects")
    counts = np.bincount(move, weights=addresses.households[point], minlength=len(lands))
    return tuple(
        Moved(m, int(households))
        for m, households in zip(mended.moves, counts.tolist(), strict=True)
    )


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
