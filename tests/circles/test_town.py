"""Circles of the made-up town, against another way of walking and plain loops."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from statistics import median_low
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from geo import isochrone, walking
from resolvers.circle_pictures import cells_of
from resolvers.city import city
from resolvers.context import Context, Shared
from tests import town
from tests.circles import whole_town
from tests.circles.reference import walks_from_each, walks_to_nearest
from tests.circles.whole_town import GROUPS, Row, apart_m
from tests.graphql.asking import TODAY, told

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.streets import Streets
    from geo.walking import Reach
    from tests.circles.reference import Door, Ground

pytestmark = pytest.mark.anyio

SEEN_M = 0.01
"""Walks of the two ways agree to this: they lie in planes that differ by 1e-6 or so."""


@dataclass
class Known:
    """What the reference found of one kind: the walk of every home."""

    homes: list[Row]
    stands: list[Row]
    walks_m: list[float]
    grids: list[str]
    stand_grids: list[str]


class Places(NamedTuple):
    """The town as plain rows."""

    homes: list[Row]
    grids: list[str]
    facilities: list[Row]
    gates: dict[str, list[Row]]
    ground: Ground


@cache
def places() -> Places:
    """Read the town."""
    land = whole_town.compounds()
    rows, points = town.addresses()
    listed = [row for row in town.table("facilities.csv") if stands_today(row)]
    facilities = whole_town.plain(listed, land)
    gates: dict[str, list[Row]] = {}
    for one in facilities:
        if one.values["kind"] == "gate" and one.compound is not None:
            gates.setdefault(one.compound, []).append(one)
    homes = whole_town.plain(rows, land)
    return Places(homes, grids_of(points), facilities, gates, whole_town.reference_ground())


@cache
def known(kind: str, *, by_gates: bool = True, own: int | None = None) -> Known:
    """Walk from every home to the nearest place of a kind.

    Parameters
    ----------
    own
        Digits of a grid's code in which home and place must agree.
    """
    homes, grids, facilities, all_gates, ground = places()
    gates = all_gates if by_gates else {}
    stands = [one for one in facilities if one.values["kind"] == kind]
    lives = whole_town.doors_of(ground, homes, gates)
    doors = whole_town.doors_of(ground, stands, gates)
    if own is None:
        walks = walks_to_nearest(ground, doors, lives)
    else:
        walks = own_walks(stands, doors, lives, own)
    for n, home in enumerate(homes):  # behind the same walls one goes straight
        same = [one for one in stands if home.compound in gates and home.compound == one.compound]
        walks[n] = min([walks[n], *(apart_m(home, one) for one in same)])
    return Known(homes, stands, walks, grids, grids_of_rows(stands))


def own_walks(
    stands: list[Row], doors: list[list[Door]], lives: list[list[Door]], digits: int
) -> list[float]:
    """Walk unit by unit; the first digits of a grid's code name the unit."""
    theirs = [grid[:digits] for grid in grids_of_rows(stands)]
    walks = [np.inf] * len(lives)
    for code in sorted(set(theirs)):
        mine = [n for n, grid in enumerate(places().grids) if grid[:digits] == code]
        some = [d for d, unit in zip(doors, theirs, strict=True) if unit == code]
        far = walks_to_nearest(places().ground, some, [lives[n] for n in mine])
        for n, metres in zip(mine, far, strict=True):
            walks[n] = metres
    return walks


def stands_today(row: dict[str, str]) -> bool:
    """Return whether a service point stands on the day of the questions."""
    day = TODAY.isoformat()
    return row["since"] <= day and (not row["until"] or day < row["until"])


def grids_of(points: np.ndarray[Any, np.dtype[np.object_]]) -> list[str]:
    """Return the code of the grid that each point lies in, the smallest of several."""
    grids = town.layer("grid").by_code()
    codes = sorted(map(str, grids))
    return [
        next(code for code in codes if shapely.intersects(grids[code], point))
        for point in points.tolist()
    ]


def grids_of_rows(rows: list[Row]) -> list[str]:
    """Return the codes of the grids that rows lie in."""
    spots = [shapely.Point(float(one.values["lon"]), float(one.values["lat"])) for one in rows]
    return grids_of(np.array(spots, object))


