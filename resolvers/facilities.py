"""Service points: by key, by id, in pages, in units, and which rules they fail."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.crs import Datum
from geo.facility_rules import Equipment, RuleKind, failing, read_rule, week_keeps
from geo.levels import Tiling
from resolvers import opening, programmes, reading
from resolvers.border_rule import choose
from resolvers.context import State
from resolvers.paging import Page, check_text, take
from resolvers.shapes import DIGITS, areas_of_box, point_geojson
from resolvers.units import UnitRef, by_keys, require_unit
from storage import facilities, facility_sets, places
from storage.facilities import FacilityFilter, FacilityRow, Failing
from storage.facility_ground import Inside
from storage.units import UnitRow, Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from geo.facility_rules import Rule
    from resolvers.context import Context

Day = dt.date


@dataclass(frozen=True)
class FacilityQuestion:
    """Which service points are asked for, as the caller says it."""

    kind: str | None = None
    within: UnitRef | None = None
    bbox: Sequence[float] | None = None
    search: str | None = None
    open_at: dt.datetime | None = None
    failing: str | None = None


class UnitSpot(NamedTuple):
    """A unit whose service points are asked for: by its code, or of a draft by its number."""

    code: str
    draft_row: int | None = None


# -- one by one ------------------------------------------------------------------------------


async def one(context: Context, key: str) -> FacilityRow | None:
    """Return the service point of a key that stands today; None where there is none."""
    check_text("key", key)
    found = await context.ask(facilities.by_keys, context.today, [key])
    return found.get(key)


async def by_rows(context: Context, row_ids: Collection[int]) -> dict[int, FacilityRow]:
    """Return states by their numbers, those that are over, too."""
    return await context.ask(facilities.by_rows, row_ids)


def location_text(row: FacilityRow, datum: Datum) -> str:
    """Return the GeoJSON text of where a service point is."""
    if datum is not Datum.WGS84:
        return point_geojson((row.lon, row.lat), datum)
    lon, lat = round(row.lon, DIGITS) + 0.0, round(row.lat, DIGITS) + 0.0  # no -0.0
    return f'{{"type":"Point","coordinates":[{lon!r},{lat!r}]}}'


def day_within(row: FacilityRow, today: Day) -> Day:
    """Return the day on which a state is seen: today while it stands, else its nearest day."""
    if row.until is not None and row.until <= today:
        return row.until - dt.timedelta(days=1)
    return max(row.since, today)


# -- pages -----------------------------------------------------------------------------------


async def filter_of(context: Context, question: FacilityQuestion, day: Day) -> FacilityFilter:
    """Return the filter that a question means on a day.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError
        If it cannot be meant.
    """
    if question.search is not None:
        check_text("search", question.search)
    if question.kind is not None:
        check_text("kind", question.kind)
    kinds = (question.kind,) if question.kind is not None else None
    inside = None
    if question.within is not None:
        edition = (await context.edition(day)).number
        inside = await inside_of(context, edition, question.within, argument="within")
    hours = None
    if question.open_at is not None:
        hours = await opening.open_at(context, question.open_at, day, kinds)
    return FacilityFilter(
        day=day,
        kinds=kinds,
        inside=inside,
        areas=areas_of_box(question.bbox, Datum.WGS84) if question.bbox is not None else None,
        search=" ".join((question.search or "").lower().split()) or None,
        hours=hours,
        failing=await _failing(context, question.failing, day) if question.failing else None,
    )


async def inside_of(
    context: Context, edition: int, unit: UnitRef, *, argument: str = "level"
) -> Inside:
    """Return a unit with the levels that decide whether a point on its border is in it.

    Raises
    ------
    UnknownError
        If there is no such level.
    """
    tree = await context.tree()
    spec = tree.get(unit.level, argument=argument)
    check_text(argument, unit.code)
    if spec.tiling is Tiling.DISJOINT:
        return Inside(edition, spec.key, unit.code, (spec.key,), named=True)
    branch = tree.branch(spec.key)
    deciding = tuple(branch[: branch.index(spec.key) + 1])
    return Inside(edition, spec.key, unit.code, deciding)


async def page(
    context: Context,
    question: FacilityQuestion,
    which: FacilityFilter,
    *,
    first: int,
    after: str | None,
) -> Page[FacilityRow]:
    """Return a page of the service points that a filter finds, by key.

    Raises
    ------
    UnknownError
        If the question names a kind or a unit that there is not.
    """
    rows = await context.ask(facilities.page, which, first=first + 1, after=after)
    if not rows:
        await _require_named(context, question, which)
    return take(rows, first)


async def _require_named(
    context: Context, question: FacilityQuestion, which: FacilityFilter
) -> None:
    """Tell an empty answer from a question about what is not there."""
    if question.kind is not None:
        await programmes.require_kinds(context, [question.kind], argument="kind")
    if question.within is not None and which.inside is not None:
        await require_unit(context, which.inside.edition, question.within, argument="within")


async def count(context: Context, which: FacilityFilter) -> int:
    """Return how many service points a filter finds."""
    return await context.ask(facilities.count, which)


async def pages_of_kinds(
    context: Context,
    sets: Sequence[tuple[str, ...]],
    which: FacilityFilter,
    *,
    first: int,
    after: str | None,
) -> dict[tuple[str, ...], Page[FacilityRow]]:
    """Return a page of the service points of each of several sets of kinds."""
    rows = await context.ask(facility_sets.of_kinds, sets, which, first=first + 1, after=after)
    return {kinds: take(rows[kinds], first) for kinds in sets}


async def counts_of_kinds(
    context: Context, sets: Sequence[tuple[str, ...]], which: FacilityFilter
) -> dict[tuple[str, ...], int]:
    """Return how many service points there are of each of several sets of kinds."""
    return await context.ask(facility_sets.count_of_kinds, sets, which)


# -- in units --------------------------------------------------------------------------------


async def pages_in_units(
    context: Context,
    state: State,
    level: str,
    subjects: Sequence[UnitSpot],
    which: FacilityFilter,
    *,
    first: int,
    after: str | None,
) -> dict[UnitSpot, Page[FacilityRow]]:
    """Return a page of the service points in each of many units of one level."""
    codes, drawn = _apart(subjects)
    found: dict[UnitSpot, list[FacilityRow]] = {}
    if codes and state.edition is not None:
        inside = await inside_of(context, state.edition, UnitRef(level, ""))
        rows = await context.ask(
            facility_sets.below_units, inside, list(codes), which, first=first + 1, after=after
        )
        found |= {codes[code]: some for code, some in rows.items()}
    if drawn:
        below = await context.ask(
            facility_sets.below_draft_units, list(drawn), which, first=first + 1, after=after
        )
        found |= {drawn[row_id]: some for row_id, some in below.items()}
    return {subject: take(found.get(subject, []), first) for subject in subjects}


async def counts_in_units(
    context: Context,
    state: State,
    level: str,
    subjects: Sequence[UnitSpot],
    which: FacilityFilter,
) -> dict[UnitSpot, int]:
    """Return how many service points lie in each of many units of one level."""
    codes, drawn = _apart(subjects)
    found: dict[UnitSpot, int] = {}
    if codes and state.edition is not None:
        inside = await inside_of(context, state.edition, UnitRef(level, ""))
        rows = await context.ask(facility_sets.count_below_units, inside, list(codes), which)
        found |= {codes[code]: number for code, number in rows.items()}
    if drawn:
        below = await context.ask(facility_sets.count_below_draft_units, list(drawn), which)
        found |= {drawn[row_id]: number for row_id, number in below.items()}
    return found


def _apart(subjects: Sequence[UnitSpot]) -> tuple[dict[str, UnitSpot], dict[int, UnitSpot]]:
    """Return the units of editions by their codes, and those of drafts by their numbers."""
    standing = {subject.code: subject for subject in subjects if subject.draft_row is None}
    drawn = {subject.draft_row: subject for subject in subjects if subject.draft_row is not None}
    return standing, drawn


async def day_of(context: Context, state: State) -> Day:
    """Return the day that a unit is seen on, where the question names none.

    That is today in today's edition and in drafts, and the first day of any other edition.
    """
    today = await context.edition_or_none()
    if state.edition is None or state.drafts or (today and today.number == state.edition):
        return context.today
    row = await context.once(
        ("edition number", state.edition),
        lambda: reading.edition(context, number=state.edition, as_of=None),
    )
    return row.effective_on if row is not None else context.today


def noted_day(context: Context, state: State) -> Day | None:
    """Return the same, where it is today and that needs no asking."""
    if state.edition is None or state.drafts:
        return context.today
    today = context.noted_edition()
    return context.today if today is not None and today.number == state.edition else None


class Spot(NamedTuple):
    """Where a service point lies, and the compound that it names."""

    lon: float
    lat: float
    compound_code: str | None


async def units_at(
    context: Context, edition: int, level: str, spots: Sequence[Spot], wanted: Wanted
) -> dict[Spot, UnitRow]:
    """Return the unit of a level in which each of many service points lies.

    On a border that is the smallest one, as for addresses; one that names a compound is in that
    one. Two statements for all.

    Raises
    ------
    UnknownError
        If there is no such level.
    """
    tree = await context.tree()
    spec = tree.get(level)
    branch = tree.branch(level)
    levels = branch[: branch.index(level) + 1] if level in branch else [level]
    lonlat = np.array([spot[:2] for spot in spots], np.float64).reshape(-1, 2)
    touching = await context.ask(places.touching_many, edition, lonlat, levels)
    tiles = spec.tiling is Tiling.TILES
    codes: dict[Spot, str] = {}
    for spot, hits in zip(spots, touching, strict=True):
        pool = choose(tree, hits, level) if tiles else hits
        code = next((hit.code for hit in pool if hit.level == level), None)
        if code is not None:
            codes[spot] = code
    named = {spot: spot.compound_code for spot in spots if spot.compound_code and not tiles}
    state = State(edition)
    names = {*codes.values(), *named.values()}
    rows = await by_keys(context, [(state, level, code) for code in names], wanted)
    known = {code: row for (_, _, code), row in rows.items()}
    chosen = codes | {spot: code for spot, code in named.items() if code in known}
    return {spot: known[code] for spot, code in chosen.items() if code in known}


# -- rules -----------------------------------------------------------------------------------


async def failed_rules(context: Context, row: FacilityRow, day: Day) -> list[str]:
    """Return the names of the rules of its kind that a service point fails on a day."""
    rules = await _rules(context)
    hours = row.opening_hours
    week = opening.open_week(hours, day) if hours is not None else None
    return failing(rules.get(row.kind, ()), Equipment(row.floor_area_m2, row.rooms, week))


async def _rules(context: Context) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each kind, understood."""

    async def make() -> dict[str, tuple[Rule, ...]]:
        known = await programmes.kinds(context)
        return {kind.key: tuple(map(read_rule, kind.rules)) for kind in known}

    return await context.once("facility rules", make)


async def _failing(context: Context, name: str, day: Day) -> Failing:
    """Return which service points fail a rule.

    Raises
    ------
    BadInputError
        If there is no rule of that name.
    """
    rule = read_rule(name)
    known = await programmes.kinds(context)
    kinds = tuple(kind.key for kind in known if name in kind.rules)
    match rule.kind:
        case RuleKind.AREA_MIN:
            return Failing(kinds, area_m2=rule.least)
        case RuleKind.ROOM:
            return Failing(kinds, room=rule.room)
        case RuleKind.ROOMS_MIN:
            return Failing(kinds, rooms=int(rule.least))
    hours = await context.ask(facilities.hours_of, day, kinds)
    weeks = {one: opening.open_week(one, day) for one in hours}
    keeping = tuple(one for one, week in weeks.items() if week and week_keeps(rule, week))
    return Failing(kinds, hours=keeping)
