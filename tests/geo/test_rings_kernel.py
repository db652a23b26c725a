"""Validity read from bytes is GEOS's own, whatever the rings look like."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from geo.chain import boundaries, chains, chains_of_wkb, parent_sums, prove_wkb
from geo.rings_kernel import BRUTE, read_polygons
from tests.geo.builders import PLANE, array, box, draw_nest, polygon
from tests.geo.strategies import seeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

Ring = list[tuple[float, float]]


def wkb_of(*rings: Sequence[tuple[float, float]]) -> bytes:
    """Return a polygon's bytes as they stand: nothing is closed, checked or left out."""
    return struct.pack("<BII", 1, 3, len(rings)) + b"".join(
        struct.pack("<I", len(ring)) + np.array(ring, "<f8").tobytes() for ring in rings
    )


def certified(wkbs: Sequence[bytes]) -> NDArray[np.bool_]:
    """Return which polygons the kernel certifies by itself."""
    size = np.array([len(wkb) for wkb in wkbs], np.int64)
    start = np.concatenate([[0], np.cumsum(size)])
    simple = np.zeros(len(wkbs), bool)
    joined = np.frombuffer(b"".join(wkbs), np.uint8)
    assert read_polygons(joined, start, np.zeros(len(wkbs), np.uint64), simple, True) == -1
    return simple


def geos_says(wkbs: Sequence[bytes]) -> list[bool]:
    """Return what GEOS makes of bytes; what it cannot read is not valid."""
    with np.errstate(invalid="ignore"):
        return [
            bool(v) for v in shapely.is_valid(shapely.from_wkb(list(wkbs), on_invalid="ignore"))
        ]


def assert_same(wkbs: Sequence[bytes]) -> None:
    """Compare with GEOS, both what is certified and what is answered."""
    theirs = geos_says(wkbs)
    nowhere = np.full(len(wkbs), -1, np.intp)

    assert prove_wkb(wkbs, nowhere, []).valid.tolist() == theirs
    assert not (certified(wkbs) & ~np.array(theirs, bool)).any()


# -- random rings ------------------------------------------------------------------------------

SCALES = [(0.0, 1.0), (120.0, 1e-9), (120.0, 1e-5), (-180.0, 1e-14), (0.0, 1e-160), (0.0, 1e200)]
"""Where a small grid lies, and how wide its steps are: down to where doubles lose its points."""


@st.composite
def rings(draw: st.DrawFn, most: int = 9) -> Ring:
    """Draw a closed ring over a grid of 5 x 5: it crosses, touches and repeats itself at will."""
    points = draw(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=most)
    )
    at, step = draw(st.sampled_from(SCALES))
    ring = [(at + x * step, at + y * step) for x, y in points]
    return [*ring, ring[0]]


@given(ring=rings())
@example(ring=[(0, 0), (2, 2), (2, 0), (0, 2), (0, 0)])  # a bow-tie
@example(ring=[(0, 0), (4, 0), (2, 2), (4, 4), (0, 4), (2, 2), (0, 0)])  # touches at (2, 2)
@example(ring=[(0, 0), (4, 0), (4, 4), (2, 0), (0, 0)])  # a vertex on an edge
@example(ring=[(0, 0), (2, 0), (4, 0), (2, 0), (2, 2), (0, 0)])  # a spike
@example(ring=[(0, 0), (1, 0), (1, 0), (1, 0), (1, 1), (0, 0), (0, 0)])  # repeated points
@example(ring=[(0, 0), (1, 0), (2, 0), (0, 0)])  # no land
def test_a_ring_is_valid_exactly_when_geos_says_so(ring: Ring) -> None:
    assert_same([wkb_of(ring)])


@given(shell=rings(6), holes=st.lists(rings(5), max_size=2))
def test_polygons_with_holes_are_valid_exactly_when_geos_says_so(
    shell: Ring, holes: list[Ring]
) -> None:
    assert_same([wkb_of(shell, *holes)])


@given(parts=st.lists(rings(5), max_size=3))
def test_multipolygons_are_valid_exactly_when_geos_says_so(parts: list[Ring]) -> None:
    assert_same([struct.pack("<BII", 1, 6, len(parts)) + b"".join(map(wkb_of, parts))])


@given(
    ring=rings(),
    which=st.integers(0, 9),
    value=st.sampled_from([np.nan, np.inf, -np.inf, 1.7e308, 5e-324, -0.0]),
)
def test_a_ring_with_an_odd_number_in_it_is_judged_as_by_geos(
    ring: Ring, which: int, value: float
) -> None:
    at = which % len(ring)
    ring[at] = (value, ring[at][1])
    if at in {0, len(ring) - 1}:
        ring[0] = ring[-1] = ring[at]
    assert_same([wkb_of(ring)])


