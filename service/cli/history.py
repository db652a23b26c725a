"""``wangge revert``: an older state of a level comes back as a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from anyio import to_thread

from geo.errors import BadInputError
from resolvers import publishing
from resolvers.changes_compared import changes_of_import
from resolvers.importing import DraftOrder
from resolvers.orphans_told import orphans_by, orphans_of_edition
from resolvers.reverting import revert
from service.cli.changes import changes_json
from service.cli.files import MAX_ID, WithinOption
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.made import draft_json, draft_view
from service.cli.options import CorrectionOption, EffectiveOnOption, NoteOption, parse_day
from service.cli.output import emit, progress, together
from service.errors import ExitCode
from service.settings import read_settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.changes_told import ChangeSet
    from resolvers.importing import Imported
    from resolvers.orphans_told import Orphan
    from resolvers.publishing import Published

MAX_NUMBER = 2**31 - 1
"""Edition numbers are 32-bit integers."""


@app.command("revert")
def revert_level(
    level: Annotated[str, typer.Option(help="Level that is brought back.")],
    to: Annotated[
        int, typer.Option(min=1, max=MAX_NUMBER, help="Number of the edition that it was in.")
    ],
    within: WithinOption = None,
    with_draft: Annotated[
        list[int] | None,
        typer.Option("--with", max=MAX_ID, help="Open draft that it is checked on."),
    ] = None,
    publish: Annotated[
        bool,
        typer.Option("--publish", help="Publish it, with the drafts beside, when it is clean."),
    ] = False,
    note: NoteOption = "",
    effective_on: EffectiveOnOption = None,
    correction: CorrectionOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a draft that brings a level back to what it was in an older edition."""
    if not publish and (note or effective_on is not None or correction):
        raise BadInputError(
            "--note, --effective-on and --correction are said of an edition: give them with "
            "--publish, or to `wangge draft publish`"
        )
    settings = read_settings()
    day = today(settings)
    beside = tuple(dict.fromkeys(with_draft or ()))
    asked = DraftOrder(level, within, current_user(), day, beside)
    order = publishing.Order(
        published_by=current_user(),
        today=day,
        effective_on=parse_day(effective_on),
        note=note,
        correction=correction,
    )

    async def work(
        engine: AsyncEngine,
    ) -> tuple[Imported, ChangeSet, Published | None, list[Orphan]]:
        made = await revert(engine, to, asked)
        changes = await to_thread.run_sync(changes_of_import, made)
        if not publish or made.draft is None or not made.checked.report.clean:
            left = await orphans_by(engine, changes, today=day, base=made.base_edition)
            return made, changes, None, left
        done = await publishing.publish(engine, [*beside, made.draft], order)
        left = []
        if done.new:
            left = await orphans_of_edition(engine, done.edition.number, today=day)
        return made, changes, done, left

    with progress(f"bringing back {level} of edition {to}"):
        made, changes, published, left = on_database(work, settings=settings)
    told = draft_json(made, beside, published)
    told["changes"] = changes_json(changes, left, told["report"])
    shown = draft_view(made, beside, published, changes, left)
    emit(told, as_json, lambda _: together(*shown))
    if not made.checked.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)
