"""A plan for the command line: what it changes of the loads, and whether it is to hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from resolvers.circle_report import find_unit
from resolvers.context import State
from resolvers.plan_accepting import Asker, ItemOrder, accept_for
from resolvers.planning import PlanAsked, propose
from resolvers.units import UnitRef, by_keys
from storage.duty_sight import EVERYTHING
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from resolvers.context import Context
    from resolvers.planning import PlanRow


@dataclass(frozen=True)
class PlanReport:
    """A plan with the names of its units.

    Attributes
    ----------
    written
        How many assignments hold as it says; None where it was not accepted.
    """

    plan: PlanRow
    names: Mapping[UnitRef, str]
    written: int | None

    @property
    def spread_before(self) -> tuple[float, float] | None:
        """The fewest and the most households for each holder before; None without any holder."""
        return self._spread([load.before for load in self.plan.loads])

    @property
    def spread_after(self) -> tuple[float, float] | None:
        """The fewest and the most households for each holder in the plan."""
        return self._spread([load.bodies for load in self.plan.loads])

    def _spread(self, counts: list[int]) -> tuple[float, float] | None:
        each = [
            load.households / count if count else float("inf")
            for load, count in zip(self.plan.loads, counts, strict=True)
            if load.households
        ]
        return (min(each), max(each)) if any(counts) and each else None


async def plan_report(
    context: Context,
    asked: PlanAsked,
    within: str,
    *,
    accepted_by: str | None = None,
    since: dt.date | None = None,
) -> PlanReport:
    """Make a plan, and make it hold if somebody accepts it.

    Parameters
    ----------
    asked
        Its ``within`` is left to the next one.
    within
        ``LEVEL:CODE``, or a code that one unit alone has.
    accepted_by
        In whose name it is written; None to look at it only.

    Raises
    ------
    UnknownError, BadInputError, NoEditionError, TooCostlyError, ConflictError
        See :func:`resolvers.planning.propose` and :func:`resolvers.plan_accepting.accept_plan`.
    """
    made = await propose(context, replace(asked, within=await find_unit(context, within, None)))
    keys = [(State(made.edition), *load.unit) for load in made.loads]
    rows = await by_keys(context, keys, Wanted.NOTHING)
    names = {UnitRef(row.level, row.code): row.name for row in rows.values()}
    written = None
    if accepted_by is not None:
        items = [ItemOrder(item.body, item.unit, item.post) for item in made.items]
        asker = Asker(accepted_by, EVERYTHING)
        written = len(await accept_for(context, made.duty.key, items, since, asker))
    return PlanReport(made, names, written)
