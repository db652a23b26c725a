"""Writes people and organisations, many at once."""

# ruff: noqa: S608 - what is put together are constants of this module; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import func, or_, select, text

from storage.duty_models import Body
from storage.units import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

AT_ONCE = 10_000
"""So many rows are one statement."""

MANY = 1_000
"""So many new rows are worth looking at by the planner."""


class StoredBody(NamedTuple):
    """All that is said of a person or an organisation."""

    key: str
    kind: str
    name: str
    profession: str | None
    skills: tuple[str, ...]
    member_of: str | None
    home_level: str | None
    home_code: str | None
    home_address: str | None
    contact: dict[str, Any]  # free JSON, as are the properties
    properties: dict[str, Any]


class Organisation(NamedTuple):
    """An organisation, as far as others are members of it."""

    key: str
    name: str
    member_of: str | None


async def stored_bodies(
    connection: AsyncConnection, keys: Collection[str]
) -> dict[str, StoredBody]:
    """Return the bodies of these keys, locked until the transaction ends."""
    query = (
        select(
            Body.key,
            Body.kind,
            Body.name,
            Body.profession,
            Body.skills,
            Body.member_of,
            Body.home_level,
            Body.home_code,
            Body.home_address,
            Body.__table__.c.contact,
            Body.__table__.c.properties,
        )
        .where(Body.key == func.any(texts(sorted(keys))))
        .order_by(Body.key)
        .with_for_update(key_share=True)  # who assigns them waits for a key only
    )
    found = {}
    for key, kind, name, profession, skills, *rest in await connection.execute(query):
        found[key] = StoredBody(key, kind, name, profession, tuple(skills), *rest)
    return found


async def organisations(connection: AsyncConnection) -> list[Organisation]:
    """Return all organisations, by key; no limit, as a member may name any of them."""
    query = select(Body.key, Body.name, Body.member_of).where(Body.kind == "ORGANISATION")
    return [Organisation(*row) for row in await connection.execute(query.order_by(Body.key))]


async def known_bodies(
    connection: AsyncConnection, called: Collection[str]
) -> list[tuple[str, str]]:
    """Return key and name of the bodies that have one of these keys or names, by key.

    Leans on the key's own index; the names are one look through the table.
    """
    wanted = texts(sorted(called))
    by_key = Body.key == func.any(wanted)
    by_name = Body.name == func.any(texts(sorted(called)))
    query = select(Body.key, Body.name).where(or_(by_key, by_name)).order_by(Body.key)
    return [(row.key, row.name) for row in await connection.execute(query)]


async def put(
    connection: AsyncConnection, bodies: Sequence[tuple[StoredBody, str]], changed_by: str
) -> None:
    """Write bodies, new ones and others, each with the text by which it is found."""
    for start in range(0, len(bodies), AT_ONCE):
        rows = [
            {**body._asdict(), "search_text": found_by}
            for body, found_by in bodies[start : start + AT_ONCE]
        ]
        values = {"rows": orjson.dumps(rows).decode(), "changed_by": changed_by}
        await connection.execute(text(_PUT), values)
    if len(bodies) > MANY:
        await connection.execute(text("ANALYZE body"))


_FIELDS = (*StoredBody._fields, "search_text")
_PUT = f"""
INSERT INTO body ({", ".join(_FIELDS)}, changed_by)
SELECT {", ".join(f"r.{field}" for field in _FIELDS)}, :changed_by
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
    (key text, kind text, name text, profession text, skills text[], member_of text,
     home_level text, home_code text, home_address text, contact jsonb, properties jsonb,
     search_text text)
ON CONFLICT (key) DO UPDATE SET
    {", ".join(f"{field} = excluded.{field}" for field in _FIELDS[1:])},
    changed_by = excluded.changed_by, changed_at = now()
"""
