"""Vector tiles as GDAL reads them."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyogrio
import shapely

from storage.tiles import TileAt

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

GRID = 4096
BUFFER = 64
HALF_WORLD_M = math.pi * 6378137


class Feature(NamedTuple):
    """One feature: coordinates in steps of the tile's grid from its lower left corner."""

    number: int | None
    attributes: dict[str, Any]
    land: BaseGeometry


def layers(mvt: bytes) -> dict[str, list[Feature]]:
    """Return the features of each layer, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.mvt"
        path.write_bytes(mvt)
        names = [str(name) for name, _ in pyogrio.list_layers(path)]
        return {name: _features(path, name) for name in names}


def _features(path: Path, layer: str) -> list[Feature]:
    meta, _, wkb, columns = pyogrio.raw.read(path, layer=layer, CLIP="NO")  # with its margin
    found = []
    for row, land in enumerate(shapely.from_wkb(wkb)):
        attributes = {
            str(name): column[row]
            for name, column in zip(meta["fields"], columns, strict=True)
            if column[row] is not None and column[row] == column[row]  # no NaN
        }
        number = attributes.pop("mvt_id", None)
        found.append(Feature(int(number) if number is not None else None, attributes, land))
    return found


def tile_of(lon: float, lat: float, zoom: int) -> TileAt:
    """Return the tile that holds a point."""
    side = 2**zoom
    north = math.asinh(math.tan(math.radians(lat))) / math.pi
    return TileAt(zoom, int((lon + 180) / 360 * side), int((1 - north) / 2 * side))
