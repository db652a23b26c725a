"""mapshaper's ``-clean``: a program, so its time holds reading and writing GeoJSON, too."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from benchmarks.coverage.job import Job, Mended, NotHereError, Question, Ready
from benchmarks.measure import Elsewhere, memory_mib

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from benchmarks.coverage.job import Inputs

_PROGRAM = Path(__file__).resolve().parents[2] / "node_modules" / ".bin" / "mapshaper"
_LOOK_S = 0.02
_WIDE = ("gap-width=300",)
"""Wider than a cell: every gap that is enclosed is filled."""


class _Children:
    """What the program used, over all its calls."""

    def __init__(self) -> None:
        self.peak_mib = 0.0

    def __call__(self) -> Elsewhere:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Elsewhere(used.ru_utime + used.ru_stime, 0.0, self.peak_mib)

    def run(self, command: Sequence[str | Path]) -> None:
        """Run a program to its end, looking at its memory now and then."""
        self.peak_mib = 0.0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            done = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(child.pid, done))
            watcher.start()
            _, said = child.communicate()
            done.set()
            watcher.join()
        if child.returncode:
            raise RuntimeError(said.decode(errors="replace").strip().rpartition("\n")[2])

    def _watch(self, pid: int, done: threading.Event) -> None:
        while not done.wait(_LOOK_S):
            try:
                self.peak_mib = max(self.peak_mib, memory_mib(pid).peak)
            except OSError:
                return


def _clean(options: Sequence[str]) -> Callable[[Inputs, ExitStack], Ready]:
    def prepare(inputs: Inputs, stack: ExitStack) -> Ready:
        node = shutil.which("node")
        if node is None or not _PROGRAM.exists():
            raise NotHereError("not installed: scripts/bench-setup.sh fetches it with npm")
        folder = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        before, after = folder / "before.json", folder / "after.json"
        _write(inputs, before)
        children = _Children()
        command: list[str | Path] = [node, _PROGRAM, before, "-clean", *options, "-o", after]

        def read(_: None) -> Mended:
            features = json.loads(after.read_bytes())["features"]
            units = np.full(len(inputs.city.codes), None, object)
            for feature in features:
                if feature["geometry"] is not None:
                    units[feature["properties"]["row"]] = shapely.geometry.shape(
                        feature["geometry"]
                    )
            return Mended(units, inputs.parents_m)

        return Ready(run=lambda: children.run(command), read=read, elsewhere=children)

    return prepare


def _write(inputs: Inputs, path: Path) -> None:
    """Write the units as GeoJSON in plane metres, as many digits as a double has."""
    features = [
        f'{{"type":"Feature","properties":{{"row":{row}}},"geometry":{geometry}}}'
        for row, geometry in enumerate(shapely.to_geojson(inputs.units_m))
    ]
    path.write_text(f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}')


JOBS = (
    Job(
        key="mapshaper",
        title="mapshaper `-clean`",
        question=Question.REPAIR,
        prepare=_clean(()),
        largest=10_000,
    ),
    Job(
        key="mapshaper_300m",
        title="mapshaper `-clean gap-width=300`",
        question=Question.REPAIR,
        prepare=_clean(_WIDE),
        largest=10_000,
    ),
)
