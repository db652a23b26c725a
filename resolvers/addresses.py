"""Load who lives where."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from geo.errors import BadInputError
from storage import addresses, editions, tallies
from storage.addresses import AddressChanges, AddressRows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncEngine

MAX_NAMED = 5
"""How many keys a message names before it only counts."""

MAX_COUNT = 2**31 - 1
"""The most households or people in all: what an integer column of a sum holds."""


class AddressList(Protocol):
    """A list of addresses, as the sources read one from a file."""

    @property
    def keys(self) -> list[str]:
        """What names each address for good."""
        ...

    @property
    def lonlat(self) -> NDArray[np.float64]:
        """Degrees (WGS 84), shape (n, 2)."""
        ...

    @property
    def households(self) -> NDArray[np.int64]:
        """Shape (n,)."""
        ...

    @property
    def people(self) -> NDArray[np.int64]:
        """Shape (n,)."""
        ...

    @property
    def groups(self) -> list[dict[str, int]]:
        """People by group."""
        ...

    @property
    def compound_codes(self) -> list[str | None]:
        """The compound that each names."""
        ...


class LoadedAddresses(NamedTuple):
    """What a load did."""

    added: int
    changed: int
    unchanged: int
    removed: int
    edition: int | None
    """The edition that it made; None when nothing changed."""


def merge_lists(lists: Sequence[AddressList]) -> AddressRows:
    """Join lists into one.

    Raises
    ------
    BadInputError
        If a key stands in two of them, as it is not said which of the two is true; if counts
        or texts cannot be stored.
    """
    counts = Counter(key for part in lists for key in part.keys)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        named = ", ".join(map(repr, twice[:MAX_NAMED]))
        more = f" and {len(twice) - MAX_NAMED} more" if len(twice) > MAX_NAMED else ""
        raise BadInputError(
            f"addresses {named}{more} stand there more than once; give each key one row",
            argument="addresses",
        )
    merged = AddressRows(
        keys=[key for part in lists for key in part.keys],
        lonlat=np.concatenate([np.empty((0, 2)), *(part.lonlat for part in lists)]),
        households=_joined([part.households for part in lists]),
        people=_joined([part.people for part in lists]),
        groups=[groups for part in lists for groups in part.groups],
        compound_codes=[code for part in lists for code in part.compound_codes],
    )
    _check_storable(merged)
    return merged


def _check_storable(rows: AddressRows) -> None:
    """Refuse what the tables cannot hold: counts beyond all cities, texts with a NUL."""
    for what, counts in (("households", rows.households), ("people", rows.people)):
        if counts.sum() > MAX_COUNT or (counts < 0).any():
            raise BadInputError(
                f"the addresses have {counts.sum():,} {what}, more than a city holds, or some "
                "have fewer than none; look for a column that is no count",
                argument="addresses",
            )
    texts = [*rows.keys, *(code for code in rows.compound_codes if code)]
    texts += [name for groups in rows.groups for name in groups]
    broken = [text for text in texts if "\0" in text]
    if broken:
        raise BadInputError(
            f"{broken[0]!r} and {len(broken) - 1} more texts hold a NUL; clean the file",
            argument="addresses",
        )


async def load_addresses(
    engine: AsyncEngine,
    *lists: AddressList,
    published_by: str,
    today: dt.date,
    replace: bool = False,
    effective_on: dt.date | None = None,
) -> LoadedAddresses:
    """Store addresses as one edition, all or nothing; none when nothing changed.

    Parameters
    ----------
    lists
        One or several, with keys that differ.
    today
        The day in the city; the edition stands from it unless ``effective_on`` is given, or
        from the newest edition's day when that is later.
    replace
        Whether the lists together are the whole truth, so that other addresses are taken away.

    Raises
    ------
    BadInputError
        If a key stands there twice, or ``effective_on`` is before the newest edition's day.
    """
    rows = merge_lists(lists)
    async with engine.begin() as connection:
        changes = await addresses.compare(connection, rows, replace=replace)
        if not (changes.added or changes.changed or changes.removed):
            return LoadedAddresses(*changes, edition=None)
        number = await editions.open_edition(
            connection,
            effective_on=effective_on,
            today=today,
            published_by=published_by,
            note=_note(changes),
        )
        boxes = await addresses.write(connection, number)
        await tallies.refresh(connection, number, levels=None, boxes=boxes)
    return LoadedAddresses(*changes, edition=number)


def _note(changes: AddressChanges) -> str:
    return f"addresses: {changes.added} added, {changes.changed} changed, {changes.removed} removed"


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])
