"""``wangge check``: the four clauses on plain files, without a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolvers.checking import check_files
from resolvers.inspection import of_check
from resolvers.report_files import check_report_target, write_report
from service.cli.files import (
    ColumnsOption,
    CrsOption,
    DatumOption,
    EncodingOption,
    FileArgument,
    LayerOption,
)
from service.cli.frame import JsonOption, app, today
from service.cli.output import emit, progress, together
from service.cli.reporting import (
    LangOption,
    ReportOption,
    show_notices,
    show_report,
    whole_report_json,
)
from service.errors import ExitCode
from service.settings import read_settings
from sources.addresses import read_addresses
from sources.boundaries import parse_columns, read_boundaries
from sources.report_words import own_language

if TYPE_CHECKING:
    from geo.check import Checked
    from sources.boundaries import BoundaryFile


@app.command()
def check(
    file: FileArgument,
    within: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            readable=False,
            help="The parents that it should fill; else its own outline.",
        ),
    ] = None,
    addresses: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="Addresses that should lie in one unit."),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take vertices as they are: mend no noise.")
    ] = False,
    report: ReportOption = None,
    lang: LangOption = None,
    layer: LayerOption = None,
    within_layer: Annotated[
        str | None, typer.Option(help="Layer of the parents' file, where it has several.")
    ] = None,
    encoding: EncodingOption = None,
    crs: CrsOption = None,
    datum: DatumOption = None,
    columns: ColumnsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Check FILE: clear boundaries, no blank land, no overlap, every household in one unit."""
    if report is not None:
        check_report_target(report)
    with progress(f"checking {file.name}"):
        read = read_boundaries(
            file,
            layer=layer,
            encoding=encoding,
            crs=crs,
            datum=datum,
            columns=parse_columns(columns),
            need_code=False,
        )
        parents = None
        if within is not None:
            parents = read_boundaries(within, layer=within_layer, need_code=False)
        people = read_addresses(addresses) if addresses is not None else None
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
    emit(
        whole_report_json(found.report) | {"notices": _notices_json(read, found)},
        as_json,
        lambda _: together(show_notices(_notices(read, found)), show_report(found.report)),
    )
    if not found.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _notices(read: BoundaryFile, found: Checked) -> list[tuple[str, str, int]]:
    of_file = [(n.code, n.message, n.feature_count) for n in read.notices]
    return of_file + [(r.code, r.message, r.feature_count) for r in found.remarks]


def _notices_json(read: BoundaryFile, found: Checked) -> list[dict[str, object]]:
    return [
        {"code": code, "message": message, "featureCount": count}
        for code, message, count in _notices(read, found)
    ]
