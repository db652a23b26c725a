"""Publishing, checking again, giving up and going back, as clients ask for it."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text, update

from schema.ids import IdKind, encode
from storage.keys import Role
from storage.models import ApiKey, Draft, Edition
from tests.graphql import imported, real, world
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.real import Drew
from tests.graphql.world import C1, C2, C3, G11, G12, S1, S2

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio

PUBLISH = """
mutation ($ids: [ID!]!, $day: Date, $note: String, $correction: Boolean! = false) {
  publishDrafts(ids: $ids, effectiveOn: $day, note: $note, correction: $correction) {
    number effectiveOn publishedBy note correction levels { key }
  }
}
"""
RECHECK = """
mutation ($id: ID!) {
  recheckDraft(id: $id) {
    id status base { number } report { clean findings { nodes { id kind } } }
  }
}
"""
DISCARD = "mutation ($id: ID!) { discardDraft(id: $id) { id status } }"
REVERT = """
mutation ($level: String!, $to: Int!, $within: UnitRef, $with: [ID!]) {
  draftRevert(level: $level, to: $to, within: $within, with: $with) {
    id status createdBy level { key } within { code } with { id }
    source { file notices { code message } }
    report { clean findings { nodes { id kind units { code } } } }
    units { nodes { code name parent { code } } }
  }
}
"""

HALVES = [Drew(G11, (0, 0, 1, 1)), Drew(G12, (1, 0, 2, 1))]
"""C1's grids divided along x = 1, as in edition 1; those that stand are divided along y = 0.5."""
NARROW = [Drew(C1, (0, 0, 1.5, 1)), Drew(C2, (0, 1, 2, 2))]
"""C1 loses the land between x = 1.5 and 2."""


def of(*numbers: int) -> list[str]:
    """Return the ids of drafts."""
    return [encode(IdKind.DRAFT, number) for number in numbers]


async def halves(engine: AsyncEngine) -> int:
    """Make a clean draft that divides C1 another way."""
    return await real.make(engine, "grid", HALVES, within=("community", C1))


@pytest.fixture
async def publisher(town: AsyncEngine) -> str:
    return await world.make_key(town, Role.PUBLISHER)


# -- publishing ------------------------------------------------------------------------------


async def test_a_draft_is_published_in_the_name_of_the_key(
    town: AsyncEngine, publisher: str
) -> None:
    draft = await halves(town)
    await world.run(town, update(ApiKey).values(name="网格办"))

    data = await told(town, PUBLISH, {"ids": of(draft), "note": "east | west"}, key=publisher)

    assert data["publishDrafts"] == {
        "number": 3,
        "effectiveOn": str(TODAY),
        "publishedBy": "网格办",
        "note": "east | west",
        "correction": False,
        "levels": [{"key": "grid"}],
    }
    shown = "query ($id: ID!) { draft(id: $id) { status publishedAs { number publishedBy } } }"
    data = await told(town, shown, {"id": of(draft)[0]}, key=publisher)
    assert data["draft"] == {
        "status": "PUBLISHED",
        "publishedAs": {"number": 3, "publishedBy": "网格办"},
    }
    areas = '{ unit(level: "grid", code: "%s") { areaM2 since { number } } }' % G11  # noqa: UP031
    unit = (await told(town, areas))["unit"]
    assert unit["since"] == {"number": 3}
    assert unit["areaM2"] == pytest.approx(world.area_m2((0, 0, 1, 1)), rel=1e-6)


