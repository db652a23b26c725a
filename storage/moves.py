"""Land that changed hands when a draft was mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shapely
from psycopg.sql import SQL
from sqlalchemy import func, select, tuple_

from storage.copying import copy_rows
from storage.models import DraftMove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.ext.asyncio import AsyncConnection


class NewMove(NamedTuple):
    """Land from some units, or from nobody, to one, or to nobody."""

    givers: tuple[str, ...]
    taker: str | None
    land: BaseGeometry
    area_m2: float
    width_m: float
    pieces: int
    households: int
    finding_id: str | None


class MoveRow(NamedTuple):
    """A stored move."""

    row_id: int
    givers: list[str]
    taker: str | None
    wkb: bytes
    area_m2: float
    width_m: float
    pieces: int
    households: int
    finding_id: str | None


class MovePlace(NamedTuple):
    """A place in the list of a draft's moves."""

    area_m2: float
    row_id: int


_COPY = SQL(
    "COPY draft_move (draft_id, givers, taker, geom, area_m2, width_m, pieces, households,"
    " finding_id) FROM STDIN"
)


async def write_moves(connection: AsyncConnection, draft: int, moves: Iterable[NewMove]) -> None:
    """Store what a repair moved to make a draft."""
    await copy_rows(connection, _COPY, _lines(draft, moves))


def _lines(draft: int, moves: Iterable[NewMove]) -> Iterator[tuple[object, ...]]:
    for move in moves:
        land = shapely.set_srid(move.land, 4326)
        yield (
            draft,
            list(move.givers),
            move.taker,
            shapely.to_wkb(land, hex=True, include_srid=True),
            move.area_m2,
            move.width_m,
            move.pieces,
            move.households,
            move.finding_id,
        )


async def moves_of(
    connection: AsyncConnection, draft: int, *, first: int, after: MovePlace | None = None
) -> list[MoveRow]:
    """Return up to ``first`` moves of a draft, largest first; leans on ``draft_move_largest``."""
    query = (
        select(
            DraftMove.row_id,
            DraftMove.givers,
            DraftMove.taker,
            func.ST_AsBinary(DraftMove.__table__.c.geom),
            DraftMove.area_m2,
            DraftMove.width_m,
            DraftMove.pieces,
            DraftMove.households,
            DraftMove.finding_id,
        )
        .where(DraftMove.draft_id == draft)
        .order_by(DraftMove.area_m2.desc(), DraftMove.row_id.desc())
        .limit(first)
    )
    if after is not None:
        query = query.where(tuple_(DraftMove.area_m2, DraftMove.row_id) < tuple_(*after))
    return [MoveRow(*row) for row in await connection.execute(query)]


async def count_moves(connection: AsyncConnection, draft: int) -> int:
    """Return how many moves made a draft."""
    query = select(func.count()).select_from(DraftMove).where(DraftMove.draft_id == draft)
    return (await connection.scalar(query)) or 0
