"""The made-up town is what its README says, and its committed files are what its modules write."""

from __future__ import annotations

import tomllib
import zipfile
from collections import Counter, defaultdict
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyogrio
import pytest
import shapely
from pyogrio.raw import read
from pyproj import Transformer
from shapely import LineString, Point, Polygon

from fixtures.__main__ import DATA, write_all
from tests.town import addresses, apart_m, features, layer, length_m, remainder, table

if TYPE_CHECKING:
    from pathlib import Path

TILING = ("district", "subdistrict", "community", "grid")
COUNTS = {"district": 1, "subdistrict": 2, "community": 9, "grid": 46, "compound": 30}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("town")
    write_all(out)
    return out


def test_the_committed_text_files_are_written_again_byte_for_byte(written: Path) -> None:
    names = sorted(path.name for path in written.iterdir())

    assert names == sorted(path.name for path in DATA.iterdir())
    text = [name for name in names if name.endswith((".csv", ".toml", ".json", ".geojson"))]
    assert len(text) == 19
    changed = [name for name in text if (written / name).read_bytes() != (DATA / name).read_bytes()]
    assert changed == [], "run `python -m fixtures` and commit what it writes"


@pytest.mark.parametrize("name", ["town.gpkg", "grids_next_year.gpkg", "grids_gbk.zip"])
def test_the_committed_binary_files_have_the_content_that_is_written(
    written: Path, name: str
) -> None:
    layers = pyogrio.list_layers(written / name)[:, 0].tolist()

    assert layers == pyogrio.list_layers(DATA / name)[:, 0].tolist()
    for key in layers:
        new, old = layer(key, written / name), layer(key, DATA / name)
        assert new.columns == old.columns
        np.testing.assert_array_equal(shapely.to_wkb(new.geoms), shapely.to_wkb(old.geoms))


def test_all_files_together_are_under_five_megabytes() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 5_000_000


@pytest.mark.parametrize("key", COUNTS)
def test_a_level_has_its_number_of_units_with_their_own_codes(key: str) -> None:
    codes = layer(key).columns["code"]

    assert len(codes) == len(set(codes)) == COUNTS[key]


@pytest.mark.parametrize(("parent", "child"), list(pairwise(TILING)))
def test_the_children_of_a_unit_fill_it_corner_by_corner(parent: str, child: str) -> None:
    below, above = layer(child), layer(parent).by_code()
    children = defaultdict(list)
    for code, name, geom in zip(
        below.columns["code"], below.columns["parent"], below.geoms, strict=True
    ):
        assert str(code).startswith(str(name))
        children[name].append(geom)

    assert children.keys() == above.keys()
    for code, parts in children.items():
        assert remainder(above[code], parts) == {}
        union = shapely.coverage_union_all(parts)
        assert shapely.normalize(union) == shapely.normalize(above[code])


@pytest.mark.parametrize("key", COUNTS)
def test_a_level_has_valid_polygons_on_the_lattice_of_a_billionth_degree(key: str) -> None:
    geoms = layer(key).geoms

    assert all(isinstance(geom, Polygon) and geom.is_valid for geom in geoms)
    assert not any(geom.interiors for geom in geoms)
    corners = shapely.get_coordinates(geoms)
    np.testing.assert_array_equal(corners, np.round(corners, 9))


def test_no_side_of_a_unit_is_so_short_that_noding_would_merge_it() -> None:
    for key in COUNTS:
        for geom in layer(key).geoms:
            ends = shapely.get_coordinates(geom)
            assert min(length_m(LineString(side)) for side in pairwise(ends)) > 1.0


def test_the_town_has_about_twelve_thousand_households() -> None:
    rows, _ = addresses()
    groups = ("elder_alone", "elder", "disabled", "pupil", "infant")

    assert 11_500 <= sum(int(row["households"]) for row in rows) <= 12_500
    assert 31_000 <= sum(int(row["people"]) for row in rows) <= 33_000
    assert len({row["key"] for row in rows}) == len(rows)
    for row in rows:
        assert int(row["elder_alone"]) <= int(row["elder"])
        assert all(int(row[group]) <= int(row["people"]) for group in groups)


