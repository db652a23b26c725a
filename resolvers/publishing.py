"""Publishing drafts: proven together, written as one edition, all or nothing."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.chain import chains
from geo.crs import LocalMetric
from geo.errors import BadInputError, ConflictError, NotCleanError
from geo.findings import Finding, Severity
from geo.levels import Tiling
from geo.waivers import land_changes
from geo.world import UnitName
from resolvers.again import OvertakenError, until_undisturbed
from resolvers.at_once import Order, check_note
from resolvers.differences import Difference, compare, new_rows, touched_parents
from resolvers.importing import find_drafts
from resolvers.planned import MAX_BOXES, Counts, publish_plan
from resolvers.worlds import Base, by_rank, check_on, read_base, sent_of, unit_name
from storage import drafts as draft_store
from storage import editions, levels, proofs, publishing, tallies, waived_land, world
from storage.contention import lock_publishing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.levels import LevelSpec
    from geo.waivers import LandChange
    from geo.world import World
    from resolvers.importing import Imported
    from resolvers.planned import Plan
    from storage.drafts import OpenDraft
    from storage.editions import EditionRow


__all__ = ["Order", "Published", "publish", "publish_imported"]


class Published(NamedTuple):
    """The edition that stands now, and how many units it changed."""

    edition: EditionRow
    new: bool
    """False when the drafts change nothing: the edition before stands."""
    added: int
    removed: int
    redrawn: int
    renamed: int
    reattributed: int
    """Units whose parent or other columns changed."""
    noded: int
    """Units that only received vertices."""


async def publish(engine: AsyncEngine, ids: Sequence[int], order: Order) -> Published:
    """Publish open drafts as one edition.

    Parameters
    ----------
    ids
        Numbers of drafts of different levels or grounds, with all that they were checked on.
    order
        Who publishes, and from which day the edition stands: ``effective_on``, else today, but
        never before the newest edition. A correction carries the newest edition's day.

    Raises
    ------
    UnknownError, NotOpenError, BadInputError
        If the drafts are not what they should be.
    ConflictError
        If the ground changed since a draft was checked.
    NotCleanError
        If a blocking finding is left.

    Notes
    -----
    One transaction. It locks the parents on whose ground it works, checks everything once more on
    what stands then, and takes the edition's number last. Publishers of other ground work beside
    it; where their nodes meet, one begins again and works alone. Readers see the edition before
    until it commits.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        raise BadInputError("name at least one draft to publish", argument="ids")
    check_note(order.note)

    async def attempt(alone: bool) -> Published:
        async with engine.begin() as connection:
            await lock_publishing(connection, alone=alone)
            drafts = await find_drafts(connection, wanted)
            if len(drafts) == 1 and not alone:
                short = await publish_plan(connection, drafts[0], order)
                if short is not None:
                    return _count_planned(*short)
            return await _publish(connection, wanted, order)

    return await until_undisturbed(attempt)


async def publish_imported(engine: AsyncEngine, made: Imported, order: Order) -> Published:
    """Publish the draft that an import has made, unless that was done at once.

    Parameters
    ----------
    made
        An import with a draft, told of the same order.

    Raises
    ------
    UnknownError, NotOpenError, BadInputError, ConflictError, NotCleanError
        As :func:`publish`.
    """
    if made.draft is None:
        raise ValueError("a trial run cannot be published")
    if made.stands is not None:
        return _count_planned(*made.stands)
    return await publish(engine, [made.draft], order)


async def _publish(connection: AsyncConnection, ids: list[int], order: Order) -> Published:
    drafts = by_rank(await find_drafts(connection, ids), await levels.all_levels(connection))
    await _require_company(connection, drafts)
    grounds = [unit_name(draft.within) for draft in drafts]
    rows = [await sent_of(connection, draft) for draft in drafts]
    level = drafts[0].level
    standing = await read_base(connection, level, grounds, rows=rows, today=order.today)
    _refuse_shared_ground(drafts, standing.world)
    await _lock_parents(connection, drafts, standing.world)
    # What was read before the locks were taken may be old by now.
    before = await read_base(connection, level, grounds, rows=rows, today=order.today)
    await _refuse_changed_ground(connection, drafts, before.world)

    after = before
    findings: list[Finding] = []
    for place, (draft, sent) in enumerate(zip(drafts, rows, strict=True)):
        after, checked = await check_on(
            connection, after, sent, draft.level, unit_name(draft.within)
        )
        # Units that a later draft exchanges are judged by that draft's own check.
        later = [_exchanged(other, before.world) for other in drafts[place + 1 :]]
        findings += [f for f in checked.report.findings if not any(e.judges(f) for e in later)]
    _require_clean(findings, drafts)

    metric = _metric(after)
    change = compare(before.world, after.world, metric)
    land = land_changes(before.world.waived, after.world.waived)
    if not await world.lock_units(connection, [*change.base_rows(), *change.removed]):
        raise OvertakenError
    if not await waived_land.lock(connection, land.rows()):
        raise OvertakenError
    if before.edition is not None and not (change.rows or change.removed or land):
        await draft_store.mark_published(connection, ids, before.edition.number)
        return Published(before.edition, False, 0, 0, 0, 0, 0, 0)
    edition = await _write(connection, before, after, change, land, order=order)
    await draft_store.mark_published(connection, ids, edition.number)
    return _count(edition, change)


