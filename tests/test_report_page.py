"""The report's page: whole in one file, closed to every network, and safe with hostile texts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Point, box

from geo.crs import LocalMetric
from geo.errors import BadInputError
from geo.findings import Finding, HouseholdCover, Kind, Report, Severity, make_clauses
from resolvers import report_map, report_pages
from resolvers.inspection import Change, Inspection, Shapes
from resolvers.report_files import check_report_target, write_report
from resolvers.report_pages import page_of
from sources.report_page import render
from sources.report_words import Language, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "&lt;b&gt;",
    "]]>",
    "{{data}} {{program}}",
    "{0} {who}",
    "\u2028\u2029\u202e倒",
    "a\0b",
    "half \ud83d of a character",
)

EN, ZH = Language.EN, Language.ZH
STEP = 0.001


def square(column: int, row: int, width: float = 1) -> MultiPolygon:
    """Return a square of a hundred metres, by its place in a grid."""
    west, south = 114 + column * STEP, 30 + row * STEP
    return MultiPolygon([box(west, south, west + width * STEP, south + STEP)])


def array(geoms: Sequence[object]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    made = np.empty(len(geoms), object)
    made[:] = list(geoms)
    return made


def inspection(
    findings: Sequence[Finding],
    *,
    codes: Sequence[str] = ("01", "02"),
    file: str = "grids.gpkg",
    parents: Sequence[str] = ("0",),
    households: HouseholdCover = HouseholdCover(),  # noqa: B008 - a tuple
    disjoint: bool = False,
    notices: Sequence[tuple[str, str]] = (),
) -> Inspection:
    """Return a check of units in a row that found something."""
    units = array([square(place, 0) for place in range(len(codes))])
    report = Report(
        level="unit",
        clauses=make_clauses(findings, disjoint=disjoint),
        proven_parents=0,
        parents=max(len(parents), 1),
        area_m2=2e6,
        blank_m2=sum(f.area_m2 for f in findings if f.kind is Kind.BLANK),
        overlap_m2=0.0,
        outside_m2=0.0,
        households=households,
        findings=tuple(findings),
    )
    return Inspection(
        report=report,
        ids=[str(number) for number in range(len(findings))],
        source={
            "file": file,
            "sha256": "ab" * 32,
            "format": "GPKG",
            "layer": "grids",
            "featureCount": len(codes),
            "encoding": "UTF-8",
            "crs": "EPSG:4490",
            "datum": "WGS84",
            "notices": [{"code": c, "message": m, "featureCount": 1} for c, m in notices],
        },
        day=dt.date(2026, 1, 31),
        units=Shapes(list(codes), [f"name of {code}" for code in codes], units),
        rows=list(range(1, len(codes) + 1)),
        parents=Shapes(list(parents), list(parents), array([square(0, 0, 2) for _ in parents])),
        metric=LocalMetric(114.0, 30.0),
    )


def blank(area_m2: float = 128.0, **more: Any) -> Finding:  # noqa: ANN401 - of a finding
    """Return blank land beside unit 01."""
    plain: dict[str, Any] = {
        "level": "unit",
        "kind": Kind.BLANK,
        "message": "land of no unit",
        "geometry": square(0, 0, 0.1),
        "area_m2": area_m2,
        "width_m": 2.5,
        "units": ("01",),
        "parent": "0",
    }
    return Finding(**{**plain, **more})


class Read(HTMLParser):
    """A page as a browser's parser takes it apart."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note that an element ends, and all that it holds."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note a text and the element that it stands in."""
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def within(self, tag: str) -> list[str]:
        """Return the texts that stand right in elements of a kind."""
        return [text for name, text in self.texts if name == tag]

    @property
    def words(self) -> str:
        """What a reader sees before any script has run."""
        return " ".join(t for name, t in self.texts if name not in {"script", "style"})


def page(found: Inspection, language: Language = EN) -> str:
    words = words_of(language)
    return render(page_of(found, words), words)


def data_of(text: str) -> dict[str, Any]:
    """Return the page's data, as its program reads them."""
    found: dict[str, Any] = json.loads(
        next(t for t in Read(text).within("script") if t.startswith("{"))
    )
    return found


