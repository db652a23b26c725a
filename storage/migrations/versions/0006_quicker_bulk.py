"""Let units stand beside a cheaper constraint, and drafts without an index that nobody asks.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CONSTRAINT = "unit_one_row_an_edition"

_EXCLUDE = (
    "EXCLUDE USING gist (hashtextextended(code, hashtextextended(level, 0)) WITH =,"
    " int4range(first_edition, last_edition, '[]') WITH &&)"
)

# GiST takes longer over a hundred thousand rows than all other indexes together, and of rows that
# stand a unique index says all but one thing: that none began before another one ended. That is
# asked of all rows of a statement at once. A statement is planned anew each time (EXECUTE): it may
# bring one row or a hundred thousand.
#
# Side by side: two rows that stand meet in ``unit_current``, two that ended in the constraint. A
# row that stands waits there for one that is being ended, and sees it then. Only a row that is
# written as ended from the start meets nobody; it waits for everybody.
_FUNCTION = """
CREATE FUNCTION unit_editions_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    clash record;
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM written WHERE last_edition IS NOT NULL) THEN
        LOCK TABLE unit IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    EXECUTE '
        SELECT w.level, w.code FROM written w JOIN unit u USING (level, code)
        WHERE u.row_id <> w.row_id
          AND (u.last_edition IS NULL OR u.last_edition >= w.first_edition)
          AND (w.last_edition IS NULL OR w.last_edition >= u.first_edition)
        LIMIT 1' INTO clash;
    IF clash.code IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'exclusion_violation',
            CONSTRAINT = 'unit_one_row_an_edition',
            TABLE = 'unit',
            MESSAGE = format('two rows of unit %s %s stand in one edition',
                             clash.level, clash.code);
    END IF;
    RETURN NULL;
END $$
"""

_TRIGGER = """
CREATE TRIGGER unit_editions_apart_{when} AFTER {when} ON unit REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION unit_editions_apart()
"""


def upgrade() -> None:
    """Exchange the constraint, and drop the index."""
    _exchange(f"{_EXCLUDE} WHERE (last_edition IS NOT NULL)")
    op.execute(_FUNCTION)
    for when in ("INSERT", "UPDATE"):
        op.execute(_TRIGGER.format(when=when))
    op.drop_index("draft_unit_geom", "draft_unit")


def downgrade() -> None:
    """Put back what ``upgrade`` exchanged."""
    op.create_index("draft_unit_geom", "draft_unit", ["geom"], postgresql_using="gist")
    for when in ("INSERT", "UPDATE"):
        op.execute(f"DROP TRIGGER unit_editions_apart_{when} ON unit")
    op.execute("DROP FUNCTION unit_editions_apart()")
    _exchange(_EXCLUDE)


def _exchange(constraint: str) -> None:
    op.execute(
        f"ALTER TABLE unit DROP CONSTRAINT {_CONSTRAINT}, ADD CONSTRAINT {_CONSTRAINT} {constraint}"
    )
