"""Gives rows that could not be taken back as a file, each with its reason."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING

from geo.errors import BadInputError
from sources.list_rows import sent_row
from sources.rosters import SENT_BACK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from resolvers.list_lookup import Reject
    from sources.rosters import Roster

MARK = "\ufeff"
"""Spreadsheets take a text for UTF-8 by its byte-order mark only."""


def rejects_path(file: Path) -> Path:
    """Return where the rejected rows of ``people.xlsx`` go: ``people.rejected.csv`` beside it."""
    return file.with_name(f"{file.stem}.rejected.csv")


def rejects_text(sent: Roster, rejects: Sequence[Reject]) -> str:
    """Return rejected rows as CSV: as they were sent, then the row and the reason.

    Notes
    -----
    Every cell is in quotes and none is altered: the file is to be mended and loaded again. A cell
    that a spreadsheet takes for a formula (``=1+1``) came so from those who sent the list.
    """
    places = {line: place for place, line in enumerate(sent.lines)}
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow([*sent.titles, *SENT_BACK])
    for reject in rejects:
        writer.writerow([*sent_row(sent, places[reject.row]), reject.row, reject.reason])
    return text.getvalue()


def write_rejects(path: Path, sent: Roster, rejects: Sequence[Reject]) -> Path:
    """Write rejected rows to a new file that its owner alone may read.

    Parameters
    ----------
    path
        Its name; where there is a file already, ``-1``, ``-2`` … is put before the ending.

    Returns
    -------
    Path
        The name that it got.

    Raises
    ------
    BadInputError
        If it cannot be written there.
    """
    content = (MARK + rejects_text(sent, rejects)).encode()
    try:
        sink, name = _open_new(path)
        with os.fdopen(sink, "wb") as file:
            file.write(content)
    except OSError as error:
        raise BadInputError(
            f"the rejected rows cannot be written to {path}: {error.strerror or error}; name "
            "another place by --rejected",
            argument="rejected",
        ) from error
    return name


def _open_new(path: Path) -> tuple[int, Path]:
    """Open a file that was not there for writing; people's numbers are in it."""
    name, number = path, 0
    while True:
        try:
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), name
        except FileExistsError:
            number += 1
            name = path.with_stem(f"{path.stem}-{number}")
