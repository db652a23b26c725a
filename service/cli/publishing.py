"""``wangge draft``, ``wangge editions``: what to do with drafts, and what was published."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resolvers import draft_lists, importing, publishing
from resolvers.diff import diff_draft
from resolvers.draft_reports import inspect_draft
from resolvers.edition_lists import list_editions
from resolvers.orphans_told import orphans_of_draft, orphans_of_edition
from resolvers.report_files import check_report_target, write_report
from service.cli.changes import changes_json, show_changes
from service.cli.files import MAX_ID
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.options import CorrectionOption, EffectiveOnOption, NoteOption, parse_day
from service.cli.orphan_words import orphans_json, show_orphans
from service.cli.output import emit, progress, table, together
from service.cli.report_options import LangOption, ReportOption
from service.cli.reporting import (
    ID_SHOWN,
    RULES,
    SHOWN,
    findings_title,
    show_notices,
    show_report,
    whole_report_json,
)
from service.errors import ExitCode
from service.settings import read_settings
from sources.report_words import own_language

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.changes_told import ChangeSet
    from resolvers.importing import Rechecked
    from resolvers.inspection import Inspection
    from resolvers.orphans_told import Orphan
    from resolvers.publishing import Published
    from storage.editions import EditionRow

group = typer.Typer(help="Look at drafts, publish or discard them.", no_args_is_help=True)
app.add_typer(group, name="draft")


class DraftStatus(StrEnum):
    """What has become of a draft."""

    READING = "READING"
    OPEN = "OPEN"
    PUBLISHED = "PUBLISHED"
    DISCARDED = "DISCARDED"
    FAILED = "FAILED"


GONE_SHOWN = 5
"""So many findings that are gone are named on a terminal."""

Number = Annotated[int, typer.Argument(metavar="ID", max=MAX_ID, help="Number of the draft.")]


@group.command("list")
def list_drafts(
    status: Annotated[
        DraftStatus | None, typer.Option(case_sensitive=False, help="Only of this status.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Only of this level.")] = None,
    first: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List drafts, newest first."""
    settings = read_settings()
    found = on_database(
        lambda engine: draft_lists.list_drafts(
            engine, status=status, level=level, first=first, today=today(settings)
        ),
        settings=settings,
    )
    emit(found, as_json, _drafts_table)


def _drafts_table(found: list[dict[str, Any]]) -> RenderableType:  # rows of free JSON
    return table(
        ["draft", "status", "level", "file", "clean", "findings", "created", "by"],
        [
            [
                row["id"],
                row["status"],
                row["level"]["key"],
                row["source"]["file"],
                row["report"]["clean"] if row["report"] else None,
                sum(c["findingCount"] for c in row["report"]["clauses"]) if row["report"] else None,
                row["createdAt"][:16],
                row["createdBy"],
            ]
            for row in found
        ],
    )


