"""Points to units, with the border rule: see :mod:`resolvers.border_rule`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from geo.crs import Datum, convert, round9, round9_one
from geo.levels import Tiling
from resolvers.border_rule import choice_of, choose, deciding_of, pool_of
from resolvers.context import State
from resolvers.paging import check_length, check_text
from resolvers.place_codes import OUTSIDE, NoUnit, PlaceCodeRow
from resolvers.standing import held
from resolvers.units import by_keys
from storage import places, waived_land
from storage.units import UnitRow, Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resolvers.context import Context
    from resolvers.tree import Tree

MAX_POINTS = 10_000
"""The most points of one batch."""


class Point(NamedTuple):
    """A place in degrees of a datum."""

    lon: float
    lat: float
    datum: Datum = Datum.WGS84


@dataclass(frozen=True)
class Points:
    """Many places.

    Attributes
    ----------
    lonlat
        Degrees, shape (n, 2).
    datums
        What they refer to, n of them; None where all are WGS 84.
    """

    lonlat: NDArray[np.float64]
    datums: Sequence[Datum] | None

    def __len__(self) -> int:
        return len(self.lonlat)

    @classmethod
    def of(cls, points: Sequence[Point]) -> Points:
        """Return points as numbers."""
        given = np.array([(point.lon, point.lat) for point in points], np.float64)
        datums = [point.datum for point in points]
        plain = all(datum is Datum.WGS84 for datum in datums)
        return cls(given.reshape(-1, 2), None if plain else datums)


@dataclass(frozen=True)
class PlaceRow:
    """Where a point is.

    Attributes
    ----------
    level
        The level asked for, by default the lowest tiling one.
    units
        One of each tiling level, from the top level down.
    hits
        Every unit of any level that touches the point, by code.
    lon, lat
        The point in WGS 84; None when it is none.
    compound_code
        What the address names, when it is one.
    shown
        What answers show of all places that have these units, by what shows it; None where that
        is not kept.
    """

    edition: int | None
    level: str
    units: tuple[UnitRow, ...] = ()
    hits: tuple[UnitRow, ...] = ()
    on_border: bool = False
    reason: NoUnit | None = None
    lon: float | None = None
    lat: float | None = None
    compound_code: str | None = None
    shown: dict[Any, Any] | None = field(default=None, compare=False)


async def place_at(
    context: Context,
    point: Point,
    *,
    level: str | None,
    as_of: dt.date | None,
    wanted: Wanted,
    compound_code: str | None = None,
) -> PlaceRow:
    """Return where a point is.

    Raises
    ------
    UnknownError
        If there is no such level.
    """
    tree = await context.tree()
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    here = one_to_wgs84(point)
    if here is None:
        return PlaceRow(None, asked, reason=NoUnit.BAD_POINT)
    edition = await context.edition_or_none(as_of)
    if edition is None:
        return PlaceRow(None, asked, reason=NoUnit.NO_EDITION)
    lon, lat = here
    standing = held(context, edition.number, wanted)
    inside = standing.touching(lon, lat) if standing is not None else None
    if inside is not None:
        touching = [(row, False) for row in inside]
    else:
        touching = await context.ask(places.touching, edition.number, lon, lat, wanted=wanted)
    hits = [row for row, _ in touching]
    border = {(row.level, row.code) for row, on_border in touching if on_border}
    chosen = choice_of(tree, hits, asked, border)
    place = PlaceRow(
        edition=edition.number,
        level=asked,
        units=chosen.units,
        hits=chosen.hits,
        on_border=chosen.on_border,
        lon=lon,
        lat=lat,
        compound_code=compound_code,
    )
    if chosen.is_there or await _named(context, place, asked, wanted):
        return place
    levels = tree.upward(asked)
    [waived] = await _blank_at(context, edition.number, levels, np.array([here]))
    return _without(place, NoUnit.WAIVED_BLANK if waived else NoUnit.OUTSIDE)


def _without(place: PlaceRow, reason: NoUnit) -> PlaceRow:
    return PlaceRow(**{**vars(place), "reason": reason})


async def place_of(
    context: Context, key: str, *, level: str | None, as_of: dt.date | None, wanted: Wanted
) -> PlaceRow | None:
    """Return where an address is; None when there is none of that key."""
    check_text("address", key)
    tree = await context.tree()
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    edition = await context.edition_or_none(as_of)
    if edition is None:
        return PlaceRow(None, asked, reason=NoUnit.NO_EDITION)
    found = await context.ask(places.address_point, edition.number, key)
    if found is None:
        return None
    return await place_at(
        context,
        Point(found.lon, found.lat),
        level=level,
        as_of=as_of,
        wanted=wanted,
        compound_code=found.compound_code,
    )


async def places_at(
    context: Context, points: Points, *, level: str | None, as_of: dt.date | None
) -> list[PlaceCodeRow]:
    """Return the unit of one level for each of many points, in their order.

    One statement, and one more where some are in no unit.

    Raises
    ------
    LimitExceededError, UnknownError
        If there are more than ``MAX_POINTS``, or there is no such level.
    """
    check_length("points", points, MAX_POINTS)
    tree = await context.tree()
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    lonlat, good = to_wgs84(points)
    edition = await context.edition_or_none(as_of)
    answers = [PlaceCodeRow(None, on_border=False, reason=NoUnit.BAD_POINT)] * len(points)
    if edition is None:
        no_edition = PlaceCodeRow(None, on_border=False, reason=NoUnit.NO_EDITION)
        return [no_edition if fine else bad for fine, bad in zip(good, answers, strict=True)]
    if not good.any():
        return answers
    levels = looked_at(tree, asked)
    mine = lonlat if good.all() else lonlat[good]
    if len(levels) == 1:
        found = await _only_many(context, tree, edition.number, mine, asked)
    else:
        hits = await _touching_many(context, edition.number, mine, levels)
        found = [_code_of(tree, some, asked) for some in hits]
    if len(mine) == len(points):
        answers = found
    else:
        for index, answer in zip(np.flatnonzero(good).tolist(), found, strict=True):
            answers[index] = answer
    lost = [i for i, (_, _, reason) in enumerate(answers) if reason is NoUnit.OUTSIDE]
    if lost:
        levels = tree.upward(asked)
        waived = await _blank_at(context, edition.number, levels, lonlat[lost])
        for index in np.array(lost)[waived].tolist():
            answers[index] = answers[index]._replace(reason=NoUnit.WAIVED_BLANK)
    return answers


def looked_at(tree: Tree, asked: str) -> list[str]:
    """Return the levels that say which unit of one a point is in, lowest first.

    What lies above the asked level decides nothing.
    """
    branch = tree.branch(asked)
    return [asked] if asked not in branch else branch[: branch.index(asked) + 1]


async def _blank_at(
    context: Context, edition: int, levels: Sequence[str], lonlat: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points lie in waived land of some levels; most editions have none."""
    there = held(context, edition, Wanted.NOTHING)
    if there is not None and not there.waived.intersection(levels):
        return np.zeros(len(lonlat), bool)
    found = await context.ask(waived_land.blank_at, edition, levels, lonlat)
    return np.asarray(found, bool)


