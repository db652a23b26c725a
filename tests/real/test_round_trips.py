"""Real cities come back as no change from every format that they are exported to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from pyogrio.raw import read, write
from pyproj import Transformer

from tests.publishing.test_round_trips import SUFFIXES, comes_back, exported
from tests.real.test_cities import COUNTRY, FILES, ONE_LEVEL, OSM

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.publishing.outside import Wangge

pytestmark = [pytest.mark.real, pytest.mark.postgis]


def test_liechtenstein_comes_back(
    wangge: Wangge, here: Path, tmp_path: Path, real_data: Path
) -> None:
    here.write_text(COUNTRY, encoding="utf-8")
    wangge.ask("load", "levels", here)
    for edition, (level, name) in enumerate(FILES.items(), start=1):
        file = real_data / f"derived/liechtenstein_{name}.geojson"
        assert wangge.publish(level, file, *OSM) == edition

    for suffix in SUFFIXES:
        comes_back(wangge, "commune", exported(wangge, tmp_path, suffix, "commune"), 3)
    # by way of web maps' system, as a map program would write it
    path = exported(wangge, tmp_path, ".gpkg", "commune")
    meta, _, wkb, data = read(path)
    to = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to.transform(*xy.T))

    moved = shapely.to_wkb(shapely.transform(shapely.from_wkb(wkb), move))
    there = tmp_path / "there.gpkg"
    write(there, moved, data, meta["fields"], crs="EPSG:3857", geometry_type="MultiPolygon")
    comes_back(wangge, "commune", there, 3)


def test_denver_comes_back(wangge: Wangge, here: Path, tmp_path: Path, real_data: Path) -> None:
    """Precincts as their authors mended them, with ten holes that are land of others."""
    here.write_text(ONE_LEVEL, encoding="utf-8")
    wangge.ask("load", "levels", here)
    file = real_data / "a_defects/denver_precincts2020_repaired.zip"
    made = wangge.draft("precinct", file, exit_code=1)
    findings = made["report"]["findings"]["nodes"]
    assert [finding["kind"] for finding in findings] == ["BLANK"] * 10
    for finding in findings:
        wangge.ask("waive", finding["id"], "--reason", "land of others")
    assert int(wangge.ask("draft", "publish", made["id"])["number"]) == 1

    for suffix in SUFFIXES:
        comes_back(wangge, "precinct", exported(wangge, tmp_path, suffix, "precinct"), 1)
