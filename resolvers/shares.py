"""How units are divided among those of another level, and which units were there before.

Land
    Between a level and those below it the tree of levels tells the parts, unless land outside the
    parents is waived. Levels side by side, earlier editions and drafts are laid over one another
    in the edition's equal-area metres. Slivers that nodes leave are dropped.

Households
    An address is counted by one unit of a level at most, as its tally does; two units have those
    households in common that both count. So no household is in two shares of a unit.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.errors import LimitExceededError
from geo.levels import Tiling
from geo.shares import common_land, whole
from resolvers.branches import heirs
from resolvers.pictures import metric_of
from storage import families, shares
from storage.engine import as_geoms
from storage.shares import Counting
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resolvers.context import Context
    from resolvers.tree import Tree
    from storage.shares import Homes, Land, LevelState

MAX_SHARES = 1000
"""The most shares of one unit."""
MAX_NEAR = 2 * MAX_SHARES
"""The most units that may touch one: those that only do are no shares."""


class Subject(NamedTuple):
    """A unit that is divided."""

    name: str
    """Its code; the number of its row where it is a draft's."""
    area_m2: float


class ShareRow(NamedTuple):
    """What a unit has in common with another one."""

    code: str
    """Of the other one."""
    edition: int
    """In which the other one stands."""
    area_m2: float
    area_share: float | None
    households: int
    household_share: float | None


class Source(NamedTuple):
    """Where the units that are divided stand: in an edition, or in a draft laid over it."""

    edition: int
    level: str
    in_draft: bool = False


_Homes = dict[str, dict[str | None, int]]
"""Households by unit and by the unit that counts them, too; by None those that none counts."""


class _Parts(NamedTuple):
    """The parts of one unit, before they are shares."""

    edition: int
    """In which the others stand."""
    unit_m2: float
    land_m2: dict[str, float]
    homes: dict[str | None, int]


class _Way:
    """From the level of some units to another one, as the levels stand in an edition."""

    def __init__(self, tree: Tree, states: Iterable[LevelState], source: Source, to: str) -> None:
        self.standing = {state.key for state in states}
        self.source = source
        self.to = to
        self._tree = tree

    def down(self) -> tuple[str, ...] | None:
        """Return the levels below the units' own, to the other one; None where that is above."""
        between = self._tree.between(self.source.level, self.to)
        return (*between, self.to) if between is not None else None

    def up(self) -> tuple[str, ...] | None:
        """Return the levels below the other one, to the units' own; None where that is below."""
        between = self._tree.between(self.to, self.source.level)
        return (*between, self.source.level) if between is not None else None

    def counting(self, level: str) -> Counting:
        """Return how a level counts addresses."""
        if self._tree.get(level).tiling is Tiling.DISJOINT:
            return Counting(level, ())
        return Counting(level, heirs(self._tree.specs, self.standing, level))

    def sums_up(self, lower: str, upper: str) -> bool:
        """Return whether the tally of a level is the sum of a lower one's."""
        return lower in self.counting(upper).down


async def crosswalk(
    context: Context, source: Source, subjects: Sequence[Subject], to: str
) -> dict[Subject, list[ShareRow]]:
    """Return how units of one level are divided among those of a level, largest share first.

    Raises
    ------
    UnknownError
        If there is no such level.
    LimitExceededError
        If a unit is divided among more than ``MAX_SHARES``.
    """
    tree, states = await context.tree(), await _states(context, source.edition)
    way = _Way(tree, states, source, tree.get(to, argument="to").key)
    leaking = {state.key for state in states if state.leaks}
    if to not in way.standing:
        parts: dict[str, _Parts] = {}
    elif source.in_draft:
        parts = await _of_draft(context, way, subjects)
    elif to == source.level:
        parts = await _upwards(context, way, subjects)
    elif (down := way.down()) is not None and not leaking & set(down):
        parts = await _downwards(context, way, down, subjects)
    elif (up := way.up()) is not None and not leaking & set(up):
        parts = await _upwards(context, way, subjects)
    else:
        parts = await _beside(context, way, subjects)
    return {subject: _rows(way, subject, parts.get(subject.name)) for subject in subjects}


