"""The map of a report's page: what was checked and found, drawn so that a browser can hold it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from geo.packing import Frame, pack
from geo.simplify import simplify_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resolvers.inspection import Inspection, Shapes

FINEST_M = 0.001
"""A step of the findings' coordinates: nothing narrower is a finding."""

UNIT_STEP_M = 0.01
"""A step of the units' coordinates where there are many: two bytes a metre-long edge."""

MAX_VERTICES = 600_000
"""The most vertices of units that a page holds: about 3 MB."""

MAX_FINDING_VERTICES = 150_000
"""The most vertices of findings."""

MAX_UNITS = 100_000
"""The most units that a page draws."""

FEW_UNITS = 20_000
"""Up to so many units their names are told, too."""

COARSER = (1 / 4000, 1 / 2000, 1 / 1000, 1 / 500)
"""How coarse many units are drawn, in parts of the map's side; 1/1000 is a pixel of the whole."""

MAX_PLACES = 20
"""The most units that a finding points at."""


class Drawn(NamedTuple):
    """What is drawn of the units and their parents."""

    units: NDArray[np.object_]
    """In degrees, shape (n,); None for one that is not drawn."""
    parents: NDArray[np.object_]
    tolerance_m: float
    """0 where they are drawn as they are."""


def map_data(found: Inspection, listed: int) -> dict[str, Any]:  # free JSON: see report/map.js
    """Return the map of a check.

    Parameters
    ----------
    listed
        How many findings the page lists, from the first on.
    """
    findings = found.report.findings[:listed]
    places = np.empty(len(findings), object)
    places[:] = [finding.geometry for finding in findings]
    drawn = _thin(found, places)
    land, coarse_m = _coarser(_flat(places, found))
    units, parents = _flat(drawn.units, found), _flat(drawn.parents, found)
    frame = _frame([land, units, parents])
    many = _vertices(units) > MAX_VERTICES // 4
    unit_frame = frame._replace(step_m=max(frame.step_m, UNIT_STEP_M)) if many else frame
    return {
        "units": _packed(units, unit_frame)
        | _labels(found.units, found.rows)
        | {
            "toleranceM": drawn.tolerance_m,
            "drawn": int(shapely.is_geometry(drawn.units).sum()),
            "total": int(shapely.is_geometry(found.units.geoms).sum()),
        },
        "parents": _packed(parents, unit_frame),
        "findings": _packed(land, frame) | {"points": _points(land, frame), "coarseM": coarse_m},
        "at": places_of(found, listed),
    }


def places_of(found: Inspection, listed: int) -> list[list[int]]:
    """Return the units that each finding speaks of, by their place among the units."""
    by_row = {row: place for place, row in enumerate(found.rows)}
    by_code = {code: place for place, code in enumerate(found.units.codes) if code is not None}
    places = []
    for finding in found.report.findings[:listed]:
        at = [by_row[row] for row in finding.rows[:MAX_PLACES] if row in by_row]
        at += [by_code[code] for code in finding.units[:MAX_PLACES] if code in by_code]
        places.append(list(dict.fromkeys(at))[:MAX_PLACES])
    return places


def _flat(geoms: NDArray[np.object_], found: Inspection) -> NDArray[np.object_]:
    """Return geometries in metres; None where they are none, or too far away to be drawn."""
    if not len(geoms):
        return np.zeros(0, object)
    flat = found.metric.project(geoms)
    flat[~np.isfinite(shapely.bounds(flat)).all(axis=1)] = None
    return np.asarray(shapely.orient_polygons(flat, exterior_cw=False))


def _thin(found: Inspection, places: NDArray[np.object_]) -> Drawn:
    """Choose which units are drawn, and take out vertices until few enough are left.

    Borders of neighbours stay together, and so do those of parents: where a finding is, and only
    there, the map shows land between them.
    """
    units = np.asarray(found.units.geoms, object)
    there = shapely.is_geometry(units)
    if there.sum() > MAX_UNITS:
        chosen = _nearest(units, places)
        units = units.copy()
        units[~chosen] = None
        there = chosen
    parents = np.asarray(found.parents.geoms, object)
    both = np.concatenate([units[there], parents])
    if _vertices(both) <= MAX_VERTICES:
        return Drawn(units, parents, 0.0)
    side = _side(_flat(both, found))
    tolerance_m = 0.0
    for part in COARSER:
        tolerance_m = side * part
        both = simplify_together(both, found.metric, tolerance_m)
        if _vertices(both) <= MAX_VERTICES:
            break
    thinned = units.copy()
    thinned[there] = _boxed(both)[: int(there.sum())]
    return Drawn(thinned, _boxed(both)[int(there.sum()) :], tolerance_m)


