"""What the process holds of a city: its streets, homes and service points, placed on one another.

Everything is kept under the names of what it was made from: the network's version, the edition, and
what the service points are. So it is made once, and whatever is published or loaded is seen by the
next request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo import snapping
from geo.crs import LocalMetric
from geo.errors import ConflictError, NoNetworkError
from geo.streets import Entries
from resolvers.city_homes import Homes, read_homes
from resolvers.held import bytes_of, digest
from resolvers.pictures import metric_of
from resolvers.programmes import kinds
from resolvers.walks import network_row
from storage import facilities, streets
from storage.facility_kinds import GATE

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Hashable

    from numpy.typing import NDArray

    from geo.streets import Streets
    from resolvers.context import Context
    from storage.facilities import FacilityArrays


@dataclass(frozen=True, eq=False)
class Gates:
    """The ways through the walls of compounds.

    Attributes
    ----------
    compounds
        Codes of the g compounds that have gates, in order.
    start, xy
        The gates of compound ``c`` are ``xy[start[c]:start[c + 1]]``; metres.
    land, land_group
        Polygons of these compounds, metres, and which of them each is; shape (p,).
    """

    compounds: tuple[str, ...]
    start: NDArray[np.int64]
    xy: NDArray[np.float64]
    land: NDArray[np.object_]
    land_group: NDArray[np.int32]

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.land)

    def around(self, xy: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return in which of the compounds points lie, shape (k,); -1 for none.

        On a shared border that is the one with the smallest code, as for homes.
        """
        group = np.full(len(xy), len(self.compounds), np.int32)
        point, polygon = self._tree.query(shapely.points(xy), predicate="intersects")
        np.minimum.at(group, point, self.land_group[polygon])  # compounds are in order
        return np.where(group < len(self.compounds), group, -1).astype(np.int32)


class _Points(NamedTuple):
    """What a day's service points come to, in the metres of a city."""

    gates: Gates
    walls: str
    """A name for the gates."""
    there: str
    """A name for all of the service points."""


@dataclass(frozen=True, eq=False)
class Spots:
    """k places, and how one gets from them to the streets.

    Attributes
    ----------
    xy
        Metres of the city's plane, shape (k, 2).
    group
        The gated compound that each lies in, shape (k,); -1 for none.
    entries
        Where they enter the streets; None without a network.
    """

    xy: NDArray[np.float64]
    group: NDArray[np.int32]
    entries: Entries | None

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.xy)

    def some(self, which: NDArray[np.intp]) -> Spots:
        """Return some of the places, by their numbers."""
        entries = snapping.some(self.entries, which) if self.entries is not None else None
        return Spots(self.xy[which], self.group[which], entries)


@dataclass(frozen=True, eq=False)
class City:
    """A city on one day: f service points, n homes, and the streets between them if they are known.

    Attributes
    ----------
    name
        What homes and streets were made from: results are kept under it.
    plane
        The projection of all metres.
    facilities, stands
        The service points of the day, of all kinds, by key; and where they are.
    lives
        Where the homes are.
    """

    name: Hashable
    edition: int
    day: dt.date
    plane: LocalMetric
    streets: Streets | None
    gates: Gates
    homes: Homes
    lives: Spots
    facilities: FacilityArrays
    stands: Spots

    def network(self) -> Streets:
        """Return the streets.

        Raises
        ------
        NoNetworkError
            If there are none.
        """
        if self.streets is None:
            raise NoNetworkError("no street network is loaded: load one by `wangge load streets`")
        return self.streets

    def of_kinds(self, kinds: Collection[str]) -> NDArray[np.intp]:
        """Return the numbers of the service points of some kinds."""
        return np.flatnonzero(np.isin(np.asarray(self.facilities.kind, str), list(kinds)))

    def spots(self, lonlat: NDArray[np.float64]) -> Spots:
        """Place points on the streets: those behind walls enter by the gates.

        Parameters
        ----------
        lonlat
            Degrees (WGS 84), shape (k, 2).
        """
        xy = self.plane.forward(lonlat)
        return _placed(self.streets, self.gates, xy, self.gates.around(xy))


async def look_up(context: Context, day: dt.date | None) -> None:
    """Ask for everything that a city's question needs to know first: side by side, not in turn."""
    await asyncio.gather(
        network_row(context),
        facility_stamp(context),
        kinds(context),
        context.edition_or_none(day),
        context.tree(),
    )


async def facility_stamp(context: Context) -> int:
    """Return the number that grows with every change of a service point."""
    return await context.once("facility stamp", lambda: context.ask(facilities.stamp))


async def city(context: Context, edition: int, day: dt.date) -> City:
    """Return the city of an edition and a day.

    Notes
    -----
    Two statements tell whether what is held still holds: the newest network's version and the stamp
    of the service points. What is missing is read and placed once, beside the event loop, however
    many ask for it.
    """
    return await context.once(("city", edition, day), lambda: _city(context, edition, day))


