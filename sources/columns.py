"""Finds out which columns of a table mean what, from their names and values."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError

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


class Table(NamedTuple):
    """Columns of cells, as a reader hands them over."""

    names: Sequence[str]
    """As in the file; a name may be there twice."""
    cells: Sequence[Sequence[object]]
    """One list a column, all of one length."""
    max_name_bytes: int | None = None
    """Longer names were cut by the format (10 bytes in a Shapefile)."""


# The names of codes, names and parents by rank of the hierarchy, best known first. The first
# group of each says nothing of a rank; the others name one, from the lowest upwards. Row numbers
# (OBJECTID, FID) are no codes: every export counts anew.
_CODES = (
    "code 编码 代码 unitcode 单元编码 统一编码 bm dm",
    "gridcode 网格编码 网格代码 wgbm wgdm compoundcode 小区编码 小区代码 xqbm",
    "communitycode 社区编码 社区代码 村编码 村代码 sqbm sqdm cunbm villcode villagecode",
    "subdistrictcode 街道编码 街道代码 乡镇编码 乡镇代码 镇街编码 jdbm jddm xzbm towncode",
    "districtcode 区县编码 区县代码 区编码 区代码 qxbm qxdm countycode",
    "adcode 区划代码 行政区划代码 xzqdm xzqhdm qhdm adcode99 geoid20 geoid10 geoid",
    "precid precinctid",
    "vtdst20 statefips",
    "id gridid 编号 网格编号 wgbh osmid osmwayid uid",
)
_NAMES = (
    "name 名称 unitname 单元名称 全称 mc",
    "gridname 网格名称 网格名 wgmc compoundname 小区名称 小区名 xqmc",
    "communityname 社区名称 社区名 村名 村名称 sqmc cunmc villname villagename",
    "subdistrictname 街道名称 街道名 乡镇名称 镇街名称 jdmc xzmc townname streetname",
    "districtname 区县名称 区名称 qxmc countyname",
    "xzqmc qhmc 区划名称 name20 name10 namelsad20 namelsad10 namelsad statename label title",
)
_PARENTS = (
    "parent parentcode parentid 上级编码 上级代码 上级 父级编码 父编码 所属编码 所属代码 sjbm sjdm"
    " pcode pid"
)
_PARENT_PLACES = "所属社区 所属村 所属街道 所属乡镇 所属镇街 所属区县 所属区"
_HOUSEHOLDS = "households 户数 总户数 家庭户数 household hhs hushu hs"
_PEOPLE = "people 人口 人口数 总人口 人数 常住人口 population pop renkou rks rk"

_RANK_GRID, _RANK_COMMUNITY, _RANK_SUBDISTRICT, _RANK_DISTRICT = 1, 2, 3, 4


def parse_columns(text: str) -> Columns:
    """Read ``code=网格编码,name=MC``.

    Raises
    ------
    BadInputError
        If a key is not known, is there twice, or has no column.
    """
    return Columns(**parse_pairs(text, [field.name for field in fields(Columns)]))


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


def find_columns(table: Table, given: Columns, *, file: str, need_code: bool = True) -> Columns:
    """Find out which columns mean what.

    Parameters
    ----------
    table
        The file's columns and cells.
    given
        What the caller says; it overrides every guess.
    file
        The file's name, for messages.
    need_code
        Whether a file without a column of codes is refused.

    Returns
    -------
    Columns
        Names as they stand in the file.

    Raises
    ------
    BadInputError
        If a given column is not there, no column holds codes, or two could and differ.
    """
    code = named_column(table, given.code, file) or _find_code(table, file)
    if code is None and need_code:
        likely = next((name for name in table.names if _is_unique(table, name)), None)
        raise BadInputError(
            f"{file} has no column of codes that is known by its name; "
            + (f"name it, e.g. --columns code={likely}" if likely else "add one, e.g. 编码"),
            argument="columns",
            hint="code=COLUMN,name=COLUMN,parent=COLUMN",
            options=list(table.names),
        )
    taken = [code]
    parent = named_column(table, given.parent, file) or _find_parent(table, code)
    taken.append(parent)
    name = named_column(table, given.name, file) or _find_ranked(table, _NAMES, code, taken)
    taken.append(name)
    households = named_column(table, given.households, file)
    people = named_column(table, given.people, file)
    return Columns(
        code=code,
        name=name,
        parent=parent,
        households=households or usual_column(table, _HOUSEHOLDS, taken),
        people=people or usual_column(table, _PEOPLE, taken),
    )


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
    found = _matches(table, known, taken)
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
    text = as_text(cell)
    if text is None or isinstance(cell, bool):
        return None
    try:
        number = float(unicodedata.normalize("NFKC", text))
    except ValueError:
        return None
    if not number.is_integer() or not 0 <= number < 2**31:
        return None
    return int(number)


def _find_code(table: Table, file: str) -> str | None:
    """Return the best-known column of codes that is not blank.

    The lowest rank that is named wins: a file of grids names the community of each, too.
    """
    for known in _CODES:
        found = [name for name in _matches(table, known) if not _is_blank(table, name)]
        if not found:
            continue
        first = _texts(table, found[0])
        other = next((name for name in found[1:] if _texts(table, name) != first), None)
        exact = [name for name in found if plain(name) == known.split()[0]]
        if other is not None and len(exact) != 1:
            raise BadInputError(
                f"{file} has two columns that could be the code and differ, {found[0]!r} and "
                f"{other!r}; name the right one, e.g. --columns code={found[0]}",
                argument="columns",
                hint=f"code={found[0]} or code={other}",
                options=[found[0], other],
            )
        return exact[0] if len(exact) == 1 else found[0]
    return None


def _find_parent(table: Table, code: str | None) -> str | None:
    """Return the column of parents: one that says so, or the rank right above the codes'."""
    by_name = usual_column(table, _PARENTS, [code])
    if by_name is not None or code is None:
        return by_name
    for known in _CODES[_RANK_COMMUNITY : _RANK_DISTRICT + 1]:
        for prefix in ("所属", "所在"):
            words = " ".join(prefix + word for word in known.split())
            found = usual_column(table, words, [code])
            if found is not None:
                return found
    rank = _rank_of(table, code)
    spoken = usual_column(table, _PARENT_PLACES, [code])
    if spoken is not None and all(text is None or text.isascii() for text in _texts(table, spoken)):
        return spoken  # 所属社区 holds a name as often as a code; names are not in ASCII
    if rank is None or not _RANK_GRID <= rank < _RANK_DISTRICT:
        return None
    return usual_column(table, _CODES[rank + 1], [code])


