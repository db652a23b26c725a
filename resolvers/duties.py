"""Kinds of duties, looked up once a request, or once until they change."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from geo.errors import UnknownError
from resolvers.known import DUTIES
from storage import duties

if TYPE_CHECKING:
    from resolvers.context import Context
    from storage.duties import DutyRow


async def by_key(context: Context) -> dict[str, DutyRow]:
    """Return every kind of duty by its key, in their order."""

    async def make() -> dict[str, DutyRow]:
        return {row.key: row for row in await context.ask(duties.all_duties)}

    return await context.fact(DUTIES, make, part=DUTIES)


async def require_duty(context: Context, key: str, *, argument: str = "duty") -> DutyRow:
    """Return a kind of duty.

    Raises
    ------
    UnknownError
        If there is none of that key; the message names some that are like it.
    """
    known = await by_key(context)
    if key in known:
        return known[key]
    near = difflib.get_close_matches(key, known, n=3) or list(known)[:10]
    hint = f"; there are {', '.join(near)}" if near else "; load some first"
    raise UnknownError(f"there is no duty {key[:80]!r}{hint}", argument=argument, options=near)
