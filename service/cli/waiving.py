"""``wangge waive``, ``wangge unwaive``, ``wangge waivers``: what is found, and meant so."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import BadInputError
from resolvers import waiving
from resolvers.context import Context, Shared
from resolvers.reports import waiver_json
from schema.ids import IdKind, decode
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.options import parse_day
from service.cli.output import emit, table
from service.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.waiving import Place
    from storage.waivers import WaiverRow

FindingArgument = Annotated[
    str,
    typer.Argument(
        metavar="FINDING", help="Id of the finding: the first 8 digits are enough if no other has."
    ),
]
ByOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who says so; your account unless given.")
]

_DIGITS = re.compile(r"[0-9a-fA-F]{8,32}")


@app.command("waive")
def waive(
    finding: FindingArgument,
    reason: Annotated[str, typer.Option(help="Why it is accepted.")],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD", help="First day on which it holds no more; for good unless given."
        ),
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a finding, such as a lake: it forbids nothing any more, and belongs to the proof."""
    approval = waiving.Approval(by or current_user(), reason, parse_day(until))

    async def work(context: Context, key: str) -> Place:
        return await waiving.waive(context, key, approval, ground=None)

    _tell(_on_finding(finding, work), as_json, "waived")


@app.command("unwaive")
def unwaive(finding: FindingArgument, by: ByOption = None, as_json: JsonOption = False) -> None:
    """Accept a finding no longer; what was published with it stays published."""

    async def work(context: Context, key: str) -> Place:
        return await waiving.unwaive(context, key, by=by or current_user(), ground=None)

    _tell(_on_finding(finding, work), as_json, "not waived any more")


@app.command("waivers")
def waivers(
    level: Annotated[str | None, typer.Option(help="Only of this level.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that have ended or expired, too.")
    ] = False,
    first: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List what is accepted, newest first."""
    settings = read_settings()
    day = today(settings)
    found = on_database(
        lambda engine: waiving.list_waivers(
            engine, level=level, today=None if everything else day, first=first
        ),
        settings=settings,
    )
    emit([_as_dict(row) for row in found], as_json, lambda _: _table(found, day))


def _on_finding(text: str, work: Callable[[Context, str], Awaitable[Place]]) -> Place:
    """Do something with the finding that a text names."""
    settings = read_settings()

    async def use(engine: AsyncEngine) -> Place:
        context = Context(Shared(engine), today=today(settings))
        return await work(context, await waiving.resolve(context, _digits(text)))

    return on_database(use, settings=settings)


def _digits(text: str) -> str:
    """Return the digits of an id as commands or as the API show it."""
    if _DIGITS.fullmatch(text.strip()):
        return text
    try:
        return decode(text.strip(), argument="findingId", kind=IdKind.FINDING).key
    except BadInputError as problem:
        raise BadInputError(
            f"{text[:80]!r} is no id of a finding; give at least the first 8 digits of one, as "
            "`wangge draft show` lists them",
            argument="findingId",
        ) from problem


def _tell(place: Place, as_json: bool, what: str) -> None:
    row = place.row
    answer = {
        "id": row.id,
        "kind": row.kind,
        "level": {"key": row.level},
        "message": row.message,
        "areaM2": row.area_m2,
        "households": row.households,
        "waiver": waiver_json(row.waiver),
    }
    emit(answer, as_json, lambda _: f"{what}: {row.kind} {row.id[:12]}: {row.message}")


def _as_dict(row: WaiverRow) -> dict[str, Any]:  # free JSON: the contract's Waiver, and more
    said = waiver_json(row.acceptance) or {}
    return said | {
        "id": row.id,
        "finding": row.finding_id,
        "level": {"key": row.level},
        "parent": row.parent_code,
        "kind": row.kind,
        "units": row.units,
        "areaM2": row.area_m2,
        "households": row.households,
        "endedAt": row.ended_at.isoformat() if row.ended_at is not None else None,
        "endedBy": row.ended_by,
    }


def _table(found: list[WaiverRow], day: dt.date) -> RenderableType:
    return table(
        ["waiver", "finding", "level", "in", "kind", "m2", "reason", "by", "on", "state"],
        [
            [
                row.id,
                row.finding_id[:12],
                row.level,
                row.parent_code,
                row.kind,
                row.area_m2,
                row.reason,
                row.approved_by,
                f"{row.approved_at:%Y-%m-%d}",
                _state(row, day),
            ]
            for row in found
        ],
    )


def _state(row: WaiverRow, day: dt.date) -> str:
    if row.ended_at is not None:
        return f"ended {row.ended_at:%Y-%m-%d} by {row.ended_by}"
    if row.until is None:
        return "holds"
    return f"holds until {row.until}" if row.until > day else f"expired {row.until}"
