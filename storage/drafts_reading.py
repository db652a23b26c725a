"""Drafts and their units: for reading only."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    and_,
    bindparam,
    func,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from storage.models import Draft, DraftUnit, Level, Unit
from storage.units import UnitRow, Wanted, geometry_columns, stands, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.units import Query


class DraftRow(NamedTuple):
    """One import and what became of it."""

    id: int
    status: str
    level: str
    within_level: str | None
    within_code: str | None
    base_edition: int | None
    with_drafts: list[int]
    repair_of: int | None
    published_as: int | None
    crs: str
    source: dict[str, Any]  # as the import wrote it; see DraftSource in the schema
    report: dict[str, Any] | None  # as the check wrote it; see CoverageReport
    error: str | None
    created_at: dt.datetime
    created_by: str


class Ground(NamedTuple):
    """The ground that a key is good for: one unit and what lies below it in an edition."""

    level: str
    code: str
    edition: int | None


_DRAFT_COLUMNS = (
    Draft.id,
    Draft.status,
    Draft.level,
    Draft.within_level,
    Draft.within_code,
    Draft.base_edition,
    Draft.with_drafts,
    Draft.repair_of,
    Draft.published_as,
    Draft.crs,
    Draft.source,
    Draft.report,
    Draft.error,
    Draft.created_at,
    Draft.created_by,
)


def numbers(values: Sequence[int]) -> ColumnElement[Any]:
    """Return an array of numbers as one bound parameter."""
    return bindparam(None, list(values), ARRAY(BigInteger), unique=True)


def visible_drafts(ground: Ground | None) -> Query:
    """Return the query for drafts, of which a key for ``ground`` sees those inside it only."""
    query: Query = select(*_DRAFT_COLUMNS)
    if ground is None:
        return query
    same = and_(Draft.within_level == ground.level, Draft.within_code == ground.code)
    if ground.edition is None:
        return query.where(same)
    named = aliased(Draft)
    climb = (
        select(
            named.within_level.label("from_level"),
            named.within_code.label("from_code"),
            Unit.level,
            Unit.code,
            Unit.parent_code,
        )
        .join(Unit, and_(Unit.level == named.within_level, Unit.code == named.within_code))
        .where(stands(Unit, ground.edition))
        .distinct()
        .cte("climb", recursive=True)
    )
    rank, above = aliased(Level), aliased(Unit)
    upward = (
        select(climb.c.from_level, climb.c.from_code, above.level, above.code, above.parent_code)
        .join(rank, rank.key == climb.c.level)
        .join(above, and_(above.level == rank.parent, above.code == climb.c.parent_code))
        .where(stands(above, ground.edition))
    )
    whole = climb.union_all(upward)
    inside = select(whole.c.from_level, whole.c.from_code).where(
        whole.c.level == ground.level, whole.c.code == ground.code
    )
    return query.where(or_(same, tuple_(Draft.within_level, Draft.within_code).in_(inside)))


async def drafts_by_ids(
    connection: AsyncConnection, ids: Sequence[int], *, ground: Ground | None
) -> dict[int, DraftRow]:
    """Return the drafts of these ids that lie on the ground."""
    query = visible_drafts(ground).where(Draft.id == func.any(numbers(ids)))
    rows = [DraftRow(*row) for row in await connection.execute(query)]
    return {row.id: row for row in await _without_foreign(connection, rows, ground)}


async def _without_foreign(
    connection: AsyncConnection, rows: Sequence[DraftRow], ground: Ground | None
) -> Sequence[DraftRow]:
    """Return drafts without those of their company that a key for ``ground`` may not see.

    What a draft's units are seen in is it and its company: through it nobody looks at more.
    """
    company = {other for row in rows for other in row.with_drafts}
    if ground is None or not company:
        return rows
    visible = visible_drafts(ground).with_only_columns(Draft.id)
    query = visible.where(Draft.id == func.any(numbers(sorted(company))))
    seen = set(await connection.scalars(query))
    return [
        row._replace(with_drafts=[other for other in row.with_drafts if other in seen])
        for row in rows
    ]


async def existing(connection: AsyncConnection, ids: Sequence[int]) -> set[int]:
    """Return which of these ids are drafts, on whatever ground."""
    query = select(Draft.id).where(Draft.id == func.any(numbers(ids)))
    return set(await connection.scalars(query))


async def drafts_page(
    connection: AsyncConnection,
    *,
    status: str | None,
    level: str | None,
    ground: Ground | None,
    first: int,
    after: int | None,
) -> list[DraftRow]:
    """Return up to ``first`` drafts older than ``after``, newest first."""
    query = _chosen(visible_drafts(ground), status, level).order_by(Draft.id.desc()).limit(first)
    if after is not None:
        query = query.where(Draft.id < after)
    rows = [DraftRow(*row) for row in await connection.execute(query)]
    return list(await _without_foreign(connection, rows, ground))


async def count_drafts(
    connection: AsyncConnection, *, status: str | None, level: str | None, ground: Ground | None
) -> int:
    """Return how many drafts there are of a status and level on the ground."""
    chosen = _chosen(visible_drafts(ground), status, level).with_only_columns(Draft.id).subquery()
    return (await connection.scalar(select(func.count()).select_from(chosen))) or 0


def _chosen(query: Query, status: str | None, level: str | None) -> Query:
    if status is not None:
        query = query.where(Draft.status == status)
    if level is not None:
        query = query.where(Draft.level == level)
    return query


async def together(
    connection: AsyncConnection, ids: Sequence[int], *, ground: Ground | None
) -> dict[int, list[DraftRow]]:
    """Return, by draft, those that it stands on and those that stand on it, by id."""
    asked = aliased(Draft)
    linked = or_(Draft.id == func.any(asked.with_drafts), asked.id == func.any(Draft.with_drafts))
    query = (
        visible_drafts(ground)
        .add_columns(asked.id)
        .join(asked, and_(linked, asked.id != Draft.id))
        .where(asked.id == func.any(numbers(ids)))
        .order_by(asked.id, Draft.id)
    )
    found: dict[int, list[DraftRow]] = {draft: [] for draft in ids}
    pairs = [(draft, DraftRow._make(row)) for *row, draft in await connection.execute(query)]
    rows = await _without_foreign(connection, [row for _, row in pairs], ground)
    for (draft, _), row in zip(pairs, rows, strict=True):
        found[draft].append(row)
    return found


# --- units -------------------------------------------------------------------------------------

_IS_UNIT = and_(DraftUnit.code.is_not(None), DraftUnit.geom.is_not(None))
"""Rows of the file that can be units; the others are only found fault with."""


def _unit_columns(wanted: Wanted) -> Query:
    """Return the query for the columns of ``UnitRow``, of drafts' units."""
    tally: list[ColumnElement[Any]] = [null(), null(), null()]
    if Wanted.TALLY in wanted:
        columns = DraftUnit.__table__.c
        tally = [columns.households, columns.people, columns.groups]
    return select(
        DraftUnit.id,
        DraftUnit.id,
        DraftUnit.draft_id,
        Draft.level,
        DraftUnit.code,
        func.coalesce(DraftUnit.name, ""),
        DraftUnit.parent_code,
        func.coalesce(DraftUnit.area_m2, 0.0),
        *geometry_columns(DraftUnit.__table__.c.geom, wanted),
        sql_cast(DraftUnit.properties, Text) if Wanted.PROPERTIES in wanted else null(),
        *tally,
        null(),
        null(),
    ).join(Draft, Draft.id == DraftUnit.draft_id)


