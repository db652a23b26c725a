"""Takes out of a file's texts what harms those who print, store or compare them, aloud.

A name may hold what moves a terminal's cursor, what turns the reading direction of the line that
quotes it, or a zero byte, which no database takes as text. Markup stays: it is text, and whoever
writes a page escapes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.errors import UnreadableError
from sources.notices import Notice, name_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_VERTICES = 2_000_000
"""Of one geometry. The finest outline of a whole province has fewer; what follows a reading would
need hours for more."""

MAX_FEATURES = 2_000_000
"""Of one file: all grids of the largest province."""

MAX_LABEL = 1_000
"""Characters of a code or a name. More is a text, in a column that was taken for another."""

# Control characters but for tab and line breaks; embedded, overridden and isolated reading
# directions (Unicode Standard Annex 9, table 4), which go on beyond the text that holds them. The
# marks that Arabic and Uyghur names need (U+061C, U+200E, U+200F, the joiners) are none of these.
_HARMFUL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_HALF = re.compile("[\ud800-\udfff]")
"""Half a character: no encoding can write it."""


class HarmlessTable(NamedTuple):
    """Columns of cells without harmful characters, and what is to be said of it."""

    names: list[str]
    cells: list[list[object]]
    notices: tuple[Notice, ...]


def harmless_text(text: str) -> str:
    """Return a text without control characters; half a character becomes U+FFFD."""
    if text.isprintable():
        return text
    return _HALF.sub("\ufffd", _HARMFUL.sub("", text))


def harmless_table(
    names: Sequence[str], cells: Sequence[Sequence[object]], rows: NDArray[np.intp]
) -> HarmlessTable:
    """Clean the names and cells of a table.

    Parameters
    ----------
    names, cells
        Columns, and n cells for each; JSON within a cell is cleaned, too.
    rows
        1-based rows of the file, shape (n,).
    """
    cleaned = [harmless_text(name) for name in names]
    changed: set[int] = set()
    columns = []
    for column in cells:
        if _is_harmless(column):
            columns.append(list(column))
            continue
        fresh = [_harmless(cell) for cell in column]
        changed.update(
            place
            for place, (was, now) in enumerate(zip(column, fresh, strict=True))
            if was is not now
        )
        columns.append(fresh)
    notices = []
    if changed:
        places = name_rows(rows[sorted(changed)])
        message = f"control characters were left out of the texts in {places}"
        notices.append(Notice("CONTROL_CHARACTERS", message, len(changed)))
    renamed = sum(was != now for was, now in zip(names, cleaned, strict=True))
    if renamed:
        message = f"control characters were left out of the names of {renamed} columns"
        notices.append(Notice("CONTROL_CHARACTERS", message, len(rows)))
    return HarmlessTable(cleaned, columns, tuple(notices))


def check_labels(
    labels: Sequence[str | None], meaning: str, rows: NDArray[np.intp], file: str
) -> None:
    """Make sure that no code or name is as long as a book.

    Raises
    ------
    UnreadableError
        If one is; the message names the rows.
    """
    long = [n for n, label in enumerate(labels) if label is not None and len(label) > MAX_LABEL]
    if long:
        raise UnreadableError(
            f"{file} has a {meaning} of {len(labels[long[0]] or ''):,} characters in "
            f"{name_rows(rows[long])}, more than the {MAX_LABEL:,} that one may have; name the "
            f"right column, e.g. --columns {meaning}=COLUMN",
            argument="columns",
        )


def check_count(count: int, file: str) -> None:
    """Make sure that a file has no more features than can be checked.

    Raises
    ------
    UnreadableError
        If it has.
    """
    if count > MAX_FEATURES:
        raise UnreadableError(
            f"{file} has more than the {MAX_FEATURES:,} features that one file may have; send it "
            "in parts"
        )


def check_size(geoms: NDArray[np.object_], rows: NDArray[np.intp], file: str) -> None:
    """Make sure that a file has no more features and vertices than can be checked.

    Raises
    ------
    UnreadableError
        If it has; the message names the rows.
    """
    check_count(len(geoms), file)
    vertices = shapely.get_num_coordinates(geoms)
    large = np.flatnonzero(vertices > MAX_VERTICES)
    if len(large):
        raise UnreadableError(
            f"{file} has a geometry of {vertices[large[0]]:,} vertices in "
            f"{name_rows(rows[large])}, more than the {MAX_VERTICES:,} that one may have; "
            "simplify it or cut it into parts"
        )


def _is_harmless(column: Sequence[object]) -> bool:
    """Return whether a column has nothing to be cleaned, where that is told at a glance."""
    if not _PLAIN.issuperset(map(type, column)):
        return False
    return "".join(cell for cell in column if isinstance(cell, str)).isprintable()


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _harmless(cell: object) -> object:
    """Return a cell without harmful characters: the same object where there are none."""
    if isinstance(cell, str):
        return harmless_text(cell)
    if isinstance(cell, list):
        items = [_harmless(item) for item in cell]
        return items if any(a is not b for a, b in zip(cell, items, strict=True)) else cell
    if isinstance(cell, dict):
        pairs = [(_harmless(key), _harmless(value)) for key, value in cell.items()]
        same = all(k is a and v is b for (k, v), (a, b) in zip(cell.items(), pairs, strict=True))
        return cell if same else dict(pairs)
    return cell
