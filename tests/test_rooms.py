"""Where the tests' own files lie: in memory where there is plenty, on the disk elsewhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests import rooms


@pytest.fixture(autouse=True)
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANGGE_TEST_ROOM", raising=False)


def test_files_lie_on_the_disk_where_memory_is_scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "free_memory", lambda: rooms.ROOM - 1)

    assert rooms.room() == Path("/tmp")  # noqa: S108 - the disk


def test_files_lie_on_the_disk_where_there_is_no_memory_to_lie_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rooms, "MEMORY", tmp_path / "none")

    assert rooms.room() == rooms.DISK


def test_files_lie_in_memory_where_there_is_plenty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rooms, "MEMORY", tmp_path)  # a folder that we may write
    monkeypatch.setattr(rooms, "ROOM", 1)

    assert rooms.room() == tmp_path


def test_a_folder_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANGGE_TEST_ROOM", str(tmp_path))

    made = rooms.open_room()

    assert made.parent == tmp_path
    assert made.stat().st_mode & 0o777 == 0o755


def test_whoever_set_the_folder_for_temporary_files_keeps_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)  # put back afterwards
    monkeypatch.setenv("WANGGE_TEST_ROOM", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "own"))
    rooms.use_room()
    assert os.environ["TMPDIR"] == str(tmp_path / "own")

    monkeypatch.delenv("TMPDIR")
    rooms.use_room()
    assert tempfile.gettempdir() == str(tmp_path)
