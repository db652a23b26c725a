"""Repair: what a check found in a file or a draft, mended with the least land moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.check import Sent
from geo.crs import Datum, Plane, round9
from geo.errors import BadInputError, UnknownError
from geo.labels import usable
from geo.layers import NO_PARENT, Layer, Parents
from geo.levels import Tiling
from geo.parents import find_parents
from geo.repair import Left, Move, repair
from geo.validity import solid_land

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from geo.check import Checked
    from geo.findings import Finding
    from geo.households import Addresses
    from geo.repair import Repaired
    from geo.world import UnitName

MAX_MOVE_M = 1.0
"""How wide the land is that a repair moves unless told otherwise, in metres."""

FEWEST_DIGITS = 8
"""So many digits of a finding's id name it, if no other begins with them."""

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
        Ids of the findings to mend, or their beginnings; None for all.
    addresses
        Those on the ground, to count who is moved.

    Raises
    ------
    UnknownError
        If there is no finding of such an id.
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
        only=None if only is None else _named(only, checked.report.findings),
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


def _named(asked: Collection[str], findings: Sequence[Finding]) -> set[str]:
    """Return the ids that are meant: a beginning that no other finding has is enough."""
    ids = {finding.id for finding in findings}
    meant = set()
    for text in asked:
        wanted = text.strip().lower()
        fitting = sorted(key for key in ids if key.startswith(wanted))
        if len(wanted) < FEWEST_DIGITS or not fitting:
            raise UnknownError(
                f"there is no finding {text!r}; give the first {FEWEST_DIGITS} digits of an id at "
                "least, as the table of findings shows it",
                argument="findings",
            )
        if len(fitting) > 1:
            raise BadInputError(
                f"several findings' ids begin with {wanted}: {', '.join(fitting[:5])}",
                argument="findings",
                options=fitting[:5],
            )
        meant.add(fitting[0])
    return meant


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
