"""``wangge load facilities`` and ``wangge load programmes``: what they print, and exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.__main__ import DATA
from sources.facilities import FacilityFile, read_facilities

if TYPE_CHECKING:
    from tests.publishing.outside import Wangge

pytestmark = pytest.mark.postgis


@pytest.fixture(autouse=True)
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be read in this process: how the other one reads is tested apart."""

    def read(path: Path, *, limits: object, **asked: Any) -> FacilityFile:  # noqa: ANN401 - handed on
        del limits
        return read_facilities(path, **asked)

    monkeypatch.setattr("service.cli.load_facilities.read_facilities_apart", read)


TOWN = DATA / "facilities.csv"


def test_the_list_of_the_town_loads_once(wangge: Wangge) -> None:
    loaded = wangge.ask("load", "facilities", TOWN)
    again = wangge("load", "facilities", TOWN)

    assert loaded == {
        "added": 93,
        "changed": 0,
        "unchanged": 0,
        "ended": 0,
        "newKinds": [],
        "notices": [],
    }
    assert again.exit_code == 0
    assert "nothing changed: 93 facilities stand as before" in again.out


def test_a_changed_list_is_true_from_the_day_that_is_named(wangge: Wangge, tmp_path: Path) -> None:
    lines = TOWN.read_text(encoding="utf-8").splitlines(keepends=True)
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("".join([*lines[:3], lines[3].replace(",60,", ",61,")]), encoding="utf-8")
    wangge("load", "facilities", TOWN)

    loaded = wangge.ask("load", "facilities", fewer, "--since", "2027-01-01", "--replace")

    counts = [loaded[name] for name in ("added", "changed", "unchanged", "ended")]
    assert counts == [0, 1, 2, 90]


def test_unknown_kinds_are_refused_with_those_that_are_known(
    wangge: Wangge, tmp_path: Path
) -> None:
    file = tmp_path / "kiosks.csv"
    file.write_text("key,kind,lon,lat,hours\na,kiosk,104.9,38.4,morning\n", encoding="utf-8")

    error = wangge.failure("load", "facilities", file, exit_code=2)
    loaded = wangge("load", "facilities", file, "--new-kinds")

    assert error["code"] == "UNKNOWN"
    assert "station" in error["options"]
    assert loaded.exit_code == 0
    assert "new kinds: kiosk" in loaded.out
    assert "the opening hours of 'a' cannot be understood, e.g. 'morning'" in loaded.out


@pytest.mark.parametrize(
    ("content", "options", "exit_code", "part"),
    [
        ("key,kind,lon,lat\na,gate,38,104\n", (), 2, "latitude 104 is no degree"),
        ("key,kind,lon,lat\na,gate,104,38\n", ("--since", "soon"), 2, "'soon' is no day"),
        ("key,kind,lon,lat\na,gate,104,38\n", ("--columns", "lng=x"), 2, "'lng' is not known"),
        ("key,lon,lat\na,104,38\n", (), 2, "no column of kinds"),
        ("", (), 3, "points.csv"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    wangge: Wangge,
    tmp_path: Path,
    content: str,
    options: tuple[str, ...],
    exit_code: int,
    part: str,
) -> None:
    file = tmp_path / "points.csv"
    file.write_text(content, encoding="utf-8")

    answer = wangge("load", "facilities", file, *options)

    assert answer.exit_code == exit_code
    assert part in answer.err
    assert "Traceback" not in answer.err


def test_programmes_load_with_their_kinds(wangge: Wangge, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[[programme]]\nkey = "p"\n', encoding="utf-8")

    loaded = wangge.ask("load", "programmes", DATA / "programmes.toml")
    again = wangge("load", "programmes", DATA / "programmes.toml")
    refused = wangge("load", "programmes", bad)

    assert loaded == {
        "kinds": {"added": 0, "changed": 1, "unchanged": 2},
        "added": 4,
        "changed": 0,
        "unchanged": 0,
        "ended": 0,
    }
    assert again.exit_code == 0
    assert refused.exit_code == 2
    assert "programme 'p': it has no kinds" in refused.err
