"""What reading concludes of each file: what is expected, written by hand, and the page's tables.

    python -m tests.real.concluded [FOLDER]

writes the tables alone into docs/real-files.md. FOLDER holds the real files; else
``WANGGE_REAL_DATA`` names it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fixtures.__main__ import DATA
from geo.errors import WanggeError
from resolvers.grounds import ground_of_file
from sources.boundaries import BoundaryFile, Columns, read_boundaries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE = Path(__file__).resolve().parents[2] / "docs" / "real-files.md"

SHENZHEN = "b_china/shenzhen_wgs84/sz.json"
TOWN = "town:"
"""Begins the name of a file that comes with the program."""

OF_TEXT = frozenset({"ENCODING", "NAME_CUT", "TEXT_CUT", "TEXT_SPOILT"})
OF_SYSTEM = frozenset({"NO_CRS", "CRS", "AXES", "ROUGH_DATUM"})
OF_DATUM = frozenset({"DATUM"})


class Look(NamedTuple):
    """A layer of a file, and what its description says is in it."""

    file: str
    features: int
    layer: str | None = None
    code: str | None = None
    """The column of codes, where it has no usual name."""
    ground: str | None = None
    """The file whose polygons are the ground that stands."""
    encoding: str = "UTF-8"
    crs: str = "EPSG:4326"
    datum: str = "WGS84"
    notices: frozenset[str] = frozenset()
    """What must be said, and nothing else."""
    polygons: int | None = None
    """How many features are polygons; None for all."""


def _gcj02(name: str) -> tuple[Look, Look]:
    file = f"b_china/shenzhen_gcj02/{name}.json"
    return Look(file, 1), Look(
        file, 1, ground=SHENZHEN, datum="GCJ02", notices=frozenset({"DATUM"})
    )


_NO_CRS = frozenset({"NO_CRS"})

LOOKS: tuple[Look, ...] = (
    *(look for code in (440300, *range(440303, 440310)) for look in _gcj02(str(code))),
    Look(SHENZHEN, 10, code="qh"),
    Look("b_china/shenzhen_wgs84/sz.shp", 10, code="qh", notices=_NO_CRS),
    Look("b_china/shenzhen_wgs84/sz.shp", 10, code="qh", ground=SHENZHEN, notices=_NO_CRS),
    Look("b_china/shenzhen_wgs84/grid.shp", 9005, notices=_NO_CRS),
    *(Look(f"b_china/beijing_gcj02/{code}.json", 1) for code in (110000, 110105, 110108)),
    Look("d_malformed/chinese_poly.shp", 1, encoding="GB18030", notices=frozenset({"ENCODING"})),
    Look("d_malformed/geotools_missing/aaa1.shp", 1, notices=_NO_CRS),
    Look(
        "d_malformed/r5_hkzones-mixed-geometries.geojson",
        3,
        code="Name",
        polygons=1,
        notices=frozenset({"WRONG_TYPE"}),
    ),
    Look("d_malformed/r5_hkzones-no-collection.geojson", 1, code="Name"),
    Look("d_malformed/r5_valid-polygon-projected.geojson", 3, code="Name", crs="EPSG:3857"),
    Look("d_malformed/kml/bad.kml", 1, code="Name"),
    Look("d_malformed/kml/polygon.kml", 1, code="Name", notices=frozenset({"HEIGHTS_DROPPED"})),
    Look("d_malformed/!test.geojson", 1, code="ISO3166-1"),
    Look("d_malformed/pyogrio_curvepolygon.gpkg", 1, notices=frozenset({"CURVES"})),
    Look("d_malformed/mapshaper_mixed_crs.gpkg", 1, "oregon_2269", "ST", crs="EPSG:2269"),
    Look("d_malformed/mapshaper_mixed_crs.gpkg", 1, "oregon_4326", "ST"),
    *(
        Look(f"{TOWN}town.gpkg", count, level)
        for level, count in (("district", 1), ("subdistrict", 2), ("community", 9), ("grid", 46))
    ),
    Look(f"{TOWN}town.gpkg", 30, "compound"),
    Look(f"{TOWN}grids.geojson", 46),
    Look(
        f"{TOWN}grids_gbk.zip",
        46,
        encoding="GB18030",
        crs="EPSG:4523",
        notices=frozenset({"ENCODING"}),
    ),
    Look(
        f"{TOWN}grids_next_year.gpkg",
        53,
        polygons=51,
        notices=frozenset({"NO_GEOMETRY", "WRONG_TYPE"}),
    ),
    Look(f"{TOWN}compounds.geojson", 30),
    Look(f"{TOWN}compounds_next_year.geojson", 33),
    Look(f"{TOWN}buildings.geojson", 2785),
)
"""All files of the folders b_china and d_malformed, and the town's own, that hold polygons."""

