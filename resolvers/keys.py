"""Give and take rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.errors import BadInputError
from storage import keys
from storage.keys import KeyRow, NewKey, Role

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

MAX_NAME = 200

__all__ = ["KeyRow", "NewKey", "Role", "create_key", "list_keys", "revoke_key"]


async def create_key(
    engine: AsyncEngine, *, name: str, role: str, within: str | None = None
) -> NewKey:
    """Make a key; its text is known now and never again.

    Parameters
    ----------
    name
        Whom it is for, 1 to 200 characters.
    role
        ``reader``, ``editor``, ``publisher`` or ``admin``.
    within
        ``LEVEL:CODE`` of the unit on whose ground it is valid; everywhere when None.

    Raises
    ------
    BadInputError
        If the name, the role or the form of ``within`` is wrong.
    UnknownError
        If ``within`` names no unit.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInputError(
            f"a key's name must have 1 to {MAX_NAME} printable characters", argument="name"
        )
    if role not in set(Role):
        options = [known.value for known in Role]
        raise BadInputError(
            f"{role!r} is no role; choose one of {', '.join(options)}",
            argument="role",
            options=options,
        )
    ground = _ground(within) if within is not None else None
    async with engine.begin() as connection:
        return await keys.create(connection, name=name, role=Role(role), within=ground)


async def list_keys(engine: AsyncEngine) -> list[KeyRow]:
    """Return the keys, newest first; their texts are not known."""
    async with engine.connect() as connection:
        return await keys.list_keys(connection)


async def revoke_key(engine: AsyncEngine, key_id: int) -> bool:
    """Make a key worthless from now on; False when it was so already.

    Raises
    ------
    UnknownError
        If there is no key of that number.
    """
    async with engine.begin() as connection:
        return await keys.revoke(connection, key_id)


def _ground(within: str) -> tuple[str, str]:
    level, colon, code = within.partition(":")
    if not (level and colon and code):
        raise BadInputError(
            f"{within!r} names no ground; write LEVEL:CODE, such as district:999001",
            argument="within",
        )
    return level, code
