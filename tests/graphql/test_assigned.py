"""Being told who is given a duty: nothing lost, nothing twice, and nothing that one may not see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update

from resolvers import assigned
from schema.ids import IdKind, encode
from storage.duty_models import Assignment, Duty
from storage.keys import Role
from storage.models import ApiKey
from tests.graphql import duty_world, world
from tests.graphql.duty_world import CARRIED, Carried
from tests.graphql.live import Service, Talk, serving
from tests.graphql.world import C1, C3, G11, G22, G31, G32, S1, S2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

ASSIGNED = """
subscription($within: UnitRef, $duty: String, $since: Int) {
  assigned(within: $within, duty: $duty, since: $since) {
    change since until duty { key } body { key name } unit { code } } }
"""
WHO = """
subscription($within: UnitRef, $duty: String, $since: Int) {
  assigned(within: $within, duty: $duty, since: $since) { change body { key } } }
"""
ALL = len(CARRIED)
HIDDEN = [number for number, one in enumerate(CARRIED, start=1) if one.duty == "volunteer"]


@pytest.fixture
async def service(posted: AsyncEngine, database_url: str) -> AsyncIterator[Service]:
    """Give a service on the town with its duties."""
    del posted  # it is in the database
    async with serving(database_url) as running:
        yield running


def chief(unit: str, body: str = "wu") -> Carried:
    return Carried("grid_holder", body, ("grid", unit), world.DAYS[2])


def volunteer(unit: str, body: str) -> Carried:
    return Carried("volunteer", body, ("grid", unit), world.DAYS[2], None, "mediator")


def sent(message: dict[str, Any]) -> str:
    return str(message["assigned"]["body"]["key"])


async def settle(talk: Talk, service: Service, query: str = WHO, **said: Any) -> None:  # noqa: ANN401 - variables
    """Subscribe, and wait until it listens: a second subscription is answered after it."""
    del service
    await talk.subscribe(query, said)
    await asyncio.sleep(0.4)


async def test_what_begins_and_ends_is_told_as_it_is_then(
    service: Service, town: AsyncEngine
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    give = f"""mutation {{ assign(duty: "grid_holder", body: "wu", since: "2026-03-01",
      unit: {{level: "grid", code: "{G22}"}}) {{ id }} }}"""
    async with service.talk() as talk:
        await settle(talk, service, ASSIGNED)
        given = (await service.ask(give, key=key))["data"]["assign"]["id"]
        begun = (await talk.next())["assigned"]
        take = f'mutation {{ endAssignment(id: "{given}", on: "2026-06-01") {{ id }} }}'
        await service.ask(take, key=key)
        ended = (await talk.next())["assigned"]

    expected = {
        "since": "2026-03-01",
        "until": None,
        "duty": {"key": "grid_holder"},
        "body": {"key": "wu", "name": "吴五"},
        "unit": {"code": G22},
    }
    first, second = begun.pop("change"), ended.pop("change")
    assert begun == expected
    assert ended == {**expected, "until": "2026-06-01", "body": {"key": "wu", "name": None}}
    assert (first, second) == (ALL + 1, ALL + 2)


async def test_the_same_again_and_what_is_refused_is_not_told(
    service: Service, town: AsyncEngine
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    unit = f'unit: {{level: "grid", code: "{G11}"}}'
    again = f'mutation {{ assign(duty: "grid_holder", body: "an", {unit}) {{ id }} }}'
    refused = f'mutation {{ assign(duty: "grid_holder", body: "wu", {unit}) {{ id }} }}'
    async with service.talk() as talk:
        await settle(talk, service)
        for query in (again, refused):
            await service.ask(query, key=key)
        await duty_world.put(town, chief(G22, "xu"))
        assert sent(await talk.next()) == "xu"


async def test_changes_since_a_number_come_first_and_each_once(
    service: Service, town: AsyncEngine
) -> None:
    key = await world.make_key(town, Role.EDITOR)
    async with service.talk(key=key) as talk:
        await talk.subscribe(WHO, {"since": ALL - 2})
        before = [sent(await talk.next()) for _ in range(2)]
        await duty_world.put(town, chief(G22))
        after = await talk.next()

    assert before == [one.body for one in CARRIED[-2:]]
    assert after["assigned"] == {"change": ALL + 1, "body": {"key": "wu"}}


async def test_a_list_that_breaks_off_in_the_middle_goes_on_from_there(
    service: Service, town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 rows of one statement, read by pages of 7 and by connections of 50."""
    monkeypatch.setattr(assigned, "PAGE", 7)
    many = "INSERT INTO assignment (duty, body, level, code, post, since, created_by) SELECT "
    many += f"'station_head', 'dai', 'community', '{C3}', n::text, '2026-01-01', 'test' "
    await world.run(town, text(many + "FROM generate_series(1, 300) n"))
    last = ALL
    seen: list[str] = []
    while len(seen) < 300:
        async with service.talk() as talk:
            await talk.subscribe(
                "subscription($n: Int) { assigned(since: $n) { change post } }", {"n": last}
            )
            for _ in range(50):
                told = (await talk.next())["assigned"]
                last = told["change"]
                seen.append(told["post"])
            talk.socket.transport.abort()  # with messages unread, as a network does it

    assert seen == [str(number) for number in range(1, 301)]