async def test_a_border_between_parents_moves_with_the_units_on_both_sides(
    town: AsyncEngine, publisher: str
) -> None:
    # S1 and S2 meet at x = 2; the border, and those of all below it, goes to x = 1.5
    subdistricts = [Drew(S1, (0, 0, 1.5, 2)), Drew(S2, (1.5, 0, 4, 2))]
    communities = [
        Drew(C1, (0, 0, 1.5, 1)),
        Drew(C2, (0, 1, 1.5, 2)),
        Drew(C3, (1.5, 0, 4, 2)),
    ]
    grids = [
        Drew(G11, (0, 0, 1.5, 0.5)),
        Drew(G12, (0, 0.5, 1.5, 1)),
        Drew(f"{C2}001", (0, 1, 1, 2)),
        Drew(f"{C2}002", (1, 1, 1.5, 2)),
        Drew(f"{C3}001", (1.5, 0, 4, 1)),
        Drew(f"{C3}002", (1.5, 1, 4, 2)),
    ]
    yards = [Drew(f"{C1}P01", (0.2, 0.2, 0.6, 0.6)), Drew(f"{C1}P02", (1.1, 0.2, 1.4, 0.8))]
    drafts: list[int] = []
    for level, units in (
        ("subdistrict", subdistricts),
        ("community", communities),
        ("grid", grids),
        ("compound", yards),
    ):
        drafts.append(await real.make(town, level, units, together_with=drafts))

    for some in (drafts[:1], drafts[:2], drafts[1:], drafts[:1] + drafts[2:]):
        answer = await ask(town, PUBLISH, {"ids": of(*some)}, key=publisher)
        assert answer.codes()[0] in {"NOT_CLEAN", "BAD_INPUT"}
        assert answer.data == {"publishDrafts": None}
    shuffled = [drafts[2], drafts[0], drafts[3], drafts[1]]
    data = await told(town, PUBLISH, {"ids": of(*shuffled)}, key=publisher)

    assert data["publishDrafts"]["number"] == 3
    assert [level["key"] for level in data["publishDrafts"]["levels"]] == [
        "subdistrict",
        "community",
        "grid",
        "compound",
    ]
    proof = "{ %s }" % " ".join(  # noqa: UP031
        f'{level}: coverage(level: "{level}") {{ clean provenParents parents }}'
        for level in ("district", "subdistrict", "community", "grid")
    )
    data = await told(town, proof)
    assert [data[level]["clean"] for level in data] == [True] * 4
    assert [data[level]["provenParents"] for level in data] == [1, 1, 2, 3]


async def test_what_forbids_publishing_is_named_by_ids_that_can_be_asked_for(
    town: AsyncEngine, publisher: str
) -> None:
    hole = [Drew(G11, (0, 0, 2, 0.5)), Drew(G12, (0, 0.5, 1.5, 1))]
    draft = await real.make(town, "grid", hole, within=("community", C1))

    refused = await ask(town, PUBLISH, {"ids": of(draft)}, key=publisher)

    assert refused.codes() == ["NOT_CLEAN"]
    [finding] = refused.errors[0]["extensions"]["findingIds"]
    node = "query ($id: ID!) { node(id: $id) { ... on Finding { kind areaM2 parent { code } } } }"
    shown = (await told(town, node, {"id": finding}, key=publisher))["node"]
    assert (shown["kind"], shown["parent"]) == ("BLANK", {"code": C1})
    assert shown["areaM2"] == pytest.approx(world.area_m2((1.5, 0.5, 2, 1)), rel=1e-6)

    waive = 'mutation ($id: ID!) { waive(findingId: $id, reason: "a lake") { id } }'
    await told(town, waive, {"id": finding}, key=publisher)
    data = await told(town, PUBLISH, {"ids": of(draft)}, key=publisher)
    assert data["publishDrafts"]["number"] == 3


async def test_a_parent_level_that_breaks_its_children_is_refused_and_names_them(
    town: AsyncEngine, publisher: str
) -> None:
    draft = await real.make(town, "community", NARROW, within=("subdistrict", S1))

    refused = await ask(town, PUBLISH, {"ids": of(draft)}, key=publisher)

    assert refused.codes() == ["NOT_CLEAN"]
    ids = refused.errors[0]["extensions"]["findingIds"]
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Finding { kind units { code } } } }"
    found = (await told(town, nodes, {"ids": ids}, key=publisher))["nodes"]
    named = {unit["code"] for one in found for unit in one["units"]}
    assert named >= {G11, G12}, "the grids that would leave C1"
    assert {one["kind"] for one in found} >= {"BLANK", "OUTSIDE"}