async def _city(context: Context, edition: int, day: dt.date) -> City:
    network, standing, homes = await asyncio.gather(
        _streets(context), _facilities(context, day), homes_of(context, edition)
    )
    plane = network.plane if network is not None else await _plane(context, edition, homes)
    version = network.version if network is not None else None
    specs = (await context.tree()).specs
    shared = context.shared.city
    stamp = await facility_stamp(context)

    async def name_points() -> _Points:
        return await asyncio.to_thread(_points, standing, homes, plane)

    gates, walls, there = await shared.get(
        ("points", stamp, day, edition, specs, plane), name_points, bytes_of
    )
    name = (version, plane, edition, specs, walls)

    async def place_homes() -> Spots:
        return await asyncio.to_thread(_homes_placed, network, gates, homes, plane)

    async def place_facilities() -> Spots:
        return await asyncio.to_thread(_facilities_placed, network, gates, standing, plane)

    lives, stands = await asyncio.gather(
        shared.get(("lives", name), place_homes, bytes_of),
        shared.get(("stands", name, there), place_facilities, bytes_of),
    )
    return City(name, edition, day, plane, network, gates, homes, lives, standing, stands)


async def homes_of(context: Context, edition: int) -> Homes:
    """Return the homes of an edition, read once."""
    specs = (await context.tree()).specs
    return await context.shared.city.get(
        ("homes", edition, specs), lambda: read_homes(context, edition), lambda one: one.nbytes
    )


async def _streets(context: Context) -> Streets | None:
    row = await network_row(context)
    if row is None:
        return None

    async def read() -> Streets:
        found = await context.ask(streets.read, row.id)
        if found is None:
            raise ConflictError("another street network was loaded at this moment; ask again")
        await asyncio.to_thread(lambda: found.grid)  # made when it is first asked for
        return found

    return await context.shared.city.get(("streets", row.version), read, _weigh)


def _weigh(network: Streets) -> int:
    return bytes_of(network) + bytes_of(network.grid)


async def _facilities(context: Context, day: dt.date) -> FacilityArrays:
    stamp = await facility_stamp(context)
    return await context.shared.city.get(
        ("facilities", stamp, day),
        lambda: context.ask(facilities.standing, day),
        lambda found: 200 * len(found.key),
    )


async def _plane(context: Context, edition: int, homes: Homes) -> LocalMetric:
    """Return the metres of an edition, where no streets set them."""
    return await metric_of(context, edition, np.asarray(shapely.points(homes.lonlat)))


# --- placing ------------------------------------------------------------------------------------


def _points(standing: FacilityArrays, homes: Homes, plane: LocalMetric) -> _Points:
    gates = _gates(standing, homes, plane)
    codes = [code or "" for code in standing.compound_code]
    return _Points(
        gates,
        digest(*gates.compounds, gates.start, gates.xy),
        digest(standing.row_id, standing.lonlat, *standing.kind, *codes),
    )


def _gates(standing: FacilityArrays, homes: Homes, plane: LocalMetric) -> Gates:
    """Return the gates of a day, compound by compound."""
    codes = [
        code if kind == GATE and code is not None else None
        for kind, code in zip(standing.kind, standing.compound_code, strict=True)
    ]
    compounds = tuple(sorted({code for code in codes if code is not None}))
    group_of = {code: n for n, code in enumerate(compounds)}
    group = np.array([group_of.get(code or "", -1) for code in codes], np.int64)
    gates = np.flatnonzero(group >= 0)
    gates = gates[np.argsort(group[gates], kind="stable")]
    start = np.zeros(len(compounds) + 1, np.int64)
    np.cumsum(np.bincount(group[gates], minlength=len(compounds)), out=start[1:])
    walled = [n for n, code in enumerate(homes.wall_codes) if code in group_of]
    land = plane.project(homes.walls[walled])
    land_group = np.array([group_of[homes.wall_codes[n]] for n in walled], np.int32)
    xy = plane.forward(np.asarray(standing.lonlat, np.float64).reshape(-1, 2)[gates])
    return Gates(compounds, start, xy, land, land_group)


def _homes_placed(streets: Streets | None, gates: Gates, homes: Homes, plane: LocalMetric) -> Spots:
    group_of = {code: n for n, code in enumerate(gates.compounds)}
    of_code = np.array([group_of.get(code, -1) for code in homes.compounds] or [-1], np.int32)
    group = np.where(homes.compound >= 0, of_code[homes.compound], -1).astype(np.int32)
    return _placed(streets, gates, plane.forward(homes.lonlat), group)


def _facilities_placed(
    streets: Streets | None, gates: Gates, standing: FacilityArrays, plane: LocalMetric
) -> Spots:
    """Place the service points; one in a compound is behind its walls, a gate is in them."""
    xy = plane.forward(np.asarray(standing.lonlat, np.float64).reshape(-1, 2))
    group_of = {code: n for n, code in enumerate(gates.compounds)}
    named = np.array([group_of.get(code or "", -1) for code in standing.compound_code], np.int32)
    group = np.where(named >= 0, named, gates.around(xy)).astype(np.int32)
    is_gate = np.array([kind == GATE for kind in standing.kind], bool)
    placed = _placed(streets, gates, xy, np.where(is_gate, -1, group).astype(np.int32))
    return Spots(xy, group, placed.entries)


def _placed(
    streets: Streets | None, gates: Gates, xy: NDArray[np.float64], group: NDArray[np.int32]
) -> Spots:
    if streets is None:
        return Spots(xy, group, None)
    entries = snapping.snap(streets, xy)
    if (group >= 0).any():
        entries = snapping.behind_gates(streets, entries, xy, group, gates.start, gates.xy)
    return Spots(xy, group, entries)
