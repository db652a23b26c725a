"""Counting who lives at some addresses: all together, and unit by unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Heads:
    """Who lives at each of n addresses.

    Attributes
    ----------
    households, people
        Shape (n,).
    groups
        Names of g groups of people.
    group_people
        People of each group, shape (g, n).
    """

    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: tuple[str, ...]
    group_people: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of addresses."""
        return len(self.households)

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self.households.nbytes + self.people.nbytes + self.group_people.nbytes


class Count(NamedTuple):
    """How many live at a set of addresses."""

    addresses: int
    households: int
    people: int
    groups: dict[str, int]
    """People by group."""


@dataclass(frozen=True, eq=False)
class Counts:
    """How many live in each of u units.

    Attributes
    ----------
    addresses, households, people
        Shape (u,).
    groups
        Names of g groups.
    group_people
        Shape (g, u).
    """

    addresses: NDArray[np.int64]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: tuple[str, ...]
    group_people: NDArray[np.int64]

    def of(self, unit: int) -> Count:
        """Return the count of one unit."""
        people = self.group_people[:, unit].tolist()
        return Count(
            int(self.addresses[unit]),
            int(self.households[unit]),
            int(self.people[unit]),
            dict(zip(self.groups, people, strict=True)),
        )

    def column(self, group: str | None) -> NDArray[np.int64]:
        """Return the people of a group, or the households, by unit, shape (u,).

        Raises
        ------
        ValueError
            If there is no such group.
        """
        if group is None:
            return self.households
        if group not in self.groups:
            raise ValueError(f"there is no group {group!r} among {self.groups}")
        return np.asarray(self.group_people[self.groups.index(group)])


def count(heads: Heads, chosen: NDArray[np.bool_]) -> Count:
    """Count who lives at some addresses.

    Parameters
    ----------
    chosen
        Which addresses, shape (n,).
    """
    return count_each(heads, chosen)[0]


def count_each(heads: Heads, *chosen: NDArray[np.bool_]) -> list[Count]:
    """Count who lives at several choices of addresses, each of shape (n,)."""
    rows = [heads.households, heads.people, *heads.group_people]
    # doubles hold whole numbers up to 2^53: more than there are people
    sums = np.array(rows, np.float64) @ np.array(chosen, np.float64).reshape(len(chosen), -1).T
    return [
        Count(
            int(np.count_nonzero(which)),
            int(column[0]),
            int(column[1]),
            dict(zip(heads.groups, map(int, column[2:]), strict=True)),
        )
        for which, column in zip(chosen, sums.T.tolist(), strict=True)
    ]


def count_by(
    heads: Heads, unit: NDArray[np.int32], units: int, chosen: NDArray[np.bool_]
) -> Counts:
    """Count who lives at some addresses, unit by unit.

    Parameters
    ----------
    unit
        The unit of each address, shape (n,); -1 for none.
    units
        How many units there are.
    chosen
        Which addresses, shape (n,).
    """
    places = np.flatnonzero(chosen & (unit >= 0))
    own = unit[places]

    def summed(column: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(own, weights=column[places], minlength=units).astype(np.int64)

    by_group = [summed(column) for column in heads.group_people]
    return Counts(
        np.bincount(own, minlength=units).astype(np.int64),
        summed(heads.households),
        summed(heads.people),
        heads.groups,
        np.array(by_group, np.int64).reshape(len(by_group), units),
    )


@dataclass(frozen=True, eq=False)
class Typical:
    """How far it is for the households of each of u units.

    Attributes
    ----------
    median
        The least value that at least half of the households do not exceed, shape (u,); NaN where
        there is no household.
    worst
        The largest value of a household, shape (u,); NaN likewise.
    commonest
        The label that most households have, shape (u,), int32; the smallest among equals, -1 where
        there is no household.
    """

    median: NDArray[np.float64]
    worst: NDArray[np.float64]
    commonest: NDArray[np.int32]


def typical_by(
    values: NDArray[np.float64],
    labels: NDArray[np.int32],
    *,
    households: NDArray[np.int64],
    unit: NDArray[np.int32],
    units: int,
) -> Typical:
    """Return what is typical of the values of each unit's households.

    Parameters
    ----------
    values
        One of each address, shape (n,); those that are not finite are left out.
    labels
        One of each address, shape (n,), not negative where the value is finite.
    households
        How often each address counts, shape (n,).
    unit
        The unit of each address, shape (n,); -1 for none.
    units
        How many units there are.
    """
    places = np.flatnonzero((unit >= 0) & np.isfinite(values) & (households > 0))
    median, worst = np.full(units, np.nan), np.full(units, np.nan)
    commonest = np.full(units, -1, np.int32)
    if len(places):
        places = places[np.lexsort((values[places], unit[places]))]
        own, weight = unit[places], households[places]
        last = np.flatnonzero(np.append(own[1:] != own[:-1], True))
        sums = np.cumsum(weight)
        before = np.append(0, sums[last[:-1]])
        half = before + (sums[last] - before + 1) // 2
        median[own[last]] = values[places[np.searchsorted(sums, half)]]
        worst[own[last]] = values[places[last]]
        some, label = _commonest(own, labels[places], weight)
        commonest[some] = label
    return Typical(median, worst, commonest)


def _commonest(
    unit: NDArray[np.int32], labels: NDArray[np.int32], weight: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the units there are, and the label of most weight in each."""
    kinds = int(labels.max()) + 1
    pairs, which = np.unique(unit.astype(np.int64) * kinds + labels, return_inverse=True)
    heavy = np.bincount(which, weights=weight)
    own, label = np.divmod(pairs, kinds)
    order = np.lexsort((label, -heavy, own))
    own, label = own[order], label[order]
    first = np.append(True, own[1:] != own[:-1])
    return own[first], label[first]
