"""Who may do what, and where: one table, tried out as a whole on the service that runs.

A row is an operation: the least role that it takes (none: anybody), and the ground that it
concerns. A column is an asker: a role within a unit, a key that is worthless, or no key. What must
come of it follows from the drawing of where the grounds lie.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sqlalchemy import text, update
from websockets.exceptions import ConnectionClosedError

from schema.build import schema
from schema.ids import IdKind, encode
from storage.keys import Role
from storage.models import ApiKey
from tests.graphql import duty_world, imported, real, world
from tests.graphql.duty_world import CARRIED
from tests.graphql.live import PROGRESS, collection, serving
from tests.graphql.world import C1, C2, C3, G11, G22, S1, S2, UNITS, D

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.graphql.live import Service

pytestmark = pytest.mark.anyio

Ground = tuple[str, str]

CITY: Ground = ("", "")
"""The whole level: no unit holds it."""
IN_S1: Ground = ("subdistrict", S1)
IN_C1: Ground = ("community", C1)
"""A part of S1."""
CITY_AS_S1_AND_S2: Ground = ("district", D)
"""Ground in both subdistricts."""
ABOVE = {
    IN_S1: {IN_S1, ("district", D)},
    IN_C1: {IN_C1, IN_S1, ("district", D)},
    CITY_AS_S1_AND_S2: {("district", D)},
    CITY: set(),
}
"""The units that a ground lies in."""
GROUNDS: tuple[Ground | None, ...] = (
    None,
    ("district", D),
    IN_S1,
    IN_C1,
    ("subdistrict", S2),  # beside it
)
"""Where keys are valid; None: everywhere."""


class Asker(NamedTuple):
    """Whoever asks."""

    role: Role | None
    """None: nobody's key, or none at all."""
    within: Ground | None
    key: str | None

    def __str__(self) -> str:
        if self.role is None:
            return "a worthless key" if self.key else "no key"
        return f"{self.role} within {self.within or 'everywhere'}"


class Row(NamedTuple):
    """An operation, and who may."""

    name: str
    least: Role | None
    """The least role; None: anybody who may read."""
    ground: Ground | None
    """What it concerns; None: nothing in particular."""
    query: str
    hidden: bool = False
    """Whether those of other ground are told nothing instead of FORBIDDEN."""


LOOKED_FOR = {"node: Finding", "node: Assignment, not public"}
"""What readers may ask for, too: they do not find it among what they may see."""


def verdict(row: Row, asker: Asker, *, public: bool) -> str:
    """Return what must come of it: ALLOWED, NOTHING (null), or an error's code."""
    too_low = "FORBIDDEN"
    if row.name in LOOKED_FOR:
        too_low = "NOTHING"
    if asker.role is None:
        if asker.key is not None or not public:
            return "UNAUTHENTICATED"
        if row.least is None:
            return "ALLOWED"
        return too_low if too_low == "NOTHING" else "UNAUTHENTICATED"
    roles = list(Role)
    if row.least is not None and roles.index(asker.role) < roles.index(row.least):
        return too_low
    if row.ground is None or asker.within is None or asker.within in ABOVE[row.ground]:
        return "ALLOWED"
    return "NOTHING" if row.hidden else "FORBIDDEN"


def reading(name: str, query: str) -> Row:
    """Return the row of something that anybody may read."""
    return Row(name, None, None, query)


def node(kind: IdKind, key: int | str) -> str:
    return f'node(id: "{encode(kind, key)}") {{ id }}'


