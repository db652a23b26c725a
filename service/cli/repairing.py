"""``wangge repair``: a mended copy of a boundary file, and the list of what moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import BadInputError
from resolvers.grounds import ground_of_file
from resolvers.repairing import MAX_MOVE_M, check_width
from resolvers.repairing_files import repair_files
from service.cli.files import FileArgument, ParentsLayerOption, ParentsOption
from service.cli.frame import JsonOption, app
from service.cli.moves import (
    check_moves_target,
    left_json,
    left_table,
    moves_json,
    moves_table,
    write_moves,
)
from service.cli.output import emit, progress, together
from service.cli.reading import (
    notices_of,
    read_file,
    read_parents,
    takes_reading,
)
from service.cli.reading_addresses import read_address_file
from service.cli.reporting import show_notices, show_report, whole_report_json
from service.errors import ExitCode
from sources.copying import refuse_inputs, write_copy
from sources.presets import Reading
from sources.writing import check_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.repairing_files import RepairedFiles
    from sources.boundaries import BoundaryFile


@app.command("repair")
@takes_reading
def repair_command(
    file: FileArgument,
    reading: Reading,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="OUT", help="Mended copy to write; its name says how."),
    ],
    within: ParentsOption = None,
    within_out: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Copy of the parents with the vertices they received."),
    ] = None,
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
    addresses: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="Addresses, to count who is moved."),
    ] = None,
    within_layer: ParentsLayerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a mended copy of FILE: blank, doubled and outside land goes to where it belongs."""
    _check_targets(out, within_out, moves, [file, within, addresses])
    if within_out is not None and within is None:
        raise BadInputError(
            "--within-out is a copy of the parents' file; name that with --within",
            argument="withinOut",
        )
    check_width(max_move)
    parents = ground = None
    if within is not None:
        parents = read_parents(within, within_layer, reading.presets)
        ground = ground_of_file(parents)
    read = read_file(file, reading, need_code=False, ground=ground)
    with progress(f"repairing {file.name}"):
        people = read_address_file(addresses) if addresses is not None else None
        mended = repair_files(read, parents, people, max_move_m=max_move, only=only or None)
    with progress(f"writing {out.name}"):
        write_copy(out, file, read, mended.geoms, layer=reading.layer, encoding=reading.encoding)
        if within_out is not None and within is not None and mended.parents is not None:
            write_copy(within_out, within, mended.parents, mended.parents.geoms, layer=within_layer)
        if moves is not None:
            write_moves(moves, mended.moved)
    notices = _notices(read, parents, mended, asked_for_parents=within_out is not None)
    emit(
        _answer(out, max_move, mended, notices),
        as_json,
        lambda _: together(
            show_notices(notices),
            _summary(out, mended),
            moves_table(mended.moved, counted=addresses is not None),
            left_table(mended.left),
            show_report(mended.after.report),
        ),
    )
    if not mended.after.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _check_targets(
    out: Path, within_out: Path | None, moves: Path | None, inputs: Sequence[Path | None]
) -> None:
    """Refuse places that cannot be written to, before any work is done for them."""
    for target in (out, within_out):
        if target is not None:
            check_target(target)
    if moves is not None:
        check_moves_target(moves)
    targets = [path for path in (out, within_out, moves) if path is not None]
    refuse_inputs(targets, [path for path in inputs if path is not None])


def _notices(
    read: BoundaryFile,
    parents: BoundaryFile | None,
    mended: RepairedFiles,
    *,
    asked_for_parents: bool,
) -> list[tuple[str, str, int]]:
    told = notices_of(read, parents)
    told += [(r.code, r.message, r.feature_count) for r in mended.before.remarks]
    if mended.noded_parents:
        where = (
            "the copy of the parents has them"
            if asked_for_parents
            else "write a copy of the parents that has them with --within-out, or the two files "
            "match only after a check or an import has put them in again"
        )
        told.append(
            (
                "PARENTS_NODED",
                f"{mended.noded_parents} parent(s) receive vertices of the mended file: {where}",
                mended.noded_parents,
            )
        )
    return told


def _answer(
    out: Path, max_move_m: float, mended: RepairedFiles, notices: Sequence[tuple[str, str, int]]
) -> dict[str, Any]:  # free JSON, with the names of the API where it has such things
    return {
        "file": str(out),
        "maxMoveM": max_move_m,
        "changedFeatures": mended.changed_rows,
        "movedM2": mended.moved_m2,
        "moves": moves_json(mended.moved),
        "left": left_json(mended.left),
        "before": whole_report_json(mended.before.report),
        "after": whole_report_json(mended.after.report),
        "notices": [
            {"code": code, "message": message, "featureCount": count}
            for code, message, count in notices
        ],
    }


def _summary(out: Path, mended: RepairedFiles) -> str:
    if not mended.changed_rows:
        return f"{out}: nothing to mend"
    return (
        f"{out}: {mended.changed_rows} of {len(mended.geoms)} units drawn anew, "
        f"{mended.moved_m2:,.2f} m2 moved"
    )
