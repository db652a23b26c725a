"""What a GeoPackage says of its layers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def geometry_column(path: Path, layer: str) -> tuple[str, bool]:
    """Return of which type the geometries of a layer are, and whether they may have measures.

    ``GEOMETRY`` where it does not say, or cannot be asked.
    """
    asked = "SELECT geometry_type_name, m FROM gpkg_geometry_columns WHERE table_name = ?"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            found = database.execute(asked, (layer,)).fetchone()
    except sqlite3.Error:
        found = None
    if found is None:
        return "GEOMETRY", True
    return str(found[0]).upper(), found[1] != 0