def reads(draft: int, finding: str) -> list[Row]:
    """Return the rows of all queries; the draft and its finding lie in S1."""
    own, unit = encode(IdKind.DRAFT, draft), encode(IdKind.UNIT, 1)
    to_drafts = Role.EDITOR, IN_S1
    return [
        reading("node: Unit", node(IdKind.UNIT, 1)),
        reading("node: Edition", node(IdKind.EDITION, 1)),
        Row("node: Draft", *to_drafts, node(IdKind.DRAFT, draft)),
        Row("node: DraftUnit", *to_drafts, node(IdKind.DRAFT_UNIT, 1), hidden=True),
        Row("node: Finding", *to_drafts, node(IdKind.FINDING, finding), hidden=True),
        reading("nodes", f'nodes(ids: ["{unit}"]) {{ id }}'),
        Row("draft", *to_drafts, f'draft(id: "{own}") {{ id report {{ clean }} }}'),
        Row("drafts", Role.EDITOR, None, "drafts { totalCount }"),
        reading("levels", "levels { key }"),
        reading("edition", "edition { number publishedBy }"),
        reading("editions", "editions { totalCount }"),
        reading("changes", 'changes(from: 1, to: 2, level: "grid") { redrawn }'),
        reading("unit", f'unit(level: "grid", code: "{G11}") {{ id }}'),
        reading("units", 'units(level: "grid") { totalCount }'),
        reading("search", 'search(text: "a") { code }'),
        reading("placeAt", "placeAt(point: {lon: 104, lat: 38}) { reason onBorder }"),
        reading("placeOf", 'placeOf(address: "a1") { onBorder }'),
        reading("placesAt", "placesAt(points: [{lon: 104, lat: 38}]) { code }"),
        reading("coverage", 'coverage(level: "grid") { clean }'),
        reading("node: Facility", node(IdKind.FACILITY, 1)),
        reading("facilityKinds", "facilityKinds { key }"),
        reading("facility", 'facility(key: "p") { id }'),
        reading("facilities", "facilities { totalCount }"),
        reading("programme", 'programme(key: "near") { name }'),
        reading("programmes", "programmes { key }"),
        reading("circleAt", "circleAt(point: {lon: 104.005, lat: 38.005}) { connected }"),
        reading("circleCoverage", 'circleCoverage(kinds: ["clinic"]) { facilityCount }'),
        reading("nearest", "nearest(point: {lon: 104.005, lat: 38.005}) { walkM }"),
        reading(
            "siting",
            f'siting(kinds: ["clinic"], within: {{level: "community", code: "{C1}"}}, count: 1) '
            "{ households }",
        ),
        Row(
            "siting: for a group",
            Role.EDITOR,
            None,
            f'siting(kinds: ["clinic"], within: {{level: "community", code: "{C1}"}}, count: 1, '
            'group: "pupil", walk: {metres: 333}) { households }',
        ),
        reading(
            "siting: for a group, by the usual walk",
            f'siting(kinds: ["clinic"], within: {{level: "community", code: "{C1}"}}, count: 1, '
            'group: "pupil") { households }',
        ),
        reading("walkPresets", "walkPresets { key }"),
        *asking_who_answers(),
    ]


NUMBERS = {(one.duty, one.body, one.unit): n for n, one in enumerate(CARRIED, start=1)}
AN_HOLDS_G11 = NUMBERS["grid_holder", "an", ("grid", G11)]
WU_HELPS_G11 = NUMBERS["volunteer", "wu", ("grid", G11)]
"""Of a duty of which readers are not told."""


def asking_who_answers() -> list[Row]:
    """Return the rows of the queries of duties; what is not public lies in S1."""
    in_c1 = f'within: {{level: "community", code: "{C1}"}}'
    plan = f'within: {{level: "subdistrict", code: "{S1}"}}, perUnitMin: 0'
    return [
        reading("duties", "duties { key }"),
        reading("body", 'body(key: "wu") { key }'),
        reading("bodies", "bodies { totalCount }"),
        reading("dutyCoverage", 'dutyCoverage(duty: "volunteer") { bodyCount }'),
        reading(
            "crossAppointment",
            'crossAppointment(duties: ["branch_secretary", "committee_chair"]) { total }',
        ),
        Row(
            "crossAppointment: not public",
            Role.EDITOR,
            IN_C1,
            f'crossAppointment(duties: ["branch_secretary", "building_head"], {in_c1}) {{ total }}',
        ),
        reading("node: Body", node(IdKind.BODY, 1)),
        reading("node: Assignment", node(IdKind.ASSIGNMENT, AN_HOLDS_G11)),
        Row(
            "node: Assignment, not public",
            Role.EDITOR,
            IN_C1,
            node(IdKind.ASSIGNMENT, WU_HELPS_G11),
            hidden=True,
        ),
        Row(
            "assignmentPlan",
            Role.EDITOR,
            IN_S1,
            f'assignmentPlan(duty: "station_head", {plan}) {{ cost }}',
        ),
    ]


def changing(draft: str, finding: str) -> list[Row]:
    """Return the rows of all mutations but the upload; the draft lies in S1, as is its finding."""
    within = f'within: {{level: "subdistrict", code: "{S1}"}}'
    blank = encode(IdKind.FINDING, finding)
    make, say = (Role.EDITOR, IN_S1), (Role.PUBLISHER, IN_S1)
    revert = 'draftRevert(level: "compound", to: 1'
    return [
        Row("draftRevert", *make, f"{revert}, {within}) {{ id }}"),
        Row("draftRevert: whole", Role.EDITOR, CITY, f"{revert}) {{ id }}"),
        Row(
            "draftRevert: with",
            *make,
            f'draftRevert(level: "grid", to: 2, {within_c1()}, with: ["{draft}"]) {{ id }}',
        ),
        Row("repairDraft", *make, f'repairDraft(id: "{draft}") {{ id }}'),
        Row("recheckDraft", *make, f'recheckDraft(id: "{draft}") {{ id }}'),
        Row("publishDrafts", *say, f'publishDrafts(ids: ["{draft}"]) {{ number }}'),
        Row("waive", *say, f'waive(findingId: "{blank}", reason: "a lake") {{ id }}'),
        Row("unwaive", *say, f'unwaive(findingId: "{blank}") {{ id }}'),
        *keeping_facilities(),
        *keeping_duties(),
    ]


