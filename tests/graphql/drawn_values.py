"""What drawn queries may give for arguments, in the town of :mod:`tests.graphql.full_world`.

The first half of each list is what is usually given, the other half what is odd, wrong or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema.ids import IdKind, encode
from tests.graphql.imported import HASHES
from tests.graphql.next_edition import N1
from tests.graphql.world import C1, C2, C3, G11, G12, G21, G31, P1, P2, S1, D, lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = [
    {"lon": lon, "lat": lat}
    for lon, lat in (
        lonlat(0.3, 0.3),
        lonlat(1, 1),  # where four grids meet
        lonlat(2, 0.25),  # on the border of two subdistricts
        lonlat(0.2, 0.4),  # on a compound's border
        lonlat(9, 9),
        (200.0, 0.0),
    )
]
"""Some inside, some on borders, one outside and one nowhere."""

_NUMBERS = {
    IdKind.UNIT: range(1, 20),
    IdKind.DRAFT_UNIT: range(1, 8),
    IdKind.EDITION: (1, 2, 3, 9),
    IdKind.DRAFT: (1, 2, 3, 4, 5, 77),
    IdKind.FACILITY: range(1, 8),
    IdKind.ASSIGNMENT: (1, 8, 14, 16, 99),
    IdKind.BODY: (1, 4, 10, 12, 99),
}
IDS: list[str] = [encode(kind, one) for kind, some in _NUMBERS.items() for one in some]
IDS += [encode(IdKind.FINDING, one) for one in HASHES]
DRAFTS = [encode(IdKind.DRAFT, one) for one in (1, 2, 3, 4, 5, 77)]

_REFS = [
    {"level": "community", "code": C1},
    {"level": "subdistrict", "code": S1},
    {"level": "district", "code": D},
    {"level": "district", "code": "nobody"},
    {"level": "grid", "code": G11},
]

VALUES: dict[str, Sequence[Any]] = {
    "level": ["grid", "community", "subdistrict", "district", "compound", "grid", "nowhere"],
    "code": [C1, G11, G21, S1, D, P1, "none", "0\0"],
    "codes": [[C1, G11], [], [G21, "x"], [N1]],
    "levels": [["grid"], ["community", "grid"], None],
    "bbox": [
        [*lonlat(0.1, 0.1), *lonlat(1.5, 1.5)],
        [*lonlat(2, 0), *lonlat(2, 2)],
        [*lonlat(0, 0), *lonlat(0, 0)],
        [1, 2, 3],
        [170, -10, -170, 60],
    ],
    "within": _REFS,
    "siting.within": _REFS[:2],
    "first": [1, 2, 3, 100, 5, 1000, 0, 1001, None],
    "after": [None, None, "bad"],
    "asOf": ["2026-11-22", "2026-03-01", "2025-06-01", "2020-01-01", "2030-01-01", None],
    "point": POINTS,
    "points": [POINTS, POINTS * 3, [], [{**POINTS[0], "datum": "GCJ02"}]],
    "candidates": [POINTS[:3], None],
    "id": [*IDS, *IDS, "bad"],
    "Query.draft.id": DRAFTS,
    "against": [*DRAFTS[:3], None],
    "ids": [IDS[::5], IDS[3::7], [IDS[0], "bad", IDS[0]], IDS[-12:], [encode(IdKind.UNIT, 999)]],
    "number": [1, 2, 3, 9, None],
    "from": [1, 2],
    "to": [3, 2, 1, 7],
    "crosswalk.to": ["grid", "community", "compound", "nowhere"],
    "text": ["柳", "shi", "", "西街"],
    "search": ["柳", "nothing", "a"],
    "properties": [{"kind": "urban"}, None],
    "datum": ["WGS84", "GCJ02", "BD09", "WGS84", None],
    "toleranceM": [None, 0.0, 20.0, 500.0, -1.0],
    "address": ["a1", "a5", "a6", "gone"],
    "history": [True, False],
    "duty": ["grid_holder", "community_liaison", "volunteer", "committee_chair", None, "nobody"],
    "duties": [["party_branch", "committee_chair"], ["branch_secretary", "committee_chair"]],
    "post": [None, "mediator", "nothing"],
    "kind": ["station", "clinic", None, "gate", "park"],
    "bodies.kind": ["PERSON", "ORGANISATION", None],
    "profession": ["resident", "office", None],
    "memberOf": ["office", "nobody"],
    "kinds": [["station"], ["clinic", "gate"], ["park"]],
    "findings.kinds": [["BLANK", "OVERLAP"], ["HOUSEHOLD_UNCOVERED"], None],
    "items.kinds": [["REDRAWN"], ["ADDED", "REMOVED", "SPLIT"], None],
    "rules": [["NO_BLANK", "EVERY_HOUSEHOLD"], None],
    "minAreaM2": [0.0, 25.0],
    "severity": ["BLOCKING", "WARNING"],
    "waived": [True, False, None],
    "status": ["OPEN", "PUBLISHED", None],
    "openAt": ["2026-11-22T10:30:00+08:00", "2026-11-23T23:00:00Z"],
    "failing": ["floor_area", None],
    "walk": [{"minutes": 10}, {"metres": 700.0, "basis": "RADIUS"}, {"minutes": 500}, None],
    "group": ["pupil", None],
    "below": [0.5, None],
    "ownLevel": ["community", None],
    "count": [1, 2],
    "share": [0.5, None],
    "perUnitMax": [2, None],
    "perPostMin": [0, 1],
    "key": ["ten", "gates", "x"],
    "Query.facility.key": ["s", "n", "g", "r", "gone"],
    "Query.body.key": ["an", "dai", "qi", "wu", "office", "gone"],
}
for _root in ("Query.unit.level", "Query.units.level", "Query.coverage.level"):
    VALUES[_root] = ["grid", "community", "grid", "compound", "district", "nowhere"]
VALUES["Query.unit.code"] = [C1, C2, C3, G11, G12, G21, G31, P1, P2, S1, D, "none", "0\0"]
