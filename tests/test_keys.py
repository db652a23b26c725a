"""Keys: shown once, stored as hashes, worthless when revoked."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from geo.errors import BadInputError, UnknownError
from resolvers.keys import create_key, list_keys, revoke_key
from storage.keys import Principal, Role, find
from tests.ground import draw, open_next

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]


async def principal(engine: AsyncEngine, secret: str) -> Principal | None:
    async with engine.connect() as connection:
        return await find(connection, secret)


async def test_a_key_opens_what_it_was_made_for(engine: AsyncEngine) -> None:
    made = await create_key(engine, name=" 数据组 ", role="editor", within="district:999001")

    found = await principal(engine, made.secret)

    assert found == Principal("数据组", Role.EDITOR, "district", "999001", made.id)


async def test_a_key_has_256_random_bits_and_is_not_stored(engine: AsyncEngine) -> None:
    secrets = {(await create_key(engine, name="n", role="reader")).secret for _ in range(3)}

    assert len(secrets) == 3
    # 32 bytes are 43 characters of base64 without padding.
    assert {(secret[:3], len(secret)) for secret in secrets} == {("wg_", 46)}
    async with engine.connect() as connection:
        stored = (await connection.execute(text("SELECT api_key::text FROM api_key"))).all()
    assert not [row for row in stored for secret in secrets if secret in row[0]]


@pytest.mark.parametrize(
    "wrong", ["", "wg_", "wg_" + "A" * 43, "x" * 46, "wg_" + "A" * 10_000, "wg_\x00\udcff"]
)
async def test_anything_else_opens_nothing(engine: AsyncEngine, wrong: str) -> None:
    await create_key(engine, name="n", role="admin")

    assert await principal(engine, wrong) is None


async def test_a_revoked_key_opens_nothing_and_is_still_listed(engine: AsyncEngine) -> None:
    kept = await create_key(engine, name="kept", role="reader")
    gone = await create_key(engine, name="gone", role="admin")

    assert await revoke_key(engine, gone.id)
    assert not await revoke_key(engine, gone.id), "it was so already"

    assert await principal(engine, gone.secret) is None
    assert await principal(engine, kept.secret) is not None
    rows = await list_keys(engine)
    assert [(row.name, row.revoked_at is None) for row in rows] == [("gone", False), ("kept", True)]


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "n" * 201}),
        ("name", {"name": "a\x1b[31m"}),
        ("role", {"role": "king"}),
        ("within", {"within": "district"}),
        ("within", {"within": ":1"}),
        ("within", {"within": "district:"}),
    ],
)
async def test_a_key_that_cannot_be_meant_is_refused(
    engine: AsyncEngine, argument: str, given: dict[str, str]
) -> None:
    with pytest.raises(BadInputError) as caught:
        await create_key(engine, **{"name": "n", "role": "reader", **given})

    assert caught.value.extensions["argument"] == argument
    assert await list_keys(engine) == []


async def test_ground_is_checked_once_its_level_has_units(engine: AsyncEngine) -> None:
    with pytest.raises(UnknownError, match="no level 'distric'"):
        await create_key(engine, name="n", role="editor", within="distric:D")
    await create_key(engine, name="before", role="editor", within="district:D")
    async with engine.begin() as connection:
        edition = await open_next(connection, "district")
        await draw(connection, edition, "district", {"D": (0, 0, 1, 1)})

    await create_key(engine, name="after", role="editor", within="district:D")
    with pytest.raises(UnknownError, match="no unit 'd' stands on level 'district'"):
        await create_key(engine, name="n", role="editor", within="district:d")


async def test_revoking_a_key_that_is_not_there_is_said(engine: AsyncEngine) -> None:
    with pytest.raises(UnknownError, match="no key 7"):
        await revoke_key(engine, 7)


async def test_finding_a_key_is_one_statement(engine: AsyncEngine, statements: list[str]) -> None:
    made = await create_key(engine, name="n", role="reader")
    statements.clear()

    await principal(engine, made.secret)

    assert len(statements) == 1


def test_each_role_includes_those_before_it() -> None:
    order = ["reader", "editor", "publisher", "admin"]
    for (rank, role), (needed_rank, needed) in product(enumerate(order), repeat=2):
        assert Role(role).includes(Role(needed)) == (rank >= needed_rank)
