"""Where the addresses of an edition lie, and what its units count, worked out once more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.crs import round9
from geo.levels import Tiling
from geo.locate import NOWHERE
from geo.membership import Membership
from resolvers.audit_report import Difference
from resolvers.branches import branches, heir
from storage import auditing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.levels import LevelSpec
    from resolvers.audit_land import Piece, Standing
    from resolvers.audit_report import Edition, Findings
    from storage.auditing import AddressAt, PlaceAt, TallyAt

NO_ROW = -2
"""For an address and a level: nothing is written down."""


class Addresses(NamedTuple):
    """The addresses of an edition, in parallel."""

    row_ids: NDArray[np.int64]
    keys: list[str]
    lonlat: NDArray[np.float64]
    """Degrees, shape (n, 2)."""
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: dict[int, dict[str, int]]
    """By the address's place in the list, where it has any."""
    compound_codes: list[str | None]


class Count(NamedTuple):
    """What the m units of a level count."""

    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: dict[int, Counter[str]]
    """By the unit's number, where it has any."""

    @classmethod
    def none(cls, units: int) -> Count:
        """Return no households."""
        return cls(np.zeros(units, np.int64), np.zeros(units, np.int64), {})


async def read_addresses(
    connection: AsyncConnection, edition: int, findings: Findings
) -> Addresses:
    """Read all addresses, and say which do not lie on the grid of nine decimals."""
    ids: list[int] = []
    keys: list[str] = []
    lonlat: list[tuple[float, float]] = []
    numbers: list[tuple[int, int]] = []
    groups: dict[int, dict[str, int]] = {}
    named: list[str | None] = []

    def keep(row: AddressAt) -> None:
        if row.groups:
            groups[len(ids)] = row.groups
        ids.append(row.row_id)
        keys.append(row.key)
        lonlat.append((row.lon, row.lat))
        numbers.append((row.households, row.people))
        named.append(row.compound_code)

    await auditing.read_addresses(connection, edition, keep)
    places = np.array(lonlat, np.float64).reshape(-1, 2)
    counts = np.array(numbers, np.int64).reshape(-1, 2)
    for i in np.flatnonzero((round9(places) != places).any(axis=1)).tolist():
        said = f"address {keys[i]}: its coordinates have more than nine decimals"
        findings.add(Difference("GRID", None, None, said, keys[i]))
    return Addresses(
        np.array(ids, np.int64), keys, places, counts[:, 0], counts[:, 1], groups, named
    )


class Homes:
    """Places and tallies, while the levels of an edition come by from the lowest up.

    Parameters
    ----------
    standing
        Levels on which units stand.
    """

    def __init__(
        self, specs: Sequence[LevelSpec], standing: Collection[str], addresses: Addresses
    ) -> None:
        self.addresses = addresses
        self._specs = specs
        self._standing = standing
        self._branches = branches(specs, standing)
        self._points = shapely.STRtree(np.asarray(shapely.points(addresses.lonlat)))
        self._at: dict[str, Membership] = {}
        self._forked: dict[str, set[str | None]] = {}

    def begin(self, level: str) -> None:
        """Make ready for the units of a level."""
        self._at[level] = Membership(self._points)

    def take(self, level: str, piece: Piece) -> None:
        """Look which addresses lie in units of a level on which none of its heir stand."""
        below = heir(self._specs, self._standing, level)
        forked = self._forked.get(below, set()) if below is not None else set()
        leaf = np.array([row.code not in forked for row in piece.rows], bool)
        self._at[level].take(piece.geoms[leaf], piece.numbers[leaf])

    def end(self, level: str, units: Standing) -> None:
        """Remember which units above have units of this level."""
        self._forked[level] = set(units.parent_codes)

    # --- places ------------------------------------------------------------------------------

    def places(self) -> dict[str, NDArray[np.intp]]:
        """Return, by tiling level, the number of the unit that should be written down.

        Shape (n,); ``NOWHERE`` where it should be said that there is none, ``NO_ROW`` where
        nothing should be said.
        """
        found: dict[str, NDArray[np.intp]] = {}
        for branch in self._branches:
            free = np.ones(len(self.addresses.keys), bool)
            for level in reversed(branch):
                unit = self._at[level].unit
                here = free & (unit != NOWHERE)
                missing = NOWHERE if level == branch[-1] else NO_ROW
                found[level] = np.where(here, unit, missing)
                free &= ~here
        return found

    # --- tallies -----------------------------------------------------------------------------

    def counts(
        self, places: Mapping[str, NDArray[np.intp]], levels: Mapping[str, Standing]
    ) -> dict[str, Count]:
        """Return what the units of every level should count."""
        found: dict[str, Count] = {}
        for branch in self._branches:
            below: str | None = None
            for level in reversed(branch):
                found[level] = self._count(places[level], len(levels[level].codes))
                if below is not None:
                    _sum_up(found[below], levels[below], found[level], levels[level])
                below = level
        for spec in self._specs:
            if spec.tiling is Tiling.DISJOINT and spec.key in self._standing:
                unit = self._named_or_touching(spec.key, levels[spec.key])
                found[spec.key] = self._count(unit, len(levels[spec.key].codes))
        return found

    def _named_or_touching(self, level: str, units: Standing) -> NDArray[np.intp]:
        index = {code: i for i, code in enumerate(units.codes)}
        named = [index.get(code or "", NOWHERE) for code in self.addresses.compound_codes]
        name = np.array(named, np.intp)
        return np.where(name != NOWHERE, name, self._at[level].unit)

    def _count(self, unit: NDArray[np.intp], units: int) -> Count:
        count = Count.none(units)
        there = np.flatnonzero(unit >= 0)
        np.add.at(count.households, unit[there], self.addresses.households[there])
        np.add.at(count.people, unit[there], self.addresses.people[there])
        for i, groups in self.addresses.groups.items():
            if unit[i] >= 0:
                count.groups.setdefault(int(unit[i]), Counter()).update(groups)
        return count


