"""Says how a file's coordinates are read and why, or asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.crs import Datum, crs_label, parse_crs
from geo.errors import UnreadableError
from geo.placing import (
    MERCATOR,
    Reading,
    metres_away,
    middle,
    namesakes,
    possible,
    zone_number,
    zones_by_meridian,
)
from sources.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyproj.crs import CRS

    from sources.claims import Case, Found, Trial

__all__ = ["not_told", "notices_of", "split"]

DATUMS = {Datum.WGS84: "WGS 84", Datum.GCJ02: "GCJ-02", Datum.BD09: "BD-09"}

GROUND = "the ground that stands"
SHOWN = 60
"""So much of a name that a file gives is shown."""


def notices_of(case: Case, found: Found) -> Iterator[Notice]:
    """Give one notice for each thing that was concluded and not simply read."""
    count = len(case.geoms)
    label = short(found.reading.crs)
    if case.claims.crs is None and found.reading.crs is not case.known:
        doubt = _doubt(case, found)
        said = f"{_said(case)}, but {doubt}" if doubt else _said(case)
        span = "" if _span(case) in doubt else _span(case)
        message = f"{said}; taken for {label}, as {_reason(case, found, span)}"
        silent = case.claims.label is None
        yield Notice("NO_CRS", message, count) if silent else Notice("CRS", message, count)
    if found.reading.swapped:
        first = "latitude before longitude" if found.reading.crs.is_geographic else "north first"
        message = f"the file has {first} ({_span(case)}); exchanged, as {_why_swapped(found)}"
        yield Notice("AXES", message, count)
    if found.datum is not Datum.WGS84 and case.claims.datum is None:
        message = (
            f"the file does not say that its degrees are shifted, but {_compared(found.compared)}; "
            f"taken for {DATUMS[found.datum]}"
        )
        yield Notice("DATUM", message, count)
    if len(found.unproven) > 1:
        message = (
            f"no datum brings the file onto the borders that stand: {_compared(found.unproven)}; "
            f"its degrees are taken for {DATUMS[found.datum]}, as usual"
        )
        yield Notice("DATUM", message, count)


def not_told(case: Case, readings: Sequence[Reading]) -> UnreadableError:
    """Ask for the system, and say where the file would lie in those that it may be in.

    Parameters
    ----------
    readings
        What its numbers can be, if they say something.
    """
    options: list[str] = []
    told = ""
    number = [zone_number(case.numbers.span, swapped=swapped) for swapped in (False, True)]
    if 0 in number:
        (first, first_code), *_, (last, last_code) = zones_by_meridian()
        options += [code for _, code in zones_by_meridian()]
        _, lat = middle(Reading(parse_crs(first_code), swapped=number[0] != 0), case.numbers)
        told += (
            f"; in a zone of CGCS2000 without its number it would lie at latitude {lat:.2f}, at a "
            f"longitude that the zone says, from {first} ({first_code}) to {last} ({last_code}); "
            "zones of Xian 1980 and Beijing 1954 look the same"
        )
    mercator = Reading(parse_crs(MERCATOR))
    others = [mercator] if possible(mercator, case.numbers) else []
    for reading in readings or others:
        lon, lat = middle(reading, case.numbers)
        options.append(short(reading.crs))
        told += f"; as {options[-1]} it would lie at longitude {lon:.2f}, latitude {lat:.2f}"
    doubt = _no_place(case)
    tell = f"but {doubt}" if doubt else f"and its numbers ({_span(case)}) do not tell it"
    return UnreadableError(
        f"{case.file}: {_said(case)}, {tell}{told}; name its coordinate system, e.g. "
        f"--crs {options[0] if options else 'EPSG:4523'}",
        argument="crs",
        options=options,
    )


def split(case: Case, rivals: Sequence[Trial]) -> UnreadableError:
    """Ask which of several readings is right, and say how each would fit."""
    by_datum = len({trial.reading for trial in rivals}) == 1
    named = [trial.datum.value if by_datum else short(trial.reading.crs) for trial in rivals]
    options = list(dict.fromkeys(named))
    argument = "datum" if by_datum else "crs"
    told = _compared(rivals)
    if not told:
        told = f"it lies on {GROUND} as {' and as '.join(options)}"
    return UnreadableError(
        f"{case.file}: it is not clear what its coordinates are: {told}; name it, e.g. "
        f"--{argument} {options[-1]}",
        argument=argument,
        options=options,
    )


def short(crs: CRS) -> str:
    """Return a system's code, or its name where it has none."""
    label = crs_label(crs)
    return label if len(label) <= SHOWN else f"{crs.name[:SHOWN]!r}"


