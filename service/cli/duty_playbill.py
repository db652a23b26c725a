"""What the demo prints of the duties: who answers at three addresses, and what is missing."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from service.cli.circle_words import share_text
from service.cli.output import table

if TYPE_CHECKING:
    from rich.table import Table

    from resolvers.demo_duties import Duties, Gap, LoadedRoster, Rung
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
    duty, counts = gap.duty, gap.counts
    more = counts.total - counts.covered - len(gap.missing)
    names = ", ".join(unit.name for unit in gap.missing) + (f" and {more} more" if more else "")
    share = share_text(counts.covered / counts.total)
    return [
        duty.key,
        duty.name,
        duty.level,
        counts.total,
        counts.covered,
        share,
        gap.bodies,
        names,
    ]


def duties_json(duties: Duties) -> dict[str, Any]:  # free JSON
    """Return the same as JSON."""
    return {
        "ladders": [
            {"address": ladder.address, "rungs": [_rung_json(rung) for rung in ladder.rungs]}
            for ladder in duties.ladders
        ],
        "gaps": [
            {
                "duty": gap.duty.key,
                "total": gap.counts.total,
                "covered": gap.counts.covered,
                "bodyCount": gap.bodies,
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