IN_C2, IN_C3 = world.lonlat(0.5, 1.5), world.lonlat(2.5, 0.5)


def keeping_facilities() -> list[Row]:
    """Return the rows of changing service points: in S1, and from there to other ground."""
    keep = Role.EDITOR, IN_S1
    return [
        Row("putFacility", *keep, put_facility("p", IN_C2)),
        Row("putFacility: new", *keep, put_facility("q", IN_C2)),
        Row("putFacility: moved", Role.EDITOR, CITY_AS_S1_AND_S2, put_facility("p", IN_C3)),
        Row("putFacility: fetched", Role.EDITOR, CITY_AS_S1_AND_S2, put_facility("far", IN_C2)),
        Row("removeFacility", *keep, 'removeFacility(key: "still", on: "2027-01-01") { id }'),
    ]


def keeping_duties() -> list[Row]:
    """Return the rows of giving duties and taking them back, in C2 of S1 and in C1."""
    keep, unit = (Role.EDITOR, IN_S1), f'{{level: "grid", code: "{G22}"}}'
    plan = f'acceptPlan(duty: "volunteer", items: [{{body: "qi", unit: {unit}}}])'
    taken = encode(IdKind.ASSIGNMENT, AN_HOLDS_G11)
    return [
        Row("assign", *keep, f'assign(duty: "grid_holder", body: "wu", unit: {unit}) {{ id }}'),
        Row("endAssignment", Role.EDITOR, IN_C1, f'endAssignment(id: "{taken}") {{ id }}'),
        Row("acceptPlan", *keep, f"{plan} {{ id }}"),
    ]


def put_facility(key: str, place: tuple[float, float]) -> str:
    lon, lat = place
    return (
        f'putFacility(key: "{key}", kind: "clinic", name: "", '
        f"location: {{lon: {lon}, lat: {lat}}}) {{ id }}"
    )


async def stand(engine: AsyncEngine) -> None:
    """Let service points and duties be as they are before anybody changes them, and a programme."""
    for statement in (
        "TRUNCATE facility RESTART IDENTITY",
        "INSERT INTO facility (key, kind, name, geom, since, changed_by) VALUES "
        f"('p', 'clinic', 'old', {_point(IN_C2)}, '2026-01-01', 'test'), "
        f"('still', 'clinic', '', {_point(IN_C2)}, '2026-01-01', 'test'), "
        f"('far', 'clinic', '', {_point(IN_C3)}, '2026-01-01', 'test')",
        "INSERT INTO programme (key, name, kinds, since) "
        "VALUES ('near', '', '{clinic}', '2026-01-01') ON CONFLICT DO NOTHING",
        "TRUNCATE assignment, body RESTART IDENTITY",
    ):
        await world.run(engine, text(statement))
    await duty_world.build(engine)


def _point(place: tuple[float, float]) -> str:
    return "ST_SetSRID(ST_MakePoint({}, {}), 4326)".format(*place)


def within_c1() -> str:
    return f'within: {{level: "community", code: "{C1}"}}'


def discarding(draft: str) -> Row:
    """Return the row of giving a draft of S1 up."""
    return Row("discardDraft", Role.EDITOR, IN_S1, f'discardDraft(id: "{draft}") {{ id }}')


UPLOAD = Row("importBoundaries", Role.EDITOR, IN_S1, "")
WHOLE_UPLOAD = Row("importBoundaries: whole", Role.EDITOR, CITY, "")
SUBSCRIPTIONS = {"importProgress", "published", "assigned"}


async def askers(engine: AsyncEngine) -> list[Asker]:
    """Make every key that there can be."""
    made = [
        Asker(role, within, await world.make_key(engine, role, within=within))
        for role, within in product(Role, GROUNDS)
    ]
    revoked = await world.make_key(engine, Role.ADMIN)
    async with engine.begin() as connection:
        newest = text("SELECT max(id) FROM api_key")
        number = (await connection.execute(newest)).scalar_one()
        await connection.execute(
            update(ApiKey).where(ApiKey.id == number).values(revoked_at=ApiKey.created_at)
        )
    bad = [Asker(None, None, key) for key in (None, revoked, "wg_madeup", "nonsense")]
    return made + bad


