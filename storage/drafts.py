"""Drafts: stored as a whole, checked again, published or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from psycopg.sql import SQL
from sqlalchemy import delete, func, insert, select, update

from geo.errors import NotOpenError
from storage.copying import copy_rows
from storage.draft_rows import copy_units
from storage.models import Draft, DraftUnit, Finding, Waiver
from storage.waivers import ACCEPTANCE, acceptance, of_finding

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from geo.findings import Finding as Found
    from storage.draft_rows import DraftRows
    from storage.waivers import Acceptance


class NewDraft(NamedTuple):
    """A draft to be stored."""

    level: str
    within: tuple[str, str] | None
    base_edition: int | None
    with_drafts: list[int]
    crs: str
    source: dict[str, Any]  # free JSON: the contract's DraftSource
    report: dict[str, Any]  # free JSON: the contract's CoverageReport less its findings
    created_by: str
    repair_of: int | None = None


class OpenDraft(NamedTuple):
    """What is needed to check a draft again."""

    id: int
    status: str
    level: str
    within: tuple[str, str] | None
    base_edition: int | None
    with_drafts: list[int]
    crs: str
    source: dict[str, Any]  # free JSON, as stored


class SourceRows(NamedTuple):
    """A draft's rows as they were sent, in parallel."""

    rows: NDArray[np.intp]
    codes: list[str | None]
    names: list[str | None]
    named_parents: list[str | None]
    properties: list[dict[str, object]]
    geoms: NDArray[np.object_]


_COPY_FINDINGS = SQL(
    "COPY finding (draft_id, id, level, kind, rule, severity, message, geom, area_m2, width_m,"
    " households, units, rows, addresses, parent_code, extra, chain, borders_m, pieces, waiver_id)"
    " FROM STDIN"
)


async def insert_draft(
    connection: AsyncConnection,
    draft: NewDraft,
    rows: DraftRows,
    findings: Sequence[Found],
    *,
    into: int | None = None,
) -> int:
    """Store a draft with its units and findings; return its number.

    Parameters
    ----------
    into
        Number of a draft whose file is being read: it becomes this one, and stays its author's.

    Raises
    ------
    NotOpenError
        If ``into`` is no longer being read, e.g. since somebody discarded it.
    """
    level, code = draft.within or (None, None)
    values = {
        "status": "OPEN",
        "level": draft.level,
        "within_level": level,
        "within_code": code,
        "base_edition": draft.base_edition,
        "with_drafts": draft.with_drafts,
        "crs": draft.crs,
        "source": draft.source,
        "report": draft.report,
        "repair_of": draft.repair_of,
    }
    if into is None:
        values["created_by"] = draft.created_by
        begun = insert(Draft).values(values).returning(Draft.id)
        number = (await connection.execute(begun)).scalar_one()
    else:
        number = await _fill(connection, into, values)
    await _write_content(connection, number, rows, findings)
    return number


async def _fill(connection: AsyncConnection, number: int, values: dict[str, Any]) -> int:
    """Make the draft of a file that was being read an open one; ``values`` are its columns."""
    filled = await connection.execute(
        update(Draft).where(Draft.id == number, Draft.status == "READING").values(values)
    )
    if not filled.rowcount:
        raise NotOpenError(
            f"draft {number} is no longer being read: nothing was stored in it; import the file "
            "again",
            argument="id",
        )
    return number


async def rewrite_draft(
    connection: AsyncConnection,
    number: int,
    draft: NewDraft,
    rows: DraftRows,
    findings: Sequence[Found],
) -> None:
    """Exchange what an open draft's check has made of it."""
    await connection.execute(delete(DraftUnit).where(DraftUnit.draft_id == number))
    await connection.execute(delete(Finding).where(Finding.draft_id == number))
    await connection.execute(
        update(Draft)
        .where(Draft.id == number)
        .values(
            base_edition=draft.base_edition,
            with_drafts=draft.with_drafts,
            source=draft.source,
            report=draft.report,
        )
    )
    await _write_content(connection, number, rows, findings)


async def _write_content(
    connection: AsyncConnection, number: int, rows: DraftRows, findings: Sequence[Found]
) -> None:
    await copy_units(connection, number, rows)
    await copy_rows(connection, _COPY_FINDINGS, _finding_lines(number, findings))


def _finding_lines(number: int, findings: Sequence[Found]) -> Iterator[tuple[object, ...]]:
    for found in findings:
        geom = None
        if found.geometry is not None:
            geom = shapely.to_wkb(
                shapely.set_srid(found.geometry, 4326), hex=True, include_srid=True
            )
        yield (
            number,
            found.id,
            found.level,
            found.kind.value,
            found.rule.value,
            found.severity.value,
            found.message,
            geom,
            found.area_m2,
            found.width_m,
            found.households,
            list(found.units),
            list(found.rows),
            list(found.addresses),
            found.parent,
            found.extra,
            found.chain,
            list(found.borders_m),
            found.pieces,
            found.waiver,
        )