def _find_ranked(
    table: Table, known: Sequence[str], code: str | None, taken: Iterable[str | None]
) -> str | None:
    """Return the column of names: any that says just that, else one of the codes' rank."""
    rank = _rank_of(table, code)
    order = [known[0]]
    if rank is not None and 0 < rank < len(known):
        order.append(known[rank])
    order += [words for words in known[1:] if words not in order]
    taken = list(taken)
    return next((name for words in order if (name := usual_column(table, words, taken))), None)


def _rank_of(table: Table, code: str | None) -> int | None:
    if code is None:
        return None
    ranks = (rank for rank, known in enumerate(_CODES) if code in _matches(table, known))
    return next(ranks, None)


def _matches(
    table: Table, known: str | Iterable[str], taken: Iterable[str | None] = ()
) -> list[str]:
    """Return the columns with known names, in the order of those."""
    words = known.split() if isinstance(known, str) else list(known)
    places = _places(words, table.max_name_bytes)
    skip = set(taken)
    found = {
        name: places[plain(name)]
        for name in table.names
        if name not in skip and plain(name) in places
    }
    return sorted(found, key=lambda name: found[name])


def _places(words: Sequence[str], max_bytes: int | None) -> Mapping[str, int]:
    """Return where each known name stands in the list, with its cut forms after all others."""
    places = {plain(word): place for place, word in enumerate(words)}
    if max_bytes is None:
        return places
    for place, word in enumerate(words):
        for codec in ("utf-8", "gb18030"):
            cut = word.encode(codec)[:max_bytes].decode(codec, errors="ignore")
            if cut != word:
                places.setdefault(plain(cut), len(words) + place)
    return places


def _texts(table: Table, name: str) -> list[str | None]:
    return [as_text(cell) for cell in column_cells(table, name)]


def _is_blank(table: Table, name: str) -> bool:
    return all(text is None for text in _texts(table, name))


def _is_unique(table: Table, name: str) -> bool:
    texts = _texts(table, name)
    return None not in texts and len(set(texts)) == len(texts)
