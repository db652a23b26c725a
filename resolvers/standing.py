"""The units of an edition in memory: an edition never changes, so neither do they.

What is asked of them is answered as the database would; where that is not certain, nothing is
said, and the database is asked.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import defaultdict
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import shapely
from sqlalchemy.exc import SQLAlchemyError

from geo.errors import WanggeError
from geo.inside import NONE, UNSURE, Polygons
from resolvers.held import set_aside
from resolvers.place_codes import OUTSIDE, Codes, PlaceCodeRow
from storage.editions import EditionRow
from storage.engine import as_geoms
from storage.places import Hit
from storage.standing import READ, standing, stored_bytes, waived_levels

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from resolvers.context import Context
    from storage.units import UnitFilter, UnitRow, Wanted

T = TypeVar("T")

LOG = logging.getLogger("wangge.standing")

NEAR_DEG = 2e-9
"""Points that are no farther from a border are left to the database: some 0.2 mm."""

_TIMES = 5
"""A unit takes so many times the bytes of its stored shape: text, rings and an index."""

_ROW_BYTES = 5_000
"""What a unit takes beside that: its row, what answers show of it, and its squares of a board."""

MOST_CHOICES = 20_000
"""What was chosen of the units that touch a point is kept for so many of them."""


class Level:
    """The units of one level, by code.

    Parameters
    ----------
    rows
        Read as ``storage.standing`` does.
    shapes
        Their polygons, shape (n,).
    """

    def __init__(self, rows: list[UnitRow], shapes: NDArray[np.object_]) -> None:
        self.rows = rows
        self.codes = [row.code for row in rows]
        self.by_code = dict(zip(self.codes, rows, strict=True))
        self.land = Polygons(shapes, near=NEAR_DEG)
        # the last is for a point in no unit, whose place is -1
        self.answers = [PlaceCodeRow(code, on_border=False, reason=None) for code in self.codes]
        self.answers.append(OUTSIDE)
        self.shown: dict[Any, list[Any]] = {}
        self.hits = [(Hit(row.level, row.code, row.parent_code, border=False),) for row in rows]

    @cached_property
    def below(self) -> Mapping[str, list[UnitRow]]:
        """The units by the code of the one above."""
        found: defaultdict[str, list[UnitRow]] = defaultdict(list)
        for row in self.rows:
            if row.parent_code is not None:
                found[row.parent_code].append(row)
        return found


class Only(NamedTuple):
    """The only unit of a level that each of n points is inside of."""

    answers: list[PlaceCodeRow]
    """One for each point."""
    unsure: NDArray[np.bool_]
    """Points near a border or in several units, whose answers mean nothing, shape (n,)."""


class Standing:
    """The units of an edition.

    Parameters
    ----------
    levels
        By key; a level without units may be absent.
    weight
        Bytes that all this takes.
    waived
        The levels on which there is waived land.
    """

    def __init__(
        self, levels: Mapping[str, Level], weight: int, waived: frozenset[str] = frozenset()
    ) -> None:
        self._levels = levels
        self.waived = waived
        self.weight = weight
        self._shown: dict[int, Any] = {}
        self._choices: dict[Hashable, Any] = {}

    def shown(self, rows: Iterable[UnitRow], show: Callable[[UnitRow], T]) -> list[T]:
        """Return what answers show of units; of those that are held, it is made once for all.

        Parameters
        ----------
        show
            Makes the same of a row whenever it is called.
        """
        kept = self._shown  # by id of the row: those of rows that are held are nobody else's
        found = []
        for row in rows:
            one: T | None = kept.get(id(row))
            if one is None:
                one = show(row)
                if self._one(row.level, row.code) is row:
                    kept[id(row)] = one
            found.append(one)
        return found

    def by_keys(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], UnitRow]:
        """Return the units of the given (level, code); as ``storage.units.by_codes``."""
        found = {}
        for level, code in keys:
            row = self._one(level, code)
            if row is not None:
                found[level, code] = row
        return found

    def _one(self, level: str, code: str) -> UnitRow | None:
        there = self._levels.get(level)
        return there.by_code.get(code) if there is not None else None

    def matching(self, which: UnitFilter) -> list[UnitRow]:
        """Return the units that a filter without search and properties finds, by code."""
        level = self._levels.get(which.level)
        if level is None:
            return []
        rows = level.rows
        if which.areas is not None:
            areas = shapely.from_wkt(list(which.areas))
            near = level.land.tree.query(areas, predicate="intersects")[1]
            rows = [rows[at] for at in np.unique(near).tolist()]
        if which.codes is not None:
            codes = set(which.codes)
            rows = [row for row in rows if row.code in codes]
        if which.within is not None:
            parents = self._down([which.within], which.through)
            rows = [row for row in rows if row.parent_code in parents]
        return rows

    def _down(self, codes: Iterable[str], through: Sequence[str]) -> set[str]:
        """Return the codes of the last level below some, or these."""
        found = set(codes)
        for key in through:
            level = self._levels.get(key)
            below = level.below if level is not None else {}
            found = {row.code for code in found for row in below.get(code, ())}
        return found

    def children(
        self, roots: Iterable[str], through: Sequence[str], levels: Sequence[str]
    ) -> dict[str, list[UnitRow]]:
        """Return the units of some levels under each of many, by code and level."""
        found = {}
        for root in roots:
            parents = self._down([root], through)
            rows = [
                row
                for key in levels
                if key in self._levels
                for parent in parents
                for row in self._levels[key].below.get(parent, ())
            ]
            if len(levels) > 1 or len(parents) > 1:
                rows.sort(key=lambda row: (row.code, row.level))
            found[root] = rows
        return found

    def touching(self, lon: float, lat: float) -> list[UnitRow] | None:
        """Return the units of all levels that a point is inside of, by code; None near a border."""
        found: list[UnitRow] = []
        for level in self._levels.values():
            there = level.land.around(lon, lat)
            if there is None:
                return None
            found += [level.rows[at] for at in there]
        return _by_code(found)

    def choice(
        self, lon: float, lat: float, way: Hashable, choose: Callable[[list[UnitRow]], T]
    ) -> T | None:
        """Return what is chosen of the units of all levels that a point is inside of.

        Parameters
        ----------
        way
            How is chosen: it is done once for all points that are inside of the same units.

        Returns
        -------
        object or None
            None where squares do not tell at once, see :meth:`touching`.
        """
        units = [level.land.at_once(lon, lat) for level in self._levels.values()]
        key = way, *units
        chosen: T | None = self._choices.get(key)
        if chosen is not None or UNSURE in units:
            return chosen
        told = zip(self._levels.values(), units, strict=True)
        chosen = choose(_by_code([level.rows[at] for level, at in told if at != NONE]))
        if len(self._choices) >= MOST_CHOICES:
            self._choices.clear()
        self._choices[key] = chosen
        return chosen

    def codes(self, level: str, lonlat: NDArray[np.float64]) -> Codes | None:
        """Return the same as :meth:`only`; None, too, where that is unsure of any point."""
        there = self._levels.get(level)
        if there is None:
            return None
        unit = there.land.single(lonlat)
        if (unit == UNSURE).any():
            return None
        return Codes(there.answers, unit.tolist(), there.shown)

    def only(self, level: str, lonlat: NDArray[np.float64]) -> Only | None:
        """Return the units of one level that points are inside of; None where it has no units.

        Parameters
        ----------
        lonlat
            Degrees, shape (n, 2).
        """
        there = self._levels.get(level)
        if there is None:
            return None
        unit = there.land.single(lonlat)
        answers = there.answers
        return Only([answers[at] for at in unit.tolist()], unit == UNSURE)

    def touching_many(
        self, lonlat: NDArray[np.float64], levels: Sequence[str]
    ) -> tuple[list[Sequence[Hit]], NDArray[np.bool_]]:
        """Return what each point is inside of, by code, and which points the database must place.

        Parameters
        ----------
        lonlat
            Degrees, shape (n, 2).
        levels
            Those to look at.
        """
        found: list[Sequence[Hit]] = [()] * len(lonlat)
        unsure = np.zeros(len(lonlat), bool)
        for key in levels:
            level = self._levels.get(key)
            if level is None:
                continue
            point, unit, near = level.land.holding(lonlat)
            unsure |= near
            for n, at in zip(point.tolist(), unit.tolist(), strict=True):
                found[n] = (
                    sorted((*found[n], *level.hits[at]), key=_code) if found[n] else level.hits[at]
                )
        return found, unsure


def _by_code(rows: list[UnitRow]) -> list[UnitRow]:
    return sorted(rows, key=lambda row: row.code)


def _code(hit: Hit) -> str:
    return hit.code


def page_of(rows: list[UnitRow], *, first: int, after: str | None) -> list[UnitRow]:
    """Return up to ``first`` of rows by code, after a code."""
    start = bisect_right(rows, after, key=lambda row: row.code) if after is not None else 0
    return rows[start : start + first]


def held(context: Context, edition: int, wanted: Wanted) -> Standing | None:
    """Return the units of an edition where they are held with all that is wanted.

    Those of today's edition are fetched for those who come later; who asks now does not wait.
    """
    shared = context.shared
    if not shared.holds or (wanted and wanted & ~READ):
        return None
    found: Standing | None = shared.standing.peek(edition)
    if found is not None:
        return found if found.weight else None
    today: object = shared.known.look(("edition", context.today))
    of_today = isinstance(today, EditionRow) and today.number == edition
    if of_today and not shared.standing.is_coming(edition):
        task = asyncio.ensure_future(_come(context, edition))
        shared.asked.add(task)
        task.add_done_callback(shared.asked.discard)
    return None


async def _come(context: Context, edition: int) -> None:
    """Hold the units of an edition from now on; who asks can do without."""
    try:
        await context.shared.standing.get(
            edition, lambda: _fetch(context, edition), lambda one: one.weight
        )
        set_aside()
    except (SQLAlchemyError, WanggeError) as error:
        LOG.warning("units of edition %d are not held: %s", edition, error)


async def _fetch(context: Context, edition: int) -> Standing:
    """Read the units of an edition; none where they would take too much."""
    count, stored = await context.ask(stored_bytes, edition)
    weight = count * _ROW_BYTES + stored * _TIMES
    if not count or weight > context.shared.standing.room:
        return Standing({}, 0)
    rows: defaultdict[str, list[UnitRow]] = defaultdict(list)
    shapes: defaultdict[str, list[NDArray[np.object_]]] = defaultdict(list)
    async with (
        context.shared.engine.connect() as connection,
        aclosing(standing(connection, edition)) as drawn,
    ):
        async for some in drawn:
            rows[some.level] += some.rows
            shapes[some.level].append(await asyncio.to_thread(as_geoms, some.wkb))

    def make() -> dict[str, Level]:
        return {key: Level(some, np.concatenate(shapes[key])) for key, some in rows.items()}

    waived = await context.ask(waived_levels, edition)
    return Standing(await asyncio.to_thread(make), weight, waived)
