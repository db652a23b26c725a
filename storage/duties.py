"""Kinds of duties, as stored."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from storage.duty_models import Duty, DutyLevel, DutyPost
from storage.models import Level

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class PostRow(NamedTuple):
    """A post of a duty, and the skill that fits it."""

    key: str
    name: str
    skill: str | None


class DutyRow(NamedTuple):
    """A kind of duty."""

    key: str
    name: str
    level: str
    """Its own level, on whose units there must be so many holders."""
    levels: tuple[str, ...]
    """All levels on whose units it may be carried, topmost first."""
    min: int
    max: int | None
    """None: as many as there may be."""
    several: bool
    """Whether a body may carry it on several units at a time."""
    public: bool
    """Whether readers are told who carries it."""
    posts: tuple[PostRow, ...] = ()
    """In the order of the file; with none, any post may be named."""


async def all_duties(connection: AsyncConnection) -> list[DutyRow]:
    """Return every kind of duty, by key."""
    levels: dict[str, list[str]] = defaultdict(list)
    carried = select(DutyLevel.duty, DutyLevel.level).join(Level, Level.key == DutyLevel.level)
    for duty, level in await connection.execute(carried.order_by(Level.rank)):
        levels[duty].append(level)
    posts: dict[str, list[PostRow]] = defaultdict(list)
    places = select(DutyPost.duty, DutyPost.key, DutyPost.name, DutyPost.skill)
    for duty, key, name, skill in await connection.execute(
        places.order_by(DutyPost.duty, DutyPost.rank)
    ):
        posts[duty].append(PostRow(key, name, skill))
    duties = select(
        Duty.key, Duty.name, Duty.level, Duty.min, Duty.max, Duty.several, Duty.public
    ).order_by(Duty.key)
    return [
        DutyRow(
            key=row.key,
            name=row.name,
            level=row.level,
            levels=tuple(levels[row.key]),
            min=row.min,
            max=row.max,
            several=row.several,
            public=row.public,
            posts=tuple(posts[row.key]),
        )
        for row in await connection.execute(duties)
    ]
