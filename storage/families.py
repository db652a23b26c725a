"""Units and their relations: those below many units, and those above."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Integer, and_, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from storage.models import Level, Unit
from storage.units import UnitRow, Wanted, below, stands, texts, unit_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import FromClause
    from sqlalchemy.ext.asyncio import AsyncConnection


async def children(
    connection: AsyncConnection,
    edition: int,
    roots: Sequence[str],
    *,
    through: Sequence[str],
    levels: Sequence[str],
    first: int,
    after: tuple[str, str] | None,
    wanted: Wanted,
) -> dict[str, list[UnitRow]]:
    """Return up to ``first`` units of ``levels`` under each of many units of one level.

    Parameters
    ----------
    roots
        Codes of the units above.
    through
        Levels between theirs and ``levels``, from above.
    after
        Code and level of the last unit before the page.
    wanted
        Read for the units of the page only.

    Returns
    -------
    dict
        By root, by code and level. Leans on ``unit_parent``.
    """
    above = below(edition, roots, through)
    place = func.row_number().over(
        partition_by=above.c.root, order_by=[Unit.code, Unit.level.collate("C")]
    )
    ranked = (
        select(above.c.root, Unit.row_id, place.label("place"))
        .join(Unit, Unit.parent_code == above.c.code)
        .where(Unit.level == func.any(texts(levels)), stands(Unit, edition))
    )
    if after is not None:
        ranked = ranked.where(_after(after))
    ranks = ranked.subquery()
    query = (
        unit_columns(wanted, edition)
        .add_columns(ranks.c.root)
        .join(ranks, ranks.c.row_id == Unit.row_id)
        .where(ranks.c.place <= first)
        .order_by(ranks.c.root, ranks.c.place)
    )
    found: dict[str, list[UnitRow]] = {root: [] for root in roots}
    for row in await connection.execute(query):
        found[row[-1]].append(UnitRow._make((*row[:-1], wanted)))
    return found


def _after(last: tuple[str, str]) -> ColumnElement[bool]:
    code, level = last
    next_level = and_(Unit.code == code, Unit.level.collate("C") > level)
    return or_(Unit.code > code, next_level)


async def count_children(
    connection: AsyncConnection,
    edition: int,
    roots: Sequence[str],
    *,
    through: Sequence[str],
    levels: Sequence[str],
) -> dict[str, int]:
    """Return how many units of ``levels`` stand under each of many units; see ``children``."""
    above = below(edition, roots, through)
    query = (
        select(above.c.root, func.count())
        .join(Unit, Unit.parent_code == above.c.code)
        .where(Unit.level == func.any(texts(levels)), stands(Unit, edition))
        .group_by(above.c.root)
    )
    found: dict[str, int] = dict((await connection.execute(query)).all())
    return {root: found.get(root, 0) for root in roots}


async def ancestors(
    connection: AsyncConnection,
    edition: int,
    keys: Sequence[tuple[str, str]],
    *,
    wanted: Wanted,
) -> dict[tuple[str, str], list[UnitRow]]:
    """Return the units from each (level, code) upwards, itself first; one statement."""
    given = func.unnest(
        texts([level for level, _ in keys]), texts([code for _, code in keys])
    ).table_valued("level", "code")
    given = given.render_derived(name="given")
    climb = (
        select(
            given.c.level.label("from_level"),
            given.c.code.label("from_code"),
            Unit.row_id,
            Unit.level,
            Unit.parent_code,
            literal_column("0", Integer).label("height"),
        )
        .join(Unit, and_(Unit.level == given.c.level, Unit.code == given.c.code))
        .where(stands(Unit, edition))
        .cte("climb", recursive=True)
    )
    rank, above = aliased(Level), aliased(Unit)
    upward = (
        select(
            climb.c.from_level,
            climb.c.from_code,
            above.row_id,
            above.level,
            above.parent_code,
            climb.c.height + 1,
        )
        .join(rank, rank.key == climb.c.level)
        .join(above, and_(above.level == rank.parent, above.code == climb.c.parent_code))
        .where(stands(above, edition))
    )
    whole: FromClause = climb.union_all(upward)
    query = (
        unit_columns(wanted, edition)
        .add_columns(whole.c.from_level, whole.c.from_code)
        .join(whole, whole.c.row_id == Unit.row_id)
        .order_by(whole.c.from_level, whole.c.from_code, whole.c.height)
    )
    found: dict[tuple[str, str], list[UnitRow]] = {key: [] for key in keys}
    for row in await connection.execute(query):
        found[row[-2], row[-1]].append(UnitRow._make((*row[:-2], wanted)))
    return found
