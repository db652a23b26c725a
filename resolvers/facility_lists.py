"""Loads service points from lists, all or nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.errors import BadInputError, UnknownError
from resolvers import opening
from resolvers.naming import search_text
from resolvers.stretches import Said, Stretch, plan
from sources.notices import Notice
from storage import facility_ground, facility_kinds, facility_states
from storage.facility_kinds import GATE, KindRow
from storage.facility_states import FacilityContent, FacilityState, canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from resolvers.stretches import Plan
    from sources.facilities import FacilityFile
    from storage.facility_ground import Box

Day = dt.date

MAX_NAMED = 5
"""How many keys a message names before it only counts."""

FAR_KM = 100.0
"""Farther from the city's box than this, a place is a slip: exchanged columns, another zone."""

KM_A_DEGREE = 111.2
"""Of latitude; of longitude that times the cosine."""


class LoadedFacilities(NamedTuple):
    """What a load did."""

    added: int
    changed: int
    unchanged: int
    ended: int
    new_kinds: tuple[str, ...]
    notices: tuple[Notice, ...]
    """What those who sent the list should know, though it was taken."""


class Listed(NamedTuple):
    """Service points of all lists together, by what is said of each."""

    said: list[Said[FacilityContent]]
    new_kinds: tuple[KindRow, ...]


async def load_facilities(
    engine: AsyncEngine,
    *lists: FacilityFile,
    changed_by: str,
    day: Day,
    replace: bool = False,
    new_kinds: bool = False,
) -> LoadedFacilities:
    """Store service points, all or nothing; the same list once more changes nothing.

    Parameters
    ----------
    lists
        One or several, with keys that differ.
    day
        The day from which they are true, where a row does not begin later: what is otherwise
        ends on it and begins anew.
    replace
        Whether the lists together are the whole truth from that day on: what they do not name
        ends.
    new_kinds
        Whether kinds that are not known are taken up.

    Raises
    ------
    BadInputError
        If a key stands there twice, a place is far from the city, or days cannot be.
    UnknownError
        If a kind is not known.
    ConflictError
        If somebody else changed the same meanwhile.
    """
    _refuse_doubles(lists)
    async with engine.begin() as connection:
        await facility_states.lock_loading(connection)
        _refuse_far(lists, await facility_ground.standing_box(connection))
        listed = _listed(lists, await facility_kinds.kinds(connection), new_kinds=new_kinds)
        keys = None if replace else [one.key for one in listed.said]
        # Rows are locked before anything is written, as by all who change them: else two could
        # wait for each other.
        stored = await facility_states.states(connection, keys)
        await facility_kinds.put(connection, listed.new_kinds)
        made = plan(stretches(stored), listed.said, day, replace=replace)
        await write_plan(connection, made, changed_by)
    kinds = tuple(kind.key for kind in listed.new_kinds)
    counts = made.added, made.changed, made.unchanged, made.ended
    return LoadedFacilities(*counts, kinds, tuple(_notices(listed.said)))


def stretches(
    stored: Mapping[str, Sequence[FacilityState]],
) -> dict[str, list[Stretch[FacilityContent]]]:
    """Return stored states as the plan takes them."""
    return {key: [Stretch(*state) for state in states] for key, states in stored.items()}


async def write_plan(
    connection: AsyncConnection, made: Plan[FacilityContent], changed_by: str
) -> None:
    """Write what a plan says, in somebody's name."""
    await facility_states.write(
        connection,
        begun=[_found_by(state) for state in made.begun],
        mended=[_found_by(state) for state in made.mended],
        dropped=made.dropped,
        changed_by=changed_by,
    )


def _found_by(state: Stretch[FacilityContent]) -> tuple[FacilityState, str]:
    return FacilityState(*state), search_text(state.key, state.content.name)


