"""Makes a plan hold: all of its items, or none."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from geo.errors import (
    BadInputError,
    ConflictError,
    ForbiddenError,
    LimitExceededError,
    UnknownError,
    WanggeError,
)
from resolvers.again import until_undisturbed
from resolvers.assigning import check_days, require_level
from resolvers.assignments import require_post
from resolvers.context import State
from resolvers.duties import require_duty
from resolvers.duty_sight import sight
from resolvers.facility_orders import plain_text
from resolvers.paging import check_text
from resolvers.planning import MAX_BODIES
from resolvers.rights import Right, require
from resolvers.units import UnitRef, by_keys
from storage import assigning, planning
from storage.assigning import NewAssignment
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from resolvers.context import Context
    from storage.assignments import AssignmentRow
    from storage.duties import DutyRow
    from storage.duty_sight import Sight

E = TypeVar("E", bound=WanggeError)

Day = dt.date


class ItemOrder(NamedTuple):
    """A body is to carry the duty on a unit, at a post."""

    body: str
    unit: UnitRef
    post: str | None = None


class Asker(NamedTuple):
    """In whose name a plan is made to hold, and how far they see: they edit there."""

    name: str
    seen: Sight


async def accept_plan(
    context: Context, duty: str, items: Sequence[ItemOrder], since: Day | None
) -> list[AssignmentRow]:
    """Let bodies carry a duty as a plan says, in the name of the key, all or none.

    What a body carries already, on that unit at that post, stays. Where it may carry the duty on
    one unit only, what it carries elsewhere on the asker's ground ends on the day.

    Returns
    -------
    list
        The assignments, in the order of the items.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, where one of the units is.
    BadInputError, UnknownError, LimitExceededError, NoEditionError
        If an item cannot be meant; it says which, counted from 1.
    ConflictError
        If something stands in the way of an item.
    """
    by, _ = await require(context, Right.KEEP_DUTIES)
    return await accept_for(context, duty, items, since, Asker(by, await sight(context)))


async def accept_for(
    context: Context,
    duty: str,
    items: Sequence[ItemOrder],
    since: Day | None,
    asker: Asker,
) -> list[AssignmentRow]:
    """Make a plan hold as :func:`accept_plan` does, for somebody who may.

    Raises
    ------
    ForbiddenError, BadInputError, UnknownError, LimitExceededError, NoEditionError, ConflictError
        As :func:`accept_plan` does.
    """
    row = await require_duty(context, plain_text("duty", duty))
    day = since or context.today
    check_days(day, None, context.today)
    if len(items) > MAX_BODIES:
        raise LimitExceededError(
            f"there are {len(items):,} items; give {MAX_BODIES:,} at most", argument="items"
        )
    new = await _checked(context, row, items, day, asker.seen)

    async def write(_again: bool) -> list[AssignmentRow]:
        async with context.shared.engine.begin() as connection:
            await assigning.lock(connection)
            return await _write(connection, row, new, asker, context.today)

    rows = await until_undisturbed(write)
    context.renew()
    return rows


def _at(kind: type[E], number: int, said: str, **extensions: object) -> E:
    """Return an error of an item; ``number`` counts from 0, people count from 1."""
    facts = {"argument": "items", "item": number + 1, **extensions}
    return kind(f"item {number + 1}: {said}", **facts)


# -- what is meant ---------------------------------------------------------------------------


async def _checked(
    context: Context, duty: DutyRow, items: Sequence[ItemOrder], day: Day, seen: Sight
) -> list[NewAssignment]:
    tree = await context.tree()
    new = []
    for number, item in enumerate(items):
        try:
            tree.get(item.unit.level, argument="unit")
            require_level(duty, item.unit.level)
            check_text("unit", item.unit.code)
            body = plain_text("body", item.body)
            post = plain_text("post", item.post) if item.post is not None else None
            if post is not None:
                require_post(duty, post)
        except (BadInputError, UnknownError) as error:
            raise _at(type(error), number, str(error)) from error
        new.append(NewAssignment(duty.key, body, *item.unit, day, None, post))
    _require_once(duty, new)
    await _require_units(context, new, day)
    await _require_ground(context, new, seen)
    await _require_bodies(context, new, seen)
    return new


def _require_once(duty: DutyRow, new: Sequence[NewAssignment]) -> None:
    """Refuse items that cannot stand side by side."""
    placed: dict[Hashable, int] = {}
    for number, row in enumerate(new):
        names: dict[Hashable, str] = {
            (row.body, row.level, row.code, row.post): f"{row.body!r} twice at the same place"
        }
        if not duty.several:
            names[row.body,] = f"{row.body!r} on two units, and may carry {duty.key!r} on one"
        if duty.max == 1:
            names[row.level, row.code] = (
                f"two bodies on {row.level} {row.code}, which may have one holder of {duty.key!r}"
            )
        for name, said in names.items():
            if name in placed:
                raise _at(BadInputError, number, f"with item {placed[name] + 1} it puts {said}")
            placed[name] = number


async def _require_units(context: Context, new: Sequence[NewAssignment], day: Day) -> None:
    """Refuse units that do not stand on the day."""
    state = State((await context.edition(max(day, context.today))).number)
    keys = list(dict.fromkeys((state, row.level, row.code) for row in new))
    found = await by_keys(context, keys, Wanted.NOTHING)
    for number, row in enumerate(new):
        if (state, row.level, row.code) not in found:
            raise _at(
                UnknownError,
                number,
                f"there is no {row.level} {row.code[:80]!r} on {max(day, context.today)}; plan "
                "anew on the units that stand",
            )


async def _require_ground(context: Context, new: Sequence[NewAssignment], seen: Sight) -> None:
    """Refuse units on other ground than the asker's."""
    ground = seen.ground
    if ground is None:
        return
    names = list(dict.fromkeys((row.level, row.code) for row in new))
    outside = set(await context.ask(assigning.outside, ground, names))
    for number, row in enumerate(new):
        if (row.level, row.code) in outside:
            raise _at(
                ForbiddenError,
                number,
                f"{row.level} {row.code} lies outside {ground.level} {ground.code}, for which "
                "the key is valid",
            )


