"""Our engine: chain sums, sums with ring validity, the full report, and the repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from benchmarks.coverage.job import Answer, Job, Mended, Question, Ready
from benchmarks.coverage.judge import ANY, GAP, OUTSIDE, OVERLAP, Row
from benchmarks.coverage.plane import in_metres
from geo.chain import chains_of_wkb, parent_sums, prove_wkb
from geo.coverage import prove
from geo.crs import LocalMetric
from geo.findings import Kind
from geo.layers import Layer, Parents
from geo.repair import repair

if TYPE_CHECKING:
    from contextlib import ExitStack

    from numpy.typing import NDArray

    from benchmarks.coverage.job import Inputs
    from geo.chain import WkbProof
    from geo.layers import Proof
    from geo.repair import Repaired

_WARM = 9
"""Polygons that a kernel is called with first, so that it is compiled or read from its cache."""

_WORDS = {Kind.BLANK: GAP, Kind.OVERLAP: OVERLAP, Kind.OUTSIDE: OUTSIDE}

MAX_MOVE_M = 300.0
"""Wider than a cell, so that every fault may be mended."""


def _sums(inputs: Inputs, _: ExitStack) -> Ready:
    city = inputs.city
    chains_of_wkb(city.units[:_WARM])

    def run() -> NDArray[np.int64]:
        return parent_sums(chains_of_wkb(city.units), city.parent_of, chains_of_wkb(city.parents))

    return Ready(run=run, read=lambda sums: Answer(not sums.any()))


def _proof(inputs: Inputs, _: ExitStack) -> Ready:
    city = inputs.city
    prove_wkb(city.units[:_WARM], np.zeros(_WARM, np.intp), city.parents[:1])

    def read(told: WkbProof) -> Answer:
        return Answer(bool(told.proven.all() and told.valid.all()))

    return Ready(run=lambda: prove_wkb(city.units, city.parent_of, city.parents), read=read)


def _layer(inputs: Inputs) -> tuple[Layer, Parents, LocalMetric]:
    city = inputs.city
    layer = Layer(
        level="grid",
        geoms=inputs.units,
        codes=city.codes,
        parent_of=city.parent_of,
        rows=np.arange(1, len(city.codes) + 1),
    )
    bounds = shapely.total_bounds(inputs.parents)
    return layer, Parents(city.parent_codes, inputs.parents), LocalMetric.around(bounds.tolist())


def _report(inputs: Inputs, _: ExitStack) -> Ready:
    layer, parents, metric = _layer(inputs)
    chains_of_wkb(inputs.city.units[:_WARM])

    def read(proof: Proof) -> Answer:
        findings = proof.findings
        places = in_metres(np.array([f.geometry for f in findings], object))
        rows = [
            Row(_WORDS.get(finding.kind, ANY), place, finding.units)
            for finding, place in zip(findings, places, strict=True)
        ]
        return Answer(bool(proof.proven.all()), rows)

    return Ready(run=lambda: prove(layer, parents, metric), read=read)


def _repair(inputs: Inputs, _: ExitStack) -> Ready:
    layer, parents, metric = _layer(inputs)
    chains_of_wkb(inputs.city.units[:_WARM])

    def read(repaired: Repaired) -> Mended:
        units, above = in_metres(repaired.geoms), in_metres(repaired.parents)
        return Mended(units, above, left=len(repaired.left))

    return Ready(run=lambda: repair(layer, parents, metric, max_move_m=MAX_MOVE_M), read=read)


JOBS = (
    Job(key="sums", title="**chain sums**", question=Question.SOUND, prepare=_sums, ours=True),
    Job(
        key="proof",
        title="**chain sums and ring validity**",
        question=Question.SOUND,
        prepare=_proof,
        ours=True,
    ),
    Job(
        key="report",
        title="**full report**",
        question=Question.REPORT,
        prepare=_report,
        ours=True,
    ),
    Job(key="repair", title="**repair**", question=Question.REPAIR, prepare=_repair, ours=True),
)