async def test_ground_that_changed_since_is_a_conflict_that_a_second_check_cures(
    town: AsyncEngine, publisher: str
) -> None:
    late, first = await halves(town), await halves(town)
    thirds = [Drew(G11, (0, 0, 0.5, 1)), Drew(G12, (0.5, 0, 2, 1))]
    first = await real.make(town, "grid", thirds, within=("community", C1))
    await told(town, PUBLISH, {"ids": of(first)}, key=publisher)

    refused = await ask(town, PUBLISH, {"ids": of(late)}, key=publisher)
    again = await told(town, RECHECK, {"id": of(late)[0]}, key=publisher)
    data = await told(town, PUBLISH, {"ids": of(late)}, key=publisher)

    assert refused.codes() == ["CONFLICT"]
    assert again["recheckDraft"] == {
        "id": of(late)[0],
        "status": "OPEN",
        "base": {"number": 3},
        "report": {"clean": True, "findings": {"nodes": []}},
    }
    assert data["publishDrafts"]["number"] == 4


async def test_a_draft_that_changes_nothing_makes_no_edition(
    town: AsyncEngine, publisher: str
) -> None:
    draft = await real.make(town, "community", real.standing("community"))

    data = await told(town, PUBLISH, {"ids": of(draft)}, key=publisher)

    assert data["publishDrafts"]["number"] == 2
    async with town.connect() as connection:
        assert len((await connection.execute(select(Edition.number))).all()) == 2


async def test_days_and_corrections(town: AsyncEngine, publisher: str) -> None:
    next_week, yesterday = TODAY + dt.timedelta(days=7), TODAY - dt.timedelta(days=1)
    draft = await halves(town)

    before_edition_2 = {"ids": of(draft), "day": "2025-12-31"}
    assert (await ask(town, PUBLISH, before_edition_2, key=publisher)).codes() == ["BAD_INPUT"]
    other_day = {"ids": of(draft), "day": str(yesterday), "correction": True}
    answer = await ask(town, PUBLISH, other_day, key=publisher)
    assert answer.errors[0]["extensions"]["argument"] == "effectiveOn"
    mended = await told(town, PUBLISH, {"ids": of(draft), "correction": True}, key=publisher)
    assert mended["publishDrafts"]["effectiveOn"] == "2026-01-01", "that of edition 2"
    assert mended["publishDrafts"]["correction"] is True

    later = await real.make(town, "grid", real.standing("grid", G11, G12), within=("community", C1))
    data = await told(town, PUBLISH, {"ids": of(later), "day": str(next_week)}, key=publisher)
    assert data["publishDrafts"]["effectiveOn"] == str(next_week)
    asked = "query ($day: Date) { edition(asOf: $day) { number } }"
    assert await told(town, asked) == {"edition": {"number": 3}}, "not in force yet"
    seen = await told(town, asked, {"day": str(next_week)})
    assert seen == {"edition": {"number": 4}}
    third = await halves(town)
    answer = await ask(town, PUBLISH, {"ids": of(third), "day": str(TODAY)}, key=publisher)
    assert answer.codes() == ["BAD_INPUT"], "days never go back"


async def test_a_day_to_come_is_not_for_a_key_of_one_ground(town: AsyncEngine) -> None:
    draft = await halves(town)
    key = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S1))
    ahead = {"ids": of(draft), "day": str(TODAY + dt.timedelta(days=1))}

    assert (await ask(town, PUBLISH, ahead, key=key)).codes() == ["FORBIDDEN"]
    data = await told(town, PUBLISH, {"ids": of(draft), "day": str(TODAY)}, key=key)
    assert data["publishDrafts"]["number"] == 3


