"""Whether a check found what is known to be wrong in a file, and nothing else."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from geo.errors import UnreadableError
from geo.findings import Kind, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geo.check import Checked
    from geo.findings import Finding
    from sources.boundaries import BoundaryFile


class Expected(BaseModel):
    """A finding that must be there; None where nothing is told."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    codes: tuple[str, ...]
    """Sorted."""
    rows: tuple[int, ...]
    area_m2: float | None
    area_rel: float
    width_m: float | None
    width_rel: float
    households: int | None


class Fault(BaseModel):
    """One thing that is wrong in the file, or that noding mends."""

    model_config = ConfigDict(frozen=True)

    key: str
    what: str
    rows: tuple[int, ...]
    found: tuple[Expected, ...]
    may: tuple[Kind, ...]
    """Kinds of findings that it may show besides."""
    notice: str | None
    """Code of the notice that is given instead of a finding."""


class _Truth(BaseModel):
    faults: tuple[Fault, ...]


class Verdict(NamedTuple):
    """What became of one expectation."""

    fault: Fault
    expected: Expected | None
    """None for a fault that noding mends."""
    finding: Finding | None
    complaint: str
    """What is not as expected; empty when all is."""


class Comparison(NamedTuple):
    """A check beside the truth."""

    verdicts: list[Verdict]
    unexpected: list[Finding]
    """Findings that no fault explains."""
    complaints: list[str]
    """What is wrong with the households in all."""

    @property
    def right(self) -> bool:
        """True when every fault was found as expected, and nothing else."""
        missed = any(verdict.complaint for verdict in self.verdicts)
        return not (missed or self.unexpected or self.complaints)


def read_faults(name: str, content: bytes) -> tuple[Fault, ...]:
    """Read a list of the truth.

    Raises
    ------
    UnreadableError
        If it is no JSON, or none of that form.
    """
    try:
        return _Truth.model_validate_json(content).faults
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "its text"
        raise UnreadableError(
            f"{name} is no list of the truth: {where}: {first['msg']}; "
            "write it anew with `python -m fixtures`"
        ) from None


def compare(checked: Checked, file: BoundaryFile, faults: Sequence[Fault]) -> Comparison:
    """Compare what a check found with the list of what is wrong.

    Parameters
    ----------
    checked
        The check of the whole file, noded, with the addresses of the whole ground.
    file
        The file that was checked.
    faults
        All that is wrong in it.

    Notes
    -----
    Which households are in no unit or in several follows from blank and doubled land: their
    findings are judged by the sums alone.
    """
    left = [f for f in checked.report.findings if f.rule is not Rule.EVERY_HOUSEHOLD]
    notices = {remark.code for remark in checked.remarks}
    verdicts: list[Verdict] = []
    for fault in faults:
        for expected in fault.found:
            finding = _likest(expected, left)
            if finding is not None:
                left.remove(finding)
            complaint = _complaint(expected, finding)
            verdicts.append(Verdict(fault, expected, finding, complaint))
        if fault.notice is not None:
            said = "" if fault.notice in notices else f"no notice {fault.notice}"
            verdicts.append(Verdict(fault, None, None, said))
    codes = dict(zip(file.rows.tolist(), file.codes, strict=True))
    allowed = set(_side_effects(faults, codes))
    unexpected = [f for f in left if not allowed & {(f.kind, code) for code in f.units}]
    return Comparison(verdicts, unexpected, list(_household_complaints(checked, faults)))


def _likest(expected: Expected, findings: Sequence[Finding]) -> Finding | None:
    """Return the finding of that kind and those units, the nearest in size of several."""
    same = [
        f
        for f in findings
        if f.kind is expected.kind
        and tuple(sorted(f.units)) == expected.codes
        and tuple(sorted(f.rows)) == expected.rows
    ]
    size = expected.area_m2 or 0.0
    return min(same, key=lambda f: abs(f.area_m2 - size), default=None)


def _complaint(expected: Expected, finding: Finding | None) -> str:
    """Say what is not as expected; nothing when all is."""
    if finding is None:
        return "not found"
    told: list[tuple[str, float | None, float, float]] = [
        ("area", expected.area_m2, finding.area_m2, expected.area_rel),
        ("width", expected.width_m, finding.width_m, expected.width_rel),
        ("households", expected.households, finding.households, 0.0),
    ]
    off = [
        f"{name} {found:g}, not {meant:g}"
        for name, meant, found, tolerance in told
        if meant is not None and not isclose(found, meant, rel_tol=tolerance)
    ]
    return "; ".join(off)


def _side_effects(
    faults: Sequence[Fault], codes: dict[int, str | None]
) -> Iterator[tuple[Kind, str]]:
    """Return the kinds that units may show besides, since something is wrong with them."""
    for fault in faults:
        for row in fault.rows:
            code = codes.get(row)
            if code is not None:
                yield from ((kind, code) for kind in fault.may)


def _household_complaints(checked: Checked, faults: Sequence[Fault]) -> Iterator[str]:
    """Say where the households in no unit or in several are not those of the list."""
    cover = checked.report.households
    for kind, found, where in (
        (Kind.BLANK, cover.uncovered, "in no unit"),
        (Kind.OVERLAP, cover.doubled, "in several units"),
    ):
        meant = sum(e.households or 0 for fault in faults for e in fault.found if e.kind is kind)
        if found != meant:
            yield f"{found} households {where}, not {meant}"
