"""The root fields that change service points."""

from __future__ import annotations

import strawberry


@strawberry.type
class FacilityMutations:
    """Filled below."""
