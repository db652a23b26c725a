"""The options of commands that read a boundary file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geo.crs import Datum

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", readable=False, help="Boundary file: GeoPackage, Shapefile, GeoJSON, …"
    ),
]
LayerOption = Annotated[str | None, typer.Option(help="Layer of the file, where it has several.")]
EncodingOption = Annotated[str | None, typer.Option(help="Encoding of the file's texts.")]
CrsOption = Annotated[str | None, typer.Option(help="Coordinate system, e.g. EPSG:4547.")]
DatumOption = Annotated[
    Datum | None, typer.Option(case_sensitive=False, help="What the file's degrees refer to.")
]
ColumnsOption = Annotated[
    str, typer.Option(help="Which columns mean what: code=…,name=…,parent=…,households=…,people=…")
]

WithinOption = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Unit above it; LEVEL:CODE where several have that code."),
]

MAX_ID = 2**63 - 1
"""The largest number that the database gives."""
