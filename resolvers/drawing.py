"""Draws large levels with fewer vertices in a process of its own, whose memory goes with it.

The compiler of the kernels and the arrays of a drawing take several times what a service takes that
answers questions, and they are needed once for an edition and a scale.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import LocalMetric
from geo.simplify import simplify_together

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw_apart"]

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from resolvers.drawing import main; main()"
"""What the child runs; it must be told where we are."""

LAST_WORDS = 500
"""Of a child that failed, these last characters are told."""


def draw_apart(
    geoms: NDArray[np.object_], metric: LocalMetric, tolerance_m: float
) -> NDArray[np.object_]:
    """Take vertices out of polygons as :func:`geo.simplify.simplify_together`, in a process apart.

    Raises
    ------
    RuntimeError
        If the child ended otherwise than with an answer.

    Notes
    -----
    Starting the child takes about a second. The thread that calls waits for it.
    """
    numbers = map(repr, (metric.lon0, metric.lat0, tolerance_m))
    # One's own interpreter and program: nothing of it comes from a request.
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM, str(ROOT), *numbers],
        input=_packed(geoms),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()[-LAST_WORDS:]
        raise RuntimeError(f"drawing in a process apart ended with {done.returncode}: {words}")
    return _unpacked(io.BytesIO(done.stdout))


def main() -> None:
    """Draw what comes in, as the arguments say, and write it out."""
    lon0, lat0, tolerance_m = map(float, sys.argv[2:])
    geoms = _unpacked(sys.stdin.buffer)
    drawn = simplify_together(geoms, LocalMetric(lon0, lat0), tolerance_m)
    sys.stdout.buffer.write(_packed(drawn))


def _packed(geoms: NDArray[np.object_]) -> bytes:
    """Return geometries as the lengths of their WKB and the WKB itself."""
    wkb = shapely.to_wkb(geoms).tolist()
    lengths = np.array([len(one) for one in wkb], np.int64)
    return b"".join([np.int64(len(wkb)).tobytes(), lengths.tobytes(), *wkb])


def _unpacked(packed: IO[bytes]) -> NDArray[np.object_]:
    """Return the geometries that were packed, shape (n,)."""
    count = int(np.frombuffer(packed.read(8), np.int64)[0])
    lengths = np.frombuffer(packed.read(8 * count), np.int64).tolist()
    return np.asarray(shapely.from_wkb([packed.read(length) for length in lengths]), object)
