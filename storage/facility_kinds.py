"""Kinds of service points, with the rules that those of a kind should keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from storage.circle_models import FacilityKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

MAX_KINDS = 10_000
"""A city has some dozens of kinds."""


GATE = "gate"
"""The kind of facility that lets one through the walls of a compound."""


class KindRow(NamedTuple):
    """A kind of service points."""

    key: str
    name: str
    rules: tuple[str, ...]


async def kinds(connection: AsyncConnection) -> list[KindRow]:
    """Return all kinds, by key."""
    query = select(FacilityKind.key, FacilityKind.name, FacilityKind.rules)
    rows = await connection.execute(query.order_by(FacilityKind.key).limit(MAX_KINDS))
    return [KindRow(key, name, tuple(rules)) for key, name, rules in rows]


async def put(connection: AsyncConnection, wanted: Sequence[KindRow]) -> None:
    """Write kinds: new ones, and those that are otherwise now."""
    if not wanted:
        return
    rows = [{**kind._asdict(), "rules": list(kind.rules)} for kind in wanted]
    write = insert(FacilityKind).values(rows)
    write = write.on_conflict_do_update(
        index_elements=[FacilityKind.key],
        set_={"name": write.excluded.name, "rules": write.excluded.rules},
    )
    await connection.execute(write)