class _Exchanged(NamedTuple):
    """The ground whose units a draft exchanges."""

    level: str
    units: set[str]
    parents: set[str]

    def judges(self, finding: Finding) -> bool:
        """Return whether the check of that ground will say whether a finding still holds.

        Land belongs to its parent; what is wrong across parents is seen from either side.
        """
        if finding.level != self.level:
            return False
        if finding.parent is not None:
            return finding.parent in self.parents
        return not finding.units or not self.units.isdisjoint(finding.units)


def _exchanged(draft: OpenDraft, standing: World) -> _Exchanged:
    parent = standing.level(draft.level).parent
    units = standing.of(draft.level).take(_in_scope(standing, draft.level, draft.within))
    parents: set[str] = set()
    if parent is not None:
        above = standing.of(parent)
        parents = set(above.take(_in_scope(standing, parent, draft.within)).codes)
    return _Exchanged(draft.level, set(units.codes), parents)


# -- before anything is checked ---------------------------------------------------------------


async def _require_company(connection: AsyncConnection, drafts: Sequence[OpenDraft]) -> None:
    """Refuse drafts that were checked on others which neither stand nor come along."""
    ids = {draft.id for draft in drafts}
    for draft in drafts:
        others = await draft_store.lock_drafts(connection, set(draft.with_drafts) - ids)
        for other in others:
            if other.status != "PUBLISHED":
                raise BadInputError(
                    f"draft {draft.id} was checked on draft {other.id}: publish them together",
                    argument="ids",
                )


def _refuse_shared_ground(drafts: Sequence[OpenDraft], standing: World) -> None:
    """Refuse two drafts of one level that are the whole truth of the same ground."""
    for one, other in combinations(drafts, 2):
        if one.level != other.level:
            continue
        parent = standing.level(one.level).parent
        shared = (
            parent is None
            or (
                _in_scope(standing, parent, one.within) & _in_scope(standing, parent, other.within)
            ).any()
        )
        if shared:
            raise BadInputError(
                f"drafts {one.id} and {other.id} are both of the level {one.level} on the same "
                "ground: discard one of them",
                argument="ids",
            )


async def _lock_parents(
    connection: AsyncConnection, drafts: Sequence[OpenDraft], standing: World
) -> None:
    """Lock the parents on whose ground the drafts lie, all in one order."""
    rows: list[int] = []
    for draft in drafts:
        parent = standing.level(draft.level).parent
        if parent is None:
            await world.lock_top(connection)
        else:
            units = standing.of(parent)
            rows += units.row_ids[_in_scope(standing, parent, draft.within)].tolist()
    if not await world.lock_units(connection, rows):
        raise OvertakenError


