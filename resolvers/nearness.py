"""How far every home is from its nearest service point: once for all limits, which only cut."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo import discs, walking
from resolvers.facilities import Spot, units_at
from resolvers.held import bytes_of, digest
from resolvers.walks import Basis
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from numpy.typing import NDArray

    from resolvers.city import City, Spots
    from resolvers.context import Context

EXACT_M = 1e-6
"""Walks are exact to this: who is just as far as the limit is within it."""

FIRST_LIMIT_M = 4_000.0
"""How far is searched first from the service points of one unit, for the homes of the unit."""

_FARTHER = 8.0


@dataclass(frozen=True, eq=False)
class Nearness:
    """The walk of each of n homes to the nearest service point of a set.

    Attributes
    ----------
    name
        What it was made from: results are kept under it.
    chosen
        Numbers of the service points among those of the city, by key.
    unit
        With an own level, the unit of each of ``chosen`` on it (-1 for none); else None.
    distance_m
        Shape (n,); infinite where there is no way.
    facility
        Number of the nearest among those of the city, shape (n,), int32; -1 where there is no way.
    on_street
        Which homes enter a street, shape (n,); all of them when it is measured as the crow flies.
    asked
        Which homes have a service point that counts for them, shape (n,): with an own level those
        of which one stands in the own unit.
    """

    name: Hashable
    chosen: NDArray[np.intp]
    basis: Basis
    own_level: str | None
    unit: NDArray[np.int32] | None
    distance_m: NDArray[np.float64]
    facility: NDArray[np.int32]
    on_street: NDArray[np.bool_]
    asked: NDArray[np.bool_]

    def inside(self, metres: float) -> NDArray[np.bool_]:
        """Return which homes are within a length, shape (n,)."""
        return self.distance_m <= metres + EXACT_M

    def off_streets(self) -> NDArray[np.bool_]:
        """Return which homes are on no street and have no way, shape (n,)."""
        return ~self.on_street & ~np.isfinite(self.distance_m)

    def cut_off(self) -> NDArray[np.bool_]:
        """Return which homes are on a street from which none of their service points is reached."""
        return self.on_street & self.asked & ~np.isfinite(self.distance_m)


class _Order(NamedTuple):
    """What is to be found out; see ``Nearness``."""

    name: Hashable
    chosen: NDArray[np.intp]
    basis: Basis
    own_level: str | None
    unit: NDArray[np.int32] | None


async def nearness(
    context: Context,
    city: City,
    chosen: NDArray[np.intp],
    basis: Basis,
    *,
    own_level: str | None = None,
) -> Nearness:
    """Return how far every home is from the nearest of some service points.

    Parameters
    ----------
    chosen
        Their numbers among those of the city.
    own_level
        A level on whose units a home and its service point must agree.
    """
    standing = city.facilities
    codes = [standing.compound_code[n] or "" for n in chosen.tolist()]
    kinds = [standing.kind[n] for n in chosen.tolist()]
    there = digest(chosen, standing.row_id[chosen], standing.lonlat[chosen], *codes, *kinds)
    name = ("near", city.name, basis, there, own_level)

    async def make() -> Nearness:
        unit = await units_of(context, city, chosen, own_level) if own_level else None
        if basis is Basis.NETWORK:
            city.network()
        order = _Order(name, chosen, basis, own_level, unit)
        return await asyncio.to_thread(_nearness, city, order)

    return await context.shared.city.get(name, make, bytes_of)


async def units_of(
    context: Context, city: City, chosen: NDArray[np.intp], level: str
) -> NDArray[np.int32]:
    """Return the units of a level that service points stand in, shape (k,); -1 for none."""
    standing = city.homes.levels.get(level)
    unit = np.full(len(chosen), -1, np.int32)
    if standing is None or not len(chosen):
        return unit
    stored = city.facilities
    spots = [
        Spot(float(stored.lonlat[n, 0]), float(stored.lonlat[n, 1]), stored.compound_code[n])
        for n in chosen.tolist()
    ]
    found = await units_at(context, city.edition, level, spots, Wanted.NOTHING)
    for at, spot in enumerate(spots):
        number = standing.number(found[spot].code) if spot in found else None
        unit[at] = number if number is not None else -1
    return unit


def _nearness(city: City, order: _Order) -> Nearness:
    stands = city.stands.some(order.chosen)
    if order.unit is None or order.own_level is None:
        distance_m, start = _walks(city, stands, city.lives, order.basis)
        asked = np.full(len(city.homes), len(order.chosen) > 0)
    else:
        own = city.homes.levels.get(order.own_level)
        home = own.unit if own is not None else np.full(len(city.homes), -1, np.int32)
        distance_m, start, asked = _own_walks(city, stands, order.unit, home, order.basis)
    facility = np.full(len(start), -1, np.int32)
    found = start >= 0
    facility[found] = order.chosen[start[found]]
    on_street = np.ones(len(start), bool)
    if order.basis is Basis.NETWORK and city.lives.entries is not None:
        on_street = np.diff(city.lives.entries.start) > 0
    return Nearness(*order, distance_m, facility, on_street, asked)


def _walks(
    city: City, stands: Spots, lives: Spots, basis: Basis, *, limit_m: float = np.inf
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return each home's walk and the nearest of some places, -1 where there is no way."""
    if not len(stands) or not len(lives):
        return np.full(len(lives), np.inf), np.full(len(lives), -1, np.int32)
    if basis is Basis.RADIUS or stands.entries is None or lives.entries is None:
        by_air = discs.nearest_by_air(stands.xy, lives.xy, limit_m=limit_m)
        return by_air.distance_m, by_air.start
    walked = walking.nearest(city.network(), stands.entries, lives.entries, limit_m=limit_m)
    return behind_same_walls(stands, lives, walked.distance_m, walked.start)