async def _require_bodies(context: Context, new: Sequence[NewAssignment], seen: Sight) -> None:
    """Refuse bodies that are not there, and those that are none of the asker's."""
    bodies = {row.body for row in new}
    found = await context.ask(assigning.assignable, bodies, seen)
    for number, row in enumerate(new):
        if row.body not in found:
            raise _at(UnknownError, number, f"there is no body {row.body[:80]!r}; load it first")
        if found[row.body].settled and not found[row.body].known:
            raise _at(
                ForbiddenError,
                number,
                f"body {row.body!r} lives outside the ground for which the key is valid and "
                "carries nothing there",
            )


# -- writing ---------------------------------------------------------------------------------


async def _write(
    connection: AsyncConnection,
    duty: DutyRow,
    new: Sequence[NewAssignment],
    asker: Asker,
    today: Day,
) -> list[AssignmentRow]:
    if not new:
        return []
    day = new[0].since
    held = await planning.held_by(connection, duty.key, {row.body for row in new}, day)
    stands = {_place(row): row for row in held}
    if not duty.several:
        wanted = {_place(row) for row in new}
        moved = [row for row in held if _place(row) not in wanted]
        mine = await _on_ground(connection, moved, asker.seen)
        await assigning.end(connection, [row.id for row in mine], day, asker.name)
    fresh = [number for number, row in enumerate(new) if _place(row) not in stands]
    rows = [new[number] for number in fresh]
    clashes = await assigning.find_clashes(connection, rows, asker.seen, today)
    for place, clash in sorted(clashes.items()):
        refused = assigning.refusal(clash, rows[place])
        hint = refused.extensions.get("hint")
        raise _at(ConflictError, fresh[place], str(refused), hint=hint)
    made = await assigning.insert(connection, rows, asker.name)
    await _require_room(connection, duty, new, day)
    begun = dict(zip(fresh, made, strict=True))
    return [begun[n] if n in begun else stands[_place(row)] for n, row in enumerate(new)]


def _place(row: NewAssignment | AssignmentRow) -> tuple[str, str, str, str | None]:
    return row.body, row.level, row.code, row.post


async def _on_ground(
    connection: AsyncConnection, rows: Sequence[AssignmentRow], seen: Sight
) -> list[AssignmentRow]:
    """Return the assignments on units where the asker edits."""
    if seen.ground is None:
        return list(rows)
    names = list({(row.level, row.code): None for row in rows})
    outside = set(await assigning.outside(connection, seen.ground, names))
    return [row for row in rows if (row.level, row.code) not in outside]


async def _require_room(
    connection: AsyncConnection, duty: DutyRow, new: Sequence[NewAssignment], day: Day
) -> None:
    """Refuse what gives a unit more holders than the duty allows: somebody came meanwhile."""
    if duty.max is None:
        return
    codes = {row.code for row in new if row.level == duty.level}
    fullest = await planning.most_held(connection, duty.key, duty.level, codes, day)
    if fullest is not None and fullest[1] > duty.max:
        code, number = fullest
        item = next(n for n, row in enumerate(new) if row.code == code)
        raise _at(
            ConflictError,
            item,
            f"{duty.level} {code} would have {number:,} holders of {duty.key!r}, and may have "
            f"{duty.max:,}; somebody may have been added since the plan was made, or carries it "
            "there and has no place in the plan: end that, or plan anew",
        )
