"""Two editions, or a draft and what stands, compared for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.errors import BadInputError, UnknownError
from resolvers.changes import changes_between, changes_of_draft
from resolvers.context import Context, Shared
from resolvers.units import UnitRef
from storage import units

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.changes_told import ChangeSet


async def diff_editions(
    engine: AsyncEngine,
    before: int,
    after: int,
    *,
    level: str,
    within: str | None,
    today: dt.date,
) -> ChangeSet:
    """Return what changes on a level from one edition to another.

    Parameters
    ----------
    within
        Code of the unit below which it is asked for (``LEVEL:CODE`` where several have that code);
        None for the whole city.

    Raises
    ------
    UnknownError
        If there is no such level, edition or unit.
    BadInputError
        If units of several levels above have that code.
    TooCostlyError
        If too much changes to be compared at once.
    """
    context = Context(Shared(engine), today=today)
    ref = await _find(context, level, within, [before, after]) if within is not None else None
    return await changes_between(context, level=level, before=before, after=after, within=ref)


async def diff_draft(engine: AsyncEngine, number: int, *, today: dt.date) -> ChangeSet | None:
    """Return what a draft would change; None where it was never checked.

    Raises
    ------
    UnknownError
        If there is no draft of that number.
    """
    return await changes_of_draft(Context(Shared(engine), today=today), number)


async def _find(context: Context, level: str, text: str, numbers: Sequence[int]) -> UnitRef:
    """Return the unit above a level that a text names, in one of some editions."""
    tree = await context.tree()
    tree.get(level)
    above = tree.upward(level)[1:]
    named, colon, code = text.partition(":")
    if not colon or named not in above:
        named, code = "", text
    keys = [(key, code) for key in ([named] if named else above)]
    found: set[str] = set()
    for number in numbers:
        found |= {key for key, _ in await context.ask(units.by_codes, number, keys)}
    if not found:
        raise UnknownError(
            f"no unit {text} stands above the level {level} in either edition; the levels above "
            f"it are {', '.join(above) or 'none'}",
            argument="within",
        )
    if len(found) > 1:
        options = [f"{key}:{code}" for key in above if key in found]
        raise BadInputError(
            f"{code} is a unit of several levels; say which: {' or '.join(options)}",
            argument="within",
            options=options,
        )
    return UnitRef(found.pop(), code)
