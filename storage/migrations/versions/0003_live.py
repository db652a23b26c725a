"""Add the progress of imports, and tell those who listen of it and of new editions.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and the triggers that speak when a transaction commits."""
    _create_progress()
    reading = sa.text("status = 'READING'")
    op.create_index("draft_reading", "draft", ["id"], postgresql_where=reading)
    _create_trigger("edition", "wangge_edition", "NEW.number::text", "INSERT")
    _create_trigger("import_progress", "wangge_import", "NEW.ticket", "INSERT OR UPDATE")


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    for table in ("import_progress", "edition"):
        op.execute(f"DROP TRIGGER {table}_told ON {table}")
        op.execute(f"DROP FUNCTION {table}_told()")
    op.drop_index("draft_reading", "draft")
    op.drop_table("import_progress")


def _create_progress() -> None:
    draft = sa.ForeignKey("draft.id", ondelete="CASCADE")
    now = sa.func.now()
    op.create_table(
        "import_progress",
        sa.Column("owner", sa.BigInteger, sa.ForeignKey("api_key.id"), nullable=False),
        sa.Column("ticket", sa.Text(collation="C"), nullable=False),
        sa.Column("draft_id", sa.BigInteger, draft, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("done", sa.Integer, server_default="0", nullable=False),
        sa.Column("total", sa.Integer, server_default="0", nullable=False),
        sa.Column("error", pg.JSONB),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("owner", "ticket"),
        sa.CheckConstraint(
            "stage IN ('waiting', 'reading', 'checking', 'storing')", name="import_progress_stage"
        ),
        sa.CheckConstraint("done >= 0 AND total >= 0", name="import_progress_counts"),
    )
    op.create_index("import_progress_draft", "import_progress", ["draft_id"])
    op.create_index("import_progress_ticket", "import_progress", ["ticket", "updated_at"])


def _create_trigger(table: str, channel: str, payload: str, when: str) -> None:
    """Let a table tell a channel of each row; PostgreSQL delivers it at the commit, never before.

    A trigger, and not the code that writes: whoever writes the row, it is told.
    """
    op.execute(
        f"CREATE FUNCTION {table}_told() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN PERFORM pg_notify('{channel}', {payload}); RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_told AFTER {when} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_told()"
    )
