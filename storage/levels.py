"""The ranks of the hierarchy, as stored."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from geo.errors import BadInputError, ConflictError
from geo.levels import DEFAULT_LEVELS, LevelSpec, Tiling, tree_problems
from storage.duty_models import Assignment, Duty, DutyStamp
from storage.models import ApiKey, Draft, Level, Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, ScalarSelect
    from sqlalchemy.ext.asyncio import AsyncConnection

_COLUMNS = (Level.key, Level.name, Level.parent, Level.tiling, Level.rank)


class LevelChanges(NamedTuple):
    """Keys of levels by what happened to them, in order of rank."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    duties: tuple[str, ...] = ()
    """Keys of duties that went with their own level, by key: nobody ever had one of them."""


class _Uses(NamedTuple):
    """How often a stored level is referred to."""

    units: int
    drafts: int
    open_drafts: int
    keys: int
    assignments: int
    """On its units, and anywhere of duties whose own level it is."""


def insert_default_levels(connection: Connection) -> None:
    """Fill an empty table of levels with the usual tree; leave any other as it is."""
    if connection.scalar(select(Level.key).limit(1)) is None:
        connection.execute(insert(Level), [_row(level) for level in DEFAULT_LEVELS])


async def all_levels(connection: AsyncConnection) -> tuple[LevelSpec, ...]:
    """Return every level, topmost first, in depth-first order."""
    query = select(*_COLUMNS).order_by(Level.rank)
    return tuple(_spec(*row) for row in await connection.execute(query))


