"""What a check found, as values: findings, clauses and the report that holds them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import shapely

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shapely.geometry.base import BaseGeometry

CELL_DEG = 1e-5
"""Side of the cell that a finding's place is rounded to in its id, in degrees (about 1 m)."""

MAX_ADDRESSES = 1000
"""The most address keys that one finding lists."""


class Kind(StrEnum):
    """What is wrong."""

    BLANK = "BLANK"
    OVERLAP = "OVERLAP"
    OUTSIDE = "OUTSIDE"
    MISMATCH = "MISMATCH"
    INVALID_RING = "INVALID_RING"
    NO_GEOMETRY = "NO_GEOMETRY"
    WRONG_TYPE = "WRONG_TYPE"
    DUPLICATE_CODE = "DUPLICATE_CODE"
    MISSING_CODE = "MISSING_CODE"
    WRONG_PARENT = "WRONG_PARENT"
    ORPHAN = "ORPHAN"
    STRADDLES = "STRADDLES"
    HOUSEHOLD_UNCOVERED = "HOUSEHOLD_UNCOVERED"
    HOUSEHOLD_DOUBLED = "HOUSEHOLD_DOUBLED"


class Rule(StrEnum):
    """The four clauses of a published level."""

    CLEAR_BOUNDARIES = "CLEAR_BOUNDARIES"
    NO_BLANK = "NO_BLANK"
    NO_OVERLAP = "NO_OVERLAP"
    EVERY_HOUSEHOLD = "EVERY_HOUSEHOLD"


class Severity(StrEnum):
    """Whether a finding forbids publishing."""

    BLOCKING = "BLOCKING"
    WARNING = "WARNING"


