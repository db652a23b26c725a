"""Points to units, with the border rule.

A point on a shared border belongs to the lowest tiling unit with the bytewise smallest code, and
the other levels of that branch are that unit's ancestors: one answer never contradicts itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np

from geo.crs import Datum, convert, round9, round9_one
from geo.levels import Tiling
from resolvers.context import State
from resolvers.paging import check_length, check_text
from resolvers.place_codes import OUTSIDE, Codes, NoUnit, PlaceCodeRow
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


class _Named(Protocol):
    """What the border rule looks at."""

    @property
    def level(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def parent_code(self) -> str | None: ...


N = TypeVar("N", bound=_Named)


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


class Choice(NamedTuple):
    """What is chosen of the units that touch a point."""

    units: tuple[UnitRow, ...]
    hits: tuple[UnitRow, ...]
    on_border: bool
    is_there: bool
    """Whether the asked level has a unit there."""


def place_at_once(
    context: Context, point: Point, *, level: str | None, as_of: dt.date | None, wanted: Wanted
) -> PlaceRow | None:
    """Return the same as :func:`place_at`; None where something has to be asked or waited for."""
    tree, edition = context.noted_tree(), context.noted_edition(as_of)
    if tree is None or edition is None:
        return None
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    here, standing = _one_to_wgs84(point), held(context, edition.number, wanted)
    if here is None or standing is None:
        return None
    chosen = standing.choice(*here, (tree, asked), lambda hits: _choice(tree, hits, asked, set()))
    if chosen is None or not chosen.is_there:
        return None
    units, hits, on_border, _ = chosen
    return PlaceRow(edition.number, asked, units, hits, on_border, None, *here)


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
    here = _one_to_wgs84(point)
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
    chosen = _choice(tree, hits, asked, border)
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


def _choice(
    tree: Tree, hits: Sequence[UnitRow], asked: str, border: set[tuple[str, str]]
) -> Choice:
    """Return what is chosen of units that touch a point, by code.

    Parameters
    ----------
    border
        Levels and codes of those on whose border it lies.
    """
    chosen = choose(tree, hits, asked)
    deciding = _deciding(tree, hits, asked, chosen)
    units = tuple(sorted(chosen, key=lambda row: tree.get(row.level).rank))
    on_border = len(deciding) > 1 or any((u.level, u.code) in border for u in deciding)
    pool = _pool(tree, asked, units, hits)
    return Choice(units, tuple(hits), on_border, any(row.level == asked for row in pool))


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
    lonlat, good = _to_wgs84(points)
    edition = await context.edition_or_none(as_of)
    answers = [PlaceCodeRow(None, on_border=False, reason=NoUnit.BAD_POINT)] * len(points)
    if edition is None:
        no_edition = PlaceCodeRow(None, on_border=False, reason=NoUnit.NO_EDITION)
        return [no_edition if fine else bad for fine, bad in zip(good, answers, strict=True)]
    if not good.any():
        return answers
    looked_at = _looked_at(tree, asked)
    mine = lonlat if good.all() else lonlat[good]
    if len(looked_at) == 1:
        found = await _only_many(context, tree, edition.number, mine, asked)
    else:
        hits = await _touching_many(context, edition.number, mine, looked_at)
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


def places_at_once(
    context: Context, points: Points, *, level: str | None, as_of: dt.date | None
) -> Codes | None:
    """Return the same as :func:`places_at`; None where something has to be asked or waited for."""
    check_length("points", points, MAX_POINTS)
    tree, edition = context.noted_tree(), context.noted_edition(as_of)
    if tree is None or edition is None:
        return None
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    there = held(context, edition.number, Wanted.NOTHING)
    if there is None or _looked_at(tree, asked) != [asked]:
        return None
    if not there.waived.isdisjoint(tree.upward(asked)):
        return None
    lonlat, good = _to_wgs84(points)
    return there.codes(asked, lonlat) if good.all() else None


def _looked_at(tree: Tree, asked: str) -> list[str]:
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
    deciding = _deciding(tree, hits, asked, chosen)
    on_border = len(deciding) > 1 or any(hit.border for hit in deciding)
    pool = chosen if tree.get(asked).tiling is Tiling.TILES else hits
    code = next((hit.code for hit in pool if hit.level == asked), None)
    return PlaceCodeRow(code, on_border, None if code is not None else NoUnit.OUTSIDE)


def choose(tree: Tree, hits: Sequence[N], asked: str) -> list[N]:
    """Choose one unit of each tiling level.

    Parameters
    ----------
    hits
        Every unit that touches the point, by code.
    asked
        The level whose branch decides; the other branches follow where they can.

    Returns
    -------
    list
        In no order. Of a branch nothing is published on, there is none.
    """
    chosen = {row.level: row for row in _climb(hits, tree.branch(asked), {})}
    for lowest in tree.lowest():
        branch = tree.upward(lowest)
        own = [level for level in branch if level not in chosen]
        junction = next((level for level in branch if level in chosen), None)
        if own and lowest in own:
            known = {junction: chosen[junction].code} if junction else {}
            chosen |= {row.level: row for row in _climb(hits, own, known, junction)}
    return list(chosen.values())


def _climb(
    hits: Sequence[N], branch: Sequence[str], known: dict[str, str], junction: str | None = None
) -> list[N]:
    """Return the lowest unit with the smallest code, and its ancestors within the branch.

    One whose ancestor at the junction is the unit known there goes before others.
    """
    by_key = {(hit.level, hit.code): hit for hit in hits}
    for at, level in enumerate(branch):
        ways = [_way_up(hit, branch[at + 1 :], by_key) for hit in hits if hit.level == level]
        if ways:
            agreeing = [way for way in ways if known.get(junction or "") == way[-1].parent_code]
            return (agreeing or ways)[0]
    return []


def _way_up(hit: N, above: Sequence[str], by_key: dict[tuple[str, str], N]) -> list[N]:
    way = [hit]
    for level in above:
        parent = by_key.get((level, way[-1].parent_code or ""))
        if parent is None:
            break
        way.append(parent)
    return way


def _deciding(tree: Tree, hits: Sequence[N], asked: str, chosen: Sequence[N]) -> list[N]:
    """Return the units that a border is judged by: those of the level that decided."""
    if tree.get(asked).tiling is Tiling.DISJOINT:
        return [hit for hit in hits if hit.level == asked]
    levels = {row.level for row in chosen}
    lowest = next((level for level in tree.branch(asked) if level in levels), None)
    return [hit for hit in hits if hit.level == lowest]


def unit_of(tree: Tree, place: PlaceRow, level: str) -> UnitRow | None:
    """Return the unit of a level where a point is, from what was read already.

    Raises
    ------
    UnknownError
        If there is no such level.
    """
    pool = _pool(tree, level, place.units, place.hits)
    return next((row for row in pool if row.level == level), None)


def _pool(
    tree: Tree, level: str, units: Sequence[UnitRow], hits: Sequence[UnitRow]
) -> Sequence[UnitRow]:
    """Return among which units the one of a level is."""
    return units if tree.get(level).tiling is Tiling.TILES else hits


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


def _one_to_wgs84(point: Point) -> tuple[float, float] | None:
    """Return the degrees of one point, rounded to 1e-9; None where it is none."""
    if point.datum is Datum.WGS84:
        if abs(point.lon) <= 180.0 and abs(point.lat) <= 90.0:  # noqa: PLR2004 - degrees
            return round9_one(point.lon), round9_one(point.lat)
        return None
    lonlat, good = _to_wgs84(Points.of([point]))
    if not good[0]:
        return None
    lon, lat = lonlat[0].tolist()
    return lon, lat


def _to_wgs84(points: Points) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
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
