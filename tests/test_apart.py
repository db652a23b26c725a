"""Reading in a process apart: the same answer, and no harm when that process dies."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from geo.crs import Datum
from geo.errors import BadInputError, LimitExceededError, UnreadableError
from geo.ground import Ground
from sources import apart, wire
from sources.addresses import AddressColumns, read_addresses
from sources.apart import Limits, read_addresses_apart, read_boundaries_apart
from sources.boundaries import BoundaryFile, Columns, read_boundaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).resolve().parent.parent

# Two cells side by side, 1 west of 2:
#
#   +---+---+ 38.41
#   | 1 | 2 |
#   +---+---+ 38.40
# 104.90 104.92
WEST = shapely.box(104.90, 38.40, 104.91, 38.41)
EAST = shapely.box(104.91, 38.40, 104.92, 38.41)

SOON_S = 10.0
"""How long something that happens at once may take on a busy machine."""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of temporary files, in which nothing may be left at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def grids(tmp_path: Path) -> Path:
    """Give a file of all that a cell, a geometry and a notice may be."""
    rows: list[tuple[BaseGeometry | None, dict[str, object]]] = [
        (
            WEST,
            {"code": "0101", "name": "第一网格", "户数": 12, "n": 1.5, "list": [1, {"a": None}]},
        ),
        (EAST, {"code": "0102", "name": None, "户数": 3, "n": None, "list": [2**70]}),
        (shapely.force_3d(WEST, 7.0), {"code": None, "name": "a\x1b[31mb", "note": "<b>"}),
        (shapely.GeometryCollection([WEST, EAST]), {"code": "0104", "parent": "01"}),
        (None, {"code": "0105"}),
        (shapely.LineString([(104.9, 38.4), (104.91, 38.41)]), {"code": "0106"}),
    ]
    features = [
        {
            "type": "Feature",
            "properties": properties,
            "geometry": shape and shapely.geometry.mapping(shape),
        }
        for shape, properties in rows
    ]
    path = tmp_path / "网格.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def programme(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let every child run this instead of our reader."""
    monkeypatch.setattr(apart, "PROGRAM", text)


def gone(pid: int) -> bool:
    """Return whether a process has ended within a moment."""
    end = time.monotonic() + SOON_S
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # its new parent has not looked yet
            return True
        time.sleep(0.02)
    return False


def test_every_field_of_an_answer_arrives_as_it_was(grids: Path) -> None:
    here, there = read_boundaries(grids), read_boundaries_apart(grids)

    for field in dataclasses.fields(BoundaryFile):
        was, came = getattr(here, field.name), getattr(there, field.name)
        assert type(came) is type(was), field.name
        if isinstance(was, np.ndarray):
            assert came.dtype == was.dtype
            assert [*came] == [*was], field.name
        else:
            assert came == was, field.name
    assert {notice.code for notice in there.notices} >= {"HEIGHTS_DROPPED", "COLLECTION"}
    assert there.properties[1]["list"] == [2**70], "no number is rounded on the way"


def test_every_field_of_addresses_arrives_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "addresses.csv"
    path.write_text(
        "号,lon,lat,户数,人口,独居老人\na,104.9,38.4,2,5,1\nb,104.91,38.41,1,2,0\n", "utf-8"
    )
    columns = AddressColumns(key=("号",))

    here = read_addresses(path, columns=columns)
    there = read_addresses_apart(path, columns=columns)

    np.testing.assert_array_equal(there.lonlat, here.lonlat)
    assert there.keys == here.keys == ["a", "b"]
    assert there.households.tolist() == [2, 1]
    assert there.groups == here.groups
    assert there.notices == here.notices


