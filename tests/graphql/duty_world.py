"""Duties in the town of :mod:`tests.graphql.world`: who carries what, drawn by hand.

::

    y=2 +-----------+-----------+-----------------------+
        | G21  bo   | G22       | G32                   |   C2: dai        C3: (nobody)
    y=1 +-----------+-----------+-----------------------+
        | G11  an   | G12  (bo) | G31  chen             |   C1: dai, office
        |   [P1]    |  [P2]     |                       |   S1: street
    y=0 +-----------+-----------+-----------------------+
       x=0          1           2                       4

Grid holders (exactly one a grid): an, bo, chen; bo moved from G12 to G21 when edition 2 came.
Liaisons of communities (at least one): dai in C1 and C2. P1 has the branch ``east`` with its
secretary ``qi``, who chairs the committee, too; P2 shares the branch, and has another chair.
Volunteers, of whom readers are not told: wu and xu on G11, yan on G31.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert

from resolvers.naming import search_text
from storage.duty_models import Assignment, Body
from tests.graphql.world import C1, C2, DAYS, G11, G12, G21, G31, P1, P2, S1

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

EARLY = dt.date(2025, 3, 1)
"""In edition 1."""
MOVED = DAYS[2]
"""When edition 2 begins to hold, and bo moved."""


class Someone(NamedTuple):
    """A body."""

    key: str
    name: str
    profession: str | None = None
    kind: str = "PERSON"
    skills: tuple[str, ...] = ()
    member_of: str | None = None
    home: tuple[str, str] | None = None
    """Level and code."""
    contact: dict[str, Any] = {}  # noqa: RUF012 - JSON, never written to
    properties: dict[str, Any] = {}  # noqa: RUF012 - JSON, never written to


class Carried(NamedTuple):
    """An assignment."""

    duty: str
    body: str
    unit: tuple[str, str]
    """Level and code."""
    since: dt.date = EARLY
    until: dt.date | None = None
    post: str | None = None


BODIES = (
    Someone("an", "安小平", "grid_worker", home=("grid", G11), contact={"phone": "1"}),
    Someone("bo", "薄二", "grid_worker", home=("grid", G21), contact={"phone": "2"}),
    Someone("chen", "陈三", "grid_worker", home=("grid", G31), skills=("repair", "mediation")),
    Someone("dai", "戴四", "official", member_of="office", properties={"desk": 4}),
    Someone("east", "东区联合党支部", "party_branch", "ORGANISATION"),
    Someone("office", "柳树社区居委会", "office", "ORGANISATION", home=("community", C1)),
    Someone("qi", "齐书记", "official", home=("grid", G12)),
    Someone("ren", "任主任", "resident", home=("compound", P2)),
    Someone("street", "西街街道办", "office", "ORGANISATION"),
    Someone("wu", "吴五", "resident", skills=("mediation",), home=("grid", G11)),
    Someone("xu", "徐六", "resident", home=("grid", G11)),
    Someone("yan", "严七", "student", home=("grid", G31), properties={"school": "2"}),
)
"""By key."""

CARRIED = (
    Carried("branch_secretary", "qi", ("compound", P1)),
    Carried("committee_chair", "qi", ("compound", P1)),
    Carried("committee_chair", "ren", ("compound", P2)),
    Carried("community_liaison", "dai", ("community", C1)),
    Carried("community_liaison", "dai", ("community", C2)),
    Carried("community_office", "office", ("community", C1)),
    Carried("grid_holder", "an", ("grid", G11)),
    Carried("grid_holder", "bo", ("grid", G12), EARLY, MOVED),
    Carried("grid_holder", "bo", ("grid", G21), MOVED),
    Carried("grid_holder", "chen", ("grid", G31)),
    Carried("party_branch", "east", ("compound", P1)),
    Carried("party_branch", "east", ("compound", P2)),
    Carried("subdistrict_office", "street", ("subdistrict", S1)),
    Carried("volunteer", "wu", ("grid", G11), MOVED, None, "mediator"),
    Carried("volunteer", "xu", ("grid", G11), MOVED, None, "safety_patrol"),
    Carried("volunteer", "yan", ("grid", G31), MOVED, None, "mediator"),
)
"""In the order of their ids: 1, 2, 3 …"""


async def build(engine: AsyncEngine) -> None:
    """Put all bodies and assignments into the town."""
    await put_bodies(engine, *BODIES)
    await put(engine, *CARRIED)


async def put_bodies(engine: AsyncEngine, *bodies: Someone) -> None:
    """Store bodies, as a load of a list would."""
    rows = [
        {
            "key": one.key,
            "kind": one.kind,
            "name": one.name,
            "profession": one.profession,
            "skills": list(one.skills),
            "member_of": one.member_of,
            "home_level": one.home[0] if one.home else None,
            "home_code": one.home[1] if one.home else None,
            "contact": one.contact,
            "properties": one.properties,
            "search_text": search_text(one.key, one.name),
            "changed_by": "test",
        }
        for one in bodies
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(Body), rows)


async def put(engine: AsyncEngine, *carried: Carried) -> None:
    """Store assignments."""
    rows = [
        {
            "duty": one.duty,
            "body": one.body,
            "level": one.unit[0],
            "code": one.unit[1],
            "since": one.since,
            "until": one.until,
            "post": one.post,
            "created_by": "test",
        }
        for one in carried
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(Assignment), rows)
