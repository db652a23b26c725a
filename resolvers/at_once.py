"""An edition of new units, written while the draft that it comes from is being stored.

The first file of a level brings new units only, and a hundred thousand of them take the database as
long as their check takes us. So they are sent to it twice at the same time: as the draft's rows,
and as the edition's units. The edition waits for the draft to be there before it goes on: in one
transaction, with the locks and the proof that every edition has. Where anything is not as it should
be, nothing of it stays, and the draft is published afterwards, as others are.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy.exc import DBAPIError

from geo.errors import BadInputError, WanggeError
from geo.findings import Severity
from resolvers.again import OvertakenError
from resolvers.paging import check_text
from resolvers.planned import MAX_BOXES, Plan, write_and_prove
from storage import drafts, levels, planned
from storage.contention import lock_publishing
from storage.draft_rows import AS_IT_STANDS
from storage.planned import PlannedRows
from storage.unit_rows import copy_new_units

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.findings import Finding
    from resolvers.differences import Row
    from resolvers.planned import NewPlan
    from storage.draft_rows import DraftRows
    from storage.editions import EditionRow

MAX_NOTE = 2000
"""The longest note, in characters."""


class Order(NamedTuple):
    """What the publisher says about the edition."""

    published_by: str
    today: dt.date
    effective_on: dt.date | None = None
    note: str = ""
    correction: bool = False


def check_note(note: str) -> None:
    """Refuse a note that is too long, or holds what no text should."""
    check_text("note", note)
    if len(note) > MAX_NOTE:
        raise BadInputError(
            f"the note has {len(note)} characters; at most {MAX_NOTE} are kept", argument="note"
        )


class NewUnits(NamedTuple):
    """What an edition would write, where a draft's units are new."""

    level: str
    base_edition: int
    rows: DraftRows
    others: Sequence[Row]
    """Units that stand and receive nodes."""


def only_new(
    level: str,
    base_edition: int | None,
    rows: DraftRows,
    plan: NewPlan | None,
    findings: Sequence[Finding],
) -> NewUnits | None:
    """Return what publishing a draft would write; None where that is not worth it, or not so plain.

    Parameters
    ----------
    rows, plan
        The draft's.
    findings
        Those of its check.
    """
    if plan is None or base_edition is None or plan.removed:
        return None
    if any(_wants_the_check(finding) for finding in findings):
        return None
    base_rows = plan.own.base_rows
    new = base_rows == 0
    if any(row.reattributed or not row.base_row for row in plan.others):
        return None  # more than nodes
    if new.sum() <= MAX_BOXES or not (new | (base_rows == AS_IT_STANDS)).all():
        return None
    return NewUnits(level, base_edition, rows, plan.others)


def _wants_the_check(finding: Finding) -> bool:
    """Return whether a finding blocks, or may be waived: then the check has to be made again."""
    return finding.severity is Severity.BLOCKING or finding.waiver is not None


class AtOnce:
    """An edition that is being written beside its draft.

    Parameters
    ----------
    engine
        Gives it a connection of its own.
    units
        What it writes.
    order
        What the publisher says.
    """

    def __init__(self, engine: AsyncEngine, units: NewUnits, order: Order) -> None:
        self._engine, self._units, self._order = engine, units, order
        self._draft: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._write())

    async def finish(self, draft: int) -> tuple[EditionRow, Plan] | None:
        """Say that the draft is stored, and wait for the edition.

        Returns
        -------
        tuple or None
            The edition and what it wrote. None where nothing of it stays: the draft is open, and
            whoever publishes it hears the reason.
        """
        self._draft.set_result(draft)
        try:
            return await self._task
        except (OvertakenError, WanggeError, DBAPIError):
            return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take everything back unless it was finished: there is no draft."""
        self._task.cancel()
        with suppress(asyncio.CancelledError, OvertakenError, WanggeError, DBAPIError):
            await self._task

    async def _write(self) -> tuple[EditionRow, Plan]:
        check_note(self._order.note)
        units = self._units
        async with self._engine.begin() as connection:
            await lock_publishing(connection, alone=False)
            specs = await levels.all_levels(connection)
            has_children = any(spec.parent == units.level for spec in specs)
            plan = Plan(_planned(units, with_codes=has_children), [], None)

            async def write(number: int) -> None:
                await copy_new_units(connection, number, units.level, units.rows)
                await planned.write_others(connection, await self._stored(connection), number)

            edition = await write_and_prove(
                connection,
                plan,
                specs,
                base_edition=units.base_edition,
                order=self._order,
                write=write,
            )
            await drafts.mark_published(connection, [await self._draft], edition.number)
        return edition, plan

    async def _stored(self, connection: AsyncConnection) -> int:
        """Wait for the draft and lock it, unless somebody was quicker."""
        draft = await self._draft
        found = await drafts.lock_drafts(connection, [draft])
        if [one.status for one in found] != ["OPEN"]:
            raise OvertakenError
        return draft


def _planned(units: NewUnits, *, with_codes: bool) -> list[PlannedRows]:
    """Return the new units by parent, and one by one those that receive nodes."""
    own = units.rows.plan
    new = [] if own is None else (own.base_rows == 0).nonzero()[0].tolist()
    codes: dict[str | None, list[str]] = {}
    for i in new:
        codes.setdefault(units.rows.parent_codes[i], []).append(units.rows.codes[i] or "")
    groups = [
        PlannedRows(
            units.level,
            parent,
            None,
            redrawn=True,
            renamed=True,
            reattributed=True,
            number=len(mine),
            base_rows=[],
            codes=mine if with_codes else [],
        )
        for parent, mine in codes.items()
    ]
    return groups + [_noded(row) for row in units.others]


def _noded(row: Row) -> PlannedRows:
    parent = row.units.parent_codes[row.place]
    return PlannedRows(
        row.level,
        parent,
        parent,
        redrawn=row.redrawn,
        renamed=row.renamed,
        reattributed=row.reattributed,
        number=1,
        base_rows=[row.base_row],
        codes=[row.units.codes[row.place]],
    )