def test_what_the_caller_says_reaches_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "grids.geojson"
    feature = {
        "type": "Feature",
        "properties": {"甲": "7", "code": "1"},
        "geometry": shapely.geometry.mapping(WEST),
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    land = Ground(shapely.union(WEST, EAST), np.array([WEST, EAST], dtype=object))

    found = read_boundaries_apart(
        path, columns=Columns(code="甲"), crs="EPSG:4490", datum=Datum.WGS84, ground=land
    )

    assert (found.codes, found.crs, found.datum) == (["7"], "EPSG:4490", Datum.WGS84)


def test_an_error_is_the_same_in_class_words_and_facts(grids: Path) -> None:
    with pytest.raises(BadInputError) as here:
        read_boundaries(grids, columns=Columns(code="nowhere"))
    with pytest.raises(BadInputError) as there:
        read_boundaries_apart(grids, columns=Columns(code="nowhere"))

    assert str(there.value) == str(here.value)
    assert there.value.extensions == here.value.extensions
    assert there.value.extensions["options"]


def test_a_missing_file_is_called_as_it_was_given() -> None:
    with pytest.raises(UnreadableError, match=r"^nowhere/a\.gpkg is not there"):
        read_boundaries_apart(Path("nowhere/a.gpkg"))


def test_a_name_that_is_no_text_can_be_read(grids: Path, tmp_path: Path) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.geojson"))
    strange.write_bytes(grids.read_bytes())

    assert read_boundaries_apart(strange).codes == read_boundaries(grids).codes


def test_several_threads_read_at_once(grids: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(read_boundaries_apart, grids) for _ in range(3)]

    assert [a.result().codes for a in answers] == [read_boundaries(grids).codes] * 3


# --- limits ---------------------------------------------------------------------------------------


def test_a_file_that_needs_too_much_memory_is_refused_with_the_limit(tmp_path: Path) -> None:
    # One text of 100 MiB, which packs to some KB.
    import pyarrow as pa  # noqa: PLC0415 - slow to load, and needed here only
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.table({"geometry": [shapely.to_wkb(WEST)], "note": ["x" * (100 << 20)]})
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon"]}},
    }
    path = tmp_path / "swollen.parquet"
    pq.write_table(
        table.replace_schema_metadata({"geo": json.dumps(geo)}),
        path,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )
    assert path.stat().st_size < 1 << 20

    with pytest.raises(UnreadableError, match=r"more than 500 MiB.*WANGGE_READ_MEMORY_MB"):
        read_boundaries_apart(path, limits=Limits(memory_mb=500), need_code=False)


