from __future__ import annotations
import time, random, cProfile, pstats
import pytest
from sqlalchemy import text
from tests.graphql import world
from tests.graphql.asking import told
from tests.graphql.facility_points import load, placed
from tests.facility_files import Point
pytestmark=[pytest.mark.anyio]
async def test_perf(engine):
    await world.build(engine)
    r=random.Random(1)
    await load(engine, *(placed(Point(f"g{n:06d}", kind="gate", hours="24/7"), r.uniform(0,4), r.uniform(0,2)) for n in range(2000)))
    async with engine.begin() as c:
        await c.execute(text("ANALYZE"))
    for q in ['facilities(first:1000) { nodes { key unit(level: "grid") { code } } }','facilities(first:1000) { nodes { key failing } }','facilities(first:1000) { nodes { key location } }']:
        await told(engine,'{ '+q+' }')
        p=cProfile.Profile(); p.enable(); t=time.time(); await told(engine,'{ '+q+' }'); t=time.time()-t; p.disable()
        print(f"{t*1000:8.1f} ms", q)
        pstats.Stats(p).sort_stats('tottime').print_stats(8)
