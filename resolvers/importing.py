"""Importing a boundary file: checked on what stands, and stored as a draft or not."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from anyio import to_thread

from geo.check import Sent
from geo.errors import BadInputError, NotOpenError, UnknownError
from geo.households import count_in_units
from geo.world import UnitName
from resolvers.again import until_undisturbed
from resolvers.at_once import AtOnce, only_new
from resolvers.draft_notices import CHECK_NOTICES, removed_units, said_by_check, untested_datum
from resolvers.planned import keep_plan, make_plan
from resolvers.reports import stored_report
from resolvers.returning import give_back
from resolvers.sent_files import sent_of_file, source_of
from resolvers.worlds import (
    Base,
    by_rank,
    check_on,
    find_ground,
    find_level,
    one_moment,
    read_base,
    require_ground,
    sent_of,
    unit_name,
)
from storage import drafts, levels
from storage.draft_rows import DraftRows
from storage.drafts import NewDraft
from storage.rechecking import KnownFinding, known_findings, mark_known

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.check import Checked
    from geo.world import Units
    from resolvers.at_once import Order
    from resolvers.planned import NewPlan, Plan
    from sources.boundaries import BoundaryFile
    from storage.drafts import OpenDraft
    from storage.editions import EditionRow


MAX_CODE = 200
"""The longest code; the official ones have 6 to 20 digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import found, and the draft that it made.

    Attributes
    ----------
    draft
        Number of the draft; None after a trial run.
    removed
        Codes of units that stand on the ground and that the file does not name.
    source
        What was read and concluded about the file, as the API's DraftSource.
    """

    draft: int | None
    level: str
    within: UnitName | None
    base_edition: int | None
    before: Base
    """What stands on the draft's ground."""
    after: Base
    """The same with the drafts that it was checked on, and then this one, laid in."""
    checked: Checked
    removed: Sequence[str]
    source: dict[str, Any]  # free JSON: the contract's DraftSource
    stands: tuple[EditionRow, Plan] | None = None
    """The edition that was published at once, and what it wrote; None where that is still to do."""


class DraftOrder(NamedTuple):
    """What is asked of a new draft."""

    level: str
    within: str | None
    """Code of the unit below which it is the whole truth (``LEVEL:CODE`` where several have that
    code); None for the whole city."""
    created_by: str
    today: dt.date
    """The day on which a waiver must hold to count."""
    together_with: Sequence[int] = ()
    """Numbers of open drafts of other levels that it is checked on."""
    dry_run: bool = False
    """Store nothing."""
    into: int | None = None
    """Number of the draft of a file that is being read, which is to be filled; None makes one."""
    storing: Callable[[], Awaitable[None]] | None = None
    """Told when the check is done and storing begins; once more when that has to be repeated."""
    publishing: Order | None = None
    """Publish it at once where that is plain; whoever asks for it has to publish it else."""
    checked: Callable[[Imported], None] | None = None
    """Told what was found before that is stored; once more when that has to be repeated. What it
    begins in a thread goes on while the database writes."""


async def import_boundaries(
    engine: AsyncEngine,
    file: BoundaryFile,
    *,
    level: str,
    within: str | None,
    created_by: str,
    today: dt.date,
    together_with: Sequence[int] = (),
    dry_run: bool = False,
    publishing: Order | None = None,
    checked: Callable[[Imported], None] | None = None,
) -> Imported:
    """Check a boundary file on the newest edition and store it as a draft.

    Parameters
    ----------
    file
        The file, read.
    level, within, created_by, today, together_with, dry_run, publishing, checked
        See :class:`DraftOrder`.

    Raises
    ------
    UnknownError, BadInputError, NotOpenError
        If level, ground or drafts are not what they should be; nothing is stored then.
    """
    order = DraftOrder(
        level,
        within,
        created_by,
        today,
        together_with,
        dry_run,
        publishing=publishing,
        checked=checked,
    )
    return await make_draft(engine, sent_of_file(file), source_of(file), order)


