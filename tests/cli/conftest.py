"""The program on a database of its own: see :mod:`tests.publishing`."""

from __future__ import annotations

from tests.publishing.conftest import database_url, here, levels_database, stored, wangge

__all__ = ["database_url", "here", "levels_database", "stored", "wangge"]
