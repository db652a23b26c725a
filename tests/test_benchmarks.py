"""The benchmarks: levels are what they are said to be, engines judged rightly, tables true."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from benchmarks.__main__ import BENCHMARKS
from benchmarks.coverage.__main__ import PAGE
from benchmarks.coverage.faults import PAIRED, FaultKind
from benchmarks.coverage.generate import City, Truth, load, make_city, save
from benchmarks.coverage.job import Answer, Inputs, Mended, NotHereError, Question
from benchmarks.coverage.jobs import JOBS, frames, job_of
from benchmarks.coverage.judge import (
    ANY,
    GAP,
    OVERLAP,
    Mending,
    Row,
    Verdict,
    judge_repair,
    judge_rows,
    least_land,
)
from benchmarks.coverage.lattice import draw_lattice
from benchmarks.coverage.plane import in_metres, to_degrees, to_metres
from benchmarks.coverage.publish import Publishing, move_wall
from benchmarks.coverage.record import Book, Record, read_records
from benchmarks.coverage.report import (
    BEGIN,
    END,
    factor,
    found,
    mended,
    promises,
    put_between,
    seconds,
    summary,
    table,
    tell,
    times,
)
from benchmarks.coverage.run import Plan, WrongAnswerError, run
from benchmarks.coverage.worker import Worker
from benchmarks.machine import machine, versions
from benchmarks.measure import Elsewhere, timed
from geo.chain import chains, chains_of_wkb, parent_sums
from geo.crs import round9

CHECKOUT = Path(__file__).resolve().parent.parent
CELLS = 2700


@pytest.fixture(scope="module")
def clean() -> City:
    return make_city(CELLS)


@pytest.fixture(scope="module")
def dirty() -> City:
    return make_city(CELLS, dirty=True)


def polygons(wkbs: list[bytes]) -> NDArray[np.object_]:
    return np.asarray(shapely.from_wkb(wkbs), object)


# -- clean levels -----------------------------------------------------------------------------


def test_cells_are_grouped_by_thirty_and_communities_by_ten(clean: City) -> None:
    assert len(clean.units) == len(set(clean.codes)) == CELLS
    assert set(Counter(clean.parent_of.tolist()).values()) == {30}
    assert set(Counter(clean.district_of.tolist()).values()) == {10}
    assert len(clean.parents) == CELLS // 30
    assert len(clean.districts) == CELLS // 300


def test_each_cell_has_thirty_six_vertices_on_the_grid_of_nine_decimals(clean: City) -> None:
    units = polygons(clean.units)
    assert set(shapely.get_num_coordinates(units).tolist()) == {37}  # the first one twice
    xy = shapely.get_coordinates(units)
    np.testing.assert_array_equal(xy, round9(xy))


def test_a_clean_city_is_a_coverage_to_another_engine_and_fills_its_parents(clean: City) -> None:
    grids, communities, districts = map(polygons, (clean.units, clean.parents, clean.districts))
    for level in (grids, communities, districts):
        assert shapely.coverage_is_valid(level)
        assert shapely.is_valid(level).all()
    for children, parent_of, parents in (
        (grids, clean.parent_of, communities),
        (communities, clean.district_of, districts),
    ):
        for i, parent in enumerate(parents):
            assert shapely.equals(shapely.union_all(children[parent_of == i]), parent)


def test_a_clean_city_is_proven_on_both_levels(clean: City) -> None:
    sums = parent_sums(chains_of_wkb(clean.units), clean.parent_of, chains_of_wkb(clean.parents))
    assert not sums.any()
    above = parent_sums(
        chains_of_wkb(clean.parents), clean.district_of, chains_of_wkb(clean.districts)
    )
    assert not above.any()


def test_codes_begin_with_the_code_of_the_parent(dirty: City) -> None:
    for code, parent in zip(dirty.codes, dirty.parent_of.tolist(), strict=True):
        assert code.startswith(dirty.parent_codes[parent])
    for code, district in zip(dirty.parent_codes, dirty.district_of.tolist(), strict=True):
        assert code.startswith(dirty.district_codes[district])


def test_the_same_seed_draws_the_same_city_and_another_seed_another(clean: City) -> None:
    assert make_city(CELLS).units == clean.units
    assert make_city(CELLS, seed=2).units != clean.units


@pytest.mark.parametrize("cells", [1, 300, 301, 1000, 10_000, 100_000])
def test_a_city_has_at_least_the_cells_asked_for_and_few_more(cells: int) -> None:
    rows, cols = draw_lattice(min(cells, 10_000), seed=1).shape
    assert rows * cols >= min(cells, 10_000)
    assert rows * cols <= max(1.1 * cells, 300 * -(-cells // 300) * 2)
    assert (rows % 10, cols % 30) == (0, 0)


def test_degrees_become_metres_and_degrees_again() -> None:
    degrees = round9([[110.29, 25.27], [110.300000001, 25.299999999]])
    np.testing.assert_allclose(to_metres(degrees)[0], [500_000, 2_800_000], atol=1e-6)
    np.testing.assert_array_equal(to_degrees(to_metres(degrees)), degrees)


# -- faults -----------------------------------------------------------------------------------


def of_kind(city: City, kind: FaultKind) -> list[Truth]:
    return [fault for fault in city.truth if fault.kind is kind]


def cover(city: City, fault: Truth) -> int:
    """Return how many units cover a spot inside the place of a fault."""
    units = in_metres(polygons(city.units))
    return int(shapely.contains(units, fault.place.representative_point()).sum())


def by_code(city: City, code: str) -> shapely.Polygon:
    polygon = shapely.from_wkb(city.units[city.codes.index(code)])
    assert isinstance(polygon, shapely.Polygon)
    return shapely.transform(polygon, to_metres)


def test_faults_are_one_percent_in_equal_shares(dirty: City) -> None:
    counts = Counter(fault.kind for fault in dirty.truth)
    assert len(dirty.truth) == CELLS // 100
    assert set(counts) == set(FaultKind)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_no_two_faults_touch_or_share_a_unit(dirty: City) -> None:
    zones = shapely.buffer(np.array([fault.place for fault in dirty.truth], object), 1.0)
    one, other = shapely.STRtree(zones).query(zones, predicate="intersects")
    assert (one == other).all()
    named = Counter(code for fault in dirty.truth for code in fault.units)
    assert set(named.values()) == {1}


def test_only_units_of_faults_differ_from_the_clean_city(clean: City, dirty: City) -> None:
    before = dict(zip(clean.codes, clean.units, strict=True))
    after = dict(zip(dirty.codes, dirty.units, strict=True))
    named = {code for fault in dirty.truth for code in fault.units}
    changed = {code for code in before.keys() | after.keys() if before.get(code) != after.get(code)}
    assert changed <= named
    assert {fault.units[0] for fault in dirty.truth if fault.kind not in _ADDS} <= changed
    assert dirty.parents == clean.parents


_ADDS = {FaultKind.DUPLICATE, FaultKind.CONTAINED}


def test_the_parents_that_are_not_proven_are_those_of_the_faults(dirty: City) -> None:
    sums = parent_sums(chains_of_wkb(dirty.units), dirty.parent_of, chains_of_wkb(dirty.parents))
    wrong = {dirty.parent_codes[i] for i in np.flatnonzero(sums)}
    expected = {code[:-3] for fault in dirty.truth for code in fault.units if len(code) == 15}
    assert wrong == expected


@pytest.mark.parametrize(
    ("kind", "units"),
    [
        (FaultKind.SLIVER_GAP, 0),
        (FaultKind.MISSING_CELL, 0),
        (FaultKind.HOLE, 0),
        (FaultKind.SLIVER_OVERLAP, 2),
        (FaultKind.SHIFTED_EDGE, 2),
        (FaultKind.DUPLICATE, 2),
        (FaultKind.CONTAINED, 2),
        (FaultKind.DOUBLE_AREA, 2),
        (FaultKind.LEAK, 1),
    ],
)
def test_land_of_a_fault_is_covered_as_often_as_its_kind_says(
    dirty: City, kind: FaultKind, units: int
) -> None:
    for fault in of_kind(dirty, kind):
        assert cover(dirty, fault) == units


@pytest.mark.parametrize(
    ("kind", "low_m", "high_m"),
    [
        (FaultKind.SLIVER_GAP, 0.01, 1),
        (FaultKind.SLIVER_OVERLAP, 0.01, 1),
        (FaultKind.SHIFTED_EDGE, 2, 20),
        (FaultKind.LEAK, 1, 10),
    ],
)
def test_a_moved_wall_is_moved_by_its_size(
    clean: City, dirty: City, kind: FaultKind, low_m: float, high_m: float
) -> None:
    for fault in of_kind(dirty, kind):
        before, after = (
            shapely.get_coordinates(by_code(city, fault.units[0])) for city in (clean, dirty)
        )
        moved = np.hypot(*(after - before).T)
        assert (moved > 0).sum() == 5  # the bends of one wall
        np.testing.assert_allclose(moved[moved > 0], fault.size, atol=2e-4)  # rounded to 1e-9 deg
        assert low_m <= fault.size <= high_m


def test_sizes_of_land_are_its_area(dirty: City) -> None:
    for kind in (FaultKind.MISSING_CELL, FaultKind.DUPLICATE, FaultKind.HOLE, FaultKind.CONTAINED):
        for fault in of_kind(dirty, kind):
            assert fault.size == pytest.approx(fault.place.area)


def test_a_cell_of_double_area_has_twice_its_area(clean: City, dirty: City) -> None:
    for fault in of_kind(dirty, FaultKind.DOUBLE_AREA):
        before, after = (by_code(city, fault.units[0]) for city in (clean, dirty))
        assert after.area == pytest.approx(2 * before.area, rel=1e-5)
        assert len(fault.units) == 7  # its own and six neighbours


def test_a_missing_cell_is_gone_and_an_added_one_is_there_besides(clean: City, dirty: City) -> None:
    for fault in of_kind(dirty, FaultKind.MISSING_CELL):
        assert fault.units[0] not in dirty.codes
    for fault in of_kind(dirty, FaultKind.DUPLICATE):
        own, added = fault.units
        assert added not in clean.codes
        assert by_code(dirty, own).equals(by_code(dirty, added))


def test_an_extra_vertex_is_near_the_line_that_the_neighbour_draws(dirty: City) -> None:
    for fault in of_kind(dirty, FaultKind.EXTRA_VERTEX):
        own, neighbour = (by_code(dirty, code) for code in fault.units)
        extra = {*map(tuple, shapely.get_coordinates(own))} & {
            *map(tuple, in_metres_rounded(fault.place))
        }
        [vertex] = extra - {*map(tuple, shapely.get_coordinates(neighbour))}
        off_m = shapely.Point(vertex).distance(neighbour.boundary)
        assert off_m == pytest.approx(fault.size, abs=1.5e-4)  # rounded to 1e-9 degrees
        assert 5e-5 < off_m < 1.2e-3
        assert len(shapely.get_coordinates(own)) == 38


def in_metres_rounded(place: shapely.Geometry) -> list[list[float]]:
    """Return the vertices of a place as the level has them: rounded in degrees."""
    rounded: list[list[float]] = to_metres(to_degrees(shapely.get_coordinates(place))).tolist()
    return rounded


def test_only_self_crossing_rings_are_invalid(dirty: City) -> None:
    valid = shapely.is_valid(polygons(dirty.units))
    wrong = {dirty.codes[i] for i in np.flatnonzero(~valid)}
    assert wrong == {fault.units[0] for fault in of_kind(dirty, FaultKind.SELF_CROSSING)}


def test_a_leak_leaves_neighbours_matching(clean: City, dirty: City) -> None:
    for fault in of_kind(dirty, FaultKind.LEAK):
        own, neighbour = fault.units
        assert own[:-3] != neighbour[:-3]
        pair = np.array([by_code(dirty, code) for code in fault.units], object)
        assert shapely.coverage_is_valid(pair)
        before = [by_code(clean, code) for code in fault.units]
        assert shapely.union_all(pair).area == pytest.approx(shapely.union_all(before).area)


def test_more_faults_than_communities_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit into 20 communities"):
        make_city(600, dirty=True, share=0.05)


def test_a_city_is_the_same_after_it_was_stored(dirty: City, tmp_path: Path) -> None:
    save(dirty, tmp_path / "city.npz")
    again = load(tmp_path / "city.npz")

    for name in ("units", "codes", "parents", "parent_codes", "districts", "district_codes"):
        assert getattr(again, name) == getattr(dirty, name)
    np.testing.assert_array_equal(again.parent_of, dirty.parent_of)
    np.testing.assert_array_equal(again.district_of, dirty.district_of)
    assert again.truth == dirty.truth


# -- judging ----------------------------------------------------------------------------------

GAP_AT_0 = Truth(FaultKind.SLIVER_GAP, ("a", "b"), shapely.box(0, 0, 1, 10), 1.0)
PILE_AT_50 = Truth(FaultKind.DOUBLE_AREA, ("c", "d", "e"), shapely.box(50, 0, 60, 10), 100.0)


def spot(x: float, y: float = 5.0) -> shapely.Point:
    return shapely.Point(x, y)


def test_a_row_counts_where_it_lies_at_a_fault_and_says_the_right_thing() -> None:
    rows = [Row(GAP, spot(0.5)), Row(GAP, spot(55)), Row(OVERLAP, spot(30))]

    verdict = judge_rows(rows, [GAP_AT_0, PILE_AT_50])

    assert verdict.rows == 3
    assert verdict.false_rows == 1  # the one at 30; the one at 55 lies at a fault
    assert verdict.found == {"sliver gap": 1.0, "double area": 0.0}


def test_a_row_two_centimetres_away_still_belongs_to_a_fault() -> None:
    assert judge_rows([Row(GAP, spot(1.019))], [GAP_AT_0]).false_rows == 0
    assert judge_rows([Row(GAP, spot(1.021))], [GAP_AT_0]).false_rows == 1


def test_an_engine_that_does_not_tell_kinds_apart_finds_every_kind() -> None:
    verdict = judge_rows([Row(ANY, spot(0.5)), Row(ANY, spot(55))], [GAP_AT_0, PILE_AT_50])
    assert set(verdict.found.values()) == {1.0}


def test_half_of_a_kind_is_a_share_of_one_half() -> None:
    second = GAP_AT_0._replace(place=shapely.box(20, 0, 21, 10))
    assert judge_rows([Row(GAP, spot(0.5))], [GAP_AT_0, second]).found == {"sliver gap": 0.5}


@pytest.mark.parametrize(
    ("named", "share"),
    [
        ([("c", "d"), ("c", "e")], 1.0),  # each pair in a row of its own
        ([("c", "d", "e")], 1.0),
        ([("c",), ("d",), ("e",)], 0.0),  # nobody says who clashes with whom
        ([("c", "d"), ("d", "e")], 0.0),
        ([("c", "d")], 0.0),
    ],
)
def test_units_are_named_when_the_own_one_is_named_with_each_other(
    named: list[tuple[str, ...]], share: float
) -> None:
    rows = [Row(OVERLAP, spot(55), codes) for codes in named]
    assert judge_rows(rows, [PILE_AT_50]).named == {"double area": share}


def test_kinds_of_one_unit_have_no_pair_to_name() -> None:
    hole = Truth(FaultKind.HOLE, ("a",), shapely.box(0, 0, 1, 1), 1.0)
    assert judge_rows([Row(GAP, spot(0.5, 0.5), ("a",))], [hole]).named == {}
    assert len(PAIRED) == 8


def test_every_row_on_a_clean_level_is_false() -> None:
    assert judge_rows([Row(GAP, spot(0)), Row(ANY, spot(9))], []).false_rows == 2


LEFT_HALF, RIGHT_HALF, WHOLE = (
    shapely.box(0, 0, 10, 10),
    shapely.box(10, 0, 20, 10),
    shapely.Polygon([(0, 0), (10, 0), (20, 0), (20, 10), (10, 10), (0, 10)]),
)
NONE_BUT_ONE = np.zeros(2, np.intp)


def pair(one: shapely.Polygon, other: shapely.Polygon | None) -> NDArray[np.object_]:
    out = np.empty(2, object)
    out[:] = [one, other]
    return out


def whole() -> NDArray[np.object_]:
    return np.array([WHOLE], object)


@pytest.mark.parametrize(
    ("units", "least_m2"),
    [
        (pair(LEFT_HALF, RIGHT_HALF), 0.0),
        (pair(LEFT_HALF, shapely.box(12, 0, 20, 10)), 20.0),  # blank
        (pair(LEFT_HALF, shapely.box(7, 0, 20, 10)), 30.0),  # twice
        (pair(LEFT_HALF, shapely.box(10, 0, 21, 10)), 10.0),  # outside
        (pair(LEFT_HALF, shapely.box(12, 0, 21, 10)), 30.0),  # blank and outside
    ],
)
def test_the_least_land_is_what_is_blank_or_doubled_or_outside(
    units: NDArray[np.object_], least_m2: float
) -> None:
    np.testing.assert_allclose(least_land(units, whole(), NONE_BUT_ONE), [least_m2])


def test_a_repair_that_gives_an_overlap_to_one_side_moves_the_least() -> None:
    before = pair(LEFT_HALF, shapely.box(7, 0, 20, 10))
    after = pair(LEFT_HALF, RIGHT_HALF)

    made = judge_repair(before, whole(), NONE_BUT_ONE, after, whole())

    assert (made.moved_m2, made.least_m2, made.ratio) == (30, 30, 1)
    assert (made.not_filled, made.wrong_m2, made.emptied, made.changed) == (0, 0, 0, 1)


def test_a_repair_that_moves_more_than_it_must_has_a_ratio_above_one() -> None:
    before = pair(LEFT_HALF, shapely.box(12, 0, 20, 10))  # 20 m² blank
    after = pair(shapely.box(0, 0, 5, 10), shapely.box(5, 0, 20, 10))  # 50 lost, 70 gained
    parents = np.array(
        [shapely.Polygon([(0, 0), (5, 0), (20, 0), (20, 10), (5, 10), (0, 10)])], object
    )

    made = judge_repair(before, parents, NONE_BUT_ONE, after, parents)

    assert made.ratio == pytest.approx(120 / 20)


def test_a_unit_that_vanished_is_counted_and_its_parent_is_not_filled() -> None:
    before = pair(LEFT_HALF, RIGHT_HALF)

    made = judge_repair(before, whole(), NONE_BUT_ONE, pair(LEFT_HALF, None), whole())

    assert (made.emptied, made.not_filled, made.moved_m2, made.wrong_m2) == (1, 1, 100, 100)
    assert made.ratio is None


def test_right_land_with_unmatched_vertices_does_not_fill_its_parent() -> None:
    parents = np.array([shapely.box(0, 0, 20, 10)], object)  # lacks the vertices at x = 10
    units = pair(LEFT_HALF, RIGHT_HALF)

    made = judge_repair(units, parents, NONE_BUT_ONE, units, parents)

    assert (made.not_filled, made.wrong_m2) == (1, 0)


# -- measuring --------------------------------------------------------------------------------


def test_the_growth_of_memory_is_that_of_the_call() -> None:
    kept: list[NDArray[np.float64]] = [np.ones(2_000_000)]  # 16 MB, before the call

    size, cost = timed(lambda: float(np.ones(8_000_000).sum()))  # 64 MB

    assert size == 8_000_000
    assert 60 <= cost.growth_mib <= 80  # 61.0, but for pages that were there already
    assert cost.peak_mib > cost.growth_mib + 16
    assert kept[0].size


def test_what_other_processes_used_is_added() -> None:
    used = iter([Elsewhere(3.0, 10.0, 10.0), Elsewhere(5.0, 20.0, 50.0)])

    _, cost = timed(lambda: None, lambda: next(used))

    assert 2.0 <= cost.cpu_s < 2.5
    assert cost.growth_mib >= 40


def test_the_machine_and_its_versions_are_told() -> None:
    facts = machine()
    assert "cores" in facts["processor"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts["date"])
    assert versions(["shapely", "no-such-package"]) == {"shapely": shapely.__version__}


# -- engines ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sums", "proof", "report"])
def test_our_engine_is_right_about_clean_and_dirty_levels(
    key: str, clean: City, dirty: City
) -> None:
    for city, sound in ((clean, True), (dirty, False)):
        with ExitStack() as stack:
            ready = job_of(key).prepare(Inputs(city), stack)
            said = ready.read(ready.run())
        assert isinstance(said, Answer)
        assert said.sound is sound


def test_our_report_finds_all_kinds_and_names_all_pairs(dirty: City) -> None:
    with ExitStack() as stack:
        ready = job_of("report").prepare(Inputs(dirty), stack)
        said = ready.read(ready.run())
    assert isinstance(said, Answer)
    assert said.rows is not None

    verdict = judge_rows(said.rows, dirty.truth)

    assert verdict.found == {kind.value: 1.0 for kind in FaultKind}
    assert verdict.named == {kind.value: 1.0 for kind in FaultKind if kind in PAIRED}
    assert verdict.false_rows == 0


def test_our_repair_moves_the_least_and_leaves_what_would_empty_a_unit(dirty: City) -> None:
    inputs = Inputs(dirty)
    with ExitStack() as stack:
        ready = job_of("repair").prepare(inputs, stack)
        said = ready.read(ready.run())
    assert isinstance(said, Mended)

    made = judge_repair(inputs.units_m, inputs.parents_m, dirty.parent_of, said.units, said.parents)

    assert made.ratio is not None
    assert made.ratio <= 1.01
    assert (made.emptied, made.invalid) == (0, 0)
    kept = len(of_kind(dirty, FaultKind.DUPLICATE)) + len(of_kind(dirty, FaultKind.CONTAINED))
    assert made.not_filled == kept


def test_a_peer_that_is_not_installed_is_told_and_does_not_end_the_run() -> None:
    with pytest.raises(NotHereError, match="not installed: No module named 'no_such_peer'"):
        frames._peer("no_such_peer")


def test_what_an_engine_raises_is_an_answer(tmp_path: Path) -> None:
    with ExitStack() as stack:
        order = {"job": "sums", "city": str(tmp_path / "none.npz"), "judge": True}
        answer = Worker(stack).run(order)
    assert answer["error"].startswith("FileNotFoundError: ")


def a_plan(folder: Path, *, keys: tuple[str, ...] = ("sums",), cap_s: float = 60.0) -> Plan:
    return Plan(
        jobs=[job_of(key) for key in keys],
        sizes=[1200],
        rounds=2,
        cap_s=cap_s,
        repeat_s=60.0,
        no_limits=False,
        folder=folder,
    )


def test_a_run_judges_each_call_alone_and_repeats_it_in_turn(tmp_path: Path) -> None:
    book = Book(tmp_path / "results.jsonl")
    heard: list[str] = []

    run(a_plan(tmp_path), book, heard.append)

    done = [(record.dirty, record.alone, record.sound, record.error) for record in book.records]
    assert done[:2] == [(False, True, True, None), (True, True, False, None)]
    assert sorted(done[2:]) == [(False, False, None, None)] * 2 + [(True, False, None, None)] * 2
    assert book.rounds("sums", 1200, dirty=True) == 2
    assert read_records(tmp_path / "results.jsonl") == book.records
    assert len(heard) == 4


def test_a_call_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    book = Book()

    run(a_plan(tmp_path, cap_s=0.0), book, lambda _: None)

    assert {record.error for record in book.records} == {"stopped after 0 s"}
    assert len(book.records) == 2  # nothing is repeated


def test_a_wrong_answer_of_ours_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"wall_s": 1.0, "cpu_s": 1.0, "growth_mib": 0.0, "peak_mib": 0.0, "sound": False}
    monkeypatch.setattr("benchmarks.coverage.run._Process.ask", lambda *_, **__: dict(wrong))
    with pytest.raises(WrongAnswerError, match="sums is wrong about the clean level of 1200"):
        run(a_plan(tmp_path), Book(), lambda _: None)


def test_slow_engines_get_small_levels_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "benchmarks.coverage.run._Process.ask", lambda *_, **__: {"error": "not asked"}
    )
    book = Book()
    run(a_plan(tmp_path, keys=("maup_repair", "mapshaper")), book, lambda _: None)
    assert {record.job for record in book.records} == {"mapshaper"}


def test_keys_of_jobs_are_unique_and_ours_come_first() -> None:
    keys = [job.key for job in JOBS]
    assert len(set(keys)) == len(keys)
    assert [job.ours for job in JOBS] == sorted((job.ours for job in JOBS), reverse=True)
    assert {job.question for job in JOBS if job.ours} == set(Question)


# -- publishing -------------------------------------------------------------------------------


def test_a_moved_wall_leaves_the_sum_of_both_cells_as_it_was(clean: City) -> None:
    before = polygons(clean.units[:2])  # the first two of a row

    after = np.array(move_wall(*before), object)

    assert (chains(after) != chains(before)).all()
    assert chains(after).sum() == chains(before).sum()  # wraps modulo 2^64, as it should
    assert shapely.coverage_is_valid(after)
    moved = shapely.hausdorff_distance(*in_metres(np.array([before[0], after[0]], object)))
    assert moved <= 1.0 + 1e-3


# -- tables -----------------------------------------------------------------------------------


def record(job: str, *, dirty: bool = False, alone: bool = False, **facts: object) -> Record:
    told: dict[str, object] = {"job": job, "size": 10_000, "units": 10_500}
    return Record(**told | {"dirty": dirty, "alone": alone} | facts)  # type: ignore[arg-type] # facts of any kind


def costs(cpu_s: float) -> dict[str, Any]:  # with other facts of a record
    return {"cpu_s": cpu_s, "wall_s": 2 * cpu_s, "growth_mib": 7.0, "peak_mib": 300.0}


def a_book() -> Book:
    book = Book()
    for dirty in (False, True):
        for job, cpu_s in (("sums", 0.01), ("proof", 0.04), ("coverage_is_valid", 0.3)):
            book.add(record(job, dirty=dirty, alone=True, sound=not dirty, **costs(9.0)))
            for times_longer in (1.0, 1.1, 5.0):
                book.add(record(job, dirty=dirty, **costs(cpu_s * times_longer)))
        book.add(record("maup_doctor", dirty=dirty, alone=True, error="not installed: a | b"))
        verdict = Verdict(12 * dirty, 0, {"hole": 1.0, "leak": 0.25}, {"leak": 0.0})
        book.add(record("report", dirty=dirty, alone=True, verdict=verdict, **costs(2.0)))
        mending = Mending(90.0, 100.0, 1.0, 2, 10.0, 1, 3, 0)
        book.add(record("clean", dirty=dirty, alone=True, mending=mending, **costs(20.0)))
    return book


def test_times_are_medians_of_the_rounds_and_not_of_the_run_alone() -> None:
    told = times(a_book(), JOBS, Question.SOUND)

    assert "| **chain sums** | 11.0 ms / 22.0 ms | 11.0 ms / 22.0 ms | 0.25 | 7 MiB (10k) |" in told
    assert "| 0.33 s / 0.66 s | 0.33 s / 0.66 s | 7.50 | 7 MiB (10k) |" in told


def test_an_engine_that_could_not_run_is_a_row_that_says_so() -> None:
    told = times(a_book(), JOBS, Question.SOUND)
    [row] = [line for line in told.splitlines() if "maup" in line]
    assert row == "| maup `doctor` | not installed: a / b | not installed: a / b |  |  |"


def test_a_time_of_one_run_says_once() -> None:
    assert "20 s / 40 s (once)" in times(a_book(), JOBS, Question.REPAIR)


def test_the_table_of_findings_says_what_is_missed() -> None:
    [row] = [line for line in found(a_book(), JOBS).splitlines() if "full report" in line]
    assert row == "| **full report** | 10k | 1 | 0 | 12 | 0 | leak (25%) |"


def test_the_table_of_repairs_says_what_was_left_wrong() -> None:
    [row] = [line for line in mended(a_book(), JOBS).splitlines() if "coverage_clean" in line]
    assert row == (
        "| shapely `coverage_clean` | 10k | 90 m² | 0.900 | 1.000 | 2 | 10 m² | 1 | 3 |  |"
    )


def test_promises_are_held_against_what_was_measured() -> None:
    publishing = Publishing(
        grids=10_500,
        changes=3,
        wall_ms=60,
        sql_ms=40,
        ours_ms=20,
        ours_cpu_ms=25,
        check_ms=100,
        rows_written=2,
        rows_closed=2,
        rows=11_000,
    )
    told = promises(a_book(), publishing).splitlines()

    assert told[0] == "|  | at most | 10k |"
    assert told[2].endswith("| 1/15 | 1/30.0 |")  # 0.011 s of 0.33 s
    assert told[3].endswith("| 1/3 | 1/7.5 |")
    assert told[5].endswith("| 4.19 µs |")  # 0.044 s for 10,500 grids
    assert told[7].endswith("| 20 ms |")


def test_the_whole_text_has_all_tables_and_the_short_one_fits_the_readme() -> None:
    text = tell(a_book(), JOBS, {"processor": "one"}, None)
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == [
        "What is promised",
        "Is the level sound?",
        "Where is what wrong?",
        "The level, mended",
        "One changed wall, published",
    ]
    assert "| **full report** | 2.00 s | 1 | 0 |" in summary(a_book(), JOBS)


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for text in (tell(a_book(), JOBS, {"a": "b"}, None), tell(Book(), JOBS, {"a": "b"}, None)):
        for block in text.split("\n\n"):
            widths = {line.count("|") for line in block.splitlines() if line.startswith("|")}
            assert len(widths) <= 1


def test_numbers_are_short() -> None:
    assert [seconds(s) for s in (0.00123, 0.123, 1.234, 12.34)] == [
        "1.2 ms",
        "0.12 s",
        "1.23 s",
        "12 s",
    ]
    assert [factor(f) for f in (0.127, 1.0, 12.3)] == ["0.13", "1.00", "12"]
    assert table(["a", "b"], [], left=1) == ""


def test_text_is_put_between_markers_and_nowhere_else() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = put_between(page, "| new |")
    assert once == f"before\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"
    assert put_between(once, "| new |") == once
    with pytest.raises(ValueError, match="lacks"):
        put_between("a page without them", "text")
    put_between(PAGE.read_text("utf-8"), "text")


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "results.jsonl"
    book = Book(path, a_book().records)
    assert read_records(path) == book.records == a_book().records
    assert read_records(tmp_path / "nothing.jsonl") == []


# -- what is fetched --------------------------------------------------------------------------


def pinned(lock: Path) -> dict[str, set[str]]:
    """Return the versions that a lock names, by package."""
    out: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^ ]+)", lock.read_text(), re.MULTILINE):
        out.setdefault(name, set()).add(version)
    return out


def test_the_locks_of_the_peers_name_no_host_and_pin_everything_by_hash() -> None:
    lock = CHECKOUT / "benchmarks" / "requirements.lock"
    lines = lock.read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.lstrip().startswith("--index")]
    for number, line in enumerate(lines):
        if line[:1].isalnum():
            assert "==" in line
            assert lines[number + 1].lstrip().startswith("--hash=sha256:")

    packages = json.loads((CHECKOUT / "benchmarks" / "package-lock.json").read_text())["packages"]
    assert not [name for name, facts in packages.items() if "resolved" in facts]
    assert all("integrity" in facts for name, facts in packages.items() if name)


def test_peers_run_on_the_same_packages_as_we_do() -> None:
    ours = pinned(CHECKOUT / "requirements.lock")
    theirs = pinned(CHECKOUT / "benchmarks" / "requirements.lock")
    shared = ours.keys() & theirs.keys()
    assert {"numpy", "shapely", "pyproj"} <= shared
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}


def test_every_benchmark_that_is_listed_is_a_target() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for benchmark in BENCHMARKS:
        assert f"\n{benchmark.target}:" in makefile