async def predecessors(
    context: Context, source: Source, subjects: Sequence[Subject]
) -> dict[Subject, list[ShareRow]]:
    """Return the units of the same level on whose ground units were drawn, largest share first.

    They are those of the edition before the one since which a unit stands as it does; of a
    draft's unit, those of the edition that the draft lies over. Only units that share land count.

    Raises
    ------
    LimitExceededError
        If a unit has more than ``MAX_SHARES``.
    """
    tree, states = await context.tree(), await _states(context, source.edition)
    way = _Way(tree, states, source, source.level)
    if not source.in_draft:
        parts = await _before(context, way, subjects)
    elif source.level in way.standing:
        parts = await _of_draft(context, way, subjects)
    else:
        parts = {}
    return {
        subject: [row for row in _rows(way, subject, parts.get(subject.name)) if row.area_m2 > 0]
        for subject in subjects
    }


async def _states(context: Context, edition: int) -> list[LevelState]:
    return await context.once(
        ("level states", edition), lambda: context.ask(shares.level_states, edition)
    )


# --- the ways ----------------------------------------------------------------------------------


async def _downwards(
    context: Context, way: _Way, path: Sequence[str], subjects: Sequence[Subject]
) -> dict[str, _Parts]:
    """Divide units among those below them: their land and, on one branch, their tallies."""
    edition, level = way.source.edition, way.source.level
    names = [subject.name for subject in subjects]
    below = await context.ask(shares.units_below, edition, level, names, path, limit=MAX_SHARES + 1)
    land: dict[str, dict[str, float]] = {name: {} for name in names}
    for row in below:
        land[row.root][row.code] = row.area_m2
    if way.sums_up(way.to, level):
        homes: _Homes = {name: {} for name in names}
        for row in below:
            homes[row.root][row.code] = row.households
    else:
        homes = await _homes(context, way, names)
    return {
        subject.name: _Parts(
            edition, subject.area_m2, land[subject.name], homes.get(subject.name, {})
        )
        for subject in subjects
    }


async def _upwards(context: Context, way: _Way, subjects: Sequence[Subject]) -> dict[str, _Parts]:
    """Give units to the one above them, or to themselves."""
    edition, level = way.source.edition, way.source.level
    keys = [(level, subject.name) for subject in subjects]
    lines = await context.ask(families.ancestors, edition, keys, wanted=Wanted.TALLY)
    homes: _Homes = {}
    above: dict[str, str] = {}
    for (_, name), line in lines.items():
        for row in line:
            if row.level == way.to:
                above[name] = row.code
                homes[name] = {row.code: line[0].households or 0}
    if not way.sums_up(level, way.to) and level != way.to:
        homes = await _homes(context, way, list(above))
    return {
        subject.name: _Parts(
            edition,
            subject.area_m2,
            {above[subject.name]: subject.area_m2},
            homes.get(subject.name, {}),
        )
        for subject in subjects
        if subject.name in above
    }


async def _beside(context: Context, way: _Way, subjects: Sequence[Subject]) -> dict[str, _Parts]:
    """Lay units over those of another level."""
    edition, level = way.source.edition, way.source.level
    names = [subject.name for subject in subjects]
    lands = await context.ask(
        shares.units_beside, edition, level, names, way.to, limit=MAX_NEAR + 1
    )
    homes = await _homes(context, way, names)
    return await _measured(context, way, subjects, lands, homes)


async def _before(context: Context, way: _Way, subjects: Sequence[Subject]) -> dict[str, _Parts]:
    """Lay units over those that stood before them."""
    edition, level = way.source.edition, way.source.level
    names = [subject.name for subject in subjects]
    lands = await context.ask(shares.units_before, edition, level, names, limit=MAX_NEAR + 1)
    if not lands:
        return {}
    parts = await _measured(context, way, subjects, lands, {})
    pairs = [(name, code) for name, part in parts.items() for code in part.land_m2]
    rows = await context.ask(shares.homes_before, edition, way.counting(level), pairs)
    homes = _by_unit(rows)
    return {name: part._replace(homes=homes.get(name, {})) for name, part in parts.items()}


