"""The root fields of circle."""

from __future__ import annotations

import strawberry


@strawberry.type
class CircleQueries:
    """Filled below."""
