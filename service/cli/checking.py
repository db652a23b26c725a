"""``wangge check``: the four clauses on plain files, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolvers.checking import check_files
from resolvers.grounds import ground_of_file
from resolvers.inspection import of_check
from resolvers.report_files import check_report_target, write_report
from service.cli.files import FileArgument, ParentsLayerOption, ParentsOption
from service.cli.frame import JsonOption, app, today
from service.cli.output import emit, progress, together
from service.cli.reading import (
    describe,
    notices_of,
    read_file,
    read_parents,
    takes_reading,
)
from service.cli.reading_addresses import read_address_file
from service.cli.report_options import LangOption, ReportOption
from service.cli.reporting import (
    show_notices,
    show_report,
    whole_report_json,
)
from service.errors import ExitCode
from service.settings import read_settings
from sources.presets import Reading
from sources.report_words import own_language

if TYPE_CHECKING:
    from collections.abc import Sequence


@app.command()
@takes_reading
def check(
    file: FileArgument,
    reading: Reading,
    within: ParentsOption = None,
    addresses: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="Addresses that should lie in one unit."),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take vertices as they are: mend no noise.")
    ] = False,
    report: ReportOption = None,
    lang: LangOption = None,
    within_layer: ParentsLayerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check FILE: clear boundaries, no blank land, no overlap, every household in one unit."""
    if report is not None:
        check_report_target(report)
    parents = ground = None
    if within is not None:
        parents = read_parents(within, within_layer, reading.presets)
        ground = ground_of_file(parents)
    read = read_file(file, reading, need_code=False, ground=ground)
    with progress(f"checking {file.name}"):
        people = read_address_file(addresses) if addresses is not None else None
        found = check_files(read, parents, people, exact=exact)
    if report is not None:
        day = today(read_settings())
        inspected = of_check(
            read,
            found,
            day,
            against=within.name if within is not None else None,
            people=addresses.name if addresses is not None else None,
        )
        with progress(f"writing {report.name}"):
            write_report(report, inspected, lang or own_language())
    notices = notices_of(read, parents)
    notices += [(r.code, r.message, r.feature_count) for r in found.remarks]
    emit(
        whole_report_json(found.report) | {"notices": _notices_json(notices)},
        as_json,
        lambda _: together(describe(read), show_notices(notices), show_report(found.report)),
    )
    if not found.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _notices_json(notices: Sequence[tuple[str, str, int]]) -> list[dict[str, object]]:
    return [
        {"code": code, "message": message, "featureCount": count}
        for code, message, count in notices
    ]
