"""Arguments that many fields share, with their limits."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry

from geo import crs
from resolvers.places import Point
from resolvers.units import UnitRef
from schema.enums import Datum

First = Annotated[
    int | None,
    strawberry.argument(
        description=("How many at most: 1 to 1000. More is LIMIT_EXCEEDED, less than 1 BAD_INPUT.")
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(description="Cursor of the last one before the page: pageInfo.endCursor."),
]
AsOf = Annotated[
    dt.date | None,
    strawberry.argument(
        description=(
            "The day to see: the edition with the highest number that is in force by then. Null "
            "means today. Everything below the field is seen on that day."
        )
    ),
]
OfDatum = Annotated[
    Datum | None, strawberry.argument(description="Datum of the degrees that come out.")
]
ToleranceM = Annotated[
    float | None,
    strawberry.argument(
        description=(
            "Simplify to about this many metres, 0 to 100000, without cracks between neighbours or "
            "between levels: vertices go whose triangle with their neighbours is no larger than "
            "its square. It is rounded down to a step: 0.1, 0.2, 0.5, 1, 2, 5, 10 … metres; below "
            "0.1 the polygon comes as it is stored. No unit, part or hole vanishes. Null draws "
            "every vertex."
        )
    ),
]
LevelKey = Annotated[str, strawberry.argument(description="Key of a level, e.g. grid.")]
AnyLevelKey = Annotated[
    str | None, strawberry.argument(description="Key of a level, e.g. grid; null for all.")
]
DecidingLevel = Annotated[
    str | None,
    strawberry.argument(
        description="Key of the level asked for; by default the lowest tiling one."
    ),
]


@strawberry.input(name="UnitRef", description="A unit by its lasting name.")
class UnitRefInput:
    level: str = strawberry.field(description="Key of its level, e.g. community.")
    code: str = strawberry.field(description="Its code; leading zeros count.")

    def plain(self) -> UnitRef:
        """Return the name."""
        return UnitRef(self.level, self.code)


@strawberry.input(description="A point: longitude and latitude in degrees of the given datum.")
class PointInput:
    lon: float = strawberry.field(description="Longitude in degrees, -180 to 180.")
    lat: float = strawberry.field(description="Latitude in degrees, -90 to 90.")
    datum: Datum | None = strawberry.field(
        default=Datum.WGS84, description="What the degrees refer to."
    )

    def plain(self) -> Point:
        """Return the point."""
        return Point(self.lon, self.lat, plain_datum(self.datum))


Within = Annotated[
    UnitRefInput | None,
    strawberry.argument(
        description="Only what lies below this unit, at any depth. Its level must be above."
    ),
]
Bbox = Annotated[
    list[float] | None,
    strawberry.argument(
        description=(
            "west, south, east, north in degrees; west > east crosses the antimeridian. What "
            "intersects it is returned."
        )
    ),
]


def plain_datum(datum: Datum | None) -> crs.Datum:
    """Return the datum that an argument means; null is WGS 84."""
    return datum.plain if datum is not None else crs.Datum.WGS84


def plain_ref(ref: UnitRefInput | None) -> UnitRef | None:
    """Return the unit that an argument names."""
    return ref.plain() if ref is not None else None
