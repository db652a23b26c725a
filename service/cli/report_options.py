"""The options of commands that write a report; apart from it, as it takes long to load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sources.report_words import Language

ReportOption = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT",
        help="Write a report: .html is a page to read, .gpkg has a layer a kind, .geojson and the "
        "other endings of exports make one layer.",
    ),
]
LangOption = Annotated[
    Language | None,
    typer.Option(case_sensitive=False, help="Language of the report; else as LANG says."),
]
