"""Waived land around a file that is checked: what takes part in the noding, and what is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.chain import chains

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.levels import LevelSpec
    from geo.mesh import Noded
    from geo.waivers import WaivedLand
    from geo.world import World


class Below(NamedTuple):
    """k pieces of waived land of the level below a file's, in the sums of the file's units."""

    polygon: NDArray[np.intp]
    """Which polygons of the noding they are, shape (k,)."""
    unit: NDArray[np.intp]
    """In which of the file's units they lie, shape (k,)."""
    times: NDArray[np.int64]
    """How often each counts, shape (k,)."""


def judge_of(
    world: World, level: LevelSpec, own: Collection[str | None], parents: Collection[str]
) -> Callable[[WaivedLand], bool]:
    """Return what says whether the check of a level finds a piece of waived land again.

    Parameters
    ----------
    own
        Codes of the units that stood, or stand now, on the file's ground.
    parents
        Codes of the units that they lie under.

    Notes
    -----
    The check of a level judges its own land in these parents, and that of the levels right below
    in these units. Land that units of several parents claim has no parent: it is judged where
    the file has one of them, or all of those below.
    """
    below = {child.key: _codes_below(world, child.key, own) for child in world.children(level.key)}

    def judged(land: WaivedLand) -> bool:
        if land.level == level.key:
            if level.parent is None or land.parent is not None:
                return level.parent is None or land.parent in parents
            return any(unit in own for unit in land.units)
        if land.parent is not None:
            return land.level in below and land.parent in own
        return below.get(land.level, set()).issuperset(land.units)

    return judged


def _codes_below(world: World, level: str, own: Collection[str | None]) -> set[str]:
    units = world.of(level)
    return {code for code, up in zip(units.codes, units.parent_codes, strict=True) if up in own}


def waived_around(world: World, level: str, judged: Callable[[WaivedLand], bool]) -> list[int]:
    """Return which waived land takes part in the noding of a level's file.

    That of the file's own ground does not: the file may fill it or draw it anew, and its vertices
    are those of the units that stood around it.
    """
    return [i for i, land in enumerate(world.waived) if land.level != level or not judged(land)]


def waived_below(
    waived: Sequence[WaivedLand],
    level: str,
    units: Mapping[str | None, int],
    polygons: Mapping[int, int],
) -> Below:
    """Return the waived land of a level in the sums of the units above it.

    Parameters
    ----------
    units
        By code: which unit of the file.
    polygons
        By its place in ``waived``: which polygon of the noding.
    """
    known = [
        (polygon, units[waived[i].parent], waived[i].times)
        for i, polygon in polygons.items()
        if waived[i].level == level and waived[i].parent in units
    ]
    polygon, unit, times = np.array(known, np.int64).reshape(-1, 3).T
    return Below(polygon.astype(np.intp), unit.astype(np.intp), times)


def geometries(lands: Sequence[WaivedLand]) -> NDArray[np.object_]:
    """Return the polygons of waived land, shape (n,)."""
    geoms = np.empty(len(lands), object)
    geoms[:] = [land.geometry for land in lands]
    return geoms


def receive_nodes(
    waived: Sequence[WaivedLand], lands: Sequence[int], noded: Noded, first: int
) -> Sequence[WaivedLand]:
    """Return the waived land with the vertices that some of it received.

    Parameters
    ----------
    lands
        Which of it took part.
    noded
        What noding made of it.
    first
        The number of the first among the stored polygons.
    """
    place = noded.stored_index - first
    mine = np.flatnonzero((place >= 0) & (place < len(lands)))
    if not len(mine):
        return waived
    drawn = noded.stored[mine]
    changed = list(waived)
    for k, geometry, chain in zip(place[mine], drawn, chains(drawn).tolist(), strict=True):
        changed[lands[k]] = replace(waived[lands[k]], geometry=geometry, chain=chain)
    return tuple(changed)
