"""Vector tiles, made by PostGIS: one statement for a tile, and one for what an edition spans.

A tile's vertices are whole numbers of its grid. ``ST_AsMVTGeom`` takes vertices out of each polygon
by itself once more, so that neighbours come apart by half a step of the grid. Units are therefore
put on the grid here, vertex by vertex and nothing else: what was shared stays shared. Where that
folds a polygon over itself it is mended. Findings and circles have no neighbours and go through
``ST_AsMVTGeom``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import orjson
from sqlalchemy import Boolean, LargeBinary, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

GRID = 4096
"""Steps of a tile's side: the specification's usual number."""

BUFFER = 64
"""Steps that are drawn beyond each side, for lines that are drawn wide."""

HALF_WORLD_M = 20037508.342789244
"""Half the side of the square of Web Mercator: pi times 6378137 m."""


STRAIGHT_ZOOM = 14
"""From here on Web Mercator is a straight line within a tile: with the north and south side where
they belong, 512 h sin(lat) steps is the most that a vertex is off, h being the tile's side in
radians, thus less than a fifth of a step. That saves PROJ half of what drawing takes."""


class TileAt(NamedTuple):
    """A square of the map: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int


class Span(NamedTuple):
    """What the units of a level take up in an edition."""

    level: str
    units: int
    west: float
    south: float
    east: float
    north: float


class UnitTile(NamedTuple):
    """What a statement found for a tile of units."""

    made: bool
    """Whether the pictures that were asked for are there."""
    mvt: bytes
    """Empty where no unit is seen."""


async def spans(connection: AsyncConnection, edition: int) -> list[Span] | None:
    """Return what each level that has units takes up in an edition, by rank; None of no edition.

    Reads the boxes of all units, which lie in front of their coordinates: ask once.
    """
    rows = (await connection.execute(_SPANS, {"edition": edition})).all()
    if not rows:
        return None
    return [Span(*row) for row in rows if row[0] is not None]


async def of_units(
    connection: AsyncConnection,
    edition: int,
    levels: Sequence[str],
    tile: TileAt,
    *,
    step_mm: int | None,
) -> UnitTile:
    """Return the units of some levels as one tile, a layer a level, by code.

    Parameters
    ----------
    levels
        Keys, in the order of the layers.
    step_mm
        Of the pictures (:mod:`storage.pictures`) that are drawn; None draws units as stored.

    Notes
    -----
    Leans on ``unit_geom``, and on the primary key of ``picture``. The order of features is that of
    their codes, so that the same edition always gives the same bytes.
    """
    given = _place(tile) | {"edition": edition, "levels": list(levels), "step_mm": step_mm}
    rows = (await connection.execute(_UNITS, given)).all()
    return UnitTile(all(made for made, _ in rows), b"".join(bytes(mvt) for _, mvt in rows))


async def of_shapes(
    connection: AsyncConnection,
    layer: str,
    tile: TileAt,
    shapes: Sequence[tuple[bytes, Mapping[str, object]]],
) -> bytes:
    """Return geometries in degrees, given as WKB with their attributes, as one layer of a tile."""
    given = (
        _place(tile)
        | tile._asdict()
        | {
            "layer": layer,
            "wkbs": [wkb for wkb, _ in shapes],
            "attributes": [orjson.dumps(attributes).decode() for _, attributes in shapes],
        }
    )
    return bytes(await connection.scalar(_SHAPES, given) or b"")


def degrees_of(tile: TileAt, margin: float = 0.0) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a tile, widened by so many steps of its grid."""
    side = 2 * HALF_WORLD_M / 2**tile.z
    wider = margin * side / GRID
    west = tile.x * side - HALF_WORLD_M - wider
    north = HALF_WORLD_M - tile.y * side + wider
    east, south = west + side + 2 * wider, north - side - 2 * wider
    return _lon(west), _lat(south), _lon(east), _lat(north)


def _lon(x_m: float) -> float:
    return 180.0 * x_m / HALF_WORLD_M


def _lat(y_m: float) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * y_m / HALF_WORLD_M)))


def _place(tile: TileAt) -> dict[str, object]:
    """Return what the statements need to know of a tile's place."""
    west, south, east, north = degrees_of(tile, BUFFER)
    return {
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        **(_straight(tile) if tile.z >= STRAIGHT_ZOOM else _projected(tile)),
    }


def _projected(tile: TileAt) -> dict[str, object]:
    """Return how metres of Web Mercator become steps of a tile."""
    steps = GRID * 2**tile.z / (2 * HALF_WORLD_M)
    return {
        "straight": False,
        "wide": steps,
        "high": steps,
        "x0": GRID * (2 ** (tile.z - 1) - tile.x) * 1.0,
        "y0": GRID * (2 ** (tile.z - 1) - tile.y) * 1.0,
    }


def _straight(tile: TileAt) -> dict[str, object]:
    """Return how degrees become steps of a tile."""
    west, south, east, north = degrees_of(tile)
    wide, high = GRID / (east - west), GRID / (north - south)
    return {"straight": True, "wide": wide, "high": high, "x0": -wide * west, "y0": high * north}


