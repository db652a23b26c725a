"""Reports read again, by other means than those that wrote them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import shapely
from pyogrio.raw import read

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


def table(path: Path, layer: str) -> tuple[list[Any], dict[str, list[Any]], Json]:
    """Return geometries, columns and facts of a layer."""
    meta, _, wkb, columns = read(path, layer=layer)
    geoms = [] if wkb is None else shapely.from_wkb(wkb).tolist()
    named = zip(meta["fields"].tolist(), (column.tolist() for column in columns), strict=True)
    return geoms, dict(named), meta


def page_data(path: Path) -> Json:
    """Return what a page's program reads."""
    text = path.read_text(encoding="utf-8").split('<script type="application/json" id="data">')[1]
    found: Json = json.loads(text.split("</script>")[0])
    return found
