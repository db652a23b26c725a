"""Spoilt files of every format: each is read, or refused in one sentence; nothing else happens."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from sources.parquet import write_parquet

CHECKOUT = Path(__file__).resolve().parent.parent

WEST = shapely.box(104.90, 38.40, 104.91, 38.41)
EAST = shapely.box(104.91, 38.40, 104.92, 38.41)

COPIES = 25
"""Spoilt copies of each file; thousands of them were read once, these keep what was mended."""

PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
EXTREMES = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"\0\0\0\x80", b"\x7f\xff\xff\xff")

READER = """
import sys; sys.path.insert(0, sys.argv[1])
import warnings; warnings.simplefilter("error")
from pathlib import Path
from geo.errors import WanggeError
from sources.boundaries import read_boundaries
from sources.confining import set_limits
set_limits(memory_mb=3072, seconds=100, disk_mb=64)
for line in sys.stdin:
    path = Path(line.rstrip("\\n"))
    try: read_boundaries(path, need_code=False)
    except WanggeError as error: said = repr(str(error))
    else: said = "read"
    print(path, said, sep="\\t", flush=True)
"""


def whole_files(folder: Path) -> dict[str, Path]:
    """Write two cells in every format."""
    folder.mkdir()
    wkb = shapely.to_wkb(np.array([WEST, EAST], dtype=object))
    columns = [
        np.array(["0101", "0102"], dtype=object),
        np.array(["第一网格", "第二网格"], dtype=object),
        np.array([1, 2]),
        np.array([1.5, np.nan]),
    ]
    names = np.array(["code", "name", "n", "f"], dtype=object)
    files = {}
    for driver, suffix in (
        ("GeoJSON", "geojson"),
        ("GeoJSONSeq", "geojsonl"),
        ("GPKG", "gpkg"),
        ("FlatGeobuf", "fgb"),
        ("KML", "kml"),
        ("GML", "gml"),
        ("ESRI Shapefile", "shp"),
    ):
        files[suffix] = folder / f"grids.{suffix}"
        pyogrio.raw.write(
            files[suffix], wkb, columns, names,
            driver=driver, crs="EPSG:4326", geometry_type="Polygon", encoding="UTF-8",
        )  # fmt: skip
    files["parquet"] = folder / "grids.parquet"
    cells: dict[str, list[object]] = {"code": ["1", "2"], "name": ["a", None]}
    write_parquet(files["parquet"], np.array([WEST, EAST], dtype=object), cells, crs="EPSG:4326")
    arcs = [[[0, 0], [10, 0], [0, 10]], [[10, 10], [-10, 0], [0, -10]]]
    shape = {"type": "Polygon", "properties": {"code": "1"}, "arcs": [[0, 1]]}
    topology = {
        "type": "Topology",
        "transform": {"scale": [0.001, 0.001], "translate": [104, 38]},
        "arcs": arcs,
        "objects": {"grids": {"type": "GeometryCollection", "geometries": [shape]}},
    }
    files["topojson"] = folder / "grids.topojson"
    files["topojson"].write_text(json.dumps(topology), "utf-8")
    files["zip"] = folder / "grids.zip"
    with zipfile.ZipFile(files["zip"], "w", zipfile.ZIP_DEFLATED) as packed:
        for part in PARTS:
            packed.write(files["shp"].with_suffix(part), f"网格/grids{part}")
    return files


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Cut, repeat, insert or overwrite some bytes."""
    at, to = chance.randrange(len(data)), chance.randrange(len(data))
    match chance.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + chance.randrange(1, 64) :]
        case 2:
            return data[:at] + chance.randbytes(chance.randrange(1, 9)) + data[at:]
        case 3:
            return data[:at] + data[to : to + chance.randrange(1, 200)] + data[at:]
        case 4:
            return data[:at] + chance.choice(EXTREMES) + data[at + 4 :]
    spoilt = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        spoilt[chance.randrange(len(spoilt))] = chance.choice((chance.randrange(256), 0, 127, 255))
    return bytes(spoilt)


@pytest.mark.parametrize("seed", [1])
def test_a_spoilt_file_is_read_or_refused_in_one_sentence(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    spoilt = []
    for suffix, whole in whole_files(tmp_path / "whole").items():
        for number in range(COPIES):
            folder = tmp_path / f"{suffix}-{number}"
            folder.mkdir()
            path = Path(shutil.copy(whole, folder))
            if suffix == "shp":
                for part in PARTS[1:]:
                    shutil.copy(whole.with_suffix(part), folder)
                path = path.with_suffix(chance.choice(PARTS))
            path.write_bytes(spoil(path.read_bytes(), chance))
            spoilt.append(folder / whole.name)

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-c", READER, CHECKOUT],
        input="".join(f"{path}\n" for path in spoilt),
        capture_output=True,
        text=True,
        check=False,
    )
    told = dict(line.split("\t") for line in done.stdout.splitlines())

    assert done.returncode == 0, (spoilt[len(told)], done.stderr)
    assert list(told) == [str(path) for path in spoilt]
    for name, said in told.items():
        assert said == "read" or (Path(name).name in said and "\\n" not in said and len(said) < 600)
    assert 0.05 * len(told) < sum(said == "read" for said in told.values()) < len(told) / 2
