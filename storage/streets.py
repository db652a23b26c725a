"""Street networks as stored: written whole, read whole, the newest in use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import shapely
from sqlalchemy import text

from geo.crs import LocalMetric
from geo.streets import Streets
from storage.copying import Column, copy_rows, copy_statement, wkb_pieces

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from psycopg import AsyncConnection as Driver
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["KEPT", "NetworkRow", "StreetRows", "address_places", "newest", "read", "store"]

LOAD_LOCK = 0x77616E6767650008
"""Advisory lock that lets one network be loaded at a time ("wangge" and a number)."""

KEPT = 2
"""Networks whose nodes and edges are kept: the one in use, and the one that a process which began
before it may still be reading. Of older ones their row is left, which says what they were."""

PIECE = 50_000
"""Edges that are read at once: their bytes stay far below the gigabyte that one value may have."""

_HEAD_BYTES = 9
"""Of a line in WKB: byte order, type and number of vertices."""


class NetworkRow(NamedTuple):
    """One version of the streets."""

    id: int
    version: str
    lon0: float
    lat0: float
    node_count: int
    edge_count: int
    length_m: float
    source: Mapping[str, object]
    """What was read, by which rules, and what was left out."""
    loaded_at: dt.datetime
    loaded_by: str


class StreetRows(NamedTuple):
    """A network, column by column; see ``geo.streets.Streets``."""

    version: str
    lon0: float
    lat0: float
    node_lonlat: NDArray[np.float64]
    """Degrees, multiples of 1e-9, shape (n, 2)."""
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    length_m: NDArray[np.float64]
    line_start: NDArray[np.int64]
    line_lonlat: NDArray[np.float64]
    """Degrees, multiples of 1e-9, shape (k, 2)."""
    kinds: Sequence[str | None]
    names: Sequence[str | None]


class _Edges(NamedTuple):
    """All edges of a network in their order."""

    ends: NDArray[np.int32]
    """Nodes, shape (m, 2)."""
    points: NDArray[np.int64]
    """How many vertices each has, shape (m,)."""
    lonlat: NDArray[np.float64]
    """These vertices in turn, degrees, shape (k, 2)."""


async def lock_loading(connection: AsyncConnection) -> None:
    """Wait until nobody else loads a network; the lock goes with the transaction."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})


async def store(
    connection: AsyncConnection,
    rows: StreetRows,
    *,
    source: Mapping[str, object],
    loaded_by: str,
) -> int:
    """Store a network, which is in use from the commit on, and let go of old ones.

    Parameters
    ----------
    rows
        The network; none is compared with it.
    source
        What was read.
    loaded_by
        Who loads it.

    Returns
    -------
    int
        The network's id.

    Notes
    -----
    About 20 us an edge, all in the connection's transaction: whatever ends it before its commit
    leaves the old network in use.
    """
    await lock_loading(connection)
    values = {
        "version": rows.version,
        "lon0": rows.lon0,
        "lat0": rows.lat0,
        "nodes": len(rows.node_lonlat),
        "edges": len(rows.a),
        "length_m": float(rows.length_m.sum()),
        "source": orjson.dumps(source).decode(),
        "loaded_by": loaded_by,
    }
    network: int = (await connection.execute(text(_INSERT), values)).scalar_one()
    nodes, edges = copy_statement("street_node", _NODE), copy_statement("street_edge", _EDGE)
    await copy_rows(connection, nodes, _node_lines(network, rows), _NODE)
    await copy_rows(connection, edges, _edge_lines(network, rows), _EDGE)
    await connection.execute(text(_PRUNE_EDGES), {"kept": KEPT})
    await connection.execute(text(_PRUNE_NODES), {"kept": KEPT})
    return network


async def newest(connection: AsyncConnection) -> NetworkRow | None:
    """Return the network in use; None when none was ever loaded."""
    found = (await connection.execute(text(_NEWEST))).one_or_none()
    return None if found is None else NetworkRow(*found)


async def read(connection: AsyncConnection, network: int) -> Streets | None:
    """Return a network as it was built; None if its streets are not kept any more.

    Notes
    -----
    Leans on the primary keys. Columns come as one value each, and lines as joined WKB: 212,000
    edges take about a second, and no object is made of any of them.
    """
    head = (await connection.execute(text(_HEAD), {"network": network})).one_or_none()
    if head is None:
        return None
    _, _, _, node_count, edge_count = head
    nodes = await _node_lonlat(connection, network)
    edges = await _edges(connection, network, edge_count)
    if len(nodes) != node_count or len(edges.ends) != edge_count:
        return None
    return await asyncio.to_thread(_network, head[:3], nodes, edges)


def _network(
    head: Sequence[Any],  # as the driver gives it
    nodes: NDArray[np.float64],
    edges: _Edges,
) -> Streets:
    """Return a network of what is stored of it; ``head`` is its version and centre."""
    version, lon0, lat0 = head
    ends, points, lonlat = edges
    plane = LocalMetric(lon0, lat0)
    return Streets.of_edges(
        version=version,
        plane=plane,
        node_xy=plane.forward(nodes),
        a=ends[:, 0].copy(),
        b=ends[:, 1].copy(),
        line_start=np.concatenate([[0], np.cumsum(points)]).astype(np.int64),
        line_xy=plane.forward(lonlat),
    )


async def address_places(connection: AsyncConnection) -> NDArray[np.float64]:
    """Return where the addresses that stand lie, in degrees, shape (n, 2), in no order."""
    (packed,) = await _fetch(connection, _ADDRESSES, ())
    return _pairs(packed)