def counted(rows: list[Row]) -> dict[str, Any]:
    """Return what a tally of some homes must say."""
    groups = [
        {"group": group, "people": sum(int(row.values[group]) for row in rows)}
        for group in sorted(GROUPS)
    ]
    return {
        "addresses": len(rows),
        "households": sum(int(row.values["households"]) for row in rows),
        "people": sum(int(row.values["people"]) for row in rows),
        "groups": groups,
    }


def agreed(found: Known, metres: float) -> None:
    """Make sure that no home is so near to the limit that the two ways may differ."""
    assert min(abs(walk - metres) for walk in found.walks_m) > SEEN_M


TALLY = "{ addresses households people groups { group people } }"


@pytest.mark.parametrize(
    ("kind", "metres"),
    [("station", 300.0), ("station", 1000.0), ("community_centre", 1000.0), ("gate", 205.0)],
)
async def test_the_town_is_counted_as_another_way_counts_it(
    made_up: AsyncEngine, editor: str, kind: str, metres: float
) -> None:
    query = f"""query ($kind: String!, $metres: Float) {{
        circleCoverage(kinds: [$kind], walk: {{metres: $metres}}) {{
            facilityCount walk {{ basis }} total {TALLY} inside {TALLY} outside {TALLY}
            notConnected {{ addresses }} share
            byUnit(level: "grid") {{ totalCount nodes {{ unit {{ code }}
                total {TALLY} inside {TALLY} share medianWalkS worstWalkS }} }} }} }}"""
    expected = known(kind)
    agreed(expected, metres)

    found = await told(made_up, query, {"kind": kind, "metres": metres}, key=editor)

    row = found["circleCoverage"]
    near = {n for n, walk in enumerate(expected.walks_m) if walk <= metres}
    inside = [expected.homes[n] for n in sorted(near)]
    assert row["walk"]["basis"] == "NETWORK"
    assert row["facilityCount"] == len(expected.stands)
    assert row["total"] == counted(expected.homes)
    assert row["inside"] == counted(inside)
    assert row["outside"] == counted([h for n, h in enumerate(expected.homes) if n not in near])
    assert row["notConnected"]["addresses"] == sum(map(np.isinf, expected.walks_m))
    assert row["share"] == pytest.approx(
        counted(inside)["households"] / counted(expected.homes)["households"]
    )
    shares = [node["share"] for node in row["byUnit"]["nodes"]]
    assert shares == sorted(shares, key=lambda share: 2.0 if share is None else share)
    assert row["byUnit"]["totalCount"] == len(set(expected.grids)) == 46
    for node in row["byUnit"]["nodes"]:
        here = [n for n, code in enumerate(expected.grids) if code == node["unit"]["code"]]
        assert node["total"] == counted([expected.homes[n] for n in here])
        assert node["inside"] == counted([expected.homes[n] for n in here if n in near])
        walks = sorted(
            expected.walks_m[n]
            for n in here
            for _ in range(int(expected.homes[n].values["households"]))
            if np.isfinite(expected.walks_m[n])
        )
        seconds = 3600 / 4000
        assert node["medianWalkS"] == pytest.approx(median_low(walks) * seconds, abs=0.02)
        assert node["worstWalkS"] == pytest.approx(walks[-1] * seconds, abs=0.02)


async def test_gates_lengthen_the_walk_of_those_behind_walls() -> None:
    through, over = known("station").walks_m, known("station", by_gates=False).walks_m

    longer = sum(a > b + 1.0 for a, b in zip(through, over, strict=True))

    # otherwise the agreement above would say nothing about gates
    assert longer > 50