def _in_scope(
    standing: World, key: str, within: tuple[str, str] | None
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if within is None:
        return np.ones(len(standing.of(key)), bool)
    return standing.below(UnitName(*within), key)


async def _refuse_changed_ground(
    connection: AsyncConnection, drafts: Sequence[OpenDraft], standing: World
) -> None:
    """Refuse drafts whose ground changed since they were checked."""
    for draft in drafts:
        since = draft.base_edition or 0
        level = standing.level(draft.level)
        parents, own = _names(standing, level, draft.within)
        changed = await world.redrawn_since(
            connection, since, level.key, parents=parents, any_change=True
        )
        if level.parent is not None:
            changed += await world.redrawn_since(connection, since, level.parent, codes=parents)
        for child in standing.children(level.key):
            changed += await world.redrawn_since(connection, since, child.key, parents=own)
        if changed:
            names = ", ".join(changed[:5])
            raise ConflictError(
                f"the ground of draft {draft.id} changed since it was checked on edition {since}: "
                f"{names}; run `wangge draft recheck {draft.id}`",
                argument="ids",
            )


def _names(
    standing: World, level: LevelSpec, within: tuple[str, str] | None
) -> tuple[list[str] | None, list[str] | None]:
    """Return codes of the parents and of the units on a draft's ground; None for all of them."""
    if within is None or level.parent is None:
        return None, None
    parents = standing.of(level.parent).take(_in_scope(standing, level.parent, within))
    units = standing.of(level.key).take(_in_scope(standing, level.key, within))
    return list(parents.codes), list(units.codes)


def _require_clean(findings: Sequence[Finding], drafts: Sequence[OpenDraft]) -> None:
    blocking = [f for f in findings if f.severity is Severity.BLOCKING and f.waiver is None]
    if not blocking:
        return
    kinds: dict[str, int] = {}
    for finding in blocking:
        kinds[finding.kind.value] = kinds.get(finding.kind.value, 0) + 1
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    raise NotCleanError(
        f"{len(blocking)} finding(s) forbid publishing ({counted}): {blocking[0].message}",
        findingIds=[finding.id for finding in blocking[:1000]],
        hint=_how_to_mend({finding.level for finding in blocking}, drafts),
    )


def _how_to_mend(levels: set[str], drafts: Sequence[OpenDraft]) -> str:
    """Say what helps against findings; units of another level may have to move along."""
    said = "mend them in the file and import it again, or accept what is meant so: wangge waive"
    beside = sorted(levels - {draft.level for draft in drafts})
    if not beside:
        return said
    ids = " ".join(f"--with {draft.id}" for draft in drafts)
    return f"import the file of {', '.join(beside)} that fits, {ids}, and publish all together"


# -- writing ----------------------------------------------------------------------------------


def _metric(after: Base) -> LocalMetric:
    outline = after.world.outline
    assert outline is not None  # noqa: S101 - a level that is clean has an outline above it
    return LocalMetric.around(outline.bounds)


async def _write(
    connection: AsyncConnection,
    before: Base,
    after: Base,
    change: Difference,
    land: LandChange,
    *,
    order: Order,
) -> EditionRow:
    metric = _metric(after)
    rows = new_rows(change.rows, metric)
    number = await editions.open_edition(
        connection,
        effective_on=order.effective_on,
        today=order.today,
        published_by=order.published_by,
        note=order.note,
        correction=order.correction,
        levels=change.levels,
    )
    await publishing.write_units(connection, number, rows, change.removed)
    await waived_land.write(connection, number, land)
    outline = after.world.outline
    if outline is not None and outline is not before.world.outline:
        chain = int(chains(np.array([outline], object))[0])
        if before.outline is None or before.outline.chain != chain:
            centre = (metric.lon0, metric.lat0)
            await publishing.write_outline(connection, number, outline, chain, centre)
    changed = sorted({row.level for row in change.rows} | set(change.levels))
    boxes = change.boxes if len(change.boxes) <= MAX_BOXES else None
    await tallies.refresh(connection, number, levels=changed, boxes=boxes)
    await _prove_again(connection, number, before, after.world, change)
    edition = await editions.by_number(connection, number)
    assert edition is not None  # noqa: S101 - it was written a moment ago
    return edition


async def _prove_again(
    connection: AsyncConnection, number: int, before: Base, after: World, change: Difference
) -> None:
    """Refuse what was written unless the stored chains add up in every parent that it touches."""
    touched = {row.level for row in change.rows} | set(change.levels)
    for level in after.levels:
        if level.tiling is not Tiling.TILES or not touched & {level.key, level.parent}:
            continue
        if level.parent is None:
            wrong = [
                p for p in await proofs.outline_proof(connection, number, level.key) if not p.proven
            ]
        else:
            mine = touched_parents(change, level.key, level.parent)
            sums = await proofs.parent_proofs(
                connection, number, level.key, level.parent, within=None
            )
            wrong = [p for p in sums if p.code in mine and p.units and not p.proven]
        if wrong and number - 1 != (before.edition.number if before.edition else 0):
            raise OvertakenError  # others have published units here since this was read
        if wrong:
            names = ", ".join(str(p.code) for p in wrong[:5])
            raise ConflictError(
                f"the units of level {level.key} no longer fill {names}: publish theirs together "
                "with this draft",
                argument="ids",
            )


def _count(edition: EditionRow, change: Difference) -> Published:
    known = [row for row in change.rows if row.base_row]
    return Published(
        edition=edition,
        new=True,
        added=len(change.rows) - len(known),
        removed=len(change.removed),
        redrawn=sum(row.redrawn for row in known),
        renamed=sum(row.renamed for row in known),
        reattributed=sum(row.reattributed for row in known),
        noded=sum(row.noded for row in known),
    )


def _count_planned(edition: EditionRow, plan: Plan) -> Published:
    return Published(
        edition=edition,
        new=bool(plan.rows or plan.removals),
        removed=len(plan.removals),
        **Counts.of(plan.rows)._asdict(),
    )
