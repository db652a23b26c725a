"""Accepted findings: which waiver covers which finding, and their land in the proof."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.findings import Finding, Kind, Severity
from geo.noding import MOVED_M
from geo.validity import areas_only, solid_land
from geo.width import inscribed_width

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Metric, Proof

SUMMED = frozenset({Kind.BLANK, Kind.OVERLAP, Kind.OUTSIDE})
"""Kinds whose land stands in a parent's sum."""

OF_HOUSEHOLDS = frozenset({Kind.HOUSEHOLD_UNCOVERED, Kind.HOUSEHOLD_DOUBLED})
"""Kinds that are known by their addresses, not by their land."""

WAIVABLE = SUMMED | OF_HOUSEHOLDS | {Kind.STRADDLES}
"""Kinds that may be meant so; whatever else is found can only be mended."""


class Waiver(NamedTuple):
    """An accepted exception, as far as it says what it covers."""

    id: int
    level: str
    kind: Kind
    parent: str | None
    extra: int
    units: frozenset[str]
    land: BaseGeometry | None
    """In degrees; None where the finding had none."""
    addresses: frozenset[str]
    households: int
    reason: str = ""
    approved_by: str = ""
    approved_at: dt.datetime | None = None
    until: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaivedLand(Finding):
    """Land that is blank, doubled or outside in what stands, and was waived when published.

    Attributes
    ----------
    row_id
        Its stored row; 0 while it is not stored.
    stored_id
        Id of the finding that it was: vertices that it received since do not change it.
    """

    row_id: int = 0
    stored_id: str

    @property
    def id(self) -> str:
        """Id of the finding that it was."""
        return self.stored_id

    @property
    def times(self) -> int:
        """How often its chain is to be added to the sum of its parent."""
        return _times(self)

    @classmethod
    def of(cls, finding: Finding) -> WaivedLand:
        """Return a waived finding as land that is to be stored."""
        values = {field.name: getattr(finding, field.name) for field in fields(Finding)}
        return cls(**values, stored_id=finding.id)

    def same_as(self, other: Finding) -> bool:
        """Return whether a finding is this land, vertex by vertex, and as much too often."""
        return (self.id, self.chain, self.extra) == (other.id, other.chain, other.extra)


class LandChange(NamedTuple):
    """What an edition changes about waived land."""

    begin: list[WaivedLand]
    end: list[int]
    """Stored rows."""
    accepted_anew: list[tuple[int, int]]
    """Stored rows that stay, and the waivers that cover them now."""

    def __bool__(self) -> bool:
        """Return whether any row begins or ends."""
        return bool(self.begin or self.end)

    def rows(self) -> list[int]:
        """Return the stored rows that are written."""
        return [*self.end, *(row for row, _ in self.accepted_anew)]


# -- which waiver covers which finding -------------------------------------------------------


def match(findings: Iterable[Finding], waivers: Sequence[Waiver], metric: Metric) -> list[Finding]:
    """Give each finding the newest waiver that covers it.

    Parameters
    ----------
    findings
        Of any levels and kinds.
    waivers
        Those that hold.
    metric
        Equal-area metres.

    Returns
    -------
    list of Finding
        In the same order, with ``waiver`` set, or None where nothing covers it.

    Notes
    -----
    A waiver of land covers a finding of the same level, kind and parent, by no other units (those
    beside blank land may change) and as much too often, whose land lies in the waived land but
    for parts no wider than ``MOVED_M``, which noding may add. So land that shrinks stays waived,
    and land that grows does not. Addresses are covered when waivers of the level and kind
    together name all of them, and no more households are concerned.
    """
    found = [replace(finding, waiver=None) for finding in findings]
    for i, waiver in (*_on_land(found, waivers, metric), *_of_households(found, waivers)):
        found[i] = replace(found[i], waiver=max(waiver, found[i].waiver or 0))
    return found


def covering(finding: Finding, waivers: Sequence[Waiver], metric: Metric) -> list[int]:
    """Return all waivers that cover a finding, or take part in covering it, ascending."""
    pairs = (*_on_land([finding], waivers, metric), *_of_households([finding], waivers))
    return sorted({waiver for _, waiver in pairs})


def _on_land(
    findings: Sequence[Finding], waivers: Sequence[Waiver], metric: Metric
) -> list[tuple[int, int]]:
    """Return which findings lie in the land of which waivers."""
    ours = [
        i
        for i, finding in enumerate(findings)
        if finding.kind in WAIVABLE - OF_HOUSEHOLDS and finding.geometry is not None
    ]
    theirs = [w for w in waivers if w.land is not None and w.kind not in OF_HOUSEHOLDS]
    if not ours or not theirs:
        return []
    land = _solid([findings[i].geometry for i in ours])
    waived = _solid([waiver.land for waiver in theirs])
    at, by = shapely.STRtree(waived).query(land, predicate="intersects")
    pairs = [
        (i, w)
        for i, w in zip(at.tolist(), by.tolist(), strict=True)
        if _agree(findings[ours[i]], theirs[w])
    ]
    if not pairs:
        return []
    at, by = np.array(pairs, np.intp).T
    beyond = metric.project(areas_only(shapely.difference(land[at], waived[by])))
    inside = inscribed_width(beyond) <= MOVED_M
    return [(ours[i], theirs[w].id) for (i, w), fits in zip(pairs, inside, strict=True) if fits]


def _agree(finding: Finding, waiver: Waiver) -> bool:
    """Return whether a waiver may speak of a finding, wherever that lies."""
    said = (waiver.level, waiver.kind, waiver.parent, waiver.extra)
    if said != (finding.level, finding.kind, finding.parent, finding.extra):
        return False
    return finding.kind is Kind.BLANK or waiver.units.issuperset(finding.units)