def test_every_address_lies_in_one_grid_of_its_own_subdistrict() -> None:
    grids, (rows, points) = layer("grid"), addresses()
    at, inside = shapely.STRtree(grids.geoms).query(points, predicate="intersects").tolist()

    assert at == list(range(len(rows))), "once each"
    for number in (1, 2):
        own = {row["key"] for row in table(f"addresses_{number}.csv")}
        codes = {
            str(grids.columns["code"][grid])[:9]
            for row, grid in zip(rows, inside, strict=True)
            if row["key"] in own
        }
        assert codes == {f"99900100{number}"}


def test_an_address_names_the_compound_that_it_lies_in() -> None:
    compounds, (rows, points) = layer("compound"), addresses()
    at, inside = shapely.STRtree(compounds.geoms).query(points, predicate="within").tolist()
    found = {rows[i]["key"]: compounds.columns["code"][k] for i, k in zip(at, inside, strict=True)}

    assert found == {row["key"]: row["compound"] for row in rows if row["compound"]}
    assert set(found.values()) == set(compounds.columns["code"])


def test_a_compound_lies_inside_its_community_and_off_all_others() -> None:
    compounds, communities = layer("compound"), layer("community").by_code()

    for code, parent, geom in zip(
        compounds.columns["code"], compounds.columns["parent"], compounds.geoms, strict=True
    ):
        assert str(code).startswith(str(parent))
        assert shapely.contains_properly(communities[parent], geom)
    assert all(one.disjoint(two) for one, two in combinations(compounds.geoms, 2))


def test_a_gate_is_a_corner_of_its_wall_and_near_a_street() -> None:
    walls = layer("compound").by_code()
    streets = shapely.union_all([geom for _, geom in features("streets.geojson")])
    gates = [row for row in table("facilities.csv") if row["kind"] == "gate"]

    assert {row["compound"] for row in gates} == set(walls)
    for row in gates:
        place = (float(row["lon"]), float(row["lat"]))
        assert place in list(walls[row["compound"]].exterior.coords)
        assert apart_m(Point(place), streets) < 25


def test_the_streets_hang_together_over_bridges_but_for_one_hamlet() -> None:
    streets = features("streets.geojson")

    def pieces(*, bridges: bool) -> list[set[str]]:
        """Names of streets that can be reached from one another, most streets first."""
        home: dict[tuple[float, ...], tuple[float, ...]] = {}

        def root(node: tuple[float, ...]) -> tuple[float, ...]:
            while home.setdefault(node, node) != node:
                node = home[node]
            return node

        kept = [(row, geom) for row, geom in streets if bridges or not row["bridge"]]
        for _, geom in kept:
            home[root(geom.coords[0])] = root(geom.coords[-1])
        names = defaultdict(list)
        for row, geom in kept:
            names[root(geom.coords[0])].append(str(row["name"]))
        return [set(found) for found in sorted(names.values(), key=len, reverse=True)]

    town, hamlet = pieces(bridges=True)
    assert hamlet == {"沙井子"}
    assert {"滨河北路", "滨河南路"} <= town
    north, south, *_ = pieces(bridges=False)
    assert "滨河北路" in north
    assert "滨河南路" in south
    bridges = {row["name"] for row, _ in streets if row["bridge"]}
    assert bridges == {"西河路", "月牙桥", "人民路", "东河路"}


def test_every_community_has_a_centre_and_there_are_23_stations() -> None:
    rows = table("facilities.csv")
    communities = layer("community")
    centres = [row for row in rows if row["kind"] == "community_centre"]

    assert sum(row["kind"] == "station" for row in rows) == 23
    for geom in communities.geoms:
        assert sum(geom.contains(Point(float(c["lon"]), float(c["lat"]))) for c in centres) == 1
    stations = [row for row in rows if row["kind"] == "station"]
    small = [row for row in stations if int(row["floor_area_m2"]) < 60]
    no_meeting = [row for row in stations if "meeting" not in row["rooms"].split("|")]
    assert small
    assert no_meeting
    assert len(small) + len(no_meeting) < len(stations)


