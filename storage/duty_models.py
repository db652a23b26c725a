"""The tables of duties, of bodies that carry them, and of who carries which from when to when."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Sequence,
    Text,
    TextClause,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.circle_models import Base  # with those of storage.models
from storage.models import Json

__all__ = [
    "Assignment",
    "Base",  # with the tables of all modules
    "Body",
    "Duty",
    "DutyLevel",
    "DutyPost",
    "DutyStamp",
]


CHANGE = Sequence("assignment_change", metadata=Base.metadata, data_type=BigInteger)
"""Where ``assignment.changed`` comes from: each change of a row takes the next number."""


class Duty(Base):
    """A kind of duty, and how many holders a unit of its own level must have.

    ``several``: one body may carry it on several units at a time. ``public``: readers are told who
    carries it.
    """

    __tablename__ = "duty"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(ForeignKey("level.key", ondelete="CASCADE"))
    min: Mapped[int] = mapped_column(server_default="0")
    max: Mapped[int | None]
    several: Mapped[bool] = mapped_column(Boolean, server_default=true())
    public: Mapped[bool] = mapped_column(Boolean, server_default=true())

    __table_args__ = (
        CheckConstraint("key <> ''", name="duty_key"),
        CheckConstraint("min >= 0 AND max >= 1 AND max >= min", name="duty_holders"),
    )


class DutyLevel(Base):
    """A level on whose units a duty may be carried; its own level is one of them."""

    __tablename__ = "duty_level"

    duty: Mapped[str] = mapped_column(ForeignKey("duty.key", ondelete="CASCADE"), primary_key=True)
    level: Mapped[str] = mapped_column(
        ForeignKey("level.key", ondelete="CASCADE"), primary_key=True
    )


class DutyPost(Base):
    """A post of a duty, and the skill that fits it; a duty without posts has free ones."""

    __tablename__ = "duty_post"

    duty: Mapped[str] = mapped_column(ForeignKey("duty.key", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    skill: Mapped[str | None] = mapped_column(Text)
    rank: Mapped[int]


class Body(Base):
    """A person or an organisation.

    ``profession`` is, of an organisation, what sort of organisation it is. ``contact`` and the home
    are for editors of its ground.
    """

    __tablename__ = "body"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    profession: Mapped[str | None] = mapped_column(Text)
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    member_of: Mapped[str | None] = mapped_column(
        ForeignKey("body.key", deferrable=True, initially="DEFERRED")
    )
    home_level: Mapped[str | None] = mapped_column(Text)
    home_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    home_address: Mapped[str | None] = mapped_column(Text(collation="C"))
    contact: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    properties: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    search_text: Mapped[str] = mapped_column(Text, server_default="")
    changed_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    changed_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("key <> ''", name="body_key"),
        CheckConstraint("kind IN ('PERSON', 'ORGANISATION')", name="body_kind"),
        CheckConstraint("(home_level IS NULL) = (home_code IS NULL)", name="body_home"),
        Index("body_profession", "profession", "key"),
        Index("body_member_of", "member_of", "key"),
        Index(
            "body_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )


def _days() -> TextClause:
    """Return the span of days of a row, half-open; empty where it was ended on its first day."""
    return text("daterange(since, until, '[)')")


def _unit() -> TextClause:
    return text("hashtextextended(code, hashtextextended(level, hashtextextended(duty, 0)))")


class Assignment(Base):
    """A body carries a duty on a unit from ``since`` until the day before ``until`` (null: still).

    Triggers write ``exclusive`` (a unit has one holder at a time) and ``single`` (a body carries it
    on one unit at a time), which come from the duty, and ``changed``, the number of the row's last
    change: each change of a row has its own, and what is committed later a higher one.
    """

    __tablename__ = "assignment"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    duty: Mapped[str] = mapped_column(Text(collation="C"))
    body: Mapped[str] = mapped_column(ForeignKey("body.key"))
    level: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text(collation="C"))
    post: Mapped[str | None] = mapped_column(Text(collation="C"))
    since: Mapped[dt.date] = mapped_column(Date)
    until: Mapped[dt.date | None] = mapped_column(Date)
    exclusive: Mapped[bool] = mapped_column(Boolean, server_default="false")
    single: Mapped[bool] = mapped_column(Boolean, server_default="false")
    changed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    created_by: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        ForeignKeyConstraint(["duty", "level"], ["duty_level.duty", "duty_level.level"]),
        CheckConstraint("until >= since", name="assignment_days"),
        ExcludeConstraint(
            (_unit(), "="),
            (_days(), "&&"),
            using="gist",
            where="exclusive",
            name="assignment_one_holder",
        ),
        ExcludeConstraint(
            (text("hashtextextended(body, hashtextextended(duty, 0))"), "="),
            (_days(), "&&"),
            using="gist",
            where="single",
            name="assignment_one_unit",
        ),
        ExcludeConstraint(
            (
                text(
                    "hashtextextended(coalesce(post, ''), hashtextextended(body, hashtextextended("
                    "code, hashtextextended(level, hashtextextended(duty, 0)))))"
                ),
                "=",
            ),
            (_days(), "&&"),
            using="gist",
            name="assignment_once",
        ),
        Index("assignment_unit", "level", "code", "duty"),
        Index("assignment_body", "body"),
        Index("assignment_duty", "duty", "level", "code"),
        Index("assignment_changed", "changed"),
    )


class DutyStamp(Base):
    """How often duties, bodies or assignments have changed: one row.

    Triggers count, whoever writes.
    """

    __tablename__ = "duty_stamp"

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=true())
    stamp: Mapped[int] = mapped_column(BigInteger, server_default="0")

    __table_args__ = (CheckConstraint("one", name="duty_stamp_one"),)
