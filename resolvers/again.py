"""Work that another transaction may get in the way of is done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from geo.errors import ConflictError
from storage.contention import got_in_the_way

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

ATTEMPTS = 4
"""How often work is begun; from the second time on it may ask to be alone."""


class OvertakenError(Exception):
    """Another transaction has changed what this one had read: it has to begin anew."""


async def until_undisturbed(attempt: Callable[[bool], Awaitable[T]]) -> T:
    """Do work, and do it again when another transaction got in its way.

    Parameters
    ----------
    attempt
        Does the work in a transaction of its own. It is told whether it has failed before: then
        it had better keep others away.

    Raises
    ------
    ConflictError
        If it does not succeed even so.
    """
    for number in range(ATTEMPTS):
        try:
            return await attempt(number > 0)
        except OvertakenError:
            continue
        except DBAPIError as error:
            if not got_in_the_way(error):
                raise
    raise ConflictError("others keep changing the same ground; try again in a moment")
