"""Kinds of service points and programmes: what stands, and loading them from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import UnknownError
from resolvers.paging import check_text
from resolvers.stretches import Said, Stretch, plan
from resolvers.tree import Tree
from storage import facility_kinds, levels, programmes
from storage.facility_kinds import KindRow
from storage.facility_states import lock_loading
from storage.programmes import ProgrammeContent, ProgrammeRow, ProgrammeState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from resolvers.context import Context
    from sources.programmes import ProgrammeFile, ProgrammeSpec

KINDS_NAMED = 40
"""How many kinds a message names."""


class LoadedProgrammes(NamedTuple):
    """What a load did."""

    kinds_added: int
    kinds_changed: int
    kinds_unchanged: int
    added: int
    changed: int
    unchanged: int
    ended: int


# -- reading ---------------------------------------------------------------------------------


async def kinds(context: Context) -> list[KindRow]:
    """Return all kinds, by key; once a request."""
    return await context.once("facility kinds", lambda: context.ask(facility_kinds.kinds))


async def require_kinds(
    context: Context, keys: Collection[str], *, argument: str = "kinds"
) -> None:
    """Refuse kinds that there are not.

    Raises
    ------
    UnknownError
        If one is not there; the message names those that are.
    """
    check_kinds(await kinds(context), keys, argument=argument)


def check_kinds(known: Sequence[KindRow], keys: Iterable[str], *, argument: str) -> None:
    """Refuse keys that are none of the known kinds, as ``require_kinds`` does."""
    there = {kind.key for kind in known}
    missing = sorted(set(keys) - there)
    if missing:
        options = sorted(there)
        named = ", ".join(options[:KINDS_NAMED]) or "none yet"
        more = f" and {len(options) - KINDS_NAMED} more" if len(options) > KINDS_NAMED else ""
        raise UnknownError(
            f"there is no kind {missing[0][:100]!r} of service points; the kinds are {named}{more}",
            argument=argument,
            options=options,
        )


async def one(context: Context, key: str) -> ProgrammeRow | None:
    """Return the programme of a key that holds today; None where there is none."""
    check_text("key", key)
    found = await context.once(
        ("programme", key), lambda: context.ask(programmes.standing, context.today, keys=[key])
    )
    return found[0] if found else None


async def standing(context: Context) -> list[ProgrammeRow]:
    """Return the programmes that hold today, by key."""
    return await context.ask(programmes.standing, context.today)


# -- loading ---------------------------------------------------------------------------------


async def load_programmes(
    engine: AsyncEngine, read: ProgrammeFile, *, day: dt.date, replace: bool = False
) -> LoadedProgrammes:
    """Store kinds and programmes, all or nothing; the same once more changes nothing.

    Parameters
    ----------
    day
        The day from which the file is true. A programme that is otherwise ends on it and begins
        anew; kinds and their rules have no days.
    replace
        Whether the file names all programmes: others end on that day. Kinds stay.

    Raises
    ------
    UnknownError
        If a programme names a kind or a level that there is not.
    BadInputError
        If a programme would end before it begins.
    ConflictError
        If somebody else changed the same meanwhile.
    """
    async with engine.begin() as connection:
        await lock_loading(connection)
        told = await _put_kinds(connection, read)
        await _check_levels(connection, read)
        stored = {
            key: [Stretch(*state) for state in states]
            for key, states in (await programmes.states(connection)).items()
        }
        made = plan(stored, map(_said, read.programmes), day, replace=replace)
        await programmes.write(
            connection,
            begun=[ProgrammeState(*state) for state in made.begun],
            mended=[ProgrammeState(*state) for state in made.mended],
            dropped=made.dropped,
        )
    return LoadedProgrammes(*told, made.added, made.changed, made.unchanged, made.ended)


async def _put_kinds(connection: AsyncConnection, read: ProgrammeFile) -> tuple[int, int, int]:
    """Write kinds; return how many are new, differ and are the same."""
    known = {kind.key: kind for kind in await facility_kinds.kinds(connection)}
    wanted = [KindRow(*kind) for kind in read.kinds]
    differing = [kind for kind in wanted if known.get(kind.key) != kind]
    await facility_kinds.put(connection, differing)
    all_kinds = [*known.values(), *differing]
    for programme in read.programmes:
        check_kinds(all_kinds, programme.kinds, argument="programmes")
    added = sum(kind.key not in known for kind in differing)
    return added, len(differing) - added, len(wanted) - len(differing)


async def _check_levels(connection: AsyncConnection, read: ProgrammeFile) -> None:
    tree = Tree(await levels.all_levels(connection))
    for programme in read.programmes:
        if programme.own_level is not None:
            tree.get(programme.own_level, argument="own_level")


def _said(programme: ProgrammeSpec) -> Said[ProgrammeContent]:
    content = ProgrammeContent(
        name=programme.name,
        kinds=programme.kinds,
        minutes=programme.minutes,
        speed_kmh=programme.speed_kmh,
        metres=programme.metres,
        basis=programme.basis,
        own_level=programme.own_level,
        target=programme.target,
        due=programme.due,
    )
    return Said(programme.key, content, programme.since, programme.until)
