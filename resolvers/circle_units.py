"""Circles unit by unit: which grids, communities or compounds are left out most."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from geo.errors import BadInputError
from geo.headcount import Count, Counts, Typical, count_by, typical_by
from resolvers.circle_coverage import check_group, without
from resolvers.city_homes import LevelHomes
from resolvers.held import bytes_of
from resolvers.paging import Page
from resolvers.small_groups import FEWEST, knows_homes, telling_groups
from resolvers.units import json_object
from storage import circle_homes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from resolvers.circle_coverage import CoverageRow
    from resolvers.context import Context
    from resolvers.tree import Tree

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")

_NO_UNIT = -2
"""Is the number of no unit, and not of none either."""

NOBODY = 2.0
"""Stands for the share of a unit in which nobody lives: it comes after all others."""


class UnitCircleRow(NamedTuple):
    """Who of one unit is inside, and how far it is for its households."""

    code: str
    total: Count
    inside: Count
    not_connected: Count
    share: float | None
    nearest: int | None
    """Row of the service point that is the nearest for most of its households."""
    median_s: float | None
    worst_s: float | None

    @property
    def telling_groups(self) -> frozenset[str]:
        """Groups of which the parts would tell of one home."""
        far = without(without(self.total, self.inside), self.not_connected)
        return telling_groups(self.inside, self.not_connected, far)


@dataclass(frozen=True, eq=False)
class UnitCircles:
    """The u units of a level that are asked about, in the order of the answer.

    Attributes
    ----------
    number
        Number of each unit in its level.
    share
        ``NOBODY`` where there is none; with ``number`` the order of the list.
    """

    row: CoverageRow
    level_key: str
    level: LevelHomes
    number: NDArray[np.intp]
    share: NDArray[np.float64]
    total: Counts
    inside: Counts
    not_connected: Counts
    typical: Typical

    def page(self, first: int, after: tuple[float, str] | None) -> Page[UnitCircleRow]:
        """Return a page of the list, lowest share first, then by code.

        Parameters
        ----------
        after
            Share and code of the unit before the page.
        """
        begin = 0
        if after is not None:
            share, code = after
            low, high = (int(np.searchsorted(self.share, share, side)) for side in _SIDES)
            later = bisect_right(self.level.codes, code)  # numbers are in the order of codes
            begin = low + int(np.searchsorted(self.number[low:high], later))
        rows = [self._row(n) for n in range(begin, min(begin + first, len(self.number)))]
        return Page(rows, begin + first < len(self.number))

    def _row(self, at: int) -> UnitCircleRow:
        number = int(self.number[at])
        share = float(self.share[at])
        facility = int(self.typical.commonest[number])
        stored = self.row.city.facilities.row_id
        return UnitCircleRow(
            self.level.codes[number],
            self.total.of(number),
            self.inside.of(number),
            self.not_connected.of(number),
            share if share != NOBODY else None,
            int(stored[facility]) if facility >= 0 else None,
            self._seconds(self.typical.median[number]),
            self._seconds(self.typical.worst[number]),
        )

    def _seconds(self, metres: float) -> float | None:
        return self.row.walk.seconds(float(metres)) if np.isfinite(metres) else None


async def unit_circles(
    context: Context,
    row: CoverageRow,
    level: str,
    *,
    group: str | None = None,
    below: float | None = None,
    properties: Any = None,  # noqa: ANN401 - any JSON value; only an object can be meant
    single_homes: bool = False,
) -> UnitCircles:
    """Return the circles unit by unit, lowest share first.

    Parameters
    ----------
    level
        Of any kind; with ``within`` its own or one below it.
    group
        Whose share is told; the households' without one.
    below
        Keeps the units under that share.
    properties
        Keeps the units whose properties contain this object.
    single_homes
        Whether a group's share is told of units with one single address, and where the asker
        chose kinds and walk, too, whoever asks: otherwise only to editors.

    Raises
    ------
    UnknownError, BadInputError
        If there is no such level or group, or they cannot be meant.
    """
    tree = await context.tree()
    tree.get(level)
    if row.within is not None and row.within.level != level:
        tree.require_above(row.within.level, level, argument="level")
    check_group(row.city, group)
    if below is not None and not 0 <= below <= 1:
        raise BadInputError(f"below is {below:g}; give a share from 0 to 1", argument="below")
    text = json_object(properties)
    standing = row.city.homes.levels.get(level)
    if standing is None:
        nowhere = np.full(len(row.here), -1, np.int32)
        standing = LevelHomes((), np.zeros(0, np.int32), nowhere)
    chosen = _under(row, tree, level, standing)
    if text is not None:
        codes = await context.ask(circle_homes.codes_with, row.city.edition, level, text)
        wanted = frozenset(codes)
        chosen &= np.fromiter((code in wanted for code in standing.codes), bool, len(chosen))

    async def typical() -> Typical:
        return await asyncio.to_thread(_typical, row, standing)

    async def total() -> Counts:
        heads = row.city.homes.heads
        return await asyncio.to_thread(
            count_by, heads, standing.unit, len(standing.codes), row.here
        )

    async def parted() -> _Parts:
        return await asyncio.to_thread(_parts, row, standing)

    hidden = group is not None and not single_homes and not await knows_homes(context)
    cache, name = context.shared.city, (row.near.name, level, row.within)
    usual = await cache.get(("typical", name), typical, bytes_of)
    everyone = await cache.get(("total", row.city.name, level, row.within), total, bytes_of)
    parts = await cache.get(("parts", name, row.walk.metres), parted, bytes_of)
    return await asyncio.to_thread(
        _listed,
        row,
        level,
        standing,
        chosen,
        total=everyone,
        parts=parts,
        typical=usual,
        group=group,
        below=below,
        hide_single=hidden,
        hide_all=hidden and row.chosen,
    )


def _under(row: CoverageRow, tree: Tree, level: str, standing: LevelHomes) -> NDArray[np.bool_]:
    """Return which units of a level are ``within`` or below it, shape (u,)."""
    chosen = np.ones(len(standing.codes), bool)
    if row.within is None:
        return chosen
    levels = row.city.homes.levels
    here, number = standing, np.arange(len(standing.codes), dtype=np.int32)
    for key in tree.upward(level):
        if key == row.within.level:
            wanted = levels[key].number(row.within.code) if key in levels else None
            return np.asarray(number == (wanted if wanted is not None else _NO_UNIT))
        above = np.append(here.parent, np.int32(-1))  # the last is the parent of none
        number = above[number]
        parent = tree.parent(key)
        if parent is None or parent.key not in levels:
            break
        here = levels[parent.key]
    return ~chosen


class _Parts(NamedTuple):
    """Of those asked about, unit by unit."""

    inside: Counts
    not_connected: Counts


def _parts(row: CoverageRow, standing: LevelHomes) -> _Parts:
    heads, units = row.city.homes.heads, len(standing.codes)
    lost = row.near.off_streets() | row.near.cut_off()
    return _Parts(
        count_by(heads, standing.unit, units, row.here & row.inside),
        count_by(heads, standing.unit, units, row.here & lost),
    )


def _typical(row: CoverageRow, standing: LevelHomes) -> Typical:
    return typical_by(
        np.where(row.here, row.near.distance_m, np.inf),
        row.near.facility,
        households=row.city.homes.heads.households,
        unit=standing.unit,
        units=len(standing.codes),
    )


def _listed(
    row: CoverageRow,
    level: str,
    standing: LevelHomes,
    chosen: NDArray[np.bool_],
    *,
    total: Counts,
    parts: _Parts,
    typical: Typical,
    group: str | None,
    below: float | None,
    hide_single: bool,
    hide_all: bool,
) -> UnitCircles:
    inside, not_connected = parts
    everyone = total.column(group)
    share = np.full(len(standing.codes), NOBODY)
    told = (everyone > 0) & (not hide_all)
    if hide_single:  # the share of a group at one address would tell of a home
        told &= (total.addresses != 1) & ~_telling(total, inside, not_connected, group)
    np.divide(inside.column(group), everyone, out=share, where=told)
    if below is not None:
        chosen = chosen & (share < below)
    number = np.flatnonzero(chosen)
    number = number[np.argsort(share[number], kind="stable")]  # units are in order of their codes
    return UnitCircles(
        row, level, standing, number, share[number], total, inside, not_connected, typical
    )


def _telling(total: Counts, inside: Counts, lost: Counts, group: str | None) -> NDArray[np.bool_]:
    """Return which units have a part with so few of a group at one address, shape (u,)."""
    far = (
        total.addresses - inside.addresses - lost.addresses,
        total.column(group) - inside.column(group) - lost.column(group),
    )
    parts = [far, *((part.addresses, part.column(group)) for part in (inside, lost))]
    found = [(addresses == 1) & (people < FEWEST) for addresses, people in parts]
    return np.asarray(np.any(found, axis=0))
