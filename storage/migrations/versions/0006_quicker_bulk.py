"""Ask of all units of a statement at once what constraints ask of each, and drop an unused index.

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

NAMED = (("level", "level", "key"), ("first_edition", "edition", "number"))
"""Columns of ``unit`` whose values stand in another table, that table, and its column."""

# A hundred thousand units are of one level and of one edition, so that it is enough to look both up
# once, and to lock them as a foreign key does.
#
# GiST takes longer over as many rows than all other indexes together, and of rows that stand a
# unique index says all but one thing: that none began before another one ended. That is asked of
# all rows of a statement at once. It is planned anew each time (EXECUTE), since it may bring one
# row or a hundred thousand.
#
# Side by side: two rows that stand meet in ``unit_current``, two that ended in the constraint. A
# row that stands waits there for one that is being ended, and sees it then. Only a row that is
# written as ended from the start meets nobody; it waits for everybody.
_WRITTEN = """
CREATE FUNCTION unit_written() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named record;
    clash record;
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM written WHERE last_edition IS NOT NULL) THEN
        LOCK TABLE unit IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    FOR named IN SELECT DISTINCT level, first_edition FROM written LOOP
        PERFORM FROM level WHERE key = named.level FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', TABLE = 'unit',
                MESSAGE = format('there is no level %s for a unit', named.level);
        END IF;
        PERFORM FROM edition WHERE number = named.first_edition FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', TABLE = 'unit',
                MESSAGE = format('there is no edition %s for a unit', named.first_edition);
        END IF;
    END LOOP;
    EXECUTE '
        SELECT w.level, w.code FROM written w JOIN unit u USING (level, code)
        WHERE u.row_id <> w.row_id
          AND (u.last_edition IS NULL OR u.last_edition >= w.first_edition)
          AND (w.last_edition IS NULL OR w.last_edition >= u.first_edition)
        LIMIT 1' INTO clash;
    IF clash.code IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'exclusion_violation', TABLE = 'unit',
            CONSTRAINT = 'unit_one_row_an_edition',
            MESSAGE = format('two rows of unit %s %s stand in one edition',
                             clash.level, clash.code);
    END IF;
    RETURN NULL;
END $$
"""

_WRITTEN_TRIGGER = """
CREATE TRIGGER unit_written_{when} AFTER {when} ON unit REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION unit_written()
"""

_GONE = """
CREATE FUNCTION {table}_of_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.{key} = OLD.{key} THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM unit WHERE {column} = OLD.{key}) THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', TABLE = 'unit',
            MESSAGE = format('there are units of {table} %s', OLD.{key});
    END IF;
    RETURN NULL;
END $$
"""

_GONE_TRIGGER = """
CREATE TRIGGER {table}_of_units AFTER DELETE OR UPDATE OF {key} ON {table}
FOR EACH ROW EXECUTE FUNCTION {table}_of_units()
"""


def upgrade() -> None:
    """Exchange the constraints, and drop the index."""
    _exchange(f"{_EXCLUDE} WHERE (last_edition IS NOT NULL)")
    op.execute(_WRITTEN)
    for when in ("INSERT", "UPDATE"):
        op.execute(_WRITTEN_TRIGGER.format(when=when))
    for column, table, key in NAMED:
        op.drop_constraint(f"unit_{column}_fkey", "unit", type_="foreignkey")
        op.execute(_GONE.format(table=table, column=column, key=key))
        op.execute(_GONE_TRIGGER.format(table=table, key=key))
    op.drop_index("draft_unit_geom", "draft_unit")


def downgrade() -> None:
    """Put back what ``upgrade`` exchanged."""
    op.create_index("draft_unit_geom", "draft_unit", ["geom"], postgresql_using="gist")
    for column, table, key in reversed(NAMED):
        op.execute(f"DROP TRIGGER {table}_of_units ON {table}")
        op.execute(f"DROP FUNCTION {table}_of_units()")
        op.create_foreign_key(f"unit_{column}_fkey", "unit", table, [column], [key])
    for when in ("INSERT", "UPDATE"):
        op.execute(f"DROP TRIGGER unit_written_{when} ON unit")
    op.execute("DROP FUNCTION unit_written()")
    _exchange(_EXCLUDE)


def _exchange(constraint: str) -> None:
    op.execute(
        f"ALTER TABLE unit DROP CONSTRAINT {_CONSTRAINT}, ADD CONSTRAINT {_CONSTRAINT} {constraint}"
    )
