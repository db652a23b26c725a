"""Loads kinds of duties from a file, and hands them out as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import ConflictError
from resolvers.tree import Tree
from sources.duties import DutySpec, PostSpec, duties_toml
from storage import duty_writing, levels
from storage.duties import DutyRow, PostRow, all_duties
from storage.list_lookup import lock_lists

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sources.duties import DutyFile
    from storage.duty_writing import NotAllowed, Standing

NAMED = 10
"""How many duties a message names."""


class LoadedDuties(NamedTuple):
    """What a load did."""

    added: int
    changed: int
    unchanged: int
    removed: int


async def load_duties(
    engine: AsyncEngine, file: DutyFile, *, day: dt.date, replace: bool = False
) -> LoadedDuties:
    """Store kinds of duties, all or nothing; the same once more changes nothing.

    Parameters
    ----------
    day
        Today: a post that is taken away may not be somebody's from then on.
    replace
        Whether the file names all duties: others are taken away.

    Raises
    ------
    UnknownError
        If a duty names a level that there is not.
    ConflictError
        If there are assignments that a stricter duty does not allow, or of a duty that would go;
        the message names the first of them.
    """
    async with engine.begin() as connection:
        await lock_lists(connection)
        tree = Tree(await levels.all_levels(connection))
        wanted = [_row(duty, tree) for duty in file.duties]
        stored = {row.key: row for row in await all_duties(connection)}
        differing = [row for row in wanted if stored.get(row.key) != row]
        for row in differing:
            if row.key in stored:
                await _refuse_stricter(connection, row, stored[row.key], day)
        gone = sorted(stored.keys() - {row.key for row in wanted}) if replace else []
        await _refuse_carried(connection, gone)
        await duty_writing.remove(connection, gone)
        await duty_writing.put(connection, differing)
    added = sum(row.key not in stored for row in differing)
    return LoadedDuties(added, len(differing) - added, len(wanted) - len(differing), len(gone))


async def duties_as_toml(engine: AsyncEngine) -> str:
    """Return a file that says the duties that there are."""
    async with engine.connect() as connection:
        rows = await all_duties(connection)
    return duties_toml(
        DutySpec(**{**row._asdict(), "posts": tuple(PostSpec(*post) for post in row.posts)})
        for row in rows
    )


def _row(duty: DutySpec, tree: Tree) -> DutyRow:
    for level in (duty.level, *duty.levels):
        tree.get(level, argument="levels")
    ordered = tuple(spec.key for spec in tree.specs if spec.key in duty.levels)
    posts = tuple(PostRow(*post) for post in duty.posts)
    return DutyRow(**{**duty._asdict(), "levels": ordered, "posts": posts})


async def _refuse_stricter(
    connection: AsyncConnection, row: DutyRow, before: DutyRow, day: dt.date
) -> None:
    """Refuse a duty that does not allow assignments that there are."""
    checks: list[tuple[str, NotAllowed]] = []
    if set(before.levels) - set(row.levels):
        found = await duty_writing.on_other_levels(connection, row)
        checks.append((f"on levels other than {', '.join(row.levels)}", found))
    if row.max == 1 and before.max != 1:
        found = await duty_writing.second_holders(connection, row)
        checks.append(("of units that another one has on the same days", found))
    if before.several and not row.several:
        found = await duty_writing.on_second_units(connection, row)
        checks.append(("of bodies that carry it on another unit on the same days", found))
    if row.posts and {post.key for post in before.posts} != {post.key for post in row.posts}:
        found = await duty_writing.in_other_posts(connection, row, day)
        checks.append(("in posts that it would not have", found))
    reasons = [
        f"{found.total:,} assignment(s) {what}: {_listed(found.first)}"
        for what, found in checks
        if found.total
    ]
    if reasons:
        raise ConflictError(
            f"duty {row.key!r} cannot change so: it would not allow {'; nor '.join(reasons)}; end "
            "them first, or leave the duty as it is",
            duty=row.key,
            count=sum(found.total for _, found in checks),
        )


async def _refuse_carried(connection: AsyncConnection, keys: Sequence[str]) -> None:
    """Refuse to take away duties that somebody carries or carried."""
    counts = await duty_writing.carried_counts(connection, keys) if keys else {}
    if counts:
        told = [f"{key} ({count:,})" for key, count in counts.items()]
        more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
        raise ConflictError(
            f"duties with assignments cannot be taken away: {', '.join(told[:NAMED])}{more}; "
            "what ended is kept, too: let the file name them",
            options=list(counts),
        )


def _listed(first: Sequence[Standing]) -> str:
    """Name assignments: who, where, and from when to when."""
    return ", ".join(
        f"{one.body} on {one.level} {one.code}"
        f"{f' as {one.post}' if one.post else ''} from {one.since}"
        f"{f' to {one.until}' if one.until else ' on'}"
        for one in first
    )