async def unit_counts(connection: AsyncConnection, edition: int) -> dict[str, int]:
    """Return how many units of each level stand in an edition; a level without any is absent."""
    query = (
        select(Unit.level, func.count())
        .where(Unit.first_edition <= edition)
        .where(or_(Unit.last_edition.is_(None), Unit.last_edition >= edition))
        .group_by(Unit.level)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def replace_levels(connection: AsyncConnection, specs: Sequence[LevelSpec]) -> LevelChanges:
    """Make ``specs`` the whole tree of levels.

    New levels and new names are always welcome. A level on which units stand or ever stood, or
    with a draft that is not decided, keeps its parent and its tiling: they are what its
    editions were proven against. Levels side by side with units keep their order. A level that
    goes takes the duties with it whose own level it is; of others it is just none of theirs any
    more. One on which anybody has, had or will have a duty must stay.

    Raises
    ------
    BadInputError
        If ``specs`` is no tree; the message says everything that is wrong.
    ConflictError
        If a level in use would go, move or change its tiling; every such level is named.
    """
    problems = tree_problems(specs)
    if problems:
        raise BadInputError(f"the levels are no tree: {'; '.join(problems)}", argument="levels")
    # Whoever changes duties locks this row first and levels after it: so does who takes them away.
    await connection.execute(select(DutyStamp.stamp).with_for_update())
    # The row locks keep new units and drafts, which refer to these rows, out meanwhile.
    locked = select(*_COLUMNS).order_by(Level.rank).with_for_update()
    stored = {row.key: _spec(*row) for row in await connection.execute(locked)}
    wanted = {spec.key: spec for spec in specs}
    duties = await _going_duties(connection, stored.keys() - wanted.keys())
    uses = await _uses(connection)
    reasons = _refusals(stored, wanted, uses) + _disorder(stored, wanted, uses)
    if reasons:
        raise ConflictError(f"levels in use cannot change so: {'; '.join(reasons)}")
    changes = _changes(stored, wanted)
    await _write(connection, wanted.values(), changes)
    return changes._replace(duties=duties)


def _spec(key: str, name: str, parent: str | None, tiling: str, rank: int) -> LevelSpec:
    return LevelSpec(key=key, name=name, parent=parent, tiling=Tiling(tiling), rank=rank)


def _row(level: LevelSpec) -> dict[str, object]:
    return {
        "key": level.key,
        "name": level.name,
        "parent": level.parent,
        "tiling": level.tiling.value,
        "rank": level.rank,
    }


async def _going_duties(connection: AsyncConnection, removed: Collection[str]) -> tuple[str, ...]:
    """Return the duties that would go with levels."""
    if not removed:
        return ()
    going = select(Duty.key).where(Duty.level.in_(removed)).order_by(Duty.key)
    return tuple((await connection.execute(going)).scalars())


async def _uses(connection: AsyncConnection) -> dict[str, _Uses]:
    """Count what refers to each stored level; one statement."""

    def count(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
        return select(func.count()).where(*conditions).scalar_subquery()

    undecided = Draft.status.in_(("READING", "OPEN"))
    own = select(Duty.key).where(Duty.level == Level.key).correlate(Level)
    drawn = or_(Draft.level == Level.key, Draft.within_level == Level.key)
    query = select(
        Level.key,
        count(Unit.level == Level.key),
        count(drawn),
        count(drawn, undecided),
        count(ApiKey.within_level == Level.key),
        count(or_(Assignment.level == Level.key, Assignment.duty.in_(own))),
    )
    return {key: _Uses(*counts) for key, *counts in await connection.execute(query)}


def _refusals(
    stored: dict[str, LevelSpec], wanted: dict[str, LevelSpec], uses: dict[str, _Uses]
) -> list[str]:
    """Say which levels in use would be dropped, moved or tiled otherwise, and why not."""
    reasons = []
    for key, old in stored.items():
        new = wanted.get(key)
        used = uses[key]
        if new is None:
            in_use = _in_words(used.units, "unit") or _in_words(used.drafts, "draft")
            in_use = in_use or _in_words(used.keys, "key")
            in_use = in_use or _in_words(used.assignments, "assignment")
            if in_use:
                reasons.append(f"{key!r} has {in_use} and must stay")
            continue
        in_use = _in_words(used.units, "unit") or _in_words(used.open_drafts, "open draft")
        if in_use and new.parent != old.parent:
            reasons.append(f"{key!r} has {in_use} and must stay under {old.parent or 'nothing'}")
        if in_use and new.tiling != old.tiling:
            reasons.append(f"{key!r} has {in_use} and must stay {old.tiling.value}")
    return reasons


def _disorder(
    stored: dict[str, LevelSpec], wanted: dict[str, LevelSpec], uses: dict[str, _Uses]
) -> list[str]:
    """Say which levels side by side would change places: their order says which one counts."""
    used = [key for key in stored if key in wanted and uses[key].units]
    return [
        f"{one!r} has {_in_words(uses[one].units, 'unit')} and must stay before {other!r}"
        for one, other in combinations(used, 2)
        if stored[one].parent == stored[other].parent == wanted[other].parent
        and wanted[one].rank > wanted[other].rank
    ]


def _in_words(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""


def _changes(stored: dict[str, LevelSpec], wanted: dict[str, LevelSpec]) -> LevelChanges:
    ordered = sorted(wanted.values(), key=lambda spec: spec.rank)
    keys = [spec.key for spec in ordered]
    return LevelChanges(
        added=tuple(key for key in keys if key not in stored),
        changed=tuple(key for key in keys if key in stored and stored[key] != wanted[key]),
        removed=tuple(key for key in stored if key not in wanted),
        unchanged=tuple(key for key in keys if stored.get(key) == wanted[key]),
    )


async def _write(
    connection: AsyncConnection, specs: Iterable[LevelSpec], changes: LevelChanges
) -> None:
    """Write the new tree; parents may come after children until the end of it."""
    await connection.execute(text("SET CONSTRAINTS level_parent_fkey DEFERRED"))
    await connection.execute(delete(Level).where(Level.key.in_(changes.removed)))
    statement = upsert(Level)
    statement = statement.on_conflict_do_update(
        index_elements=[Level.key],
        set_={name: statement.excluded[name] for name in ("name", "parent", "tiling", "rank")},
    )
    # The topmost level last: two levels without a parent are forbidden at every moment.
    ordered = sorted(specs, key=lambda spec: (spec.parent is None, spec.rank))
    await connection.execute(statement, [_row(spec) for spec in ordered])
    await connection.execute(text("SET CONSTRAINTS level_parent_fkey IMMEDIATE"))