_SPANS = text("""
SELECT span.level, span.units, ST_XMin(span.box), ST_YMin(span.box), ST_XMax(span.box),
       ST_YMax(span.box)
FROM edition e
LEFT JOIN LATERAL (
  SELECT u.level, l.rank, count(*) AS units, ST_Extent(u.geom) AS box
  FROM unit u JOIN level l ON l.key = u.level
  WHERE u.first_edition <= e.number
    AND (u.last_edition IS NULL OR u.last_edition >= e.number)
  GROUP BY u.level, l.rank
) span ON true
WHERE e.number = :edition
ORDER BY span.rank
""")

# OFFSET 0 keeps the planner from putting each step of the drawing into all places that use it, and
# from reading all pictures of an edition for one tile.
_UNITS = text("""
WITH here AS MATERIALIZED (
  SELECT ST_MakeEnvelope(:west, :south, :east, :north, 4326) AS land,
         CAST(:step_mm AS bigint) AS step_mm,
         CAST(:step_mm AS bigint) IS NULL OR EXISTS (
           SELECT FROM picture_step s
           WHERE s.edition = CAST(:edition AS integer) AND s.step_mm = CAST(:step_mm AS bigint)
         ) AS made
)
SELECT here.made, coalesce(layer.mvt, '')
FROM here
CROSS JOIN unnest(CAST(:levels AS text[])) WITH ORDINALITY AS wanted (key, place)
LEFT JOIN LATERAL (
  SELECT ST_AsMVT(seen.*, wanted.key, :grid, 'geom', 'number') AS mvt
  FROM (
    SELECT u.id AS number,
           encode(convert_to('Unit:' || u.id, 'UTF8'), 'base64') AS id,
           u.code, u.name, u.parent_code AS parent,
           coalesce((
             SELECT t.households FROM unit_tally t
             WHERE t.level = u.level AND t.code = u.code
               AND t.first_edition <= CAST(:edition AS integer)
               AND (t.last_edition IS NULL OR t.last_edition >= CAST(:edition AS integer))
           ), 0) AS households,
           whole.geom
    FROM unit u
    CROSS JOIN LATERAL (
      SELECT ST_ClipByBox2D(
        CASE WHEN CAST(:step_mm AS bigint) IS NULL THEN u.geom ELSE (
          SELECT p.geom FROM picture p
          WHERE p.edition = CAST(:edition AS integer) AND p.step_mm = CAST(:step_mm AS bigint)
            AND p.unit_row = u.row_id
        ) END,
        CAST(here.land AS box2d)
      ) AS geom
      OFFSET 0
    ) cut
    CROSS JOIN LATERAL (
      SELECT ST_SnapToGrid(
        ST_Affine(
          CASE WHEN :straight THEN cut.geom ELSE ST_Transform(cut.geom, 3857) END,
          :wide, 0, 0, -:high, :x0, :y0
        ), 1
      ) AS geom
      OFFSET 0
    ) grid
    CROSS JOIN LATERAL (
      SELECT ST_ForcePolygonCCW(
        CASE WHEN ST_IsValid(grid.geom) THEN grid.geom
             ELSE ST_CollectionExtract(ST_SnapToGrid(
               ST_MakeValid(grid.geom, 'method=structure keepcollapsed=false'), 1
             ), 3)
        END
      ) AS geom
      OFFSET 0
    ) whole
    WHERE u.level = wanted.key
      AND u.first_edition <= CAST(:edition AS integer)
      AND (u.last_edition IS NULL OR u.last_edition >= CAST(:edition AS integer))
      AND u.geom && here.land
      AND NOT ST_IsEmpty(whole.geom)
    ORDER BY u.code
  ) seen
) layer ON here.made
ORDER BY wanted.place
""").bindparams(
    bindparam("grid", GRID),
    bindparam("levels", type_=ARRAY(Text)),
    bindparam("straight", type_=Boolean),
)
"""Of each level a layer; all the same without it."""

_SHAPES = text("""
SELECT ST_AsMVT(seen.*, CAST(:layer AS text), :grid, 'geom')
FROM (
  SELECT given.attributes,
         ST_AsMVTGeom(
           ST_Transform(
             ST_ClipByBox2D(ST_SetSRID(ST_GeomFromWKB(given.wkb), 4326), CAST(here.land AS box2d)),
             3857
           ),
           ST_TileEnvelope(:z, :x, :y), :grid, :buffer
         ) AS geom
  FROM (SELECT ST_MakeEnvelope(:west, :south, :east, :north, 4326) AS land) here
  CROSS JOIN unnest(CAST(:wkbs AS bytea[]), CAST(:attributes AS jsonb[])) WITH ORDINALITY
    AS given (wkb, attributes, place)
  ORDER BY given.place
) seen
""").bindparams(
    bindparam("grid", GRID),
    bindparam("buffer", BUFFER),
    bindparam("wkbs", type_=ARRAY(LargeBinary)),
    bindparam("attributes", type_=ARRAY(Text)),
)
