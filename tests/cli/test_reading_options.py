"""What is said of a file with the command or kept for its sender, and what is asked back."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from geo.findings import Report, make_clauses
from service.cli.reporting import show_notices, show_report
from tests.publishing.drawing import COMMUNITIES, DISTRICT, GRIDS, write_geojson, write_ogr
from tests.publishing.outside import CHECKOUT, Wangge

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

NAMED = replace(COMMUNITIES, names={"0101": "沙柳社区", "0102": "胡杨社区"})
SPOKEN = {
    "010101": "沙柳社区",
    "010102": "沙柳社區",
    "010201": "胡杨社区居委会",
    "010202": "胡杨社区",
}


@pytest.fixture
def named(wangge: Wangge, here: Path) -> Wangge:
    """Give a program on a district with two communities that have names."""
    wangge.publish("district", write_geojson(here, DISTRICT))
    wangge.publish("community", write_geojson(here, NAMED))
    return wangge


def renamed(file: Path, **columns: str) -> Path:
    """Give a file's columns other names."""
    text = file.read_text(encoding="utf-8")
    for old, new in columns.items():
        text = text.replace(f'"{old}":', f'"{new}":')
    file.write_text(text, encoding="utf-8")
    return file


# --- parents known by name ----------------------------------------------------------------------


def test_parents_named_in_words_are_those_that_stand(
    named: Wangge, stored: Stored, here: Path
) -> None:
    file = renamed(write_geojson(here, replace(GRIDS, parents=SPOKEN)), parent="所属社区")

    made = named.draft("grid", file, "--publish")

    told = {n["code"]: n["featureCount"] for n in made["source"]["notices"]}
    assert (told["PARENT_NAME"], told["PARENT"]) == (4, 4)
    assert made["source"]["columns"]["parent"] == "所属社区"
    rows = "SELECT code, parent_code, properties->>'所属社区' FROM unit WHERE level = 'grid'"
    assert stored.rows(f"{rows} ORDER BY code") == [
        (code, code[:4], said) for code, said in SPOKEN.items()
    ]


def test_a_name_that_the_place_contradicts_blocks_as_a_code_does(named: Wangge, here: Path) -> None:
    wrong = SPOKEN | {"010101": "胡杨社区"}
    file = renamed(write_geojson(here, replace(GRIDS, parents=wrong)), parent="所属社区")

    made = named.draft("grid", file, exit_code=1)
    again = named.ask("draft", "recheck", made["id"], exit_code=1)

    (found,) = made["report"]["findings"]["nodes"]
    assert (found["kind"], found["severity"]) == ("WRONG_PARENT", "BLOCKING")
    assert "names 0102" in found["message"]
    assert [f["id"] for f in again["findings"]["nodes"]] == [found["id"]]


def test_a_name_that_nobody_has_leaves_it_to_the_place(named: Wangge, here: Path) -> None:
    odd = SPOKEN | {"010101": "沙枣社区"}
    file = renamed(write_geojson(here, replace(GRIDS, parents=odd)), parent="所属社区")

    made = named.draft("grid", file)

    told = [n["message"] for n in made["source"]["notices"] if n["code"] == "PARENT_NAME"]
    assert len(told) == 2
    assert "1 unit(s) say their community by a name that none has: 沙枣社区" in told[1]


def test_a_check_of_files_knows_parents_by_name_too(wangge: Wangge, tmp_path: Path) -> None:
    parents = write_geojson(tmp_path / "parents.geojson", NAMED)
    drawn = write_geojson(tmp_path / "grids.geojson", replace(GRIDS, parents=SPOKEN))

    report = wangge.ask("check", renamed(drawn, parent="所属社区"), "--within", parents)

    assert ("PARENT_NAME", 4) in [(n["code"], n["featureCount"]) for n in report["notices"]]


# --- presets ------------------------------------------------------------------------------------


def test_a_check_says_that_no_column_is_known_as_the_code(wangge: Wangge, tmp_path: Path) -> None:
    file = renamed(write_geojson(tmp_path / "1.geojson", DISTRICT), code="xh")

    told = wangge.ask("check", file, exit_code=1)["notices"]
    named = wangge.ask("check", file, "--columns", "code=xh")["notices"]

    [said] = [notice for notice in told if notice["code"] == "COLUMNS"]
    assert "--columns code=COLUMN names one of 'xh'" in said["message"]
    assert named == []