def test_the_shapefile_is_gbk_in_zone_35_and_says_nothing_of_it() -> None:
    with zipfile.ZipFile(DATA / "grids_gbk.zip") as archive:
        names = sorted(archive.namelist())
        dbf = archive.read("grids_gbk.dbf")
        prj = archive.read("grids_gbk.prj").decode()

    assert names == [f"grids_gbk.{end}" for end in ("dbf", "prj", "shp", "shx")]
    assert dbf[29] == 0
    fields = [dbf[at : at + 11].split(b"\0")[0].decode("gbk") for at in range(32, 32 * 8, 32)]
    assert fields == ["网格编码", "网格名称", "所属社区", "户数", "人口", "面积亩", "类型"]
    assert "35500000" in prj
    meta, _, wkb, data = read(DATA / "grids_gbk.zip", encoding="GBK")
    assert meta["fields"].tolist() == fields
    grids = layer("grid")
    assert data[0].tolist() == grids.columns["code"]
    assert data[1].tolist() == grids.columns["name"]
    assert data[3].sum() == sum(int(row["households"]) for row in addresses()[0])
    to_degrees = Transformer.from_crs("EPSG:4523", "EPSG:4490", always_xy=True)
    for there, here in zip(shapely.from_wkb(wkb), grids.geoms, strict=True):
        moved = shapely.transform(there, lambda xy: np.column_stack(to_degrees.transform(*xy.T)))
        assert remainder(here, [moved]) == {}


def test_the_geojson_grids_are_those_of_the_geopackage_with_shells_counter_clockwise() -> None:
    grids = layer("grid").by_code()

    found = {row["code"]: geom for row, geom in features("grids.geojson")}
    assert found.keys() == grids.keys()
    for code, geom in found.items():
        assert isinstance(geom, Polygon)
        assert geom.exterior.is_ccw
        assert geom.equals_exact(grids[code], 0.0, normalize=True)


def test_the_levels_file_is_the_default_tree() -> None:
    levels = tomllib.loads((DATA / "levels.toml").read_text(encoding="utf-8"))["level"]

    assert [(level["key"], level.get("parent"), level["tiling"]) for level in levels] == [
        ("district", None, "TILES"),
        ("subdistrict", "district", "TILES"),
        ("community", "subdistrict", "TILES"),
        ("grid", "community", "TILES"),
        ("compound", "community", "DISJOINT"),
    ]


def test_the_roster_names_only_what_there_is() -> None:
    people, bodies, posts = table("people.csv"), table("organisations.csv"), table("posts.csv")
    keys = {row["key"] for row in [*people, *bodies]}
    units = {key: set(layer(key).columns["code"]) for key in COUNTS}
    homes = {row["key"] for row in addresses()[0]}
    stations = {row["key"] for row in table("facilities.csv")}

    assert (len(people), len(bodies), len(posts)) == (1334, 101, 8)
    assert len(keys) == 1334 + 101
    assert {row["home_address"] for row in people} <= homes
    assert {row["member_of"] for row in [*people, *bodies]} <= keys | {""}
    for row in [*people, *bodies]:
        assert row["home_unit"] in units[row["home_level"]]
    for row in table("assignments.csv"):
        assert row["body"] in keys
        assert row["unit"] in units[row["level"]]
        assert not row["until"] or row["since"] < row["until"]
        if row["duty"] == "volunteer":
            assert row["post"] in {post["key"] for post in posts}
        if row["duty"] == "station_head":
            assert row["post"] in stations


def test_duties_are_carried_as_the_readme_says() -> None:
    rows = table("assignments.csv")
    today = [row for row in rows if row["since"] <= "2025-12-01" and not row["until"]]

    def holders(duty: str) -> Counter[str]:
        return Counter(row["unit"] for row in today if row["duty"] == duty)

    assert sorted(holders("grid_holder").elements()) == layer("grid").columns["code"]
    assert len({row["body"] for row in today if row["duty"] == "grid_holder"}) == 46
    assert len(holders("party_branch")) == 25
    assert set(holders("property_company").values()) == {1}
    assert len(holders("property_company")) == 27
    assert len(holders("community_liaison")) == 8
    pairs = defaultdict(set)
    for row in today:
        pairs[row["duty"]].add((row["unit"], row["body"]))
    assert len(pairs["branch_secretary"] & pairs["committee_chair"]) == 9
    loads = [holders("volunteer")[str(code)] for code in layer("grid").columns["code"]]
    assert sum(loads) == 1112
    assert max(loads) > 3 * min(loads), "there is something to balance"