REFUSED: tuple[tuple[str, str], ...] = (
    ("b_china/areacity_level4.csv", "in no known format"),
    ("b_china/beijing_gcj02/110108_names.csv", "in no known format"),
    ("d_malformed/duplicate_fields.dbf", "one part of a Shapefile"),
    ("d_malformed/geotools_bad/state.shp", "no polygon but Point"),
    ("d_malformed/geotools_empty/empty-shapefile.shp", "no features"),
    ("d_malformed/geotools_missing/aaa2.shp", r"without its \.dbf part"),
    ("d_malformed/kml/gdal_truncated.kml", "broken XML .*line 35"),
    ("d_malformed/kml/multigeometry.kml", "no polygon but MultiLineString"),
    ("d_malformed/kml/networklink.kml", "no features"),
    ("d_malformed/kml/nogeomplacemark.kml", "no geometry at all"),
    ("d_malformed/kml/null_geometry.kml", "no geometry at all"),
    ("d_malformed/mapshaper_big5_cpg/big5.shp", "no polygon but Point"),
    ("d_malformed/mapshaper_dbf/big5.dbf", "one part of a Shapefile"),
    ("d_malformed/mapshaper_dbf/gbk.dbf", "one part of a Shapefile"),
    ("d_malformed/mapshaper_dbf/utf8.dbf", "one part of a Shapefile"),
    ("d_malformed/mapshaper_mixed_crs.gpkg", "oregon_2269, oregon_4326"),
    ("d_malformed/openring.json", "not closed .* row 1;"),
    ("d_malformed/r5_empty.geojson", "is empty"),
    (f"{TOWN}addresses_1.csv", "in no known format"),
    (f"{TOWN}streets.geojson", "no polygon but LineString"),
    (f"{TOWN}town.gpkg", "district, subdistrict, community, grid, compound"),
)
"""The others, and what is said of them."""


def path_of(folder: Path, file: str) -> Path:
    """Return where a file lies."""
    return DATA / file.removeprefix(TOWN) if file.startswith(TOWN) else folder / file


def read_look(folder: Path, look: Look) -> BoundaryFile:
    """Read a file as the case says."""
    stands = None
    if look.ground is not None:
        stands = read_boundaries(path_of(folder, look.ground), need_code=False)
    return read_boundaries(
        path_of(folder, look.file),
        layer=look.layer,
        columns=Columns(code=look.code),
        need_code=False,
        ground=ground_of_file(stands) if stands is not None else None,
    )


HEAD = ("file, layer", "format", "features", "encoding", "coordinates", "datum", "columns", "more")


def read_row(folder: Path, look: Look) -> list[str]:
    """Return what was concluded of a file, as a row of a table."""
    found = read_look(folder, look)
    name = look.file.removeprefix(TOWN)
    layer = f", {look.layer}" if look.layer else ""
    ground = f", on {Path(look.ground).name}" if look.ground else ""
    columns = _columns(found)
    given = " (named by hand)" if look.code else ""
    rest = [
        f"`{n.code}` ({n.feature_count}): {n.message}"
        for n in found.notices
        if n.code not in OF_TEXT | OF_SYSTEM | OF_DATUM
    ]
    return [
        f"{name}{layer}{ground}",
        found.format,
        f"{len(found.rows):,}",
        _with(found.encoding, found, OF_TEXT),
        _with(found.crs, found, OF_SYSTEM),
        _with(found.datum.value, found, OF_DATUM),
        (", ".join(columns) + given) if columns else "none",
        "; ".join(rest) or "—",
    ]


def _columns(found: BoundaryFile) -> list[str]:
    meanings = ("code", "name", "parent", "households", "people")
    named = [(meaning, getattr(found.columns, meaning)) for meaning in meanings]
    return [f"{meaning}={column}" for meaning, column in named if column is not None]


def _with(concluded: str, found: BoundaryFile, codes: Iterable[str]) -> str:
    """Return a conclusion with its evidence."""
    said = [notice.message for notice in found.notices if notice.code in codes]
    return f"{concluded}: {'; '.join(said)}" if said else concluded


def refused_row(folder: Path, file: str) -> list[str]:
    """Return why a file is refused, as a row of a table."""
    try:
        read_boundaries(path_of(folder, file))
    except WanggeError as error:
        return [file.removeprefix(TOWN), str(error)]
    raise ValueError(f"{file} is not refused")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    plain = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *plain])


def write_between(name: str, text: str, *, page: Path = PAGE) -> None:
    """Write a part of a page, between the marks that carry its name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page.name} has no part {name}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", "utf-8")


def folder_given() -> Path:
    """Return the folder of the real files."""
    return Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["WANGGE_REAL_DATA"])


def main() -> None:
    """Read all files, and write what was concluded."""
    folder = folder_given()
    read = markdown(HEAD, [read_row(folder, look) for look in LOOKS])
    refused = markdown(("file", "refused"), [refused_row(folder, file) for file, _ in REFUSED])
    write_between("concluded", f"{read}\n\n{refused}")


if __name__ == "__main__":
    main()
