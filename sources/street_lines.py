"""Reads the streets of a layer of lines: any format of boundary files, in any coordinate system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import Plane, round9
from geo.errors import UnreadableError
from sources.columns import Table, as_text, column_cells, usual_column
from sources.coordinates import settle_coordinates
from sources.formats import staged
from sources.harmless import check_size, harmless_table
from sources.layers import LINES, read_layer
from sources.notices import Notice, name_rows
from sources.streets import Tally, make_file
from sources.walkable import CLASS, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.crs import Datum
    from sources.layers import RawLayer
    from sources.streets import StreetFile
    from sources.walkable import Walkable

__all__ = ["read_lines"]

NO_STREET = Verdict(False, "no street of any kind")

_CLASSES = (
    "highway fclass class roadclass roadtype 道路等级 道路类别 道路类型 道路分类 等级 dldj dllb"
)
_NAMES = "name roadname 名称 道路名称 路名 道路名 mc dlmc"
"""Usual names of columns."""

_OTHERS = "other_tags"
"""Column in which GDAL gathers the tags that have none of their own: ``"foot"=>"no","lit"=>"yes"``.
"""

_OTHER = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')

_LINE_TYPES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING)


def read_lines(
    path: Path,
    *,
    walkable: Walkable,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
) -> StreetFile:
    """Read the lines that may be walked.

    Parameters
    ----------
    walkable
        What may be walked; columns are its tags. A layer without a column of kinds is taken whole,
        but for what other columns forbid.
    layer, encoding, crs, datum
        What the caller knows better than the file.

    Raises
    ------
    UnreadableError
        If it cannot be read, holds no line, or has coordinates that are no numbers.
    BadInputError
        If none of its lines may be walked.
    """
    file = path.name
    with staged(path, layer=layer, encoding=encoding) as laid:
        raw = read_layer(laid, file, layer=layer, encoding=encoding, wanted=LINES)
        format_ = laid.format
    check_size(raw.geoms, raw.rows, file)
    geoms, notices = _plain(raw, file)
    settled = settle_coordinates(raw, geoms, file, crs=crs, datum=datum)
    clean = harmless_table(raw.names, raw.cells, raw.rows)
    table = Table(clean.names, clean.cells, raw.max_name_bytes)
    count = len(raw.geoms)
    tags = _tags(table, walkable, count)
    class_column = usual_column(table, _CLASSES)
    kinds, names = tags[CLASS], _texts(table, usual_column(table, _NAMES), count)
    others = _texts(table, usual_column(table, _OTHERS), count)
    tally, walked = _judged(
        tags, others, walkable, settled.geoms, has_class=class_column is not None
    )
    if class_column is None:
        message = "no column (highway, class, fclass) says what a line is; all are walked"
        notices.append(Notice("NO_CLASS", message, count))
    lines, row = shapely.get_parts(settled.geoms[walked], return_index=True)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    plane = Plane.around(
        settled.crs, shapely.total_bounds(settled.geoms).tolist(), datum=settled.datum
    )
    rows = walked[row].tolist()
    return make_file(
        path,
        format=format_,
        start=np.searchsorted(line, np.arange(len(lines) + 1)).astype(np.int64),
        lonlat=round9(plane.to_lonlat(plane.from_file(xy))),
        node=None,
        kinds=[kinds[n] for n in rows],
        names=[names[n] for n in rows],
        tally=tally,
        notices=[*raw.notices, *notices, *settled.notices, *clean.notices],
    )


def _plain(raw: RawLayer, file: str) -> tuple[NDArray[np.object_], list[Notice]]:
    """Return the lines of a layer without heights; None where there is no line.

    Raises
    ------
    UnreadableError
        If there is no line, or a coordinate is not finite; the rows are named.
    """
    geoms = shapely.force_2d(raw.geoms)
    xy, owner = shapely.get_coordinates(geoms, return_index=True)
    wild = np.unique(owner[~np.isfinite(xy).all(axis=1)])
    if len(wild):
        raise UnreadableError(
            f"{file} has coordinates that are no numbers in {name_rows(raw.rows[wild])}; "
            "mend or leave out those features"
        )
    kind = shapely.get_type_id(geoms)
    lines = np.isin(kind, (*_LINE_TYPES, shapely.GeometryType.MULTILINESTRING))
    lines &= ~shapely.is_empty(geoms)
    if not lines.any():
        raise UnreadableError(f"{file} holds no line; send the layer of streets")
    notices = []
    if not lines.all():
        message = f"no line in {name_rows(raw.rows[~lines])}; they were left out"
        notices.append(Notice("WRONG_TYPE", message, int((~lines).sum())))
    kept = geoms.copy()
    kept[~lines] = None
    return kept, notices


def _tags(table: Table, walkable: Walkable, count: int) -> dict[str, list[str | None]]:
    """Return the texts of the columns that stand for tags, each with n of them."""
    columns = {tag: usual_column(table, tag) for tag in walkable.tags}
    columns[CLASS] = usual_column(table, _CLASSES)
    return {
        tag: [text and text.lower() for text in _texts(table, column, count)]
        for tag, column in columns.items()
    }


def _texts(table: Table, column: str | None, count: int) -> list[str | None]:
    if column is None:
        return [None] * count
    return [as_text(cell) for cell in column_cells(table, column)]


def _judged(
    tags: Mapping[str, Sequence[str | None]],
    others: Sequence[str | None],
    walkable: Walkable,
    geoms: NDArray[np.object_],
    *,
    has_class: bool,
) -> tuple[Tally, NDArray[np.intp]]:
    """Return the lines that may be walked, and how many of the others are left out and why."""
    tally, walked = Tally(), []
    for row in np.flatnonzero(~shapely.is_missing(geoms)).tolist():
        told = {key: value.lower() for key, value in _OTHER.findall(others[row] or "")}
        told |= {tag: text for tag, texts in tags.items() if (text := texts[row])}
        # Where others are streets of some kind, a line of none is a river or a railway.
        verdict = NO_STREET if has_class and CLASS not in told else walkable.judge(told)
        tally.add(walk=verdict.walk, reason=verdict.reason)
        if verdict.walk:
            walked.append(row)
    return tally, np.array(walked, dtype=np.intp)