def _said(case: Case) -> str:
    """Say what the file names."""
    if case.claims.label is None:
        return "the file names no coordinate system"
    if case.known is None:
        return f"the file names {case.claims.label[:SHOWN]!r}, which is no place on the Earth"
    return f"the file says {short(case.known)}"


def _span(case: Case) -> str:
    west, south, east, north = case.numbers.span
    return f"x {west:.10g} to {east:.10g}, y {south:.10g} to {north:.10g}"


def _no_place(case: Case) -> str:
    """Say that the numbers cannot be in the system that the file names, if so."""
    if case.known is None or possible(Reading(case.known), case.numbers):
        return ""
    if case.known.is_geographic:
        return f"its numbers are no degrees ({_span(case)})"
    return f"its numbers are no place where that is used ({_span(case)})"


def _doubt(case: Case, found: Found) -> str:
    """Say what speaks against the system that the file names."""
    if case.known is None or _no_place(case):
        return _no_place(case)
    if found.compared and found.compared[0].reading.crs == case.known:
        return _compared(found.compared)
    if case.ground is None:
        return ""
    away = metres_away(Reading(case.known), case.numbers, case.ground)
    return f"so it lies {metres(away)} from {GROUND}"


def _reason(case: Case, found: Found, span: str) -> str:
    """Say what speaks for the system that was chosen; ``span`` are numbers not yet told."""
    reasons = []
    if found.reading.zone is not None:
        width, number = found.reading.zone
        others = " and ".join(namesakes(found.reading))
        told = f"{span}; " if span else ""
        reasons = [
            f"its eastings begin with {number}, the number of a zone of {width} degrees "
            f"({told}{others} look the same)"
        ]
    elif not found.on_ground or case.known is None:
        reasons = [f"it has {_span(case)}"]
    if found.on_ground:
        reasons.append(f"so it lies on {GROUND}")
    if case.known is None and found.compared and found.datum is Datum.WGS84:
        reasons.append(_compared(found.compared))
    return ", and ".join(reasons)


def _why_swapped(found: Found) -> str:
    if found.on_ground:
        return f"only so it lies on {GROUND}"
    if found.reading.crs.is_geographic:
        return "no latitude goes beyond 90 degrees"
    return f"only so it lies where {short(found.reading.crs)} is used"


def _compared(trials: Iterable[Trial]) -> str:
    """Say how far an outline lies from the borders by several readings."""
    trials = list(trials)
    one_system = len({trial.reading for trial in trials}) == 1
    told = [
        f"{metres(trial.mean_m)} as {DATUMS[trial.datum] if one_system else _name(trial)}"
        for trial in trials
        if trial.mean_m is not None
    ]
    if not told:
        return ""
    return f"the mean distance of its outline to the borders that stand is {', '.join(told)}"


def _name(trial: Trial) -> str:
    name = short(trial.reading.crs)
    if trial.reading.swapped:
        name += " with north first"
    return name if trial.datum is Datum.WGS84 else f"{name} shifted as {DATUMS[trial.datum]}"


def metres(length_m: float) -> str:
    """Return a length in words: whole metres, or kilometres."""
    if length_m < 10:  # noqa: PLR2004 - a digit more where it says something
        return f"{length_m:.1f} m"
    return f"{length_m:.0f} m" if length_m < 10_000 else f"{length_m / 1000:.0f} km"  # noqa: PLR2004
