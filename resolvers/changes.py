"""What an import, a draft or an edition changes: units, land and households.

See :mod:`geo.changes` for what counts as what. Of what is stored only the rows that differ are
read, with the units and addresses around them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from geo.changes_told import ChangeSet, only
from geo.errors import BadInputError, TooCostlyError, UnknownError
from geo.levels import Tiling
from resolvers.changes_compared import compare
from resolvers.paging import check_text
from resolvers.units import UnitRef
from storage import changes as store
from storage import drafts_reading, editions
from storage.changes import DraftPair, EditionPair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from resolvers.context import Context
    from resolvers.tree import Tree
    from storage.changes import Box
    from storage.drafts_reading import DraftRow

MAX_ROWS = 300_000
"""The most rows, of both states together, that are compared at once."""


class Between(NamedTuple):
    """Two editions; 0 is the time before the first."""

    level: str
    before: int
    after: int
    within: UnitRef | None = None
    """Only units below this one, in either edition."""


class OfDraft(NamedTuple):
    """A draft as it is written now, and what it is compared with."""

    pair: DraftPair
    stamps: tuple[int, ...]
    """Those of the drafts concerned; see :func:`storage.changes.stamps`."""


async def changes_between(
    context: Context, *, level: str, before: int, after: int, within: UnitRef | None = None
) -> ChangeSet:
    """Return what changes on a level from one edition to another.

    Raises
    ------
    UnknownError
        If there is no such level or edition, or no such unit in either edition.
    BadInputError
        If ``within`` is not above the level.
    TooCostlyError
        If too much changes to be compared at once.
    """
    tree = await context.tree()
    tree.get(level)
    if within is not None:
        check_text("within", within.code)
        tree.require_above(within.level, level, argument="within")
    await _require_editions(context, {"from": before, "to": after})
    asked = Between(level, before, after, within)
    return _made(await changes_of_editions(context, [asked]), asked)


async def _require_editions(context: Context, numbers: dict[str, int]) -> None:
    newest = await context.ask(editions.newest)
    last = newest.number if newest is not None else 0
    for argument, number in numbers.items():
        if not 1 <= number <= last:
            known = f"the newest is {last}" if last else "nothing was published yet"
            raise UnknownError(f"there is no edition {number}; {known}", argument=argument)


def level_of_edition(tree: Tree, changed: Collection[str]) -> str:
    """Return the lowest tiling level that an edition changed.

    Where it changed none, that is the lowest DISJOINT one that it did, else the city's lowest.
    """
    keys = [spec.key for spec in tree.specs if spec.key in changed]
    tiling = [key for key in keys if tree.get(key).tiling is Tiling.TILES]
    return (tiling or keys or tree.lowest())[-1]


async def changes_of_editions(context: Context, asked: Sequence[Between]) -> dict[Between, Outcome]:
    """Return what changes between pairs of editions, by pair, or why one cannot be compared.

    Notes
    -----
    As many statements for many pairs as for one; a result is kept in the process. Pairs with a
    ``within`` take a few more each.
    """
    together = _Together(lambda keys: _compare_editions(context, keys))
    return dict(zip(asked, await _all_kept(context, asked, together), strict=True))


async def changes_of_drafts(context: Context, asked: Sequence[OfDraft]) -> dict[OfDraft, Outcome]:
    """Return what drafts would change, by what is asked, or why one cannot be compared.

    See :func:`draft_questions`.
    """
    together = _Together(lambda keys: _compare_drafts(context, keys))
    return dict(zip(asked, await _all_kept(context, asked, together), strict=True))


def require_comparable(draft: DraftRow, against: DraftRow) -> None:
    """Refuse to compare drafts of different levels.

    Raises
    ------
    BadInputError
        If they are.
    """
    if against.level != draft.level:
        raise BadInputError(
            f"draft {against.id} is of the level {against.level}, draft {draft.id} of "
            f"{draft.level}: only drafts of one level can be compared",
            argument="against",
        )


async def draft_questions(
    context: Context, drafts: Sequence[tuple[DraftRow, DraftRow | None]]
) -> list[OfDraft]:
    """Return what is to be asked of drafts, each against another one or against its base."""
    ids = {one.id for pair in drafts for one in pair if one is not None}
    stamps = await context.ask(store.stamps, sorted(ids))
    return [
        OfDraft(
            _pair(draft, against),
            tuple(stamps.get(one.id, 0) for one in (draft, against) if one is not None),
        )
        for draft, against in drafts
    ]


async def changes_of_draft(
    context: Context, number: int, against: int | None = None
) -> ChangeSet | None:
    """Return what a draft would change; None where it was never checked.

    Raises
    ------
    UnknownError
        If there is no such draft.

    Notes
    -----
    Who may see the draft is the caller's business.
    """
    wanted = [number] if against is None else [number, against]
    found = await context.ask(drafts_reading.drafts_by_ids, wanted, ground=None)
    for one, argument in zip(wanted, ("id", "against"), strict=False):
        if one not in found:
            raise UnknownError(f"there is no draft {one}", argument=argument)
    if found[number].report is None:
        return None
    other = found[against] if against is not None else None
    if other is not None:
        require_comparable(found[number], other)
    [asked] = await draft_questions(context, [(found[number], other)])
    return _made(await changes_of_drafts(context, [asked]), asked)


def _pair(draft: DraftRow, against: DraftRow | None) -> DraftPair:
    within = None
    if draft.within_level is not None and draft.within_code is not None:
        within = (draft.within_level, draft.within_code)
    return DraftPair(
        draft.id, draft.level, within, draft.base_edition or 0, against.id if against else 0
    )


Key = Between | OfDraft
Outcome = ChangeSet | TooCostlyError
K = TypeVar("K", bound=Key)


def _made(found: Mapping[K, Outcome], key: K) -> ChangeSet:
    outcome = found[key]
    if not isinstance(outcome, ChangeSet):
        raise outcome
    return outcome


class _Together:
    """Gathers what is not known yet, so that it is read at once."""

    def __init__(self, read: Callable[[Sequence[Key]], Awaitable[Sequence[Outcome]]]) -> None:
        self._read = read
        self._keys: list[Key] = []
        self._coming: asyncio.Task[dict[Key, Outcome]] | None = None

    async def get(self, key: Key) -> ChangeSet:
        self._keys.append(key)
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._run())
        return _made(await asyncio.shield(self._coming), key)

    async def _run(self) -> dict[Key, Outcome]:
        await asyncio.sleep(0)  # let those side by side name theirs
        keys = list(dict.fromkeys(self._keys))
        return dict(zip(keys, await self._read(keys), strict=True))


async def _all_kept(context: Context, keys: Sequence[Key], together: _Together) -> list[Outcome]:
    """Return what is known, and what is found out for the others."""

    async def one(key: Key) -> Outcome:
        try:
            return await context.shared.changes.get(key, lambda: together.get(key), _weight)
        except TooCostlyError as error:
            return error

    return await asyncio.gather(*map(one, keys))


def _weight(found: ChangeSet) -> int:
    return 1 + len(found.changes) + len(found.movements)


# --- editions ------------------------------------------------------------------------------------


async def _compare_editions(context: Context, keys: Sequence[Key]) -> list[Outcome]:
    asked = [key for key in keys if isinstance(key, Between)]
    boxes = [await _box(context, key) for key in asked]
    pairs = [
        EditionPair(key.level, key.before, key.after, box)
        for key, box in zip(asked, boxes, strict=True)
    ]
    differing = await context.ask(store.differing_in_editions, pairs, most=MAX_ROWS)
    if differing is None:
        return await _one_by_one(asked, lambda one: _compare_editions(context, [one]))
    counts = await context.ask(store.counts_after, pairs)
    found = await compare(context, pairs, differing, counts)
    return [
        await _within(context, key, all_of_it) if key.within is not None else all_of_it
        for key, all_of_it in zip(asked, found, strict=True)
    ]


async def _box(context: Context, key: Between) -> Box | None:
    if key.within is None:
        return None
    span = (key.before, key.after)
    box = await context.ask(store.extent, *key.within, span)
    if box is None:
        raise UnknownError(
            f"there is no {key.within.level} {key.within.code!r} in edition {key.before} or "
            f"{key.after}",
            argument="within",
        )
    return box


async def _within(context: Context, key: Between, found: ChangeSet) -> ChangeSet:
    """Keep the units below one, in the state in which they are there."""
    if key.within is None:
        return found
    top = (key.within.level, key.within.code)
    before = await context.ask(store.codes_below, key.before, top, key.level)
    after = await context.ask(store.codes_below, key.after, top, key.level)
    return only(found, before, after)


async def _one_by_one(
    keys: Sequence[Key], compare: Callable[[Key], Awaitable[list[Outcome]]]
) -> list[Outcome]:
    """Compare pairs apart that are too much together."""
    if len(keys) > 1:
        return [outcome for key in keys for outcome in await compare(key)]
    return [
        TooCostlyError(
            f"more than {MAX_ROWS} rows of units differ: compare states that are nearer to one "
            "another, or a part of the ground"
        )
    ]


# --- drafts --------------------------------------------------------------------------------------


async def _compare_drafts(context: Context, keys: Sequence[Key]) -> list[Outcome]:
    asked = [key for key in keys if isinstance(key, OfDraft)]
    drafts = [key.pair for key in asked]
    differing = await context.ask(store.differing_in_drafts, drafts, most=MAX_ROWS)
    if differing is None:
        return await _one_by_one(asked, lambda one: _compare_drafts(context, [one]))
    ids = [pair.draft for pair in drafts]
    counts = await context.ask(drafts_reading.count_units, ids, areas=None)
    pairs = [EditionPair(pair.level, pair.base, pair.base) for pair in drafts]
    found = await compare(context, pairs, differing, [counts[one] for one in ids])
    return list(found)
