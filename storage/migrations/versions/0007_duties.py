"""Add duties, the bodies that carry them, and who carries which from when to when.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("duty", "duty_level", "duty_post", "body", "assignment", "duty_stamp")
"""In the order of creation: none refers to a later one."""

STAMPED = ("duty", "duty_level", "duty_post", "body", "assignment")
"""What answers about duties are made of."""

_DAYS = "daterange(since, until, '[)')"
_UNIT = "hashtextextended(code, hashtextextended(level, hashtextextended(duty, 0)))"
_BODY = "hashtextextended(body, hashtextextended(duty, 0))"
_ALL = (
    "hashtextextended(coalesce(post, ''), hashtextextended(body, hashtextextended(code,"
    " hashtextextended(level, hashtextextended(duty, 0)))))"
)

# The row of the stamp is locked from a statement's beginning to its transaction's end: whoever
# writes later commits later, so that a listener who has seen a number has seen all smaller ones.
# The numbers of changes are drawn under that lock, and come out in the order of commits, too.
_STAMPED = """
CREATE FUNCTION duty_stamped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE duty_stamp SET stamp = stamp + 1;
    RETURN NULL;
END $$
"""

_WRITTEN = """
CREATE FUNCTION assignment_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT coalesce(d.max = 1, false), NOT d.several INTO NEW.exclusive, NEW.single
    FROM duty d WHERE d.key = NEW.duty;
    NEW.exclusive = coalesce(NEW.exclusive, false);  -- of an unknown duty, which is refused next
    NEW.single = coalesce(NEW.single, false);
    IF TG_OP = 'INSERT' THEN
        NEW.changed = nextval('assignment_change');
    ELSIF (NEW.duty, NEW.body, NEW.level, NEW.code, NEW.post, NEW.since, NEW.until)
        IS DISTINCT FROM (OLD.duty, OLD.body, OLD.level, OLD.code, OLD.post, OLD.since, OLD.until)
    THEN
        NEW.changed = nextval('assignment_change');
    END IF;
    RETURN NEW;
END $$
"""

_SPOKEN = """
CREATE FUNCTION assignment_spoken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wangge_assignment', (SELECT stamp::text FROM duty_stamp));
    RETURN NULL;
