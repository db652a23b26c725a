"""What whoever asks may know of duties, looked up once a request."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from resolvers.context import PRINCIPAL
from storage.duty_sight import EVERYTHING, PUBLIC, DutyGround, Sight
from storage.keys import Principal, Role

if TYPE_CHECKING:
    from resolvers.context import Context


async def sight(context: Context) -> Sight:
    """Return how far the asker sees.

    Raises
    ------
    UnauthenticatedError
        If the key that came is none of ours, or revoked.
    """
    return _sight_of(context, await context.principal())


def noted_sight(context: Context) -> Sight | None:
    """Return how far the asker sees; None where nobody has asked yet who that is."""
    if context.is_stranger:
        return PUBLIC
    who = context.noted(PRINCIPAL)
    return _sight_of(context, who) if isinstance(who, Principal) else None


def _sight_of(context: Context, who: Principal | None) -> Sight:
    if who is None or not who.role.includes(Role.EDITOR):
        return PUBLIC
    if who.within_level is None or who.within_code is None:
        return EVERYTHING
    return ground_sight(who.within_level, who.within_code, context.today)


def ground_sight(level: str, code: str, today: dt.date) -> Sight:
    """Return how far an editor of a unit sees."""
    return Sight(everything=False, ground=DutyGround(level, code), today=today)
