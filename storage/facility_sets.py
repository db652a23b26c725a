"""Service points of many at once: those in each of many units, and those of each set of kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, bindparam, func, select, true
from sqlalchemy.dialects.postgresql import JSONB

from storage.circle_models import Facility
from storage.facilities import columns, matching, row_of
from storage.facility_ground import inside_draft_unit, inside_unit
from storage.models import DraftUnit, Unit
from storage.units import stands, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.facilities import FacilityFilter, FacilityRow
    from storage.facility_ground import Inside
    from storage.units import Query


async def below_units(
    connection: AsyncConnection,
    inside: Inside,
    codes: Sequence[str],
    which: FacilityFilter,
    *,
    first: int,
    after: str | None,
) -> dict[str, list[FacilityRow]]:
    """Return up to ``first`` service points in each of many units of one level.

    Parameters
    ----------
    inside
        The level and the edition; its own code says nothing here.

    Returns
    -------
    dict
        By the unit's code, by key. One probe of ``facility_geom`` a unit, in one statement.
    """
    found = matching(columns(), which).where(inside_unit(inside, Unit))
    part = _ranked(found, first, after)
    query = (
        select(Unit.code, *part.c)
        .join(part, true())
        .where(Unit.level == inside.level, Unit.code == func.any(texts(codes)))
        .where(stands(Unit, inside.edition))
        .order_by(Unit.code, part.c.key)
    )
    rows: dict[str, list[FacilityRow]] = {code: [] for code in codes}
    for code, *values in await connection.execute(query):
        rows[code].append(row_of(values))
    return rows


async def below_draft_units(
    connection: AsyncConnection,
    row_ids: Sequence[int],
    which: FacilityFilter,
    *,
    first: int,
    after: str | None,
) -> dict[int, list[FacilityRow]]:
    """Return up to ``first`` service points in each of many units of drafts, by their numbers."""
    found = matching(columns(), which).where(inside_draft_unit(DraftUnit))
    part = _ranked(found, first, after)
    query = (
        select(DraftUnit.id, *part.c)
        .join(part, true())
        .where(DraftUnit.id == func.any(_numbers(row_ids)))
        .order_by(DraftUnit.id, part.c.key)
    )
    rows: dict[int, list[FacilityRow]] = {row_id: [] for row_id in row_ids}
    for row_id, *values in await connection.execute(query):
        rows[row_id].append(row_of(values))
    return rows


async def count_below_units(
    connection: AsyncConnection, inside: Inside, codes: Sequence[str], which: FacilityFilter
) -> dict[str, int]:
    """Return how many service points lie in each of many units; see ``below_units``."""
    query = (
        matching(select(Unit.code, func.count()).select_from(Facility), which)
        .join(Unit, inside_unit(inside, Unit))
        .where(Unit.level == inside.level, Unit.code == func.any(texts(codes)))
        .where(stands(Unit, inside.edition))
        .group_by(Unit.code)
    )
    found: Mapping[str, int] = dict((await connection.execute(query)).all())
    return {code: found.get(code, 0) for code in codes}


async def count_below_draft_units(
    connection: AsyncConnection, row_ids: Sequence[int], which: FacilityFilter
) -> dict[int, int]:
    """Return how many service points lie in each of many units of drafts."""
    query = (
        matching(select(DraftUnit.id, func.count()).select_from(Facility), which)
        .join(DraftUnit, inside_draft_unit(DraftUnit))
        .where(DraftUnit.id == func.any(_numbers(row_ids)))
        .group_by(DraftUnit.id)
    )
    found: Mapping[int, int] = dict((await connection.execute(query)).all())
    return {row_id: found.get(row_id, 0) for row_id in row_ids}


async def of_kinds(
    connection: AsyncConnection,
    sets: Sequence[tuple[str, ...]],
    which: FacilityFilter,
    *,
    first: int,
    after: str | None,
) -> dict[tuple[str, ...], list[FacilityRow]]:
    """Return up to ``first`` service points of each of several sets of kinds, by key."""
    asked = _sets(sets)
    found = matching(columns(), which).where(asked.c.kinds.op("?")(Facility.kind))
    part = _ranked(found, first, after)
    query = select(asked.c.n, *part.c).join(part, true()).order_by(asked.c.n, part.c.key)
    rows: dict[tuple[str, ...], list[FacilityRow]] = {kinds: [] for kinds in sets}
    for n, *values in await connection.execute(query):
        rows[sets[n - 1]].append(row_of(values))
    return rows


async def count_of_kinds(
    connection: AsyncConnection, sets: Sequence[tuple[str, ...]], which: FacilityFilter
) -> dict[tuple[str, ...], int]:
    """Return how many service points there are of each of several sets of kinds."""
    asked = _sets(sets)
    query = (
        matching(select(asked.c.n, func.count()).select_from(asked), which)
        .join(Facility, asked.c.kinds.op("?")(Facility.kind))
        .group_by(asked.c.n)
    )
    found: Mapping[int, int] = dict((await connection.execute(query)).all())
    return {kinds: found.get(n, 0) for n, kinds in enumerate(sets, start=1)}


def _sets(sets: Sequence[tuple[str, ...]]) -> Any:  # noqa: ANN401 - a table that a function makes
    """Return (kinds, n): each set as JSON, with its number from 1."""
    given = bindparam(None, [list(kinds) for kinds in sets], JSONB, unique=True)
    rows = func.jsonb_array_elements(given).table_valued("kinds", with_ordinality="n")
    return rows.render_derived(name="sets")


def _numbers(values: Sequence[int]) -> ColumnElement[Any]:
    return bindparam(None, list(values), ARRAY(BigInteger), unique=True)


def _ranked(query: Query, first: int, after: str | None) -> Any:  # noqa: ANN401 - a lateral, which has no public type
    """Return the first of what a query finds for each unit beside it, by key."""
    if after is not None:
        query = query.where(Facility.key > after)
    return query.order_by(Facility.key).limit(first).lateral("part")
