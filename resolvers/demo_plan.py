"""What the demo plays of plans: the town's people onto its grids, and how even that is."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from resolvers.planning import PlanAsked, propose
from resolvers.units import UnitRef
from storage import units
from storage.units import UnitFilter, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.context import Context
    from resolvers.planning import LoadRow, PlanRow

VOLUNTEER = "volunteer"

NEARLY = 1.001
"""How far a plan may be from its bound."""


class Spread(NamedTuple):
    """How evenly bodies are spread over units, by their households."""

    bodies: int
    lightest: float
    heaviest: float
    """Households to a body, in the unit with the fewest and in that with the most of them; infinite
    where nobody is there for some."""
    off: float
    """The share of all bodies that would have to be elsewhere for each unit to have its part."""


class Planned(NamedTuple):
    """A plan, and the spread without and with it."""

    plan: PlanRow
    before: Spread
    after: Spread

    @property
    def right(self) -> bool:
        """True when it is proven to be nearly the best, and more even than what there is."""
        good = self.plan.cost_m <= NEARLY * self.plan.bound_m
        return good and not self.plan.unassigned and self.after.off < self.before.off


async def place_volunteers(context: Context) -> Planned:
    """Place all people of the town onto its grids."""
    [top, *_] = (await context.tree()).specs
    edition = (await context.edition()).number
    [whole] = await context.ask(
        units.page, edition, UnitFilter(top.key), first=1, wanted=Wanted.NOTHING
    )
    plan = await propose(context, PlanAsked(VOLUNTEER, UnitRef(top.key, whole.code)))
    before = spread(plan.loads, [load.before for load in plan.loads])
    return Planned(plan, before, spread(plan.loads, [load.bodies for load in plan.loads]))


def spread(loads: Sequence[LoadRow], bodies: Sequence[int]) -> Spread:
    """Say how evenly some bodies are spread over units by their households.

    Parameters
    ----------
    bodies
        How many there are on each of the units.
    """
    households = sum(load.households for load in loads)
    total = sum(bodies)
    off = 0.0
    each = []
    for load, own in zip(loads, bodies, strict=True):
        part = total * load.households / households if households else 0.0
        off += abs(own - part) / 2
        if load.households:
            each.append(load.households / own if own else inf)
    share = off / total if total else 0.0
    return Spread(total, min(each, default=0.0), max(each, default=0.0), share)