async def make_draft(
    engine: AsyncEngine, sent: Sent, source: dict[str, Any], order: DraftOrder
) -> Imported:
    """Check the rows of a level on the newest edition and store them as a draft.

    Parameters
    ----------
    sent
        The rows.
    source
        Where they come from, as the API's DraftSource; what the check says is added to its
        notices.

    Raises
    ------
    UnknownError, BadInputError, NotOpenError
        If level, ground or drafts are not what they should be; nothing is stored then.
    """
    _refuse_long_codes(sent)

    async def attempt(_: bool) -> Imported:
        async with AsyncExitStack() as beside:
            async with one_moment(engine).begin() as connection:
                new = await _check(connection, sent, source, order)
                if order.checked is not None:
                    order.checked(new.imported)
                if order.dry_run:
                    return new.imported
                made, edition = await _store(engine, connection, new, order, beside)
            if edition is None or made.draft is None:
                return made
            # The draft is there for everybody: the edition may stand now.
            return replace(made, stands=await edition.finish(made.draft))

    return await until_undisturbed(attempt)


class _New(NamedTuple):
    """A draft that is not stored yet."""

    imported: Imported
    sent: Sent
    """Its rows, with what their format could not hold."""
    others: Sequence[OpenDraft]
    """Those that it was checked on."""


async def _check(
    connection: AsyncConnection, sent: Sent, source: dict[str, Any], order: DraftOrder
) -> _New:
    level, within = order.level, order.within
    find_level(await levels.all_levels(connection), level)
    ground = await find_ground(connection, level, within) if within is not None else None
    others = await _open_ones(connection, order.together_with, level)
    rows = [sent, *[await sent_of(connection, other) for other in others]]
    grounds = [ground, *(unit_name(d.within) for d in others)]
    before = await read_base(connection, level, grounds, rows=rows, today=order.today)
    require_ground(before.world, level, ground)
    standing = _on_ground(before, level, ground)
    back, restored = give_back(sent, standing, format_=source["format"])
    laid = await _lay_in(connection, before, others)
    base, checked = await check_on(connection, laid, back, level, ground)
    removed = _removed(standing, back)
    told = [*restored, *untested_datum(before, checked, sent)]
    told += said_by_check(checked.remarks) + removed_units(removed)
    imported = Imported(
        draft=None,
        level=level,
        within=ground,
        base_edition=base.edition.number if base.edition else None,
        before=before,
        after=base,
        checked=checked,
        removed=removed,
        source=source | {"notices": [*source["notices"], *told]},
    )
    return _New(imported, back, others)


async def _store(
    engine: AsyncEngine,
    connection: AsyncConnection,
    new: _New,
    order: DraftOrder,
    beside: AsyncExitStack,
) -> tuple[Imported, AtOnce | None]:
    """Store a draft, and begin its edition where that is asked for and plain.

    Who leaves ``beside`` without finishing the edition takes it back.
    """
    if order.storing is not None:
        await order.storing()
    imported, checked = new.imported, new.imported.checked
    plan = None
    if not new.others:
        plan = await to_thread.run_sync(
            make_plan, imported.before, imported.after, imported.level, checked
        )
    rows = _rows(new.sent, checked, imported.after, plan)
    found = checked.report.findings
    edition = None
    if order.publishing is not None:
        units = only_new(imported.level, imported.base_edition, rows, plan, found)
        if units is not None:
            edition = AtOnce(engine, units, order.publishing)
            await beside.enter_async_context(edition)
    number = await drafts.insert_draft(
        connection,
        NewDraft(
            level=imported.level,
            within=imported.within,
            base_edition=imported.base_edition,
            with_drafts=[draft.id for draft in new.others],
            crs=new.sent.crs,
            source=imported.source,
            report=stored_report(checked),
            created_by=order.created_by,
        ),
        rows,
        found,
        into=order.into,
    )
    await keep_plan(connection, number, plan)
    return replace(imported, draft=number), edition