async def test_nothing_is_lost_while_several_write_at_once(
    service: Service, town: AsyncEngine
) -> None:
    """Sixty rows by six writers, one of whom keeps his transaction open for a while."""

    async def write(writer: int) -> None:
        for number in range(10):
            async with town.begin() as connection:
                await connection.execute(
                    text(
                        "INSERT INTO assignment (duty, body, level, code, post, since, created_by)"
                        " VALUES ('station_head', 'dai', 'community', :code, :post, :day, '')"
                    ),
                    {"code": C1, "post": f"{writer}-{number}", "day": world.DAYS[2]},
                )
                await asyncio.sleep(0.05 if writer == 0 else 0)

    async with service.talk() as talk:
        await talk.subscribe("subscription($n: Int) { assigned(since: $n) { post } }", {"n": ALL})
        writing = asyncio.gather(*(write(number) for number in range(6)))
        posts = [(await talk.next())["assigned"]["post"] for _ in range(60)]
        await writing

    assert sorted(posts) == sorted(f"{w}-{n}" for w in range(6) for n in range(10))


async def test_another_process_tells_it_too(
    service: Service, town: AsyncEngine, database_url: str
) -> None:
    del service
    async with serving(database_url) as first, serving(database_url) as other:
        key = await world.make_key(town, Role.EDITOR)
        async with other.talk() as talk:
            await settle(talk, other)
            give = f"""mutation {{ assign(duty: "grid_holder", body: "wu",
              unit: {{level: "grid", code: "{G22}"}}) {{ id }} }}"""
            await first.ask(give, key=key)
            assert sent(await talk.next()) == "wu"


async def test_one_hears_of_a_ground_or_a_duty_only(service: Service, town: AsyncEngine) -> None:
    within = {"level": "subdistrict", "code": S2}
    async with service.talk() as talk:
        await talk.subscribe(WHO, {"within": within}, name="ground")
        await talk.subscribe(WHO, {"duty": "community_liaison"}, name="duty")
        await asyncio.sleep(0.4)
        await duty_world.put(
            town,
            chief(G22),
            chief(G32, "xu"),
            Carried("community_liaison", "ren", ("community", C1), world.DAYS[2]),
            Carried("subdistrict_office", "office", ("subdistrict", S2), world.DAYS[2]),
        )
        heard: dict[str, list[str]] = {"ground": [], "duty": []}
        for _ in range(3):
            message = await talk.hear()
            heard[message["id"]].append(sent(message["payload"]["data"]))

    assert heard == {"ground": ["xu", "office"], "duty": ["ren"]}


@pytest.mark.parametrize(
    ("role", "within", "told"),
    [
        (None, None, ["ren"]),
        (Role.READER, None, ["ren"]),
        (Role.EDITOR, ("subdistrict", S2), ["yan", "ren"]),
        (Role.EDITOR, ("subdistrict", S1), ["xu", "ren"]),
        (Role.EDITOR, ("grid", G22), ["xu", "ren"]),
        (Role.ADMIN, None, ["xu", "yan", "ren"]),
    ],
)
async def test_hidden_duties_are_told_to_editors_of_their_ground_only(
    service: Service,
    town: AsyncEngine,
    role: Role | None,
    within: tuple[str, str] | None,
    told: list[str],
) -> None:
    await world.run(town, text("DELETE FROM assignment WHERE duty = 'volunteer'"))
    key = await world.make_key(town, role, within=within) if role is not None else None
    async with service.talk(key=key) as talk:
        await talk.subscribe(WHO, {"since": ALL - len(HIDDEN)})
        await duty_world.put(town, volunteer(G22, "xu"), volunteer(G31, "yan"), chief(G22, "ren"))
        assert [sent(await talk.next()) for _ in told] == told


async def test_whoever_loses_the_key_hears_no_more(service: Service, town: AsyncEngine) -> None:
    key = await world.make_key(town, Role.EDITOR)
    async with service.talk(key=key) as talk:
        await settle(talk, service)
        await world.run(town, update(ApiKey).values(revoked_at=ApiKey.created_at))
        await duty_world.put(town, volunteer(G22, "qi"))
        assert (await talk.error())["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_duty_that_is_made_public_no_more_is_told_no_more(
    service: Service, town: AsyncEngine
) -> None:
    async with service.talk() as talk:
        await settle(talk, service)
        await world.run(town, update(Duty).where(Duty.key == "grid_holder").values(public=False))
        await duty_world.put(town, chief(G22))
        await duty_world.put(
            town, Carried("community_liaison", "ren", ("community", C3), world.DAYS[2])
        )
        assert sent(await talk.next()) == "ren"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"since": -1}, "BAD_INPUT"),
        ({"since": 10_000}, "UNKNOWN"),
        ({"duty": "king"}, "UNKNOWN"),
        ({"within": {"level": "grid", "code": "1"}}, "UNKNOWN"),
        ({"within": {"level": "block", "code": G11}}, "UNKNOWN"),
    ],
)
async def test_what_cannot_be_meant_ends_it_with_its_error(
    service: Service, said: dict[str, Any], code: str
) -> None:
    async with service.talk() as talk:
        await talk.subscribe(WHO, said)
        assert (await talk.error())["extensions"]["code"] == code


async def test_the_id_that_is_told_is_that_of_the_node(service: Service, town: AsyncEngine) -> None:
    async with service.talk() as talk:
        await talk.subscribe("subscription { assigned(since: 0) { id } }")
        told = (await talk.next())["assigned"]["id"]
    assert told == encode(IdKind.ASSIGNMENT, 1)
    node = await service.ask(f'{{ node(id: "{told}") {{ ... on Assignment {{ change }} }} }}')
    assert node["data"] == {"node": {"change": 1}}


async def test_a_change_that_says_nothing_new_has_no_number(town: AsyncEngine) -> None:
    await duty_world.build(town)
    await world.run(town, update(Assignment).values(ended_by="somebody"))
    async with town.connect() as connection:
        found = await connection.execute(text("SELECT changed FROM assignment ORDER BY id"))
        assert list(found.scalars()) == list(range(1, ALL + 1))