@pytest.mark.parametrize(
    ("variables", "code", "argument"),
    [
        ({"ids": []}, "BAD_INPUT", "ids"),
        ({"ids": ["5"]}, "BAD_INPUT", "ids"),
        ({"ids": [encode(IdKind.UNIT, 1)]}, "BAD_INPUT", "ids"),
        ({"ids": of(99)}, "UNKNOWN", "ids"),
        ({"ids": of(*range(1, 1002))}, "LIMIT_EXCEEDED", "ids"),
    ],
)
async def test_ids_that_name_no_drafts_are_refused(
    town: AsyncEngine, publisher: str, variables: dict[str, Any], code: str, argument: str
) -> None:
    answer = await ask(town, PUBLISH, variables, key=publisher)

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == argument


@pytest.mark.parametrize("note", ["n" * 2001, "nul \0"])
async def test_a_note_that_cannot_be_kept_is_refused(
    town: AsyncEngine, publisher: str, note: str
) -> None:
    draft = await halves(town)

    answer = await ask(town, PUBLISH, {"ids": of(draft), "note": note}, key=publisher)

    assert answer.codes() == ["BAD_INPUT"]
    assert answer.errors[0]["extensions"]["argument"] == "note"


async def test_two_who_publish_the_same_draft_at_once_make_one_edition(
    town: AsyncEngine, publisher: str
) -> None:
    draft = await halves(town)
    variables = {"ids": of(draft)}

    answers = await asyncio.gather(
        *(ask(town, PUBLISH, variables, key=publisher) for _ in range(4))
    )

    assert sorted(answer.codes() for answer in answers) == [[], *[["NOT_OPEN"]] * 3]


async def test_changes_of_one_request_see_one_another(town: AsyncEngine, publisher: str) -> None:
    draft, other = (
        await halves(town),
        await real.make(town, "community", real.standing("community")),
    )
    query = """
    mutation ($ids: [ID!]!, $other: ID!) {
      a: recheckDraft(id: $other) { base { number } }
      b: publishDrafts(ids: $ids) { number }
      c: recheckDraft(id: $other) { base { number } within { code } }
      d: discardDraft(id: $other) { status }
    }
    """

    data = await told(town, query, {"ids": of(draft), "other": of(other)[0]}, key=publisher)

    assert data == {
        "a": {"base": {"number": 2}},
        "b": {"number": 3},
        "c": {"base": {"number": 3}, "within": None},
        "d": {"status": "DISCARDED"},
    }


# -- checking again, giving up ---------------------------------------------------------------


@pytest.mark.parametrize("status", ["PUBLISHED", "DISCARDED", "FAILED", "READING"])
async def test_nothing_is_done_to_a_draft_that_is_not_open(
    town: AsyncEngine, publisher: str, status: str
) -> None:
    draft = await halves(town)
    published = 2 if status == "PUBLISHED" else None
    await world.run(town, update(Draft).values(status=status, published_as=published))

    for query, variables in (
        (PUBLISH, {"ids": of(draft)}),
        (RECHECK, {"id": of(draft)[0]}),
        (DISCARD, {"id": of(draft)[0]}),
        (REVERT, {"level": "compound", "to": 1, "with": of(draft)}),
    ):
        assert (await ask(town, query, variables, key=publisher)).codes() == ["NOT_OPEN"], query


async def test_a_discarded_draft_can_still_be_looked_at(town: AsyncEngine, publisher: str) -> None:
    draft = await halves(town)

    gone = await told(town, DISCARD, {"id": of(draft)[0]}, key=publisher)

    assert gone["discardDraft"] == {"id": of(draft)[0], "status": "DISCARDED"}
    shown = "query ($id: ID!) { draft(id: $id) { status units { totalCount } } }"
    data = await told(town, shown, {"id": of(draft)[0]}, key=publisher)
    assert data["draft"] == {"status": "DISCARDED", "units": {"totalCount": 2}}


