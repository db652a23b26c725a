"""Build tiles of an extract and time isochrones; runs in ``.venv-valhalla``, and imports no other.

Reads an order as JSON, and writes the seconds of each circle as a list on the last line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Carry out the order on standard input."""
    order = json.load(sys.stdin)
    actor = _actor(Path(order["tiles"]), order["extract"])
    for point in order["points"][:3]:  # tiles are read on the first call
        actor.isochrone(_asked(point, order["km"]))
    times = []
    for point in order["points"]:
        query = _asked(point, order["km"])
        began = time.perf_counter()
        actor.isochrone(query)
        times.append(time.perf_counter() - began)
    sys.stdout.write(f"\n{json.dumps(times)}\n")


def _actor(tiles: Path, extract: str) -> Any:  # noqa: ANN401 - of a package that is not ours
    import valhalla  # type: ignore[import-not-found]  # noqa: PLC0415 - only there

    tiles.mkdir(parents=True, exist_ok=True)
    config = valhalla.get_config(tile_extract="", tile_dir=str(tiles), verbose=False)
    file = tiles / "valhalla.json"
    file.write_text(json.dumps(config))
    program = Path(sys.executable).with_name("valhalla_build_tiles")
    subprocess.run(
        [str(program), "-c", str(file), extract],
        env=os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"},  # it looks there
        check=True,
        stdout=sys.stderr,
    )
    return valhalla.Actor(config)


def _asked(point: list[float], km: float) -> dict[str, Any]:
    """Return what is asked: everything within so many kilometres on foot."""
    return {
        "locations": [{"lon": point[0], "lat": point[1]}],
        "costing": "pedestrian",
        "costing_options": {"pedestrian": {"shortest": True}},
        "contours": [{"distance": km}],
        "polygons": True,
        "denoise": 0.0,
        "generalize": 0.0,
    }


if __name__ == "__main__":
    main()
