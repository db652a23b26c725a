"""``wangge draft repair``: a mended copy of a draft, and the list of what moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.findings import Severity
from resolvers.repair_drafts import RepairOrder, repair_draft
from resolvers.repairing import MAX_MOVE_M, check_width
from service.cli.frame import JsonOption, current_user, on_database, today
from service.cli.moves import (
    check_moves_target,
    left_json,
    left_table,
    moves_json,
    moves_table,
    write_moves,
)
from service.cli.output import emit, progress, together
from service.cli.publishing import Number, group
from service.cli.reporting import show_report, whole_report_json
from service.errors import ExitCode
from service.settings import read_settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from resolvers.repair_drafts import RepairedDraft


@group.command("repair")
def repair(
    number: Number,
    max_move: Annotated[
        float, typer.Option(help="Land up to this width is moved, in metres.")
    ] = MAX_MOVE_M,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="FINDING", help="Mend just this finding (its id); may be repeated."),
    ] = None,
    moves: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write what moved, as .csv or as a map layer."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new draft in which what is wrong with draft ID is mended; ID stays as it is."""
    check_width(max_move)
    if moves is not None:
        check_moves_target(moves)
    settings = read_settings()
    order = RepairOrder(max_move, only, current_user(), today(settings))
    with progress(f"mending draft {number}"):
        done = on_database(lambda engine: repair_draft(engine, number, order), settings=settings)
    if moves is not None:
        write_moves(moves, done.rows.moved)
    emit(_answer(done, max_move), as_json, lambda _: _view(done))
    if not done.after.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _answer(done: RepairedDraft, max_move_m: float) -> dict[str, Any]:  # free JSON
    return {
        "id": str(done.draft),
        "status": "OPEN",
        "repairOf": {"id": str(done.of)},
        "maxMoveM": max_move_m,
        "movedM2": done.rows.moved_m2,
        "moves": moves_json(done.rows.moved),
        "left": left_json(done.rows.left),
        "report": whole_report_json(done.after.report, done.after.waivers),
    }


def _view(done: RepairedDraft) -> RenderableType:
    blocking = [
        found
        for found in done.after.report.findings
        if found.severity is Severity.BLOCKING and found.waiver is None
    ]
    what_next = (
        f"publish it by `wangge draft publish {done.draft}`"
        if not blocking
        else f"{len(blocking)} finding(s) still forbid publishing"
    )
    return together(
        show_report(done.after.report),
        moves_table(done.rows.moved, counted=True),
        left_table(done.rows.left),
        f"draft {done.draft} is a mended copy of draft {done.of}: {done.rows.moved_m2:,.2f} m2 "
        f"moved; {what_next}",
    )
