"""geoplanar and maup, which work on geopandas; all three come from a virtual environment apart."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from benchmarks.coverage.job import Answer, Job, Mended, NotHereError, Question, Ready
from benchmarks.coverage.judge import GAP, OVERLAP, Row
from geo.validity import solid_land

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from numpy.typing import NDArray

    from benchmarks.coverage.job import Inputs

# The peers are installed apart and ship no types: what they take and give is Any.
_Frame = Any

_CRS = "EPSG:4547"  # in metres; any such serves


def _peer(name: str) -> Any:  # noqa: ANN401 - a module without types
    """Import a peer, its warnings aside: how it is built is not what is measured."""
    warnings.simplefilter("ignore")
    try:
        return __import__(name)
    except ImportError as error:
        raise NotHereError(f"not installed: {error}") from error


def _frame(units: NDArray[np.object_]) -> _Frame:
    return _peer("geopandas").GeoDataFrame(geometry=units, crs=_CRS)


def _solid(inputs: Inputs) -> NDArray[np.object_]:
    return solid_land(inputs.units_m, shapely.is_valid(inputs.units_m))


def _geoplanar_report(inputs: Inputs, _: ExitStack) -> Ready:
    geoplanar = _peer("geoplanar")
    units, codes = _solid(inputs), inputs.city.codes
    frame = _frame(units)

    def run() -> tuple[Any, Any]:
        fresh = frame.copy()  # without the index that the frame keeps
        return geoplanar.overlaps(fresh), geoplanar.gaps(fresh)

    def read(found: tuple[Any, Any]) -> Answer:
        (left, right), gaps = found
        once = left < right
        pairs = list(zip(left[once].tolist(), right[once].tolist(), strict=True))
        rows = [
            Row(OVERLAP, units[i].intersection(units[j]), (codes[i], codes[j])) for i, j in pairs
        ]
        rows += [Row(GAP, place) for place in np.asarray(gaps.geometry)]
        return Answer(not rows, rows)

    return Ready(run=run, read=read)


def _geoplanar_repair(inputs: Inputs, _: ExitStack) -> Ready:
    geoplanar = _peer("geoplanar")
    frame, parents = _frame(_solid(inputs)), inputs.parents_m

    def run() -> _Frame:
        trimmed = geoplanar.trim_overlaps(frame.copy(), strategy="largest")
        return geoplanar.fill_gaps(trimmed, strategy="largest")

    def read(mended: _Frame) -> Mended:
        return Mended(np.asarray(mended.geometry.reindex(frame.index), object), parents)

    return Ready(run=run, read=read)


def _maup_doctor(inputs: Inputs, _: ExitStack) -> Ready:
    maup = _peer("maup")
    maup.progress.enabled = False
    frame = _frame(inputs.units_m)
    return Ready(
        run=lambda: maup.doctor(frame.copy(), silent=True),
        read=lambda sound: Answer(bool(sound)),
    )


def _maup_repair(inputs: Inputs, _: ExitStack) -> Ready:
    maup = _peer("maup")
    maup.progress.enabled = False
    frame, parents = _frame(inputs.units_m), inputs.parents_m
    regions = _frame(parents)

    def run() -> _Frame:
        return maup.smart_repair(
            frame.copy(), nest_within_regions=regions.copy(), fill_gaps_threshold=None
        )

    def read(mended: _Frame) -> Mended:
        return Mended(np.asarray(mended.geometry.reindex(frame.index), object), parents)

    return Ready(run=run, read=read)


def _job(
    key: str,
    title: str,
    question: Question,
    prepare: Callable[[Inputs, ExitStack], Ready],
    largest: int,
) -> Job:
    return Job(key=key, title=title, question=question, prepare=prepare, largest=largest)


JOBS = (
    _job("geoplanar", "geoplanar `overlaps`, `gaps`", Question.REPORT, _geoplanar_report, 10_000),
    _job("maup_doctor", "maup `doctor`", Question.SOUND, _maup_doctor, 10_000),
    _job(
        "geoplanar_repair",
        "geoplanar `trim_overlaps`, `fill_gaps`",
        Question.REPAIR,
        _geoplanar_repair,
        10_000,
    ),
    _job("maup_repair", "maup `smart_repair`", Question.REPAIR, _maup_repair, 1_000),
)
