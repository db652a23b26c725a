"""The arguments of commands that name a file or a unit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", readable=False, help="Boundary file: GeoPackage, Shapefile, GeoJSON, …"
    ),
]
ParentsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        readable=False,
        help="The parents that it should fill; else its own outline.",
    ),
]
ParentsLayerOption = Annotated[
    str | None, typer.Option(help="Layer of the parents' file, where it has several.")
]
WithinOption = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Unit above it; LEVEL:CODE where several have that code."),
]

MAX_ID = 2**63 - 1
"""The largest number that the database gives."""
