"""The program on a database of its own: see :mod:`tests.publishing`."""

from __future__ import annotations

from tests.publishing.conftest import here, stored, wangge

__all__ = ["here", "stored", "wangge"]
