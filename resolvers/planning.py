"""Who should carry a duty where: bodies placed onto the units below one."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.crs import LocalMetric
from geo.errors import BadInputError, TooCostlyError
from geo.planning import Hindrance, Problem, lacks, plan
from resolvers.bodies import ground_of
from resolvers.duties import require_duty
from resolvers.duty_sight import sight
from resolvers.paging import check_text
from resolvers.rights import Right, require_on
from resolvers.units import UnitRef, require_unit
from storage import planning as stored
from storage import units
from storage.units import UnitFilter, Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.planning import Lack, Plan
    from resolvers.context import Context
    from storage.duties import DutyRow, PostRow
    from storage.planning import Candidate, Holder
    from storage.units import UnitRow

MAX_BODIES = 20_000
"""The most bodies that are placed at once: all of them are listed, and can be accepted."""
MAX_UNITS = 5_000
"""The most units that bodies are placed onto."""
MAX_NUMBER = 1_000_000
"""The most holders of a unit that can be asked for."""
PLANNING_S = 45.0
"""How long a plan is sought; then the best so far stands, with the bound proven until then."""

_AT_ONCE = 10_000


@dataclass(frozen=True)
class PlanAsked:
    """What is asked for.

    Attributes
    ----------
    profession
        Of people, or what sort of organisation; None for all people.
    per_unit_min, per_unit_max
        Holders of each unit, with those who stay; the duty's own bounds hold besides.
    per_post_min
        Holders of each post of each unit who have its skill.
    """

    duty: str
    within: UnitRef
    profession: str | None = None
    per_unit_min: int = 1
    per_unit_max: int | None = None
    per_post_min: int = 0


class ItemRow(NamedTuple):
    """Where a body should go."""

    body: str
    unit: UnitRef
    post: str | None
    distance_m: float | None
    """From its home to the unit, straight; None where the home is not known."""


class LoadRow(NamedTuple):
    """How many holders a unit has in the plan, and should have."""

    unit: UnitRef
    bodies: int
    before: int
    """On the day, without the plan."""
    households: int
    target: float


@dataclass(frozen=True, eq=False)
class PlanRow:
    """A plan, its items by unit, post and body, and its loads by unit.

    Attributes
    ----------
    cost_m, bound_m
        See :func:`geo.planning.plan`.
    """

    duty: DutyRow
    edition: int
    day: dt.date
    items: tuple[ItemRow, ...]
    unassigned: tuple[str, ...]
    loads: tuple[LoadRow, ...]
    cost_m: float
    bound_m: float
    optimal: bool


class _Town(NamedTuple):
    """What a plan is made from."""

    asked: PlanAsked
    duty: DutyRow
    units: Sequence[UnitRow]
    candidates: Sequence[Candidate]
    home: NDArray[np.float64]
    """Degrees, shape (n, 2); NaN where unknown."""
    holders: Sequence[Holder]
    posts: tuple[PostRow, ...]


async def assignment_plan(context: Context, asked: PlanAsked) -> PlanRow:
    """Place bodies onto the units below one, as well as can be.

    Bodies are people (with a profession: whoever has it) who live in ``within``, or carry the duty
    there today; with a profession those, too, whose home is not known. Unless a body may carry the
    duty on several units, those who carry it there are placed anew, and who carries it
    elsewhere, or will, is left where it is.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker does not keep the duties of that ground.
    BadInputError, UnknownError, NoEditionError
        If anything cannot be meant, or no plan can be what is asked for.
    TooCostlyError
        If there are too many bodies or units, or too many plans wait.
    """
    duty = await require_duty(context, asked.duty)
    check_text("within", asked.within.code)
    await require_on(context, Right.KEEP_DUTIES, duty.level, asked.within)
    return await propose(context, asked, all_homes=(await sight(context)).everything)


async def propose(context: Context, asked: PlanAsked, *, all_homes: bool = True) -> PlanRow:
    """Place bodies as :func:`assignment_plan` does, whoever asks.

    Parameters
    ----------
    all_homes
        Whether the asker may know where everybody lives: as the operator may.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError, TooCostlyError
        As :func:`assignment_plan` does.
    """
    check_numbers(asked)
    duty = await require_duty(context, asked.duty)
    check_text("within", asked.within.code)
    if asked.profession is not None:
        check_text("profession", asked.profession)
    edition = (await context.edition()).number
    await require_unit(context, edition, asked.within, argument="within")
    town = await _town(context, asked, duty, edition, all_homes=all_homes)
    async with context.shared.turns.one("plans"):
        return await asyncio.to_thread(_planned, town, edition, context.today)


def check_numbers(asked: PlanAsked) -> None:
    """Refuse numbers of holders that cannot be meant.

    Raises
    ------
    BadInputError
        If one is out of bounds, or the least is more than the most.
    """
    numbers = {
        "perUnitMin": (asked.per_unit_min, 0),
        "perUnitMax": (asked.per_unit_max, 1),
        "perPostMin": (asked.per_post_min, 0),
    }
    for argument, (number, least) in numbers.items():
        if number is not None and not least <= number <= MAX_NUMBER:
            raise BadInputError(
                f"{argument} is {number}; give {least} to {MAX_NUMBER:,}", argument=argument
            )
    most = asked.per_unit_max
    if most is not None and asked.per_unit_min > most:
        raise BadInputError(
            f"perUnitMin, {asked.per_unit_min}, is more than perUnitMax, {most}",
            argument="perUnitMin",
        )


# -- what there is ---------------------------------------------------------------------------


async def _town(
    context: Context, asked: PlanAsked, duty: DutyRow, edition: int, *, all_homes: bool
) -> _Town:
    tree = await context.tree()
    through = tree.require_above(asked.within.level, duty.level, argument="within")
    rows = await context.ask(
        units.page,
        edition,
        UnitFilter(duty.level, asked.within.code, through),
        first=MAX_UNITS + 1,
        wanted=Wanted.LABEL | Wanted.TALLY,
    )
    within = f"{asked.within.level} {asked.within.code}"
    if not rows:
        raise BadInputError(
            f"{within} has no {duty.level} below it, on which {duty.key!r} is carried; name "
            "another unit",
            argument="within",
        )
    if len(rows) > MAX_UNITS:
        raise TooCostlyError(
            f"{within} has more than {MAX_UNITS:,} units of level {duty.level}; name a smaller one",
            argument="within",
        )
    codes = [row.code for row in rows]
    ground = await ground_of(context, asked.within, context.today)
    pool = stored.Pool(
        profession=asked.profession,
        ground=ground,
        duty=duty.key,
        level=duty.level,
        codes=codes,
        several=duty.several,
        day=context.today,
        all_homes=all_homes,
    )
    found = await context.ask(stored.candidates, pool, first=MAX_BODIES + 1)
    if len(found) > MAX_BODIES:
        raise TooCostlyError(
            f"more than {MAX_BODIES:,} bodies may be placed below {within}; name a smaller unit, "
            "or a profession",
            argument="profession" if asked.profession is None else "within",
        )
    holders = await context.ask(stored.holders, duty.key, duty.level, codes, context.today)
    home = await _homes(context, edition, found)
    return _Town(asked, duty, rows, found, home, holders, duty.posts)


async def _homes(context: Context, edition: int, found: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return where candidates live: at their address, else in the middle of their home's unit."""
    missing = [
        (row.home_level, row.home_code)
        for row in found
        if row.lon is None and row.home_level is not None and row.home_code is not None
    ]
    keys = list(dict.fromkeys(missing))
    middle: dict[tuple[str, str], list[float] | None] = {}
    for begin in range(0, len(keys), _AT_ONCE):
        some = keys[begin : begin + _AT_ONCE]
        rows = await context.ask(units.by_codes, edition, some, wanted=Wanted.LABEL)
        middle |= {key: row.label for key, row in rows.items()}
    home = np.full((len(found), 2), np.nan)
    for number, row in enumerate(found):
        if row.lon is not None and row.lat is not None:
            home[number] = row.lon, row.lat
        elif row.home_level is not None and row.home_code is not None:
            label = middle.get((row.home_level, row.home_code))
            if label is not None:
                home[number] = label
    return home


