"""TileJSON 3.0: what a map client needs to know of tiles before it asks for one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resolvers.tiles import MAX_ZOOM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Bounds = tuple[float, float, float, float]

SHOWN_ZOOM = 18
"""The highest zoom that is named: clients draw its tiles larger beyond, and a step of their grid is
4 cm. Tiles are there up to ``resolvers.tiles.MAX_ZOOM``."""

UNIT_FIELDS = {
    "id": "the unit's id, as in GraphQL",
    "code": "its code",
    "name": "its name",
    "parent": "code of the unit above",
    "households": "households of the addresses in it",
}
FINDING_FIELDS = {
    "id": "the finding's id, as in GraphQL",
    "kind": "what is wrong",
    "rule": "the clause that it breaks",
    "severity": "BLOCKING, WARNING or INFO",
    "message": "what is wrong, in words",
    "areaM2": "land concerned, in square metres",
    "widthM": "largest width of the land, in metres",
    "households": "households of the addresses concerned",
    "units": "codes of the units concerned, with commas between",
    "parent": "code of the unit above",
    "waived": "whether it was accepted",
}
CIRCLE_FIELDS = {
    "kinds": "kinds of the service points, with commas between",
    "minutes": "minutes of the walk",
    "metres": "metres of the walk",
    "basis": "NETWORK along the streets, RADIUS as the crow flies",
}


def layer(key: str, description: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what TileJSON says of one layer."""
    return {
        "id": key,
        "description": description,
        "minzoom": 0,
        "maxzoom": SHOWN_ZOOM,
        "fields": dict(fields),
    }


def tilejson(
    address: str,
    layers: Sequence[Mapping[str, Any]],
    bounds: Bounds | None,
    *,
    name: str,
    edition: int | None = None,
) -> dict[str, Any]:
    """Return the TileJSON of some layers.

    Parameters
    ----------
    address
        Of a tile, with ``{z}``, ``{x}`` and ``{y}`` in it.
    layers
        As :func:`layer` returns them.
    bounds
        West, south, east, north in degrees; None where there is nothing.
    name
        Of the map.
    edition
        Of which the tiles are, if they are of one.
    """
    told: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": name,
        "scheme": "xyz",
        "tiles": [address],
        "minzoom": 0,
        "maxzoom": SHOWN_ZOOM,
        "vector_layers": list(layers),
    }
    if edition is not None:
        told |= {"version": f"{edition}.0.0", "edition": edition}
    if bounds is not None:
        west, south, east, north = bounds
        centre = [(west + east) / 2, (south + north) / 2, _zoom_of(bounds)]
        told |= {"bounds": [west, south, east, north], "center": centre}
    return told


def _zoom_of(bounds: Bounds) -> int:
    """Return the highest zoom of which one tile is as large as a box."""
    west, south, east, north = bounds
    stretched = (north - south) / max(math.cos(math.radians((south + north) / 2)), _LEAST)
    side = max(east - west, stretched)
    if side <= 0:
        return SHOWN_ZOOM
    return min(max(math.floor(math.log2(360 / side)), 0), SHOWN_ZOOM, MAX_ZOOM)


_LEAST = 0.01
"""Of a cosine: nearer to a pole there is no map."""
