"""Which columns of a table are called what: what the caller names, and what is usual."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from sources.usual_names import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Columns:
    """Which column of a boundary file means what; None where there is none or it is not known."""

    code: str | None = None
    name: str | None = None
    parent: str | None = None
    households: str | None = None
    people: str | None = None


MEANT = tuple(field.name for field in fields(Columns))
"""What a column may mean."""


MAX_COUNT = 2**31
"""Counts are stored in 32 bits."""


class Table(NamedTuple):
    """Columns of cells, as a reader hands them over."""

    names: Sequence[str]
    """As in the file; a name may be there twice."""
    cells: Sequence[Sequence[object]]
    """One list a column, all of one length."""
    max_name_bytes: int | None = None
    """Longer names were cut by the format (10 bytes in a Shapefile)."""


def parse_columns(text: str) -> Columns:
    """Read ``code=网格编码,name=MC``.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    return Columns(**parse_pairs(text, MEANT))


def parse_pairs(text: str, keys: Sequence[str]) -> dict[str, str]:
    """Read ``key=column,key=column`` with the given keys only.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    pairs: dict[str, str] = {}
    for part in text.replace("，", ",").split(","):
        key, equals, column = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if key not in keys:
            problem = f"columns {key!r} is not known; the keys are {', '.join(keys)}"
        elif not equals or not column:
            problem = f"columns {part.strip()!r} names no column; write {key}=COLUMN"
        elif key in pairs:
            problem = f"columns name {key} twice; leave one out"
        else:
            pairs[key] = column
            continue
        raise BadInputError(problem, argument="columns", options=list(keys))
    return pairs


def named_column(table: Table, wanted: str | None, file: str) -> str | None:
    """Return the column that the caller names, as it is spelt in the file; None for None.

    Raises
    ------
    BadInputError
        If there is no such column; the message lists those that are there.
    """
    if wanted is None or wanted in table.names:
        return wanted
    alike = [name for name in table.names if plain(name) == plain(wanted)]
    if len(alike) == 1:
        return alike[0]
    raise BadInputError(
        f"{file} has no column {wanted!r}; it has {', '.join(table.names) or 'none at all'}",
        argument="columns",
        options=list(table.names),
    )


def usual_column(
    table: Table, known: str | Iterable[str], taken: Iterable[str | None] = ()
) -> str | None:
    """Return the first column with one of the known names, best known first; None if none."""
    found = matching_columns(table, known, taken)
    return found[0] if found else None


def column_cells(table: Table, name: str) -> Sequence[object]:
    """Return the cells of a column (of the first one of that name)."""
    return table.cells[list(table.names).index(name)]


def plain(name: str) -> str:
    """Return a name without case, width, spaces and separators, to compare it by."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in text if char.isalnum())


def as_text(cell: object) -> str | None:
    """Return a cell as text: whole numbers without ``.0``, blank as None."""
    if cell is None:
        return None
    if type(cell) is str and cell.isalnum():  # nearly all codes and names
        return cell
    if isinstance(cell, float):
        if math.isnan(cell):
            return None
        return str(int(cell)) if cell.is_integer() else repr(cell)
    text = str(cell).strip().strip("\ufeff\u200b\0")
    return text or None


def as_count(cell: object) -> int | None:
    """Return a cell as a whole number of at least 0; None where it is none.

    Text such as ``"12"`` or ``"12.0"`` counts; blank does not.
    """
    if type(cell) is int:
        return cell if 0 <= cell < MAX_COUNT else None
    text = as_text(cell)
    if text is None or isinstance(cell, bool):
        return None
    try:
        number = float(unicodedata.normalize("NFKC", text))
    except ValueError:
        return None
    if not number.is_integer() or not 0 <= number < MAX_COUNT:
        return None
    return int(number)


def matching_columns(
    table: Table, known: str | Iterable[str], taken: Iterable[str | None] = ()
) -> list[str]:
    """Return the columns with known names, in the order of those.

    Parameters
    ----------
    known
        Names, best known first, as a sequence or separated by blanks.
    taken
        Columns that mean something else already.
    """
    words = tuple(known.split()) if isinstance(known, str) else tuple(known)
    places = _places(words, table.max_name_bytes)
    skip = set(taken)
    found = {
        name: places[plain(name)]
        for name in table.names
        if name not in skip and plain(name) in places
    }
    return sorted(found, key=lambda name: found[name])


@lru_cache(maxsize=256)
def _places(words: tuple[str, ...], max_bytes: int | None) -> Mapping[str, int]:
    """Return where each known name stands in the list, with its cut forms after all others."""
    places = {plain(word): place for place, word in enumerate(words)}
    if max_bytes is None:
        return places
    for place, word in enumerate(words):
        for cut in _cuts(word, max_bytes):
            if cut not in _doubtful(max_bytes):
                places.setdefault(cut, len(words) + place)
    return places


def _cuts(word: str, max_bytes: int) -> set[str]:
    """Return what is left of a name that was cut, in the encodings of Shapefiles."""
    pieces = (
        word.encode(codec)[:max_bytes].decode(codec, errors="ignore")
        for codec in ("utf-8", "gb18030")
    )
    return {plain(piece) for piece in pieces if piece != word}


@lru_cache(maxsize=4)
def _doubtful(max_bytes: int) -> frozenset[str]:
    """Return cut names that may mean two things: 社区居 is of 社区居委会编码 and …名称."""
    cuts = [{cut for word in words for cut in _cuts(word, max_bytes)} for words in MEANINGS]
    return frozenset(
        cut for place, some in enumerate(cuts) for more in cuts[:place] for cut in some & more
    )