ENDLESS = {
    "waiting": "import time; time.sleep(1000)",
    "computing": "while True: pass",
    "closing its streams": "import os, time; os.close(1); os.close(2); time.sleep(1000)",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_a_reader_without_end_is_ended(
    grids: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    programme(monkeypatch, ENDLESS[what])
    started = time.monotonic()

    with pytest.raises(UnreadableError, match=r"more than 1 seconds.*WANGGE_READ_SECONDS"):
        read_boundaries_apart(grids, limits=Limits(seconds=1))

    assert time.monotonic() - started < SOON_S


def test_a_reader_that_never_stops_answering_fills_no_memory(
    grids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme(monkeypatch, "import os\nwhile True: os.write(1, bytes(1 << 20))")

    with pytest.raises(UnreadableError):
        read_boundaries_apart(grids, limits=Limits(memory_mb=64, seconds=60))


def test_what_a_reader_says_beside_its_answer_fills_no_memory(
    grids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme(monkeypatch, "import os\nfor _ in range(200): os.write(2, b'no!' * 50_000)\n1 / 0")

    with pytest.raises(UnreadableError, match="ZeroDivisionError") as error:
        read_boundaries_apart(grids)

    assert len(str(error.value)) < 300


# --- deaths ---------------------------------------------------------------------------------------

DEATHS = {
    "a segmentation fault": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    "a call of abort": ("import os; os.abort()", "SIGABRT"),
    "the system's killer": ("import os, signal; os.kill(os.getpid(), 9)", "MiB of memory"),
    "no memory in C++": (
        "import os; os.write(2, b\"terminate called: 'std::bad_alloc'\"); os.abort()",
        "MiB of memory",
    ),
    "an exception": ("raise ValueError('it rained')", "it rained"),
    "an exit": ("raise SystemExit(7)", "no reason"),
    "no answer": ("pass", "no answer"),
}


@pytest.mark.parametrize("what", DEATHS)
def test_the_death_of_a_reader_is_one_sentence(
    grids: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    death, said = DEATHS[what]
    programme(monkeypatch, death)

    with pytest.raises(UnreadableError, match=said) as error:
        read_boundaries_apart(grids)

    assert "\n" not in str(error.value)
    assert grids.name in str(error.value)


def test_a_reader_ends_with_the_process_that_waits_for_it(grids: Path, tmp_path: Path) -> None:
    parent, child = _waiting(grids, tmp_path)

    parent.kill()
    parent.wait()

    assert gone(child)


def test_an_interrupt_ends_the_reader_and_leaves_nothing(grids: Path, tmp_path: Path) -> None:
    parent, child = _waiting(grids, tmp_path)

    parent.send_signal(signal.SIGINT)

    assert parent.wait(SOON_S) == -signal.SIGINT
    assert gone(child)
    assert [p for p in tmp_path.iterdir() if p.name.startswith("wangge-")] == []


def _waiting(grids: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a process that waits for a reader, and return it with the reader's id."""
    told = folder / "pid"
    # The reader's own first step, then a long wait.
    child = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import json, os, time; from sources.confining import end_with\n"
        "end_with(json.load(sys.stdin)['parent'])\n"
        f"open({str(told) + '.new'!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(told) + '.new'!r}, {str(told)!r}); time.sleep(1000)"
    )
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path; from sources import apart\n"
        f"apart.PROGRAM = {child!r}\n"
        f"apart.read_boundaries_apart(Path({str(grids)!r}))"
    )
    parent = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 3 * SOON_S
    while not told.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return parent, int(told.read_text("ascii"))


def test_a_reading_that_is_not_wanted_any_more_is_given_up(
    grids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme(monkeypatch, "import time; time.sleep(1000)")
    asked = count()

    with pytest.raises(LimitExceededError, match="given up"):
        read_boundaries_apart(grids, unwanted=lambda: next(asked) == 3)


def test_a_ground_that_is_found_later_is_the_same_evidence(grids: Path) -> None:
    ground = Ground(shapely.box(104.90, 38.40, 104.92, 38.41), np.array([WEST, EAST], object))

    now = read_boundaries_apart(grids, ground=ground)
    later = read_boundaries_apart(grids, ground=lambda: ground)
    never = read_boundaries_apart(grids, ground=lambda: None)

    assert (later.crs, later.datum, later.notices) == (now.crs, now.datum, now.notices)
    assert never.notices == read_boundaries(grids).notices


def test_a_file_is_read_while_its_ground_is_looked_for(
    grids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work = tmp_path / "at work"
    programme(monkeypatch, f"open({str(at_work)!r}, 'w').close(); raise SystemExit('enough')")

    def find() -> None:
        end = time.monotonic() + SOON_S
        while not at_work.exists() and time.monotonic() < end:
            time.sleep(0.02)

    with pytest.raises(UnreadableError, match="enough"):
        read_boundaries_apart(grids, ground=find)
    assert at_work.exists()


def test_a_ground_that_cannot_be_found_ends_the_reading(
    grids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "pid"
    programme(
        monkeypatch,
        f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(1000)",
    )

    def find() -> None:
        end = time.monotonic() + SOON_S
        while not (told.exists() and told.read_text("ascii")) and time.monotonic() < end:
            time.sleep(0.02)
        raise BadInputError("there is no such level")

    with pytest.raises(BadInputError, match="no such level"):
        read_boundaries_apart(grids, ground=find)
    assert gone(int(told.read_text("ascii")))


# --- answers of a reader that has been taken over -------------------------------------------------


def frame(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + kind + content


def facts(**changed: object) -> bytes:
    """Return the plain values of an answer about one unit."""
    plain: dict[str, object] = {
        "file": "a",
        "sha256": "",
        "format": "GPKG",
        "layer": None,
        "encoding": "utf-8",
        "crs": "EPSG:4326",
        "datum": "WGS84",
        "columns": {},
        "codes": ["1"],
        "names": [None],
        "parents": [None],
        "properties": [{}],
        "notices": [],
        "households": [],
        "people": [],
    }
    return frame(b"F", orjson.dumps(plain | changed))


def title(**told: object) -> bytes:
    head = orjson.dumps(told)
    return len(head).to_bytes(8, "little") + head


ROWS = frame(b"A", title(name="rows", type="<i8", shape=[1]) + (1).to_bytes(8, "little"))
LAND = frame(b"G", title(name="geoms") + b"".join(wire.pack_geometries(np.array([WEST], object))))

NO_ANSWERS: dict[str, Callable[[], bytes]] = {
    "pickled code": lambda: pickle.dumps(print),
    "a pickle as a frame": lambda: frame(b"P", pickle.dumps(print)),
    "half a head": lambda: b"\x01\x00",
    "a length without end": lambda: b"\xff" * 8 + b"F{}",
    "no JSON": lambda: frame(b"F", b"{"),
    "a list for the whole": lambda: frame(b"F", b"[]"),
    "a field too many": lambda: facts(more=1) + ROWS + LAND,
    "no geometries": lambda: facts() + ROWS,
    "a code that is no text": lambda: facts(codes=[{"a": 1}]) + ROWS + LAND,
    "codes that are no list": lambda: facts(codes="1") + ROWS + LAND,
    "an unknown datum": lambda: facts(datum="MARS") + ROWS + LAND,
    "notices of another shape": lambda: facts(notices=[{"text": "x"}]) + ROWS + LAND,
    "columns of another shape": lambda: facts(columns={"codes": "x"}) + ROWS + LAND,
    "Python objects as an array": lambda: (
        facts() + LAND + frame(b"A", title(name="rows", type="|O", shape=[1]) + bytes(8))
    ),
    "an array of another length": lambda: (
        facts() + LAND + frame(b"A", title(name="rows", type="<i8", shape=[3]) + bytes(8))
    ),
    "WKB that is none": lambda: (
        facts() + ROWS + frame(b"G", title(name="geoms") + (1).to_bytes(8, "little") * 2 + b"?")
    ),
    "a count of geometries without end": lambda: (
        facts() + ROWS + frame(b"G", title(name="geoms") + b"\xff" * 8)
    ),
    "an error that is none": lambda: frame(b"E", b"7"),
    "an error and an answer": lambda: frame(b"E", b"{}") + facts() + ROWS + LAND,
}


def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: bytes) -> None:
    """Let every child answer these bytes."""
    (tmp_path / "answer").write_bytes(answer)
    programme(
        monkeypatch, f"import os; os.write(1, open({str(tmp_path / 'answer')!r}, 'rb').read())"
    )


def test_a_whole_answer_by_hand_is_understood(
    grids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, tmp_path, facts() + ROWS + LAND)

    found = read_boundaries_apart(grids)

    assert (found.codes, found.rows.tolist(), found.geoms[0]) == (["1"], [1], WEST)


@pytest.mark.parametrize("what", NO_ANSWERS)
def test_what_is_no_answer_is_not_believed(
    grids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    answering(monkeypatch, tmp_path, NO_ANSWERS[what]())

    with pytest.raises(UnreadableError, match="breaks the reader"):
        read_boundaries_apart(grids)


def test_a_reader_cannot_make_any_error_it_likes(
    grids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"code": "FORBIDDEN", "message": "no", "extensions": {}, "where": ""}
    answering(monkeypatch, tmp_path, frame(b"E", orjson.dumps(told)))

    with pytest.raises(UnreadableError, match="breaks the reader"):
        read_boundaries_apart(grids)


def test_a_reader_gets_no_secrets_with_its_environment(
    grids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:password@host/database")
    programme(monkeypatch, "import os; raise SystemExit(' '.join(os.environ))")

    with pytest.raises(UnreadableError, match="TMPDIR") as error:
        read_boundaries_apart(grids)

    assert "DATABASE_URL" not in str(error.value)
    assert "PATH" not in str(error.value).replace("LD_LIBRARY_PATH", "").split()
