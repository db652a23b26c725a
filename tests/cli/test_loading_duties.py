"""``wangge load duties``, ``bodies`` and ``assignments``: what they print, and exit codes."""

from __future__ import annotations

import csv
import stat
from typing import TYPE_CHECKING, Any

import pytest

from sources.duties import read_duties
from sources.rosters import Roster, read_roster
from tests.listed_town import ORGANISATIONS, PEOPLE, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge

pytestmark = pytest.mark.postgis


@pytest.fixture(autouse=True)
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be read in this process: how the other one reads is tested apart."""

    def read(path: Path, *, limits: object, **asked: Any) -> Roster:  # noqa: ANN401 - handed on
        del limits
        return read_roster(path, **asked)

    monkeypatch.setattr("service.cli.rejected.read_roster_apart", read)


HEAD = ("key", "name", "member_of", "note")


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file that was sent back, as a spreadsheet reads it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_lists_of_the_town_load_once(wangge: Wangge) -> None:
    loaded = wangge.ask("load", "bodies", ORGANISATIONS, PEOPLE)
    again = wangge("load", "bodies", PEOPLE, ORGANISATIONS)

    assert {name: loaded[name] for name in ("added", "changed", "unchanged", "taken")} == {
        "added": 1435,
        "changed": 0,
        "unchanged": 0,
        "taken": True,
    }
    assert (loaded["rejected"], loaded["rejectedFiles"]) == ([], [])
    assert [(n["file"], n["code"]) for n in loaded["notices"][:2]] == [
        ("organisations.csv", "BODY_KIND"),
        ("people.csv", "BODY_KIND"),
    ]
    assert again.exit_code == 0
    assert "nothing changed: 1,435 bodies stand as before" in again.out


def test_rows_that_cannot_be_taken_come_back_and_the_others_are_taken(
    wangge: Wangge, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "people.csv",
        HEAD,
        ["a", "安", "", "=1+1"],
        ["", "薄", "", "x"],
        ["b", "陈", "", ""],
    )

    answer = wangge("load", "bodies", file, "--kind", "PERSON")
    again = wangge.ask("load", "bodies", file, "--kind", "PERSON", exit_code=1)

    back = tmp_path / "people.rejected.csv"
    assert answer.exit_code == 1, "a script must notice"
    assert "people.csv row 3: key is blank: no key" in answer.out
    assert f"1 row was not taken, with reasons: {back}" in answer.out
    assert back.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(back.stat().st_mode) == 0o600, "people's numbers are in it"
    assert rows_of(back) == [
        {
            "key": "",
            "name": "薄",
            "member_of": "",
            "note": "x",
            "row": "3",
            "reason": "key is blank: no key",
        }
    ]
    assert (again["added"], again["unchanged"]) == (0, 2)
    assert again["rejected"] == [{"file": "people.csv", "row": 3, "reason": "key is blank: no key"}]
    assert again["rejectedFiles"] == [str(tmp_path / "people.rejected-1.csv")], "none is replaced"


def test_what_was_sent_back_loads_once_it_is_mended(wangge: Wangge, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", HEAD, ["a", "安", "gone", "=1+1"])
    mended = tmp_path / "mended.csv"
    asked = ("--kind", "PERSON", "--rejected", mended)

    assert wangge("load", "bodies", file, *asked).exit_code == 1
    mended.write_text(mended.read_text(encoding="utf-8").replace("gone", ""), encoding="utf-8")
    loaded = wangge.ask("load", "bodies", mended, "--kind", "PERSON")
    back = write(tmp_path / "again.csv", HEAD, ["a", "安", "", "=1+1"])
    same = wangge.ask("load", "bodies", back, "--kind", "PERSON")

    assert loaded["added"] == 1
    assert same["unchanged"] == 1, "row and reason are no properties, and =1+1 came back as it was"


def test_all_or_nothing_takes_nothing_and_still_says_why(wangge: Wangge, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", HEAD, ["a", "安", "", ""], ["a", "薄", "", ""])

    loaded = wangge.ask("load", "bodies", file, "--kind", "PERSON", "--all-or-nothing", exit_code=1)
    answer = wangge("load", "bodies", file, "--kind", "PERSON", "--all-or-nothing")
    later = wangge.ask("load", "bodies", file, "--kind", "PERSON", exit_code=1)

    assert (loaded["taken"], loaded["added"]) == (False, 0)
    assert [row["row"] for row in loaded["rejected"]] == [3]
    assert "key 'a' was there before, in row 2" in rows_of(tmp_path / "p.rejected.csv")[0]["reason"]
    assert "nothing was taken" in answer.out
    assert later["added"] == 1


def test_rows_that_cannot_be_written_back_are_still_named(wangge: Wangge, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", HEAD, ["a", "安", "", ""], ["", "薄", "", ""])
    nowhere = tmp_path / "none" / "back.csv"

    answer = wangge("load", "bodies", file, "--kind", "PERSON", "--rejected", nowhere)

    assert answer.exit_code == 1
    assert "p.csv row 3: key is blank" in answer.out
    assert "cannot be written" in answer.err
    assert wangge.ask("load", "bodies", file, "--kind", "PERSON", exit_code=1)["unchanged"] == 1


def test_the_usual_duties_are_printed_as_a_file_that_changes_nothing(
    wangge: Wangge, tmp_path: Path
) -> None:
    printed = tmp_path / "printed.toml"
    printed.write_text(wangge("load", "duties", "--print").out, encoding="utf-8")

    same = wangge("load", "duties", printed, "--replace")
    keys = [duty.key for duty in read_duties(printed).duties]
    fewer = tmp_path / "fewer.toml"
    fewer.write_text('[[duty]]\nkey = "grid_holder"\nlevel = "grid"\nmin = 1\nmax = 1\n', "utf-8")
    loaded = wangge.ask("load", "duties", fewer, "--replace")

    assert {"grid_holder", "party_branch", "volunteer"} < set(keys)
    assert same.exit_code == 0
    assert same.out.strip() == f"nothing changed: {len(keys)} duties stand as before"
    assert loaded == {"added": 0, "changed": 1, "unchanged": 0, "removed": len(keys) - 1}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "part"),
    [
        (("duties",), 2, "say --print"),
        (("duties", "none.toml"), 3, "is not there"),
        (("bodies", "none.csv"), 3, "is not there"),
        (("bodies", PEOPLE, "--columns", "kye=x"), 2, "'kye' is not known"),
        (("bodies", PEOPLE, "--columns", "key=工号"), 2, "no column '工号'"),
        (("assignments", PEOPLE), 2, "no column of duties"),
        (("assignments", PEOPLE, "--duty", "volunteer"), 2, "no column of unit"),
        (("assignments", PEOPLE, "--since", "soon"), 2, "'soon' is no day"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_an_exit_code(
    wangge: Wangge, arguments: tuple[object, ...], exit_code: int, part: str
) -> None:
    answer = wangge("load", *arguments)

    assert answer.exit_code == exit_code, answer
    assert part in answer.err
    assert "Traceback" not in answer.err


def test_assignments_without_any_published_unit_are_refused(wangge: Wangge, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", ("duty", "body", "unit"), ("grid_holder", "a", "G1"))

    error = wangge.failure("load", "assignments", file, exit_code=2)

    assert error["code"] == "NO_EDITION"
