"""What differs between two states of a level: the rows, and what is needed of their surroundings.

States are asked for in numbers: every statement here is for many pairs of states at once, each
named by its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import text

from geo.world import Units
from storage import changes_sql as sql
from storage.engine import as_geoms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class EditionPair(NamedTuple):
    """A level in two editions; 0 is the time before the first."""

    level: str
    before: int
    after: int
    box: Box | None = None
    """Only what reaches into it."""


class DraftPair(NamedTuple):
    """A draft's rows, and what they are compared with."""

    draft: int
    level: str
    within: tuple[str, str] | None
    base: int
    """The edition that it lies over; 0: none."""
    against: int
    """Another draft; 0: the units of the base edition on its ground."""


class Differing(NamedTuple):
    """The units of both states that are not exactly the same."""

    before: Units
    after: Units


class Spots(NamedTuple):
    """n addresses."""

    lonlat: NDArray[np.float64]
    households: NDArray[np.int64]
    named: Sequence[str | None]


class Nearby(NamedTuple):
    """Where to look."""

    boxes: Sequence[Box]
    codes: Sequence[str] = ()
    """Units that addresses may name."""


_SIDES = ("west", "south", "east", "north")


async def differing_in_editions(
    connection: AsyncConnection, pairs: Sequence[EditionPair], *, most: int
) -> list[Differing] | None:
    """Return the rows of a level that stand in one of two editions only, pair by pair.

    Parameters
    ----------
    most
        So many rows at most, of all pairs together; more are None.

    Notes
    -----
    Leans on ``unit_code`` for the level, and on ``unit_geom`` with a box.
    """
    boxes = [pair.box or (None, None, None, None) for pair in pairs]
    values = {
        "levels": [pair.level for pair in pairs],
        "befores": [pair.before for pair in pairs],
        "afters": [pair.after for pair in pairs],
        **dict(zip(_SIDES, map(list, zip(*boxes, strict=True)), strict=True)),
    }
    return await _differing(connection, sql.EDITIONS, values, len(pairs), most)


async def differing_in_drafts(
    connection: AsyncConnection, pairs: Sequence[DraftPair], *, most: int
) -> list[Differing] | None:
    """Return the rows of drafts that do not stand so, and the other way round, pair by pair.

    Parameters
    ----------
    most
        As for :func:`differing_in_editions`.

    Notes
    -----
    Leans on ``draft_unit_code`` and ``unit_code``; boundaries are compared by their chains.
    """
    values = {
        "drafts": [pair.draft for pair in pairs],
        "levels": [pair.level for pair in pairs],
        "within_levels": [pair.within[0] if pair.within else None for pair in pairs],
        "within_codes": [pair.within[1] if pair.within else None for pair in pairs],
        "bases": [pair.base for pair in pairs],
        "againsts": [pair.against for pair in pairs],
    }
    return await _differing(connection, sql.DRAFTS, values, len(pairs), most)


async def _differing(
    connection: AsyncConnection, query: str, values: dict[str, Any], pairs: int, most: int
) -> list[Differing] | None:
    rows = (await connection.execute(text(query), {**values, "most": most + 1})).all()
    if len(rows) > most:
        return None
    sides: list[tuple[list[Any], list[Any]]] = [([], []) for _ in range(pairs)]
    for place, after, *row in rows:
        sides[place - 1][after].append(row)
    return [Differing(*map(_units, side)) for side in sides]


def _units(rows: list[Any]) -> Units:
    if not rows:
        return Units.none()
    rows.sort(key=lambda row: row[1].encode())
    row_ids, codes, names, parents, properties, wkbs = zip(*rows, strict=True)
    return Units(
        row_ids=np.array(row_ids, np.int64),
        geoms=as_geoms([bytes(wkb) for wkb in wkbs]),
        codes=codes,
        names=names,
        parent_codes=parents,
        properties=properties,
    )


