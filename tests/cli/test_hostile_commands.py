"""Files that attack the program, given to its commands: one sentence, an exit code, no trace."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.publishing.outside import in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

SQUARE = [[[114, 30], [114.01, 30], [114.01, 30.01], [114, 30.01], [114, 30]]]


def units(**properties: object) -> str:
    """Return GeoJSON of one unit."""
    shape = {"type": "Polygon", "coordinates": SQUARE}
    feature = {"type": "Feature", "properties": properties, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("units.geojson", bytes(70 << 20))
    return path.with_suffix(".zip")


def swollen(path: Path) -> Path:
    """Write a text of 240 MiB, of which several copies have no room in the memory allowed."""
    return text(path.with_suffix(".geojson"), units(code="1", note="x" * (240 << 20)))


# how it is made, what the sentence speaks of
ATTACKS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a zip bomb": (bomb, "times its size"),
    "100,000 levels": (
        lambda p: text(p, units(code="1").replace("[[[", "[" * 100_000, 1)),
        "nested",
    ),
    "more than the memory": (swollen, "512 MiB of memory"),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_an_attack_ends_in_one_sentence_and_leaves_nothing(tmp_path: Path, what: str) -> None:
    make, said = ATTACKS[what]
    file = make(tmp_path / "units.json")
    rooms = tmp_path / "rooms"
    rooms.mkdir()

    answer = in_process("check", file, env={"TMPDIR": str(rooms), "WANGGE_READ_MEMORY_MB": "512"})

    told = [line for line in answer.err.splitlines() if not line.startswith("reading ")]
    assert answer.exit_code == 3, answer
    assert answer.out == ""
    assert len(told) == 1
    assert told[0].startswith("error: ")
    assert said in told[0]
    assert "Traceback" not in answer.err
    assert list(rooms.iterdir()) == []


HARMFUL = "\x1b[2J\u202e<script>alert(1)</script>\x00'; DROP TABLE unit; --"
HARMLESS = "[2J<script>alert(1)</script>'; DROP TABLE unit; --"


@pytest.fixture
def parquet(here: Path) -> Iterator[Path]:
    """Give a file whose texts hold what no database takes; GeoJSON could not carry it."""
    import pyarrow as pa  # noqa: PLC0415 - needed here only
    import pyarrow.parquet as pq  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"]}},
    }
    land = bytes(shapely.to_wkb(shapely.box(114, 30, 114.01, 30.01)))
    table = pa.table(
        {
            "geometry": pa.array([land]),
            "code": pa.array(["01\0"]),
            "name": pa.array([HARMFUL]),
            HARMFUL: pa.array([[{HARMFUL: HARMFUL}]]),
        }
    )
    path = here.parent / "units.parquet"
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    yield path
    path.unlink()


@pytest.mark.postgis
def test_harmful_texts_are_published_as_harmless_ones(
    wangge: Wangge, stored: Stored, parquet: Path
) -> None:
    edition = wangge.publish("district", parquet)

    name, properties = stored.one("SELECT ARRAY[name, properties::text] FROM unit")
    assert (stored.newest(), edition) == (1, 1)
    assert name == HARMLESS
    assert json.loads(properties) == {HARMLESS: [{HARMLESS: HARMLESS}]}


@pytest.mark.postgis
def test_a_report_shows_markup_as_text(wangge: Wangge, parquet: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"

    wangge("check", parquet, "--report", page)

    assert "<script>alert(1)</script>" not in page.read_text(encoding="utf-8")
