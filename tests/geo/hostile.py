"""Polygons that are meant to hurt: huge, piled up, entangled, or no land at all, in metres.

Each builder takes a size, so that a test can draw small what a trial by hand draws large. They are
drawn around the origin, and put somewhere on the ground by :func:`at`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely import Polygon

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

CRS = "EPSG:4547"
"""CGCS2000, three-degree zone around 114 degrees east: metres."""

PLACE = (500_000.0, 3_400_000.0)
"""A place in that zone: x, y."""


def array(geoms: Iterable[BaseGeometry]) -> NDArray[np.object_]:
    """Return geometries as an array of objects, shape (n,)."""
    given = list(geoms)
    out = np.empty(len(given), object)
    out[:] = given
    return out


def at(geoms: NDArray[np.object_], place: tuple[float, float] = PLACE) -> NDArray[np.object_]:
    """Return geometries moved from the origin to a place, shape (n,)."""
    return np.asarray(shapely.transform(geoms, lambda xy: xy + place))


def circle(vertices: int, step_m: float = 0.1) -> NDArray[np.object_]:
    """Return one unit, round, whose vertices are ``step_m`` apart."""
    turn = np.arange(vertices) * (2 * np.pi / vertices)
    radius = step_m * vertices / (2 * np.pi)
    return array([Polygon(radius * np.column_stack([np.cos(turn), np.sin(turn)]))])


def comb(vertices: int, tooth_m: float = 50.0) -> NDArray[np.object_]:
    """Return one unit: a bar with ``vertices / 4`` teeth, half a metre wide and as far apart.

    ::

        |-| |-| |-|
        | |_| |_| |
        |_________|
    """
    teeth = vertices // 4
    x = np.arange(2 * teeth) * 0.5
    top = np.column_stack([np.repeat(x, 2), np.tile([0.0, tooth_m, tooth_m, 0.0], teeth)])
    return array([Polygon([(0.0, -1.0), *top.tolist(), (float(x[-1]), -1.0)])])


def spiral(vertices: int) -> NDArray[np.object_]:
    """Return one unit: a band a metre wide that winds outwards, a metre from its former turn."""
    turn = np.linspace(2 * np.pi, 2 * np.pi * (2 + np.sqrt(vertices) / 8), vertices // 2)
    inner = turn / np.pi
    ray = np.column_stack([np.cos(turn), np.sin(turn)])
    there, back = inner[:, None] * ray, (inner[:, None] + 1) * ray
    return array([Polygon(np.concatenate([there, back[::-1]]))])


def equal(count: int) -> NDArray[np.object_]:
    """Return ``count`` times the same square."""
    return array([shapely.box(0, 0, 100, 100)] * count)


def nearly_equal(count: int, noise_m: float) -> NDArray[np.object_]:
    """Return squares whose corners lie within ``noise_m`` of one another, each pair crossing."""
    rng = np.random.default_rng(7)
    corners = np.array([[0, 0], [100, 0], [100, 100], [0, 100]], float)
    return array(Polygon(corners + rng.uniform(-noise_m, noise_m, (4, 2))) for _ in range(count))


def concentric(count: int, step_m: float = 1.0) -> NDArray[np.object_]:
    """Return squares around one centre, each a step larger than the one before it."""
    half = (1 + np.arange(count)) * step_m
    return np.asarray(shapely.box(-half, -half, half, half))


def spiked(spikes: int, width_m: float) -> NDArray[np.object_]:
    """Return a square from whose south side spikes stick out, 30 m long and ``width_m`` wide.

    Spikes of no width go out and straight back.
    """
    west = np.arange(1, spikes + 1) * 1.0
    x = np.column_stack([west, west + width_m / 2, west + width_m])
    y = np.tile([0.0, -30.0, 0.0], (spikes, 1))
    side = np.column_stack([x.ravel(), y.ravel()])
    east = spikes + 2.0
    return array([Polygon([(0, 0), *side.tolist(), (east, 0), (east, 50), (0, 50)])])


def perforated(holes: int) -> NDArray[np.object_]:
    """Return a square with holes, half a metre wide and two metres apart."""
    side = int(np.ceil(np.sqrt(holes)))
    i, j = np.divmod(np.arange(holes), side)
    small = shapely.box(2 * i + 0.5, 2 * j + 0.5, 2 * i + 1, 2 * j + 1)
    rings = shapely.get_coordinates(shapely.get_exterior_ring(small)).reshape(holes, -1, 2)
    rim = shapely.box(0, 0, 2 * side + 1, 2 * side + 1).exterior
    return array([Polygon(rim, list(rings))])


def scattered(parts: int) -> NDArray[np.object_]:
    """Return one unit of that many squares, a metre wide and two metres apart."""
    side = int(np.ceil(np.sqrt(parts)))
    i, j = np.divmod(np.arange(parts), side)
    return array([shapely.MultiPolygon(shapely.box(2 * i, 2 * j, 2 * i + 1, 2 * j + 1).tolist())])


def piled_parts(parts: int) -> NDArray[np.object_]:
    """Return one unit whose parts overlap: squares, each a metre east of the one before it."""
    west = np.arange(parts) * 1.0
    south, north = np.zeros(parts), np.full(parts, 10.0)
    return array([shapely.MultiPolygon(shapely.box(west, south, west + 10, north).tolist())])


def star(strips: int) -> NDArray[np.object_]:
    """Return strips a metre wide and 2 km long through one place, each pair crossing."""
    turn = np.arange(strips) * (np.pi / strips)
    along = np.column_stack([np.cos(turn), np.sin(turn)]) * 1000
    across = np.column_stack([-np.sin(turn), np.cos(turn)]) * 0.5
    corners = np.stack([-along - across, along - across, along + across, -along + across], axis=1)
    return np.asarray(shapely.polygons(corners))


def woven(strips: int) -> NDArray[np.object_]:
    """Return strips a metre wide, half of them running east and half north, as a fabric."""
    half = strips // 2
    low = 2.0 * np.arange(half)
    near, far = np.zeros(half), np.full(half, 2.0 * half)
    east = shapely.box(near, low, far, low + 1)
    north = shapely.box(low, near, low + 1, far)
    return np.concatenate([np.asarray(east), np.asarray(north)])


def flat(count: int) -> NDArray[np.object_]:
    """Return units without land: rings that go out and straight back, or stay at one place."""
    there = np.arange(count) * 10.0
    lines = [[(x, 0), (x + 5, 5), (x, 0), (x, 0)] for x in there[: count // 2].tolist()]
    spots = [[(x, 50)] * 4 for x in there[count // 2 :].tolist()]
    return array(Polygon(ring) for ring in lines + spots)