# -- planning --------------------------------------------------------------------------------


def _planned(town: _Town, edition: int, day: dt.date) -> PlanRow:
    problem = problem_of(town)
    found = lacks(problem)
    if found:
        raise _refusal(town, problem, found[0])
    end = monotonic() + PLANNING_S
    made = plan(problem, left_s=lambda: end - monotonic())
    return _told(town, made, edition, day)


def problem_of(town: _Town) -> Problem:
    """Return what is asked for as numbers."""
    labels = np.array([unit.label for unit in town.units], float)
    west, south = labels.min(axis=0).tolist()
    east, north = labels.max(axis=0).tolist()
    plane = LocalMetric.around((west, south, east, north))
    centre = plane.forward(labels)
    known = ~np.isnan(town.home[:, 0])
    home = np.full(town.home.shape, np.nan)
    home[known] = plane.forward(town.home[known])
    fits = np.array([_fits(town.posts, one.skills) for one in town.candidates], bool)
    staying, covered = _staying(town)
    asked, duty = town.asked, town.duty
    most = min(x for x in (asked.per_unit_max, duty.max, MAX_NUMBER) if x is not None)
    number = len(town.units)
    return Problem(
        home_m=home,
        fits=fits.reshape(len(town.candidates), max(1, len(town.posts))),
        centre_m=centre,
        households=np.array([unit.households or 0 for unit in town.units], np.int64),
        least=np.full(number, max(asked.per_unit_min, duty.min)),
        most=np.full(number, most),
        staying=staying,
        covered=covered,
        per_post=asked.per_post_min,
    )


