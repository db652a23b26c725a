"""The work of ``wangge import``: check what is read, store it, publish it, and tell of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from anyio import to_thread

from resolvers import importing, publishing
from resolvers.changes_compared import changes_of_import
from resolvers.draft_reports import changes_of, of_published
from resolvers.grounds import ground_for
from resolvers.inspection import of_import
from resolvers.orphans_told import orphans_by, orphans_of_edition
from service.cli.changes import changes_json
from service.cli.frame import current_user, on_database, today
from service.cli.made import draft_json, draft_view
from service.cli.output import emit, progress, together
from service.cli.reading import describe
from sources.report_words import own_language

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.changes_told import ChangeSet
    from resolvers.importing import Imported
    from resolvers.inspection import Change
    from resolvers.orphans_told import Orphan
    from resolvers.publishing import Published
    from service.cli.reading import Begun
    from service.settings import Settings
    from sources.boundaries import BoundaryFile
    from sources.report_words import Language


class Asked(NamedTuple):
    """What is asked of an import."""

    level: str
    within: str | None
    beside: Sequence[int]
    """Open drafts that it is checked on."""
    dry_run: bool
    publish: bool
    note: str
    effective_on: dt.date | None
    correction: bool


class Done(NamedTuple):
    """What came of an import."""

    read: BoundaryFile
    made: Imported
    published: Published | None
    change: Change | None
    changes: ChangeSet
    left: list[Orphan]
    """Assignments that it leaves without a unit, or would."""


def import_read(begun: Begun, asked: Asked, settings: Settings, *, reported: bool) -> Done:
    """Check a file that is being read, and store and publish it as is asked.

    Parameters
    ----------
    reported
        Whether a report is to be written, which counts what an unpublished draft would change.
    """
    order = publishing.Order(
        current_user(),
        today(settings),
        effective_on=asked.effective_on,
        note=asked.note,
        correction=asked.correction,
    )

    async def work(engine: AsyncEngine) -> Done:
        comparing: list[asyncio.Future[ChangeSet]] = []

        def compare(made: Imported) -> None:
            # Pure work in a thread, while the database writes.
            comparing.append(asyncio.ensure_future(to_thread.run_sync(changes_of_import, made)))

        read = await begun.finish(await ground_for(engine, asked.level, asked.within))
        with progress(f"checking {read.file}"):
            made = await importing.import_boundaries(
                engine,
                read,
                level=asked.level,
                within=asked.within,
                created_by=order.published_by,
                today=order.today,
                together_with=asked.beside,
                dry_run=asked.dry_run,
                publishing=order if asked.publish else None,
                checked=compare,
            )
        if not asked.publish or made.draft is None or not made.checked.report.clean:
            changes, change = await comparing[-1], None
            if reported and made.draft is not None:
                change = await changes_of(engine, made.draft, made.removed)
            left = await orphans_by(engine, changes, today=order.today, base=made.base_edition)
            return Done(read, made, None, change, changes, left)
        with progress("publishing"):
            done = await publishing.publish_imported(engine, made, order)
        left = await _left_behind(engine, done, order.today)
        change = of_published(done, made.removed)
        return Done(read, made, done, change, await comparing[-1], left)

    return on_database(work, settings=settings)


async def _left_behind(engine: AsyncEngine, done: Published, day: dt.date) -> list[Orphan]:
    return await orphans_of_edition(engine, done.edition.number, today=day) if done.new else []


def write(report: Path, done: Done, lang: Language | None, settings: Settings) -> None:
    """Write an import's report."""
    from resolvers.report_files import write_report  # noqa: PLC0415 - seldom asked for

    edition = done.published.edition.number if done.published is not None else None
    inspected = of_import(done.read, done.made, today(settings), done.change, edition)
    inspected = replace(inspected, left=done.left)
    with progress(f"writing {report.name}"):
        write_report(report, inspected, lang or own_language())


def show(done: Done, asked: Asked, *, as_json: bool) -> None:
    """Print what came of an import."""
    told = draft_json(done.made, asked.beside, done.published)
    told["changes"] = changes_json(done.changes, done.left, told["report"])
    shown = [
        describe(done.read),
        *draft_view(done.made, asked.beside, done.published, done.changes, done.left),
    ]
    emit(told, as_json, lambda _: together(*shown))