END $$
"""

# A unit that stands no more is asked for where it stood last. It costs some probes of an index:
# what is cheaper is asked first. Variables would take the collation of the argument that has one,
# and no index is of that one for both columns.
_ABOVE = """
CREATE FUNCTION unit_above(level_from text, code_from text, level_to text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 AS $$
DECLARE
    at_level text COLLATE "default" = level_from;
    at_code text COLLATE "C" = code_from;
BEGIN
    WHILE at_level <> level_to AND at_code IS NOT NULL LOOP
        SELECT u.parent_code, l.parent INTO at_code, at_level
        FROM unit u JOIN level l ON l.key = u.level
        WHERE u.level = at_level AND u.code = at_code
        ORDER BY u.first_edition DESC LIMIT 1;
    END LOOP;
    RETURN CASE WHEN at_level = level_to THEN at_code END;
END $$
"""

# A duty that gets stricter is refused while assignments stand that it does not allow.
_STRICTER = """
CREATE FUNCTION duty_stricter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE assignment SET exclusive = exclusive
    WHERE duty = NEW.key
      AND (exclusive, single) IS DISTINCT FROM (coalesce(NEW.max = 1, false), NOT NEW.several);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Create the tables."""
    _create_duties()
    _create_bodies()
    _create_assignments()
    _create_stamp()


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("assignment_change")))
    for function in ("assignment_written", "assignment_spoken", "duty_stricter", "duty_stamped"):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP FUNCTION unit_above(text, text, text)")


def _key(
    name: str,
    *constraints: sa.ForeignKey,
    nullable: bool = False,
    primary_key: bool = False,
    unique: bool | None = None,
) -> sa.Column[str]:
    """Make a column of keys: compared byte by byte, whatever the database's locale."""
    return sa.Column(
        name,
        sa.Text(collation="C"),
        *constraints,
        nullable=nullable and not primary_key,
        primary_key=primary_key,
        unique=unique,
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _moment(name: str, *, now: bool = True) -> sa.Column[object]:
    moment = sa.DateTime(timezone=True)
    return sa.Column(name, moment, server_default=sa.func.now() if now else None, nullable=not now)


def _flag(name: str, default: sa.ColumnElement[bool]) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, server_default=default, nullable=False)


def _duty(*, primary_key: bool = False) -> sa.Column[str]:
    return _key("duty", sa.ForeignKey("duty.key", ondelete="CASCADE"), primary_key=primary_key)


def _level(*, primary_key: bool = False) -> sa.Column[str]:
    level = sa.ForeignKey("level.key", ondelete="CASCADE")
    return sa.Column("level", sa.Text, level, nullable=False, primary_key=primary_key)


def _create_duties() -> None:
    op.create_table(
        "duty",
        _key("key", primary_key=True),
        _text("name"),
        _level(),
        sa.Column("min", sa.Integer, server_default="0", nullable=False),
        sa.Column("max", sa.Integer),
        _flag("several", sa.true()),
        _flag("public", sa.true()),
        sa.CheckConstraint("key <> ''", name="duty_key"),
        sa.CheckConstraint("min >= 0 AND max >= 1 AND max >= min", name="duty_holders"),
    )
    op.create_table("duty_level", _duty(primary_key=True), _level(primary_key=True))
    op.create_table(
        "duty_post",
        _duty(primary_key=True),
        _key("key", primary_key=True),
        _text("name"),
        _text("skill", nullable=True),
        sa.Column("rank", sa.Integer, nullable=False),
    )


def _create_bodies() -> None:
    member = sa.ForeignKey("body.key", deferrable=True, initially="DEFERRED")
    op.create_table(
        "body",
        sa.Column("row_id", sa.BigInteger, sa.Identity(), primary_key=True),
        _key("key", unique=True),
        _text("kind"),
        _text("name"),
        _text("profession", nullable=True),
        sa.Column("skills", pg.ARRAY(sa.Text), server_default="{}", nullable=False),
        _key("member_of", member, nullable=True),
        _text("home_level", nullable=True),
        _key("home_code", nullable=True),
        _key("home_address", nullable=True),
        sa.Column("contact", pg.JSONB, server_default="{}", nullable=False),
        sa.Column("properties", pg.JSONB, server_default="{}", nullable=False),
        sa.Column("search_text", sa.Text, server_default="", nullable=False),
        _moment("changed_at"),
        _text("changed_by"),
        sa.CheckConstraint("key <> ''", name="body_key"),
        sa.CheckConstraint("kind IN ('PERSON', 'ORGANISATION')", name="body_kind"),
        sa.CheckConstraint("(home_level IS NULL) = (home_code IS NULL)", name="body_home"),
    )
    op.create_index("body_profession", "body", ["profession", "key"])
    op.create_index("body_member_of", "body", ["member_of", "key"])
    op.create_index(
        "body_search",
        "body",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _create_assignments() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        _key("duty"),
        _key("body", sa.ForeignKey("body.key")),
        _text("level"),
        _key("code"),
        _key("post", nullable=True),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        _flag("exclusive", sa.false()),
        _flag("single", sa.false()),
        sa.Column("changed", sa.BigInteger, server_default="0", nullable=False),
        _moment("created_at"),
        _text("created_by"),
        _moment("ended_at", now=False),
        _text("ended_by", nullable=True),
        sa.ForeignKeyConstraint(["duty", "level"], ["duty_level.duty", "duty_level.level"]),
        sa.CheckConstraint("until >= since", name="assignment_days"),
        _never_twice("assignment_one_holder", _UNIT, where="exclusive"),
        _never_twice("assignment_one_unit", _BODY, where="single"),
        _never_twice("assignment_once", _ALL),
    )
    op.create_index("assignment_unit", "assignment", ["level", "code", "duty"])
    op.create_index("assignment_body", "assignment", ["body"])
    op.create_index("assignment_duty", "assignment", ["duty", "level", "code"])
    op.create_index("assignment_changed", "assignment", ["changed"])
    op.execute(sa.schema.CreateSequence(sa.Sequence("assignment_change", data_type=sa.BigInteger)))


def _never_twice(name: str, what: str, *, where: str | None = None) -> pg.ExcludeConstraint:
    """Forbid two rows of the same that hold on one day."""
    return pg.ExcludeConstraint(
        (sa.text(what), "="), (sa.text(_DAYS), "&&"), using="gist", where=where, name=name
    )


def _create_stamp() -> None:
    op.create_table(
        "duty_stamp",
        _flag_key(),
        sa.Column("stamp", sa.BigInteger, server_default="0", nullable=False),
        sa.CheckConstraint("one", name="duty_stamp_one"),
    )
    op.execute("INSERT INTO duty_stamp DEFAULT VALUES")
    for function in (_STAMPED, _WRITTEN, _SPOKEN, _ABOVE, _STRICTER):
        op.execute(function)
    for table in STAMPED:
        op.execute(
            f"CREATE TRIGGER {table}_stamped BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION duty_stamped()"
        )
    op.execute(
        "CREATE TRIGGER assignment_written BEFORE INSERT OR UPDATE ON assignment "
        "FOR EACH ROW EXECUTE FUNCTION assignment_written()"
    )
    op.execute(
        "CREATE TRIGGER assignment_spoken AFTER INSERT OR UPDATE ON assignment "
        "FOR EACH STATEMENT EXECUTE FUNCTION assignment_spoken()"
    )
    op.execute(
        "CREATE TRIGGER duty_stricter AFTER UPDATE OF max, several ON duty "
        "FOR EACH ROW EXECUTE FUNCTION duty_stricter()"
    )


def _flag_key() -> sa.Column[bool]:
    return sa.Column("one", sa.Boolean, server_default=sa.true(), primary_key=True)
