"""Units through GraphQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.graphql import world
from tests.graphql.world import told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

pytestmark = pytest.mark.anyio


async def test_smoke(engine: AsyncEngine) -> None:
    await world.build(engine)
    print(
        await told(
            engine,
            """{ units(level: "grid") { totalCount pageInfo{hasNextPage hasPreviousPage startCursor endCursor}
      nodes { id code name areaM2 level{key unitCount} parent{code level{key}} ancestors{code} households people groups{group people} properties since{number} until{number}
      bbox labelPoint geometry t: geometry(toleranceM: 5) g: geometry(datum: GCJ02) children{nodes{code}} } 
      featureCollection edges{cursor node{code}} } }""",
        )
    )
    print(
        await told(
            engine,
            """{ placeAt(point:{lon:104.01, lat:38.0025}) { units{code} unit(level:"compound"){code} onBorder reason nearest{code} nearestDistanceM}
       placesAt(points:[{lon:104.01, lat:38.0025},{lon:300,lat:1},{lon:1,lat:1}]){code onBorder reason}
       out: placeAt(point:{lon:104.05, lat:38.0025}) { units{code} onBorder reason nearest{code} nearestDistanceM}
       placeOf(address:"a1"){units{code} unit(level:"compound"){code}}
       search(text:"dongmen"){code name} levels{key unitCount children{key}} edition{number levels{key}} editions{nodes{number publishedAt}}
       g: coverage(level:"grid"){clean clauses{rule holds findingCount required} provenParents parents areaM2 blankM2 households{total covered uncovered} findings{nodes{id kind}}}
       p: coverage(level:"compound"){clean clauses{rule holds findingCount required} provenParents parents areaM2 blankM2 households{total covered uncovered} findings{nodes{id kind areaM2 widthM units{code} geometry}}}
       d: coverage(level:"district"){clean clauses{rule holds findingCount required} provenParents parents areaM2 blankM2 households{total covered uncovered} findings{nodes{id kind}}}
       }""",
        )
    )
