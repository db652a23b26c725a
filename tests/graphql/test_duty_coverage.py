"""Which units have the holders that a duty asks for, against a drawing and against a plain loop."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.ids import IdKind, encode
from storage.keys import Role
from tests.graphql import duty_rosters, duty_world, world
from tests.graphql.asking import TODAY, ask, told
from tests.graphql.duty_rosters import (
    ABOVE,
    KINDS,
    MOMENTS,
    Kind,
    add_duty,
    holding,
    rosters,
    standing,
)
from tests.graphql.duty_world import EARLY, MOVED, Carried, Someone
from tests.graphql.world import (
    C1,
    C2,
    C3,
    DAYS,
    G11,
    G12,
    G21,
    G22,
    G31,
    G32,
    IDS,
    P1,
    P2,
    S1,
    S2,
    D,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = [pytest.mark.anyio, pytest.mark.reads]

A_DAY = dt.timedelta(days=1)

FIELDS = """{ duty { key } level { key } asOf total covered share bodyCount
    missing { totalCount nodes { code } } excess { totalCount nodes { code } }
    byParent { totalCount nodes { unit { code } total covered share } } }"""


class Figures(NamedTuple):
    """What is said of a duty; the lists by code."""

    total: int
    covered: int
    bodies: int
    missing: list[str]
    excess: list[str]
    parents: dict[str, tuple[int, int]]
    """Total and covered by the code of the unit above."""


def figures(answer: dict[str, Any]) -> Figures:
    """Read an answer, which must agree with itself."""
    missing, excess = (
        [unit["code"] for unit in answer[name]["nodes"]] for name in ("missing", "excess")
    )
    parents = answer["byParent"]
    assert answer["missing"]["totalCount"] == len(missing)
    assert answer["excess"]["totalCount"] == len(excess)
    assert parents["totalCount"] == len(parents["nodes"])
    for one in (answer, *parents["nodes"]):
        assert one["share"] == (one["covered"] / one["total"] if one["total"] else None)
    codes = [one["unit"]["code"] for one in parents["nodes"]]
    assert codes == sorted(codes)
    return Figures(
        total=answer["total"],
        covered=answer["covered"],
        bodies=answer["bodyCount"],
        missing=missing,
        excess=excess,
        parents={one["unit"]["code"]: (one["total"], one["covered"]) for one in parents["nodes"]},
    )


async def covered(engine: AsyncEngine, arguments: str, **how: Any) -> Figures:  # noqa: ANN401 - options
    return figures(
        (await told(engine, f"{{ dutyCoverage({arguments}) {FIELDS} }}", **how))["dutyCoverage"]
    )


# -- drawn -------------------------------------------------------------------------------------


async def test_exactly_one_holder_a_grid(posted: AsyncEngine) -> None:
    query = f'{{ dutyCoverage(duty: "grid_holder") {FIELDS} }}'

    answer = (await told(posted, query))["dutyCoverage"]

    assert answer["duty"] == {"key": "grid_holder"}
    assert answer["level"] == {"key": "grid"}
    assert answer["asOf"] == str(TODAY)
    assert figures(answer) == Figures(
        total=6,
        covered=3,
        bodies=3,
        missing=[G12, G22, G32],
        excess=[],
        parents={C1: (2, 1), C2: (2, 1), C3: (2, 1)},
    )


@pytest.mark.parametrize(
    ("day", "first", "missing"),
    [
        (EARLY - A_DAY, 1, [G11, G12, G21, G22, G31, G32]),
        (EARLY, 1, [G21, G22, G32]),
        (MOVED - A_DAY, 1, [G21, G22, G32]),
        (MOVED, 2, [G12, G22, G32]),
    ],
)
async def test_holders_and_boundaries_are_of_the_same_day(
    posted: AsyncEngine, day: dt.date, first: int, missing: list[str]
) -> None:
    query = f"""{{ dutyCoverage(duty: "grid_holder", asOf: "{day}") {{ asOf
        missing {{ nodes {{ id code assignments(duty: "grid_holder") {{ totalCount }} }} }} }} }}"""

    answer = (await told(posted, query))["dutyCoverage"]

    assert answer["asOf"] == str(day)
    assert answer["missing"]["nodes"] == [
        {
            "id": encode(IdKind.UNIT, IDS["grid", code, first if code in {G11, G12} else 1]),
            "code": code,
            "assignments": {"totalCount": 0},
        }
        for code in missing
    ]


async def test_a_joint_branch_counts_once_for_each_compound_and_once_as_a_body(
    posted: AsyncEngine,
) -> None:
    assert await covered(posted, 'duty: "party_branch"') == Figures(
        total=2,
        covered=2,
        bodies=1,
        missing=[],
        excess=[],
        parents={C1: (2, 2), C2: (0, 0), C3: (0, 0)},
    )


async def test_one_person_may_serve_two_communities(posted: AsyncEngine) -> None:
    assert await covered(posted, 'duty: "community_liaison"') == Figures(
        total=3, covered=2, bodies=1, missing=[C3], excess=[], parents={S1: (2, 2), S2: (1, 0)}
    )


@pytest.mark.parametrize(
    ("within", "total", "missing", "parents"),
    [
        (("community", C1), 2, [G12], {C1: (2, 1)}),
        (("subdistrict", S1), 4, [G12, G22], {C1: (2, 1), C2: (2, 1)}),
        (("district", D), 6, [G12, G22, G32], {C1: (2, 1), C2: (2, 1), C3: (2, 1)}),
    ],
)
async def test_within_keeps_what_lies_below(
    posted: AsyncEngine,
    within: tuple[str, str],
    total: int,
    missing: list[str],
    parents: dict[str, tuple[int, int]],
) -> None:
    level, code = within
    found = await covered(
        posted, f'duty: "grid_holder", within: {{level: "{level}", code: "{code}"}}'
    )

    assert found == Figures(total, total - len(missing), total - len(missing), missing, [], parents)


async def test_a_post_asks_for_one_holder_of_it(posted: AsyncEngine) -> None:
    of_all = await covered(posted, 'duty: "volunteer"')
    of_mediators = await covered(posted, 'duty: "volunteer", post: "mediator"')
    of_patrols = await covered(posted, 'duty: "volunteer", post: "safety_patrol"')

    assert (of_all.covered, of_all.bodies) == (2, 3)
    assert (of_mediators.covered, of_mediators.bodies) == (2, 2)
    assert (of_patrols.covered, of_patrols.bodies) == (1, 1)
    assert of_patrols.missing == [G12, G21, G22, G31, G32]


async def test_figures_are_the_same_whoever_asks(posted: AsyncEngine) -> None:
    admin = await world.make_key(posted, Role.ADMIN)

    for duty in ("volunteer", "grid_holder", "paired_department"):
        assert await covered(posted, f'duty: "{duty}"') == await covered(
            posted, f'duty: "{duty}"', key=admin
        )


@pytest.mark.writes
async def test_another_level_of_the_duty_needs_one_holder(posted: AsyncEngine) -> None:
    await duty_world.put(
        posted,
        Carried("paired_department", "office", ("compound", P2)),
        Carried("paired_department", "street", ("compound", P2)),
        Carried("paired_department", "street", ("community", C2)),
    )

    own = await covered(posted, 'duty: "paired_department"')
    other = await covered(posted, 'duty: "paired_department", level: "compound"')

    assert (own.total, own.missing, own.bodies) == (3, [C1, C3], 1)
    assert (other.total, other.missing, other.bodies) == (2, [P1], 2)


async def test_before_anything_is_drawn_there_is_nothing_to_cover(engine: AsyncEngine) -> None:
    answer = await ask(engine, '{ dutyCoverage(duty: "grid_holder") { total } }')

    assert answer.codes() == ["NO_EDITION"]


@pytest.mark.writes
async def test_the_topmost_level_has_no_parents(posted: AsyncEngine) -> None:
    await add_duty(posted, "mayor", ("district",), 1, 1)

    assert await covered(posted, 'duty: "mayor"') == Figures(1, 0, 0, [D], [], {})


async def test_no_units_have_no_share(posted: AsyncEngine) -> None:
    found = await covered(
        posted, f'duty: "party_branch", within: {{level: "community", code: "{C3}"}}'
    )

    assert found == Figures(0, 0, 0, [], [], {C3: (0, 0)})


@pytest.mark.parametrize(
    ("arguments", "code", "argument"),
    [
        ('duty: "king"', "UNKNOWN", "duty"),
        ('duty: "grid_holder", level: "community"', "BAD_INPUT", "level"),
        ('duty: "grid_holder", level: "block"', "BAD_INPUT", "level"),
        ('duty: "volunteer", post: "cook"', "BAD_INPUT", "post"),
        (
            f'duty: "community_liaison", within: {{level: "grid", code: "{G11}"}}',
            "BAD_INPUT",
            "within",
        ),
        (
            f'duty: "grid_holder", within: {{level: "compound", code: "{P1}"}}',
            "BAD_INPUT",
            "within",
        ),
        ('duty: "grid_holder", within: {level: "community", code: "no"}', "UNKNOWN", "within"),
        ('duty: "grid_holder", within: {level: "block", code: "no"}', "UNKNOWN", "within"),
        (f'duty: "grid_holder", asOf: "{DAYS[1] - A_DAY}"', "NO_EDITION", "asOf"),
    ],
)
async def test_a_coverage_that_cannot_be_meant_is_refused(
    posted: AsyncEngine, arguments: str, code: str, argument: str
) -> None:
    answer = await ask(posted, f"{{ dutyCoverage({arguments}) {{ total }} duties {{ key }} }}")

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == argument
    assert answer.data["dutyCoverage"] is None
    assert answer.data["duties"], "the neighbour stays"


@pytest.mark.writes
async def test_pages_of_what_is_missing_follow_on_one_another(posted: AsyncEngine) -> None:
    query = """query ($units: String, $shares: String) { dutyCoverage(duty: "volunteer_team") {
        missing(first: 2, after: $units) { totalCount nodes { code } ...Ends }
        byParent(first: 1, after: $shares) { totalCount edges { cursor node { unit { code } } }
            pageInfo { endCursor hasNextPage } } } }
        fragment Ends on UnitConnection { pageInfo { endCursor hasNextPage } }"""

    one = (await told(posted, query))["dutyCoverage"]
    places = {
        "units": one["missing"]["pageInfo"]["endCursor"],
        "shares": one["byParent"]["pageInfo"]["endCursor"],
    }
    two = (await told(posted, query, places))["dutyCoverage"]
    wrong = """query ($units: String) { dutyCoverage(duty: "volunteer_team") {
        missing(after: $units) { nodes { code } } } }"""
    mixed_up = await ask(posted, wrong, {"units": places["shares"]})

    assert [unit["code"] for page in (one, two) for unit in page["missing"]["nodes"]] == [
        C1,
        C2,
        C3,
    ]
    assert [page["missing"]["pageInfo"]["hasNextPage"] for page in (one, two)] == [True, False]
    assert [page["missing"]["totalCount"] for page in (one, two)] == [3, 3]
    rows = [edge for page in (one, two) for edge in page["byParent"]["edges"]]
    assert [row["node"]["unit"]["code"] for row in rows] == [S1, S2]
    assert rows[0]["cursor"] == places["shares"]
    assert mixed_up.codes() == ["BAD_INPUT"]


async def test_what_is_missing_can_be_drawn(posted: AsyncEngine) -> None:
    query = """{ dutyCoverage(duty: "grid_holder") {
        missing { featureCollection(duty: "grid_holder") } } }"""

    answer = (await told(posted, query))["dutyCoverage"]["missing"]["featureCollection"]

    shown = {one["properties"]["code"]: one["properties"]["holders"] for one in answer["features"]}
    assert shown == {G12: [], G22: [], G32: []}


# -- several duties ----------------------------------------------------------------------------

CROSS = "{ total dual share bodies { totalCount nodes { key name } } }"


async def crossed(engine: AsyncEngine, arguments: str, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - options
    answer = await told(engine, f"{{ crossAppointment({arguments}) {CROSS} }}", **how)
    found: dict[str, Any] = answer["crossAppointment"]
    return found


async def test_one_person_is_secretary_and_chair(posted: AsyncEngine) -> None:
    both = {"totalCount": 1, "nodes": [{"key": "qi", "name": "齐书记"}]}

    assert await crossed(posted, 'duties: ["branch_secretary", "committee_chair"]') == {
        "total": 1,
        "dual": 1,
        "share": 1.0,
        "bodies": both,
    }
    # two compounds have a chair, one of whom is the secretary
    assert await crossed(posted, 'duties: ["committee_chair", "branch_secretary"]') == {
        "total": 2,
        "dual": 1,
        "share": 0.5,
        "bodies": both,
    }


@pytest.mark.writes
async def test_compounds_are_counted_and_people_once(posted: AsyncEngine) -> None:
    await duty_world.put(posted, Carried("branch_secretary", "ren", ("compound", P2)))
    await duty_world.put(posted, Carried("supervisory_board", "ren", ("compound", P2)))
    await duty_world.put_bodies(posted, Someone("joint", "联合"))
    for duty in ("advisor_legal", "advisor_health"):
        for compound in (P1, P2):
            await duty_world.put(posted, Carried(duty, "joint", ("compound", compound)))

    two = await crossed(posted, 'duties: ["branch_secretary", "committee_chair"]')
    joint = await crossed(posted, 'duties: ["advisor_legal", "advisor_health"]')
    three = await crossed(
        posted, 'duties: ["branch_secretary", "committee_chair", "supervisory_board"]'
    )

    assert (two["total"], two["dual"]) == (2, 2)
    assert [one["key"] for one in two["bodies"]["nodes"]] == ["qi", "ren"]
    assert (joint["total"], joint["dual"], joint["bodies"]["totalCount"]) == (2, 2, 1)
    assert (three["total"], three["dual"], three["share"]) == (2, 1, 0.5)
    assert [one["key"] for one in three["bodies"]["nodes"]] == ["ren"]


@pytest.mark.writes
async def test_two_duties_on_two_units_are_no_cross_appointment(posted: AsyncEngine) -> None:
    await duty_world.put(posted, Carried("branch_secretary", "ren", ("compound", P1), MOVED, MOVED))
    await duty_world.put(posted, Carried("advisor_legal", "ren", ("compound", P1)))

    found = await crossed(posted, 'duties: ["committee_chair", "advisor_legal"]')

    assert found == {"total": 2, "dual": 0, "share": 0.0, "bodies": {"totalCount": 0, "nodes": []}}
    nobody = await crossed(posted, 'duties: ["property_company", "advisor_legal"]')
    assert (nobody["total"], nobody["dual"], nobody["share"]) == (0, 0, None)


@pytest.mark.parametrize("day", [EARLY - A_DAY, EARLY, MOVED])
async def test_it_is_asked_for_a_day(posted: AsyncEngine, day: dt.date) -> None:
    query = f"""{{ crossAppointment(duties: ["branch_secretary", "committee_chair"],
        asOf: "{day}") {{ total bodies {{ nodes {{ assignments {{ totalCount }} }} }} }} }}"""

    found = (await told(posted, query))["crossAppointment"]

    begun = day >= EARLY
    assert found["total"] == int(begun)
    assert found["bodies"]["nodes"] == [{"assignments": {"totalCount": 2}}] * begun


@pytest.mark.writes
async def test_figures_of_hidden_duties_are_for_editors_of_what_is_looked_at(
    posted: AsyncEngine,
) -> None:
    """One unit, one body known by its public duty: the figure would tell the other one."""
    await duty_world.put(posted, Carried("building_head", "qi", ("compound", P1)))
    keys = {
        one: await world.make_key(posted, Role.EDITOR, within=("subdistrict", one))
        for one in (S1, S2)
    }
    reader = await world.make_key(posted, Role.READER)
    everywhere = await world.make_key(posted, Role.EDITOR)
    in_s1 = f', within: {{level: "subdistrict", code: "{S1}"}}'
    in_c1 = f', within: {{level: "community", code: "{C1}"}}'
    for order in ('"building_head", "branch_secretary"', '"branch_secretary", "building_head"'):
        for key, ground, code in (
            (None, "", "UNAUTHENTICATED"),
            (reader, in_c1, "FORBIDDEN"),
            (keys[S1], "", "FORBIDDEN"),
            (keys[S2], in_c1, "FORBIDDEN"),
        ):
            query = f"{{ crossAppointment(duties: [{order}]{ground}) {{ total dual }} }}"
            answer = await ask(posted, query, key=key)
            assert answer.codes() == [code]
        for key, ground in ((everywhere, ""), (keys[S1], in_s1), (keys[S1], in_c1)):
            found = await crossed(posted, f"duties: [{order}]{ground}", key=key)
            assert (found["total"], found["dual"], found["bodies"]["totalCount"]) == (1, 1, 1)
            assert [one["key"] for one in found["bodies"]["nodes"]] == ["qi"]


async def test_a_unit_itself_may_be_looked_at(posted: AsyncEngine) -> None:
    everywhere = await covered(posted, 'duty: "grid_holder"')
    units = (await told(posted, '{ units(level: "grid") { nodes { code } } }'))["units"]["nodes"]

    for code in (one["code"] for one in units):
        found = await covered(
            posted, f'duty: "grid_holder", within: {{level: "grid", code: "{code}"}}'
        )
        missing = code in everywhere.missing
        assert (found.total, found.covered) == (1, 0 if missing else 1)
        assert found.missing == ([code] if missing else [])
        assert list(found.parents.values()) == [(1, found.covered)]


@pytest.mark.parametrize(
    ("arguments", "code", "argument"),
    [
        ("duties: []", "BAD_INPUT", "duties"),
        ('duties: ["grid_holder"]', "BAD_INPUT", "duties"),
        ('duties: ["grid_holder", "grid_holder"]', "BAD_INPUT", "duties"),
        ('duties: ["grid_holder", "king"]', "UNKNOWN", "duties"),
        ('duties: ["grid_holder", "party_branch"]', "BAD_INPUT", "duties"),
        (f"duties: {[f'd{n}' for n in range(11)]}".replace("'", '"'), "BAD_INPUT", "duties"),
        ('duties: ["grid_holder", "volunteer"], level: "compound"', "BAD_INPUT", "level"),
        (
            'duties: ["party_branch", "owners_committee"], '
            f'within: {{level: "grid", code: "{G11}"}}',
            "BAD_INPUT",
            "within",
        ),
    ],
)
async def test_a_cross_appointment_that_cannot_be_meant_is_refused(
    posted: AsyncEngine, arguments: str, code: str, argument: str
) -> None:
    answer = await ask(posted, f"{{ crossAppointment({arguments}) {{ total }} }}")

    assert answer.codes() == [code]
    assert answer.errors[0]["extensions"]["argument"] == argument


@pytest.mark.writes
async def test_the_level_is_the_first_dutys_own_where_all_have_it(posted: AsyncEngine) -> None:
    await duty_world.put(
        posted,
        Carried("paired_department", "street", ("compound", P1)),
        Carried("paired_department", "street", ("community", C1)),
        Carried("advisor_legal", "street", ("compound", P1)),
    )

    found = await crossed(posted, 'duties: ["paired_department", "advisor_legal"]')

    assert (found["total"], found["dual"]) == (1, 1), "compounds, which both may be carried on"


# -- against a plain loop ----------------------------------------------------------------------


def expected(
    roster: Sequence[Carried],
    kind: Kind,
    level: str,
    day: dt.date,
    within: str | None,
    post: str | None,
) -> Figures:
    """Count one by one."""
    units = standing(level, day, within)
    rows = [one for one in holding(roster, kind.key, level, day) if one.unit[1] in units]
    fitting = [one for one in rows if post in (None, one.post)]
    own = level == kind.levels[0]
    least = max(1, kind.least) if own and post is None else 1

    def bodies(rows: Sequence[Carried], code: str) -> int:
        return len({one.body for one in rows if one.unit[1] == code})

    fine = [code for code in units if bodies(fitting, code) >= least]
    most = kind.most if own else None
    parents = {"grid": "community", "compound": "community"}
    above = standing(parents[level], day, within) or [within or ""]
    return Figures(
        total=len(units),
        covered=len(fine),
        bodies=len({one.body for one in fitting}),
        missing=[code for code in units if code not in fine],
        excess=[code for code in units if most is not None and bodies(rows, code) > most],
        parents={
            code: (
                sum(ABOVE[unit] == code for unit in units),
                sum(ABOVE[unit] == code for unit in fine),
            )
            for code in above
        },
    )


def expected_cross(
    roster: Sequence[Carried], duties: Sequence[str], day: dt.date, within: str | None
) -> tuple[int, int, list[str]]:
    units = standing("grid", day, within)
    held = [
        {(one.unit[1], one.body) for one in holding(roster, duty, "grid", day)} for duty in duties
    ]
    pairs = {pair for pair in set.intersection(*held) if pair[0] in units}
    total = {code for code, _ in held[0] if code in units}
    return len(total), len({code for code, _ in pairs}), sorted({body for _, body in pairs})


@pytest.fixture
async def tried(town: AsyncEngine) -> AsyncEngine:
    """Give an engine on a database with the town, some bodies, and duties to try."""
    await duty_rosters.prepare(town)
    return town


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    roster=rosters(),
    day=st.sampled_from(MOMENTS),
    within=st.sampled_from([None, ("community", C1), ("subdistrict", S1), ("district", D)]),
    post=st.sampled_from([None, "a"]),
    level=st.sampled_from(["grid", "compound"]),
)
@pytest.mark.writes
async def test_any_roster_is_counted_as_by_a_plain_loop(
    tried: AsyncEngine,
    roster: list[Carried],
    day: dt.date,
    within: tuple[str, str] | None,
    post: str | None,
    level: str,
) -> None:
    await duty_rosters.replace(tried, roster)
    unit = f', within: {{level: "{within[0]}", code: "{within[1]}"}}' if within else ""
    place = f'asOf: "{day}"{unit}'
    at = f', post: "{post}"' if post else ""
    kinds = [kind for kind in KINDS if level in kind.levels]
    duties = [kind.key for kind in KINDS]
    asked = [
        f'{kind.key}: dutyCoverage(duty: "{kind.key}", level: "{level}", {place}{at}) {FIELDS}'
        for kind in kinds
    ]
    names = ", ".join(f'"{key}"' for key in duties)
    asked.append(f"cross: crossAppointment(duties: [{names}], {place}) {CROSS}")
    asked.append(f'two: crossAppointment(duties: ["keeper", "guard"], {place}) {CROSS}')

    answer = await told(tried, f"{{ {' '.join(asked)} }}")

    code = within[1] if within else None
    for kind in kinds:
        assert figures(answer[kind.key]) == expected(roster, kind, level, day, code, post)
    for name, some in (("cross", duties), ("two", ["keeper", "guard"])):
        total, dual, bodies = expected_cross(roster, some, day, code)
        found = answer[name]
        assert (found["total"], found["dual"]) == (total, dual)
        assert found["share"] == (dual / total if total else None)
        assert [one["key"] for one in found["bodies"]["nodes"]] == bodies
        assert found["bodies"]["totalCount"] == len(bodies)
