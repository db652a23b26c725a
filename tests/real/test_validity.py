"""The validity cases of the JTS library: a unit is an INVALID_RING exactly where they say so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import shapely

from geo.check import Sent, check
from geo.crs import Datum
from geo.findings import Kind
from geo.world import World
from resolvers.checking import ALONE

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

pytestmark = pytest.mark.real

STEP = 2.0**-9
"""Degrees for a whole number: with nine decimals, so that no place is rounded."""


class ValidityCase(NamedTuple):
    """A polygon, and whether it is valid."""

    name: str
    geometry: BaseGeometry
    valid: bool


def read_cases(path: Path) -> list[ValidityCase]:
    """Return the cases that hold a polygon whose corners are whole numbers up to ten thousand."""
    found = []
    for number, case in enumerate(ET.parse(path).getroot().iter("case"), start=1):  # noqa: S314 - a test file
        text = " ".join((case.findtext("a") or "").split())
        if not re.match(r"(MULTI)?POLYGON\b", text, re.IGNORECASE):
            continue
        geometry = shapely.from_wkt(text)
        xy = shapely.get_coordinates(geometry)
        if len(xy) and (xy == np.round(xy)).all() and np.abs(xy).max() < 10_000:
            valid = (case.findtext("test/op") or "").strip() == "true"
            found.append(ValidityCase(f"{number} {case.findtext('desc')}", geometry, valid))
    return found


def is_named(geometry: BaseGeometry, *, exact: bool) -> bool:
    """Return whether a check of a file with this one unit names its rings."""
    unit = np.empty(1, object)
    unit[0] = geometry
    sent = Sent(
        rows=np.array([1]),
        codes=["1"],
        names=["1"],
        parents=[None],
        properties=[{}],
        geoms=np.asarray(shapely.transform(unit, lambda xy: xy * STEP)),
        crs="EPSG:4326",
        datum=Datum.WGS84,
    )
    report = check(sent, ALONE.key, World(levels=(ALONE,), units={}), exact=exact).report
    return any(finding.kind is Kind.INVALID_RING for finding in report.findings)


def test_exactly_the_invalid_polygons_of_jts_are_named(real_data: Path) -> None:
    cases = read_cases(real_data / "a_defects/jts_TestValid2.xml")
    assert sum(case.valid for case in cases) == 248
    assert sum(not case.valid for case in cases) == 5

    wrong = [case.name for case in cases if is_named(case.geometry, exact=True) is case.valid]

    assert wrong == []


def test_noding_makes_no_valid_polygon_of_jts_invalid(real_data: Path) -> None:
    cases = read_cases(real_data / "a_defects/jts_TestValid2.xml")

    wrong = [case.name for case in cases if case.valid and is_named(case.geometry, exact=False)]

    assert wrong == []