class Rechecked(NamedTuple):
    """What a second check found, told apart from the check before it."""

    checked: Checked
    new: frozenset[str]
    """Ids of findings that the check before did not have."""
    gone: list[KnownFinding]
    """Findings of the check before that are no more, largest first."""


async def recheck(engine: AsyncEngine, number: int, *, today: dt.date) -> Rechecked:
    """Check an open draft again on the newest edition, from what was sent.

    Parameters
    ----------
    today
        The day on which a waiver must hold to count.
    """

    async def attempt(_: bool) -> Rechecked:
        async with one_moment(engine).begin() as connection:
            again = await check_again(connection, number, today=today)
            known = await known_findings(connection, number)
            await drafts.rewrite_draft(
                connection,
                number,
                again.new_draft(created_by=""),
                again.rows(),
                again.checked.report.findings,
            )
            await again.plan(connection, number)
            return await _told_apart(connection, number, known, again.checked)

    return await until_undisturbed(attempt)


@dataclass(frozen=True)
class Again:
    """An open draft that was checked anew on what stands now."""

    draft: OpenDraft
    waiting: list[int]
    """Drafts that it stands on and that are not published yet."""
    before: Base
    """What stands."""
    base: Base
    """The same with those drafts, and then this one, laid in."""
    sent: Sent
    checked: Checked

    def new_draft(self, *, created_by: str) -> NewDraft:
        """Return what is to be stored about the draft."""
        standing = _on_ground(self.before, self.draft.level, unit_name(self.draft.within))
        kept = [n for n in self.draft.source["notices"] if n["code"] not in CHECK_NOTICES]
        new = said_by_check(self.checked.remarks) + removed_units(_removed(standing, self.sent))
        return NewDraft(
            level=self.draft.level,
            within=self.draft.within,
            base_edition=self.base.edition.number if self.base.edition else None,
            with_drafts=self.waiting,
            crs=self.sent.crs,
            source=self.draft.source | {"notices": kept + new},
            report=stored_report(self.checked),
            created_by=created_by,
        )

    @cached_property
    def _plan(self) -> NewPlan | None:
        if self.waiting:
            return None
        return make_plan(self.before, self.base, self.draft.level, self.checked)

    def rows(self) -> DraftRows:
        """Return the rows to be stored."""
        return _rows(self.sent, self.checked, self.base, self._plan)

    async def plan(self, connection: AsyncConnection, number: int) -> None:
        """Store what publishing a draft with these rows would write beside them."""
        await keep_plan(connection, number, self._plan)

    async def check_other(self, connection: AsyncConnection, sent: Sent) -> Again:
        """Check other rows in place of the draft's own."""
        laid = await _lay_in(connection, self.before, await self._others(connection))
        base, checked = await check_on(
            connection, laid, sent, self.draft.level, unit_name(self.draft.within)
        )
        return replace(self, base=base, sent=sent, checked=checked)

    async def _others(self, connection: AsyncConnection) -> list[OpenDraft]:
        return await _open_ones(connection, self.waiting, self.draft.level)


async def check_again(connection: AsyncConnection, number: int, *, today: dt.date) -> Again:
    """Check an open draft, from what was sent, on the newest edition; store nothing."""
    [draft] = await find_drafts(connection, [number])
    company = await drafts.lock_drafts(connection, draft.with_drafts)
    # What was published meanwhile stands: it need not be laid in any more.
    waiting = [other.id for other in company if other.status != "PUBLISHED"]
    others = await _open_ones(connection, waiting, draft.level)
    grounds = [unit_name(d.within) for d in (draft, *others)]
    rows = [await sent_of(connection, d) for d in (draft, *others)]
    before = await read_base(connection, draft.level, grounds, rows=rows, today=today)
    laid = await _lay_in(connection, before, others)
    sent = rows[0]
    base, checked = await check_on(connection, laid, sent, draft.level, unit_name(draft.within))
    return Again(draft, waiting, before, base, sent, checked)


