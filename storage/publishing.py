"""Writing an edition: rows that change end with the edition before, and begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson
from psycopg.sql import SQL
from sqlalchemy import text

from storage.copying import copy_rows
from storage.drafts import ewkb_hex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection


class NewRows(NamedTuple):
    """Rows that an edition writes, in parallel."""

    base_rows: Sequence[int]
    """The stored row that each one follows; 0 for a unit that is new."""
    levels: Sequence[str]
    codes: Sequence[str]
    names: Sequence[str]
    parent_codes: Sequence[str | None]
    geoms: NDArray[np.object_]
    chain: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    properties: Sequence[dict[str, object]]
    search_texts: Sequence[str]
    redrawn: Sequence[bool]
    """True where the boundary moved, or the unit is new."""
    same_version: Sequence[bool]
    """True where only nodes were added: the row keeps its unit's id."""


_SCRATCH = """
CREATE TEMPORARY TABLE IF NOT EXISTS new_unit (
    base_row bigint NOT NULL, level text NOT NULL, code text NOT NULL, name text NOT NULL,
    parent_code text, geom geometry(MultiPolygon, 4326) NOT NULL, chain bigint NOT NULL,
    area_m2 double precision NOT NULL, properties jsonb NOT NULL, search_text text NOT NULL,
    redrawn boolean NOT NULL, same_version boolean NOT NULL
) ON COMMIT DROP
"""

_COPY = SQL(
    "COPY new_unit (base_row, level, code, name, parent_code, geom, chain, area_m2, properties,"
    " search_text, redrawn, same_version) FROM STDIN"
)

_END_FOLLOWED = """
UPDATE unit SET last_edition = :edition - 1
FROM {source} AS new WHERE unit.row_id = new.base_row
"""

_END_REMOVED = "UPDATE unit SET last_edition = :edition - 1 WHERE row_id = ANY(:rows)"

_BEGIN = """
INSERT INTO unit (id, level, code, name, parent_code, geom, chain, area_m2, properties,
                  search_text, since_edition, drawn_edition, first_edition)
SELECT CASE WHEN new.same_version THEN old.id ELSE nextval('unit_id_seq') END,
       new.level, new.code, new.name, new.parent_code, new.geom, new.chain, new.area_m2,
       new.properties, new.search_text,
       CASE WHEN new.same_version THEN old.since_edition ELSE :edition END,
       CASE WHEN new.redrawn THEN :edition ELSE old.drawn_edition END,
       :edition
FROM {source} AS new LEFT JOIN unit AS old ON old.row_id = new.base_row
ORDER BY {order}
"""


async def write_units(
    connection: AsyncConnection, edition: int, rows: NewRows, removed: Sequence[int]
) -> None:
    """Write the rows that an edition changes, and end those that it removes.

    Parameters
    ----------
    edition
        The edition that is being published, already opened in this transaction.
    rows
        New rows, also those that only receive nodes.
    removed
        Stored rows of units that stand no more.
    """
    await connection.execute(text(_SCRATCH))
    await copy_rows(connection, _COPY, _lines(rows))
    await connection.execute(text("ANALYZE new_unit"))
    await end_rows(connection, edition, "new_unit")
    if removed:
        await connection.execute(text(_END_REMOVED), {"edition": edition, "rows": list(removed)})
    await begin_rows(connection, edition, "new_unit")


async def end_rows(
    connection: AsyncConnection, edition: int, source: str, **values: object
) -> None:
    """End the rows that new ones follow with the edition before.

    Parameters
    ----------
    source
        SQL of a relation with the columns of ``new_unit``; ``values`` are its parameters.
    """
    query = text(_END_FOLLOWED.format(source=source))
    await connection.execute(query, {"edition": edition} | values)


async def begin_rows(
    connection: AsyncConnection,
    edition: int,
    source: str,
    *,
    order: str = "new.level, new.code",
    **values: object,
) -> None:
    """Write the new rows of an edition; see :func:`end_rows`.

    Parameters
    ----------
    order
        SQL of the order in which drawn versions receive their numbers.
    """
    query = text(_BEGIN.format(source=source, order=order))
    await connection.execute(query, {"edition": edition} | values)


def _lines(rows: NewRows) -> Iterator[tuple[object, ...]]:
    return zip(
        rows.base_rows,
        rows.levels,
        rows.codes,
        rows.names,
        rows.parent_codes,
        ewkb_hex(rows.geoms),
        rows.chain.tolist(),
        rows.area_m2.tolist(),
        [orjson.dumps(columns).decode() for columns in rows.properties],
        rows.search_texts,
        rows.redrawn,
        rows.same_version,
        strict=True,
    )


async def write_outline(
    connection: AsyncConnection,
    edition: int,
    geom: BaseGeometry,
    chain: int,
    centre: tuple[float, float],
) -> None:
    """Exchange the outline of the topmost level from an edition on."""
    await connection.execute(
        text("UPDATE outline SET last_edition = :before WHERE last_edition IS NULL"),
        {"before": edition - 1},
    )
    await connection.execute(
        text(
            "INSERT INTO outline (geom, chain, lon0, lat0, first_edition)"
            " VALUES (CAST(:geom AS geometry), :chain, :lon0, :lat0, :edition)"
        ),
        {
            "geom": ewkb_hex(np.array([geom], object))[0],
            "chain": chain,
            "lon0": centre[0],
            "lat0": centre[1],
            "edition": edition,
        },
    )
