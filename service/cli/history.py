"""``wangge revert``: an older state of a level comes back as a draft."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geo.errors import BadInputError
from resolvers import publishing
from resolvers.importing import DraftOrder
from resolvers.reverting import revert
from service.cli.files import MAX_ID, WithinOption
from service.cli.frame import JsonOption, app, current_user, on_database, today
from service.cli.output import emit, progress, together
from service.cli.publishing import edition_json, say_published
from service.cli.reporting import show_notices, show_report, whole_report_json
from service.errors import ExitCode
from service.settings import read_settings

if TYPE_CHECKING:
    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.importing import Imported
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
    note: Annotated[str, typer.Option(help="What the edition is about.")] = "",
    effective_on: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day on which it stands; else today."),
    ] = None,
    correction: Annotated[
        bool, typer.Option("--correction", help="It mends the newest edition, on the same day.")
    ] = False,
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
        effective_on=effective_on.date() if effective_on is not None else None,
        note=note,
        correction=correction,
    )

    async def work(engine: AsyncEngine) -> tuple[Imported, Published | None]:
        made = await revert(engine, to, asked)
        if not publish or made.draft is None or not made.checked.report.clean:
            return made, None
        return made, await publishing.publish(engine, [*beside, made.draft], order)

    with progress(f"bringing back {level} of edition {to}"):
        made, published = on_database(work, settings=settings)
    emit(_json(made, beside, published), as_json, lambda _: _show(made, published))
    if not made.checked.report.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _json(
    made: Imported, beside: tuple[int, ...], published: Published | None
) -> dict[str, Any]:  # free JSON: the contract's Draft
    within = None
    if made.within is not None:
        within = {"level": {"key": made.within.level}, "code": made.within.code}
    return {
        "id": str(made.draft),
        "status": "PUBLISHED" if published is not None else "OPEN",
        "level": {"key": made.level},
        "within": within,
        "base": {"number": made.base_edition} if made.base_edition is not None else None,
        "with": [{"id": str(number)} for number in beside],
        "publishedAs": edition_json(published.edition) if published is not None else None,
        "source": made.source,
        "removed": list(made.removed),
        "report": whole_report_json(made.checked.report, made.checked.waivers),
    }


def _show(made: Imported, published: Published | None) -> RenderableType:
    notices = [(n["code"], n["message"], n["featureCount"]) for n in made.source["notices"]]
    if published is not None:
        end = say_published(published)
    elif made.checked.report.clean:
        end = f"draft {made.draft} is clean: publish it by `wangge draft publish {made.draft}`"
    else:
        end = f"draft {made.draft} is stored; it cannot be published while findings block it"
    return together(show_notices(notices), show_report(made.checked.report), end)