@pytest.mark.parametrize(("level", "digits"), [("community", 12), ("grid", 15)])
async def test_only_the_own_centre_counts_where_that_is_asked(
    made_up: AsyncEngine, editor: str, level: str, digits: int
) -> None:
    query = f"""query ($level: String!) {{
        circleCoverage(kinds: ["community_centre"], ownLevel: $level) {{
            inside {TALLY} outside {TALLY} notConnected {{ addresses }}
            byUnit(level: "community") {{ nodes {{ unit {{ code }} inside {TALLY} }} }} }} }}"""
    expected = known("community_centre", own=digits)
    agreed(expected, 1000.0)

    row = (await told(made_up, query, {"level": level}, key=editor))["circleCoverage"]

    inside = [n for n, walk in enumerate(expected.walks_m) if walk <= 1000.0]
    assert row["inside"] == counted([expected.homes[n] for n in inside])
    theirs = {grid[:digits] for grid in expected.stand_grids}
    cut_off = [
        n
        for n, walk in enumerate(expected.walks_m)
        if np.isinf(walk) and expected.grids[n][:digits] in theirs
    ]
    assert row["notConnected"]["addresses"] == len(cut_off) > 0
    for node in row["byUnit"]["nodes"]:
        mine = [n for n in inside if expected.grids[n][:12] == node["unit"]["code"]]
        assert node["inside"] == counted([expected.homes[n] for n in mine])
    if level == "community":  # or the own level would make no difference here
        assert len(inside) < sum(walk <= 1000.0 for walk in known("community_centre").walks_m)


async def test_compounds_are_counted_by_name_or_place(made_up: AsyncEngine, editor: str) -> None:
    query = f"""{{ circleCoverage(kinds: ["station"], walk: {{metres: 500}}) {{
        byUnit(level: "compound") {{ totalCount nodes {{
            unit {{ code households }} total {TALLY} inside {TALLY} }} }} }} }}"""
    expected = known("station")
    agreed(expected, 500.0)

    nodes = (await told(made_up, query, key=editor))["circleCoverage"]["byUnit"]["nodes"]

    assert len(nodes) == len(whole_town.compounds()) == 30
    for node in nodes:
        here = [n for n, h in enumerate(expected.homes) if h.compound == node["unit"]["code"]]
        near = [n for n in here if expected.walks_m[n] <= 500.0]
        assert node["total"] == counted([expected.homes[n] for n in here])
        assert node["unit"]["households"] == node["total"]["households"]
        assert node["inside"] == counted([expected.homes[n] for n in near])


async def test_the_circles_of_all_stations_are_one_by_one_what_they_are_together(
    made_up: AsyncEngine,
) -> None:
    query = """{ facilities(kind: "station", first: 1000) { nodes { key
        circle(walk: {metres: 300}) { connected tally { addresses } geometry areaM2 reachedM } } }
        circleCoverage(kinds: ["station"], walk: {metres: 300}) {
            inside { addresses } geometry } }"""

    found = await told(made_up, query)

    circles = [node["circle"] for node in found["facilities"]["nodes"]]
    alone = [shape(circle["geometry"]) for circle in circles]
    whole = shape(found["circleCoverage"]["geometry"])
    together = shapely.union_all(alone)
    inside = found["circleCoverage"]["inside"]["addresses"]
    assert all(circle["connected"] and circle["reachedM"] > 0 for circle in circles)
    assert all(polygon.is_valid for polygon in [*alone, whole])
    # who is in two circles counts once
    assert max(c["tally"]["addresses"] for c in circles) < inside
    assert inside <= sum(circle["tally"]["addresses"] for circle in circles)
    # the union is drawn with coarser cells
    assert whole.symmetric_difference(together).area < 0.03 * together.area


async def test_pictures_are_valid_in_every_datum(made_up: AsyncEngine) -> None:
    fields = " ".join(
        f"{name}{datum}: {name}(datum: {datum})"
        for name in ("geometry", "gap")
        for datum in ("WGS84", "GCJ02", "BD09")
    )
    query = f"""query ($metres: Float, $own: String) {{ circleCoverage(kinds: ["station"],
        walk: {{metres: $metres}}, ownLevel: $own) {{ {fields} }} }}"""

    for metres, own in ((150.0, None), (700.0, None), (700.0, "community")):
        found = await told(made_up, query, {"metres": metres, "own": own})
        for name, geojson in found["circleCoverage"].items():
            polygon = shape(geojson)
            assert polygon.geom_type == "MultiPolygon", name
            assert polygon.is_valid, (name, shapely.is_valid_reason(polygon))
            degrees = shapely.get_coordinates(polygon)
            np.testing.assert_array_equal(degrees, np.round(degrees, 7))


