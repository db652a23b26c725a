"""Every real file is read, or refused with one sentence that says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.crs import Datum, LocalMetric, Plane, convert
from geo.errors import UnreadableError, WanggeError
from sources.addresses import read_addresses
from sources.boundaries import Columns, read_boundaries

pytestmark = pytest.mark.real

# file, layer, named columns, features, CRS, encoding of its text (None: all of it is ASCII)
READ = [
    ("a_defects/denver_precincts2020_orig.zip", None, None, 356, "EPSG:2232", None),
    ("a_defects/denver_precincts2020_repaired.zip", None, None, 356, "EPSG:2232", None),
    ("a_defects/denver_precincts2016_orig.zip", None, "NAMELSAD", 346, "EPSG:2232", None),
    ("a_defects/denver_blocks2020.zip", None, None, 10149, "EPSG:2232", None),
    ("a_defects/providence_precincts.zip", None, "NAME", 59, "EPSG:4269", None),
    ("a_defects/providence_blocks.zip", None, None, 3014, "EPSG:4269", None),
    ("a_defects/providence_districts.zip", None, None, 15, "EPSG:4269", None),
    ("a_defects/vt_towns.zip", None, None, 246, "EPSG:4269", None),
    ("a_defects/geoplanar_possibly_invalid_snap.gpkg", None, None, 5, "EPSG:3035", None),
    ("a_defects/mexico_states.shp", None, None, 32, "EPSG:4326", None),
    ("a_defects/us48.shp", None, None, 48, "EPSG:4326", None),
    ("a_defects/chicago_communities.geojson", None, "cartodb_id", 98, "EPSG:4326", "UTF-8"),
    ("a_defects/zurich_city.geojson", None, "name", 34, "EPSG:4326", "UTF-8"),
    ("a_defects/mapshaper_clean/ex1_yemen.json", None, "ADM2_CODE", 2, "EPSG:4326", "UTF-8"),
    ("a_defects/mapshaper_clean/ex5_three_precincts.json", None, None, 3, "EPSG:4326", "UTF-8"),
    ("b_china/shenzhen_wgs84/sz.json", None, "qh", 10, "EPSG:4326", "UTF-8"),
    ("b_china/shenzhen_wgs84/sz.shp", None, "qh", 10, "EPSG:4326", "UTF-8"),
    ("b_china/shenzhen_wgs84/grid.shp", None, "LONCOL", 9005, "EPSG:4326", None),
    ("b_hierarchy/taiwan_villages-10t.json", "villages", None, 7701, "EPSG:4326", "UTF-8"),
    ("b_hierarchy/taiwan_villages-10t.json", "towns", None, 368, "EPSG:4326", "UTF-8"),
    ("b_hierarchy/taiwan_villages-10t.json", "counties", None, 22, "EPSG:4326", "UTF-8"),
    ("b_hierarchy/momepy_bubenec.gpkg", "tessellation", "uID", 144, "EPSG:3857", "UTF-8"),
    ("b_hierarchy/helsinki_population_grid_2020.gpkg", None, None, 92, "EPSG:4326", "UTF-8"),
    ("b_hierarchy/berlin_ortsteile.geojson", None, "sch", 97, "EPSG:4326", "UTF-8"),
    ("b_hierarchy/sf_blockgroups.shp", None, "BKG_KEY", 663, "EPSG:4326", None),
    ("d_malformed/chinese_poly.shp", None, None, 1, "EPSG:4326", "GB18030"),
    ("d_malformed/!test.geojson", None, "ISO3166-1", 1, "EPSG:4326", "UTF-8"),
    ("d_malformed/kml/bad.kml", None, "Name", 1, "EPSG:4326", "UTF-8"),
    ("d_malformed/kml/polygon.kml", None, "Name", 1, "EPSG:4326", "UTF-8"),
    ("d_malformed/mapshaper_mixed_crs.gpkg", "oregon_2269", "ST", 1, "EPSG:2269", "UTF-8"),
    ("d_malformed/mapshaper_mixed_crs.gpkg", "oregon_4326", "ST", 1, "EPSG:4326", "UTF-8"),
    ("d_malformed/r5_hkzones-mixed-geometries.geojson", None, "Name", 3, "EPSG:4326", "UTF-8"),
    ("d_malformed/r5_hkzones-no-collection.geojson", None, "Name", 1, "EPSG:4326", "UTF-8"),
    ("d_malformed/r5_valid-polygon-projected.geojson", None, "Name", 3, "EPSG:3857", "UTF-8"),
    ("derived/liechtenstein_admin8.geojson", None, None, 11, "EPSG:4326", "UTF-8"),
]


@pytest.mark.parametrize("described", READ, ids=lambda case: f"{case[0]} {case[1] or ''}")
def test_a_real_file_is_read_as_its_description_says(
    real_data: Path,
    described: tuple[str, str | None, str | None, int, str, str | None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    name, layer, code, count, crs, encoding = described

    found = read_boundaries(real_data / name, layer=layer, columns=Columns(code=code))

    assert len(found.rows) == len(found.codes) == len(found.geoms) == count
    assert found.crs == crs
    assert encoding is None or found.encoding == encoding
    assert capfd.readouterr() == ("", "")


REFUSED = [
    ("d_malformed/r5_empty.geojson", UnreadableError, "is empty"),
    ("d_malformed/openring.json", UnreadableError, "not closed .* row 1;"),
    ("d_malformed/geotools_empty/empty-shapefile.shp", UnreadableError, "no features"),
    ("d_malformed/geotools_bad/state.shp", UnreadableError, "no polygon but Point"),
    ("d_malformed/geotools_missing/aaa2.shp", UnreadableError, r"without its \.dbf part"),
    ("d_malformed/geotools_missing/aaa1.shp", UnreadableError, "no column of codes"),
    ("d_malformed/mapshaper_big5_cpg/big5.shp", UnreadableError, "no polygon but Point"),
    ("d_malformed/mapshaper_dbf/gbk.dbf", UnreadableError, "one part of a Shapefile"),
    ("d_malformed/kml/gdal_truncated.kml", UnreadableError, "broken XML .*line 35"),
    ("d_malformed/kml/networklink.kml", UnreadableError, "no features"),
    ("d_malformed/kml/null_geometry.kml", UnreadableError, "no geometry at all"),
    ("d_malformed/kml/nogeomplacemark.kml", UnreadableError, "no geometry at all"),
    ("d_malformed/kml/multigeometry.kml", UnreadableError, "no polygon but MultiLineString"),
    ("d_malformed/mapshaper_mixed_crs.gpkg", UnreadableError, "oregon_2269, oregon_4326"),
    ("d_malformed/pyogrio_curvepolygon.gpkg", UnreadableError, "no column of codes"),
    ("a_defects/jts_TestValid2.xml", UnreadableError, "no KML or GML"),
    ("a_defects/mapshaper_clean/ex7_britain.json", UnreadableError, "are no degrees"),
    ("b_china/beijing_gcj02/110108_names.csv", UnreadableError, "no known format"),
    ("b_hierarchy/taiwan_villages-10t.json", UnreadableError, "villages, towns, counties, nation"),
]


@pytest.mark.parametrize(("name", "kind", "said"), REFUSED)
def test_a_real_file_that_cannot_be_meant_says_why(
    real_data: Path, name: str, kind: type[WanggeError], said: str
) -> None:
    with pytest.raises(kind, match=said) as error:
        read_boundaries(real_data / name)

    assert "\n" not in str(error.value)


def test_no_real_file_ends_in_a_traceback(real_data: Path) -> None:
    folders = [path for path in real_data.iterdir() if path.name[:2] in ("a_", "b_", "d_")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]

    said = {file.name: what_is_said(file) for file in files}

    assert len(files) > 90
    assert sum(sentence is None for sentence in said.values()) >= 10, "these were read"
    for name, sentence in said.items():
        assert sentence is None or (name in sentence and "\n" not in sentence), sentence


def what_is_said(file: Path) -> str | None:
    """Return why a file is refused, None when it is read."""
    try:
        read_boundaries(file)
    except WanggeError as error:
        return str(error)
    return None


def test_the_curved_polygon_is_read_as_a_plain_one(real_data: Path) -> None:
    found = read_boundaries(real_data / "d_malformed/pyogrio_curvepolygon.gpkg", need_code=False)

    assert [geom.geom_type for geom in found.geoms] == ["Polygon"]


def test_heilongjiang_is_spelt_right(real_data: Path) -> None:
    found = read_boundaries(real_data / "d_malformed/chinese_poly.shp")

    assert (found.codes, found.names) == (["230000"], ["黑龙江省"])
    assert [notice.code for notice in found.notices] == ["ENCODING"]


def test_taiwan_villages_name_their_towns(real_data: Path) -> None:
    path = real_data / "b_hierarchy/taiwan_villages-10t.json"

    villages = read_boundaries(path, layer="villages")
    towns = read_boundaries(path, layer="towns")

    assert villages.columns == Columns(code="VILLCODE", parent="TOWNCODE", name="VILLNAME")
    assert set(villages.parents) <= set(towns.codes)
    assert [notice.code for notice in villages.notices] == ["NO_CRS", "COLUMNS"]


def test_shenzhen_in_gcj02_lies_on_shenzhen_in_wgs84(real_data: Path) -> None:
    """Two compilers drew Futian, one shifted: shifted back, they agree but for their detail."""
    true = read_boundaries(real_data / "b_china/shenzhen_wgs84/sz.json", columns=Columns(code="qh"))
    shifted = read_boundaries(
        real_data / "b_china/shenzhen_gcj02/440304.json", need_code=False, datum=Datum.GCJ02
    )
    futian = true.geoms[[code is not None and code.startswith("福田") for code in true.codes]]
    metric = LocalMetric(114.05, 22.54)

    def disagreement(geom: object) -> float:
        pair = metric.project(np.array([geom, futian[0]], dtype=object))
        apart = shapely.area(shapely.symmetric_difference(*shapely.make_valid(pair)))
        return float(apart / shapely.area(pair[1]))

    back = shapely.transform(shifted.geoms[0], lambda xy: convert(xy, Datum.GCJ02, Datum.WGS84))
    assert disagreement(shifted.geoms[0]) > 0.08, "as sent it lies 600 m off"
    assert disagreement(back) < 0.03


def test_a_plane_of_each_real_file_comes_back(real_data: Path) -> None:
    for name in ("denver_blocks2020.zip", "providence_blocks.zip"):
        found = read_boundaries(real_data / "a_defects" / name)
        plane = Plane.around(found.crs, shapely.total_bounds(found.geoms).tolist())
        xy = shapely.get_coordinates(found.geoms)

        lonlat = plane.to_lonlat(plane.from_file(xy))
        again = plane.to_file(plane.from_lonlat(lonlat))

        np.testing.assert_allclose(again, xy, rtol=0, atol=1e-7 if abs(xy).max() > 400 else 1e-13)


def test_liechtenstein_buildings_are_addresses(real_data: Path) -> None:
    path = real_data / "derived/liechtenstein_buildings.geojson"

    found = read_addresses(path)

    buildings = read_boundaries(path, columns=Columns(code="osm_id"))
    assert len(set(found.keys)) == 8994
    assert found.households.sum() == 8994
    # Rounding to 1e-9 degrees (0.1 mm) is the only thing between a point and its building.
    inside = shapely.dwithin(buildings.geoms, shapely.points(found.lonlat), 1e-9)
    assert inside.all()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("derived/beijing_haidian_buildings.geojson", 257),
        ("derived/liechtenstein_pois.geojson", 547),
        ("c_networks/sao_paulo_hexgrid.csv", 323),
        ("b_hierarchy/helsinki_population_grid_2020.gpkg", 92),
    ],
)
def test_other_real_lists_are_addresses_too(real_data: Path, name: str, count: int) -> None:
    found = read_addresses(real_data / name)

    assert len(found.keys) == len(found.lonlat) == count
    assert np.isfinite(found.lonlat).all()
