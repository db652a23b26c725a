"""``wangge circles``: who can walk to a service point in time, and who is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import BadInputError
from geo.pace import WalkAsked, WalkDefaults
from resolvers.circle_report import circle_report
from resolvers.context import Context, Shared
from resolvers.siting_report import siting_report
from service.cli.circle_words import minutes_text, share_text, tally_json, walk_json, walk_text
from service.cli.frame import JsonOption, app, on_database, today
from service.cli.options import parse_day
from service.cli.output import emit, progress, table, together
from service.cli.siting import show_siting, siting_json
from service.settings import read_settings

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.headcount import Count
    from resolvers.circle_report import CircleReport, NamedCircle
    from resolvers.siting_report import SitingReport
    from service.settings import Settings

MAX_UNITS = 1000
"""The most units that are listed: a page of the API."""


@app.command("circles")
def circles(
    kinds: Annotated[
        list[str], typer.Option(help="Kinds of facilities: several with commas, or said again.")
    ],
    within: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Only who lives in this unit; LEVEL:CODE where several have it."
        ),
    ] = None,
    minutes: Annotated[int | None, typer.Option(help="How long one walks; 15 as a rule.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="How fast, in kilometres an hour; 4 as a rule.")
    ] = None,
    metres: Annotated[float | None, typer.Option(help="How far, instead.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Level that is listed; else the lowest.")
    ] = None,
    own_level: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="Home and facility must be in one unit of this level."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Shares of the people of this group, not of households.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Day that is seen; else today.")
    ] = None,
    first: Annotated[
        int, typer.Option(min=1, max=MAX_UNITS, help="How many units are listed.")
    ] = 10,
    sites: Annotated[
        int | None,
        typer.Option(metavar="N", help="Say, too, where the next N facilities should go."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Count who can walk to a facility in time, and list the units that are left out most."""
    settings = read_settings()
    day = parse_day(as_of, argument="asOf")
    wanted = [kind.strip() for text in kinds for kind in text.split(",") if kind.strip()]

    walk = WalkAsked(minutes, speed, metres)
    if sites is not None and own_level is not None:
        raise BadInputError(
            "sites are chosen for all homes: leave out --own-level", argument="sites"
        )

    async def use(engine: AsyncEngine) -> tuple[CircleReport, SitingReport | None]:
        context = context_of(engine, settings)
        found = await circle_report(
            context,
            wanted,
            within=within,
            walk=walk,
            own_level=own_level,
            by=by,
            group=group,
            day=day,
            first=first,
        )
        if sites is None:
            return found, None
        planned = await siting_report(
            context,
            wanted,
            count=sites,
            within=within,
            walk=walk,
            by=by,
            group=group,
            day=day,
        )
        return found, planned

    with progress("walking"):
        found, planned = on_database(use, settings=settings)
    told = circles_json(found, group)
    if planned is not None:
        told["siting"] = siting_json(planned)
    emit(told, as_json, lambda _: _shown(found, planned, group))


def _shown(found: CircleReport, planned: SitingReport | None, group: str | None) -> RenderableType:
    shown = show_circles(found, group)
    return shown if planned is None else together(shown, show_siting(planned, group))


def context_of(engine: AsyncEngine, settings: Settings) -> Context:
    """Return the context of a command, with the walks that the settings say."""
    walk = WalkDefaults(settings.walk_minutes, settings.walk_speed_kmh)
    return Context(Shared(engine, walk=walk), today=today(settings))


def circles_json(found: CircleReport, group: str | None) -> dict[str, Any]:  # free JSON
    """Return who is inside as the API's CircleCoverage, with its first units."""
    row = found.coverage
    return {
        "walk": walk_json(row.walk),
        "facilityCount": row.facility_count,
        "facilitiesOffStreets": row.facilities_off_streets,
        "total": tally_json(row.counted_total),
        "inside": tally_json(row.counted_inside),
        "outside": tally_json(row.counted_outside),
        "notConnected": tally_json(row.counted_not_connected),
        "offStreets": tally_json(row.counted_off_streets),
        "cutOff": tally_json(row.counted_cut_off),
        "share": found.share,
        "group": group,
        "byUnit": {
            "nodes": [_unit_json(one, found.level) for one in found.units],
            "totalCount": found.unit_count,
            "pageInfo": {"hasNextPage": found.unit_count > len(found.units)},
        },
    }


def _unit_json(one: NamedCircle, level: str) -> dict[str, Any]:  # free JSON
    nearest = {"key": one.nearest[0], "name": one.nearest[1]} if one.nearest else None
    return {
        "unit": {"level": {"key": level}, "code": one.row.code, "name": one.name},
        "total": tally_json(one.row.total),
        "inside": tally_json(one.row.inside),
        "notConnected": tally_json(one.row.not_connected),
        "share": one.row.share,
        "nearest": nearest,
        "medianWalkS": one.row.median_s,
        "worstWalkS": one.row.worst_s,
    }


def show_circles(found: CircleReport, group: str | None) -> RenderableType:
    """Show who is inside: a sentence, a table of the sums, and one of the units left out most."""
    row = found.coverage
    whose = "households" if group is None else f"people of the group {group}"
    sums: list[tuple[str, Count]] = [
        ("all", row.counted_total),
        ("inside", row.counted_inside),
        ("outside", row.counted_outside),
        ("  on no street", row.counted_off_streets),
        ("  cut off", row.counted_cut_off),
    ]
    share = f"{share_text(found.share)} of the {whose} are inside"
    facilities = "facility" if row.facility_count == 1 else "facilities"
    lost = row.facilities_off_streets
    return together(
        f"{row.facility_count:,} {facilities}, {walk_text(row.walk)}: {share}",
        f"{lost:,} of them on no street: nobody can walk there" if lost else None,
        table(
            ["", "addresses", "households", "people", *row.counted_total.groups],
            [[name, *_cells(count)] for name, count in sums],
        ),
        _units_table(found),
    )


def _cells(count: Count) -> list[int]:
    return [count.addresses, count.households, count.people, *count.groups.values()]


def _units_table(found: CircleReport) -> RenderableType | None:
    if not found.units:
        return None
    rows = [
        [
            one.row.code,
            one.name,
            one.row.total.households,
            one.row.inside.households,
            share_text(one.row.share),
            minutes_text(one.row.median_s),
            minutes_text(one.row.worst_s),
            one.nearest[1] if one.nearest else None,
        ]
        for one in found.units
    ]
    columns = ["", "", "households", "inside", "share", "median, min", "worst, min", "nearest"]
    count = f"{len(rows)} of {found.unit_count:,}"
    return table(
        [found.level, *columns[1:]], rows, title=f"lowest share first, {count} {found.level} units"
    )
