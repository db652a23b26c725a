"""The first file of a city has nothing beside it that would show a shift, and that is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.publishing.drawing import DISTRICT, write_geojson

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge

pytestmark = pytest.mark.postgis


def notices(wangge: Wangge, file: Path, *options: str) -> list[str]:
    """Return the codes of what is told of a file of districts."""
    draft = wangge.draft("district", file, "--dry-run", *options)
    return [notice["code"] for notice in draft["source"]["notices"]]


def test_the_first_file_of_a_chinese_city_is_told_to_be_untested(
    wangge: Wangge, here: Path
) -> None:
    assert "DATUM_UNTESTED" in notices(wangge, write_geojson(here, DISTRICT))


def test_who_says_the_datum_is_not_told_so(wangge: Wangge, here: Path) -> None:
    file = write_geojson(here, DISTRICT)

    assert "DATUM_UNTESTED" not in notices(wangge, file, "--datum", "GCJ02")


def test_a_file_beside_what_stands_is_tested(town: Wangge, here: Path) -> None:
    assert "DATUM_UNTESTED" not in notices(town, write_geojson(here, DISTRICT))


def test_a_city_elsewhere_cannot_be_shifted_so(wangge: Wangge, here: Path) -> None:
    ring = [[2.30, 48.85], [2.31, 48.85], [2.31, 48.86], [2.30, 48.86], [2.30, 48.85]]
    land = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"code": "75"}, "geometry": land}
    here.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    assert "DATUM_UNTESTED" not in notices(wangge, here)
