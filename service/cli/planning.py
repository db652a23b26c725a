"""``wangge plan``: who should carry a duty where, and making it so."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import BadInputError, UnreadableError
from resolvers.context import Context, Shared
from resolvers.plan_report import plan_report
from resolvers.planning import PlanAsked
from resolvers.units import UnitRef
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.options import parse_day
from service.cli.output import emit, note, progress, table, together
from service.settings import read_settings

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.plan_report import PlanReport

MAX_SHOWN = 50
"""The most units and left-out bodies that are listed for people."""


@app.command("plan")
def plan(
    duty: Annotated[str, typer.Argument(metavar="DUTY", help="Key of the duty.")],
    within: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="Units below this one; LEVEL:CODE where several have it."
        ),
    ],
    profession: Annotated[
        str | None, typer.Option(help="Only people of it, or organisations of this kind.")
    ] = None,
    per_unit_min: Annotated[int, typer.Option(help="The fewest holders of each unit.")] = 1,
    per_unit_max: Annotated[int | None, typer.Option(help="The most holders of each unit.")] = None,
    per_post_min: Annotated[
        int, typer.Option(help="The fewest holders of each post of each unit who have its skill.")
    ] = 0,
    accept: Annotated[bool, typer.Option("--accept", help="Make it hold, all or nothing.")] = False,
    since: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="With --accept: from this day on; else today."),
    ] = None,
    to_csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="OUT", help="Write who goes where to a file."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Place bodies onto the units below CODE, in balance and near home; --accept writes it."""
    if since is not None and not accept:
        raise BadInputError("--since is for --accept", argument="since")
    settings = read_settings()
    day = parse_day(since, argument="since")
    asked = PlanAsked(duty, UnitRef("", ""), profession, per_unit_min, per_unit_max, per_post_min)

    async def use(engine: AsyncEngine) -> PlanReport:
        context = Context(Shared(engine), today=today(settings))
        by = current_user() if accept else None
        return await plan_report(context, asked, within, accepted_by=by, since=day)

    with progress("planning"):
        found = on_database(use, settings=settings)
    if to_csv is not None:
        _write(found, to_csv)
    emit(_plan_json(found), as_json, lambda _: _shown(found))


def _write(found: PlanReport, out: Path) -> None:
    """Write the items as a list of assignments has them, with the way of each."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["duty", "body", "level", "unit", "post", "distance_m"])
    for item in found.plan.items:
        way = "" if item.distance_m is None else f"{item.distance_m:.2f}"
        key = found.plan.duty.key
        rows.writerow([key, item.body, item.unit.level, item.unit.code, item.post or "", way])
    try:
        out.write_text(text.getvalue(), "utf-8-sig", newline="")
    except OSError as error:
        raise UnreadableError(f"{out} cannot be written: {error.strerror}") from error
    note(f"{len(found.plan.items):,} items are in {out}")


def _plan_json(found: PlanReport) -> dict[str, Any]:  # free JSON: the contract's AssignmentPlan
    made = found.plan

    def unit(ref: UnitRef) -> dict[str, Any]:  # free JSON
        return {"level": {"key": ref.level}, "code": ref.code, "name": found.names.get(ref)}

    return {
        "duty": {"key": made.duty.key, "name": made.duty.name},
        "cost": made.cost_m,
        "bound": made.bound_m,
        "optimal": made.optimal,
        "items": [
            {
                "body": {"key": item.body},
                "unit": unit(item.unit),
                "post": item.post,
                "distanceM": item.distance_m,
            }
            for item in made.items
        ],
        "unassigned": [{"key": key} for key in made.unassigned],
        "loads": [
            {
                "unit": unit(load.unit),
                "bodyCount": load.bodies,
                "bodyCountBefore": load.before,
                "households": load.households,
                "target": load.target,
            }
            for load in made.loads
        ],
        "accepted": found.written,
    }


def _shown(found: PlanReport) -> RenderableType:
    made = found.plan
    cut = f", the first {MAX_SHOWN}" if len(made.loads) > MAX_SHOWN else ""
    loads = table(
        ["unit", "", "households", "before", "planned", "target"],
        [
            [
                load.unit.code,
                found.names.get(load.unit, ""),
                load.households,
                load.before,
                load.bodies,
                load.target,
            ]
            for load in made.loads[:MAX_SHOWN]
        ],
        title=f"{len(made.loads):,} {made.duty.level} units{cut}",
    )
    before = _spread(found.spread_before)
    return together(
        loads,
        f"households for each holder: {before} before, {_spread(found.spread_after)} in the plan",
        _ways(found),
        _how_good(found),
        _left_out(found),
        _told(found),
    )


def _spread(spread: tuple[float, float] | None) -> str:
    if spread is None:
        return "nobody holds it"
    least, most = spread
    highest = "no holder at all in the worst unit" if most == float("inf") else f"{most:,.1f}"
    return f"{least:,.1f} to {highest}"


def _ways(found: PlanReport) -> str | None:
    ways = sorted(item.distance_m for item in found.plan.items if item.distance_m is not None)
    if not ways:
        return None
    middle = ways[len(ways) // 2]
    return f"from home to the unit: {middle:,.0f} m in the middle, {ways[-1]:,.0f} m at most"


def _how_good(found: PlanReport) -> str:
    made = found.plan
    if made.optimal:
        return f"cost {made.cost_m:,.2f} m: proven, no plan costs less"
    return f"cost {made.cost_m:,.2f} m; no plan costs less than {made.bound_m:,.2f} m"


def _left_out(found: PlanReport) -> str | None:
    keys = found.plan.unassigned
    if not keys:
        return None
    more = ", …" if len(keys) > MAX_SHOWN else ""
    return f"no room for {len(keys):,}: {', '.join(keys[:MAX_SHOWN])}{more}"


def _told(found: PlanReport) -> str:
    number = len(found.plan.items)
    if found.written is None:
        return f"{number:,} placed; nothing is written: --accept makes it hold"
    return f"{found.written:,} assignments hold now as planned"