RULE_OF: dict[Kind, Rule] = dict.fromkeys(Kind, Rule.CLEAR_BOUNDARIES) | {
    Kind.BLANK: Rule.NO_BLANK,
    Kind.OVERLAP: Rule.NO_OVERLAP,
    Kind.HOUSEHOLD_UNCOVERED: Rule.EVERY_HOUSEHOLD,
    Kind.HOUSEHOLD_DOUBLED: Rule.EVERY_HOUSEHOLD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the check found.

    Attributes
    ----------
    level
        Key of the level that was checked.
    geometry
        The land concerned in degrees (WGS 84): a polygon for BLANK, OVERLAP and OUTSIDE, a line
        or point otherwise, None where there is none.
    area_m2, width_m
        Land concerned, and its largest width (the diameter of its largest inscribed circle).
    households
        Households of the addresses concerned.
    units
        Codes of the units of ``level`` that clash, sorted; for BLANK its neighbours, longest
        shared border first.
    rows
        1-based rows of the file concerned.
    addresses
        Keys of the addresses concerned, at most ``MAX_ADDRESSES``.
    parent
        Code of the parent concerned; None when several or none are.
    extra
        How often the land counts too much in the parent's sum (OVERLAP: the parent's claimants
        less one; 0 where it spoils no sum of its own).
    chain
        Chain of the land, which enters the parent's sum; None where there is no land.
    borders_m
        For BLANK: the length of border to each of ``units``, in metres; else empty.
    pieces
        How many separate pieces of land it speaks of: slivers along one border are one finding.
    waiver
        Number of the waiver that covers it; None while nobody accepted it.
    pair
        Names of those whose slivers, wherever they lie, are this one finding: they take the cell's
        place in the id. None for a finding of one place.
    twin
        Tells findings apart that agree in kind, units and cell; see :func:`tell_apart`.
    """

    level: str
    kind: Kind
    message: str
    geometry: BaseGeometry | None = None
    area_m2: float = 0.0
    width_m: float = 0.0
    households: int = 0
    units: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()
    parent: str | None = None
    extra: int = 0
    severity: Severity = Severity.BLOCKING
    chain: int | None = None
    borders_m: tuple[float, ...] = ()
    pieces: int = 1
    waiver: int | None = None
    pair: tuple[str, ...] | None = None
    twin: int = 0

    @property
    def rule(self) -> Rule:
        """The clause that the finding breaks."""
        return RULE_OF[self.kind]

    @property
    def id(self) -> str:
        """32 hexadecimal digits that depend on level, kind, parent, units and place alone.

        Slivers are known by their pair: the id does not change when some of them are mended.
        """
        parts = [self.level, self.kind, self.parent or ""]
        parts += self._names_and_cell() if self.pair is None else ["slivers", *sorted(self.pair)]
        if self.twin:
            parts.append(f"twin {self.twin}")
        text = "\x1f".join(parts)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _names_and_cell(self) -> list[str]:
        names = sorted(self.units) or [f"row {row}" for row in self.rows]
        if self.geometry is None or self.geometry.is_empty:
            return names
        lat, lon = _lowest_left(self.geometry)
        return [*names, f"{round(lon / CELL_DEG)} {round(lat / CELL_DEG)}"]


def tell_apart(findings: Iterable[Finding]) -> list[Finding]:
    """Give findings that would share an id a number each, by their exact place, lowest first."""
    same: dict[str, list[Finding]] = {}
    for finding in findings:
        same.setdefault(finding.id, []).append(finding)
    out: list[Finding] = []
    for twins in same.values():
        if len(twins) == 1:
            out += twins
            continue
        ordered = sorted(twins, key=_exact_place)
        out += [replace(finding, twin=number) for number, finding in enumerate(ordered)]
    return out


def _exact_place(finding: Finding) -> tuple[float, float, float, str]:
    if finding.geometry is None or finding.geometry.is_empty:
        return (0.0, 0.0, 0.0, finding.message)
    return (*_lowest_left(finding.geometry), finding.area_m2, finding.message)


def _lowest_left(geometry: BaseGeometry) -> tuple[float, float]:
    """Return latitude and longitude of the lowest vertex, the leftmost of several."""
    lon, lat = shapely.get_coordinates(geometry).T
    lowest = lat.min()
    return float(lowest), float(lon[lat == lowest].min())


class Clause(NamedTuple):
    """One of the four clauses, and whether it holds."""

    rule: Rule
    required: bool
    holds: bool
    finding_count: int
    waived_count: int


class HouseholdCover(NamedTuple):
    """How many households lie in one, no and several units."""

    total: int = 0
    covered: int = 0
    uncovered: int = 0
    doubled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The four clauses of one level under one unit or everywhere.

    Areas are square metres of land, counted once however many units claim it.
    """

    level: str
    clauses: tuple[Clause, ...]
    proven_parents: int
    parents: int
    area_m2: float
    blank_m2: float
    overlap_m2: float
    outside_m2: float
    households: HouseholdCover = field(default_factory=HouseholdCover)
    findings: tuple[Finding, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """True when every required clause holds."""
        return all(clause.holds for clause in self.clauses if clause.required)


def make_clauses(findings: Iterable[Finding], *, disjoint: bool) -> tuple[Clause, ...]:
    """Judge the four clauses from what was found.

    Parameters
    ----------
    findings
        Every finding of the level. Waived ones are counted apart and break nothing.
    disjoint
        True for a level that does not fill its parents: blank land is then nobody's debt.
    """
    found = list(findings)
    clauses = []
    for rule in Rule:
        of_rule = [finding for finding in found if finding.rule is rule]
        open_ones = [finding for finding in of_rule if finding.waiver is None]
        broken = any(finding.severity is Severity.BLOCKING for finding in open_ones)
        required = not (disjoint and rule is Rule.NO_BLANK)
        # Blank land of a DISJOINT level is only a warning: it still means that the clause fails.
        holds = not broken if required else not open_ones
        clauses.append(Clause(rule, required, holds, len(of_rule), len(of_rule) - len(open_ones)))
    return tuple(clauses)
