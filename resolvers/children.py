"""Units below many units at once, in an edition or in a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from resolvers.context import State
from resolvers.paging import Page, take
from resolvers.standing import held
from resolvers.units import Key, by_keys
from storage import drafts_reading, families, units
from storage.units import UnitFilter, UnitRow, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolvers.context import Context
    from resolvers.tree import Tree
    from storage.drafts_reading import DraftRow


class Descent(NamedTuple):
    """Which units below those of one level are asked for."""

    level: str
    """Of the units above."""
    through: tuple[str, ...]
    """Levels between, from above."""
    targets: tuple[str, ...]
    """Levels of the units below."""


async def descent(context: Context, level: str, target: str | None) -> Descent:
    """Return the way from a level to one below it, or (None) to all that are right below it.

    Raises
    ------
    UnknownError, BadInputError
        If ``target`` is no level, or not below.
    """
    return descent_in(await context.tree(), level, target)


def descent_in(tree: Tree, level: str, target: str | None) -> Descent:
    """Return the way from a level to one below it; see :func:`descent`."""
    if target is None:
        return Descent(level, (), tuple(spec.key for spec in tree.children(level)))
    through = tree.between(level, tree.get(target).key)
    if through is None:
        options = [spec.key for spec in tree.below(level)]
        raise BadInputError(
            f"level {target!r} is not below {level!r}; "
            f"below it are {', '.join(options) or 'no levels'}",
            argument="level",
            options=options,
        )
    return Descent(level, through, (target,))


def held_children(
    context: Context,
    state: State,
    way: Descent,
    codes: Iterable[str],
    *,
    first: int,
    wanted: Wanted,
) -> dict[str, Page[UnitRow]] | None:
    """Return the first page below each of many units, where that needs no asking."""
    there = None
    if state.edition is not None and not state.drafts:
        there = held(context, state.edition, wanted)
    if there is None:
        return None
    found = there.children(codes, way.through, way.targets)
    return {code: take(rows, first) for code, rows in found.items()}


async def children(
    context: Context,
    state: State,
    way: Descent,
    codes: Sequence[str],
    *,
    first: int,
    after: tuple[str, str] | None,
    wanted: Wanted,
) -> dict[str, Page[UnitRow]]:
    """Return a page of the units below each of many units of one level, by code and level."""
    if not way.targets:
        return {code: Page([], more=False) for code in codes}
    if state.drafts:
        found = await _in_draft(context, state, way, codes, wanted)
        found = {code: _from(rows, after)[: first + 1] for code, rows in found.items()}
    elif state.edition is not None and (there := held(context, state.edition, wanted)) is not None:
        found = there.children(codes, way.through, way.targets)
        found = {code: _from(rows, after)[: first + 1] for code, rows in found.items()}
    elif state.edition is not None:
        found = await context.ask(
            families.children,
            state.edition,
            codes,
            through=way.through,
            levels=way.targets,
            first=first + 1,
            after=after,
            wanted=wanted,
        )
    else:
        found = {}
    return {code: take(found.get(code, []), first) for code in codes}


async def count(
    context: Context, state: State, way: Descent, codes: Sequence[str]
) -> dict[str, int]:
    """Return how many units there are below each of many units of one level."""
    if state.drafts:
        found = await _in_draft(context, state, way, codes, Wanted.NOTHING)
        return {code: len(rows) for code, rows in found.items()}
    if state.edition is None or not way.targets:
        return dict.fromkeys(codes, 0)
    there = held(context, state.edition, Wanted.NOTHING)
    if there is not None:
        return {
            code: len(rows)
            for code, rows in there.children(codes, way.through, way.targets).items()
        }
    return await context.ask(
        families.count_children, state.edition, codes, through=way.through, levels=way.targets
    )


def _from(rows: list[UnitRow], after: tuple[str, str] | None) -> list[UnitRow]:
    """Keep what comes after a place."""
    if after is None:
        return rows
    place = [part.encode() for part in after]
    return [row for row in rows if [row.code.encode(), row.level.encode()] > place]


# --- drafts laid over an edition ---------------------------------------------------------------


async def _in_draft(
    context: Context, state: State, way: Descent, codes: Sequence[str], wanted: Wanted
) -> dict[str, list[UnitRow]]:
    """Return the units below, level by level: a constant number of statements a level."""
    nothing = Wanted.NOTHING
    roots = {code: [code] for code in codes}
    level = way.level
    for below in way.through:
        rows = await _right_below(
            context, state, level, _all(roots), targets=[below], wanted=nothing
        )
        roots = {
            code: [row.code for one in parents for row in rows[one]]
            for code, parents in roots.items()
        }
        level = below
    rows = await _right_below(
        context, state, level, _all(roots), targets=way.targets, wanted=wanted
    )
    return {
        code: sorted(
            (row for one in parents for row in rows[one]),
            key=lambda row: (row.code.encode(), row.level.encode(), row.id),
        )
        for code, parents in roots.items()
    }


def _all(roots: dict[str, list[str]]) -> list[str]:
    return sorted({code for some in roots.values() for code in some})


async def _right_below(
    context: Context,
    state: State,
    level: str,
    parents: Sequence[str],
    *,
    targets: Sequence[str],
    wanted: Wanted,
) -> dict[str, list[UnitRow]]:
    """Return the units right below units of a level: a draft's on its ground, else the base's."""
    found: dict[str, list[UnitRow]] = {code: [] for code in parents}
    if not parents:
        return found
    drafts = await rows_of(context, state)
    for target in targets:
        ours = [draft for draft in drafts if draft.level == target]
        free = set(parents)
        for draft in ours:
            free -= await _on_ground(context, state, draft, level, free)
        parts = []
        if ours:
            parts.append(
                await context.ask(
                    drafts_reading.units_under,
                    [draft.id for draft in ours],
                    parents,
                    levels=[target],
                    wanted=wanted,
                )
            )
        if free and state.edition is not None:
            parts.append(
                await context.ask(
                    families.children,
                    state.edition,
                    sorted(free),
                    through=(),
                    levels=[target],
                    first=_MANY,
                    after=None,
                    wanted=wanted,
                )
            )
        for part in parts:
            for code, rows in part.items():
                found[code] += rows
    return found


_MANY = 100_000
"""More children than one unit has."""


async def rows_of(context: Context, state: State) -> list[DraftRow]:
    """Return the drafts of a state. Who holds a state was allowed to see it."""

    async def make() -> list[DraftRow]:
        found = await context.ask(drafts_reading.drafts_by_ids, state.drafts, ground=None)
        return list(found.values())

    return await context.once(("drafts of", state.drafts), make)


async def _on_ground(
    context: Context, state: State, draft: DraftRow, level: str, codes: set[str]
) -> set[str]:
    """Return which units of a level lie on the ground whose whole truth a draft is."""
    if draft.within_level is None:
        return codes
    tree = await context.tree()
    here: dict[str, Key] = {code: (state, level, code) for code in codes}
    for _ in tree.upward(level):
        if level == draft.within_level:
            return {code for code, key in here.items() if key[2] == draft.within_code}
        rows = await by_keys(context, list(dict.fromkeys(here.values())), Wanted.NOTHING)
        above = tree.parent(level)
        if above is None:
            break
        level = above.key
        here = {
            code: (state, level, parent)
            for code, key in here.items()
            if (row := rows.get(key)) and (parent := row.parent_code) is not None
        }
    return set()


async def unit_counts(context: Context, state: State) -> dict[str, int]:
    """Return how many units each level has; a level without any may be absent."""
    counts: dict[str, int] = {}
    if state.edition is not None:
        counts = dict(await context.unit_counts(state.edition))
    if not state.drafts:
        return counts
    tree = await context.tree()
    sizes = await context.ask(drafts_reading.count_units, state.drafts, areas=None)
    for draft in await rows_of(context, state):
        replaced = counts.get(draft.level, 0)
        if draft.within_level and draft.within_code and state.edition is not None:
            through = tree.between(draft.within_level, draft.level) or ()
            ground = UnitFilter(draft.level, draft.within_code, through)
            replaced = await context.ask(units.count, state.edition, ground)
        counts[draft.level] = counts.get(draft.level, 0) - replaced + sizes[draft.id]
    return counts