async def counts_after(connection: AsyncConnection, pairs: Sequence[EditionPair]) -> list[int]:
    """Return how many units of the level stand afterwards, pair by pair."""
    values = {"levels": [p.level for p in pairs], "afters": [p.after for p in pairs]}
    rows = await connection.execute(text(sql.COUNTS), values)
    found: dict[int, int] = dict(rows.all())
    return [found[place] for place in range(1, len(pairs) + 1)]


async def spots_near(
    connection: AsyncConnection, pairs: Sequence[EditionPair], places: Sequence[Nearby]
) -> list[Spots]:
    """Return the addresses of the later edition in or by some boxes, pair by pair.

    Those come, too, that name one of the units whose codes are given. Leans on ``address_geom``
    and ``address_compound``.
    """
    rows = (await connection.execute(text(sql.SPOTS), _nearby(pairs, places))).all()
    found: list[list[Any]] = [[] for _ in pairs]
    for place, *row in rows:
        found[place - 1].append(row)
    return [
        Spots(
            np.array([row[:2] for row in some], np.float64).reshape(-1, 2),
            np.array([row[2] for row in some], np.int64),
            [row[3] for row in some],
        )
        for some in found
    ]


async def units_near(
    connection: AsyncConnection, pairs: Sequence[EditionPair], places: Sequence[Nearby]
) -> list[tuple[list[str], NDArray[np.object_]]]:
    """Return codes and polygons of the units that stand in both editions in some boxes.

    Those come, too, whose codes are given. Leans on ``unit_geom`` and ``unit_code``.
    """
    rows = (await connection.execute(text(sql.NEAR), _nearby(pairs, places))).all()
    found: list[tuple[list[str], list[bytes]]] = [([], []) for _ in pairs]
    for place, code, wkb in rows:
        found[place - 1][0].append(code)
        found[place - 1][1].append(bytes(wkb))
    return [(codes, as_geoms(wkbs)) for codes, wkbs in found]


def _nearby(pairs: Sequence[EditionPair], places: Sequence[Nearby]) -> dict[str, Any]:
    boxes = [(place, *box) for place, near in enumerate(places, 1) for box in near.boxes]
    codes = [(place, code) for place, near in enumerate(places, 1) for code in near.codes]
    columns = list(map(list, zip(*boxes, strict=True))) or [[], [], [], [], []]
    named = list(map(list, zip(*codes, strict=True))) or [[], []]
    return {
        "levels": [pair.level for pair in pairs],
        "befores": [pair.before for pair in pairs],
        "afters": [pair.after for pair in pairs],
        **dict(zip(("places", *_SIDES), columns, strict=True)),
        **dict(zip(("code_places", "codes"), named, strict=True)),
    }


async def extent(
    connection: AsyncConnection, level: str, code: str, editions: tuple[int, int]
) -> Box | None:
    """Return the bounds of a unit in either of two editions; None where it stands in neither."""
    before, after = editions
    values = {"level": level, "code": code, "before": before, "after": after}
    row = (await connection.execute(text(sql.EXTENT), values)).one()
    return (row[0], row[1], row[2], row[3]) if row[0] is not None else None


async def codes_below(
    connection: AsyncConnection, edition: int, top: tuple[str, str], level: str
) -> set[str]:
    """Return the codes of the units of a level under a unit in an edition."""
    values = {"level": top[0], "code": top[1], "edition": edition, "wanted": level}
    return set((await connection.execute(text(sql.BELOW), values)).scalars())


async def stamps(connection: AsyncConnection, drafts: Sequence[int]) -> dict[int, int]:
    """Return a number for each draft that is another one whenever the draft was written anew.

    It is the transaction that wrote the row: rewriting a draft's content always touches it.
    """
    rows = await connection.execute(text(sql.STAMPS), {"drafts": list(drafts)})
    found: dict[int, int] = dict(rows.all())
    return found
