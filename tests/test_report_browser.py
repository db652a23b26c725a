"""The report's page in a browser: its table and map do what they show, without any network."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.__main__ import DATA
from tests.browser import Browser, browsing, find_browser
from tests.publishing.drawing import GRIDS, plan, write_geojson
from tests.publishing.outside import Wangge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MISSING = "no Chromium is installed: its package is called chromium"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a browser, one for all tests here."""
    program = find_browser()
    if program is None:
        pytest.skip(MISSING)
    with browsing(program, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the reports of the town's faulty second year, in both languages."""
    folder = tmp_path_factory.mktemp("reports")
    for lang in ("en", "zh"):
        answer = Wangge("")(
            "check",
            DATA / "grids_next_year.gpkg",
            *("--within", DATA / "town.gpkg", "--within-layer", "community"),
            *("--addresses", DATA / "addresses_1.csv"),
            *("--report", folder / f"{lang}.html", "--lang", lang),
        )
        assert answer.exit_code == 1, answer
    return folder


@pytest.fixture(autouse=True)
def _quiet(browser: Browser) -> Iterator[None]:
    """Let no page complain, and none ask for anything but itself and what stands in it."""
    browser.complaints.clear()
    browser.requested.clear()
    yield
    assert browser.complaints == []
    assert [url for url in browser.requested if not url.startswith(("file:", "data:"))] == []


def column(browser: Browser, number: int) -> list[str]:
    """Return the cells of a column of the table, from 0 on."""
    cells = f"[...document.querySelectorAll('#body tr')].map(r => r.cells[{number}].innerText)"
    found: list[str] = browser.run(cells)
    return found


def as_number(text: str) -> float:
    return float(re.sub("[,<]", "", text) or 0)


def test_the_table_is_filled_largest_first_and_sorted_by_a_click(
    browser: Browser, reports: Path
) -> None:
    browser.open(reports / "en.html")
    areas = [as_number(text) for text in column(browser, 2)]

    assert len(areas) == 28
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > 1e6

    browser.run("document.querySelector('th[data-column=width] button').click()")
    widths = [as_number(text) for text in column(browser, 3)]
    assert widths == sorted(widths, reverse=True)
    assert browser.run("document.querySelector('th[aria-sort]').dataset.column") == "width"

    browser.run("document.querySelector('th[data-column=width] button').click()")
    widths = [as_number(text) for text in column(browser, 3)]
    assert widths == sorted(widths)

    browser.run("document.querySelector('th[data-column=kind] button').click()")
    kinds = [text.strip() for text in column(browser, 0)]
    assert kinds == sorted(kinds)


def test_kinds_and_words_choose_what_is_listed(browser: Browser, reports: Path) -> None:
    browser.open(reports / "zh.html")
    assert len(column(browser, 0)) == 28

    browser.run("document.querySelector('#legend [data-kind=BLANK]').click()")
    assert len(column(browser, 0)) == 20
    assert not [text for text in column(browser, 0) if "空白" in text]

    # typed as a reader types it: by the name of a unit, which the file brings along
    search = "document.getElementById('search')"
    browser.run(f"{search}.focus()")
    browser.ask("Input.insertText", text="沙柳社区第二网格")
    units = column(browser, 1)
    assert units
    assert all("沙柳社区第二网格" in text for text in units)

    browser.ask("Input.insertText", text="什么也没有")
    assert column(browser, 0) == []
    assert browser.run("document.getElementById('empty').innerText") == "没有符合条件的问题。"


def pixels(browser: Browser, colour: tuple[int, int, int]) -> int:
    """Return how many pixels of the map have a colour."""
    return int(
        browser.run(
            "(() => { const c = document.getElementById('canvas');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            f"let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i] === {colour[0]} &&"
            f" d[i + 1] === {colour[1]} && d[i + 2] === {colour[2]}; return n; }})()"
        )
    )


LAND, BLANK, OVERLAP = (0xDF, 0xE3, 0xE8), (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)


def settle(browser: Browser) -> None:
    """Wait until the map is drawn."""
    browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_the_map_shows_units_and_findings_and_leaves_out_what_is_not_chosen(
    browser: Browser, reports: Path
) -> None:
    browser.open(reports / "en.html")

    assert pixels(browser, LAND) > 50_000, "a good part of the map is the town"
    assert pixels(browser, BLANK) > 300, "rims and markers"
    assert pixels(browser, OVERLAP) > 300

    browser.run("document.querySelector('#legend [data-kind=BLANK]').click()")
    settle(browser)
    assert pixels(browser, BLANK) == 0
    assert pixels(browser, OVERLAP) > 300


