"""Load the streets that are walked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from shapely import MultiPoint

from geo.crs import Datum, convert
from geo.errors import BadInputError
from geo.snapping import MAX_REACH_M, snap
from geo.street_building import LOOSE_M, Built, Ways, build_streets, loose_ends
from sources.notices import Notice
from storage import streets, world
from storage.streets import StreetRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.streets import Streets
    from sources.streets import StreetFile

__all__ = ["LoadedStreets", "Pieces", "join_files", "load_streets", "pieces_of"]

MAX_AWAY_KM = 50.0
"""Streets that lie further from the ground than this are those of another city."""

SMALL = 0.02
"""A piece with less of the whole length is counted as small."""


SAMPLE = 2_000
"""How many addresses are tried in other datums."""

NEARER, NEARER_M = 0.5, 5.0
"""Addresses that lie twice as near to the streets in another datum, and metres nearer, are taken
for a sign that the one or the other is shifted."""

ROAD_M, ON_ROAD, FEWER = 5.0, 0.05, 1 / 3
"""So near to the middle of a street stand few houses, wherever it was counted 1 or 2 % of them, and
5 to 30 % of those that are shifted. One in twenty, and in another datum not a third of that, is a
sign, too: in blocks of some size shifted addresses may well lie nearer to the streets."""

ENOUGH = 100
"""Of fewer addresses no shares are compared."""


class Pieces(NamedTuple):
    """The pieces that a network falls into."""

    number: int
    largest_share: float
    """Of the whole length."""
    small: int
    """How many have less than 2 % of the length."""
    small_m: float
    """Their length in all."""


class LoadedStreets(NamedTuple):
    """What a load did."""

    version: str
    network: int | None
    """The id of the network that it made; None when nothing was stored."""
    changed: bool
    """Whether the streets differ from those in use."""
    notices: tuple[Notice, ...]
    """About where they lie."""


def join_files(files: Sequence[StreetFile]) -> Built:
    """Build one network of the ways of all files; extracts side by side share their nodes.

    Raises
    ------
    BadInputError
        If some have nodes and others do not, or there is no line in them.
    """
    kinds = {part.has_nodes for part in files}
    if len(kinds) > 1:
        named = ", ".join(part.file for part in files if not part.has_nodes)
        raise BadInputError(
            f"{named} has lines without OpenStreetMap's nodes, and would meet none of the others; "
            "load extracts of OpenStreetMap or layers of lines, not both",
            argument="files",
        )
    shifts = np.cumsum([0, *(len(part.lonlat) for part in files)])
    start = [part.start[:-1] + shift for part, shift in zip(files, shifts[:-1], strict=True)]
    return build_streets(
        Ways(
            start=np.concatenate([*start, shifts[-1:]]).astype(np.int64),
            lonlat=np.concatenate([part.lonlat for part in files]),
            node=np.concatenate([part.node for part in files]) if kinds == {True} else None,
            kinds=[kind for part in files for kind in part.kinds],
            names=[name for part in files for name in part.names],
        )
    )


def pieces_of(network: Streets) -> Pieces:
    """Say into which pieces a network falls."""
    share = network.piece_length_m / network.piece_length_m.sum()
    small = share < SMALL
    return Pieces(
        len(share), float(share[0]), int(small.sum()), float(network.piece_length_m[small].sum())
    )


async def load_streets(
    engine: AsyncEngine,
    built: Built,
    *,
    source: dict[str, object],
    loaded_by: str,
    dry_run: bool = False,
) -> LoadedStreets:
    """Make a network the one in use, unless it is already.

    Parameters
    ----------
    source
        What was read, for the record.
    loaded_by
        Who loads it.
    dry_run
        Whether nothing is to be stored.

    Raises
    ------
    BadInputError
        If no street lies within 50 km of the published ground, or of the addresses where no ground
        is published.
    """
    network = built.streets
    async with engine.begin() as connection:
        notices = await _look_around(connection, network)
        await streets.lock_loading(connection)
        standing = await streets.newest(connection)
        if standing is not None and standing.version == network.version:
            return LoadedStreets(network.version, None, False, notices)
        if dry_run:
            return LoadedStreets(network.version, None, True, notices)
        number = await streets.store(
            connection, street_rows(built), source=source, loaded_by=loaded_by
        )
    return LoadedStreets(network.version, number, True, notices)


def street_rows(built: Built) -> StreetRows:
    """Return a network as it is stored."""
    network = built.streets
    return StreetRows(
        version=network.version,
        lon0=network.plane.lon0,
        lat0=network.plane.lat0,
        node_lonlat=built.node_lonlat,
        a=network.a,
        b=network.b,
        length_m=network.length_m,
        line_start=network.line_start,
        line_lonlat=built.line_lonlat,
        kinds=built.kinds,
        names=built.names,
    )


async def _look_around(connection: AsyncConnection, network: Streets) -> tuple[Notice, ...]:
    """Say where the streets lie among the ground and the addresses that stand.

    Raises
    ------
    BadInputError
        If they lie elsewhere altogether.
    """
    notices = [_loose(network)]
    outline = await world.standing_outline(connection)
    places = await streets.address_places(connection)
    if outline is not None:
        notices.append(_away(network, outline.geom, "the published ground"))
    elif len(places):
        notices.append(_away(network, MultiPoint(places), "the addresses"))
    if len(places):
        notices += [_far(network, places), _shifted(network, places)]
    return tuple(notice for notice in notices if notice is not None)


def _loose(network: Streets) -> Notice | None:
    ends = loose_ends(network)
    if not len(ends):
        return None
    message = (
        f"dead ends within {LOOSE_M} m of another street that they do not meet: {len(ends):,}; "
        "where they should meet, let the two share a vertex"
    )
    return Notice("LOOSE_ENDS", message, len(ends))


def _away(network: Streets, land: BaseGeometry, what: str) -> Notice | None:
    """Return what is to be said of streets that do not lie on a ground."""
    drawn = network.plane.project(np.array([land], dtype=object))[0]
    away_km = np.inf
    if np.isfinite(shapely.get_coordinates(drawn)).all():  # not so on the other side of the Earth
        tree = shapely.STRtree(np.asarray(shapely.points(network.node_xy)))
        _, away_m = tree.query_nearest(drawn, return_distance=True, all_matches=False)
        away_km = float(away_m[0]) / 1000
    if away_km > MAX_AWAY_KM:
        told = f"{away_km:,.0f} km" if np.isfinite(away_km) else "half the Earth"
        raise BadInputError(
            f"the streets lie elsewhere: the nearest is {told} from {what}; load the streets of "
            "this city, name --crs or --datum if their coordinates are read wrongly, or begin with "
            "an empty database",
            argument="files",
        )
    if away_km > 0 and shapely.get_dimensions(drawn) > 1:
        message = f"no crossing of streets lies on {what}; the nearest is {away_km:.1f} km away"
        return Notice("ELSEWHERE", message, len(network))
    return None


def _far(network: Streets, places: NDArray[np.float64]) -> Notice | None:
    """Return how many addresses are on no street."""
    entries = snap(network, network.plane.forward(places))
    far = int((np.diff(entries.start) == 0).sum())
    if not far:
        return None
    message = (
        f"addresses more than {MAX_REACH_M:.0f} m from every street, which nobody walks to: "
        f"{far:,} of {len(places):,}"
    )
    return Notice("FAR_ADDRESSES", message, far)


def _shifted(network: Streets, places: NDArray[np.float64]) -> Notice | None:
    """Return what is to be said when addresses and streets seem to be in different datums."""
    tried = places[:: 1 + len(places) // SAMPLE]
    here_m = _walks_m(network, tried)
    others = {
        other: _walks_m(network, convert(tried, Datum.WGS84, other))
        for other in (Datum.GCJ02, Datum.BD09)
    }
    found = _much_nearer(here_m, others) or _off_the_road(here_m, others)
    if found is None:
        return None
    message = f"{found}: look which of the two are shifted, and load those again with --datum"
    return Notice("DATUM", message, len(network))


def _much_nearer(
    here_m: NDArray[np.float64], others: dict[Datum, NDArray[np.float64]]
) -> str | None:
    """Say it when the usual address lies much nearer to a street in another datum."""
    usual_m = float(np.median(here_m))
    best, best_m = min(
        ((other, float(np.median(walks_m))) for other, walks_m in others.items()),
        key=lambda pair: pair[1],
    )
    if best_m > min(NEARER * usual_m, usual_m - NEARER_M):
        return None
    return (
        f"half of the addresses lie within {usual_m:.0f} m of a street, and within {best_m:.0f} m "
        f"if the streets are in {best.value}"
    )


def _off_the_road(
    here_m: NDArray[np.float64], others: dict[Datum, NDArray[np.float64]]
) -> str | None:
    """Say it when addresses stand on the road, where no house is, and in another datum do not."""
    on_road = float((here_m < ROAD_M).mean())
    if len(here_m) < ENOUGH or on_road < ON_ROAD:
        return None
    usual_m = float(np.median(here_m))
    for other, walks_m in others.items():
        rest = float((walks_m < ROAD_M).mean())
        # where most are far from all streets, few are on the road in any datum
        if rest < FEWER * on_road and np.median(walks_m) < usual_m / NEARER:
            return (
                f"{on_road:.0%} of the addresses lie within {ROAD_M:.0f} m of the middle of a "
                f"street, and {rest:.0%} if the streets are in {other.value}"
            )
    return None


def _walks_m(network: Streets, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far places are from the nearest street, metres; far ones count as far."""
    entries = snap(network, network.plane.forward(places))
    walk_m = np.full(len(places), MAX_REACH_M)
    on_street = np.diff(entries.start) > 0
    walk_m[on_street] = entries.walk_m[entries.start[:-1][on_street]]
    return walk_m