def reached_length_m(network: Streets, reached: Reach) -> float:
    """Return the length of the streets that a walk reaches, metres.

    From each end an edge is reached as far as the walk goes on from there, and from where the walk
    began both ways; what is reached from several sides counts once.
    """
    far_m = np.full(len(network.node_xy), np.inf)
    far_m[reached.node] = reached.distance_m
    left_a = np.maximum(reached.limit_m - far_m[network.a], 0.0)
    left_b = np.maximum(reached.limit_m - far_m[network.b], 0.0)
    covered_m = np.minimum(left_a + left_b, network.length_m)
    starts = reached.starts
    for edge in np.unique(starts.edge).tolist():
        length_m = float(network.length_m[edge])
        spans = [(0.0, left_a[edge]), (length_m - left_b[edge], length_m)]
        for at in np.flatnonzero(starts.edge == edge).tolist():
            left_m = reached.limit_m - starts.walk_m[at]
            offset_m = starts.offset_m[at]
            spans.append((offset_m - left_m, offset_m + left_m))
        covered_m[edge] = _covered_m(spans, length_m)
    return float(covered_m.sum())


def _covered_m(spans: list[tuple[float, float]], length_m: float) -> float:
    """Return how much of a line some spans cover together; one that ends first covers nothing."""
    covered_m = end_m = 0.0
    for low, high in sorted(spans):
        low_m, high_m = max(low, end_m), min(high, length_m)
        if high_m > low_m:
            covered_m += high_m - low_m
            end_m = high_m
    return covered_m


async def test_reached_streets_are_as_long_as_what_is_drawn(made_up: AsyncEngine) -> None:
    context = Context(Shared(made_up), today=TODAY)
    held = await city(context, 1, TODAY)
    network, cells = held.network(), await cells_of(context, held)
    stations = held.of_kinds(["station"])
    assert len(stations) > 20

    for number in stations:
        entries = held.stands.some(np.array([number])).entries
        assert entries is not None
        for metres in (30.0, 300.0, 1000.0):
            reached = walking.reach(network, entries, limit_m=metres)
            parts = isochrone.reached_parts(cells, network, reached)
            drawn_m = float((parts.end_m - parts.begin_m).sum())
            assert reached_length_m(network, reached) == pytest.approx(drawn_m, abs=1e-6)


async def test_programmes_keep_their_tiers_apart(made_up: AsyncEngine) -> None:
    tiers = ((5, 300.0), (10, 500.0), (15, 1000.0))
    query = """query ($walk: Walk) { circleCoverage(kinds: ["station"], walk: $walk) {
        walk { minutes speedKmh metres } inside { addresses } } }"""
    expected = known("station")

    for minutes, metres in tiers:
        agreed(expected, metres)
        asked = {"walk": {"minutes": minutes, "metres": metres}}
        row = (await told(made_up, query, asked))["circleCoverage"]
        assert row["walk"]["metres"] == metres
        assert row["walk"]["minutes"] == minutes
        inside = sum(walk <= metres for walk in expected.walks_m)
        assert row["inside"]["addresses"] == inside


async def test_the_nearest_of_a_unit_is_the_one_of_most_households(made_up: AsyncEngine) -> None:
    query = """{ circleCoverage(kinds: ["community_centre"]) {
        byUnit(level: "community") { nodes { unit { code } nearest { key } } } } }"""
    whole = known("community_centre")
    homes, _, _, gates, ground = places()
    alone = walks_from_each(
        ground,
        whole_town.doors_of(ground, whole.stands, gates),
        whole_town.doors_of(ground, homes, gates),
    )

    nodes = (await told(made_up, query))["circleCoverage"]["byUnit"]["nodes"]

    votes: dict[str, Counter[str]] = {}
    for n, home in enumerate(whole.homes):
        if not np.isfinite(whole.walks_m[n]):
            continue
        own = votes.setdefault(whole.grids[n][:12], Counter())
        own[whole.stands[int(np.argmin(alone[:, n]))].key] += int(home.values["households"])
    assert {node["unit"]["code"]: node["nearest"]["key"] for node in nodes} == {
        code: some.most_common(1)[0][0] for code, some in votes.items()
    }