def test_a_preset_that_fits_the_files_name_is_taken_aloud(
    wangge: Wangge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '[[preset]]\nname = "龙潭"\nfiles = "龙潭*"\ncolumns = { code = "xh" }\n'
    (tmp_path / "wangge.toml").write_text(text, encoding="utf-8")
    file = renamed(write_geojson(tmp_path / "龙潭_1.geojson", DISTRICT), code="xh")
    other = renamed(write_geojson(tmp_path / "1.geojson", DISTRICT), code="xh")

    made = wangge.draft("district", file, "--dry-run")
    checked = wangge.ask("check", file)
    refused = wangge.failure("import", other, "--level", "district", exit_code=3)
    chosen = wangge.draft("district", other, "--dry-run", "--preset", "龙潭")

    assert made["source"]["columns"]["code"] == "xh"
    notices = [(n["code"], n["featureCount"]) for n in made["source"]["notices"]]
    assert notices == [("PRESET", 1), ("DATUM_UNTESTED", 1)]
    assert "PRESET" in [n["code"] for n in checked["notices"]]
    assert refused["options"] == ["code=xh"]
    assert chosen["source"]["columns"]["code"] == "xh"


def test_an_option_wins_over_the_preset(wangge: Wangge, tmp_path: Path) -> None:
    text = '[[preset]]\nname = "a"\nfiles = "*"\ncolumns = { code = "nope", name = "xm" }\n'
    kept = tmp_path / "kept.toml"
    kept.write_text(text, encoding="utf-8")
    drawn = replace(DISTRICT, names={"01": "驼铃县"})
    file = renamed(write_geojson(tmp_path / "a.geojson", drawn), code="xh", name="xm")

    options = ("--presets", kept, "--columns", "code=xh")
    made = wangge.draft("district", file, "--dry-run", *options)

    columns = {k: v for k, v in made["source"]["columns"].items() if v}
    assert columns == {"code": "xh", "name": "xm"}


def test_a_preset_without_its_file_is_wrong_use(
    wangge: Wangge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_geojson(tmp_path / "a.geojson", DISTRICT)

    assert (
        "no wangge.toml" in wangge.failure("check", file, "--preset", "a", exit_code=2)["message"]
    )
    assert wangge.failure("check", file, "--presets", tmp_path / "no.toml", exit_code=3)
    (tmp_path / "wangge.toml").write_text("[[preset]]\nnme = 1\n", encoding="utf-8")
    assert "'nme' of preset 1" in wangge.failure("check", file, exit_code=2)["message"]


# --- questions ----------------------------------------------------------------------------------


def test_a_question_lists_its_answers_as_they_are_typed(wangge: Wangge, tmp_path: Path) -> None:
    file = write_geojson(tmp_path / "two.geojson", COMMUNITIES)
    text = file.read_text(encoding="utf-8")
    for code in COMMUNITIES.shapes:
        text = text.replace(f'"code": "{code}"', f'"编 码": "A{code}", "代码": "B{code}"')
    file.write_text(text, encoding="utf-8")

    answer = wangge("import", file, "--level", "community", "--dry-run")
    failure = wangge.failure("import", file, "--level", "community", "--dry-run", exit_code=3)

    assert answer.exit_code == 3
    assert answer.err.splitlines()[-1] == (
        "choose one: --columns 'code=编 码' | --columns code=代码"
    )
    assert failure["argument"] == "columns"
    assert failure["options"] == ["code=编 码", "code=代码"]


def test_what_is_guessed_of_the_parents_is_told_and_can_be_kept(
    wangge: Wangge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_geojson(tmp_path / "grids.geojson", GRIDS)
    parents = write_ogr(tmp_path / "parents.shp", COMMUNITIES, "ESRI Shapefile")
    parents.with_suffix(".prj").unlink()

    guessed = wangge.ask("check", file, "--within", parents)
    text = '[[preset]]\nname = "p"\nfiles = "parents*"\ncrs = "EPSG:4326"\n'
    (tmp_path / "wangge.toml").write_text(text, encoding="utf-8")
    kept = wangge.ask("check", file, "--within", parents)

    told = [n["message"] for n in guessed["notices"]]
    assert any(said.startswith("parents.shp: ") and "coordinate" in said for said in told)
    told = [n["message"] for n in kept["notices"] if n["message"].startswith("parents.shp: ")]
    assert len(told) == 1
    assert "preset 'p'" in told[0]


def test_a_question_about_the_parents_says_where_its_answer_goes(
    wangge: Wangge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_geojson(tmp_path / "grids.geojson", GRIDS)
    town = CHECKOUT / "fixtures/data/town.gpkg"
    text = "".join(f'[[preset]]\nname = "{name}"\nfiles = "town*"\n' for name in "ab")

    layers = wangge("check", file, "--within", town)
    (tmp_path / "wangge.toml").write_text(text, encoding="utf-8")
    presets = wangge("check", file, "--within", town)

    assert (layers.exit_code, presets.exit_code) == (3, 3)
    assert "choose one: --within-layer " in layers.err
    assert "--layer" not in layers.err
    assert "let one pattern fit only" in presets.err
    assert "choose one" not in presets.err


# --- the edition's day --------------------------------------------------------------------------


def test_an_import_can_say_the_day_of_its_edition(
    wangge: Wangge, stored: Stored, here: Path
) -> None:
    file = write_geojson(here, DISTRICT)

    made = wangge.draft("district", file, "--publish", "--effective-on", "2026-01-31")
    wider = replace(DISTRICT, names={"01": "驼铃县"})
    mended = wangge.draft("district", write_geojson(here, wider), "--publish", "--correction")

    assert made["publishedAs"]["effectiveOn"] == "2026-01-31"
    assert mended["publishedAs"]["effectiveOn"] == "2026-01-31"
    assert stored.rows("SELECT number, correction FROM edition ORDER BY number") == [
        (1, False),
        (2, True),
    ]


@pytest.mark.parametrize("option", [("--effective-on", "2026-01-31"), ("--correction",)])
def test_the_day_of_an_edition_needs_an_edition(
    wangge: Wangge, here: Path, option: tuple[str, ...]
) -> None:
    file = write_geojson(here, DISTRICT)

    failure = wangge.failure("import", file, "--level", "district", *option, exit_code=2)

    assert "--publish" in failure["message"]


# --- apart, and on a terminal -------------------------------------------------------------------


def test_a_file_read_apart_is_the_file_read_here(wangge: Wangge, here: Path) -> None:
    file = write_geojson(here, replace(DISTRICT, names={"01": "驼铃县"}))

    here_read = wangge.draft("district", file, "--dry-run")
    apart = Wangge(wangge.url, apart=True).draft("district", file, "--dry-run")

    assert apart == here_read


def lines(shown: RenderableType | None) -> list[str]:
    """Return what a terminal of 80 columns shows."""
    out = io.StringIO()
    Console(file=out, width=80, highlight=False, markup=False).print(shown)
    return out.getvalue().splitlines()


def test_notices_fit_a_terminal_and_count_their_features() -> None:
    said = "code from 'WGBM': 46 of 46 values differ, 15 digits; not from 'JDBM' (3 of 46 values)"

    shown = lines(show_notices([("CODE_FORM", said, 12_345), ("COLUMNS", "short", 46)]))

    assert max(map(len, shown)) <= 80
    assert shown[1].split() == ["notice", "features", "what"]
    (first,) = [line for line in shown if "CODE_FORM" in line]
    assert first.split()[:2] == ["CODE_FORM", "12,345"]


def test_the_figures_of_a_city_stay_whole_on_a_terminal() -> None:
    report = Report(
        level="grid",
        clauses=make_clauses((), disjoint=False),
        proven_parents=10,
        parents=10,
        area_m2=1.99e9,
        blank_m2=1_234_567.89,
        overlap_m2=12_345_678.9,
        outside_m2=937_281.26,
    )

    shown = lines(show_report(report))

    assert max(map(len, shown)) <= 80
    for figure in ("1,990.00", "1,234,568", "12,345,679", "937,281"):
        assert any(figure in line.split() for line in shown), figure
