"""The short way to publish: what a draft changes is known since its check, and only that is done.

A draft's check says what an edition would write. While the draft's base is still the newest
edition, nothing that was checked can have changed: every change makes an edition. Then the planned
rows are written as they are, and the parents that they touch are proven once more from the stored
chains. Whatever is not as simple as that goes the long way, which checks everything again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.crs import LocalMetric
from geo.errors import ConflictError
from geo.levels import Tiling
from geo.waivers import land_changes
from resolvers.again import OvertakenError
from resolvers.differences import compare, new_rows
from storage import drafts, editions, levels, planned, tallies, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.levels import LevelSpec
    from resolvers.publishing import Order
    from resolvers.worlds import Base
    from storage.drafts import OpenDraft
    from storage.editions import EditionRow
    from storage.planned import PlannedRow, Removal
    from storage.tallies import Box

MAX_ROWS = 5000
"""A draft that changes more is checked again: keeping its rows twice would cost more."""


MAX_BOXES = 200
"""Up to so many changed boxes households are counted again there only; beyond, everywhere."""


class Plan(NamedTuple):
    """What is to be written, in few words."""

    rows: Sequence[PlannedRow]
    removals: Sequence[Removal]

    @property
    def levels(self) -> list[str]:
        """Levels whose units change, other than by nodes."""
        changed = {row.level for row in self.rows if not is_noded(row)}
        return sorted(changed | {removal.level for removal in self.removals})

    @property
    def touched_levels(self) -> list[str]:
        """Levels of which any row is written."""
        return sorted({row.level for row in self.rows} | set(self.levels))

    @property
    def boxes(self) -> list[Box]:
        """Where anything changes, before and after."""
        return [row.box for row in self.rows] + [removal.box for removal in self.removals]

    def touched_parents(self, level: LevelSpec) -> set[str]:
        """Return codes of the parents whose sum over a level the plan may change."""
        codes = {row.code for row in self.rows if row.level == level.parent}
        for row in self.rows:
            if row.level == level.key:
                codes |= {code for code in (row.parent_code, row.former_parent) if code is not None}
        codes |= {r.parent_code for r in self.removals if r.level == level.key and r.parent_code}
        return codes


def is_noded(row: PlannedRow) -> bool:
    """Return whether a unit only receives vertices."""
    return bool(row.base_row) and not (row.redrawn or row.renamed or row.reattributed)


async def keep_plan(connection: AsyncConnection, draft: int, before: Base, after: Base) -> None:
    """Store what publishing a draft would write, where that can be published the short way.

    Parameters
    ----------
    before
        What stood when the draft was checked.
    after
        The same with the draft's units in it, and nothing else.
    """
    await planned.forget_plan(connection, draft)
    outline = after.world.outline
    if before.edition is None or before.outline is None or outline is None:
        return
    metric = LocalMetric.around(outline.bounds)
    if land_changes(before.world.waived, after.world.waived):
        return
    change = compare(before.world, after.world, metric)
    if len(change.rows) + len(change.removed) > MAX_ROWS:
        return
    # Two rows of one code are a finding: nothing can be published of them.
    if any(len(set(units.codes)) < len(units) for units in after.world.units.values()):
        return
    await planned.store_plan(
        connection,
        draft,
        new_rows(change.rows, metric),
        renamed=[row.renamed for row in change.rows],
        reattributed=[row.reattributed for row in change.rows],
        removed=change.removed,
        outline=outline if outline is not before.world.outline else None,
    )


async def publish_plan(
    connection: AsyncConnection, draft: OpenDraft, order: Order
) -> tuple[EditionRow, Plan] | None:
    """Publish a draft as its check planned it; None where it has to go the long way.

    Raises
    ------
    OvertakenError
        If another edition came in between.
    ConflictError
        If the stored chains do not add up: somebody changed rows behind the service's back.
    """
    if draft.base_edition is None or not await planned.is_ready(connection, draft.id):
        return None
    rows = await planned.planned_rows(connection, draft.id)
    plan = Plan(rows, await planned.planned_removals(connection, draft.id))
    specs = await levels.all_levels(connection)
    await _lock(connection, plan, specs)
    number = draft.base_edition
    if plan.rows or plan.removals:
        number = await _write(connection, draft, plan, order)
        await _prove(connection, plan, specs)
    await drafts.mark_published(connection, [draft.id], number)
    edition = await editions.by_number(connection, number)
    assert edition is not None  # noqa: S101 - it stands, or was written a moment ago
    return edition, plan


async def _lock(connection: AsyncConnection, plan: Plan, specs: Sequence[LevelSpec]) -> None:
    """Lock the rows that a plan ends and the parents above them, all in one order."""
    rows = [row.base_row for row in plan.rows if row.base_row]
    rows += [removal.row_id for removal in plan.removals]
    for level in specs:
        if level.parent is not None and (codes := plan.touched_parents(level)):
            rows += await planned.rows_of_units(connection, level.parent, codes)
    if not await world.lock_units(connection, rows):
        raise OvertakenError


async def _write(connection: AsyncConnection, draft: OpenDraft, plan: Plan, order: Order) -> int:
    number = await editions.open_edition(
        connection,
        effective_on=order.effective_on,
        today=order.today,
        published_by=order.published_by,
        note=order.note,
        correction=order.correction,
        levels=plan.levels,
    )
    if number - 1 != draft.base_edition:
        raise OvertakenError
    await planned.write_plan(connection, draft.id, number)
    boxes = plan.boxes if len(plan.boxes) <= MAX_BOXES else None
    await tallies.refresh(connection, number, levels=plan.touched_levels, boxes=boxes)
    return number


async def _prove(connection: AsyncConnection, plan: Plan, specs: Sequence[LevelSpec]) -> None:
    """Refuse what was written unless the stored chains add up in every parent that it touches."""
    for level in specs:
        if level.tiling is not Tiling.TILES:
            continue
        wrong: list[str] = []
        if level.parent is None:
            if not await planned.fills_outline(connection, level.key):
                wrong = ["the outline"]
        elif codes := plan.touched_parents(level):
            wrong = await planned.unproven(connection, level.key, level.parent, codes)
        if wrong:
            raise ConflictError(
                f"the stored boundaries of level {level.key} do not add up in "
                f"{', '.join(wrong[:5])}: run `wangge audit`",
                argument="ids",
            )