async def _only_many(
    context: Context, tree: Tree, edition: int, lonlat: NDArray[np.float64], level: str
) -> list[PlaceCodeRow]:
    """Return the answer for each point where no other level has a say.

    As with ``_touching_many``, the database is asked where no units are held, and for those points
    of which what is held says nothing.
    """
    there = held(context, edition, Wanted.NOTHING)
    only = there.only(level, lonlat) if there is not None else None
    if only is None:
        found = await _touching_many(context, edition, lonlat, [level])
        return [_code_of(tree, hits, level) for hits in found]
    answers = only.answers
    if only.unsure.any():
        placed = await context.ask(places.touching_many, edition, lonlat[only.unsure], [level])
        for at, hits in zip(np.flatnonzero(only.unsure).tolist(), placed, strict=True):
            answers[at] = _code_of(tree, hits, level)
    return answers


async def _touching_many(
    context: Context, edition: int, lonlat: NDArray[np.float64], levels: Sequence[str]
) -> Sequence[Sequence[places.Hit]]:
    """Return the units of some levels that touch each point, by code.

    The database is asked where no units are held, and for those points that lie near a border:
    on a border it has the word.
    """
    there = held(context, edition, Wanted.NOTHING)
    if there is None:
        return await context.ask(places.touching_many, edition, lonlat, levels)
    found, unsure = there.touching_many(lonlat, levels)
    if unsure.any():
        placed = await context.ask(places.touching_many, edition, lonlat[unsure], levels)
        for at, hits in zip(np.flatnonzero(unsure).tolist(), placed, strict=True):
            found[at] = hits
    return found


