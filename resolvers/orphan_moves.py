"""What is proposed for assignments without a unit, as a list that can be corrected and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage import orphans

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from resolvers.context import Context
    from resolvers.orphans_told import Named, Orphan
    from storage.assignments import AssignmentRow

_PER_CENT = 100


class ListedRow(NamedTuple):
    """A row of a list of assignments; its fields are the columns."""

    duty: str
    body: str
    level: str
    unit: str
    post: str
    since: str
    until: str
    note: str
    """Why it is there; whoever loads the list leaves it aside."""


class Proposal(NamedTuple):
    """Rows that end assignments on the day on which their unit went, and that begin others."""

    rows: list[ListedRow]
    left_out: int
    """Assignments of which no list can speak: they begin after their unit went, or had none."""


async def propose(context: Context, found: Sequence[Orphan]) -> Proposal:
    """Return what is proposed for assignments without a unit.

    Each is ended on the first day without its unit, and begins on that day on the unit that
    receives most of the households. None begins where the body has the same duty there already.
    """
    bodies = {one.row.body for one in found}
    taken = await context.ask(orphans.carried_by, bodies) if bodies else set()
    rows: list[ListedRow] = []
    left_out = 0
    for one in found:
        row, gone_on = one.row, one.gone_on
        if gone_on is None or gone_on <= row.since:
            left_out += 1
            continue
        rows.append(_listed(row, row.code, row.since, gone_on, f"no unit since {gone_on}"))
        if not one.successors:
            continue
        best = one.successors[0]
        carried = (row.duty, row.body, row.level, best.gets.code, row.post)
        if carried not in taken:
            taken.add(carried)
            note = f"in place of {row.code}{_share(best)}"
            rows.append(_listed(row, best.gets.code, gone_on, row.until, note))
    return Proposal(rows, left_out)


def _listed(
    row: AssignmentRow, code: str, since: dt.date, until: dt.date | None, note: str
) -> ListedRow:
    last = until.isoformat() if until is not None else ""
    return ListedRow(
        row.duty, row.body, row.level, code, row.post or "", since.isoformat(), last, note
    )


def _share(best: Named) -> str:
    share = best.gets.household_share
    return "" if share is None else f", of whose households it has {_PER_CENT * share:.1f} %"
