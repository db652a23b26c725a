"""Households and people of every unit, kept in step with the units and the addresses.

Branches
    The *heir* of a tiling level is the first tiling level under it, by rank, on which units
    stand. Levels from heir to heir make a branch: the first one starts at the topmost level,
    partitions beside it (``police`` beside ``grid``) start branches of their own.

Where an address lies
    A *leaf* is a standing unit on which no unit of its level's heir stands. On each branch an
    address lies in the leaf that touches it: on a border in one of the lowest level, and among
    those in the one with the bytewise smallest code. That it lies in no unit of a branch's lowest
    level is written down, too, as a row without a code.

What a unit counts
    A leaf counts the addresses that lie in it, every other tiling unit sums the units of the heir
    that stand on it. So each address counts once on every level of a branch, and these levels
    never contradict each other. A unit of a DISJOINT level counts the addresses that name it, and
    of those that name none of its level the ones that touch it, the smallest code first. Units
    without an address have no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text

from storage import tally_sql as sql

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

FEW = 2000
"""Up to so many addresses each look for their unit; beyond, each unit looks for its addresses."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class _Plan(NamedTuple):
    """What one refresh has to look at."""

    tiling: bool
    """Whether places and tallies of the tiling levels are concerned."""
    disjoint: list[str]
    """The DISJOINT levels concerned."""
    everywhere: bool
    """Whether the lowest levels are others than before, so that no box is enough."""


async def refresh(
    connection: AsyncConnection,
    edition: int,
    *,
    levels: Collection[str] | None,
    boxes: Sequence[Box] | None,
) -> None:
    """Bring places and tallies in step with what stands in ``edition``.

    Call it in the transaction that publishes, after units and addresses are written.

    Parameters
    ----------
    edition
        The edition that is being published: the newest.
    levels
        Levels whose units changed; None when addresses changed, too.
    boxes
        Where anything changed, before or after: every unit that was added, taken away, redrawn
        or given another code, and every address, lies within one of them. None: anywhere.

    Notes
    -----
    Rows that stay equal are kept; others end with the edition before and begin anew. The number
    of statements depends on the number of levels alone. With boxes only the units that touch them
    are looked at. Leans on ``unit_geom`` or ``address_geom`` for the places and on ``unit_parent``
    for the sums; DISJOINT levels are always counted whole,
    since an address may name a compound far away.
    """
    plan = await _plan(connection, edition, levels)
    if not plan.tiling and not plan.disjoint:
        return
    await _run(connection, sql.SCRATCH)
    counted = "NONE"
    if plan.tiling and boxes is not None and not plan.everywhere:
        await _count_near(connection, edition, boxes)
        counted = "NEAR"
    elif plan.tiling:
        await _count_all(connection, edition)
        counted = "ALL"
    if plan.disjoint:
        await _run(connection, [sql.COUNT_DISJOINT], levels=plan.disjoint)
    scope = {"tiling": counted, "disjoint": plan.disjoint}
    await _run(connection, [sql.FORGET_TALLIES, sql.END_TALLIES], edition=edition, **scope)
    await _run(connection, [sql.BEGIN_TALLIES, *sql.CLEAR], edition=edition)


async def _run(connection: AsyncConnection, statements: Sequence[str], **values: object) -> None:
    """Execute statements one after the other, each with those of ``values`` that it names."""
    for statement in statements:
        query = text(statement)
        names = query.compile().params
        await connection.execute(query, {name: values[name] for name in names})


async def _plan(connection: AsyncConnection, edition: int, levels: Collection[str] | None) -> _Plan:
    result = await connection.execute(text(sql.LEVELS), {"edition": edition})
    rows = result.all()
    concerned = [row for row in rows if levels is None or row.key in levels]
    return _Plan(
        tiling=any(row.tiling == "TILES" for row in concerned),
        disjoint=[row.key for row in concerned if row.tiling == "DISJOINT"],
        everywhere=any(row.stands != row.stood for row in rows if row.tiling == "TILES"),
    )


async def _count_all(connection: AsyncConnection, edition: int) -> None:
    """Count every unit of the tiling levels."""
    scope = await connection.execute(text(sql.SCOPE_ALL))
    if not scope.rowcount:
        return  # no address stands or has a place: no unit counts any
    await _run(connection, [sql.FIND_BRANCHES, sql.FIND_LEAVES])
    await _place(connection, edition, scope.rowcount)
    await _run(connection, [sql.COUNT_LEAVES, sql.SUM_UP], edition=edition)


async def _count_near(connection: AsyncConnection, edition: int, boxes: Sequence[Box]) -> None:
    """Count the units of the tiling levels that touch the boxes; the others count as before."""
    columns = [[float(box[side]) for box in boxes] for side in range(4)]
    sides = dict(zip(("west", "south", "east", "north"), columns, strict=True))
    scope = await connection.execute(text(sql.SCOPE_BOXES), sides)
    await _run(connection, [sql.FIND_BRANCHES])
    await _run(connection, [sql.FIND_NEAR, sql.FIND_NEAR_LEAVES], edition=edition, **sides)
    await _place(connection, edition, scope.rowcount)
    await _run(connection, [sql.COUNT_NEAR_LEAVES])
    depths = (await connection.execute(text(sql.DEPTHS))).scalars().all()
    for depth in depths:
        await _run(connection, [sql.SUM_UP_NEAR], depth=depth)


async def _place(connection: AsyncConnection, edition: int, addresses: int) -> None:
    """Write down anew where the addresses lie, and which leaves thereby count others."""
    places = sql.FIND_FEW_PLACES if addresses <= FEW else sql.FIND_PLACES
    await _run(connection, ["ANALYZE scope_address", places, sql.FIND_NONE, "ANALYZE place_now"])
    changes = [sql.FORGET_PLACES, sql.END_PLACES, sql.BEGIN_PLACES]
    await _run(connection, changes, edition=edition)
