"""What one run of the benchmark wrote down, line by line, and reading it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.coverage.judge import Mending, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Record:
    """One call of one job, or why there was none.

    Attributes
    ----------
    job
        Key of the job.
    size
        Grids that were asked for; ``units`` is how many there are.
    dirty
        Whether the level had faults.
    alone
        Whether it ran in a process of its own; memory is only told then, and only then judged.
    error
        Why there is no result; None after a success.
    """

    job: str
    size: int
    units: int
    dirty: bool
    alone: bool
    error: str | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    growth_mib: float | None = None
    peak_mib: float | None = None
    sound: bool | None = None
    verdict: Verdict | None = None
    mending: Mending | None = None
    left: int | None = None


class Book:
    """The records of one run, each on disk as soon as it is made."""

    def __init__(self, path: Path | None = None, records: Iterable[Record] = ()) -> None:
        self.records: list[Record] = []
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(_line(record))

    def sizes(self) -> list[int]:
        """Return the sizes that were run, smallest first."""
        return sorted({record.size for record in self.records})

    def units(self, size: int) -> int:
        """Return how many grids the clean level of a size has."""
        return next(r.units for r in self.records if r.size == size and not r.dirty)

    def of(self, job: str, size: int, *, dirty: bool) -> list[Record]:
        """Return all records of a job on one level."""
        return [r for r in self.records if (r.job, r.size, r.dirty) == (job, size, dirty)]

    def alone(self, job: str, size: int, *, dirty: bool) -> Record | None:
        """Return the record of the run in a process of its own."""
        return next((r for r in self.of(job, size, dirty=dirty) if r.alone), None)

    def cpu_s(self, job: str, size: int, *, dirty: bool) -> float | None:
        """Return the median processor time in seconds; None where there is none."""
        return _median(r.cpu_s for r in self._timed(job, size, dirty=dirty))

    def wall_s(self, job: str, size: int, *, dirty: bool) -> float | None:
        """Return the median wall time in seconds; None where there is none."""
        return _median(r.wall_s for r in self._timed(job, size, dirty=dirty))

    def rounds(self, job: str, size: int, *, dirty: bool) -> int:
        """Return how many times the medians are of."""
        return len(self._timed(job, size, dirty=dirty))

    def _timed(self, job: str, size: int, *, dirty: bool) -> list[Record]:
        """Return the runs in turn with others; the run alone where there were none."""
        done = [r for r in self.of(job, size, dirty=dirty) if r.cpu_s is not None]
        return [r for r in done if not r.alone] or done


def read_records(path: Path) -> list[Record]:
    """Read what a run wrote, were it interrupted or not; nothing where there was none."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text().splitlines():
        told = json.loads(line)
        verdict, mending = told["verdict"], told["mending"]
        told["verdict"] = Verdict(**verdict) if verdict else None
        told["mending"] = Mending(**mending) if mending else None
        records.append(Record(**told))
    return records


def _line(record: Record) -> str:
    told = asdict(record)
    told["verdict"] = record.verdict and record.verdict._asdict()
    told["mending"] = record.mending and record.mending._asdict()
    return json.dumps(told) + "\n"


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
