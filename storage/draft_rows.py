"""The rows of a draft's file, and writing a hundred thousand of them at once."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import orjson
import shapely

from storage.copying import (
    Column,
    copy_rows,
    copy_statement,
    in_degrees,
    json_bytes,
    wkb_pieces,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncConnection


class OwnPlan(NamedTuple):
    """What publishing a draft would write of its n rows, in parallel."""

    base_rows: NDArray[np.int64]
    """The stored row that each one follows; 0 for a new unit, ``AS_IT_STANDS`` for a row that
    changes nothing."""
    redrawn: NDArray[np.bool_]
    renamed: NDArray[np.bool_]
    reattributed: NDArray[np.bool_]
    search_texts: Sequence[str | None]


AS_IT_STANDS = -1
"""In place of a stored row: nothing is written."""


class DraftRows(NamedTuple):
    """The n rows of a draft's file, in parallel."""

    rows: NDArray[np.intp]
    codes: Sequence[str | None]
    names: Sequence[str | None]
    parent_codes: Sequence[str | None]
    named_parents: Sequence[str | None]
    land: Sequence[bytes | None]
    """WKB of MultiPolygons in degrees; None for a row that can be no unit."""
    source: NDArray[np.object_]
    """As sent, in the file's CRS; None where absent, or where it is known to be the land."""
    chain: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    properties: Sequence[dict[str, object]]
    households: NDArray[np.int64]
    people: NDArray[np.int64]
    groups: Sequence[dict[str, int]]
    plan: OwnPlan | None = None
    """What publishing would write of them; None where that is not known."""


_COLUMNS = (
    Column("draft_id", "int8"),
    Column("row", "int4"),
    Column("code", "text"),
    Column("name", "text"),
    Column("parent_code", "text"),
    Column("named_parent", "text"),
    Column("geom", "bytea"),
    Column("source_wkb", "bytea"),
    Column("chain", "int8"),
    Column("area_m2", "float8"),
    Column("properties", "bytea"),
    Column("households", "int4"),
    Column("people", "int4"),
    Column("groups", "bytea"),
    Column("base_row", "int8"),
    Column("redrawn", "bool"),
    Column("renamed", "bool"),
    Column("reattributed", "bool"),
    Column("search_text", "text"),
)

_COPY = copy_statement("draft_unit", _COLUMNS)


async def copy_units(connection: AsyncConnection, number: int, rows: DraftRows) -> None:
    """Write the rows of a draft's file."""
    await copy_rows(connection, _COPY, _lines(number, rows), _COLUMNS)


def _lines(number: int, rows: DraftRows) -> Iterator[tuple[object, ...]]:
    plans = _plan_columns(rows.plan, len(rows.rows))
    plain = zip(
        rows.rows.tolist(),
        rows.codes,
        rows.names,
        rows.parent_codes,
        rows.named_parents,
        rows.land,
        wkb_pieces(rows.source),
        rows.chain.tolist(),
        rows.area_m2.tolist(),
        map(orjson.dumps, rows.properties),
        rows.households.tolist(),
        rows.people.tolist(),
        map(orjson.dumps, rows.groups),
        strict=True,
    )
    for (row, code, name, parent, named, geom, sent, *numbers, groups), plan in zip(
        plain, plans, strict=True
    ):
        chain, area_m2, properties, households, people = numbers
        usable = geom is not None
        yield (
            number,
            row,
            code,
            name,
            parent,
            named,
            in_degrees(geom) if geom is not None else None,
            None if is_same_land(sent, geom) else sent,
            chain if usable else None,
            area_m2 if usable else None,
            json_bytes(properties),
            households,
            people,
            json_bytes(groups),
            *plan,
        )


def _plan_columns(plan: OwnPlan | None, count: int) -> Iterable[tuple[object, ...]]:
    """Return the columns of what publishing would write, empty for rows that change nothing."""
    nothing = (None,) * 5
    if plan is None:
        return repeat(nothing, count)
    columns = (plan.base_rows, plan.redrawn, plan.renamed, plan.reattributed)
    rows = zip(*(column.tolist() for column in columns), plan.search_texts, strict=True)
    return (row if row[0] != AS_IT_STANDS else nothing for row in rows)


def is_same_land(sent: bytes | None, stored: bytes | None) -> bool:
    """Return whether what was sent is what is stored, vertex by vertex: kept once is enough.

    Parameters
    ----------
    sent
        WKB as sent; a single Polygon is the same as a MultiPolygon of it.
    stored
        WKB of a MultiPolygon in degrees.
    """
    if sent is None or stored is None:
        return False
    return stored in {sent, _ONE_PART + sent}


_ONE_PART = shapely.to_wkb(shapely.MultiPolygon(), byte_order=1)[:-4] + (1).to_bytes(4, "little")
"""How the WKB of a MultiPolygon of one part begins."""
