"""Chooses how the numbers of a file are to be read: in which system and datum, which axis first.

What the caller says is believed. What the file says is believed as far as its numbers and the
ground do not say otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import WGS84, Datum, Plane, agrees_with_wgs84, convert, datum_name, parse_crs
from geo.deciding import CLOSE_M, decide
from geo.errors import BadInputError
from geo.fitting import Borders, Fit, distances_apart, outline_of
from geo.placing import Numbers, Reading, distinct, lands, of_ground, of_numbers, possible
from sources.claims import Case, Claims, Found, Trial
from sources.reading_words import not_told, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyproj.crs import CRS

    from geo.ground import Ground

__all__ = ["case_of", "choose_reading"]

MIN_POINTS = 8
"""Fewer points on an outline prove nothing."""


NO_FIT = Fit(np.inf, np.inf)
"""Of a reading that does not bring the file onto its ground at all."""

MOST, M_PER_DEG = 0.5, 111_320.0


def case_of(file: str, geoms: NDArray[np.object_], claims: Claims, ground: Ground | None) -> Case:
    """Put together what is known of a file's coordinates.

    Raises
    ------
    BadInputError
        If there is no system that the caller names.
    """
    known = parse_crs(claims.crs) if claims.crs is not None else _system(claims.label)
    ground = None if ground is None or ground.outline.is_empty else ground
    return Case(file, geoms, Numbers.of(geoms), claims, known, ground)


def choose_reading(case: Case) -> Found:
    """Choose how a file is to be read, by evidence.

    Raises
    ------
    UnreadableError
        If the evidence is split; it names the options, and what each would mean.
    """
    if not case.numbers.exist:
        known = case.known or parse_crs(WGS84)
        return Found(Reading(known), case.claims.datum or Datum.WGS84, on_ground=False)
    found = _by_ground(case, case.ground) if case.ground is not None else None
    return found or _by_numbers(case)


def _system(label: str | None) -> CRS | None:
    """Return the system that a file names; None where it is none."""
    try:
        return parse_crs(label) if label is not None else None
    except BadInputError:
        return None


def _by_name(case: Case) -> list[Reading]:
    """Return how the file can be read in the system that is named, with either axis first."""
    if case.known is None:
        return []
    both = [Reading(case.known), Reading(case.known, swapped=True)]
    return [reading for reading in both if possible(reading, case.numbers)]


def _by_numbers(case: Case) -> Found:
    """Choose without a ground: the system that is named if it can be, else what numbers say."""
    datum = case.claims.datum or Datum.WGS84
    named = _by_name(case)
    readings = named[:1]
    if not named and case.claims.crs is None:
        readings = _of_numbers(case)
    if len(readings) == 1:
        return Found(readings[0], datum, on_ground=False)
    trusted = case.claims.crs is not None or (case.known is not None and case.known.is_projected)
    if case.known is not None and trusted and not readings:
        return Found(Reading(case.known), datum, on_ground=False)  # its reach is checked later
    raise not_told(case, readings)


def _of_numbers(case: Case) -> list[Reading]:
    named = datum_name(case.known) if case.known is not None else None
    readings = of_numbers(case.numbers, named)
    return [reading for reading in readings if possible(reading, case.numbers)]


def _by_ground(case: Case, ground: Ground) -> Found | None:
    """Choose the reading that brings a file onto its ground; None where none does."""
    named = _by_name(case)
    readings = list(named)
    if case.claims.crs is None:
        readings += _of_numbers(case)
        # Degrees are no metres: of any zone, they would lie beside its origin.
        metres = [] if case.numbers.are_degrees() else of_ground(ground)
        readings += [reading for reading in metres if possible(reading, case.numbers)]
    there = [reading for reading in readings if lands(reading, case.numbers, ground)]
    there = distinct(there, case.numbers)
    if not there:
        return None
    trials = [
        Trial(reading, datum) for reading in there for datum in _datums(case, reading, ground)
    ]
    # What the file says stands until something fits clearly better; so does the only way there.
    usual = 0 if there[0] in named[:1] or len(there) == 1 else None
    if len(trials) == 1:
        return Found(there[0], trials[0].datum, on_ground=True)
    return _by_outline(case, ground, trials, usual)


def _datums(case: Case, reading: Reading, ground: Ground) -> list[Datum]:
    """Return the datums that a file can be in: shifted ones only where China's maps are shifted."""
    if case.claims.datum is not None:
        return [case.claims.datum]
    west, south, east, north = ground.outline.bounds
    amid = np.array([[(west + east) / 2, (south + north) / 2]])
    shifted = np.any(convert(amid, Datum.WGS84, Datum.GCJ02) != amid)
    return list(Datum) if shifted and agrees_with_wgs84(reading.crs) else [Datum.WGS84]


def _by_outline(case: Case, ground: Ground, trials: list[Trial], usual: int | None) -> Found:
    """Choose the reading with which a file's outline lies on the borders of its ground."""
    outline = outline_of(case.geoms)
    if outline.scattered or len(outline.xy) < MIN_POINTS:
        if usual is None:
            raise split(case, [trial for trial in trials if trial.datum is trials[0].datum])
        return Found(trials[usual].reading, trials[usual].datum, on_ground=True)
    borders = Borders(ground)
    places = [_place(case, trial, outline.xy) for trial in trials]
    fits = borders.fits(places)
    tried = [trial._replace(mean_m=fit.mean_m) for trial, fit in zip(trials, fits, strict=True)]
    if usual is not None:
        fits = [
            fit if i == usual or _lies_on(ground, places[i]) else NO_FIT
            for i, fit in enumerate(fits)
        ]
    decision = decide(fits, distances_apart(places, borders.metric), usual)
    if decision.chosen is None:
        raise split(case, [tried[i] for i in decision.rivals])
    best = tried[decision.chosen]
    if decision.chosen == usual and len(tried) > 1 and fits[usual].mean_m > CLOSE_M:
        alike = [trial for trial in tried if trial.reading == best.reading]
        return Found(best.reading, best.datum, on_ground=True, unproven=alike)
    beaten = tried[usual] if usual is not None else _second(tried, best)
    compared = [beaten, best] if beaten is not None and beaten != best else []
    return Found(best.reading, best.datum, on_ground=True, compared=compared)


def _lies_on(ground: Ground, lonlat: NDArray[np.float64]) -> bool:
    """Return whether most of an outline lies on its ground, and not only beside it.

    A file that was sent for a neighbour's ground would else be shifted until it touches that.
    """
    there = lonlat[np.isfinite(lonlat).all(axis=1)]
    tree = shapely.STRtree(np.asarray(shapely.points(there)))
    near = tree.query(ground.outline, predicate="dwithin", distance=CLOSE_M / M_PER_DEG)
    return len(near) >= MOST * len(lonlat)


def _second(tried: Sequence[Trial], best: Trial) -> Trial | None:
    """Return what the best reading is told beside: the plain datum, or the next best system."""
    plain = [trial for trial in tried if trial[:2] == (best.reading, Datum.WGS84)]
    if plain and plain[0] != best:
        return plain[0]
    others = [trial for trial in tried if trial.reading != best.reading]
    return min(others, key=lambda trial: trial.mean_m or 0.0, default=None)


def _place(case: Case, trial: Trial, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where points of a file lie, in degrees of WGS 84, shape (k, 2)."""
    straight = trial.reading.straight(xy)
    bounds = [*straight.min(axis=0), *straight.max(axis=0)]
    plane = Plane.around(trial.reading.crs, bounds, datum=trial.datum)
    return plane.to_lonlat(plane.from_file(straight))
