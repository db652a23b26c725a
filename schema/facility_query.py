"""The root fields of facility."""

from __future__ import annotations

import strawberry


@strawberry.type
class FacilityQueries:
    """Filled below."""