def _fits(posts: Sequence[PostRow], skills: Sequence[str]) -> list[bool]:
    """Return which posts somebody fits; without any, the one that a duty is."""
    return [post.skill is None or post.skill in skills for post in posts] or [True]


def _staying(town: _Town) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many stay on each unit, and how many of them fit the post that they have."""
    place = {unit.code: number for number, unit in enumerate(town.units)}
    posts = {post.key: number for number, post in enumerate(town.posts)}
    anew = {one.key for one in town.candidates}
    covered = np.zeros((len(place), max(1, len(posts))), np.int64)
    stay = {(one.code, one.body) for one in town.holders if one.body not in anew}
    staying = np.bincount([place[code] for code, _ in stay], minlength=len(place))
    for one in town.holders:
        post = posts.get(one.post or "") if posts else 0
        if one.body not in anew and post is not None and _fits(town.posts, one.skills)[post]:
            covered[place[one.code], post] += 1
    return staying.astype(np.int64), covered


def _told(town: _Town, made: Plan, edition: int, day: dt.date) -> PlanRow:
    refs = [UnitRef(unit.level, unit.code) for unit in town.units]
    before = Counter(
        code for code, _ in {(one.code, one.body) for one in town.holders if one.since <= day}
    )
    order = np.lexsort((np.arange(len(made.unit)), made.post, made.unit))
    items = tuple(
        ItemRow(
            town.candidates[body].key,
            refs[made.unit[body]],
            town.posts[made.post[body]].key if town.posts else None,
            None if np.isnan(made.way_m[body]) else float(made.way_m[body]),
        )
        for body in order.tolist()
        if made.unit[body] >= 0
    )
    loads = tuple(
        LoadRow(ref, int(count), before[ref.code], unit.households or 0, float(target))
        for ref, unit, count, target in zip(
            refs, town.units, made.holders, made.target, strict=True
        )
    )
    return PlanRow(
        duty=town.duty,
        edition=edition,
        day=day,
        items=items,
        unassigned=tuple(town.candidates[i].key for i in np.flatnonzero(made.unit < 0).tolist()),
        loads=loads,
        cost_m=made.cost_m,
        bound_m=made.bound_m,
        optimal=made.optimal,
    )


# -- what cannot be met ----------------------------------------------------------------------


def _refusal(town: _Town, problem: Problem, lack: Lack) -> BadInputError:
    """Return what is said of demands that nobody can meet: which, and by how much."""
    level = town.duty.level
    if lack.kind is Hindrance.TOO_FEW_SKILLED:
        return _too_few_skilled(town, lack)
    if lack.kind is Hindrance.TOO_FEW_BODIES:
        return _too_few_bodies(town, problem, lack)
    unit = town.units[lack.units[0]]
    if lack.kind is Hindrance.TOO_MANY_STAY:
        return BadInputError(
            f"{level} {unit.code} keeps {lack.needed:,} holders of {town.duty.key!r} who are not "
            f"placed anew, and may have {lack.there:,}; end some of them first, or allow more",
            argument="perUnitMax",
        )
    posts = len(town.posts)
    each = f", {town.asked.per_post_min} for each of {posts} posts" if posts else ""
    return BadInputError(
        f"{level} {unit.code} must have {lack.needed:,} holders of {town.duty.key!r}{each}, and "
        f"may have {lack.there:,}; ask for fewer, or allow more",
        argument="perPostMin" if lack.needed > problem.least[0] else "perUnitMin",
    )


def _too_few_bodies(town: _Town, problem: Problem, lack: Lack) -> BadInputError:
    by_posts = lack.needed > int(np.maximum(problem.least - problem.staying, 0).sum())
    posts = f", {town.asked.per_post_min:,} for each of {len(town.posts) or 1:,} posts of each"
    return BadInputError(
        f"{lack.needed:,} bodies must be placed: {int(problem.least[0]):,} holders on each of "
        f"{len(town.units):,} {town.duty.level} units{posts if by_posts else ''}, less those who "
        f"stay; there are {lack.there:,} to place; ask for fewer, or for a larger unit or another "
        "profession",
        argument="perPostMin" if by_posts else "perUnitMin",
    )


def _too_few_skilled(town: _Town, lack: Lack) -> BadInputError:
    posts = [town.posts[number] for number in lack.posts] if town.posts else []
    skills = sorted({post.skill for post in posts if post.skill is not None})
    names = ", ".join(post.key for post in posts)
    can = f"have {' or '.join(skills)}" if skills else "can be placed"
    return BadInputError(
        f"{len(town.units):,} {town.duty.level} units need {town.asked.per_post_min} each at "
        f"{names or 'their post'}: {lack.needed:,} more; {lack.there:,} bodies {can}; ask for "
        "fewer, or for a larger unit or another profession",
        argument="perPostMin",
        skills=skills,
        posts=[post.key for post in posts],
    )
