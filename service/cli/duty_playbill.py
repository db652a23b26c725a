"""What the demo prints of the duties: who answers at three addresses, and what is missing."""

from __future__ import annotations

from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

from service.cli.circle_words import share_text
from service.cli.output import table

if TYPE_CHECKING:
    from rich.table import Table

    from resolvers.demo_duties import Duties, Gap, LoadedRoster, Rung
    from resolvers.demo_plan import Planned, Spread
    from storage.units import UnitRow

NOBODY = "nobody"


def say_roster(loaded: LoadedRoster) -> str:
    """Say what was loaded of duties and who carries them."""
    bodies, carried = loaded.bodies, loaded.assignments
    told = (
        f"duties: {loaded.duties.unchanged + loaded.duties.changed + loaded.duties.added}; "
        f"{bodies.added:,} people and organisations, {carried.added:,} assignments"
    )
    rejected = len(bodies.rejected) + len(carried.rejected)
    return f"{told}; {rejected} rows could not be taken" if rejected else told


def ladders_table(duties: Duties) -> Table:
    """Return who answers at each address, from the lowest unit upwards."""
    return table(
        ["address", "level", "unit", "who answers"],
        [[ladder.address, *_rung_row(rung)] for ladder in duties.ladders for rung in ladder.rungs],
        title="Who answers at three addresses, from small matters to big ones",
    )


def _rung_row(rung: Rung) -> list[object]:
    """Return the level, the unit and its holders; those that no unit may lack, by name."""
    own = rung.unit.level
    needed = [one for one in rung.holders if one.duty.min and one.duty.level == own]
    told = [
        f"{duty.name} {', '.join(holder.name for holder in some)}"
        for duty, some in groupby(needed, key=lambda holder: holder.duty)
    ]
    others = len(rung.holders) - len(needed)
    if others:
        told.append(f"{others} more" if told else f"{others} of other duties")
    said = "; ".join(told) or NOBODY
    away = "" if rung.unit is rung.own else f"{rung.unit.name}: "
    return [rung.own.level, rung.own.name, away + said]


def gaps_table(duties: Duties) -> Table:
    """Return the duties that some units ask for in vain."""
    return table(
        ["duty", "", "level", "units", "covered", "share", "bodies", "missing"],
        [_gap_row(gap) for gap in duties.gaps],
        title=(
            f"The duties with gaps: {len(duties.gaps)} of {duties.asked} that every unit of their "
            "level needs"
        ),
    )


def _gap_row(gap: Gap) -> list[object]:
    covered, duty = gap.covered, gap.covered.row.duty
    more = covered.missing - len(gap.missing)
    names = ", ".join(unit.name for unit in gap.missing) + (f" and {more} more" if more else "")
    total, share = covered.counts.total, share_text(covered.share)
    known = [duty.key, duty.name, duty.level]
    return [*known, total, covered.counts.covered, share, covered.bodies, names]


def plan_table(planned: Planned) -> Table:
    """Return how evenly people are spread over the units, without the plan and with it."""
    plan = planned.plan
    return table(
        ["", "bodies", "households to one: fewest", "most", "bodies in the wrong unit"],
        [["today", *_spread_row(planned.before)], ["planned", *_spread_row(planned.after)]],
        title=(
            f"The plan: {len(plan.items):,} people as {plan.duty.name} on {len(plan.loads)} units, "
            "each its part by households"
        ),
    )


def _spread_row(spread: Spread) -> list[object]:
    loads = (f"{load:.1f}" for load in (spread.lightest, spread.heaviest))
    return [spread.bodies, *loads, share_text(spread.off)]


def say_plan(planned: Planned) -> str:
    """Say how good the plan is."""
    plan = planned.plan
    if plan.optimal:
        return "proven: no plan is better in ways, load and skills together"
    return f"proven: no plan is better by more than {share_text(1 - plan.bound_m / plan.cost_m)}"


def _spread_json(spread: Spread) -> dict[str, Any]:  # free JSON
    heaviest = spread.heaviest if isfinite(spread.heaviest) else None
    return {**spread._asdict(), "heaviest": heaviest}


def plan_json(planned: Planned) -> dict[str, Any]:  # free JSON
    """Return the plan's figures as JSON."""
    plan = planned.plan
    return {
        "duty": plan.duty.key,
        "cost": plan.cost_m,
        "bound": plan.bound_m,
        "optimal": plan.optimal,
        "unassigned": len(plan.unassigned),
        "before": _spread_json(planned.before),
        "after": _spread_json(planned.after),
        "loads": [
            {
                "code": load.unit.code,
                "bodyCount": load.bodies,
                "bodyCountBefore": load.before,
                "target": load.target,
            }
            for load in plan.loads
        ],
    }


def duties_json(duties: Duties) -> dict[str, Any]:  # free JSON
    """Return the same as JSON."""
    return {
        "ladders": [
            {"address": ladder.address, "rungs": [_rung_json(rung) for rung in ladder.rungs]}
            for ladder in duties.ladders
        ],
        "gaps": [
            {
                "duty": gap.covered.row.duty.key,
                "total": gap.covered.counts.total,
                "covered": gap.covered.counts.covered,
                "bodyCount": gap.covered.bodies,
                "missing": [_unit_json(unit) for unit in gap.missing],
            }
            for gap in duties.gaps
        ],
    }


def _rung_json(rung: Rung) -> dict[str, Any]:  # free JSON
    return {
        "for": _unit_json(rung.own),
        "unit": _unit_json(rung.unit),
        "holders": [
            {"duty": holder.duty.key, "body": holder.key, "name": holder.name}
            for holder in rung.holders
        ],
    }


def _unit_json(unit: UnitRow) -> dict[str, str]:
    return {"level": unit.level, "code": unit.code, "name": unit.name}