# -- nothing from outside -------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_the_page_refers_to_nothing_outside_itself(language: Language) -> None:
    text = page(inspection([blank()]), language)
    read = Read(text)

    assert "//" not in re.sub(r"^\s*//.*$|[^:]// .*$", "", text, flags=re.MULTILINE)
    assert "http" not in text.replace("http-equiv", "")
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & {
        tag for tag, _ in read.tags
    }
    for _, attributes in read.tags:
        assert not {"src", "href", "style", "action", "srcset"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    for forbidden in ("@import", "url(", "fetch(", "XMLHttpRequest", "WebSocket", "import("):
        assert forbidden not in text


def test_the_policy_lets_the_pages_own_style_and_program_run_and_nothing_else() -> None:
    read = Read(page(inspection([blank()])))
    [policy] = [
        str(meta["content"])
        for meta in read.of("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def fingerprint(content: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"

    [style] = read.within("style")
    program = read.within("script")[-1]
    assert rules == {
        "default-src": "'none'",
        "style-src": fingerprint(style),
        "script-src": fingerprint(program),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


# -- hostile texts --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", list(Language))
def test_texts_of_a_file_stay_texts(text: str, language: Language) -> None:
    plain = page(inspection([blank()], notices=[("ENCODING", "plain")]), language)
    found = inspection(
        [
            blank(units=(text,), parent=text),
            Finding(level="unit", kind=Kind.INVALID_RING, message=text, units=(text,), rows=(1,)),
        ],
        codes=(text, "02"),
        file=text,
        parents=(text,),
        notices=[(text, text)],
    )
    found = replace(found, against=text, change=Change(1, 1, 0, 0, 0, 0, (text,)))

    made = page(found, language)

    # the two parts about changes and the notices are more; else it is built of the same elements
    extra = {"section": 1, "h2": 1, "ul": 1, "li": 6, "strong": 6, "p": 1}
    for tag in {tag for tag, _ in Read(plain).tags} | {tag for tag, _ in Read(made).tags}:
        more = len(Read(made).of(tag)) - len(Read(plain).of(tag))
        assert more == extra.get(tag, 0), tag
    shown = text.replace("\ud83d", "\ufffd").replace("\0", "\ufffd")
    assert shown in Read(made).words
    kept = text.replace("\ud83d", "\ufffd")
    assert data_of(made)["rows"][0][3] == [kept]
    assert data_of(made)["map"]["units"]["codes"] == [kept, "02"]
    made.encode("utf-8")


def test_a_page_is_written_whatever_its_texts_are(tmp_path: Path) -> None:
    out = tmp_path / "report.html"

    write_report(out, inspection([blank(units=(t,)) for t in HOSTILE], file=HOSTILE[-1]), EN)

    assert "half \ufffd of a character" in out.read_text(encoding="utf-8")


# -- what it says ---------------------------------------------------------------------------------


def clauses_of(found: Inspection, language: Language = EN) -> dict[str, tuple[str, str]]:
    made = page_of(found, words_of(language))
    # a number and its unit stay on one line
    plain = {c.name: (c.state, c.text.replace("\u00a0", " ")) for c in made.clauses}
    assert len(plain) == len(made.clauses)
    return plain


def test_the_clauses_say_what_is_wrong_in_words() -> None:
    found = inspection([blank(100.0), blank(20.0, pieces=2), blank(8.0, waiver=7)])

    assert clauses_of(found) == {
        "Clear boundaries": (
            "holds",
            "Borders match vertex by vertex, every unit has one code, and none leaves its parent.",
        ),
        "No blank land": (
            "broken",
            "3 places, together 120 m², belong to no unit. 1 more is accepted as an exception.",
        ),
        "No overlap": ("holds", "No spot of land belongs to two units."),
        "Every household in one unit": (
            "unknown",
            "No addresses were given, so that nobody could be counted.",
        ),
    }
    assert clauses_of(found, ZH)["无空白"] == (
        "broken",
        "有 3 处土地不属于任何单元，合计 120 平方米。另有 1 处已作为例外予以认可。",
    )


def test_one_place_is_told_as_one() -> None:
    assert clauses_of(inspection([blank(128.0)]))["No blank land"] == (
        "broken",
        "1 place, 128 m², belongs to no unit.",
    )


def test_land_that_only_units_of_other_parents_claim_is_told_apart() -> None:
    found = inspection([blank(100.0), blank(20.0, rows=(2,))])

    assert clauses_of(found)["No blank land"][1] == (
        "2 places, together 120 m², belong to no unit. "
        "Of this, 20 m² is claimed only by units of other parents."
    )


def test_households_are_told_where_they_were_counted() -> None:
    lost = Finding(
        level="unit",
        kind=Kind.HOUSEHOLD_UNCOVERED,
        message="",
        geometry=Point(114, 30),
        households=5,
        addresses=("a", "b"),
        parent="0",
    )
    cover = HouseholdCover(total=1200, covered=1195, uncovered=5, doubled=0)

    assert clauses_of(inspection([lost], households=cover))["Every household in one unit"] == (
        "broken",
        "1 finding: 5 households live in no unit, 0 in several.",
    )
    assert clauses_of(inspection([], households=cover))["Every household in one unit"] == (
        "holds",
        "All 1,200 households live in exactly one unit each.",
    )


def test_blank_land_is_no_fault_of_units_that_need_not_fill_their_parents() -> None:
    found = inspection([blank(severity=Severity.WARNING)], disjoint=True)

    assert clauses_of(found)["No blank land"] == (
        "not_required",
        "The units of this level need not fill their parents. 1 place, 128 m², belongs to no unit.",
    )


SENTENCES: list[tuple[Finding, bool, str, str]] = [
    (
        blank(units=("A", "B"), borders_m=(120.04, 30.0)),
        False,
        "Land of no unit in 0, beside A (120 m of border), B (30 m of border)",
        "有一处土地不属于任何单元（位于 0），相邻单元：A（相邻边界 120 米）、B（相邻边界 30 米）",
    ),
    (
        blank(units=(), parent=None, pieces=32),
        True,
        "32 pieces of land of no unit in the outline",
        "有 32 处零碎土地不属于任何单元（位于 总轮廓）",
    ),
    (
        Finding(level="u", kind=Kind.OVERLAP, message="", units=("A", "B"), parent=None),
        False,
        "A, B claim the same land",
        "A、B 重复划入同一处土地",
    ),
    (
        Finding(level="u", kind=Kind.OVERLAP, message="", rows=(3, 4), pieces=2, parent=None),
        True,
        "rows 3, 4 claim the same 2 pieces of land in the outline",
        "第 3、4 行 重复划入 2 处零碎土地（位于 总轮廓）",
    ),
    (
        Finding(level="u", kind=Kind.OUTSIDE, message="", units=("A",), parent=None),
        False,
        "A reaches out of its parent",
        "A 超出所属上级的范围",
    ),
    (
        Finding(level="u", kind=Kind.OUTSIDE, message="", units=("A",), parent="0", pieces=3),
        False,
        "A reaches out of 0 in 3 places",
        "A 有 3 处超出 0 的范围",
    ),
    (
        Finding(level="u", kind=Kind.MISSING_CODE, message="", rows=(31,)),
        False,
        "Row 31 has no code",
        "第 31 行 没有编码",
    ),
    (
        Finding(
            level="u",
            kind=Kind.HOUSEHOLD_DOUBLED,
            message="",
            addresses=("x", "y"),
            households=1,
            units=("A", "B"),
        ),
        False,
        "2 addresses with 1 household lie in several units: A, B",
        "有 2 个地址、1 户 同时落在多个单元内：A、B",
    ),
]


@pytest.mark.parametrize(("finding", "outline", "english", "chinese"), SENTENCES)
def test_a_finding_is_a_sentence(
    finding: Finding, outline: bool, english: str, chinese: str
) -> None:
    found = inspection([finding], parents=() if outline else ("0",))

    assert data_of(page(found))["rows"][0][8] == english
    assert data_of(page(found, ZH))["rows"][0][8] == chinese


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("language", list(Language))
def test_every_kind_can_be_said_with_nothing_known(kind: Kind, language: Language) -> None:
    for pieces in (1, 2):
        finding = Finding(level="u", kind=kind, message="m", pieces=pieces)
        row = data_of(page(inspection([finding]), language))["rows"][0]

        assert row[0] == kind.value
        assert row[8]
        assert "{" not in row[8]


def test_the_head_says_what_was_checked_and_when() -> None:
    found = replace(
        inspection([blank()], notices=[("ENCODING", "its bytes are GB18030")]),
        stored=True,
        draft=7,
        base_edition=3,
        change=Change(1, 2, 3, 4, 5, 6, ("09", "10")),
    )

    words = Read(page(found)).words
    chinese = Read(page(found, ZH)).words

    for said in ("grids.gpkg", "ab" * 32, "2026-01-31", "EPSG:4490", "its bytes are GB18030"):
        assert said in words
        assert said in chinese
    assert "Not clean" in words
    assert "On this ground, but not in the file: 09, 10" in words
    assert re.search(r"3\s+units redrawn", words)
    assert "在本范围内、但文件中没有的单元：09、10" in chinese
    assert re.search(r"3\s+个单元调整边界", chinese)


def test_a_clean_report_says_so() -> None:
    found = inspection([])

    assert "Clean: all that is required holds" in Read(page(found)).words
    assert data_of(page(found))["rows"] == []


# -- the map --------------------------------------------------------------------------------------


def test_a_finding_points_at_the_units_that_it_names() -> None:
    findings = [
        blank(units=("02", "01")),
        Finding(level="unit", kind=Kind.MISSING_CODE, message="", rows=(2,)),
        Finding(level="unit", kind=Kind.ORPHAN, message="", units=("nobody",)),
    ]

    assert data_of(page(inspection(findings)))["map"]["at"] == [[1, 0], [1], []]


def test_units_without_a_shape_and_findings_without_a_place_are_borne() -> None:
    found = inspection([Finding(level="unit", kind=Kind.NO_GEOMETRY, message="", rows=(1,))])
    found = replace(
        found,
        units=found.units._replace(geoms=array([None, None])),
        parents=Shapes([], [], array([])),
    )

    drawn = data_of(page(found))["map"]

    assert drawn["units"]["dimensions"] == "--"
    assert drawn["findings"]["points"] == [None]


def test_what_lies_too_far_away_to_be_drawn_is_left_out() -> None:
    # the other side of the earth has no place in the projection
    found = inspection([blank(geometry=box(-66.0001, -30.0001, -65.9999, -29.9999))])

    drawn = data_of(page(found))["map"]

    assert np.isfinite(drawn["findings"]["stepM"])


def rough(centre: tuple[float, float], vertices: int) -> MultiPolygon:
    """Return a star of many vertices, some tens of metres wide."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radius = STEP * (0.4 + 0.05 * np.cos(angle * vertices / 4))
    ring = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + centre
    return MultiPolygon([shapely.Polygon(ring)])


def test_many_vertices_are_thinned_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_map, "MAX_VERTICES", 200)
    found = inspection([blank()])
    stars = array([rough((114, 30), 400), rough((114.002, 30), 400)])
    found = replace(found, units=found.units._replace(geoms=stars))

    data = data_of(page(found))

    assert data["map"]["units"]["toleranceM"] > 0
    assert [note for note in data["notes"] if "drawn simplified" in note]
    assert len(data["map"]["units"]["steps"]) < 2500, "400 vertices of 6 bytes in base 64"


def test_too_many_units_are_left_out_but_those_near_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_map, "MAX_UNITS", 2)
    found = inspection([blank(geometry=square(4, 0, 0.5))], codes=[f"0{i}" for i in range(6)])

    data = data_of(page(found))

    assert data["map"]["units"]["dimensions"].count("2") == 2
    assert data["map"]["units"]["dimensions"][4] == "2"
    assert any("2 of 6 units are drawn" in note for note in data["notes"])


def test_findings_of_many_vertices_are_drawn_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_map, "MAX_FINDING_VERTICES", 100)

    data = data_of(page(inspection([blank(geometry=rough((114, 30), 2000))])))

    assert data["map"]["findings"]["coarseM"] > 0
    assert any("findings are drawn simplified" in note for note in data["notes"])


def test_only_the_largest_of_too_many_findings_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_pages, "MOST_LISTED", 3)
    found = inspection([blank(float(area)) for area in (50, 40, 30, 20, 10)])

    data = data_of(page(found))

    assert [row[5] for row in data["rows"]] == [50, 40, 30]
    assert any("3 largest of 5 findings" in note for note in data["notes"])


def test_ten_thousand_findings_make_a_page_of_some_megabytes() -> None:
    places = [square(i % 100, i // 100, 0.01) for i in range(10_000)]
    found = inspection([blank(geometry=place) for place in places])

    assert len(page(found).encode()) < 10e6


# -- where it is written --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["report.htm", "report", "report.pdf", ".html"])
def test_a_name_that_says_no_kind_of_report_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match=r"names no kind of report.*\.html, \.geojson") as told:
        check_report_target(tmp_path / name)

    assert ".gpkg" in str(told.value)


@pytest.mark.parametrize("suffix", [".html", ".gpkg", ".geojson"])
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()

    with pytest.raises(BadInputError, match="is a directory"):
        check_report_target(folder)
    with pytest.raises(BadInputError, match="make it first"):
        check_report_target(tmp_path / "nowhere" / f"report{suffix}")
    check_report_target(tmp_path / f"REPORT{suffix.upper()}")


@pytest.mark.parametrize("suffix", [".html", ".gpkg"])
def test_what_stood_there_stays_when_writing_fails(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"report{suffix}"
    out.write_text("as before", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(BadInputError, match="No space left on device; choose another place"):
        write_report(out, inspection([blank()]), EN)

    assert out.read_text(encoding="utf-8") == "as before"
    assert [file.name for file in tmp_path.iterdir()] == [out.name], "nothing is left beside it"
