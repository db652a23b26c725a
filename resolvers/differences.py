"""What publishing changes: two worlds compared, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import chains
from geo.changes_land import moved as boundaries_moved
from geo.world import other_columns
from resolvers.naming import search_text
from storage.publishing import NewRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.crs import LocalMetric
    from geo.world import Units, World

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class Row(NamedTuple):
    """One unit that an edition writes."""

    level: str
    units: Units
    """Those that it is one of."""
    place: int
    """Its place among them."""
    base_row: int
    """The stored row that it follows; 0 for a new unit."""
    redrawn: bool
    renamed: bool
    reattributed: bool
    """True where its parent or its other columns changed."""

    @property
    def noded(self) -> bool:
        """True where only vertices were added."""
        changed = self.redrawn or self.renamed or self.reattributed
        return bool(self.base_row) and not changed


class Difference(NamedTuple):
    """What changes from one world to another."""

    rows: list[Row]
    removed: list[int]
    """Stored rows of units that stand no more."""
    levels: list[str]
    """Levels whose units change, other than by nodes."""
    boxes: list[Box]
    """Where anything changes, before and after."""
    parents: dict[str, set[str]]
    """By level: parents that units of it came to, left, or changed under."""

    def base_rows(self) -> list[int]:
        """Return the stored rows that are followed by new ones."""
        return [row.base_row for row in self.rows if row.base_row]


def compare(before: World, after: World, metric: LocalMetric) -> Difference:
    """Compare two worlds on the same ground."""
    found = Difference([], [], [], [], {})
    for level in after.levels:
        old, new = before.of(level.key), after.of(level.key)
        if old is not new:
            _compare_level(level.key, old, new, metric, found)
    return found


def _compare_level(
    level: str, old: Units, new: Units, metric: LocalMetric, found: Difference
) -> None:
    place = {code: i for i, code in enumerate(old.codes)}
    pairs = [(place[code], j) for j, code in enumerate(new.codes) if code in place]
    i = np.array([pair[0] for pair in pairs], np.intp)
    j = np.array([pair[1] for pair in pairs], np.intp)
    other_land = _differs(old.geoms[i], new.geoms[j])
    moved = np.zeros(len(pairs), bool)
    moved[other_land] = boundaries_moved(old.geoms[i[other_land]], new.geoms[j[other_land]], metric)
    changed: list[Row] = []
    former: list[int] = []
    for k, (was, now) in enumerate(pairs):
        renamed = old.names[was] != new.names[now]
        reattributed = _other_attributes(old, was, new, now)
        if renamed or reattributed or other_land[k]:
            row_id = int(old.row_ids[was])
            changed.append(Row(level, new, now, row_id, bool(moved[k]), renamed, reattributed))
            former.append(was)
    known = {now for _, now in pairs}
    added = [index for index in range(len(new)) if index not in known]
    changed.extend(Row(level, new, index, 0, True, True, True) for index in added)
    standing = set(new.codes)
    gone = [index for code, index in place.items() if code not in standing]
    found.removed.extend(old.row_ids[gone].tolist())
    _note(found, level, old, former + gone)
    _note(found, level, new, [row.place for row in changed])
    found.rows.extend(changed)
    if gone or any(not row.noded for row in changed):
        found.levels.append(level)


def _note(found: Difference, level: str, units: Units, which: list[int]) -> None:
    """Note the ground and the parents of units that change."""
    if not which:
        return
    for west, south, east, north in shapely.bounds(units.geoms[which]).tolist():
        found.boxes.append((west, south, east, north))
    parents = {parent for index in which if (parent := units.parent_codes[index]) is not None}
    if parents:
        found.parents.setdefault(level, set()).update(parents)


def _differs(old: NDArray[np.object_], new: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which boundaries differ in any vertex, shape (n,)."""
    other = np.array([a is not b for a, b in zip(old, new, strict=True)], bool)
    out = np.zeros(len(old), bool)
    if other.any():
        out[other] = chains(old[other]) != chains(new[other])
    return out


def _other_attributes(old: Units, was: int, new: Units, now: int) -> bool:
    if old.parent_codes[was] != new.parent_codes[now]:
        return True
    return bool(other_columns(old.properties[was], new.properties[now]))


def new_rows(rows: Sequence[Row], metric: LocalMetric) -> NewRows:
    """Return the rows as storage writes them."""
    geoms = np.empty(len(rows), object)
    geoms[:] = [row.units.geoms[row.place] for row in rows]
    codes = [row.units.codes[row.place] for row in rows]
    names = [row.units.names[row.place] for row in rows]
    return NewRows(
        base_rows=[row.base_row for row in rows],
        levels=[row.level for row in rows],
        codes=codes,
        names=names,
        parent_codes=[row.units.parent_codes[row.place] for row in rows],
        geoms=geoms,
        chain=chains(geoms),
        area_m2=metric.area_m2(geoms),
        properties=[row.units.properties[row.place] for row in rows],
        search_texts=[search_text(*pair) for pair in zip(codes, names, strict=True)],
        redrawn=[row.redrawn for row in rows],
        same_version=[row.noded for row in rows],
    )


def touched_parents(change: Difference, level: str, parent_level: str) -> set[str]:
    """Return codes of parents whose sum over a level an edition may have changed."""
    redrawn = {row.units.codes[row.place] for row in change.rows if row.level == parent_level}
    return redrawn | change.parents.get(level, set())
