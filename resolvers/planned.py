"""The short way to publish: what a draft changes is known since its check, and only that is done.

A draft's check says what an edition would write. While the draft's base is still the newest
edition, nothing that was checked can have changed: every change makes an edition. Then the planned
rows are written as they are, and the parents that they touch are proven once more from the stored
chains. Whatever is not as simple as that goes the long way, which checks everything again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import shapely

from geo.crs import LocalMetric
from geo.errors import ConflictError
from geo.levels import Tiling
from geo.waivers import land_changes
from resolvers.again import OvertakenError
from resolvers.differences import compare, new_rows
from resolvers.naming import search_text
from storage import drafts, editions, levels, planned, tallies, world
from storage.draft_rows import AS_IT_STANDS, OwnPlan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.check import Checked
    from geo.levels import LevelSpec
    from geo.world import Units, World
    from resolvers.at_once import Order
    from resolvers.differences import Row
    from resolvers.worlds import Base
    from storage.drafts import OpenDraft
    from storage.editions import EditionRow
    from storage.planned import PlannedRows, Removal
    from storage.tallies import Box

MAX_ROWS = 5000
"""A draft that changes more units than its own is checked again: keeping them would cost more."""


MAX_BOXES = 200
"""Up to so many changed boxes households are counted again there only; beyond, everywhere."""


class Plan(NamedTuple):
    """What is to be written, in few words."""

    rows: Sequence[PlannedRows]
    removals: Sequence[Removal]
    boxes: Sequence[Box] | None
    """Where anything changes, before and after; None for anywhere."""

    @property
    def levels(self) -> list[str]:
        """Levels whose units change, other than by nodes."""
        changed = {row.level for row in self.rows if not is_noded(row)}
        return sorted(changed | {removal.level for removal in self.removals})

    @property
    def touched_levels(self) -> list[str]:
        """Levels of which any row is written."""
        return sorted({row.level for row in self.rows} | set(self.levels))

    def touched_parents(self, level: LevelSpec) -> set[str]:
        """Return codes of the parents whose sum over a level the plan may change."""
        codes = {code for row in self.rows if row.level == level.parent for code in row.codes}
        for row in self.rows:
            if row.level == level.key:
                codes |= {code for code in (row.parent_code, row.former_parent) if code is not None}
        codes |= {r.parent_code for r in self.removals if r.level == level.key and r.parent_code}
        return codes


def is_noded(row: PlannedRows) -> bool:
    """Return whether units only receive vertices."""
    return bool(row.base_rows) and not (row.redrawn or row.renamed or row.reattributed)


class Counts(NamedTuple):
    """How many units an edition would change, and in what way."""

    added: int
    redrawn: int
    renamed: int
    reattributed: int
    """Units whose parent or other columns change."""
    noded: int
    """Units that only receive vertices."""

    @classmethod
    def of(cls, rows: Sequence[PlannedRows]) -> Self:
        """Count the units that are written; one may change in several ways."""
        stood = [row for row in rows if row.base_rows]
        return cls(
            added=sum(row.number for row in rows if not row.base_rows),
            redrawn=sum(row.number for row in stood if row.redrawn),
            renamed=sum(row.number for row in stood if row.renamed),
            reattributed=sum(row.number for row in stood if row.reattributed),
            noded=sum(row.number for row in stood if is_noded(row)),
        )


class NewPlan(NamedTuple):
    """What publishing a draft would write, when it is made."""

    own: OwnPlan
    """Of the draft's rows."""
    others: list[Row]
    """Units that are no rows of the draft."""
    removed: list[int]
    outline: BaseGeometry | None
    """What the topmost level fills, where that receives nodes."""
    metric: LocalMetric


def make_plan(before: Base, after: Base, level: str, checked: Checked) -> NewPlan | None:
    """Return what publishing a draft would write; None where it has to go the long way.

    Parameters
    ----------
    before
        What stood when the draft was checked.
    after
        The same with the draft's units in it, and nothing else.
    level
        The draft's.
    checked
        Its check.
    """
    outline = after.world.outline
    if before.edition is None or before.outline is None or outline is None:
        return None
    if land_changes(before.world.waived, after.world.waived):
        return None
    # Two rows of one code are a finding: nothing can be published of them.
    if any(len(set(units.codes)) < len(units) for units in after.world.units.values()):
        return None
    metric = LocalMetric.around(outline.bounds)
    if outline is before.world.outline and _is_first(before.world, after.world, level):
        return NewPlan(_all_new(checked.geoms, after.world.of(level)), [], [], None, metric)
    change = compare(before.world, after.world, metric)
    own, others = _told_apart(change.rows, level, checked.geoms)
    if len(others) > MAX_ROWS:
        return None
    moved = outline if outline is not before.world.outline else None
    return NewPlan(own, others, change.removed, moved, metric)


def _is_first(before: World, after: World, level: str) -> bool:
    """Return whether nothing stood on a level, and no other level changes."""
    for spec in after.levels:
        old, new = before.of(spec.key), after.of(spec.key)
        if len(old) if spec.key == level else old is not new and (len(old) or len(new)):
            return False
    return True