async def units_by_ids(
    connection: AsyncConnection, ids: Sequence[int], *, wanted: Wanted
) -> dict[int, UnitRow]:
    """Return units of drafts by their own ids."""
    query = _unit_columns(wanted).where(DraftUnit.id == func.any(numbers(ids)), _IS_UNIT)
    rows = await connection.execute(query)
    return {row[0]: UnitRow._make((*row, wanted)) for row in rows}


async def units_by_codes(
    connection: AsyncConnection, keys: Sequence[tuple[int, str, str]], *, wanted: Wanted
) -> dict[tuple[int, str, str], UnitRow]:
    """Return the units of the given (draft, level, code); index draft_unit_code.

    Of a code that a file has twice the first row is taken.
    """
    asked = func.unnest(
        numbers([draft for draft, _, _ in keys]),
        texts([level for _, level, _ in keys]),
        texts([code for _, _, code in keys]),
    ).table_valued("draft", "level", "code")
    asked = asked.render_derived(name="asked")
    same = and_(
        asked.c.draft == DraftUnit.draft_id,
        asked.c.level == Draft.level,
        asked.c.code == DraftUnit.code,
    )
    query = _unit_columns(wanted).join(asked, same).where(_IS_UNIT).order_by(DraftUnit.id.desc())
    rows = [UnitRow._make((*row, wanted)) for row in await connection.execute(query)]
    return {(row.draft_id or 0, row.level, row.code): row for row in rows}


