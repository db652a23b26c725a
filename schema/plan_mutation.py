"""The root field that makes a proposal hold."""

from __future__ import annotations

import strawberry


@strawberry.type
class PlanMutations:
    """Mixed into the root type."""