@st.composite
def near_touches(draw: st.DrawFn) -> Ring:
    """Draw a square with a notch whose tip comes to within some roundings of the far side."""
    slope = draw(st.floats(-3.0, 3.0))
    at = draw(st.floats(0.1, 3.9))
    steps = draw(st.integers(-3, 3))
    height = slope * at
    for _ in range(abs(steps)):
        height = float(np.nextafter(height, np.inf if steps > 0 else -np.inf))
    shift = draw(st.sampled_from([0.0, 100.0]))
    ring = [(0.0, 0.0), (4.0, 4 * slope), (4.0, 20.0), (at, height), (0.0, 20.0), (0.0, 0.0)]
    return [(x + shift, y + shift) for x, y in ring]


@given(ring=near_touches())
def test_a_vertex_within_roundings_of_an_edge_is_judged_as_by_geos(ring: Ring) -> None:
    assert_same([wkb_of(ring)])


@given(
    seed=seeds,
    count=st.integers(BRUTE - 2, 4 * BRUTE),
    swaps=st.integers(0, 2),
    wild=st.floats(0.0, 0.9),
)
def test_long_rings_are_valid_exactly_when_geos_says_so(
    seed: int, count: int, swaps: int, wild: float
) -> None:
    # A star with spokes of random length; swapped corners twist it.
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(count) / count
    spokes = np.column_stack([np.cos(angles), np.sin(angles)])
    corners = spokes * rng.uniform(1 - wild, 1, (count, 1))
    for i in rng.integers(0, count - 1, swaps):
        corners[[i, i + 1]] = corners[[i + 1, i]]
    assert_same([wkb_of([*map(tuple, corners.tolist()), tuple(corners[0].tolist())])])


@pytest.mark.parametrize("count", [3, 4, 5, BRUTE, BRUTE + 1, 1000])
@pytest.mark.parametrize("turned", [False, True])
def test_regular_polygons_are_certified_either_way_round(count: int, turned: bool) -> None:
    angles = 2 * np.pi * np.arange(count + 1) / count
    corners = np.column_stack([np.cos(angles), np.sin(angles)])
    corners[-1] = corners[0]
    if turned:
        corners = corners[::-1]
    assert certified([wkb_of(list(map(tuple, corners.tolist())))]).all()


# -- what is common is certified, what is hostile ends -------------------------------------------


def test_ordinary_units_need_no_geometry() -> None:
    nest = draw_nest(np.random.default_rng(4), blocks=3, cells=5)
    geoms = PLANE.degrees(array([*nest.grids, *nest.communities]))
    as_multi = shapely.multipolygons(geoms, indices=np.arange(len(geoms)))

    assert certified(shapely.to_wkb(geoms).tolist()).all()
    assert certified(shapely.to_wkb(np.asarray(as_multi)).tolist()).all()
    ewkb = shapely.to_wkb(shapely.set_srid(geoms, 4326), include_srid=True)
    assert certified(ewkb.tolist()).all()


def test_straight_borders_with_many_nodes_are_certified() -> None:
    # A sloping edge with 50 vertices on it, rounded to the stored grid.
    along = np.linspace(0, 1, 50)[:, None]
    edge = np.array([[10.0, 10.0]]) + along * [[80.0, 37.0]]
    geom = PLANE.degrees(array([polygon(*map(tuple, edge.tolist()), (90.0, 99.0), (10.0, 99.0))]))

    assert certified(shapely.to_wkb(geom).tolist()).all()


@pytest.mark.parametrize("count", [200, 20_000])
@pytest.mark.parametrize("flip", [False, True])
def test_a_comb_of_long_teeth_is_judged_without_comparing_all_pairs(count: int, flip: bool) -> None:
    # Every tooth spans the whole width, so that sorting along the width alone helps nothing.
    y = np.arange(count, dtype=float)
    x = np.where(np.arange(count) % 2 == 0, 0.0, 1000.0)
    back = [(1001.0, float(count)), (1001.0, -1.0), (0.0, -1.0)]
    comb = [*zip(x.tolist(), y.tolist(), strict=True), *back, (0.0, 0.0)]
    ring = [(b, a) if flip else (a, b) for a, b in comb]

    assert certified([wkb_of(ring)]).all()


def test_a_ring_that_would_need_all_pairs_is_left_to_geos() -> None:
    # Crossed hatching: long edges along both axes.
    count = 4000
    step = np.arange(count, dtype=float)
    far = np.where(np.arange(count) % 2 == 0, 0.0, float(count))
    ring = [*zip(far.tolist(), step.tolist(), strict=True)]
    ring += [*zip(step.tolist(), far.tolist(), strict=True)]
    ring.append(ring[0])

    assert not certified([wkb_of(ring)]).any()


def test_a_unit_of_a_million_vertices_is_certified() -> None:
    count = 1_000_000
    angles = 2 * np.pi * np.arange(count) / count
    radius = 1 + 0.01 * np.sin(angles * 1000)
    coast = shapely.Polygon(np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]))

    assert certified([shapely.to_wkb(coast)]).all()


# -- proofs from bytes ---------------------------------------------------------------------------


