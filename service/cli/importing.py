"""``wangge import``: a boundary file becomes a draft with findings and consequences."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from anyio import to_thread

from geo.errors import BadInputError
from resolvers import importing, publishing
from resolvers.changes_compared import changes_of_import
from resolvers.draft_reports import changes_of, of_published
from resolvers.grounds import ground_for
from resolvers.inspection import of_import
from resolvers.report_files import check_report_target, write_report
from service.cli.changes import changes_json
from service.cli.files import MAX_ID, FileArgument, WithinOption
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.made import draft_json, draft_view
from service.cli.options import CorrectionOption, EffectiveOnOption, NoteOption, parse_day
from service.cli.output import emit, progress, together
from service.cli.reading import describe, read_file_async, takes_reading
from service.cli.reporting import (
    LangOption,
    ReportOption,
)
from service.errors import ExitCode
from service.settings import read_settings
from sources.opening import check_file
from sources.presets import Reading
from sources.report_words import own_language

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.changes_told import ChangeSet
    from resolvers.importing import Imported
    from resolvers.inspection import Change
    from resolvers.publishing import Published
    from sources.boundaries import BoundaryFile


class _Done(NamedTuple):
    """What came of an import."""

    read: BoundaryFile
    made: Imported
    published: Published | None
    change: Change | None
    changes: ChangeSet


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
        check_report_target(report)
    check_file(file)
    day = parse_day(effective_on)
    settings = read_settings()

    async def work(engine: AsyncEngine) -> _Done:
        ground = await ground_for(engine, level, within)
        read = await read_file_async(file, reading, ground)
        with progress(f"checking {file.name}"):
            made = await importing.import_boundaries(
                engine,
                read,
                level=level,
                within=within,
                created_by=current_user(),
                today=today(settings),
                together_with=with_draft or (),
                dry_run=dry_run,
            )
        # Pure work in a thread, while the database writes and proves an edition.
        comparing = asyncio.ensure_future(to_thread.run_sync(changes_of_import, made))
        if not publish or made.draft is None or not made.checked.report.clean:
            changes, change = await comparing, None
            if report is not None and made.draft is not None:
                change = await changes_of(engine, made.draft, made.removed)
            return _Done(read, made, None, change, changes)
        order = publishing.Order(
            current_user(), today(settings), effective_on=day, note=note, correction=correction
        )
        with progress("publishing"):
            done = await publishing.publish(engine, [made.draft], order)
        return _Done(read, made, done, of_published(done, made.removed), await comparing)

    read, made, published, change, changes = on_database(work, settings=settings)
    if report is not None:
        edition = published.edition.number if published is not None else None
        inspected = of_import(read, made, today(settings), change, edition)
        with progress(f"writing {report.name}"):
            write_report(report, inspected, lang or own_language())
    told = draft_json(made, with_draft or (), published)
    told["changes"] = changes_json(changes, told["report"])
    shown = [describe(read), *draft_view(made, with_draft or (), published, changes)]
    emit(told, as_json, lambda _: together(*shown))
    if not made.checked.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _refuse_clash(dry_run: bool, publish: bool, *, dated: bool) -> None:
    """Refuse options that cannot be meant together."""
    if dry_run and publish:
        raise BadInputError(
            "--dry-run stores nothing that --publish could publish: give one of them"
        )
    if dated and not publish:
        raise BadInputError("--effective-on and --correction are about an edition: add --publish")