def ewkb_hex(geoms: NDArray[np.object_]) -> list[str | None]:
    """Return geometries in degrees as PostGIS reads them from text; None stays None."""
    with_srid = shapely.set_srid(geoms, 4326)
    texts: list[str | None] = shapely.to_wkb(with_srid, hex=True, include_srid=True).tolist()
    return texts


async def lock_drafts(connection: AsyncConnection, ids: Collection[int]) -> list[OpenDraft]:
    """Return drafts by number, locked against other publishers until the transaction ends."""
    query = (
        select(
            Draft.id,
            Draft.status,
            Draft.level,
            Draft.within_level,
            Draft.within_code,
            Draft.base_edition,
            Draft.with_drafts,
            Draft.crs,
            Draft.source,
        )
        .where(Draft.id.in_(list(ids)))
        .order_by(Draft.id)
        .with_for_update()
    )
    found = []
    for row in await connection.execute(query):
        level, code = row[3], row[4]
        within = (level, code) if level is not None and code is not None else None
        found.append(OpenDraft(row[0], row[1], row[2], within, *row[5:]))
    return found


def sent_wkb() -> ColumnElement[Any]:
    """Return the bytes of a draft's row as it was sent: of its land, where that is the same."""
    columns = DraftUnit.__table__.c
    return func.coalesce(columns.source_wkb, func.ST_AsBinary(columns.geom))


async def source_rows(connection: AsyncConnection, number: int) -> SourceRows:
    """Return a draft's rows as they were sent, in the file's order."""
    query = (
        select(
            DraftUnit.row,
            DraftUnit.code,
            DraftUnit.name,
            DraftUnit.named_parent,
            DraftUnit.properties,
            sent_wkb(),
        )
        .where(DraftUnit.draft_id == number)
        .order_by(DraftUnit.row)
    )
    found = (await connection.execute(query)).all()
    geoms = np.asarray(shapely.from_wkb([row[5] for row in found]), object)
    return SourceRows(
        rows=np.array([row[0] for row in found], np.intp),
        codes=[row[1] for row in found],
        names=[row[2] for row in found],
        named_parents=[row[3] for row in found],
        properties=[row[4] for row in found],
        geoms=geoms,
    )


async def mark_published(connection: AsyncConnection, ids: Collection[int], edition: int) -> None:
    """Say of drafts that they stand as an edition."""
    await connection.execute(
        update(Draft)
        .where(Draft.id.in_(list(ids)))
        .values(status="PUBLISHED", published_as=edition)
    )


async def mark_discarded(connection: AsyncConnection, number: int) -> None:
    """Say of a draft that nobody wants it; its content stays to be looked at."""
    await connection.execute(update(Draft).where(Draft.id == number).values(status="DISCARDED"))


async def open_drafts(connection: AsyncConnection, level: str) -> int:
    """Return how many drafts of a level are open."""
    query = (
        select(func.count()).select_from(Draft).where(Draft.level == level, Draft.status == "OPEN")
    )
    return (await connection.scalar(query)) or 0


class StoredFinding(NamedTuple):
    """A finding of a draft, as commands show it."""

    id: str
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
    chain: int | None
    borders_m: list[float]
    pieces: int
    waiver: Acceptance | None


async def findings_of(
    connection: AsyncConnection, number: int, limit: int, *, day: dt.date
) -> list[StoredFinding]:
    """Return up to ``limit`` findings of a draft, largest first, with the waivers of a day."""
    query = (
        select(
            Finding.id,
            Finding.level,
            Finding.kind,
            Finding.rule,
            Finding.severity,
            Finding.message,
            func.ST_AsBinary(Finding.geom),
            Finding.area_m2,
            Finding.width_m,
            Finding.households,
            Finding.units,
            Finding.rows,
            Finding.addresses,
            Finding.parent_code,
            Finding.chain,
            Finding.borders_m,
            Finding.pieces,
            *ACCEPTANCE,
        )
        .outerjoin(Waiver, of_finding(day))
        .where(Finding.draft_id == number)
        .order_by(Finding.area_m2.desc(), Finding.id)
        .limit(limit)
    )
    rows = await connection.execute(query)
    return [
        StoredFinding._make((*row[: -len(ACCEPTANCE)], acceptance(row[-len(ACCEPTANCE) :])))
        for row in rows
    ]
