"""All engines that are compared; ours come first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.coverage.jobs import frames, geos, mapshaper, ours, postgis

if TYPE_CHECKING:
    from benchmarks.coverage.job import Job

JOBS: tuple[Job, ...] = (
    *ours.JOBS,
    *geos.JOBS,
    *postgis.JOBS,
    *frames.JOBS,
    *mapshaper.JOBS,
)


def job_of(key: str) -> Job:
    """Return the job of a name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return {job.key: job for job in JOBS}[key]