async def _of_draft(context: Context, way: _Way, subjects: Sequence[Subject]) -> dict[str, _Parts]:
    """Lay a draft's units over those of the edition that it lies over."""
    edition, level = way.source.edition, way.source.level
    rows = [int(subject.name) for subject in subjects]
    lands = await context.ask(shares.draft_units_beside, edition, rows, way.to, limit=MAX_NEAR + 1)
    disjoint = not way.counting(level).down
    homes = await context.ask(
        shares.draft_homes, edition, rows, way.counting(way.to), disjoint=disjoint
    )
    return await _measured(context, way, subjects, lands, _by_unit(homes))


# --- parts and shares --------------------------------------------------------------------------


async def _homes(context: Context, way: _Way, names: Sequence[str]) -> _Homes:
    """Return the households of units that those of the other level count, too."""
    units, others = way.counting(way.source.level), way.counting(way.to)
    return _by_unit(await context.ask(shares.homes, way.source.edition, units, names, others))


def _by_unit(rows: Iterable[Homes]) -> _Homes:
    homes: _Homes = {}
    for row in rows:
        homes.setdefault(row.unit, {})[row.other] = row.households
    return homes


async def _measured(
    context: Context,
    way: _Way,
    subjects: Sequence[Subject],
    lands: Mapping[str, Land],
    homes: _Homes,
) -> dict[str, _Parts]:
    """Measure what units that were read together have in common."""
    names = list(lands)
    for name in names:
        _require_few(way, name, len(lands[name].codes), MAX_NEAR)
    mine = as_geoms([lands[name].wkb for name in names])
    others = as_geoms([wkb for name in names for wkb in lands[name].wkbs])
    counts = [len(lands[name].codes) for name in names]
    owner = np.repeat(np.arange(len(names)), counts)
    metric = await metric_of(context, way.source.edition, mine)
    common = await asyncio.to_thread(common_land, mine, others, owner, metric)
    pieces = np.split(common.common_m2, np.cumsum(counts))[: len(names)]
    parts = {
        subject.name: _Parts(way.source.edition, subject.area_m2, {}, homes.get(subject.name, {}))
        for subject in subjects
    }
    for name, unit_m2, piece in zip(names, common.unit_m2.tolist(), pieces, strict=True):
        land = {
            code: m2 for code, m2 in zip(lands[name].codes, piece.tolist(), strict=True) if m2 > 0
        }
        parts[name] = _Parts(lands[name].edition, unit_m2, land, homes.get(name, {}))
    return parts


def _rows(way: _Way, subject: Subject, parts: _Parts | None) -> list[ShareRow]:
    """Return the shares of a unit, those with most land first."""
    if parts is None:
        return []
    land, homes = parts.land_m2, parts.homes
    of_m2 = whole(parts.unit_m2, sum(land.values()))
    of_homes = sum(homes.values())
    lived_in = [code for code, households in homes.items() if code is not None and households]
    codes = list(dict.fromkeys([*land, *lived_in]))
    _require_few(way, subject.name, len(codes), MAX_SHARES)
    rows = [
        ShareRow(
            code,
            parts.edition,
            land.get(code, 0.0),
            land.get(code, 0.0) / of_m2 if of_m2 > 0 else None,
            homes.get(code, 0),
            homes.get(code, 0) / of_homes if of_homes else None,
        )
        for code in codes
    ]
    return sorted(rows, key=lambda row: (-row.area_m2, -row.households, row.code.encode()))


def _require_few(way: _Way, name: str, count: int, limit: int) -> None:
    if count > limit:
        unit = "a unit of the draft" if way.source.in_draft else f"{way.source.level} {name}"
        raise LimitExceededError(
            f"{unit} is divided among more than {MAX_SHARES} units of level {way.to}; ask for the "
            "shares of the units below it",
            argument="to",
        )
