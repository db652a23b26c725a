"""The root fields of siting."""

from __future__ import annotations

import strawberry


@strawberry.type
class SitingQueries:
    """Filled below."""
