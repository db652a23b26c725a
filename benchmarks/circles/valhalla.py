"""Valhalla's isochrones of the same streets, in a process of a newer Python: polygons only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.circles.files import write_osm
from benchmarks.coverage.worker import CHECKOUT

if TYPE_CHECKING:
    from benchmarks.circles.town import Town

PYTHON = CHECKOUT / ".venv-valhalla" / "bin" / "python"
WORKER = Path(__file__).with_name("valhalla_worker.py")


def isochrone_s(town: Town, folder: Path, limit_m: float, stations: int) -> float | None:
    """Return what a circle takes, the median; None where Valhalla is not installed.

    Notes
    -----
    It draws with as little denoising and generalizing as it can, along the shortest ways.
    """
    if not PYTHON.exists() or town.ways is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    extract = folder / "streets.osm.pbf"
    write_osm(extract, town.ways)
    chosen = town.stations[:stations]
    lonlat = town.streets.plane.inverse(town.streets.node_xy[chosen])
    asked = {
        "extract": str(extract),
        "tiles": str(folder / "valhalla"),
        "points": lonlat.tolist(),
        "km": limit_m / 1000.0,
    }
    done = subprocess.run(
        [str(PYTHON), "-P", str(WORKER)],  # without the modules beside it
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Valhalla failed: {done.stderr[-500:]}")
    return float(np.median(json.loads(done.stdout.splitlines()[-1])))