def _nearest(units: NDArray[np.object_], places: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return the units that are drawn where they are too many: those near findings first."""
    near = np.zeros(len(units), bool)
    land = places[shapely.is_geometry(places)]
    if len(land):
        near[np.unique(shapely.STRtree(units).query(land)[1])] = True
    order = np.argsort(~near, kind="stable")
    order = order[shapely.is_geometry(units[order])]
    chosen = np.zeros(len(units), bool)
    chosen[order[:MAX_UNITS]] = True
    return chosen


def _boxed(geoms: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries, those by their box that are too much even when they are simplified."""
    if _vertices(geoms) <= 2 * MAX_VERTICES:
        return geoms
    large = shapely.get_num_coordinates(geoms) > 2 * MAX_VERTICES // len(geoms)
    return np.where(large, shapely.envelope(geoms), geoms)


def _coarser(land: NDArray[np.object_]) -> tuple[NDArray[np.object_], float]:
    """Return findings with few enough vertices, and how far that moved their rims, in metres."""
    if _vertices(land) <= MAX_FINDING_VERTICES:
        return land, 0.0
    side, tolerance_m = _side(land), 0.0
    for part in COARSER:
        tolerance_m = side * part
        land = np.asarray(shapely.simplify(land, tolerance_m))
        if _vertices(land) <= MAX_FINDING_VERTICES:
            return land, tolerance_m
    large = shapely.get_num_coordinates(land) > MAX_FINDING_VERTICES // len(land)
    return np.where(large, shapely.envelope(land), land), tolerance_m


def _side(flat: NDArray[np.object_]) -> float:
    """Return the longer side of the box around geometries."""
    west, south, east, north = shapely.total_bounds(flat[shapely.is_geometry(flat)]).tolist()
    return float(max(east - west, north - south))


def _vertices(geoms: NDArray[np.object_]) -> int:
    return int(shapely.get_num_coordinates(geoms).sum())


def _frame(layers: Sequence[NDArray[np.object_]]) -> Frame:
    drawn = np.concatenate(layers)
    drawn = drawn[shapely.is_geometry(drawn) & ~shapely.is_empty(drawn)]
    if not len(drawn):
        return Frame(0.0, 0.0, FINEST_M)
    return Frame.around(shapely.total_bounds(drawn), FINEST_M)


def _packed(geoms: NDArray[np.object_], frame: Frame) -> dict[str, Any]:  # free JSON
    packed = pack(geoms, frame)
    dimensions = shapely.get_dimensions(geoms)
    return {
        "n": len(geoms),
        "stepM": frame.step_m,
        "counts": base64.b64encode(packed.counts).decode(),
        "steps": base64.b64encode(packed.steps).decode(),
        "dimensions": "".join("-" if d < 0 else str(d) for d in dimensions.tolist()),
    }


def _labels(units: Shapes, rows: Sequence[int]) -> dict[str, Any]:  # free JSON
    few = len(units.codes) <= FEW_UNITS
    return {
        "codes": [code or "" for code in units.codes],
        "names": [name or "" for name in units.names] if few else [],
        "rows": list(rows) if few else [],
    }


def _points(geoms: NDArray[np.object_], frame: Frame) -> list[list[float] | None]:
    """Return a point on each geometry, in metres from the frame's corner, for its marker."""
    inside = shapely.point_on_surface(geoms)
    xy = np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
    xy -= (frame.west_m, frame.south_m)
    return [
        [round(x, 3), round(y, 3)] if np.isfinite(x) and np.isfinite(y) else None
        for x, y in xy.tolist()
    ]
