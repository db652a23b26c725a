"""How many SQL statements a question takes, however many things it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolvers.context import Shared
from storage.keys import Role
from tests.graphql import duty_world, imported, world
from tests.graphql.asking import told
from tests.graphql.world import C1, G11, G12

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

FRAME = 2
"""The levels and the edition, once a request."""


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('units(level: "grid") { nodes { code name areaM2 } edges { cursor } }', 1),
        ('units(level: "grid") { totalCount }', 1),
        ('units(level: "grid") { totalCount nodes { code } pageInfo { endCursor } }', 2),
        ('units(level: "grid") { nodes { code households people properties } }', 1),
        # where a group is small, also which units have a single address
        ('units(level: "grid") { nodes { code households groups { group } properties } }', 2),
        ('units(level: "grid") { nodes { geometry bbox labelPoint } }', 1),
        ('units(level: "grid") { nodes { geometry(datum: GCJ02) bbox(datum: BD09) } }', 1),
        ('units(level: "grid") { featureCollection }', 1),
        ('units(level: "grid") { featureCollection(datum: GCJ02) nodes { geometry } }', 1),
        ('units(level: "grid") { nodes { level { key parent { key } children { key } } } }', 1),
        ('units(level: "grid") { nodes { level { unitCount } } }', 2),
        ('units(level: "grid") { nodes { parent { code geometry households } } }', 2),
        ('units(level: "grid") { nodes { ancestors { code geometry } } }', 2),
        ('units(level: "grid") { nodes { since { number } until { number } } }', 2),
        ('units(level: "grid") { nodes { since { levels { key } } } }', 3),
        ('units(level: "community") { nodes { children { nodes { code geometry } } } }', 2),
        ('units(level: "community") { nodes { children { totalCount } } }', 2),
        ('units(level: "community") { nodes { children { featureCollection } } }', 2),
        (
            'units(level: "subdistrict") { nodes { children { nodes { children { nodes { '
            "parent { code } ancestors { code } } } } } } }",
            5,
        ),
        ('units(level: "subdistrict") { nodes { children(level: "grid") { nodes { bbox } } } }', 2),
        ('search(text: "柳") { code geometry parent { code } }', 2),
        # the outline's centre and the level's shapes, whatever the page
        ("editions { nodes { number levels { key } } }", 2),
        ("editions { totalCount }", 1),
        ("placeAt(point: {lon: 104.001, lat: 38.001}) { units { code geometry } onBorder }", 1),
        (
            "placeAt(point: {lon: 104.001, lat: 38.001}) { units { code } "
            'a: unit(level: "grid") { bbox } b: unit(level: "compound") { households } }',
            1,
        ),
        # whether a point outside is on waived land, and what is nearest
        (
            "placeAt(point: {lon: 104.05, lat: 38.001}) { nearest { code geometry } "
            "nearestDistanceM }",
            3,
        ),
        # all points, and those outside once more: are they on waived land?
        (
            "placesAt(points: [{lon: 104.001, lat: 38.001}, {lon: 104.02, lat: 38.01}, "
            "{lon: 0, lat: 0}]) { code onBorder reason }",
            2,
        ),
        # duties: themselves, the levels that each may be carried on, and their posts
        ("duties { key level { key } levels { key } posts postDetails { skill } }", 3),
        ('body(key: "dai") { key name home { code } }', 1),
        ("bodies { totalCount }", 1),
        ("bodies { nodes { key name profession contact } pageInfo { endCursor } }", 1),
        ("bodies { nodes { memberOf { key name } } }", 2),
        ("bodies { nodes { assignments { nodes { post since } } } }", 2),
        ("bodies { nodes { assignments { totalCount } } }", 2),
        ("bodies { nodes { assignments { nodes { body { key } unit { code name } } } } }", 4),
        ("bodies { nodes { assignments { nodes { duty { key } } } } }", 5),
        ('units(level: "grid") { nodes { assignments { nodes { post since until } } } }', 2),
        ('units(level: "grid") { nodes { assignments { totalCount } } }', 2),
        ('units(level: "grid") { nodes { assignments { nodes { body { name } } } } }', 3),
        ('units(level: "grid") { nodes { assignments { nodes { unit { code } } } } }', 3),
        (
            'units(level: "community") { nodes { assignments { edges { node { body { key '
            "assignments { nodes { unit { parent { code } } } } } } } } } }",
            6,
        ),
        # the duties, as one is named: themselves, their levels, their posts
        (
            'units(level: "grid") { nodes { assignments(duty: "grid_holder") { '
            "nodes { post } } } }",
            5,
        ),
        ('units(level: "grid") { featureCollection(duty: "grid_holder") }', 5),
        ('dutyCoverage(duty: "grid_holder") { level { key } asOf duty { key } }', 3),
        ('dutyCoverage(duty: "grid_holder") { total covered share }', 4),
        ('dutyCoverage(duty: "grid_holder") { total bodyCount }', 5),
        ('dutyCoverage(duty: "grid_holder") { missing { nodes { code parent { code } } } }', 5),
        (
            'dutyCoverage(duty: "grid_holder") { total missing { totalCount } '
            "excess { totalCount } }",
            4,
        ),
        ('dutyCoverage(duty: "grid_holder") { excess { nodes { code geometry } } }', 4),
        ('dutyCoverage(duty: "grid_holder") { byParent { nodes { unit { name } share } } }', 5),
        ('dutyCoverage(duty: "grid_holder") { byParent { totalCount } }', 4),
        (
            'crossAppointment(duties: ["branch_secretary", "committee_chair"]) { '
            "total dual share }",
            4,
        ),
        (
            'crossAppointment(duties: ["branch_secretary", "committee_chair"]) { '
            "bodies { nodes { key name } } }",
            4,
        ),
        (
            "placeAt(point: {lon: 104.001, lat: 38.001}) { ladder { unit { code } for { code } "
            "holders { post } } }",
            2,
        ),
        (
            "placeAt(point: {lon: 104.001, lat: 38.001}) { ladder(history: true) { holders { "
            "body { name } unit { code } } } }",
            4,
        ),
        # the waivers that hold, the chains of all parents, waived land, and the households
        ('coverage(level: "grid") { clean provenParents clauses { holds } }', 4),
        ('coverage(level: "grid") { findings { nodes { kind } totalCount } }', 4),
    ],
)
@pytest.mark.writes
async def test_a_list_level_is_one_statement(
    town: AsyncEngine, counted: list[str], query: str, count: int
) -> None:
    await duty_world.build(town)
    counted.clear()

    await told(town, f"{{ {query} }}")

    # every question needs the edition; those about levels the tree of them, too
    frame = [one for one in counted if "FROM level ORDER BY" in _flat(one)]
    frame += [one for one in counted if "WHERE edition.effective_on <=" in _flat(one)]
    assert len(frame) <= FRAME
    assert len(counted) - len(frame) == count, "\n\n".join(counted)


def _flat(statement: str) -> str:
    return " ".join(statement.split())


async def test_a_unit_reads_only_what_is_asked_for(town: AsyncEngine, counted: list[str]) -> None:
    await told(town, '{ units(level: "grid") { nodes { code name areaM2 parent { name } } } }')

    assert not [one for one in counted if "ST_" in one or "unit_tally" in one]
    assert not [one for one in counted if "CAST(unit.properties" in one]


async def test_fields_left_out_by_a_directive_are_not_read(
    town: AsyncEngine, counted: list[str]
) -> None:
    query = """query ($draw: Boolean!) { units(level: "grid") { nodes {
        ... on Unit @include(if: $draw) { geometry } bbox @skip(if: true) ...Homes } } }
        fragment Homes on Unit { households }"""

    without = await told(town, query, {"draw": False})
    drawn_without = [one for one in counted if "ST_" in one]
    counted.clear()
    with_geometry = await told(town, query, {"draw": True})

    assert drawn_without == []
    assert set(without["units"]["nodes"][0]) == {"households"}
    assert with_geometry["units"]["nodes"][0]["geometry"]["type"] == "MultiPolygon"
    assert len(counted) == FRAME + 1


async def test_a_report_of_an_edition_is_computed_once(
    town: AsyncEngine, counted: list[str]
) -> None:
    shared = Shared(town)
    query = '{ coverage(level: "grid") { clean } }'
    await told(town, query, shared=shared)
    counted.clear()

    await told(town, query, shared=shared)

    assert len(counted) == FRAME + 1, "which waivers hold"


@pytest.mark.writes
async def test_drafts_take_as_many_statements_as_one(town: AsyncEngine, counted: list[str]) -> None:
    key = await world.make_key(town, Role.EDITOR)
    rows = [(G11, C1, (0, 0, 1, 1)), (G12, C1, (1, 0, 2, 1)), (None, C1, (0, 0, 1, 1))]
    query = """{ drafts { totalCount nodes { id base { number } within { code } with { id }
        units { totalCount nodes { code geometry parent { code } } }
        report { clean findings { totalCount nodes {
            kind units { code } parent { code } features { row geometry } } } } } } }"""
    counts = []
    for _ in range(2):
        for _ in range(3):
            await imported.add_draft(town, units=rows)
        counted.clear()
        await told(town, query, key=key)
        counts.append(len(counted))

    assert counts[0] == counts[1], "3 drafts or 6"
    # key, levels, page, total; base, with; units, their total and parents, within;
    # findings, their total, units, parents, features and their drafts
    assert counts[0] <= 20
