"""Enumerations of the contract."""

from __future__ import annotations

from enum import Enum

import strawberry

from geo import crs
from geo.findings import Kind, Rule
from geo.findings import Severity as FindingSeverity
from geo.levels import Tiling as LevelTiling
from resolvers.place_codes import NoUnit as Nowhere


def _value(name: str, description: str) -> str:
    # Strawberry reads the description from the member; its type stubs say EnumValueDefinition
    return strawberry.enum_value(name, description=description)  # type: ignore[return-value]


@strawberry.enum(
    description=(
        "The datum of the coordinates going out or coming in. CGCS2000 and WGS 84 agree within "
        "decimetres and are both WGS84 here."
    )
)
class Datum(Enum):
    """See the description."""

    WGS84 = _value(crs.Datum.WGS84.value, "WGS 84 and CGCS2000, as GPS gives them.")
    GCJ02 = _value(crs.Datum.GCJ02.value, "GCJ-02, shifted by some hundred metres inside China.")
    BD09 = _value(crs.Datum.BD09.value, "BD-09: GCJ-02 and a further shift.")

    @property
    def plain(self) -> crs.Datum:
        """The same datum, as geometry knows it."""
        return crs.Datum(self.value)


@strawberry.enum(description="What the units of a level owe their parents.")
class Tiling(Enum):
    """See the description."""

    TILES = _value(
        LevelTiling.TILES.value,
        "They fill every parent: no blank land, no overlap, nothing outside.",
    )
    DISJOINT = _value(
        LevelTiling.DISJOINT.value,
        "They lie inside one parent and do not overlap; land between them is allowed.",
    )


@strawberry.enum(description="Why a point is in no unit.")
class NoUnit(Enum):
    """See the description."""

    OUTSIDE = _value(Nowhere.OUTSIDE.value, "No unit of the asked level is there.")
    WAIVED_BLANK = _value(
        Nowhere.WAIVED_BLANK.value, "Blank land that was accepted: a lake, a disputed strip."
    )
    NO_EDITION = _value(Nowhere.NO_EDITION.value, "Nothing was published by that day.")
    BAD_POINT = _value(
        Nowhere.BAD_POINT.value,
        "The longitude is not in -180..180 or the latitude not in -90..90.",
    )


@strawberry.enum(description="One of the four clauses that a published level fulfils.")
class CoverageRule(Enum):
    """See the description."""

    CLEAR_BOUNDARIES = _value(
        Rule.CLEAR_BOUNDARIES.value,
        "Clear boundaries: valid rings, unique codes, vertices matched along shared edges, "
        "nothing outside the parent.",
    )
    NO_BLANK = _value(Rule.NO_BLANK.value, "No land of a parent is in no unit.")
    NO_OVERLAP = _value(Rule.NO_OVERLAP.value, "No land is in several units.")
    EVERY_HOUSEHOLD = _value(Rule.EVERY_HOUSEHOLD.value, "Every household is in exactly one unit.")


@strawberry.enum(description="What is wrong.")
class FindingKind(Enum):
    """See the description."""

    BLANK = _value(Kind.BLANK.value, "Land of a parent in no unit.")
    OVERLAP = _value(Kind.OVERLAP.value, "Land in several units.")
    OUTSIDE = _value(Kind.OUTSIDE.value, "Land of a unit outside its parent.")
    MISMATCH = _value(
        Kind.MISMATCH.value, "Vertices that do not match, though no land wider than 1 mm is wrong."
    )
    INVALID_RING = _value(Kind.INVALID_RING.value, "A ring that crosses or repeats itself.")
    NO_GEOMETRY = _value(Kind.NO_GEOMETRY.value, "A row without a geometry, or with an empty one.")
    WRONG_TYPE = _value(Kind.WRONG_TYPE.value, "A point or line where a polygon is needed.")
    DUPLICATE_CODE = _value(Kind.DUPLICATE_CODE.value, "Several rows of one code.")
    MISSING_CODE = _value(Kind.MISSING_CODE.value, "A row without a code.")
    WRONG_PARENT = _value(Kind.WRONG_PARENT.value, "A unit that names a parent it does not lie in.")
    ORPHAN = _value(Kind.ORPHAN.value, "A unit that lies in no parent.")
    STRADDLES = _value(Kind.STRADDLES.value, "A unit of a DISJOINT level in two parents.")
    HOUSEHOLD_UNCOVERED = _value(
        Kind.HOUSEHOLD_UNCOVERED.value, "Addresses with households in no unit."
    )
    HOUSEHOLD_DOUBLED = _value(
        Kind.HOUSEHOLD_DOUBLED.value, "Addresses with households in several units."
    )


@strawberry.enum(description="Whether a finding forbids publishing.")
class Severity(Enum):
    """See the description."""

    BLOCKING = _value(
        FindingSeverity.BLOCKING.value, "It forbids publishing until it is mended or waived."
    )
    WARNING = _value(FindingSeverity.WARNING.value, "It is told, and forbids nothing.")


@strawberry.enum(description="What became of an import.")
class DraftStatus(Enum):
    """See the description."""

    READING = _value("READING", "The file is being read and checked.")
    OPEN = _value("OPEN", "It was checked and waits for a decision.")
    PUBLISHED = _value("PUBLISHED", "It is part of an edition.")
    DISCARDED = _value("DISCARDED", "It was given up.")
    FAILED = _value("FAILED", "The file could not be read or checked to the end.")


@strawberry.enum(description="In what way a unit changes.")
class ChangeKind(Enum):
    """See the description."""

    ADDED = _value("ADDED", "It continues no unit of before.")
    REMOVED = _value("REMOVED", "No unit of after continues it.")
    REDRAWN = _value("REDRAWN", "Its boundary moved by more than 20 mm.")
    RENAMED = _value("RENAMED", "Its name changed.")
    RECODED = _value("RECODED", "Its code changed, its land did not or hardly did.")
    REATTRIBUTED = _value("REATTRIBUTED", "Its parent or one of its other columns changed.")
    SPLIT = _value("SPLIT", "It became several units, one of which may keep its code.")
    MERGED = _value("MERGED", "It is made of several units, one of which may have had its code.")


@strawberry.enum(description="What carries duties.")
class BodyKind(Enum):
    """See the description."""

    PERSON = _value("PERSON", "One person.")
    ORGANISATION = _value("ORGANISATION", "A branch, a committee, a company, a department, a team.")
