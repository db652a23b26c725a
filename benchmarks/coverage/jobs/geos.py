"""The coverage functions of shapely, which are those of GEOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from benchmarks.coverage.job import Answer, Job, Mended, Question, Ready
from benchmarks.coverage.judge import ANY, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from numpy.typing import NDArray

    from benchmarks.coverage.job import Inputs

_WIDE_M = 300.0
"""Wider than a cell: every gap that is enclosed is filled."""


def _is_valid(inputs: Inputs, _: ExitStack) -> Ready:
    units = inputs.units_m
    return Ready(
        run=lambda: shapely.coverage_is_valid(units), read=lambda sound: Answer(bool(sound))
    )


def _invalid_edges(gap_m: float) -> Callable[[Inputs, ExitStack], Ready]:
    def prepare(inputs: Inputs, _: ExitStack) -> Ready:
        units, codes = inputs.units_m, inputs.city.codes

        def read(edges: NDArray[np.object_]) -> Answer:
            bad = np.flatnonzero(~shapely.is_empty(edges)).tolist()
            return Answer(not bad, [Row(ANY, edges[i], (codes[i],)) for i in bad])

        return Ready(run=lambda: shapely.coverage_invalid_edges(units, gap_width=gap_m), read=read)

    return prepare


def _clean(gap_m: float) -> Callable[[Inputs, ExitStack], Ready]:
    def prepare(inputs: Inputs, _: ExitStack) -> Ready:
        units, parents = inputs.units_m, inputs.parents_m
        return Ready(
            # types-shapely does not know the function yet
            run=lambda: shapely.coverage_clean(units, gap_width=gap_m),  # type: ignore[attr-defined]
            read=lambda mended: Mended(np.asarray(mended, object), parents),
        )

    return prepare


JOBS = (
    Job(
        key="coverage_is_valid",
        title="shapely `coverage_is_valid`",
        question=Question.SOUND,
        prepare=_is_valid,
    ),
    Job(
        key="invalid_edges",
        title="shapely `coverage_invalid_edges`",
        question=Question.REPORT,
        prepare=_invalid_edges(0.0),
    ),
    Job(
        key="invalid_edges_1m",
        title="shapely `coverage_invalid_edges`, gap 1 m",
        question=Question.REPORT,
        prepare=_invalid_edges(1.0),
    ),
    Job(
        key="clean",
        title="shapely `coverage_clean`",
        question=Question.REPAIR,
        prepare=_clean(0.0),
    ),
    Job(
        key="clean_300m",
        title="shapely `coverage_clean`, gap 300 m",
        question=Question.REPAIR,
        prepare=_clean(_WIDE_M),
    ),
)