def _code_of(tree: Tree, hits: Sequence[places.Hit], asked: str) -> PlaceCodeRow:
    if not hits:
        return OUTSIDE
    if len(hits) == 1 and hits[0].level == asked:  # nothing to choose from
        return PlaceCodeRow(hits[0].code, hits[0].border, None)
    chosen = choose(tree, hits, asked)
    deciding = deciding_of(tree, hits, asked, chosen)
    on_border = len(deciding) > 1 or any(hit.border for hit in deciding)
    pool = chosen if tree.get(asked).tiling is Tiling.TILES else hits
    code = next((hit.code for hit in pool if hit.level == asked), None)
    return PlaceCodeRow(code, on_border, None if code is not None else NoUnit.OUTSIDE)


def unit_of(tree: Tree, place: PlaceRow, level: str) -> UnitRow | None:
    """Return the unit of a level where a point is, from what was read already.

    Raises
    ------
    UnknownError
        If there is no such level.
    """
    pool = pool_of(tree, level, place.units, place.hits)
    return next((row for row in pool if row.level == level), None)


async def unit_at(context: Context, place: PlaceRow, level: str, wanted: Wanted) -> UnitRow | None:
    """Return the unit of a level of any kind: the compound that an address names, first."""
    tree = await context.tree()
    there = unit_of(tree, place, level)
    return await _named(context, place, level, wanted) or there


async def _named(context: Context, place: PlaceRow, level: str, wanted: Wanted) -> UnitRow | None:
    """Return the unit of a DISJOINT level that the address names, where it lies in that one."""
    tree = await context.tree()
    if place.compound_code is None or tree.get(level).tiling is Tiling.TILES:
        return None
    key = (State(place.edition), level, place.compound_code)
    return (await by_keys(context, [key], wanted)).get(key)


async def nearest(
    context: Context, place: PlaceRow, wanted: Wanted
) -> tuple[UnitRow, float] | None:
    """Return the nearest unit of the asked level and how far it is, when the point is in none."""
    if place.reason not in {NoUnit.OUTSIDE, NoUnit.WAIVED_BLANK} or place.edition is None:
        return None
    if place.lon is None or place.lat is None:
        return None
    return await context.ask(
        places.nearest, place.edition, place.level, place.lon, place.lat, wanted=wanted
    )


def one_to_wgs84(point: Point) -> tuple[float, float] | None:
    """Return the degrees of one point, rounded to 1e-9; None where it is none."""
    if point.datum is Datum.WGS84:
        if abs(point.lon) <= 180.0 and abs(point.lat) <= 90.0:  # noqa: PLR2004 - degrees
            return round9_one(point.lon), round9_one(point.lat)
        return None
    lonlat, good = to_wgs84(Points.of([point]))
    if not good[0]:
        return None
    lon, lat = lonlat[0].tolist()
    return lon, lat


def to_wgs84(points: Points) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return degrees rounded to 1e-9, shape (n, 2), and which points are any, shape (n,)."""
    good = _on_earth(points.lonlat)
    if points.datums is None and good.all():
        return round9(points.lonlat), good
    lonlat = np.zeros_like(points.lonlat)
    for datum in Datum:
        if points.datums is None and datum is not Datum.WGS84:
            continue
        mine = good
        if points.datums is not None:
            mine = good & np.array([one is datum for one in points.datums], bool)
        lonlat[mine] = round9(convert(points.lonlat[mine], datum, Datum.WGS84))
    return lonlat, good & _on_earth(lonlat)


def _on_earth(lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points have a longitude and a latitude; NaN has none."""
    return np.asarray((np.abs(lonlat[:, 0]) <= 180.0) & (np.abs(lonlat[:, 1]) <= 90.0))  # noqa: PLR2004 - degrees
