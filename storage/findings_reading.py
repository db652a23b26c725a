"""What the checks of drafts found, and the rows of their files: for reading only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    exists,
    func,
    null,
    select,
    true,
    tuple_,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from storage.drafts_reading import Ground, numbers, visible_drafts
from storage.models import Draft, DraftUnit, Finding, Waiver
from storage.units import texts
from storage.waivers import ACCEPTANCE, acceptance, holds, of_finding

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.waivers import Acceptance


class FindingRow(NamedTuple):
    """One finding of a draft."""

    id: str
    draft_id: int | None
    level: str
    kind: str
    rule: str
    severity: str
    message: str
    wkb: bytes | None
    area_m2: float
    width_m: float
    households: int
    units: list[str]
    rows: list[int]
    addresses: list[str]
    parent_code: str | None
    chain: int | None = None
    borders_m: Sequence[float] = ()
    """Metres of border to each of ``units``, where the land is blank."""
    pieces: int = 1
    extra: int = 0
    waiver: Acceptance | None = None


class FindingFilter(NamedTuple):
    """Which findings: those that fulfil everything that is given."""

    kinds: tuple[str, ...] | None = None
    rules: tuple[str, ...] | None = None
    severity: str | None = None
    min_area_m2: float | None = None
    waived: bool | None = None


class FeatureRow(NamedTuple):
    """One row of the imported file."""

    row: int
    code: str | None
    name: str | None
    properties: str
    """JSON text."""
    source_wkb: bytes | None
    """As sent, in the file's CRS."""
    wkb: bytes | None
    """As it would be published, in degrees."""


def _finding_columns(*, geometry: bool) -> tuple[ColumnElement[Any], ...]:
    columns = Finding.__table__.c
    return (
        columns.id,
        columns.draft_id,
        columns.level,
        columns.kind,
        columns.rule,
        columns.severity,
        columns.message,
        func.ST_AsBinary(columns.geom) if geometry else null(),
        columns.area_m2,
        columns.width_m,
        columns.households,
        columns.units,
        columns.rows,
        columns.addresses,
        columns.parent_code,
        columns.chain,
        columns.borders_m,
        columns.pieces,
        columns.extra,
        *ACCEPTANCE,
    )


def _finding(row: Sequence[Any]) -> FindingRow:  # a row of the columns above
    own = len(ACCEPTANCE)
    return FindingRow._make((*row[:-own], acceptance(row[-own:])))


async def findings_page(
    connection: AsyncConnection,
    drafts: Sequence[int],
    which: FindingFilter,
    *,
    first: int,
    after: tuple[float, str] | None,
    geometry: bool,
    day: dt.date,
) -> dict[int, list[FindingRow]]:
    """Return up to ``first`` findings of each of many drafts, largest first.

    Parameters
    ----------
    day
        On which a waiver must hold to count.

    Notes
    -----
    Leans on ``finding_largest``.
    """
    one = aliased(Finding)
    chosen = (
        select(one.row_id)
        .where(one.draft_id == Draft.id, *_wanted_findings(one, which, day))
        .order_by(one.area_m2.desc(), one.id.desc())
        .limit(first)
    )
    if after is not None:
        chosen = chosen.where(tuple_(one.area_m2, one.id) < tuple_(*after))
    page = chosen.correlate(Draft).lateral("page")
    query = (
        select(*_finding_columns(geometry=geometry))
        .select_from(Draft)
        .join(page, true())
        .join(Finding, Finding.row_id == page.c.row_id)
        .outerjoin(Waiver, of_finding(day))
        .where(Draft.id == func.any(numbers(drafts)))
        .order_by(Finding.draft_id, Finding.area_m2.desc(), Finding.id.desc())
    )
    found: dict[int, list[FindingRow]] = {draft: [] for draft in drafts}
    for row in await connection.execute(query):
        found[row[1]].append(_finding(row))
    return found


async def count_findings(
    connection: AsyncConnection, drafts: Sequence[int], which: FindingFilter, *, day: dt.date
) -> dict[int, int]:
    """Return how many findings of a kind each draft has; a waiver must hold on a day to count."""
    wanted = _wanted_findings(Finding, which, day)
    query = (
        select(Finding.draft_id, func.count())
        .where(Finding.draft_id == func.any(numbers(drafts)), *wanted)
        .group_by(Finding.draft_id)
    )
    found: dict[int, int] = dict((await connection.execute(query)).all())
    return {draft: found.get(draft, 0) for draft in drafts}


def _wanted_findings(
    rows: type[Finding], which: FindingFilter, day: dt.date
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.kinds is not None:
        conditions.append(rows.kind == func.any(texts(which.kinds)))
    if which.rules is not None:
        conditions.append(rows.rule == func.any(texts(which.rules)))
    if which.severity is not None:
        conditions.append(rows.severity == which.severity)
    if which.waived is not None:
        waived = exists().where(Waiver.id == rows.waiver_id, holds(day)).correlate(rows)
        conditions.append(waived if which.waived else ~waived)
    if which.min_area_m2 is not None:
        conditions.append(rows.area_m2 >= which.min_area_m2)
    return conditions


async def findings_by_ids(
    connection: AsyncConnection, ids: Sequence[str], *, ground: Ground | None, day: dt.date
) -> dict[str, FindingRow]:
    """Return findings by id: of several drafts that found the same, that of the newest open one."""
    visible = visible_drafts(ground).with_only_columns(Draft.id).subquery()
    query = (
        select(*_finding_columns(geometry=True))
        .join(Draft, Draft.id == Finding.draft_id)
        .outerjoin(Waiver, of_finding(day))
        .where(Finding.id == func.any(texts(ids)), Draft.id.in_(select(visible.c.id)))
        .order_by(Draft.status == "OPEN", Draft.id)
    )
    return {row[0]: _finding(row) for row in await connection.execute(query)}


async def ids_like(connection: AsyncConnection, beginning: str, *, limit: int) -> list[str]:
    """Return up to ``limit`` ids of open drafts' findings that begin so; index ``finding_id``."""
    query = (
        select(Finding.id)
        .distinct()
        .join(Draft, Draft.id == Finding.draft_id)
        .where(
            Draft.status == "OPEN",
            Finding.id >= beginning,
            Finding.id < beginning + "g",  # the first letter that is no hexadecimal digit
        )
        .order_by(Finding.id)
        .limit(limit)
    )
    return list((await connection.execute(query)).scalars())


async def features(
    connection: AsyncConnection, keys: Sequence[tuple[int, int]], *, geometry: bool
) -> dict[tuple[int, int], FeatureRow]:
    """Return rows of drafts' files by (draft, row); index ``draft_unit_row``."""
    drafts = numbers([draft for draft, _ in keys])
    rows = bindparam(None, [row for _, row in keys], ARRAY(Integer), unique=True)
    asked = func.unnest(drafts, rows).table_valued("draft", "row").render_derived(name="asked")
    columns = DraftUnit.__table__.c
    query = select(
        columns.draft_id,
        columns.row,
        columns.code,
        columns.name,
        sql_cast(columns.properties, Text),
        columns.source_wkb if geometry else null(),
        func.ST_AsBinary(columns.geom) if geometry else null(),
    ).join(asked, and_(asked.c.draft == columns.draft_id, asked.c.row == columns.row))
    return {(row[0], row[1]): FeatureRow(*row[1:]) for row in await connection.execute(query)}
