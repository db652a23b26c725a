"""The audits of the reference implementation of GraphQL over HTTP, put to the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.graphql.live import serving
from tests.node import require_node, run_node

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

AUDITS = 61
"""As many as the package has; fewer would mean that some were not run."""


@pytest.mark.anyio
async def test_the_official_audits_have_nothing_to_say(
    town: AsyncEngine, database_url: str
) -> None:
    del town  # it is drawn
    require_node()
    async with serving(database_url) as service:
        told = await run_node("audit.mjs", f"{service.address}graphql")

    assert [audit for audit in told if audit["status"] != "ok"] == []
    assert len(told) == AUDITS
