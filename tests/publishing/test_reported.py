"""Reports of imports and drafts: what publishing would change, and what is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.publishing.drawing import GRIDS, plan, write_geojson
from tests.reported import page_data, table

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge

pytestmark = pytest.mark.postgis


def test_an_imports_page_says_what_publishing_would_change(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    changed = plan(
        {
            "010101": (0, 0, 200, 120),  # redrawn, with its neighbour to the north
            "010102": (0, 120, 200, 200),
            "010201": (200, 0, 400, 100),
            "010209": (200, 100, 400, 200),  # 010202 under another code
        },
    )

    town.draft("grid", write_geojson(here, changed), "--report", out, "--lang", "en")

    text = out.read_text(encoding="utf-8")
    assert "What publishing would change" in text
    for count, what in ((1, "units added"), (1, "units removed"), (2, "units redrawn")):
        assert f"<li><strong>{count}</strong> {what}</li>" in text
    assert "On this ground, but not in the file: 010202" in text


def test_the_page_of_what_is_published_at_once_says_what_changed(
    town: Wangge, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    renamed = plan(GRIDS.shapes, names={"010101": "North"})

    town.publish("grid", write_geojson(here, renamed), "--report", out, "--lang", "zh")

    text = out.read_text(encoding="utf-8")
    assert "本次发布产生的变化" in text
    assert "<strong>1</strong> 个单元更名" in text


def test_a_drafts_report_is_that_of_its_import(town: Wangge, here: Path, tmp_path: Path) -> None:
    file = write_geojson(here, plan({**GRIDS.shapes, "010101": (0, 0, 200, 97)}))
    first, later = tmp_path / "import.html", tmp_path / "draft.html"
    layers = tmp_path / "draft.gpkg"

    made = town.draft("grid", file, "--report", first, "--lang", "en", exit_code=1)
    town.ask("draft", "show", made["id"], "--report", later, "--lang", "en")
    town.ask("draft", "show", made["id"], "--report", layers)

    imported, shown = page_data(first), page_data(later)
    assert shown["rows"] == imported["rows"]
    assert shown["map"]["units"]["codes"] == imported["map"]["units"]["codes"]
    assert shown["map"]["at"] == imported["map"]["at"]
    assert "What publishing would change" in later.read_text(encoding="utf-8")
    assert table(layers, "BLANK")[1]["id"] == [
        f["id"] for f in made["report"]["findings"]["nodes"] if f["kind"] == "BLANK"
    ]


def test_what_is_waived_is_said_to_be(town: Wangge, here: Path, tmp_path: Path) -> None:
    page, layers = tmp_path / "draft.html", tmp_path / "draft.gpkg"
    file = write_geojson(here, plan({**GRIDS.shapes, "010101": (0, 0, 200, 97)}))
    made = town.draft("grid", file, exit_code=1)
    [finding] = made["report"]["findings"]["nodes"]

    town.ask("waive", finding["id"], "--reason", "a lake")
    for out in (page, layers):
        town.ask("draft", "show", made["id"], "--report", out, "--lang", "en")

    assert [row[2] for row in page_data(page)["rows"]] == [1]
    text = page.read_text(encoding="utf-8")
    assert "1 more is accepted as an exception." in text
    assert "Clean: all that is required holds" in text
    assert table(layers, "BLANK")[1]["waived"] == [True]
    assert table(layers, "summary")[1]["waived"] == [0, 1, 0, 0]
