"""An edition of new units, written while the draft that it comes from is being stored.

Most first files of a level bring new units only, and a hundred thousand of them take the database
as long as their check takes us. So they are sent to it twice at the same time: as the draft's rows,
and as the edition's units. The edition waits for the draft to be there before it commits, in one
transaction, with the locks and the proof that every edition has. Where anything is not as it should
be, nothing of it stays, and the draft is published afterwards, as others are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy.exc import DBAPIError

from geo.errors import BadInputError, WanggeError
from geo.findings import Severity
from resolvers.again import OvertakenError
from resolvers.paging import check_text
from resolvers.planned import MAX_BOXES, Plan, write_and_prove
from storage import drafts, levels
from storage.contention import lock_publishing
from storage.draft_rows import AS_IT_STANDS
from storage.planned import PlannedRows
from storage.unit_rows import copy_new_units

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.findings import Finding
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
    """What an edition would write, where that is new units and nothing else."""

    level: str
    base_edition: int
    rows: DraftRows


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
    if plan is None or base_edition is None or plan.others or plan.removed:
        return None
    if plan.outline is not None or any(_wants_the_check(finding) for finding in findings):
        return None
    base_rows = plan.own.base_rows
    new = base_rows == 0
    if new.sum() <= MAX_BOXES or not (new | (base_rows == AS_IT_STANDS)).all():
        return None
    return NewUnits(level, base_edition, rows)


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

            edition = await write_and_prove(
                connection,
                plan,
                specs,
                base_edition=units.base_edition,
                order=self._order,
                write=write,
            )
            await self._take_over(connection, edition.number)
        return edition, plan

    async def _take_over(self, connection: AsyncConnection, edition: int) -> None:
        """Wait for the draft and mark it as published, unless somebody was quicker."""
        draft = await self._draft
        found = await drafts.lock_drafts(connection, [draft])
        if [one.status for one in found] != ["OPEN"]:
            raise OvertakenError
        await drafts.mark_published(connection, [draft], edition)


def _planned(units: NewUnits, *, with_codes: bool) -> list[PlannedRows]:
    """Return the new units by parent."""
    own = units.rows.plan
    new = [] if own is None else (own.base_rows == 0).nonzero()[0].tolist()
    under = Counter(units.rows.parent_codes[i] for i in new)
    codes: dict[str | None, list[str]] = {}
    if with_codes:
        for i in new:
            codes.setdefault(units.rows.parent_codes[i], []).append(units.rows.codes[i] or "")
    return [
        PlannedRows(
            units.level,
            parent,
            None,
            redrawn=True,
            renamed=True,
            reattributed=True,
            number=count,
            base_rows=[],
            codes=codes.get(parent, []),
        )
        for parent, count in under.items()
    ]
