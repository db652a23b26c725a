"""What is proven about a level of an edition."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely.geometry import shape
from sqlalchemy import delete, insert, select, update

from storage.models import AddressPlace, Outline, Unit
from tests.graphql import world
from tests.graphql.asking import ask, told
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G31, G32, HOMES, LOST, P1, P2, S1, S2, D

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

REPORT = """query ($level: String!, $within: UnitRef, $asOf: Date) {
    coverage(level: $level, within: $within, asOf: $asOf) {
        level { key } within { code } edition { number } draft { id } clean
        clauses { rule required holds findingCount waivedCount }
        provenParents parents areaM2 blankM2 overlapM2 outsideM2
        households { total covered uncovered doubled }
        findings { totalCount nodes { id kind rule severity message areaM2 widthM households
            units { code } parent { code } addresses geometry features { row }
            waiver { reason } } }
    }
}"""


async def report(engine: AsyncEngine, level: str, **variables: object) -> dict[str, Any]:  # JSON
    found: dict[str, Any] = (await told(engine, REPORT, {"level": level, **variables}))["coverage"]
    return found


def holds(found: dict[str, Any]) -> dict[str, bool]:
    return {clause["rule"]: clause["holds"] for clause in found["clauses"]}


@pytest.mark.parametrize(
    ("level", "parents"), [("district", 1), ("subdistrict", 1), ("community", 2), ("grid", 3)]
)
async def test_every_tiling_level_of_the_town_is_proven(
    town: AsyncEngine, level: str, parents: int
) -> None:
    found = await report(town, level)

    area_m2 = found.pop("areaM2")
    assert found == {
        "level": {"key": level},
        "within": None,
        "edition": {"number": 2},
        "draft": None,
        "clean": True,
        "clauses": [
            {"rule": rule, "required": True, "holds": True, "findingCount": 0, "waivedCount": 0}
            for rule in ("CLEAR_BOUNDARIES", "NO_BLANK", "NO_OVERLAP", "EVERY_HOUSEHOLD")
        ],
        "provenParents": parents,
        "parents": parents,
        "blankM2": 0,
        "overlapM2": 0,
        "outsideM2": 0,
        "households": {"total": 20, "covered": 20, "uncovered": 0, "doubled": 0},
        "findings": {"totalCount": 0, "nodes": []},
    }
    assert area_m2 == pytest.approx(world.area_m2((0, 0, 4, 2)), rel=1e-9)


async def test_within_looks_at_the_parents_below_a_unit(town: AsyncEngine) -> None:
    one = await report(town, "grid", within={"level": "community", "code": C1})
    two = await report(town, "grid", within={"level": "subdistrict", "code": S1})

    assert (one["parents"], one["provenParents"], one["within"]) == (1, 1, {"code": C1})
    assert one["areaM2"] == pytest.approx(world.area_m2((0, 0, 2, 1)), rel=1e-12)
    assert one["households"]["total"] == 2 + 3 + 6
    assert (two["parents"], two["provenParents"]) == (2, 2)
    assert two["households"]["total"] == 2 + 3 + 6 + 4


@pytest.mark.parametrize(
    ("level", "within", "code"),
    [
        ("grid", {"level": "grid", "code": G11}, "BAD_INPUT"),
        ("community", {"level": "grid", "code": G11}, "BAD_INPUT"),
        ("district", {"level": "district", "code": D}, "BAD_INPUT"),
        ("grid", {"level": "community", "code": "404"}, "UNKNOWN"),
        ("village", None, "UNKNOWN"),
    ],
)
async def test_within_must_be_a_unit_above(
    town: AsyncEngine, level: str, within: object, code: str
) -> None:
    answer = await ask(town, REPORT, {"level": level, "within": within})

    assert answer.codes() == [code]
    assert answer.data == {"coverage": None}


async def test_a_day_has_its_own_proof(town: AsyncEngine) -> None:
    before = await report(town, "grid", asOf="2025-06-01")
    answer = await ask(town, REPORT, {"level": "grid", "asOf": "2024-06-01"})

    assert before["edition"] == {"number": 1}
    assert before["provenParents"] == 3
    assert answer.codes() == ["NO_EDITION"]


async def test_a_level_that_is_not_published_is_blank_everywhere(town: AsyncEngine) -> None:
    await world.run(town, delete(Unit).where(Unit.level == "grid"))
    await world.run(town, delete(AddressPlace))

    found = await report(town, "grid")

    assert (found["parents"], found["provenParents"], found["clean"]) == (3, 0, False)
    assert holds(found) == {
        "CLEAR_BOUNDARIES": True,
        "NO_BLANK": False,
        "NO_OVERLAP": True,
        "EVERY_HOUSEHOLD": False,
    }
    assert found["blankM2"] == pytest.approx(found["areaM2"], rel=1e-12)
    assert found["households"] == {"total": 20, "covered": 0, "uncovered": 20, "doubled": 0}
    blank = [one for one in found["findings"]["nodes"] if one["kind"] == "BLANK"]
    # C3 is twice as large as the others, of which the southern is the larger
    assert [one["parent"]["code"] for one in blank] == [C3, C1, C2]
    assert shape(blank[0]["geometry"]).equals(world.polygon((2, 0, 4, 2)))
    # 0.02 degrees of longitude are 1756 m, of latitude 2220 m: the widest disc
    assert blank[0]["widthM"] == pytest.approx(1756, rel=0.01)
    lost = [one for one in found["findings"]["nodes"] if one["kind"] == "HOUSEHOLD_UNCOVERED"]
    assert {one["parent"]["code"]: (one["households"], one["addresses"]) for one in lost} == {
        C1: (11, ["a1", "a2", "a5"]),
        C2: (4, ["a3"]),
        C3: (5, ["a4"]),
    }


async def test_a_parent_without_units_is_blank(town: AsyncEngine) -> None:
    await world.run(town, update(Unit).where(Unit.code.in_([G31, G32])).values(last_edition=1))

    found = await report(town, "grid")
    elsewhere = await report(town, "grid", within={"level": "subdistrict", "code": S1})

    assert (found["parents"], found["provenParents"], found["clean"]) == (3, 2, False)
    assert found["blankM2"] == pytest.approx(world.area_m2((2, 0, 4, 2)), rel=1e-12)
    (blank,) = found["findings"]["nodes"]
    assert (blank["kind"], blank["severity"], blank["parent"]) == (
        "BLANK",
        "BLOCKING",
        {"code": C3},
    )
    assert elsewhere["clean"] is True


async def test_a_stored_row_that_was_tampered_with_is_found(town: AsyncEngine) -> None:
    await world.run(
        town,
        update(Unit).where(Unit.code == G21).values(chain=Unit.__table__.c.chain + 1),
    )

    found = await report(town, "grid")

    assert (found["provenParents"], found["clean"]) == (2, False)
    assert holds(found)["CLEAR_BOUNDARIES"] is False
    (wrong,) = found["findings"]["nodes"]
    assert wrong["kind"] == "MISMATCH"
    assert wrong["parent"] == {"code": C2}
    assert shape(wrong["geometry"]).equals(world.polygon((0, 1, 2, 2)).boundary)


async def test_an_extra_copy_of_a_unit_is_found_twice_or_thrice(town: AsyncEngine) -> None:
    # two more copies would cancel in an XOR
    for copies, code in enumerate(("X1", "X2"), start=1):
        async with town.begin() as connection:
            rows = await connection.execute(select(Unit.__table__).where(Unit.code == G21))
            row = dict(rows.mappings().one())
            for name in ("row_id", "id", "geom"):
                row.pop(name)
            row |= {"code": code, "geom": world.stored(world.polygon((0, 1, 1, 2)))}
            await connection.execute(insert(Unit).values(row))
        found = await report(town, "grid")
        assert found["provenParents"] == 2, f"{copies} more"


async def test_the_topmost_level_is_proven_against_the_outline(town: AsyncEngine) -> None:
    await world.run(town, update(Outline).values(chain=Outline.__table__.c.chain - 7))

    found = await report(town, "district")

    assert (found["parents"], found["provenParents"], found["clean"]) == (1, 0, False)
    (wrong,) = found["findings"]["nodes"]
    assert (wrong["kind"], wrong["parent"]) == ("MISMATCH", None)
    assert shape(wrong["geometry"]).equals(world.polygon((0, 0, 4, 2)).boundary)


async def test_units_of_a_parent_that_does_not_stand_are_orphans(town: AsyncEngine) -> None:
    await world.add_unit(town, "grid", "lost", world.polygon((9, 9, 10, 10)), parent="404")

    found = await report(town, "grid")

    assert (found["parents"], found["provenParents"], found["clean"]) == (3, 3, False)
    (orphan,) = found["findings"]["nodes"]
    assert orphan["kind"] == "ORPHAN"
    assert "404" in orphan["message"]


async def test_chains_add_up_modulo_two_to_the_64(town: AsyncEngine) -> None:
    # the sum of the two is the same modulo 2^64, but not as plain numbers
    half = 2**62
    async with town.begin() as connection:
        chains = {}
        for code in (G11, G12):
            chain = await connection.scalar(
                select(Unit.chain).where(Unit.code == code, Unit.last_edition.is_(None))
            )
            assert chain is not None
            chains[code] = chain
        for code, sign in ((G11, 1), (G12, -1)):
            moved = (chains[code] + sign * half + 2**63) % 2**64 - 2**63
            await connection.execute(
                update(Unit)
                .where(Unit.code == code, Unit.last_edition.is_(None))
                .values(chain=moved)
            )

    assert (await report(town, "grid"))["provenParents"] == 3


# --- households ---------------------------------------------------------------------------------


async def test_addresses_in_no_unit_are_said_with_the_nearest_parent(engine: AsyncEngine) -> None:
    await world.build(engine, homes=[*HOMES, LOST])

    found = await report(engine, "grid")
    inside = await report(engine, "grid", within={"level": "subdistrict", "code": S2})

    assert found["clean"] is False
    assert holds(found) == {
        "CLEAR_BOUNDARIES": True,
        "NO_BLANK": True,
        "NO_OVERLAP": True,
        "EVERY_HOUSEHOLD": False,
    }
    assert found["households"] == {"total": 28, "covered": 20, "uncovered": 8, "doubled": 0}
    (lost,) = found["findings"]["nodes"]
    assert (lost["kind"], lost["severity"]) == ("HOUSEHOLD_UNCOVERED", "BLOCKING")
    assert (lost["households"], lost["addresses"]) == (8, ["a6"])
    assert lost["parent"] == {"code": C3}
    assert shape(lost["geometry"]).equals(shape({"type": "Point", "coordinates": [104.05, 38.01]}))
    assert inside["clean"] is True, "it lies outside of every subdistrict"


async def test_an_address_in_blank_land_belongs_to_the_ground_around_it(
    engine: AsyncEngine,
) -> None:
    blank = world.Home("b1", (3.0, 1.5), 7, 9, {}, (None, None))
    await world.build(engine, homes=[*HOMES, blank])
    await world.run(engine, update(Unit).where(Unit.code == G32).values(last_edition=1))

    there = await report(engine, "grid", within={"level": "community", "code": C3})
    elsewhere = await report(engine, "grid", within={"level": "community", "code": C1})

    assert there["households"] == {"total": 12, "covered": 5, "uncovered": 7, "doubled": 0}
    assert elsewhere["households"]["uncovered"] == 0


# --- levels that do not tile --------------------------------------------------------------------


async def test_land_between_compounds_is_told_but_owed_to_nobody(town: AsyncEngine) -> None:
    found = await report(town, "compound")

    assert found["clean"] is True
    assert [
        (c["rule"], c["required"], c["holds"], c["findingCount"]) for c in found["clauses"]
    ] == [
        ("CLEAR_BOUNDARIES", True, True, 0),
        ("NO_BLANK", False, False, 3),
        ("NO_OVERLAP", True, True, 0),
        ("EVERY_HOUSEHOLD", True, True, 0),
    ]
    built_m2 = world.area_m2((0.2, 0.2, 0.6, 0.6)) + world.area_m2((1.2, 0.2, 1.8, 0.8))
    assert found["blankM2"] == pytest.approx(world.area_m2((0, 0, 4, 2)) - built_m2, rel=1e-6)
    assert (found["parents"], found["provenParents"]) == (3, 3)
    # one address names a compound
    assert found["households"] == {"total": 2, "covered": 2, "uncovered": 0, "doubled": 0}
    nodes = found["findings"]["nodes"]
    assert [one["parent"]["code"] for one in nodes] == [C3, C2, C1]
    assert {one["severity"] for one in nodes} == {"WARNING"}
    around = nodes[2]
    assert [unit["code"] for unit in around["units"]] == [P2, P1], "longest border first"
    walls = [world.polygon((0.2, 0.2, 0.6, 0.6)), world.polygon((1.2, 0.2, 1.8, 0.8))]
    land = world.polygon((0, 0, 2, 1)).difference(shapely.union_all(walls))
    assert shape(around["geometry"]).equals(land)


async def test_an_address_outside_the_compound_that_it_names_is_found(engine: AsyncEngine) -> None:
    stray = world.Home("a9", (3.0, 1.5), 7, 9, {}, (G32, G32), P1, P1)
    await world.build(engine, homes=[*HOMES, stray])

    found = await report(engine, "compound")

    assert found["clean"] is False
    assert found["households"] == {"total": 9, "covered": 2, "uncovered": 7, "doubled": 0}
    (lost,) = (one for one in found["findings"]["nodes"] if one["kind"] != "BLANK")
    assert (lost["kind"], lost["households"]) == ("HOUSEHOLD_UNCOVERED", 7)
    assert (lost["addresses"], lost["units"]) == (["a9"], [{"code": P1}])
    assert lost["geometry"]["coordinates"] == [list(world.lonlat(3.0, 1.5))]


async def test_compounds_that_overlap_or_leak_are_found(town: AsyncEngine) -> None:
    await world.add_unit(town, "compound", "P3", world.polygon((0.4, 0.4, 0.8, 0.8)), parent=C1)
    await world.add_unit(town, "compound", "P4", world.polygon((2.5, 1.5, 4.5, 1.8)), parent=C3)

    found = await report(town, "compound")

    kinds = {one["kind"]: one for one in found["findings"]["nodes"] if one["kind"] != "BLANK"}
    assert found["clean"] is False
    assert found["provenParents"] == 1
    assert sorted(kinds) == ["OUTSIDE", "OVERLAP"]
    assert {unit["code"] for unit in kinds["OVERLAP"]["units"]} == {"P3", P1}
    assert found["overlapM2"] == pytest.approx(world.area_m2((0.4, 0.4, 0.6, 0.6)), rel=1e-6)
    assert found["outsideM2"] == pytest.approx(world.area_m2((4, 1.5, 4.5, 1.8)), rel=1e-6)


# --- findings as a list -------------------------------------------------------------------------

LIST = """query ($first: Int, $after: String, $kinds: [FindingKind!], $rules: [CoverageRule!],
               $min: Float, $severity: Severity, $waived: Boolean) {
    coverage(level: "compound") { findings(first: $first, after: $after, kinds: $kinds,
        rules: $rules, minAreaM2: $min, severity: $severity, waived: $waived) {
        totalCount nodes { id parent { code } } edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage endCursor } featureCollection } }
}"""


async def listed(engine: AsyncEngine, **variables: object) -> dict[str, Any]:  # JSON
    data = await told(engine, LIST, variables)
    found: dict[str, Any] = data["coverage"]["findings"]
    return found


async def test_findings_come_in_pages_largest_first(town: AsyncEngine) -> None:
    whole = await listed(town)
    first = await listed(town, first=2)
    rest = await listed(town, first=2, after=first["pageInfo"]["endCursor"])

    assert [one["parent"]["code"] for one in whole["nodes"]] == [C3, C2, C1]
    assert first["nodes"] + rest["nodes"] == whole["nodes"]
    assert [first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]] == [True, False]
    assert first["totalCount"] == 3
    assert [edge["node"]["id"] for edge in whole["edges"]] == [one["id"] for one in whole["nodes"]]
    features = whole["featureCollection"]["features"]
    assert [one["properties"]["id"] for one in features] == [one["id"] for one in whole["nodes"]]
    assert features[2]["properties"]["units"] == [P2, P1]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"kinds": ["BLANK"]}, 3),
        ({"kinds": ["OVERLAP"]}, 0),
        ({"kinds": []}, 0),
        ({"rules": ["NO_BLANK", "NO_OVERLAP"]}, 3),
        ({"rules": ["EVERY_HOUSEHOLD"]}, 0),
        ({"severity": "BLOCKING"}, 0),
        ({"severity": "WARNING"}, 3),
        ({"min": 3e6}, 1),
        ({"waived": True}, 0),
        ({"waived": False}, 3),
    ],
)
async def test_findings_are_filtered(
    town: AsyncEngine, given: dict[str, object], count: int
) -> None:
    found = await listed(town, **given)

    assert found["totalCount"] == len(found["nodes"]) == count


async def test_a_finding_of_an_edition_has_an_id_that_finds_it(town: AsyncEngine) -> None:
    whole = await listed(town)
    for one in whole["nodes"]:
        data = await told(
            town,
            "query ($id: ID!) { node(id: $id) { ... on Finding { id kind parent { code } } } }",
            {"id": one["id"]},
        )
        assert data["node"] == {"id": one["id"], "kind": "BLANK", "parent": one["parent"]}
        assert base64.b64decode(one["id"]).startswith(b"Finding:")


async def test_a_report_without_an_outline_has_no_parents(engine: AsyncEngine) -> None:
    await world.build(engine)
    await world.run(engine, delete(Outline))

    found = await report(engine, "district")

    assert (found["parents"], found["provenParents"], found["areaM2"]) == (0, 0, 0)