def outcomes(rows: Sequence[Row], answer: Mapping[str, Any]) -> dict[str, str]:
    """Return what came of each row of a request, which has them as f0, f1 and so on."""
    failed = {
        str(error["path"][0]): str(error["extensions"]["code"])
        for error in answer.get("errors", ())
    }
    found = {}
    for number, row in enumerate(rows):
        name = f"f{number}"
        said = "NOTHING" if (answer["data"] or {}).get(name) is None else "ALLOWED"
        found[row.name] = failed.get(name, said)
    return found


def together(rows: Sequence[Row], kind: str) -> str:
    """Return all operations as one request."""
    return f"{kind} {{ {' '.join(f'f{n}: {row.query}' for n, row in enumerate(rows))} }}"


ALONE = {"levels", "editions", "nodes", "facilityKinds", "programmes", "walkPresets", "duties"}
"""Fields that are never null: their errors hide those of others."""


def apart(rows: Sequence[Row]) -> list[list[Row]]:
    """Return operations as requests in which each can fail for itself."""
    return [[row for row in rows if row.name not in ALONE]] + [
        [row] for row in rows if row.name in ALONE
    ]


def demanded(rows: Sequence[Row], asker: Asker, *, public: bool = True) -> dict[str, str]:
    return {row.name: verdict(row, asker, public=public) for row in rows}


# -- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("public", [True, False])
async def test_every_query_for_every_asker(
    town: AsyncEngine, database_url: str, public: bool
) -> None:
    draft = await imported.add_draft(
        town, level="community", within=IN_S1, units=[(C1, S1, (0, 0, 2, 1))]
    )
    await stand(town)
    rows = reads(draft, imported.HASHES[0])
    async with serving(database_url, public=public) as service:
        for asker in await askers(town):
            if not public and asker.within is not None:
                continue  # what a ground closes has nothing to do with it
            found: dict[str, str] = {}
            for some in apart(rows):
                answer = await service.ask(together(some, "query"), key=asker.key)
                found |= outcomes(some, answer)
            assert found == demanded(rows, asker, public=public), str(asker)


# -- changing --------------------------------------------------------------------------------


async def supply(engine: AsyncEngine, count: int) -> Iterator[str]:
    """Make clean drafts of the communities of S1 that change nothing, and give their ids."""
    units = real.standing("community", C1, C2)
    first = await real.make(engine, "community", units, within=IN_S1)
    more = await real.copies(engine, first, count - 1)
    return iter([encode(IdKind.DRAFT, number) for number in (first, *more)])


async def state(engine: AsyncEngine) -> list[object]:
    """Return everything that those who may not must leave as it is."""
    query = text(
        "SELECT (SELECT md5(string_agg(d::text, '' ORDER BY d.id)) FROM draft d),"
        " (SELECT max(number) FROM edition), (SELECT count(*) FROM waiver),"
        " (SELECT count(*) FROM waiver WHERE ended_at IS NOT NULL),"
        " (SELECT md5(string_agg(f::text, '' ORDER BY f.row_id)) FROM facility f),"
        " (SELECT md5(string_agg(a::text, '' ORDER BY a.id)) FROM assignment a)"
    )
    async with engine.connect() as connection:
        return list((await connection.execute(query)).one())


async def test_every_mutation_for_every_asker(town: AsyncEngine, database_url: str) -> None:
    everybody = await askers(town)
    await imported.add_draft(town, level="community", within=IN_S1)  # with findings to be accepted
    drafts = await supply(town, 2 * len(everybody))
    async with serving(database_url) as service:
        for asker in everybody:
            rows = [*changing(next(drafts), imported.HASHES[0]), discarding(next(drafts))]
            await stand(town)
            before = await state(town)
            answer = await service.ask(together(rows, "mutation"), key=asker.key)
            assert outcomes(rows, answer) == demanded(rows, asker), str(asker)
            if "ALLOWED" not in demanded(rows, asker).values():
                assert await state(town) == before, str(asker)


async def upload(service: Service, row: Row, asker: Asker) -> str:
    """Send a file that cannot be read: whoever gets so far may import."""
    within = row.ground if row.ground != CITY else None
    response = await service.send(b"{", key=asker.key, level="community", within=within)
    [error] = response.json()["errors"]
    code = str(error["extensions"]["code"])
    return "ALLOWED" if code == "UNREADABLE" else code