def _of_households(findings: Sequence[Finding], waivers: Sequence[Waiver]) -> list[tuple[int, int]]:
    """Return which findings of addresses are covered, and by which waivers together."""
    covered = []
    for i, finding in enumerate(findings):
        if finding.kind not in OF_HOUSEHOLDS or not finding.addresses:
            continue
        named = set(finding.addresses)
        about = [
            waiver
            for waiver in waivers
            if (waiver.level, waiver.kind) == (finding.level, finding.kind)
            and not named.isdisjoint(waiver.addresses)
        ]
        known = set().union(*(waiver.addresses for waiver in about))
        if named <= known and finding.households <= sum(waiver.households for waiver in about):
            covered += [(i, waiver.id) for waiver in about]
    return covered


def _solid(land: Sequence[BaseGeometry | None]) -> NDArray[np.object_]:
    shapes = np.empty(len(land), object)
    shapes[:] = land
    return solid_land(shapes, shapely.is_valid(shapes))


# -- the proof -------------------------------------------------------------------------------


def proven_with(
    proof: Proof, parents_codes: Sequence[str | None], findings: Iterable[Finding]
) -> NDArray[np.bool_]:
    """Return which parents are filled exactly, but for what is waived.

    Parameters
    ----------
    proof
        What the check of the level said.
    parents_codes
        Codes of the parents, length p; None for the outline.
    findings
        Its findings, with ``waiver`` set on those that are accepted; findings of other levels
        among them are passed over.

    Returns
    -------
    NDArray[np.bool_]
        Shape (p,).

    Notes
    -----
    A parent of a TILES level is proven when its rings are valid and

        sum of the children + waived blanks - extra x waived overlaps - waived outsides - parent

    is zero, modulo 2^64. A parent of a DISJOINT level is proven when everything that concerns it
    and forbids publishing is waived.
    """
    levels = {finding.level for finding in proof.findings}
    ours = [finding for finding in findings if finding.level in levels]
    if proof.faults is not None:
        return _untouched(proof, ours)
    index = {code: i for i, code in enumerate(parents_codes)}
    counted = [
        (index[finding.parent], _times(finding), finding.chain)
        for finding in ours
        if finding.waiver is not None
        and finding.kind in SUMMED
        and finding.chain is not None
        and finding.parent in index
    ]
    rest = proof.sums.copy()
    if counted:
        parent, times, chain = (np.array(column, np.int64) for column in zip(*counted, strict=True))
        np.add.at(rest, parent, chain * times)  # arrays of integers wrap silently
    return np.asarray((rest == 0) & ~proof.spoilt)


def _times(finding: Finding) -> int:
    """Return how often a waived finding's land is to be added to the sum."""
    return {Kind.BLANK: 1, Kind.OVERLAP: -finding.extra, Kind.OUTSIDE: -1}[finding.kind]


def _untouched(proof: Proof, findings: Iterable[Finding]) -> NDArray[np.bool_]:
    """Return the parents of a DISJOINT level that no open finding concerns."""
    proven = ~proof.spoilt
    faults = proof.faults or {}
    for finding in findings:
        if finding.waiver is None and finding.severity is Severity.BLOCKING:
            proven[sorted(faults.get(finding.id, ()))] = False
    return proven


# -- land that stands ------------------------------------------------------------------------


def settle(
    standing: Sequence[WaivedLand],
    judged: Callable[[WaivedLand], bool],
    findings: Iterable[Finding],
) -> tuple[WaivedLand, ...]:
    """Return the waived land that stands after a check.

    Parameters
    ----------
    standing
        What stood, with the vertices that it received.
    judged
        Whether the check would have found a piece of it again, were it still there.
    findings
        What the check found; land that is waived takes the place of what was judged.

    Notes
    -----
    Land that units of several parents claim spoils no sum by itself, and is not found again where
    the file holds only those that stay inside: it stands as long as the land of the unit that
    leaves its parent does.
    """
    kept = [land for land in standing if not judged(land)]
    before = {(land.level, land.id): land for land in standing if judged(land)}
    for finding in findings:
        if finding.waiver is None or finding.kind not in SUMMED or finding.chain is None:
            continue
        was = before.get((finding.level, finding.id))
        if was is not None and was.same_as(finding):
            kept.append(replace(was, waiver=finding.waiver))
        else:
            kept.append(WaivedLand.of(finding))
    found = {(land.level, land.id) for land in kept}
    gone = [land for key, land in before.items() if key not in found]
    return tuple(kept + [land for land in gone if _still_doubled(land, kept)])


def _still_doubled(land: WaivedLand, standing: Sequence[WaivedLand]) -> bool:
    """Return whether a unit leaves its parent into land that units of several parents claim."""
    if land.kind is not Kind.OVERLAP or land.extra != 0:
        return False
    leaves = [
        other
        for other in standing
        if (other.level, other.kind) == (land.level, Kind.OUTSIDE)
        and {*other.units} & {*land.units}
    ]
    shapes = _solid([land.geometry, *(other.geometry for other in leaves)])
    return bool(shapely.area(shapely.intersection(shapes[0], shapes[1:])).any())


def land_changes(before: Sequence[WaivedLand], after: Sequence[WaivedLand]) -> LandChange:
    """Return which rows of waived land begin and end from one world to another."""
    was = {land.row_id: land for land in before}
    begin, stays, anew = [], set(), []
    for land in after:
        old = was.get(land.row_id)
        if old is None or not old.same_as(land):
            begin.append(replace(land, row_id=0))
            continue
        stays.add(land.row_id)
        if land.waiver is not None and land.waiver != old.waiver:
            anew.append((land.row_id, land.waiver))
    return LandChange(begin, sorted(was.keys() - stays), anew)
