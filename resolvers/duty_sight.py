"""What whoever asks may know of duties, looked up once a request."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from storage.duty_sight import EVERYTHING, PUBLIC, DutyGround, Sight
from storage.keys import Role

if TYPE_CHECKING:
    from resolvers.context import Context


async def sight(context: Context) -> Sight:
    """Return how far the asker sees.

    Raises
    ------
    UnauthenticatedError
        If the key that came is none of ours, or revoked.
    """
    who = await context.principal()
    if who is None or not who.role.includes(Role.EDITOR):
        return PUBLIC
    if who.within_level is None or who.within_code is None:
        return EVERYTHING
    return ground_sight(who.within_level, who.within_code, context.today)


def ground_sight(level: str, code: str, today: dt.date) -> Sight:
    """Return how far an editor of a unit sees."""
    return Sight(everything=False, ground=DutyGround(level, code), today=today)