async def test_a_second_check_without_a_draft_is_unknown(town: AsyncEngine, publisher: str) -> None:
    for query in (RECHECK, DISCARD):
        answer = await ask(town, query, {"id": of(99)[0]}, key=publisher)
        assert answer.codes() == ["UNKNOWN"]
        assert answer.errors[0]["extensions"]["argument"] == "id"


# -- going back ------------------------------------------------------------------------------


async def test_a_ground_goes_back_to_an_older_edition(town: AsyncEngine) -> None:
    editor = await world.make_key(town, Role.EDITOR, within=("subdistrict", S1))
    publisher = await world.make_key(town, Role.PUBLISHER, within=("community", C1))
    asked = {"level": "grid", "to": 1, "within": {"level": "community", "code": C1}}

    made = (await told(town, REVERT, asked, key=editor))["draftRevert"]

    assert (made["status"], made["createdBy"]) == ("OPEN", "tester")
    assert (made["level"], made["within"]) == ({"key": "grid"}, {"code": C1})
    assert made["source"]["file"] == "edition 1"
    assert made["source"]["notices"][0]["code"] == "REVERT"
    assert made["report"] == {"clean": True, "findings": {"nodes": []}}
    assert made["units"]["nodes"] == [
        {"code": G11, "name": "柳树第一网格", "parent": {"code": C1}},
        {"code": G12, "name": "柳树第二网格", "parent": {"code": C1}},
    ]
    data = await told(town, PUBLISH, {"ids": [made["id"]]}, key=publisher)
    assert data["publishDrafts"]["number"] == 3
    then = 'query ($day: Date) { unit(level: "grid", code: "%s", asOf: $day) { areaM2 geometry } }'
    first = await told(town, then % G11, {"day": "2025-06-01"})
    assert await told(town, then % G11) == first


@pytest.mark.parametrize(
    ("variables", "code", "argument"),
    [
        ({"level": "grid", "to": 9}, "UNKNOWN", "to"),
        ({"level": "grid", "to": 0}, "BAD_INPUT", "to"),
        ({"level": "grid", "to": -1}, "BAD_INPUT", "to"),
        ({"level": "gird", "to": 1}, "UNKNOWN", "level"),
        ({"level": "grid", "to": 1, "within": {"level": "grid", "code": G11}}, "BAD_INPUT", None),
        (
            {"level": "grid", "to": 1, "within": {"level": "community", "code": "x"}},
            "UNKNOWN",
            None,
        ),
        (
            {"level": "grid", "to": 1, "within": {"level": "community", "code": "\0"}},
            "BAD_INPUT",
            None,
        ),
        ({"level": "grid", "to": 1, "with": of(99)}, "UNKNOWN", "with"),
        ({"level": "grid", "to": 1, "with": ["x"]}, "BAD_INPUT", "with"),
    ],
)
async def test_what_cannot_come_back_is_refused(
    town: AsyncEngine, publisher: str, variables: dict[str, Any], code: str, argument: str | None
) -> None:
    answer = await ask(town, REVERT, variables, key=publisher)

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == (argument or "within")


# -- whose draft it is -----------------------------------------------------------------------


