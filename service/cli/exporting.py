"""``wangge export`` and ``wangge audit``: what is published, written out and proven again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resolvers.auditing import Audit, audit
from resolvers.exporting import read_level
from service.cli.files import WithinOption
from service.cli.frame import JsonOption, app, on_database
from service.cli.output import emit, progress, table, together
from service.errors import ExitCode
from sources.writing import check_target, write_units

if TYPE_CHECKING:
    from rich.console import RenderableType


@app.command("export")
def export(
    level: Annotated[str, typer.Option(help="Level to write.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="File to write; its name says how.")
    ],
    edition: Annotated[int | None, typer.Option(help="Edition; the newest by default.")] = None,
    within: WithinOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a level of an edition to OUT, with the coordinates that carry the proof."""
    check_target(out)
    with progress(f"writing {out.name}"):
        rows = on_database(lambda e: read_level(e, level, edition=edition, within=within))
        write_units(out, level=level, rows=rows)
    answer = {"file": str(out), "level": level, "units": len(rows)}
    emit(answer, as_json, lambda _: f"{len(rows)} units of {level} in {out}")


@app.command("audit")
def audit_edition(
    edition: Annotated[int | None, typer.Option(help="Edition; the newest by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out an edition anew from what is stored: land, proofs, addresses, households."""
    with progress("auditing, units") as advance:
        found = on_database(lambda engine: audit(engine, edition, advance))
    answer = {
        "edition": found.edition,
        "clean": found.clean,
        "levels": [level._asdict() for level in found.levels],
        "addresses": found.addresses,
        "differences": [difference._asdict() for difference in found.differences],
    }
    emit(
        answer,
        as_json,
        lambda _: together(
            table(
                ["level", "units", "parents", "proven"],
                found.levels,
                title=f"edition {found.edition}: {'as proven' if found.clean else 'not as proven'}",
            ),
            _differences(found) if found.differences else _addresses(found),
        ),
    )
    if not found.clean:
        raise typer.Exit(ExitCode.FINDINGS)


def _addresses(found: Audit) -> str | None:
    """Say that the addresses are where they should be; nothing where there are none."""
    if not found.addresses:
        return None
    return f"{found.addresses:,} addresses lie and count where it is written down"


def _differences(found: Audit) -> RenderableType:
    return table(["differs", "what"], [[d.code, d.message] for d in found.differences])