def _all_new(geoms: NDArray[np.object_], units: Units) -> OwnPlan:
    """Return the plan of a draft whose rows are all new units, but for those that can be none.

    Parameters
    ----------
    geoms, units
        As for :func:`_told_apart`: the first units are the rows that can be.
    """
    can = ~shapely.is_missing(geoms)
    texts: list[str | None] = [None] * len(geoms)
    pairs = zip(np.flatnonzero(can).tolist(), units.codes, units.names, strict=False)
    for i, code, name in pairs:
        texts[i] = search_text(code, name)
    return OwnPlan(np.where(can, 0, AS_IT_STANDS), can, can, can, texts)


def _told_apart(
    rows: Sequence[Row], level: str, geoms: NDArray[np.object_]
) -> tuple[OwnPlan, list[Row]]:
    """Tell a draft's own units, which its rows hold already, from others.

    Parameters
    ----------
    geoms
        Land of the draft's rows, None for one that can be no unit. Those that can come first among
        the units of their level, in the same order.
    """
    place = np.flatnonzero(~shapely.is_missing(geoms)).tolist()
    base_rows = np.full(len(geoms), AS_IT_STANDS, np.int64)
    flags = np.zeros((3, len(geoms)), bool)
    texts: list[str | None] = [None] * len(geoms)
    others = []
    for row in rows:
        if row.level != level or row.place >= len(place):
            others.append(row)
            continue
        i = place[row.place]
        base_rows[i] = row.base_row
        flags[:, i] = row.redrawn, row.renamed, row.reattributed
        texts[i] = search_text(row.units.codes[row.place], row.units.names[row.place])
    return OwnPlan(base_rows, flags[0], flags[1], flags[2], texts), others


async def keep_plan(connection: AsyncConnection, draft: int, plan: NewPlan | None) -> None:
    """Store what publishing a draft would write beside its own rows, which say it of themselves."""
    await planned.forget_plan(connection, draft)
    if plan is None:
        return
    await planned.store_plan(
        connection,
        draft,
        new_rows(plan.others, plan.metric),
        renamed=[row.renamed for row in plan.others],
        reattributed=[row.reattributed for row in plan.others],
        removed=plan.removed,
        outline=plan.outline,
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
    removals = await planned.planned_removals(connection, draft.id)
    boxes = None
    if sum(row.number for row in rows) + len(removals) <= MAX_BOXES:
        boxes = await planned.planned_boxes(connection, draft.id)
    plan = Plan(rows, removals, boxes)
    specs = await levels.all_levels(connection)

    async def write(number: int) -> None:
        await planned.write_plan(connection, draft.id, draft.level, number)

    edition = await write_and_prove(
        connection, plan, specs, base_edition=draft.base_edition, order=order, write=write
    )
    await drafts.mark_published(connection, [draft.id], edition.number)
    return edition, plan


async def write_and_prove(
    connection: AsyncConnection,
    plan: Plan,
    specs: Sequence[LevelSpec],
    *,
    base_edition: int,
    order: Order,
    write: Callable[[int], Awaitable[None]],
) -> EditionRow:
    """Lock what a plan touches, write it as an edition, and prove that from what is stored.

    Parameters
    ----------
    specs
        All levels.
    base_edition
        The newest edition when the plan was made.
    order
        What the publisher says.
    write
        Writes the rows of the edition that is opened, by its number.

    Returns
    -------
    EditionRow
        The base edition where the plan changes nothing.

    Raises
    ------
    OvertakenError
        If another edition came in between.
    ConflictError
        If the stored chains do not add up.
    """
    await _lock(connection, plan, specs)
    number = base_edition
    if plan.rows or plan.removals:
        number = await _write(connection, base_edition, plan, order, write)
        await _prove(connection, plan, specs)
    edition = await editions.by_number(connection, number)
    assert edition is not None  # noqa: S101 - it stands, or was written a moment ago
    return edition


async def _lock(connection: AsyncConnection, plan: Plan, specs: Sequence[LevelSpec]) -> None:
    """Lock the rows that a plan ends and the parents above them, all in one order."""
    rows = [base_row for row in plan.rows for base_row in row.base_rows]
    rows += [removal.row_id for removal in plan.removals]
    for level in specs:
        if level.parent is not None and (codes := plan.touched_parents(level)):
            rows += await planned.rows_of_units(connection, level.parent, codes)
    if not await world.lock_units(connection, rows):
        raise OvertakenError


async def _write(
    connection: AsyncConnection,
    base_edition: int,
    plan: Plan,
    order: Order,
    write: Callable[[int], Awaitable[None]],
) -> int:
    number = await editions.open_edition(
        connection,
        effective_on=order.effective_on,
        today=order.today,
        published_by=order.published_by,
        note=order.note,
        correction=order.correction,
        levels=plan.levels,
    )
    if number - 1 != base_edition:
        raise OvertakenError
    await write(number)
    await tallies.refresh(connection, number, levels=plan.touched_levels, boxes=plan.boxes)
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