async def test_what_a_draft_was_checked_on_counts_as_part_of_it(town: AsyncEngine) -> None:
    above = await real.make(town, "community", real.standing("community", C1, C2, C3))
    below = await real.make(town, "grid", HALVES, within=("community", C1), together_with=[above])
    key = await world.make_key(town, Role.PUBLISHER, within=("subdistrict", S1))
    everywhere = await world.make_key(town, Role.PUBLISHER)

    repair = "mutation ($id: ID!) { repairDraft(id: $id) { id } }"
    for query in (RECHECK, repair):
        answer = await ask(town, query, {"id": of(below)[0]}, key=key)
        assert answer.codes() == ["FORBIDDEN"], query
    for ids in (of(below), of(below, above)):
        assert (await ask(town, PUBLISH, {"ids": ids}, key=key)).codes() == ["FORBIDDEN"]
    revert = {"level": "grid", "to": 1, "within": {"level": "community", "code": C1}}
    answer = await ask(town, REVERT, {**revert, "with": of(above)}, key=key)
    assert answer.codes() == ["FORBIDDEN"]

    data = await told(town, PUBLISH, {"ids": of(above)}, key=everywhere)
    assert data["publishDrafts"]["number"] == 2, "it changes nothing, and stands now"
    await told(town, RECHECK, {"id": of(below)[0]}, key=key)
    assert (await told(town, PUBLISH, {"ids": of(below)}, key=key))["publishDrafts"]["number"] == 3


async def test_the_finding_of_another_ground_s_draft_is_not_seen(town: AsyncEngine) -> None:
    draft = await imported.add_draft(
        town, within=("community", C1), units=[(G11, C1, (0, 0, 1, 1))]
    )
    inside = await world.make_key(town, Role.EDITOR, within=("subdistrict", S1))
    outside = await world.make_key(town, Role.EDITOR, within=("subdistrict", S2))
    ids = [encode(IdKind.FINDING, imported.HASHES[0]), encode(IdKind.DRAFT_UNIT, 1), *of(draft)]

    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"

    seen = await told(town, query, {"ids": ids}, key=inside)
    hidden = await told(town, query, {"ids": ids}, key=outside)
    assert [one["__typename"] for one in seen["nodes"]] == ["Finding", "Unit", "Draft"]
    assert hidden["nodes"] == [None, None, None]


async def test_nobody_looks_through_a_draft_at_the_company_that_it_hides(
    town: AsyncEngine,
) -> None:
    moved = [Drew(C1, (0, 0, 2, 1)), Drew(C2, (0, 1, 2, 2), "改名社区"), Drew(C3, (2, 0, 4, 2))]
    above = await real.make(town, "community", moved)
    below = await real.make(town, "grid", HALVES, within=("community", C1), together_with=[above])
    query = """
    query ($id: ID!) { draft(id: $id) {
      with { id }
      units { nodes { parent { parent { children(level: "community") { nodes { name } } } } } }
    } }
    """

    def names(data: dict[str, Any]) -> set[str]:  # JSON
        ups = (unit["parent"]["parent"] for unit in data["draft"]["units"]["nodes"])
        return {unit["name"] for up in ups for unit in up["children"]["nodes"]}

    everywhere = await world.make_key(town, Role.EDITOR)
    inside = await world.make_key(town, Role.EDITOR, within=("community", C1))
    whole = await told(town, query, {"id": of(below)[0]}, key=everywhere)
    part = await told(town, query, {"id": of(below)[0]}, key=inside)

    assert (whole["draft"]["with"], part["draft"]["with"]) == ([{"id": of(above)[0]}], [])
    assert "改名社区" in names(whole)
    assert names(part) == {"柳树社区", "石桥社区"}, "those of edition 2"


async def test_the_text_of_a_key_is_nowhere_in_the_database(
    town: AsyncEngine, publisher: str
) -> None:
    draft = await halves(town)
    await told(town, PUBLISH, {"ids": of(draft)}, key=publisher)

    dump = []
    async with town.connect() as connection:
        tables = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for name in list(await connection.scalars(tables)):
            rows = await connection.scalars(text(f'SELECT t::text FROM "{name}" t'))
            dump += list(rows)

    body = publisher.removeprefix("wg_")
    assert any("tester" in row for row in dump), "the edition's author is there"
    assert not [row for row in dump if body in row or body.encode().hex() in row]
    assert [row for row in dump if hashlib.sha256(publisher.encode()).hexdigest() in row]