def same_walls(
    stands: Spots, lives: Spots
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.float64]]]:
    """Yield each place that has homes behind the same walls: its number, theirs, and the metres."""
    walled = np.flatnonzero(lives.group >= 0)
    walled = walled[np.argsort(lives.group[walled], kind="stable")]
    first = np.searchsorted(lives.group[walled], stands.group, "left")
    last = np.searchsorted(lives.group[walled], stands.group, "right")
    for number in np.flatnonzero((stands.group >= 0) & (first < last)).tolist():
        near = walled[first[number] : last[number]]
        yield number, near, np.hypot(*(lives.xy[near] - stands.xy[number]).T)


def behind_same_walls(
    stands: Spots,
    lives: Spots,
    distance_m: NDArray[np.float64],
    start: NDArray[np.int32],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Let homes go straight to a place behind the same walls, where that is nearer.

    Returns
    -------
    tuple
        Walks and nearest places, shapes (k,); those given are left as they are.
    """
    if not (stands.group >= 0).any():
        return distance_m, start
    distance_m, start = distance_m.copy(), start.copy()
    for number, near, straight_m in same_walls(stands, lives):
        nearer = straight_m < distance_m[near]
        distance_m[near[nearer]] = straight_m[nearer]
        start[near[nearer]] = number
    return distance_m, start


def _own_walks(
    city: City,
    stands: Spots,
    stands_in: NDArray[np.int32],
    lives_in: NDArray[np.int32],
    basis: Basis,
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.bool_]]:
    """Return walks to the nearest place in the home's own unit, and for which homes there is one.

    Every unit is searched by itself, from its own places, and only as far as its own homes are.
    """
    count = len(city.homes)
    distance_m, start = np.full(count, np.inf), np.full(count, -1, np.int32)
    asked = np.zeros(count, bool)
    for number in np.unique(stands_in[stands_in >= 0]).tolist():
        mine, theirs = np.flatnonzero(stands_in == number), np.flatnonzero(lives_in == number)
        asked[theirs] = True
        far_m, nearest = _walks_within(city, stands.some(mine), city.lives.some(theirs), basis)
        distance_m[theirs] = far_m
        start[theirs] = np.where(nearest >= 0, mine[nearest], -1)
    return distance_m, start, asked


def _walks_within(
    city: City, stands: Spots, lives: Spots, basis: Basis
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the walks of a unit's homes, searched ever farther until all that can be are found."""
    limit_m = FIRST_LIMIT_M
    joined = _joined(city, stands, lives)
    while True:
        distance_m, start = _walks(city, stands, lives, basis, limit_m=limit_m)
        if not np.isfinite(limit_m) or np.isfinite(distance_m[joined]).all():
            return distance_m, start
        limit_m = limit_m * _FARTHER if limit_m < FIRST_LIMIT_M * _FARTHER else np.inf


def _joined(city: City, stands: Spots, lives: Spots) -> NDArray[np.bool_]:
    """Return which homes are on a piece of the network that some of the places are on."""
    if city.streets is None or stands.entries is None or lives.entries is None:
        return np.ones(len(lives), bool)
    streets = city.streets
    good = np.zeros(len(streets.piece_length_m), bool)
    good[streets.piece[streets.a[stands.entries.edge]]] = True
    entry = good[streets.piece[streets.a[lives.entries.edge]]]
    home = np.repeat(np.arange(len(lives)), np.diff(lives.entries.start))
    joined = np.zeros(len(lives), bool)
    joined[home[entry]] = True
    return joined
