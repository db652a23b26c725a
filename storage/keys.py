"""Keys: who may do what, and on which ground. Only their hashes are stored."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select, update

from geo.errors import UnknownError
from storage.models import ApiKey, Level, Unit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

PREFIX = "wg_"
"""How every key begins, so that people and secret scanners know one when they see it."""
SECRET_BYTES = 32
MAX_LENGTH = 200
"""Longer texts are no key and are not looked up."""


class Role(StrEnum):
    """What a key allows; each role may do all that the ones before it may."""

    READER = "reader"
    EDITOR = "editor"
    PUBLISHER = "publisher"
    ADMIN = "admin"

    def includes(self, needed: Role) -> bool:
        """Return whether this role may do what ``needed`` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Principal(NamedTuple):
    """Whoever shows a valid key."""

    name: str
    role: Role
    within_level: str | None
    """With ``within_code`` the unit on whose ground the key is valid; None: everywhere."""
    within_code: str | None
    id: int
    """Number of the key: names may be shared."""


class KeyRow(NamedTuple):
    """What is stored of a key."""

    id: int
    name: str
    role: Role
    within_level: str | None
    within_code: str | None
    created_at: dt.datetime
    revoked_at: dt.datetime | None


class NewKey(NamedTuple):
    """A key at the only moment when it is known."""

    id: int
    secret: str


async def create(
    connection: AsyncConnection, *, name: str, role: Role, within: tuple[str, str] | None = None
) -> NewKey:
    """Make a key.

    Parameters
    ----------
    name
        Whom it is for; what is done with it is signed so.
    within
        Level and code of the unit on whose ground it is valid; None: everywhere.

    Raises
    ------
    UnknownError
        If there is no such level, or units of it stand but none has that code.
    """
    level, code = within or (None, None)
    if level is not None:
        await _require_unit(connection, level, code)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    statement = (
        insert(ApiKey)
        .values(
            name=name, hash=_hash(secret), role=role.value, within_level=level, within_code=code
        )
        .returning(ApiKey.id)
    )
    return NewKey((await connection.execute(statement)).scalar_one(), secret)


async def list_keys(connection: AsyncConnection, *, limit: int = 1000) -> list[KeyRow]:
    """Return keys, newest first, revoked ones included."""
    query = (
        select(
            ApiKey.id,
            ApiKey.name,
            ApiKey.role,
            ApiKey.within_level,
            ApiKey.within_code,
            ApiKey.created_at,
            ApiKey.revoked_at,
        )
        .order_by(ApiKey.id.desc())
        .limit(limit)
    )
    return [
        KeyRow(row.id, row.name, Role(row.role), *row[3:])
        for row in await connection.execute(query)
    ]


async def revoke(connection: AsyncConnection, key_id: int) -> bool:
    """Make a key worthless from now on; False when it was so already.

    Raises
    ------
    UnknownError
        If there is no key of that number.
    """
    known = await connection.scalar(select(ApiKey.id).where(ApiKey.id == key_id))
    if known is None:
        raise UnknownError(f"there is no key {key_id}; `wangge key list` shows all", argument="id")
    statement = (
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=func.now())
    )
    return (await connection.execute(statement)).rowcount > 0


async def find(connection: AsyncConnection, key: str) -> Principal | None:
    """Return whose key it is; None for one that is unknown or revoked.

    Leans on the unique index over the hashes. A hash of 256 random bits needs neither salt nor
    a slow function, and comparing hashes by an index tells nothing about the key.
    """
    if not key.startswith(PREFIX) or len(key) > MAX_LENGTH:
        return None
    query = select(
        ApiKey.name, ApiKey.role, ApiKey.within_level, ApiKey.within_code, ApiKey.id
    ).where(ApiKey.hash == _hash(key), ApiKey.revoked_at.is_(None))
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return Principal(row.name, Role(row.role), *row[2:])


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


async def _require_unit(connection: AsyncConnection, level: str, code: str | None) -> None:
    """Refuse ground that is misspelt; a level without any unit yet may be named ahead."""
    known = list(await connection.scalars(select(Level.key).order_by(Level.rank)))
    if level not in known:
        raise UnknownError(
            f"there is no level {level!r}; there are {', '.join(known)}",
            argument="within",
            options=known,
        )
    current = (Unit.level == level, Unit.last_edition.is_(None))
    query = select(
        select(Unit.row_id).where(*current).exists(),
        select(Unit.row_id).where(*current, Unit.code == code).exists(),
    )
    any_stands, it_stands = (await connection.execute(query)).one()
    if any_stands and not it_stands:
        raise UnknownError(f"no unit {code!r} stands on level {level!r}", argument="within")