def _node_lines(network: int, rows: StreetRows) -> Iterator[tuple[object, ...]]:
    """Yield the nodes as the COPY statement names their columns."""
    points = shapely.points(rows.node_lonlat)
    for number, wkb in enumerate(wkb_pieces(np.asarray(points))):
        yield network, number, _in_degrees(wkb)


def _edge_lines(network: int, rows: StreetRows) -> Iterator[tuple[object, ...]]:
    """Yield the edges as the COPY statement names their columns."""
    edge = np.repeat(np.arange(len(rows.a)), np.diff(rows.line_start))
    lines = np.asarray(shapely.linestrings(rows.line_lonlat, indices=edge))
    columns = zip(
        rows.a.tolist(),
        rows.b.tolist(),
        rows.length_m.tolist(),
        rows.kinds,
        rows.names,
        map(_in_degrees, wkb_pieces(lines)),
        strict=True,
    )
    for number, column in enumerate(columns):
        yield network, number, *column


def _in_degrees(wkb: bytes | None) -> bytes:
    """Return little-endian WKB of a point or a line as that of one in degrees of WGS 84."""
    if wkb is None:
        raise ValueError("a node or an edge of a network has a place")
    return wkb[:4] + b"\x20\xe6\x10\x00\x00" + wkb[5:]


async def _fetch(
    connection: AsyncConnection, query: bytes, values: tuple[int, ...]
) -> tuple[bytes, ...]:
    """Return one row of bytes in binary form: as text they would be twice as long."""
    raw = await connection.get_raw_connection()
    driver: Driver[tuple[bytes, ...]] = raw.driver_connection  # type: ignore[assignment] # psycopg's
    async with driver.cursor(binary=True) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone() or ()


async def _node_lonlat(connection: AsyncConnection, network: int) -> NDArray[np.float64]:
    """Return the degrees of all nodes in their order, shape (n, 2)."""
    (packed,) = await _fetch(connection, _READ_NODES, (network,))
    return _pairs(packed)


def _pairs(packed: bytes | None) -> NDArray[np.float64]:
    """Return pairs of numbers as the database sends them, shape (n, 2)."""
    return np.frombuffer(packed or b"", dtype=">f8").astype(np.float64).reshape(-1, 2)


async def _edges(connection: AsyncConnection, network: int, count: int) -> _Edges:
    ends, points, lonlat = [], [], []
    for first in range(0, count, PIECE):
        values = (network, first, first + PIECE)
        numbers, lines = await _fetch(connection, _READ_EDGES, values)
        table = np.frombuffer(numbers or b"", dtype=">i4").reshape(-1, 3)
        ends.append(table[:, :2].astype(np.int32))
        points.append(table[:, 2].astype(np.int64))
        lonlat.append(_vertices(lines or b"", points[-1]))
    empty = np.zeros((0, 2))
    return _Edges(
        np.concatenate([empty.astype(np.int32), *ends]),
        np.concatenate([np.zeros(0, np.int64), *points]),
        np.concatenate([empty, *lonlat]),
    )


def _vertices(lines: bytes, points: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the vertices of lines in little-endian WKB, one after another, shape (k, 2)."""
    size = _HEAD_BYTES + 16 * points
    head = np.repeat(np.cumsum(size) - size, _HEAD_BYTES).reshape(-1, _HEAD_BYTES)
    is_head = np.zeros(len(lines), bool)
    is_head[head + np.arange(_HEAD_BYTES)] = True
    coordinates = np.frombuffer(lines, dtype=np.uint8)[~is_head]
    return coordinates.view("<f8").astype(np.float64).reshape(-1, 2)


_NODE = (Column("network", "int8"), Column("node", "int4"), Column("geom", "bytea"))
_EDGE = (
    Column("network", "int8"),
    Column("edge", "int4"),
    Column("a", "int4"),
    Column("b", "int4"),
    Column("length_m", "float8"),
    Column("kind", "text"),
    Column("name", "text"),
    Column("geom", "bytea"),
)
_INSERT = """
INSERT INTO street_network
    (version, lon0, lat0, node_count, edge_count, length_m, source, loaded_by)
VALUES (:version, :lon0, :lat0, :nodes, :edges, :length_m, CAST(:source AS jsonb), :loaded_by)
RETURNING id
"""
_PRUNE_EDGES = """
DELETE FROM street_edge
WHERE network NOT IN (SELECT id FROM street_network ORDER BY id DESC LIMIT :kept)
"""
_PRUNE_NODES = """
DELETE FROM street_node
WHERE network NOT IN (SELECT id FROM street_network ORDER BY id DESC LIMIT :kept)
"""
_NEWEST = """
SELECT id, version, lon0, lat0, node_count, edge_count, length_m, source, loaded_at, loaded_by
FROM street_network ORDER BY id DESC LIMIT 1
"""
_HEAD = "SELECT version, lon0, lat0, node_count, edge_count FROM street_network WHERE id = :network"
_READ_NODES = b"""
SELECT string_agg(float8send(ST_X(geom)) || float8send(ST_Y(geom)), '' ORDER BY node)
FROM street_node WHERE network = %s
"""
_ADDRESSES = b"""
SELECT string_agg(float8send(ST_X(geom)) || float8send(ST_Y(geom)), '')
FROM address WHERE last_edition IS NULL
"""
_READ_EDGES = b"""
SELECT string_agg(int4send(a) || int4send(b) || int4send(ST_NPoints(geom)), '' ORDER BY edge),
       string_agg(ST_AsBinary(geom, 'NDR'), '' ORDER BY edge)
FROM street_edge WHERE network = %s AND edge >= %s AND edge < %s
"""
