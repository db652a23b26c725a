"""The real files that a whole check and a whole repair are shown on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sources.boundaries import BoundaryFile, Columns, read_boundaries

if TYPE_CHECKING:
    from pathlib import Path


class Case(NamedTuple):
    """A layer of a real file, alone or in the layer that it should fill."""

    name: str
    file: str
    layer: str | None = None
    code: str | None = None
    within: str | None = None
    within_layer: str | None = None
    within_code: str | None = None


class Read(NamedTuple):
    """The two files, read."""

    units: BoundaryFile
    parents: BoundaryFile | None


CLEAN = "a_defects/mapshaper_clean/"
TAIWAN = "b_hierarchy/taiwan_villages-10t.json"
LIECHTENSTEIN = "derived/liechtenstein_admin"

CASES = (
    Case("Zurich, quarters", "a_defects/zurich_city.geojson", code="cartodb_id"),
    Case("Denver, precincts 2020", "a_defects/denver_precincts2020_orig.zip"),
    Case("Denver, precincts 2020, mended by maup", "a_defects/denver_precincts2020_repaired.zip"),
    Case("Denver, precincts 2016", "a_defects/denver_precincts2016_orig.zip", code="NAMELSAD"),
    Case("Providence, precincts", "a_defects/providence_precincts.zip", code="NAME"),
    Case(
        "Providence, precincts in districts",
        "a_defects/providence_precincts.zip",
        code="NAME",
        within="a_defects/providence_districts.zip",
    ),
    Case(
        "Providence, blocks in districts",
        "a_defects/providence_blocks.zip",
        within="a_defects/providence_districts.zip",
    ),
    Case("Chicago, communities", "a_defects/chicago_communities.geojson", code="cartodb_id"),
    Case("Vermont, towns", "a_defects/vt_towns.zip"),
    Case("Taiwan, nation", TAIWAN, "nation", "id"),
    Case("Taiwan, counties in the nation", TAIWAN, "counties", "COUNTYCODE", TAIWAN, "nation"),
    Case("Taiwan, towns in counties", TAIWAN, "towns", "TOWNCODE", TAIWAN, "counties"),
    Case("Taiwan, villages in towns", TAIWAN, "villages", "VILLCODE", TAIWAN, "towns"),
    Case(
        "Liechtenstein, communes in districts",
        f"{LIECHTENSTEIN}8.geojson",
        code="osm_id",
        within=f"{LIECHTENSTEIN}6.geojson",
        within_code="osm_id",
    ),
    Case("mapshaper ex1, Yemen", f"{CLEAN}ex1_yemen.json", code="ADM2_CODE"),
    Case("mapshaper ex3", f"{CLEAN}ex3.json"),
    Case("mapshaper ex4", f"{CLEAN}ex4.json"),
    Case("mapshaper ex5, precincts", f"{CLEAN}ex5_three_precincts.json"),
    Case("mapshaper ex6", f"{CLEAN}ex6.json"),
    Case("mapshaper ex10, bow-tie", f"{CLEAN}ex10_bowtie.json"),
    Case("mapshaper ex22, Iowa", f"{CLEAN}ex22_three_ia_precincts.json"),
)
"""All but mapshaper's ex7: degrees beyond 180 are refused, see ``test_reading``."""


def read_case(folder: Path, case: Case) -> Read:
    """Read a case's files."""
    units = read_boundaries(
        folder / case.file, layer=case.layer, columns=Columns(code=case.code), need_code=False
    )
    if case.within is None:
        return Read(units, None)
    return Read(
        units,
        read_boundaries(
            folder / case.within,
            layer=case.within_layer,
            columns=Columns(code=case.within_code),
            need_code=False,
        ),
    )