def test_a_row_is_shown_on_the_map_and_a_place_on_the_map_in_the_table(
    browser: Browser, reports: Path
) -> None:
    browser.open(reports / "en.html")
    # the narrowest blank land: 0.03 m of it is nothing on the whole map
    row = "[...document.querySelectorAll('#body tr')].filter(r => /Blank/.test(r.innerText)).pop()"

    browser.run(f"{row}.querySelector('button').click()")
    settle(browser)

    assert browser.run(f"{row}.getAttribute('aria-current')") == "true"
    assert pixels(browser, BLANK) > 500, "now it is seen"

    # the middle of the map is the middle of that finding's box
    browser.run("document.querySelectorAll('#body tr')[0].querySelector('button').click()")
    assert browser.run("document.querySelectorAll('#body tr[aria-current]').length") == 1
    browser.run("scrollTo(0, 0)")
    box = browser.run("(r => [r.x, r.y, r.width, r.height])(canvas.getBoundingClientRect())")
    settle(browser)
    for kind in ("mousePressed", "mouseReleased"):
        browser.ask(
            "Input.dispatchMouseEvent",
            type=kind,
            x=box[0] + box[2] / 2,
            y=box[1] + box[3] / 2,
            button="left",
            clickCount=1,
        )
    picked = browser.run("document.querySelector('#body tr[aria-current]')?.innerText")
    assert picked is not None
    assert "Overlap" in picked


def test_keys_alone_reach_the_rows_and_move_the_map(browser: Browser, reports: Path) -> None:
    browser.open(reports / "en.html")
    rows = "[...document.querySelectorAll('#body tr')]"
    assert browser.run(f"{rows}.every(r => r.querySelector('button').tabIndex === 0)")
    assert browser.run("canvas.tabIndex") == 0

    before = pixels(browser, LAND)
    browser.run("canvas.focus()")
    for _ in range(4):
        browser.ask("Input.dispatchKeyEvent", type="keyDown", key="-", text="-")
        browser.ask("Input.dispatchKeyEvent", type="keyUp", key="-")
    settle(browser)
    assert pixels(browser, LAND) < before / 4


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_is_wider_than_the_window(
    browser: Browser, reports: Path, width: int, lang: str
) -> None:
    browser.open(reports / f"{lang}.html", width=width, height=844)

    assert browser.run("document.documentElement.scrollWidth") <= width
    too_wide: Any = browser.run(
        "[...document.querySelectorAll('body *')].filter(e => "
        f"e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert too_wide == []


CONTRAST = """(() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = (t) => t.match(/[\\d.]+/g).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return null;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest("script")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push([ratio, e.outerHTML.slice(0, 80)]);
  }
  return found;
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(browser: Browser, reports: Path, dark: bool) -> None:
    browser.open(reports / "en.html", dark=dark)
    browser.run("document.querySelectorAll('#body tr')[1].click()")

    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark
    assert browser.run(CONTRAST) == []


def test_the_page_prints_on_white(browser: Browser, reports: Path) -> None:
    browser.open(reports / "en.html", dark=True)

    printed = browser.ask("Page.printToPDF", printBackground=True)

    assert len(printed["data"]) > 20_000
    # afterwards it is dark again
    assert browser.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


HOSTILE = "<img src=x onerror='document.title=1'></script><script>document.title='taken'</script>"


def test_texts_of_a_hostile_file_do_nothing(browser: Browser, tmp_path: Path) -> None:
    file = write_geojson(
        tmp_path / "<b>grids.geojson",
        plan({HOSTILE: (0, 0, 100, 100), "b": (90, 0, 200, 100)}, names={HOSTILE: HOSTILE}),
    )
    answer = Wangge("")("check", file, "--report", tmp_path / "r.html", "--lang", "en")
    assert answer.exit_code == 1, answer

    browser.open(tmp_path / "r.html")

    assert browser.run("document.title") == "Boundary check: <b>grids.geojson"
    assert browser.run("document.images.length") == 0
    assert HOSTILE in column(browser, 1)[0]


def test_a_clean_file_has_a_page_too(browser: Browser, tmp_path: Path) -> None:
    file = write_geojson(tmp_path / "grids.geojson", GRIDS)
    answer = Wangge("")("check", file, "--report", tmp_path / "r.html", "--lang", "en")
    assert answer.exit_code == 0, answer

    browser.open(tmp_path / "r.html")

    assert browser.run("document.getElementById('empty').innerText").startswith("Nothing is wrong")
    assert pixels(browser, LAND) > 50_000
    assert BytesIO(browser.picture()).read(4) == b"\x89PNG"