async def units_page(
    connection: AsyncConnection,
    drafts: Sequence[int],
    *,
    areas: Sequence[str] | None,
    first: int,
    after: tuple[str, int] | None,
    wanted: Wanted,
) -> dict[int, list[UnitRow]]:
    """Return up to ``first`` units of each of many drafts, by code; index draft_unit_code."""
    one = aliased(DraftUnit)
    chosen = (
        select(one.id)
        .where(one.draft_id == Draft.id, one.code.is_not(None), one.geom.is_not(None))
        .order_by(one.code, one.id)
        .limit(first)
    )
    if areas is not None:
        chosen = chosen.where(_touches(one, areas))
    if after is not None:
        chosen = chosen.where(tuple_(one.code, one.id) > tuple_(*after))
    page = chosen.correlate(Draft).lateral("page")
    query = (
        _unit_columns(wanted)
        .join(page, page.c.id == DraftUnit.id)
        .where(Draft.id == func.any(numbers(drafts)))
        .order_by(DraftUnit.draft_id, DraftUnit.code, DraftUnit.id)
    )
    found: dict[int, list[UnitRow]] = {draft: [] for draft in drafts}
    for row in await connection.execute(query):
        unit = UnitRow._make((*row, wanted))
        found[row[2]].append(unit)
    return found


async def shapes(connection: AsyncConnection, draft: int, *, limit: int) -> list[tuple[int, bytes]]:
    """Return (id, WKB) of up to ``limit`` units of a draft, by code."""
    query = (
        select(DraftUnit.id, func.ST_AsBinary(DraftUnit.__table__.c.geom))
        .where(DraftUnit.draft_id == draft, _IS_UNIT)
        .order_by(DraftUnit.code, DraftUnit.id)
        .limit(limit)
    )
    return [(row_id, bytes(wkb)) for row_id, wkb in await connection.execute(query)]


async def count_units(
    connection: AsyncConnection, drafts: Sequence[int], *, areas: Sequence[str] | None
) -> dict[int, int]:
    """Return how many units each draft has."""
    query = (
        select(DraftUnit.draft_id, func.count())
        .where(DraftUnit.draft_id == func.any(numbers(drafts)), _IS_UNIT)
        .group_by(DraftUnit.draft_id)
    )
    if areas is not None:
        query = query.where(_touches(DraftUnit, areas))
    found: dict[int, int] = dict((await connection.execute(query)).all())
    return {draft: found.get(draft, 0) for draft in drafts}


def _touches(rows: type[DraftUnit], areas: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(func.ST_Intersects(rows.geom, func.ST_GeomFromText(a, 4326)) for a in areas))


async def units_under(
    connection: AsyncConnection,
    drafts: Sequence[int],
    parents: Sequence[str],
    *,
    levels: Sequence[str],
    wanted: Wanted,
) -> dict[str, list[UnitRow]]:
    """Return the units of some levels in some drafts, by the code of their parent, by code."""
    query = (
        _unit_columns(wanted)
        .where(
            DraftUnit.draft_id == func.any(numbers(drafts)),
            DraftUnit.parent_code == func.any(texts(parents)),
            Draft.level == func.any(texts(levels)),
            _IS_UNIT,
        )
        .order_by(DraftUnit.code, Draft.level, DraftUnit.id)
    )
    found: dict[str, list[UnitRow]] = {parent: [] for parent in parents}
    for row in await connection.execute(query):
        unit = UnitRow._make((*row, wanted))
        found[unit.parent_code or ""].append(unit)
    return found
