"""What an import, a draft or an edition changes, told on the command line before it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapely

from tests.publishing.drawing import (
    GRIDS,
    Plan,
    clockwise,
    other_start,
    plan,
    rectangle_m2,
    write_addresses,
    write_geojson,
    write_ogr,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

KINDS = (
    *("added", "removed", "redrawn", "renamed"),
    *("recoded", "reattributed", "split", "merged"),
)
HOMES = {
    "south-west": (50.0, 50.0, 3),
    "strip": (50.0, 105.0, 5),
    "north-west": (50.0, 150.0, 7),
    "beside": (100.0, 99.0, 11),
    "east": (300.0, 50.0, 13),
}
"""Around the grids of the town: the border of 010101 and 010102 is at y = 100."""


def counts(changes: dict[str, Any]) -> dict[str, int]:
    return {kind: changes[kind] for kind in KINDS if changes[kind]}


def ways(changes: dict[str, Any]) -> list[tuple[str | None, str | None, int]]:
    def code(end: dict[str, str] | None) -> str | None:
        return end["code"] if end is not None else None

    return [
        (code(m["from"]), code(m["to"]), m["households"]) for m in changes["movements"]["nodes"]
    ]


@pytest.fixture
def homes(town: Wangge, tmp_path: Path) -> Wangge:
    """Give the town with its households."""
    town.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", HOMES))
    return town


MOVED = plan(
    {
        "010101": (0, 0, 200, 110),
        "010102": (0, 110, 200, 200),
        "010201": (200, 0, 400, 100),
        "010202": (200, 100, 400, 200),
    }
)
"""The border of 010101 and 010102 is at y = 110 now."""


def test_a_trial_run_tells_who_would_move_and_stores_nothing(
    homes: Wangge, here: Path, stored: Stored
) -> None:
    file = write_geojson(here, MOVED)

    made = homes.draft("grid", file, "--dry-run")
    told = homes("import", file, "--level", "grid", "--dry-run")

    changes = made["changes"]
    assert counts(changes) == {"redrawn": 2}
    assert changes["unchanged"] == 2
    assert ways(changes) == [("010102", "010101", 5)]
    assert changes["householdsMoved"] == 5
    land = changes["movements"]["nodes"][0]["areaM2"]
    assert land == pytest.approx(rectangle_m2((0, 100, 200, 110)), rel=1e-6)
    assert [item["movedM2"] for item in changes["items"]["nodes"]] == pytest.approx([land, land])
    assert "010102" in told.out
    assert "households moved" in told.out
    assert stored.one("SELECT count(*) FROM draft WHERE status = 'OPEN'") == 0


def test_the_draft_the_import_and_the_edition_tell_the_same(homes: Wangge, here: Path) -> None:
    made = homes.draft("grid", write_geojson(here, MOVED))
    shown = homes.ask("draft", "show", made["id"])
    before = homes.ask("editions")[0]["number"]
    homes.ask("draft", "publish", made["id"])
    published = homes.ask("draft", "show", made["id"])

    between = homes.ask("diff", before, before + 1, "--level", "grid")

    assert shown["changes"] == made["changes"]
    assert published["changes"] == made["changes"]
    only = {"openedM2", "doubledM2"}
    assert between == {key: v for key, v in made["changes"].items() if key not in only}


def test_households_are_those_that_another_engine_finds(
    homes: Wangge, here: Path, stored: Stored
) -> None:
    thirds = plan(
        {
            "010101": (0, 0, 200, 70),
            "010103": (0, 70, 200, 140),
            "010102": (0, 140, 200, 200),
            "010201": (200, 0, 290, 200),
            "010299": (290, 0, 400, 200),
        }
    )
    before = stored.newest()
    homes.publish("grid", write_geojson(here, thirds))
    after = stored.newest()

    found = homes.ask("diff", before, after, "--level", "grid")

    # PostGIS: of the units that touch an address the one with the smallest code
    expected = stored.rows(
        """
        WITH placed AS (
            SELECT e.number, a.key, a.households,
                   (SELECT min(u.code) FROM unit u WHERE u.level = 'grid'
                    AND u.first_edition <= e.number
                    AND coalesce(u.last_edition, e.number) >= e.number
                    AND ST_Intersects(u.geom, a.geom)) AS code
            FROM edition e, address a
            WHERE e.number IN (%s, %s) AND a.first_edition <= %s AND a.last_edition IS NULL)
        SELECT x.code, y.code, sum(x.households)::int FROM placed x
        JOIN placed y ON y.key = x.key AND x.number = %s AND y.number = %s
        WHERE x.code IS DISTINCT FROM y.code GROUP BY 1, 2 ORDER BY 3 DESC
        """,
        *(before, after, after, before, after),
    )
    assert [way for way in ways(found) if way[2]] == expected
    assert found["householdsMoved"] == sum(row[2] for row in expected) > 0
    land = {
        (row[0], row[1]): row[2]
        for row in stored.rows(
            """
            SELECT x.code, y.code, ST_Area(ST_Intersection(x.geom, y.geom)::geography)
            FROM unit x JOIN unit y ON x.level = 'grid' AND y.level = 'grid'
            AND x.last_edition = %s AND y.first_edition = %s
            WHERE x.code <> y.code AND ST_Relate(x.geom, y.geom, '2********')
            """,
            *(before, after),
        )
    }
    told = {(m["from"]["code"], m["to"]["code"]): m["areaM2"] for m in found["movements"]["nodes"]}
    assert told == pytest.approx(land, rel=1e-5)


SAME: dict[str, Plan] = {
    "another start": Plan({code: other_start(s, 2) for code, s in GRIDS.shapes.items()}),
    "the other way round": Plan({code: clockwise(s) for code, s in GRIDS.shapes.items()}),
    "another order": Plan(dict(reversed(list(GRIDS.shapes.items())))),
    "more vertices": Plan({code: shapely.segmentize(s, 9) for code, s in GRIDS.shapes.items()}),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_file_drawn_otherwise_changes_nothing(homes: Wangge, here: Path, how: str) -> None:
    changes = homes.draft("grid", write_geojson(here, SAME[how]), "--dry-run")["changes"]

    assert counts(changes) == {}
    assert (changes["unchanged"], changes["householdsMoved"]) == (4, 0)
    assert changes["items"]["totalCount"] == changes["movements"]["totalCount"] == 0


def test_the_same_file_in_another_format_and_system_changes_nothing(
    homes: Wangge, tmp_path: Path
) -> None:
    for file in (
        write_ogr(tmp_path / "a.gpkg", GRIDS, "GPKG", crs="EPSG:4547"),
        write_ogr(tmp_path / "b.shp", GRIDS, "ESRI Shapefile", crs="EPSG:32649"),
        write_geojson(tmp_path / "c.geojson", GRIDS, decimals=7),
    ):
        changes = homes.draft("grid", file, "--dry-run")["changes"]

        assert counts(changes) == {}, file.name
        assert changes["householdsMoved"] == 0
        stored = homes.draft("grid", file)
        assert counts(homes.ask("draft", "show", stored["id"])["changes"]) == {}


def test_units_that_the_file_leaves_out_are_named(town: Wangge, here: Path) -> None:
    file = write_geojson(here, plan({c: s for c, s in GRIDS.shapes.items() if c != "010202"}))

    made = town.draft("grid", file, exit_code=1)
    told = town("draft", "show", made["id"])

    changes = made["changes"]
    assert counts(changes) == {"removed": 1}
    assert changes["gone"] == ["010202"]
    assert changes["openedM2"] == pytest.approx(rectangle_m2((200, 100, 400, 200)), rel=1e-6)
    assert "stand no more: 010202" in told.out
    assert "land opened" in told.out


def test_a_draft_of_one_community_tells_of_that_ground_only(town: Wangge, here: Path) -> None:
    halves = plan({"010101": (0, 0, 100, 200), "010102": (100, 0, 200, 200)})

    made = town.draft("grid", write_geojson(here, halves), "--within", "0101")
    shown = town.ask("draft", "show", made["id"])

    assert counts(made["changes"]) == {"redrawn": 2}
    assert made["changes"]["unchanged"] == 0
    assert shown["changes"] == made["changes"]


def test_editions_are_compared_below_one_unit(town: Wangge, here: Path, stored: Stored) -> None:
    first = stored.newest()
    town.publish("grid", write_geojson(here, MOVED))
    last = stored.newest()

    west = town.ask("diff", first, last, "--level", "grid", "--within", "0101")
    east = town.ask("diff", first, last, "--level", "grid", "--within", "community:0102")

    assert (counts(west), west["unchanged"]) == ({"redrawn": 2}, 0)
    assert (counts(east), east["unchanged"]) == ({}, 2)


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ((1, 99, "--level", "grid"), "UNKNOWN", "there is no edition 99; the newest is 3"),
        ((1, 2, "--level", "gird"), "UNKNOWN", "there is no level 'gird'"),
        ((1, 3, "--level", "grid", "--within", "77"), "UNKNOWN", "no unit 77 stands"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_reason(
    town: Wangge, asked: tuple[object, ...], code: str, says: str
) -> None:
    error = town.failure("diff", *asked, exit_code=2)

    assert error["code"] == code
    assert says in error["message"]


def test_the_first_edition_of_a_level_adds_everything_and_moves_nobody(
    town: Wangge, stored: Stored
) -> None:
    found = town.ask("diff", 2, 3, "--level", "grid")

    assert stored.newest() == 3
    assert counts(found) == {"added": 4}
    assert (found["unchanged"], found["householdsMoved"]) == (0, 0)


def test_a_name_written_otherwise_tells_which_half_goes_on(town: Wangge, here: Path) -> None:
    east = {"010201": (200, 0, 400, 100), "010202": (200, 100, 400, 200)}
    first = plan({"010101": (0, 0, 200, 200), **east}, names={"010101": "第六网格"})
    town.publish("grid", write_geojson(here, first))
    halves = {"010111": (0, 0, 100, 200), "010112": (100, 0, 200, 200), **east}
    named = plan(halves, names={"010111": "第7网格", "010112": "第 6 网格"})

    changes = town.draft("grid", write_geojson(here, named), "--dry-run")["changes"]

    goes_on = changes["items"]["nodes"][1]
    assert goes_on["kinds"] == ["REDRAWN", "RENAMED", "RECODED", "SPLIT"]
    assert (goes_on["before"]["code"], goes_on["after"]["code"]) == ("010101", "010112")
    assert [part["code"] for part in goes_on["parts"]] == ["010111", "010112"]