async def _told_apart(
    connection: AsyncConnection, number: int, known: list[KnownFinding], checked: Checked
) -> Rechecked:
    now = {found.id for found in checked.report.findings}
    before = {found.id for found in known}
    gone = [found for found in known if found.id not in now]
    await mark_known(connection, number, before, gone)
    return Rechecked(checked, frozenset(now - before), gone)


async def discard(engine: AsyncEngine, number: int) -> None:
    """Discard an open draft; what it held can still be looked at."""
    async with engine.begin() as connection:
        await find_drafts(connection, [number])
        await drafts.mark_discarded(connection, number)


async def find_drafts(connection: AsyncConnection, ids: Sequence[int]) -> list[OpenDraft]:
    """Return open drafts, locked until the transaction ends.

    Raises
    ------
    UnknownError
        If there is no draft of a number.
    NotOpenError
        If a draft is published, discarded or failed.
    """
    found = await drafts.lock_drafts(connection, ids)
    missing = sorted(set(ids) - {draft.id for draft in found})
    if missing:
        raise UnknownError(f"there is no draft {missing[0]}", argument="id")
    for draft in found:
        if draft.status != "OPEN":
            raise NotOpenError(
                f"draft {draft.id} is {draft.status.lower()}: nothing can be done with it",
                argument="id",
            )
    return found


async def _open_ones(
    connection: AsyncConnection, ids: Sequence[int], level: str
) -> list[OpenDraft]:
    if not ids:
        return []
    others = await find_drafts(connection, ids)
    same = [draft.id for draft in others if draft.level == level]
    if same:
        raise BadInputError(
            f"draft {same[0]} is of the level {level}, too: only drafts of other levels can stand "
            "beside this one",
            argument="with",
        )
    return others


async def _lay_in(connection: AsyncConnection, base: Base, others: Sequence[OpenDraft]) -> Base:
    """Lay other drafts into the base, from the top level down."""
    for draft in by_rank(others, base.world.levels):
        sent = await sent_of(connection, draft)
        base, _ = await check_on(connection, base, sent, draft.level, unit_name(draft.within))
    return base


def _refuse_long_codes(sent: Sent) -> None:
    for row, code in zip(sent.rows.tolist(), sent.codes, strict=True):
        if code is not None and len(code) > MAX_CODE:
            raise BadInputError(
                f"row {row}: a code has at most {MAX_CODE} characters, not {len(code):,}; name "
                "the column of the codes",
                argument="columns",
            )


def _on_ground(base: Base, level: str, within: UnitName | None) -> Units:
    units = base.world.of(level)
    return units if within is None else units.take(base.world.below(within, level))


def _removed(standing: Units, sent: Sent) -> list[str]:
    named = set(sent.codes)
    return sorted(code for code in standing.codes if code not in named)


def _rows(sent: Sent, checked: Checked, base: Base, plan: NewPlan | None) -> DraftRows:
    counts = count_in_units(base.addresses, checked.geoms, sent.codes)
    return DraftRows(
        rows=sent.rows,
        codes=sent.codes,
        names=sent.names,
        parent_codes=checked.parent_codes,
        named_parents=sent.parents,
        land=checked.wkb,
        source=_sent_otherwise(sent, checked),
        chain=checked.chain,
        area_m2=checked.area_m2,
        properties=sent.properties,
        households=counts.households,
        people=counts.people,
        groups=counts.groups,
        plan=plan.own if plan is not None else None,
    )


def _sent_otherwise(sent: Sent, checked: Checked) -> NDArray[np.object_]:
    """Return what was sent, without what is known to be the same as the land."""
    source = sent.geoms.copy()
    source[checked.as_sent] = None
    return source
