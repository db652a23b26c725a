"""The units that stand on a piece of ground, level by level, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.levels import Tiling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.levels import LevelSpec
    from geo.waivers import WaivedLand


class UnitName(NamedTuple):
    """A unit's lasting name."""

    level: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """n units of one level, in parallel.

    Attributes
    ----------
    row_ids
        Stored row of each unit, shape (n,); 0 for one that is not stored.
    geoms
        MultiPolygons in degrees, rounded to 1e-9, shape (n,).
    codes, names, parent_codes, properties
        Length n.
    """

    row_ids: NDArray[np.int64]
    geoms: NDArray[np.object_]
    codes: Sequence[str]
    names: Sequence[str]
    parent_codes: Sequence[str | None]
    properties: Sequence[dict[str, object]]

    @classmethod
    def none(cls) -> Units:
        """Return no units."""
        return cls(
            row_ids=np.zeros(0, np.int64),
            geoms=np.zeros(0, object),
            codes=(),
            names=(),
            parent_codes=(),
            properties=(),
        )

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Units:
        """Return some of the units."""
        chosen = np.arange(len(self))[which].tolist()
        return Units(
            row_ids=self.row_ids[chosen],
            geoms=self.geoms[chosen],
            codes=[self.codes[i] for i in chosen],
            names=[self.names[i] for i in chosen],
            parent_codes=[self.parent_codes[i] for i in chosen],
            properties=[self.properties[i] for i in chosen],
        )

    def join(self, other: Units) -> Units:
        """Return both, one after the other."""
        return Units(
            row_ids=np.concatenate([self.row_ids, other.row_ids]),
            geoms=np.concatenate([self.geoms, other.geoms]),
            codes=[*self.codes, *other.codes],
            names=[*self.names, *other.names],
            parent_codes=[*self.parent_codes, *other.parent_codes],
            properties=[*self.properties, *other.properties],
        )

    def with_geoms(self, index: NDArray[np.intp], geoms: NDArray[np.object_]) -> Units:
        """Return the units with some polygons exchanged."""
        changed = self.geoms.copy()
        changed[index] = geoms
        return replace(self, geoms=changed)


def other_columns(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the columns in which two rows differ, in order.

    A column that says nothing is as good as none: files of one sender have it or not.
    """
    if one == other:  # nearly all rows
        return ()
    names = sorted(one.keys() | other.keys())
    return tuple(name for name in names if one.get(name) != other.get(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The levels, and the units that stand on a piece of ground.

    Attributes
    ----------
    levels
        All levels, by rank.
    units
        Units by level key; levels without units may be left out.
    outline
        What the topmost level fills, in degrees; None while nothing is published.
    waived
        Land that is blank, doubled or outside here, and was waived when it was published.
    """

    levels: Sequence[LevelSpec]
    units: Mapping[str, Units]
    outline: BaseGeometry | None = None
    waived: Sequence[WaivedLand] = ()

    def level(self, key: str) -> LevelSpec:
        """Return a level by its key."""
        return next(level for level in self.levels if level.key == key)

    def of(self, key: str) -> Units:
        """Return the units of a level."""
        return self.units.get(key, Units.none())

    def children(self, key: str) -> list[LevelSpec]:
        """Return the levels right below one."""
        return [level for level in self.levels if level.parent == key]

    def tiling_keys(self) -> list[str]:
        """Return the levels whose units fill their parents, and that have units here."""
        return [
            level.key
            for level in self.levels
            if level.tiling is Tiling.TILES and len(self.of(level.key))
        ]

    def below(self, top: UnitName, key: str) -> NDArray[np.bool_]:
        """Return which units of a level lie under a unit, or are it; shape (n,)."""
        path = [key]
        while path[-1] != top.level:
            parent = self.level(path[-1]).parent
            if parent is None:
                return np.zeros(len(self.of(key)), bool)
            path.append(parent)
        wanted = {top.code}
        mask = np.array([code in wanted for code in self.of(top.level).codes], bool)
        for level in reversed(path[:-1]):
            units = self.of(level)
            mask = np.array([code in wanted for code in units.parent_codes], bool)
            wanted = {code for code, inside in zip(units.codes, mask, strict=True) if inside}
        return mask

    def with_units(self, changed: Mapping[str, Units]) -> World:
        """Return the world with the units of some levels exchanged."""
        return replace(self, units={**self.units, **changed})
