"""Tell when levels change, so that processes may keep what they know of them.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the table tell of each statement that changes it; delivered at the commit."""
    op.execute(
        "CREATE FUNCTION level_told() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('wangge_level', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER level_told AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON level "
        "FOR EACH STATEMENT EXECUTE FUNCTION level_told()"
    )


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    op.execute("DROP TRIGGER level_told ON level")
    op.execute("DROP FUNCTION level_told()")