async def test_uploads_for_every_asker(town: AsyncEngine, database_url: str) -> None:
    async with serving(database_url) as service:
        for asker in await askers(town):
            for row in (UPLOAD, WHOLE_UPLOAD):
                expected = verdict(row, asker, public=True)
                # a file is read in a process of its own: two of those who may are enough
                if expected == "ALLOWED" and asker.role is not Role.EDITOR:
                    continue
                assert await upload(service, row, asker) == expected, (row.name, str(asker))


# -- being told ------------------------------------------------------------------------------

PUBLISHED = "subscription { published(since: 0) { number } }"


ASSIGNED = "subscription { assigned(since: 0) { change } }"


async def hears(service: Service, asker: Asker, query: str) -> str:
    """Return what comes of a subscription; a worthless key is not even let in."""
    try:
        async with service.talk(key=asker.key) as talk:
            await talk.subscribe(query)
            message = await talk.hear()
    except ConnectionClosedError as closed:
        refused = closed.rcvd is not None and closed.rcvd.code == REFUSED
        return "UNAUTHENTICATED" if refused else str(closed)
    if "errors" in message["payload"]:
        return str(message["payload"]["errors"][0]["extensions"]["code"])
    assert message["payload"]["data"] in ({"published": {"number": 1}}, {"assigned": {"change": 1}})
    return "ALLOWED"


REFUSED = 4403
"""How graphql-transport-ws closes a connection that may not be."""


@pytest.mark.parametrize("query", [PUBLISHED, ASSIGNED])
@pytest.mark.parametrize("public", [True, False])
async def test_what_happens_is_told_to_those_who_may_read(
    town: AsyncEngine, database_url: str, query: str, public: bool
) -> None:
    await duty_world.build(town)
    row = reading("told", query)
    async with serving(database_url, public=public) as service:
        for asker in await askers(town):
            if asker.role not in {None, Role.READER}:
                continue
            heard = await hears(service, asker, query)
            assert heard == verdict(row, asker, public=public), str(asker)


async def test_the_progress_of_an_import_is_told_to_the_key_that_sent_it(
    town: AsyncEngine, database_url: str
) -> None:
    sender = await world.make_key(town, Role.EDITOR, within=("community", C1))
    others = {
        "the same role, the same ground": Asker(Role.EDITOR, ("community", C1), ""),
        "a reader": Asker(Role.READER, None, ""),
        "nobody": Asker(None, None, None),
    }
    file = collection((G11, (0, 0, 2, 1)))
    async with serving(database_url) as service:
        await service.send(file, key=sender, ticket="mine")
        for said, asker in others.items():
            key = (
                None
                if asker.role is None
                else await world.make_key(town, asker.role, within=asker.within)
            )
            async with service.talk(key=key) as talk:
                await talk.subscribe(PROGRESS, {"t": "mine"})
                if asker.role is Role.EDITOR:  # a ticket of that name may still come
                    continue
                code = (await talk.error())["extensions"]["code"]
                assert code in {"UNAUTHENTICATED", "FORBIDDEN"}, said
        async with service.talk(key=sender) as talk:
            await talk.subscribe(PROGRESS, {"t": "mine"})
            assert (await talk.next())["importProgress"]["draft"] is not None


# -- the table -------------------------------------------------------------------------------


def test_the_table_has_every_root_field_and_every_kind_of_thing() -> None:
    rows = [*reads(1, "a" * 32), *changing("", ""), discarding(""), UPLOAD, WHOLE_UPLOAD]
    listed = {row.name.partition(":")[0] for row in rows} | SUBSCRIPTIONS
    nodes = [row.name.partition(": ")[2] for row in rows if row.name.startswith("node:")]
    kinds = {name.partition(",")[0] for name in nodes}

    printed = schema._schema
    roots = (printed.query_type, printed.mutation_type, printed.subscription_type)
    fields = {name for root in roots if root is not None for name in root.fields}

    assert listed == fields
    assert kinds == {kind.value for kind in IdKind}


def test_the_drawing_says_where_the_grounds_lie() -> None:
    parents = {(unit.level, unit.code): unit.parent for unit in UNITS}
    assert parents[IN_S1] == D
    assert parents["community", C1] == S1
    assert parents["subdistrict", S2] == D
    assert parents["community", C3] == S2


async def test_a_key_is_worthless_as_soon_as_it_is_revoked(
    town: AsyncEngine, database_url: str
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    async with serving(database_url) as service:
        assert "errors" not in await service.ask("{ drafts { totalCount } }", key=key)
        await world.run(town, update(ApiKey).values(revoked_at=ApiKey.created_at))
        answer = await service.ask("{ drafts { totalCount } }", key=key)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
