"""The root field that proposes who goes where."""

from __future__ import annotations

import strawberry


@strawberry.type
class PlanQueries:
    """Mixed into the root type."""
