"""Transactions that get in each other's way: told apart from failures, and made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

PUBLISH_LOCK = 0x77616E6767650005
"""Advisory lock that publishers share, or that one of them has alone ("wangge" and a number)."""

ROLLBACK_CLASS = "40"
"""SQLSTATE class of deadlocks and serialization failures: the same again may well succeed."""


def got_in_the_way(error: BaseException) -> bool:
    """Return whether a failure only says that another transaction was quicker."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(state, str) and state.startswith(ROLLBACK_CLASS)


async def lock_publishing(connection: AsyncConnection, *, alone: bool) -> None:
    """Publish beside others, or wait until they are done and publish alone.

    The lock goes with the transaction.
    """
    lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    await connection.execute(select(lock(PUBLISH_LOCK)))
