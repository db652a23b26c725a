"""What lists are matched with: the units that stand, and those that stood, by code and name."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import aliased

from storage import assigning
from storage.models import Edition, Unit
from storage.units import stands, texts

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection

Day = dt.date

DUTY_LOCK = 0x77616E6767650007
"""Advisory lock that lets one list of duties be loaded at a time ("wangge" and a number)."""


class UnitName(NamedTuple):
    """A unit that stands."""

    level: str
    code: str
    name: str


class UnitSpan(NamedTuple):
    """From when to when a version of a unit stood."""

    level: str
    code: str
    since: Day
    until: Day | None


async def lock_lists(connection: AsyncConnection) -> None:
    """Let all who would change duties, bodies or assignments wait until the transaction ends.

    Other loads wait for the advisory lock, so that they are served in the order in which they came;
    everybody else waits as for any change. Readers do not wait.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": DUTY_LOCK})
    await assigning.lock(connection)


async def unit_names(
    connection: AsyncConnection, edition: int, levels: Collection[str] | None = None
) -> list[UnitName]:
    """Return the units of an edition, of some levels or (None) of all, by level and code.

    No limit: a list may name any of them. Leans on ``unit_code``.
    """
    query = select(Unit.level, Unit.code, Unit.name).where(stands(Unit, edition))
    if levels is not None:
        query = query.where(Unit.level == func.any(texts(sorted(levels))))
    rows = await connection.execute(query.order_by(Unit.level, Unit.code))
    return [UnitName(*row) for row in rows]


async def unit_spans(
    connection: AsyncConnection, levels: Collection[str], codes: Collection[str]
) -> list[UnitSpan]:
    """Return from when to when every version of the units of some codes stood.

    One probe of ``unit_code`` a level and code.
    """
    following = aliased(Edition)
    query = (
        select(Unit.level, Unit.code, Edition.effective_on, following.effective_on)
        .join(Edition, Edition.number == Unit.first_edition)
        .outerjoin(following, following.number == Unit.last_edition + 1)
        .where(Unit.level == func.any(texts(sorted(levels))))
        .where(Unit.code == func.any(texts(sorted(codes))))
        .order_by(Unit.level, Unit.code, Unit.first_edition)
    )
    return [UnitSpan(*row) for row in await connection.execute(query)]
