"""What fields cost beside the things that they name, and how long lists usually are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN = 0.1
"""A plain field of a thing."""
THING = 1.0
INTROSPECTION = 500.0
CITY_UNITS = 20_000
"""So many units are counted at most where a question only goes down."""
LONGEST = 1_000_000
"""A list's length counts up to this, however large a number is asked for: it is refused anyway."""
USUAL_LENGTH = 5
"""Of a list that has no ``first`` and is not named here."""

WEIGHTS: Mapping[str, float] = {
    "Query.units": 2,
    "Query.search": 20,
    "Query.placeAt": 3,
    "Query.placeOf": 3,
    "Query.coverage": 50,
    "Query.changes": 500,
    "Edition.changes": 500,
    "Draft.changes": 500,
    "Query.circleAt": 100,
    "Facility.circle": 100,
    "Query.nearest": 50,
    "Query.circleCoverage": 500,
    "Programme.coverage": 500,
    "CircleCoverage.geometry": 500,
    "CircleCoverage.gap": 500,
    "CircleCoverage.byUnit": 200,
    "Query.siting": 5_000,
    "Query.assignmentPlan": 5_000,
    "Query.dutyCoverage": 100,
    "Query.crossAppointment": 500,
    "Unit.geometry": 1,
    "Unit.facilities": 2,
    "Unit.crosswalk": 20,
    "Unit.predecessors": 20,
    "Orphan.successors": 20,
    "Place.ladder": 20,
    "Draft.moves": 50,
    "Finding.geometry": 1,
}
"""What a field costs that takes more than a look at a table, by type and field."""

LENGTHS: Mapping[str, int] = {
    "Query.levels": 8,
    "Query.facilityKinds": 30,
    "Query.programmes": 10,
    "Query.duties": 30,
    "Query.walkPresets": 5,
    "Unit.assignments": 5,
    "Unit.facilities": 20,
    "Body.assignments": 10,
    "SitingPlan.sites": 50,
    "AssignmentPlan.items": 1_000,
    "AssignmentPlan.unassigned": 200,
    "AssignmentPlan.loads": 500,
}
"""How long a list usually is for which no ``first`` is given."""

ROWS_OF_PAGE = frozenset({"nodes", "edges", "featureCollection"})
"""Fields of a connection that hold its whole page."""
GIVEN_LISTS = ("ids", "points")
"""Arguments that name one thing each."""
GOES_DOWN = frozenset({"UnitConnection.nodes", "UnitConnection.edges", "UnitEdge.node"})
"""Fields whose units come once each, as long as their parents do."""
