"""Real files after their repair: proven, with the least land moved, and little else touched."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from geo.findings import Kind
from geo.repair import Reason
from resolvers.repairing_files import repair_files
from tests.real.cases import CASES, read_case

if TYPE_CHECKING:
    from pathlib import Path

    from resolvers.repairing_files import RepairedFiles
    from tests.real.cases import Case

pytestmark = pytest.mark.real

WIDTH_M = 1.0
LARGE = {"Taiwan, villages in towns", "Taiwan, towns in counties", "Denver, precincts 2016"}
"""Shown in the table only: a test of each would take a minute."""


@cache
def mended(folder: Path, case: Case) -> RepairedFiles:
    """Mend a case's file, once for all tests."""
    read = read_case(folder, case)
    return repair_files(read.units, read.parents, max_move_m=WIDTH_M)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in LARGE], ids=lambda case: case.name
)
def test_what_is_narrow_is_mended_and_what_is_wide_stays(real_data: Path, case: Case) -> None:
    told = mended(real_data, case)

    report = told.after.report
    narrow = [
        finding
        for finding in report.findings
        if finding.kind in {Kind.BLANK, Kind.OVERLAP, Kind.OUTSIDE} and finding.width_m <= WIDTH_M
    ]
    left = {one.finding.id for one in told.left if one.reason is not Reason.TOO_WIDE}
    assert [finding.message for finding in narrow if finding.id not in left] == []
    spoilt = {finding.parent for finding in report.findings}
    if None not in spoilt:
        assert report.proven_parents >= report.parents - len(spoilt)
    there = [geom for geom in told.after.geoms if geom is not None]
    rings = {finding.kind for finding in report.findings} & {Kind.INVALID_RING}
    assert bool(np.all(shapely.is_valid(there))) != bool(rings)


@pytest.mark.parametrize(
    "name", ["Zurich, quarters", "Denver, precincts 2020", "Providence, precincts"]
)
def test_the_land_that_moves_is_no_more_than_what_was_wrong(real_data: Path, name: str) -> None:
    told = mended(real_data, next(case for case in CASES if case.name == name))

    before, after = told.before.report, told.after.report
    # each spot that was blank or claimed by two, and is not any more, changed hands once
    least = before.blank_m2 - after.blank_m2 + before.overlap_m2 - after.overlap_m2
    assert told.moved_m2 == pytest.approx(least, rel=0.01, abs=0.01)


def test_the_lakes_of_denver_that_stay_are_those_that_its_own_menders_left(
    real_data: Path,
) -> None:
    ours, theirs = (
        mended(real_data, case)
        for case in CASES
        if case.name in {"Denver, precincts 2020", "Denver, precincts 2020, mended by maup"}
    )

    assert theirs.moved_m2 == 0
    lakes, known = (
        shapely.union_all([f.geometry for f in told.after.report.findings])
        for told in (ours, theirs)
    )
    # theirs has one more, and has moved the shores of some by a few metres
    assert lakes.intersection(known).area == pytest.approx(lakes.area, rel=0.01)
    assert {f.kind for f in ours.after.report.findings} == {Kind.BLANK}
