"""Which unit lies under which: by the column, by the code's prefix and by the place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains, parent_sums
from geo.findings import Finding, Kind, Severity
from geo.layers import NO_PARENT
from geo.validity import areas_only

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.chain import Boundaries
    from geo.layers import Parents


class Family(NamedTuple):
    """Who the parent of each unit is, and where the evidence disagrees."""

    parent_of: NDArray[np.intp]
    """Index of the parent, shape (n,); ``NO_PARENT`` for a unit that touches none."""
    findings: list[Finding]
    by_column: int
    by_code: int
    by_place: int
    other_prefix: tuple[str, ...]
    """Codes that begin like another parent's than the one they lie in."""


def find_parents(
    level: str,
    geoms: NDArray[np.object_],
    codes: Sequence[str | None],
    *,
    named: Sequence[str | None],
    rows: NDArray[np.intp],
    parents: Parents,
    known: Boundaries | None = None,
) -> Family:
    """Find each unit's parent.

    Parameters
    ----------
    level
        Key of the units' level.
    geoms
        Valid polygons in degrees, shape (n,).
    codes, named
        Each unit's own code, and the parent's code that a column names, or None; shape (n,).
    rows
        1-based rows of the file, shape (n,).
    parents
        Those that may be parents.
    known
        What the units' rings say, where that was looked at already: then units that fill their
        parent exactly need no look at the place.

    Returns
    -------
    Family
        A parent that a column names, or else the code's prefix, is taken when the unit lies there
        (the larger part of its land, or a point inside it). Otherwise the place decides, since
        only there the sum can be zero, and WRONG_PARENT says so: blocking for a column, a warning
        for a prefix. A unit that shares no land with any parent is an ORPHAN.
    """
    index = {code: i for i, code in enumerate(parents.codes) if code is not None}
    column = np.array([index.get(code or "", NO_PARENT) for code in named], np.intp)
    # Where every column names a parent nobody asks what a code begins like.
    named_all = bool((column != NO_PARENT).all())
    prefix = np.full(len(codes), NO_PARENT) if named_all else _by_prefix(codes, index)
    said = np.where(column == NO_PARENT, prefix, column)
    there = _fill_theirs(said, known, parents.geoms) if known is not None else said < NO_PARENT
    place = np.where(there, said, NO_PARENT)
    left = np.flatnonzero(~there)
    if len(left):
        place[left] = _by_place(geoms[left], parents.geoms, said[left])
    hints = prefix != NO_PARENT
    if (prefix == place)[hints].sum() * 2 < hints.sum():
        prefix = np.full(len(prefix), NO_PARENT)  # codes that are not built from their parents'
    findings, odd = [], []
    for i in np.flatnonzero((place != column) | (column == NO_PARENT)).tolist():
        unit = _Unit(level, codes[i], named[i], int(rows[i]), geoms[i])
        lies_in, hinted = int(place[i]), int(prefix[i])
        if lies_in == NO_PARENT:
            findings.append(_orphan(unit))
        elif named[i] and named[i] != parents.codes[lies_in]:
            findings.append(_wrong_parent(unit, parents.codes[lies_in], known=named[i] in index))
        elif not named[i] and hinted not in {NO_PARENT, lies_in}:
            findings.append(_other_prefix(unit, parents.codes[lies_in], parents.codes[hinted]))
            odd.append(str(unit))
    return Family(
        place,
        findings,
        by_column=int(((column != NO_PARENT) & (column == place)).sum()),
        by_code=int(((column == NO_PARENT) & (prefix != NO_PARENT) & (prefix == place)).sum()),
        by_place=int(((said == NO_PARENT) & (place != NO_PARENT)).sum()),
        other_prefix=tuple(odd),
    )


def _by_prefix(codes: Sequence[str | None], index: Mapping[str, int]) -> NDArray[np.intp]:
    """Return the parent whose code is the longest proper beginning of each code."""
    lengths = sorted({len(code) for code in index}, reverse=True)
    out = np.full(len(codes), NO_PARENT, np.intp)
    for i, code in enumerate(codes):
        if code is not None:
            heads = (code[:length] for length in lengths if length < len(code))
            out[i] = next((index[head] for head in heads if head in index), NO_PARENT)
    return out


def _fill_theirs(
    said: NDArray[np.intp], known: Boundaries, parents: NDArray[np.object_]
) -> NDArray[np.bool_]:
    """Return which units lie in the parent that is said, since its units fill it exactly."""
    if not len(parents):
        return np.zeros(len(said), bool)
    filled = parent_sums(known.chain, said, chains(parents)) == 0
    filled[said[~known.valid & (said != NO_PARENT)]] = False
    return np.asarray((said != NO_PARENT) & filled[said])


def _by_place(
    geoms: NDArray[np.object_], parents: NDArray[np.object_], said: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the parent that each unit lies in, preferring the one that is said."""
    tree = shapely.STRtree(parents)
    unit, parent = tree.query(shapely.point_on_surface(geoms), predicate="intersects")
    out = np.full(len(geoms), NO_PARENT, np.intp)
    agrees = parent == said[unit]
    out[unit[agrees]] = parent[agrees]
    alone = np.bincount(unit, minlength=len(geoms)) == 1
    silent = alone[unit] & (said[unit] == NO_PARENT)
    out[unit[silent]] = parent[silent]

    doubtful = np.flatnonzero(out == NO_PARENT)
    unit, parent = tree.query(geoms[doubtful], predicate="intersects")
    unit, parent = doubtful[unit], parent.astype(np.intp)
    shared = shapely.area(areas_only(shapely.intersection(geoms[unit], parents[parent])))
    # The last one written wins: the largest share, and of equal ones the parent that comes first.
    order = np.lexsort((-parent, shared))
    order = order[shared[order] > 0]
    out[unit[order]] = parent[order]
    return out


class _Unit(NamedTuple):
    level: str
    code: str | None
    named: str | None
    row: int
    geom: BaseGeometry

    def __str__(self) -> str:
        return self.code or f"row {self.row}"

    def finding(self, kind: Kind, message: str, *, blocking: bool = True) -> Finding:
        return Finding(
            level=self.level,
            kind=kind,
            message=message,
            geometry=shapely.point_on_surface(self.geom),
            units=(self.code,) if self.code else (),
            rows=(self.row,) if self.row > 0 else (),
            severity=Severity.BLOCKING if blocking else Severity.WARNING,
        )


def _orphan(unit: _Unit) -> Finding:
    named = f"; its column names {unit.named}" if unit.named else ""
    return unit.finding(Kind.ORPHAN, f"{unit} lies in no parent{named}")


def _wrong_parent(unit: _Unit, place: str | None, *, known: bool) -> Finding:
    why = "" if known else ", which does not exist"
    return unit.finding(
        Kind.WRONG_PARENT,
        f"{unit} lies in {place or 'the outline'}, but its column names {unit.named}{why}",
    )


def _other_prefix(unit: _Unit, place: str | None, hinted: str | None) -> Finding:
    return unit.finding(
        Kind.WRONG_PARENT,
        f"{unit} lies in {place or 'the outline'}, but its code begins like {hinted}",
        blocking=False,
    )