def _sum_up(lower: Count, below: Standing, upper: Count, above: Standing) -> None:
    """Add what the units of a level count to those above them."""
    index = {code: i for i, code in enumerate(above.codes)}
    parent = np.array([index.get(code or "", NOWHERE) for code in below.parent_codes], np.intp)
    known = np.flatnonzero(parent != NOWHERE)
    np.add.at(upper.households, parent[known], lower.households[known])
    np.add.at(upper.people, parent[known], lower.people[known])
    for i, groups in lower.groups.items():
        if parent[i] != NOWHERE:
            upper.groups.setdefault(int(parent[i]), Counter()).update(groups)


# --- against what is stored ----------------------------------------------------------------------


async def check_places(
    edition: Edition,
    addresses: Addresses,
    expected: Mapping[str, NDArray[np.intp]],
    levels: Mapping[str, Standing],
) -> None:
    """Say which addresses are written down elsewhere than they lie, twice or not at all."""
    number = {row_id: i for i, row_id in enumerate(addresses.row_ids.tolist())}
    codes = {level: levels[level].codes for level in expected}
    seen = {level: np.zeros(len(addresses.keys), bool) for level in expected}

    def check(row: PlaceAt) -> None:
        i = number.get(row.address_row)
        if i is None or row.level not in expected:
            _tell_place(edition.findings, row.key, row.level, f"in {row.level} {row.code}", None)
            return
        unit = int(expected[row.level][i])
        seen[row.level][i] = True
        truth = codes[row.level][unit] if unit >= 0 else None
        if unit == NO_ROW or truth != row.code:
            lies = f"in {truth}" if truth is not None else f"in no {row.level} that counts it"
            _tell_place(edition.findings, row.key, row.level, f"in {row.level} {row.code}", lies)

    await auditing.read_places(edition.connection, edition.number, check)
    for level, units in expected.items():
        for i in np.flatnonzero(~seen[level] & (units != NO_ROW)).tolist():
            lies = f"in {codes[level][units[i]]}" if units[i] >= 0 else f"in no {level}"
            _tell_place(edition.findings, addresses.keys[i], level, f"for {level} nowhere", lies)


def _tell_place(findings: Findings, key: str, level: str, said: str, lies: str | None) -> None:
    truth = f"but lies {lies}" if lies is not None else "but nothing of it stands"
    message = f"address {key}: it is written down {said}, {truth}"
    findings.add(Difference("PLACE", level, None, message, key))


async def check_tallies(
    edition: Edition, expected: Mapping[str, Count], levels: Mapping[str, Standing]
) -> None:
    """Say which units are said to count others than those who live there."""
    number = {level: {code: i for i, code in enumerate(levels[level].codes)} for level in expected}
    seen = {level: np.zeros(len(levels[level].codes), bool) for level in expected}

    def check(row: TallyAt) -> None:
        i = number.get(row.level, {}).get(row.code)
        if i is None:
            _tell_tally(edition.findings, row.level, row.code, _said(row), "it does not stand")
            return
        seen[row.level][i] = True
        true = _true(expected[row.level], i)
        if true != (row.households, row.people, _without_zeros(row.groups)):
            _tell_tally(
                edition.findings, row.level, row.code, _said(row), f"{_words(*true)} live there"
            )

    await auditing.read_tallies(edition.connection, edition.number, check)
    for level, count in expected.items():
        lived_in = (count.households > 0) | (count.people > 0)
        for i in np.flatnonzero(lived_in & ~seen[level]).tolist():
            live = f"{_words(*_true(count, i))} live there"
            _tell_tally(edition.findings, level, levels[level].codes[i], "nothing", live)


def _true(count: Count, i: int) -> tuple[int, int, dict[str, int]]:
    groups = _without_zeros(count.groups.get(i, {}))
    return int(count.households[i]), int(count.people[i]), groups


def _without_zeros(groups: Mapping[str, int]) -> dict[str, int]:
    return {key: value for key, value in groups.items() if value}


def _said(row: TallyAt) -> str:
    return _words(row.households, row.people, row.groups)


def _words(households: int, people: int, groups: Mapping[str, int]) -> str:
    of_groups = "".join(f", {key} {groups[key]:,}" for key in sorted(groups))
    return f"{households:,} households, {people:,} people{of_groups}"


def _tell_tally(findings: Findings, level: str, code: str, said: str, truth: str) -> None:
    message = f"{level} {code}: it is said to count {said}, but {truth}"
    findings.add(Difference("TALLY", level, code, message))
