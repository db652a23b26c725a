"""The town of :mod:`tests.graphql.world` with all that can be asked about in it.

Three editions, duties, service points, programmes, drafts (open, together, published, failed, one
that waits to be mended and one that was), an accepted finding, and a household in no grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolvers.programmes import load_programmes
from schema.ids import IdKind, encode
from sources.programmes import ProgrammeFile
from storage.keys import Role
from tests.graphql import duty_world, facility_points, imported, next_edition, world
from tests.graphql.asking import told
from tests.graphql.test_programmes import PROGRAMMES
from tests.graphql.world import C1, G11, G12, HOMES, LOST

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

STRIP = 1e-4
"""Width of the strip that is missing in a draft, in steps of the lattice: 9 cm."""


async def build(engine: AsyncEngine) -> None:
    """Draw it all."""
    await world.build(engine, homes=[*HOMES, LOST])
    await duty_world.build(engine)
    await facility_points.load_all(engine)
    await load_programmes(engine, ProgrammeFile((), PROGRAMMES), day=facility_points.DAY)
    await next_edition.publish(engine)
    await _drafts(engine)


async def _drafts(engine: AsyncEngine) -> None:
    halves = ((G11, C1, (0, 0, 1, 1)), (G12, C1, (1, 0, 2, 1)), (None, C1, None))
    first = await imported.add_draft(engine, units=halves)
    publisher = await world.make_key(engine, Role.PUBLISHER)
    waive = 'mutation ($id: ID!) { waive(findingId: $id, reason: "a lake") { id } }'
    lake = encode(IdKind.FINDING, imported.HASHES[0])
    await told(engine, waive, {"id": lake}, key=publisher)
    short = ((G11, C1, (0, 0, 1, 1)), (G12, C1, (1 + STRIP, 0, 2, 1)))
    narrow = await imported.add_draft(engine, units=short, findings=False)
    recheck = "mutation ($id: ID!) { recheckDraft(id: $id) { status } }"
    await told(engine, recheck, {"id": encode(IdKind.DRAFT, narrow)}, key=publisher)
    mend = "mutation ($id: ID!) { repairDraft(id: $id) { id moves { totalCount } } }"
    await told(engine, mend, {"id": encode(IdKind.DRAFT, narrow)}, key=publisher)
    await imported.add_draft(engine, with_drafts=[first], within=None, level="community")
    await imported.add_draft(engine, status="PUBLISHED", published_as=2, findings=False)
