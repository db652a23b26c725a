"""Who may do what, and where: the one place that answers it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import ForbiddenError, UnknownError
from resolvers.units import UnitRef
from storage import drafts_reading, families
from storage.keys import Role
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from resolvers.context import Context
    from storage.drafts_reading import DraftRow, Ground


class Right(Enum):
    """Something that not everybody may do: the least role for it, and the rule in words."""

    SEE_DRAFTS = (Role.EDITOR, "drafts are seen by editors of their ground")
    MAKE_DRAFTS = (Role.EDITOR, "drafts are made by editors of their ground")
    CHANGE_DRAFTS = (
        Role.EDITOR,
        "drafts are checked again, mended and discarded by editors of their ground",
    )
    PUBLISH = (Role.PUBLISHER, "drafts are published by publishers of their ground")
    ACCEPT = (Role.PUBLISHER, "findings are accepted by publishers of their ground")
    KEEP_FACILITIES = (Role.EDITOR, "service points are changed by editors of their ground")
    PLACE_BY_GROUP = (Role.EDITOR, "where people of a group live is told to editors")
    SEE_DUTIES = (Role.EDITOR, "who carries duties that are not public is told to editors")
    KEEP_DUTIES = (Role.EDITOR, "duties are given and taken back by editors of their ground")

    @property
    def role(self) -> Role:
        """The least role."""
        return self.value[0]

    @property
    def rule(self) -> str:
        """The rule, as a refusal quotes it."""
        return self.value[1]


class Granted(NamedTuple):
    """Whoever may, and the drafts that it concerns."""

    name: str
    """What is done is signed so."""
    drafts: list[DraftRow]
    """In the order of the ids that were named."""


async def require(context: Context, right: Right) -> tuple[str, Ground | None]:
    """Return who may do something, and on which ground; None means everywhere.

    Raises
    ------
    UnauthenticatedError
        If no valid key came.
    ForbiddenError
        If the key's role is too low.
    """
    return await context.granted(right.role, right.rule)


async def require_on(
    context: Context, right: Right, level: str, within: UnitRef | None, *, argument: str = "within"
) -> str:
    """Return the name of whoever may do something to a level on the ground of a unit.

    Parameters
    ----------
    within
        The unit; None for the whole level, which needs a key for everywhere.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not.
    UnknownError, BadInputError
        If there is no such level or unit, or the unit is not above the level.
    """
    name, ground = await require(context, right)
    tree = await context.tree()
    tree.get(level)
    if within is not None:
        tree.require_above(within.level, level, argument=argument)
    if ground is not None:
        await _require_inside(context, ground, level, within, argument)
    return name


async def require_editor_of(context: Context, level: str, within: UnitRef | None) -> str:
    """Return the name of whoever may make a draft of a level on the ground of a unit.

    Raises
    ------
    UnauthenticatedError, ForbiddenError, UnknownError, BadInputError
        As :func:`require_on` does.
    """
    return await require_on(context, Right.MAKE_DRAFTS, level, within)


async def require_drafts(
    context: Context, right: Right, ids: Sequence[int], *, argument: str = "id"
) -> Granted:
    """Return the named drafts, for whoever may do something to them and to their company.

    What a draft was checked on and is not published yet belongs to it: a right on the one without
    the others would let it through a back door.

    Raises
    ------
    UnauthenticatedError, ForbiddenError
        If the asker may not, on the ground of any of them.
    UnknownError
        If there is no draft of a number.
    """
    name, ground = await require(context, right)
    mine = await context.ask(drafts_reading.drafts_by_ids, ids, ground=ground)
    await _refuse_missing(context, ids, mine, ground, argument)
    if ground is not None:
        waiting = await _waiting_company(context, ids)
        seen = await context.ask(drafts_reading.drafts_by_ids, waiting, ground=ground)
        await _refuse_missing(context, waiting, seen, ground, argument)
    return Granted(name, [mine[number] for number in dict.fromkeys(ids)])


async def require_units(
    context: Context, ground: Ground, units: Sequence[UnitRef], *, argument: str
) -> None:
    """Refuse what concerns units that stand on other ground; what is only drawn stands nowhere.

    Raises
    ------
    ForbiddenError
        If one of them does not lie below the ground's unit and is not that unit.
    """
    if ground.edition is None or not units:
        return
    own = UnitRef(ground.level, ground.code)
    rows = await context.ask(families.ancestors, ground.edition, units, wanted=Wanted.NOTHING)
    for unit in units:
        above = [UnitRef(row.level, row.code) for row in rows[unit]]
        if above and own not in above:
            raise ForbiddenError(
                f"{unit.level} {unit.code} has a part in it, which lies outside {own.level} "
                f"{own.code}, for which the key is valid",
                argument=argument,
            )


async def _waiting_company(context: Context, ids: Sequence[int]) -> list[int]:
    """Return the drafts that some were checked on and that are not published yet."""
    whole = await context.ask(drafts_reading.drafts_by_ids, ids, ground=None)
    company = sorted({other for draft in whole.values() for other in draft.with_drafts} - {*ids})
    if not company:
        return []
    every = await context.ask(drafts_reading.drafts_by_ids, company, ground=None)
    return [draft.id for draft in every.values() if draft.status != "PUBLISHED"]


async def _refuse_missing(
    context: Context,
    ids: Sequence[int],
    found: Collection[int],
    ground: Ground | None,
    argument: str,
) -> None:
    missing = sorted(set(ids) - set(found))
    if not missing:
        return
    there = await context.ask(drafts_reading.existing, missing)
    if there and ground is not None:
        raise ForbiddenError(
            f"draft {min(there)} lies outside {ground.level} {ground.code}, for which the key is "
            "valid",
            argument=argument,
        )
    raise UnknownError(f"there is no draft {missing[0]}", argument=argument)


async def _require_inside(
    context: Context, ground: Ground, level: str, within: UnitRef | None, argument: str
) -> None:
    own = UnitRef(ground.level, ground.code)
    if within is None:
        raise ForbiddenError(
            f"the key is valid for {own.level} {own.code} only: name it, or a unit below it, as "
            f"{argument}; the whole level {level} needs a key for everywhere",
            argument=argument,
        )
    if within == own:
        return
    above: Sequence[UnitRef] = ()
    if ground.edition is not None:
        rows = await context.ask(
            families.ancestors, ground.edition, [within], wanted=Wanted.NOTHING
        )
        above = [UnitRef(row.level, row.code) for row in rows[within]]
    if not above:
        raise UnknownError(
            f"there is no {within.level} {within.code!r} in the newest edition", argument=argument
        )
    if own not in above:
        raise ForbiddenError(
            f"{within.level} {within.code} lies outside {own.level} {own.code}, for which the key "
            "is valid",
            argument=argument,
        )