@group.command("show")
def show_draft(
    number: Number,
    report: ReportOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a draft with its findings."""
    if report is not None:
        check_report_target(report)
    settings = read_settings()
    day = today(settings)

    async def work(
        engine: AsyncEngine,
    ) -> tuple[dict[str, Any], Inspection | None, ChangeSet | None, list[Orphan]]:
        inspected = None if report is None else await inspect_draft(engine, number, day)
        shown = await draft_lists.show_draft(engine, number, today=day)
        changes = await diff_draft(engine, number, today=day)
        left = []
        if changes is not None:
            left = await orphans_of_draft(engine, changes, number, today=day)
        return shown, inspected, changes, left

    found, inspected, changes, left = on_database(work, settings=settings)
    found["changes"] = changes_json(changes, left, found["report"]) if changes is not None else None
    if report is not None and inspected is not None:
        inspected = replace(inspected, left=left)
        with progress(f"writing {report.name}"):
            write_report(report, inspected, lang or own_language())
    emit(found, as_json, lambda shown: _draft_view(shown, changes, left))


def _draft_view(
    draft: dict[str, Any],  # free JSON: the contract's Draft
    changes: ChangeSet | None,
    left: list[Orphan],
) -> RenderableType:
    report = draft["report"]
    notices = [(n["code"], n["message"], n["featureCount"]) for n in draft["source"]["notices"]]
    return together(
        _drafts_table([draft]),
        show_notices(notices),
        _clauses_table(report["clauses"]) if report else None,
        _findings_table(report["findings"]["nodes"]) if report else None,
        show_changes(changes, draft["report"]) if changes is not None else None,
        show_orphans(left, happened=draft["status"] == "PUBLISHED"),
    )


def _clauses_table(clauses: list[dict[str, Any]]) -> RenderableType:  # rows of free JSON
    return table(
        ["clause", "required", "holds", "findings"],
        [[RULES[c["rule"]], c["required"], c["holds"], c["findingCount"]] for c in clauses],
    )


def _findings_table(
    findings: list[dict[str, Any]],  # rows of free JSON
) -> RenderableType | None:
    if not findings:
        return None
    return table(
        ["id", "finding", "level", "", "what"],
        [
            [f["id"][:ID_SHOWN], f["kind"], f["level"]["key"], _effect(f), f["message"]]
            for f in findings[:SHOWN]
        ],
        title=findings_title(len(findings)),
    )


def _effect(finding: dict[str, Any]) -> str:  # free JSON: the contract's Finding
    if finding["waiver"] is not None:
        return "waived"
    return "blocks" if finding["severity"] == "BLOCKING" else ""


@group.command("recheck")
def recheck(number: Number, as_json: JsonOption = False) -> None:
    """Check a draft again on the newest edition, without the file."""
    settings = read_settings()
    with progress(f"checking draft {number}"):
        done = on_database(
            lambda engine: importing.recheck(engine, number, today=today(settings)),
            settings=settings,
        )
    report = done.checked.report
    answer = whole_report_json(report, done.checked.waivers) | {
        "newFindings": sorted(done.new),
        "gone": _gone(done),
    }
    emit(answer, as_json, lambda _: together(show_report(report), _told_apart(done)))
    if not report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _gone(done: Rechecked) -> list[dict[str, object]]:
    return [
        {"id": found.id, "kind": found.kind, "message": found.message, "areaM2": found.area_m2}
        for found in done.gone
    ]


def _told_apart(done: Rechecked) -> RenderableType:
    """Say what a second check changed; nothing where neither check found anything."""
    found = len(done.checked.report.findings)
    if not found and not done.gone:
        return ""
    rows = [
        ["new", len(done.new), ""],
        ["still open", found - len(done.new), ""],
        ["gone", len(done.gone), "; ".join(gone.message for gone in done.gone[:GONE_SHOWN])],
    ]
    return table(["since the last check", "findings", "what"], rows)


@group.command("discard")
def discard(number: Number, as_json: JsonOption = False) -> None:
    """Discard a draft; it can still be looked at."""
    on_database(lambda engine: importing.discard(engine, number))
    emit({"id": str(number), "status": "DISCARDED"}, as_json, lambda _: f"draft {number} discarded")


@group.command("publish")
def publish(
    numbers: Annotated[
        list[int], typer.Argument(metavar="ID…", max=MAX_ID, help="Numbers of the drafts.")
    ],
    note: NoteOption = "",
    effective_on: EffectiveOnOption = None,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Publish drafts as one edition, all or nothing."""
    settings = read_settings()
    order = publishing.Order(
        published_by=current_user(),
        today=today(settings),
        effective_on=parse_day(effective_on),
        note=note,
        correction=correction,
    )

    async def work(engine: AsyncEngine) -> tuple[Published, list[Orphan]]:
        done = await publishing.publish(engine, numbers, order)
        if not done.new:
            return done, []
        return done, await orphans_of_edition(engine, done.edition.number, today=order.today)

    with progress("publishing"):
        done, left = on_database(work, settings=settings)
    told = edition_json(done.edition) | {"orphans": orphans_json(left)}
    shown = together(say_published(done), show_orphans(left, happened=True))
    emit(told, as_json, lambda _: shown)


def say_published(done: Published) -> str:
    """Return one sentence about a new edition."""
    if not done.new:
        return f"nothing changes: edition {done.edition.number} stands as it is"
    parts = [
        f"{count} {what}"
        for count, what in (
            (done.added, "added"),
            (done.removed, "removed"),
            (done.redrawn, "redrawn"),
            (done.renamed, "renamed"),
            (done.reattributed, "with other attributes"),
            (done.noded, "given vertices"),
        )
        if count
    ]
    said = ", ".join(parts) or "no unit changed"
    return f"edition {done.edition.number} stands from {done.edition.effective_on}: {said}"


@app.command("editions")
def editions(
    first: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List editions, newest first."""
    found = on_database(lambda engine: list_editions(engine, first))
    emit(
        [edition_json(row, levels) for row, levels in found],
        as_json,
        lambda _: table(
            ["edition", "effective on", "published", "by", "levels", "note"],
            [
                [
                    row.number,
                    f"{row.effective_on}{' (correction)' if row.correction else ''}",
                    f"{row.published_at:%Y-%m-%d %H:%M}",
                    row.published_by,
                    ", ".join(levels),
                    row.note,
                ]
                for row, levels in found
            ],
        ),
    )


def edition_json(
    row: EditionRow, levels: tuple[str, ...] | None = None
) -> dict[str, Any]:  # free JSON: the contract's Edition
    """Return an edition as the API's Edition."""
    answer: dict[str, Any] = {
        "number": row.number,
        "effectiveOn": row.effective_on.isoformat(),
        "publishedAt": row.published_at.isoformat(),
        "publishedBy": row.published_by,
        "note": row.note,
        "correction": row.correction,
    }
    if levels is not None:
        answer["levels"] = [{"key": key} for key in levels]
    return answer
