"""New units, written as they come from a check: a hundred thousand of them, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from storage.copying import Column, copy_rows, copy_statement, in_degrees, json_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.draft_rows import DraftRows

_COLUMNS = (
    Column("level", "text"),
    Column("code", "text"),
    Column("name", "text"),
    Column("parent_code", "text"),
    Column("geom", "bytea"),
    Column("chain", "int8"),
    Column("area_m2", "float8"),
    Column("properties", "bytea"),
    Column("search_text", "text"),
    Column("since_edition", "int4"),
    Column("drawn_edition", "int4"),
    Column("first_edition", "int4"),
)

_COPY = copy_statement("unit", _COLUMNS)


async def copy_new_units(
    connection: AsyncConnection, edition: int, level: str, rows: DraftRows
) -> None:
    """Write those of a draft's rows that are new units.

    Parameters
    ----------
    edition
        The edition that is being published, already opened in this transaction.
    level
        The draft's.
    rows
        The draft's, with its plan.
    """
    await copy_rows(connection, _COPY, _lines(edition, level, rows), _COLUMNS)


def _lines(edition: int, level: str, rows: DraftRows) -> Iterator[tuple[object, ...]]:
    """Yield the new units by code, in which order they receive their numbers."""
    if rows.plan is None:
        raise ValueError("it is not known which rows are new units")
    new = (rows.plan.base_rows == 0).nonzero()[0].tolist()
    chain, area_m2 = rows.chain.tolist(), rows.area_m2.tolist()
    codes = rows.codes
    for i in sorted(new, key=lambda i: (codes[i] or "").encode()):
        land, code = rows.land[i], codes[i]
        if land is None or code is None:
            raise ValueError(f"row {rows.rows[i]} can be no unit")
        yield (
            level,
            code,
            rows.names[i] or code,  # a unit without a name is called by its code
            rows.parent_codes[i],
            in_degrees(land),
            chain[i],
            area_m2[i],
            json_bytes(orjson.dumps(rows.properties[i])),
            rows.plan.search_texts[i],
            edition,
            edition,
            edition,
        )
