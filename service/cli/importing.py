"""``wangge import``: a boundary file becomes a draft with findings and consequences."""

from __future__ import annotations

from typing import Annotated

import typer

from geo.errors import BadInputError
from service.cli.files import MAX_ID, FileArgument, WithinOption
from service.cli.frame import JsonOption, app
from service.cli.options import CorrectionOption, EffectiveOnOption, NoteOption, parse_day
from service.cli.reading import begin, takes_reading
from service.cli.report_options import LangOption, ReportOption
from service.errors import ExitCode
from service.settings import read_settings
from sources.opening import check_file
from sources.presets import Reading

# The work itself takes a second to load: by then the file is being read.


@app.command("import")
@takes_reading
def import_file(
    file: FileArgument,
    reading: Reading,
    level: Annotated[str, typer.Option(help="Level that the file holds.")],
    within: WithinOption = None,
    with_draft: Annotated[
        list[int] | None,
        typer.Option("--with", max=MAX_ID, help="Open draft that it is checked on."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, but store nothing.")] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish it when it is clean.")
    ] = False,
    note: NoteOption = "",
    effective_on: EffectiveOnOption = None,
    correction: CorrectionOption = False,
    report: ReportOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import FILE as a draft of a level: noded, proven and with all that is wrong in it."""
    _refuse_clash(dry_run, publish, dated=effective_on is not None or correction)
    if report is not None:
        from resolvers.report_files import check_report_target  # noqa: PLC0415 - see above

        check_report_target(report)
    check_file(file)
    day = parse_day(effective_on)
    settings = read_settings()
    with begin(file, reading) as begun:
        from service.cli import imported  # noqa: PLC0415

        asked = imported.Asked(
            level, within, with_draft or (), dry_run, publish, note, day, correction
        )
        done = imported.import_read(begun, asked, settings, reported=report is not None)
    if report is not None:
        imported.write(report, done, lang, settings)
    imported.show(done, asked, as_json=as_json)
    if not done.made.checked.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _refuse_clash(dry_run: bool, publish: bool, *, dated: bool) -> None:
    """Refuse options that cannot be meant together."""
    if dry_run and publish:
        raise BadInputError(
            "--dry-run stores nothing that --publish could publish: give one of them"
        )
    if dated and not publish:
        raise BadInputError("--effective-on and --correction are about an edition: add --publish")
