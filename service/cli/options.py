"""The options by which a caller says what it knows better than a file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from geo.datums import Datum
from geo.errors import BadInputError

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="File to read.")]
LayerOption = Annotated[
    str | None, typer.Option(help="Layer or sheet to read, where a file has several.")
]
EncodingOption = Annotated[
    str | None, typer.Option(help="Encoding of the texts, such as GB18030, instead of a guess.")
]
CrsOption = Annotated[
    str | None,
    typer.Option("--crs", help="Coordinate system of the file, such as EPSG:4523."),
]
DatumOption = Annotated[
    Datum | None,
    typer.Option(help="What the degrees are shifted by, such as GCJ02."),
]
EffectiveOnOption = Annotated[
    str | None,
    typer.Option(
        "--effective-on",
        metavar="YYYY-MM-DD",
        help="First day of the new edition; today unless given.",
    ),
]
CorrectionOption = Annotated[
    bool, typer.Option("--correction", help="It mends the newest edition, on the same day.")
]

NoteOption = Annotated[str, typer.Option(help="What the edition is about.")]


def parse_day(given: str | None, *, argument: str = "effectiveOn") -> dt.date | None:
    """Read a day as the options take it.

    Raises
    ------
    BadInputError
        If it is no day of the calendar.
    """
    if given is None:
        return None
    try:
        return dt.datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise BadInputError(
            f"{given!r} is no day; write it as 2026-01-31", argument=argument
        ) from None
