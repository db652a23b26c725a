"""Who holds several duties on the same unit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.errors import BadInputError, ForbiddenError
from resolvers.assigning import require_ground
from resolvers.duties import require_duty
from resolvers.duty_coverage import scope_of
from resolvers.duty_sight import sight
from resolvers.paging import Page, take
from resolvers.rights import Right, require
from storage import duty_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.context import Context
    from resolvers.units import UnitRef
    from storage.bodies import BodyRow
    from storage.duties import DutyRow
    from storage.duty_counts import CrossCounts, Scope

MAX_DUTIES = 10
"""The most duties that one question may name."""


@dataclass(frozen=True)
class CrossRow:
    """A question about several duties that can be answered."""

    duties: tuple[str, ...]
    hidden_first: tuple[str, ...]
    """The same ones, those that are not public before the others."""
    scope: Scope


async def cross_appointment(
    context: Context,
    duties: Sequence[str],
    *,
    level: str | None = None,
    within: UnitRef | None = None,
    as_of: dt.date | None = None,
) -> CrossRow:
    """Return which units are looked at, and for which duties.

    Raises
    ------
    BadInputError, UnknownError, NoEditionError
        If it cannot be asked.
    UnauthenticatedError, ForbiddenError
        If one of them is not public, and the asker does not edit all that is looked at: of somebody
        who is known by a public duty, the figure alone would tell the other one.
    """
    if not 2 <= len(duties) <= MAX_DUTIES or len(set(duties)) != len(duties):  # noqa: PLR2004 - several
        raise BadInputError(
            f"duties names {len(duties)}; name 2 to {MAX_DUTIES} different ones", argument="duties"
        )
    rows = [await require_duty(context, key, argument="duties") for key in duties]
    key = _common_level(rows, level)
    scope = await scope_of(context, key, within, as_of or context.today)
    hidden_first = sorted(rows, key=lambda row: row.public)
    if not hidden_first[0].public:
        await _require_sight(context, within)
    return CrossRow(tuple(duties), tuple(row.key for row in hidden_first), scope)


async def _require_sight(context: Context, within: UnitRef | None) -> None:
    """Refuse whoever does not edit the ground that is looked at."""
    _, ground = await require(context, Right.SEE_DUTIES)
    if ground is None:
        return
    if within is None:
        raise ForbiddenError(
            f"the key is valid for {ground.level} {ground.code} only, and one of the duties is not "
            "public: name that unit, or one below it, as within",
            argument="within",
        )
    await require_ground(context, [within], argument="within")


def _common_level(duties: Sequence[DutyRow], level: str | None) -> str:
    """Return the level on whose units all are carried: the first one's own, if it is one."""
    first = duties[0]
    names = [key for key in first.levels if all(key in one.levels for one in duties)]
    if not names:
        raise BadInputError(
            f"{' and '.join(one.key for one in duties)} are never carried on the same unit: they "
            "have no level in common",
            argument="duties",
        )
    if level is not None and level not in names:
        raise BadInputError(
            f"level {level[:80]!r} is none that these duties have in common; that are "
            f"{', '.join(names)}",
            argument="level",
            options=names,
        )
    return level or (first.level if first.level in names else names[0])


async def counts(context: Context, row: CrossRow) -> CrossCounts:
    """Return on how many units the first duty is held, and all of them by one body."""
    return await context.once(
        ("cross counts", row.scope, row.duties),
        lambda: context.ask(duty_counts.cross_counts, row.scope, row.duties),
    )


async def bodies(
    context: Context, row: CrossRow, *, first: int, after: str | None
) -> Page[BodyRow]:
    """Return a page of the bodies that hold all duties on one unit, as far as one may see that."""
    rows = await context.ask(
        duty_counts.cross_bodies,
        row.scope,
        row.hidden_first,
        await sight(context),
        first=first + 1,
        after=after,
    )
    return take(rows, first)
