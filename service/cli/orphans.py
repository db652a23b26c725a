"""``wangge orphans``: assignments that are left without a unit, and what is proposed for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolvers.context import Context, Shared
from resolvers.orphan_moves import ListedRow, propose
from resolvers.orphans_told import strays
from service.cli.frame import JsonOption, app, on_database, today
from service.cli.options import parse_day
from service.cli.orphan_words import orphans_json, show_orphans
from service.cli.output import emit, together
from service.settings import read_settings
from sources.copying import write_table
from sources.placing import check_place

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rich.console import RenderableType
    from sqlalchemy.ext.asyncio import AsyncEngine

    from resolvers.orphan_moves import Proposal
    from resolvers.orphans_told import Orphan

COLUMNS = ListedRow._fields


@app.command("orphans")
def orphans(
    as_of: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Day that is seen; else today.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT", help="Write what is proposed as a list for `wangge load assignments`."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List assignments whose unit stands no more, and the units that may take them over."""
    if csv is not None:
        check_place(csv)
    settings = read_settings()
    day = parse_day(as_of, argument="asOf") or today(settings)

    async def use(engine: AsyncEngine) -> tuple[list[Orphan], Proposal]:
        context = Context(Shared(engine), today=today(settings))
        found = await strays(context, day)
        return found, await propose(context, found)

    found, proposal = on_database(use, settings=settings)
    if csv is not None:
        columns = zip(*proposal.rows, strict=True) if proposal.rows else ([] for _ in COLUMNS)
        write_table(csv, dict(zip(COLUMNS, map(list, columns), strict=True)))
    told = {"asOf": day.isoformat(), **orphans_json(found), "leftOut": proposal.left_out}
    emit(told, as_json, lambda _: _all(found, proposal, csv, day))


def _all(
    found: Sequence[Orphan], proposal: Proposal, csv: Path | None, day: dt.date
) -> RenderableType:
    if not found:
        return f"every assignment has its unit on {day}"
    said = None
    if csv is not None:
        said = (
            f"{csv.name}: {len(proposal.rows):,} rows; correct them, then run `wangge load "
            f"assignments {csv}`"
        )
    shown = show_orphans(found, happened=True, shown=None, hint=csv is None)
    return together(shown, said, _left_out(proposal.left_out))


def _left_out(count: int) -> str | None:
    if not count:
        return None
    return (
        f"{count:,} of them begin after their unit went, or never had one: no list can say that, "
        "end them by the mutation endAssignment"
    )
