"""Let a hundred thousand units be written quickly: hashes in constraints, and land kept once.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    from collections.abc import Sequence

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UNIT = "hashtextextended(code, hashtextextended(level, 0))"

# What is one an edition: the constraint's name, its table, and the hash that stands for the columns
# that it compared before.
CONSTRAINTS = (
    ("unit_one_row_an_edition", "unit", _UNIT, ("level", "code")),
    ("unit_tally_one_an_edition", "unit_tally", _UNIT, ("level", "code")),
    (
        "address_place_one_an_edition",
        "address_place",
        "hashtextextended(level, address_row)",
        ("address_row", "level"),
    ),
)

EARLIER = ("since_edition", "drawn_edition")
"""Columns of ``unit`` that name an edition up to the row's first one, which is looked up anyway."""

_UP_TO_FIRST = " AND ".join(f"{column} BETWEEN 1 AND first_edition" for column in EARLIER)

PLAN = (
    ("base_row", sa.BigInteger),
    ("redrawn", sa.Boolean),
    ("renamed", sa.Boolean),
    ("reattributed", sa.Boolean),
    ("search_text", sa.Text),
)


def upgrade() -> None:
    """Exchange the constraints, and make room for what a draft would write of its own rows."""
    for name, table, hashed, _ in CONSTRAINTS:
        _exchange(name, table, [f"({hashed})"])
    for column in EARLIER:
        op.drop_constraint(f"unit_{column}_fkey", "unit", type_="foreignkey")
    op.create_check_constraint("unit_versions", "unit", _UP_TO_FIRST)
    for column, kind in PLAN:
        op.add_column("draft_unit", sa.Column(column, kind))


def downgrade() -> None:
    """Put back what ``upgrade`` exchanged; plans of open drafts are lost, and made at a check."""
    op.execute("UPDATE draft SET planned = false WHERE planned")
    op.execute(
        "UPDATE draft_unit SET source_wkb = ST_AsBinary(geom)"
        " WHERE source_wkb IS NULL AND geom IS NOT NULL"
    )
    for column, _ in reversed(PLAN):
        op.drop_column("draft_unit", column)
    op.drop_constraint("unit_versions", "unit", type_="check")
    for column in EARLIER:
        op.create_foreign_key(f"unit_{column}_fkey", "unit", "edition", [column], ["number"])
    for name, table, _, columns in CONSTRAINTS:
        _exchange(name, table, columns)


def _exchange(name: str, table: str, keys: Sequence[str]) -> None:
    """Make a constraint anew: no two rows with the same keys in one edition."""
    same = ", ".join(f"{key} WITH =" for key in keys)
    op.execute(
        f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} EXCLUDE USING gist"
        f" ({same}, int4range(first_edition, last_edition, '[]') WITH &&)"
    )
