"""Tell when duties, bodies or assignments change, so that processes may keep what they know.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the stamp, which counts every statement that changes them, speak at the commit."""
    op.execute(
        "CREATE FUNCTION duty_told() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_notify('wangge_duty', ''); RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER duty_told AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON duty_stamp "
        "FOR EACH STATEMENT EXECUTE FUNCTION duty_told()"
    )


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    op.execute("DROP TRIGGER duty_told ON duty_stamp")
    op.execute("DROP FUNCTION duty_told()")
