"""The root fields that change who carries which duty."""

from __future__ import annotations

import strawberry


@strawberry.type
class DutyMutations:
    """Mixed into the root type."""