def far_away(lonlat: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    """Return which points lie far from a box, shape (n,).

    Parameters
    ----------
    lonlat
        Degrees, shape (n, 2).
    """
    west, south, east, north = box
    lon, lat = lonlat[:, 0], lonlat[:, 1]
    turns = [np.maximum(west - lon - turn, lon + turn - east) for turn in (-360.0, 0.0, 360.0)]
    across = np.maximum(np.min(turns, axis=0), 0.0) * np.cos(np.radians((south + north) / 2))
    along = np.maximum(np.maximum(south - lat, lat - north), 0.0)
    return np.asarray(np.hypot(across, along) * KM_A_DEGREE > FAR_KM)


def _refuse_doubles(lists: Sequence[FacilityFile]) -> None:
    counts = Counter(key for part in lists for key in part.keys)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise BadInputError(
            f"service points {_some(twice)} stand there more than once; give each key one row",
            argument="facilities",
        )


def _refuse_far(lists: Sequence[FacilityFile], box: Box | None) -> None:
    if box is None:
        return
    far = [
        part.keys[place]
        for part in lists
        for place in np.flatnonzero(far_away(part.lonlat, box)).tolist()
    ]
    if far:
        raise BadInputError(
            f"service points {_some(far)} lie more than {FAR_KM:.0f} km from the city; name "
            "the coordinate system by --crs, or the columns by --columns lon=…,lat=…",
            argument="facilities",
        )


def _listed(lists: Sequence[FacilityFile], known: Sequence[KindRow], *, new_kinds: bool) -> Listed:
    """Return what the lists say, with the kinds that are to be taken up."""
    keys = _kind_keys(known)
    sent = dict.fromkeys(kind for part in lists for kind in part.kinds)
    fresh = [kind for kind in sent if kind.casefold() not in keys]
    if fresh and not new_kinds:
        options = sorted(kind.key for kind in known)
        raise UnknownError(
            f"there is no kind {_some(fresh)} of service points; the kinds are "
            f"{', '.join(options) or 'none yet'}; describe it in a file for `wangge load "
            "programmes`, or take up what the file names by --new-kinds",
            argument="kind",
            options=options,
        )
    keys |= {kind.casefold(): kind for kind in fresh}
    said = [one for part in lists for one in _said(part, keys)]
    return Listed(said, tuple(KindRow(kind, kind, ()) for kind in fresh))


def _kind_keys(known: Sequence[KindRow]) -> dict[str, str]:
    """Return the keys of kinds by keys and names; a name that two kinds have says nothing."""
    names = Counter(kind.name.casefold() for kind in known)
    by_name = {kind.name.casefold(): kind.key for kind in known if names[kind.name.casefold()] == 1}
    return by_name | {kind.key.casefold(): kind.key for kind in known}


def _said(part: FacilityFile, kinds: Mapping[str, str]) -> Iterable[Said[FacilityContent]]:
    """Yield what a list says, one by one."""
    for place, key in enumerate(part.keys):
        lon, lat = part.lonlat[place].tolist()
        content = FacilityContent(
            kind=kinds[part.kinds[place].casefold()],
            name=part.labels[place],
            lon=lon,
            lat=lat,
            floor_area_m2=part.floor_areas[place],
            rooms=tuple(part.rooms[place]),
            opening_hours=part.opening_hours[place],
            compound_code=part.compounds[place],
            properties=canonical_json(part.properties[place]),
        )
        yield Said(key, content, _day(part.since[place]), _day(part.until[place]))


def _day(text: str | None) -> Day | None:
    return None if text is None else Day.fromisoformat(text)


def _notices(said: Sequence[Said[FacilityContent]]) -> Iterable[Notice]:
    """Yield what was taken though it may not be meant so."""
    hours = {one.key: one.content.opening_hours for one in said if one.content.opening_hours}
    readable = {text: opening.understood(text) for text in set(hours.values())}
    unread = [key for key, text in hours.items() if not readable[text]]
    if unread:
        yield Notice(
            "OPENING_HOURS",
            f"the opening hours of {_some(unread)} cannot be understood, e.g. "
            f"{hours[unread[0]]!r}: they are kept, but nobody finds them open; write them as "
            "OpenStreetMap does, e.g. Mo-Fr 09:00-17:00; Sa 09:00-12:00",
            len(unread),
        )
    astray = [one.key for one in said if one.content.kind == GATE and not one.content.compound_code]
    if astray:
        yield Notice(
            "GATE_OF_NONE",
            f"the gates {_some(astray)} name no compound: they open no wall, and their compounds "
            "count as open on all sides; give the compound's code in the column compound",
            len(astray),
        )


def _some(keys: Sequence[str]) -> str:
    """Name the first keys, and say how many more there are."""
    named = ", ".join(repr(key[:80]) for key in keys[:MAX_NAMED])
    return f"{named} and {len(keys) - MAX_NAMED} more" if len(keys) > MAX_NAMED else named
