"""Concludes in which coordinate system and datum a file's coordinates are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.crs import Plane, crs_label
from geo.errors import BadInputError, UnreadableError
from sources.claims import Claims
from sources.notices import Notice, name_rows
from sources.reading_words import notices_of
from sources.readings import case_of, choose_reading

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj.crs import CRS

    from geo.crs import Datum
    from geo.ground import Ground
    from sources.layers import RawLayer

SAMPLE = 10_000
"""How many vertices are tried, to see whether a file's coordinates belong to its CRS."""

SLACK_DEG = 1e-9
"""What a writer's rounding may add to 180 or 90 degrees."""

ROUNDED_DEG = 1e-5
"""What a projection's rounding may add to them: about a metre."""

TURNED_M = 1000.0
"""No conversion there and back misses by as much, but for whole turns around the Earth."""

TURN_M = 40_075_017.0
"""Such a turn, in metres."""


class Settled(NamedTuple):
    """How a file's coordinates are to be read."""

    crs: CRS
    datum: Datum
    geoms: NDArray[np.object_]
    """Its geometries with east first, shape (n,)."""
    notices: tuple[Notice, ...]


def settle_coordinates(
    raw: RawLayer,
    geoms: NDArray[np.object_],
    file: str,
    *,
    crs: str | None = None,
    datum: Datum | None = None,
    ground: Ground | None = None,
) -> Settled:
    """Conclude in which system and datum a file's coordinates are, and which axis comes first.

    Parameters
    ----------
    raw
        The layer, with the system that it names.
    geoms
        Its geometries, plain and finite, shape (n,).
    file
        What to call it.
    crs, datum
        What the caller knows better.
    ground
        Where the file should lie, if that is known.

    Raises
    ------
    UnreadableError
        If degrees lie outside the Earth (the rows are named), or the evidence is split: then
        ``argument`` and ``options`` say between what the caller must choose.
    BadInputError
        If the caller's system is not known, or the coordinates do not reach to where it is used.
    """
    case = case_of(file, geoms, Claims(raw.crs, crs, datum), ground)
    found = choose_reading(case)
    notices = list(notices_of(case, found))
    system = found.reading.crs
    if found.reading.swapped:
        geoms = shapely.transform(geoms, lambda xy: xy[:, ::-1])
    if not case.numbers.exist:
        return Settled(system, found.datum, geoms, tuple(notices))
    if system.is_geographic:
        _check_degrees(raw, shapely.bounds(geoms), file)
    plane = Plane.around(system, shapely.total_bounds(geoms).tolist(), datum=found.datum)
    _check_reach(raw, geoms, plane, file)
    if plane.accuracy_m is None:
        message = (
            f"no exact change from the datum of {crs_label(system)} to WGS 84 is known here; its "
            "degrees are taken as they are and may be off by some hundred metres"
        )
        notices.append(Notice("ROUGH_DATUM", message, len(geoms)))
    return Settled(system, found.datum, geoms, tuple(notices))


def _check_degrees(raw: RawLayer, bounds: NDArray[np.float64], file: str) -> None:
    limits = np.array([-180.0, -90.0, -180.0, -90.0]) - SLACK_DEG, np.array([180.0, 90.0] * 2)
    with np.errstate(invalid="ignore"):
        outside = (bounds < limits[0]) | (bounds > limits[1] + SLACK_DEG)
    rows = np.flatnonzero(outside.any(axis=1))
    if len(rows):
        first = bounds[rows[0]]
        what = "longitude" if outside[rows[0], [0, 2]].any() else "latitude"
        limit = 180 if what == "longitude" else 90
        values = first[[0, 2]] if what == "longitude" else first[[1, 3]]
        worst = values[np.argmax(np.abs(values))]
        raise UnreadableError(
            f"{file} has {what} {worst:.10g}, beyond {limit} degrees, in "
            f"{name_rows(raw.rows[rows])}; mend those features, or name the coordinate system if "
            "they are no degrees"
        )


def _check_reach(raw: RawLayer, geoms: NDArray[np.object_], plane: Plane, file: str) -> None:
    """Refuse coordinates that are no place on Earth: some are tried, and those furthest out."""
    xy, owner = shapely.get_coordinates(geoms, return_index=True)
    columns = np.ascontiguousarray(xy.T)  # searched ten times as fast
    furthest = np.concatenate([columns.argmin(axis=1), columns.argmax(axis=1)])
    tried = np.concatenate([furthest, np.arange(0, len(xy), 1 + len(xy) // SAMPLE)])
    with np.errstate(all="ignore"):
        metres = plane.from_file(xy[tried])
        lonlat = plane.to_lonlat(metres)
        there = (np.abs(lonlat) <= np.array([180.0, 90.0]) + ROUNDED_DEG).all(axis=1)
        # PROJ turns x around the Earth until it fits, which would tear a polygon apart.
        missed_m = np.abs(plane.from_lonlat(lonlat) - metres).max(axis=1)
        at_the_end = np.abs(lonlat[:, 0]) > 180 - ROUNDED_DEG  # 180 and -180 are one place
    there &= missed_m < np.where(at_the_end, 1.1 * TURN_M, TURNED_M)
    if not there.all():
        where = int(tried[~there][0])
        x, y = xy[where].tolist()
        raise BadInputError(
            f"the coordinates of {file} do not belong to {plane.crs}: ({x:.10g}, {y:.10g}) in "
            f"{name_rows(raw.rows[owner[[where]]])} is no place on Earth; name its coordinate "
            "system, or mend those features",
            argument="crs",
        )