@given(seed=seeds, gone=st.integers(0, 8), chunk=st.sampled_from([1, 1000, 2**25]))
def test_bytes_prove_the_same_parents_as_geometries(seed: int, gone: int, chunk: int) -> None:
    nest = draw_nest(np.random.default_rng(seed))
    # The parents' outlines carry the grids' vertices.
    grids = PLANE.degrees(array(nest.grids))
    above = array(
        shapely.coverage_union_all(grids[nest.community_of == p])
        for p in range(len(nest.communities))
    )
    kept = np.arange(len(grids)) != gone
    units, owner = shapely.to_wkb(grids[kept]).tolist(), nest.community_of[kept]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geo.wkb.CHUNK", chunk)
        proof = prove_wkb(units, owner, shapely.to_wkb(above).tolist())

    hurt = int(nest.community_of[gone])
    assert proof.proven.tolist() == [p != hurt for p in range(len(above))]
    assert proof.sums.tolist() == parent_sums(chains(grids[kept]), owner, chains(above)).tolist()
    assert proof.sums[hurt] == -chains(grids[[gone]])[0]
    assert proof.valid.all()


def test_a_twisted_unit_proves_nothing_though_the_sum_is_zero() -> None:
    whole = polygon((0, 0), (100, 0), (200, 0), (200, 200), (80, 200), (0, 200))
    one = polygon((0, 0), (100, 0), (0, 200), (80, 200))
    other = polygon(
        (0, 0), (80, 200), (0, 200), (100, 0), (200, 0), (200, 200), (80, 200), (0, 200)
    )
    wkbs = shapely.to_wkb(array([one, other, box(300, 0, 400, 100)])).tolist()
    above = shapely.to_wkb(array([whole, box(300, 0, 400, 100)])).tolist()

    proof = prove_wkb(wkbs, np.array([0, 0, 1]), above)

    assert proof.sums.tolist() == [0, 0]
    assert proof.valid.tolist() == [False, False, True]
    assert proof.proven.tolist() == [False, True]


def test_units_of_no_parent_and_no_units_at_all_are_no_trouble() -> None:
    square = shapely.to_wkb(box(0, 0, 1, 1))

    assert prove_wkb([], np.zeros(0, np.intp), []).proven.shape == (0,)
    assert prove_wkb([], np.zeros(0, np.intp), [square]).proven.tolist() == [False]
    tie = shapely.to_wkb(polygon((0, 0), (1, 1), (1, 0), (0, 1)))
    assert prove_wkb([square, tie], np.array([0, -1]), [square]).proven.tolist() == [True]


@pytest.mark.parametrize("cut", [3, 8, 12, 20, 90])
def test_bytes_that_are_cut_short_are_refused(cut: int) -> None:
    fine, bad = shapely.to_wkb(box(0, 0, 1, 1)), shapely.to_wkb(box(0, 0, 1, 1))[:cut]

    with pytest.raises(ValueError, match="geometry 1 is no"):
        chains_of_wkb([fine, bad, fine])
    with pytest.raises(ValueError, match="geometry 1 is no"):
        prove_wkb([fine, bad], np.zeros(2, np.intp), [fine])


@given(junk=st.binary(max_size=120), head=st.sampled_from([b"", b"\x01\x03", b"\x01\x06\0\0\0"]))
def test_bytes_of_any_kind_are_read_or_refused(junk: bytes, head: bytes) -> None:
    try:
        chains_of_wkb([head + junk])
    except ValueError as error:
        assert "geometry 0" in str(error)  # noqa: PT017  # either is right


def test_missing_geometries_are_refused_by_their_number() -> None:
    with pytest.raises(ValueError, match=r"\[1\] are missing"):
        prove_wkb([shapely.to_wkb(box(0, 0, 1, 1)), None], np.zeros(2, np.intp), [])


@given(seed=seeds)
def test_geometries_are_judged_as_their_bytes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    geoms = array(
        shapely.Polygon(rng.integers(0, 4, (rng.integers(4, 8), 2)).astype(float))
        for _ in range(20)
    )
    chain, valid = boundaries(geoms)

    assert valid.tolist() == shapely.is_valid(geoms).tolist()
    assert chain.tolist() == chains(geoms).tolist()


# -- cases that others have collected ------------------------------------------------------------


def jts_cases(file: Path) -> list[BaseGeometry]:
    """Return the polygons of an XML file of the JTS test suite."""
    found = re.findall(r"<a>\s*(.*?)\s*</a>", file.read_text(encoding="utf-8"), re.DOTALL)
    geoms = [shapely.from_wkt(text, on_invalid="ignore") for text in found]
    return [g for g in geoms if g is not None and g.geom_type in {"Polygon", "MultiPolygon"}]


@pytest.mark.real
def test_the_validity_cases_of_jts_are_judged_as_by_geos(real_data: Path) -> None:
    geoms = jts_cases(real_data / "a_defects/jts_TestValid2.xml")

    assert len(geoms) > 200
    assert_same(shapely.to_wkb(array(geoms), output_dimension=2, byte_order=1).tolist())
    simple = certified(shapely.to_wkb(array(geoms), output_dimension=2, byte_order=1).tolist())
    assert simple.any()
