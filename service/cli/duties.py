"""``wangge duties``: which units have who answers for them, and which have not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import BadInputError
from resolvers.context import Context, Shared
from resolvers.duty_report import duty_overview, duty_report
from service.cli.circle_words import share_text
from service.cli.frame import JsonOption, app, on_database, today
from service.cli.options import parse_day
from service.cli.output import emit, table, together
from service.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.duty_report import Covered, DutyReport
    from storage.units import UnitRow

MAX_UNITS = 1000
"""The most units that are listed: a page of the API."""


@app.command("duties")
def duties(
    duty: Annotated[
        str | None, typer.Argument(metavar="DUTY", help="Key of one duty, to see what it lacks.")
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Only units below this one; LEVEL:CODE where several have it."
        ),
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="Another level than DUTY's own, on which it is carried.")
    ] = None,
    post: Annotated[str | None, typer.Option(help="Only this post of DUTY.")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Day that is seen; else today.")
    ] = None,
    first: Annotated[
        int, typer.Option(min=1, max=MAX_UNITS, help="How many units of each list are shown.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Count the units that have the holders a duty asks for; of one, list those that have not."""
    if duty is None and (level is not None or post is not None):
        raise BadInputError("--level and --post are about one duty: name it", argument="duty")
    settings = read_settings()
    day = parse_day(as_of, argument="asOf")

    async def use(engine: AsyncEngine) -> list[Covered] | DutyReport:
        context = Context(Shared(engine), today=today(settings))
        if duty is None:
            return await duty_overview(context, within=within, day=day)
        return await duty_report(
            context, duty, within=within, level=level, post=post, day=day, first=first
        )

    found = on_database(use, settings=settings)
    if isinstance(found, list):
        emit([_covered_json(one) for one in found], as_json, lambda _: _overview(found))
    else:
        emit(_report_json(found), as_json, lambda _: _report(found))


def _covered_json(one: Covered) -> dict[str, Any]:  # free JSON: the contract's DutyCoverage
    row, counts = one.row, one.counts
    return {
        "duty": {"key": row.duty.key, "name": row.duty.name},
        "level": {"key": row.level.key},
        "post": row.demand.post,
        "asOf": row.scope.day.isoformat(),
        "total": counts.total,
        "covered": counts.covered,
        "share": one.share,
        "bodyCount": one.bodies,
        "missing": {"totalCount": one.missing},
        "excess": {"totalCount": counts.excess},
    }


def _report_json(found: DutyReport) -> dict[str, Any]:  # free JSON: as above
    told = _covered_json(found.covered)
    told["missing"]["nodes"] = [_unit_json(unit) for unit in found.missing]
    told["excess"]["nodes"] = [_unit_json(unit) for unit in found.excess]
    told["byParent"] = {
        "nodes": [
            {
                "unit": {"code": one.row.code, "name": one.name},
                "total": one.row.total,
                "covered": one.row.covered,
                "share": one.row.covered / one.row.total if one.row.total else None,
            }
            for one in found.parents
        ],
        "totalCount": found.parent_count,
    }
    return told


def _unit_json(unit: UnitRow) -> dict[str, Any]:  # free JSON
    return {"code": unit.code, "name": unit.name, "parent": unit.parent_code}


def _overview(found: Sequence[Covered]) -> RenderableType:
    if not found:
        return "there are no duties here; `wangge load duties` loads some"
    return table(
        ["duty", "", "level", "units", "covered", "share", "missing", "too many", "bodies"],
        [
            [
                one.row.duty.key,
                one.row.duty.name,
                one.row.level.key,
                one.counts.total,
                one.counts.covered,
                share_text(one.share),
                one.missing,
                one.counts.excess,
                one.bodies,
            ]
            for one in found
        ],
    )


def _report(found: DutyReport) -> RenderableType:
    covered = found.covered
    row, counts = covered.row, covered.counts
    post = f", post {row.demand.post}" if row.demand.post is not None else ""
    bodies = "body" if covered.bodies == 1 else "bodies"
    level = row.level.key
    return together(
        f"{row.duty.name} ({row.duty.key}){post} on {row.scope.day}: {counts.covered:,} of "
        f"{counts.total:,} {level} units are covered ({share_text(covered.share)}), by "
        f"{covered.bodies:,} {bodies}",
        _units(f"{level} units that are not covered", found.missing, covered.missing),
        _units(f"{level} units with too many", found.excess, counts.excess),
        _parents(found),
    )


def _units(title: str, units: Sequence[UnitRow], count: int) -> RenderableType | None:
    if not units:
        return None
    rows = [[unit.code, unit.name, unit.parent_code] for unit in units]
    listed = table(["code", "name", "below"], rows)
    return together(_counted(title, len(units), count), listed)


def _parents(found: DutyReport) -> RenderableType | None:
    above = found.covered.row.level.parent
    if above is None or not found.parents:
        return None
    listed = table(
        [above, "name", "units", "covered", "share"],
        [
            [
                one.row.code,
                one.name,
                one.row.total,
                one.row.covered,
                share_text(one.row.covered / one.row.total if one.row.total else None),
            ]
            for one in found.parents
        ],
    )
    return together(_counted(f"by {above}", len(found.parents), found.parent_count), listed)


def _counted(title: str, shown: int, count: int) -> str:
    return f"{title}: {count:,}" + (f", of which the first {shown}" if shown < count else "")
