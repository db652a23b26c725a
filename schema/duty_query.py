"""The root fields of duties, bodies and assignments."""

from __future__ import annotations

import strawberry


@strawberry.type
class DutyQueries:
    """Mixed into the root type."""
