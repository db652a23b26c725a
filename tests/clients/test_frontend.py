"""The five examples of docs/frontend.md, run as a front-end team would: other origin, real browser.

What they show is compared with the town's files.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import shapely

from geo.cells import COARSE_CELL_M
from tests import town
from tests.browser import Browser, browsing, find_browser
from tests.circles.test_town import known
from tests.clients.city import serving
from tests.clients.pages import ALONE, MAPS, origin, write_files
from tests.clients.sending import publish
from tests.node import require_node, run_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.clients.city import City, Served
    from tests.databases import Databases

COMMUNITY = "999001002003"
ONE, OTHER = f"{COMMUNITY}001", f"{COMMUNITY}002"
CHOSEN = (0xD9, 0x48, 0x0F)
"""Colour of the grid that was clicked."""
WITHIN = (0x2F, 0x9E, 0x44)
"""Colour of the land within a walk."""
NOTE_VIEWS = """
window.views = [];
window.fetch = ((plain) => (url, asked) => {
  window.views.push(JSON.parse(asked.body).variables.bbox);
  return plain(url, asked);
})(window.fetch);
0"""
"""Let the page note which boxes it asks for."""
WAIT_S = 30.0
WALK_M_A_MINUTE = 4000 / 60
"""How far one walks, where nobody says otherwise: 4 km/h."""
WIDTH, HEIGHT = 900, 600
PAGE = 10
"""Grids a page, as the tests let the example ask for them."""


IDLE = "new Promise(done => { map.once('idle', () => done(0)); map.triggerRepaint(); })"
"""The map has nothing left to load or draw."""
HITS = f"""async (spots, metres) => {{
  await {IDLE};
  const r = metres / map.unproject([0, 0]).distanceTo(map.unproject([1, 0]));
  const box = ([x, y]) => [[x - r, y - r], [x + r, y + r]];
  return spots.map((p) => map.queryRenderedFeatures(box(p), {{layers: ["circles"]}}).length > 0);
}}"""
"""Whether circles are drawn at some pixels or so many metres around, when all is drawn."""
COUNT = """([r, g, b]) => new Promise((done) => {
  map.once("render", () => { // only then is there a picture to be copied
    const drawn = map.getCanvas(), copy = document.createElement("canvas");
    [copy.width, copy.height] = [drawn.width, drawn.height];
    const pen = copy.getContext("2d");
    pen.drawImage(drawn, 0, 0);
    const d = pen.getImageData(0, 0, copy.width, copy.height).data;
    let n = 0;
    for (let i = 0; i < d.length; i += 4) n += d[i] === r && d[i + 1] === g && d[i + 2] === b;
    done(n);
  });
  map.triggerRepaint();
})"""
"""How many pixels of the map have a colour."""


class Site(NamedTuple):
    """Pages, and the service that they ask."""

    origin: str
    folder: Path
    service: Served


class Town(NamedTuple):
    """The town's grids, by their files."""

    land: dict[str, shapely.Polygon]
    names: dict[str, str]
    households: dict[str, int]


@contextmanager
def site(
    serve_copy: Callable[..., AbstractContextManager[Served]], folder: Path, **changed: str
) -> Iterator[Site]:
    """Serve the document's files, and the town to that origin alone."""
    require_node()  # which has their packages, too
    with origin(folder) as pages, serve_copy(cors_origins=(pages,)) as served:
        write_files(folder, served.address, changed)
        yield Site(pages, folder, served)


@pytest.fixture(scope="module")
def read_site(
    serve_copy: Callable[..., AbstractContextManager[Served]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Give the pages, for those that only read; lists come in pages of ten."""
    folder = tmp_path_factory.mktemp("pages")
    with site(serve_copy, folder, **{"first: 500": f"first: {PAGE}"}) as made:
        yield made


@pytest.fixture(scope="module")
def any_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a browser that finds nothing but this machine."""
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium is installed: its package is called chromium")
    with browsing(program, tmp_path_factory.mktemp("profile"), *MAPS, *ALONE) as tab:
        tab.watch_workers()
        yield tab


@pytest.fixture
def browser(any_browser: Browser) -> Iterator[Browser]:
    """Give the browser; no page may complain, nor ask anything but this machine."""
    any_browser.complaints.clear()
    any_browser.requested.clear()
    yield any_browser
    assert any_browser.complaints == []
    here = ("http://127.0.0.1:", "data:", "blob:")
    assert [url for url in any_browser.requested if not url.startswith(here)] == []
    any_browser.ask("Page.navigate", url="about:blank")


@pytest.fixture(scope="module")
def grids() -> Town:
    """Read the town's grids, and count who lives in each."""
    layer = town.layer("grid")
    land = {str(code): geom for code, geom in layer.by_code().items()}
    names = dict(zip(map(str, layer.columns["code"]), map(str, layer.columns["name"]), strict=True))
    rows, points = town.addresses()
    households = {
        code: sum(
            int(row["households"])
            for row, inside in zip(rows, shapely.covers(geom, points), strict=True)
            if inside
        )
        for code, geom in land.items()
    }
    return Town(land, names, households)


def wait(browser: Browser, script: str, expected: object = None) -> Any:  # noqa: ANN401 - any JSON
    """Wait until an expression comes to what is expected, or to anything; return it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = browser.run(script)
        if found if expected is None else found == expected:
            return found
        assert time.monotonic() < deadline, (str(found), expected, browser.complaints, script)
        time.sleep(0.02)


def show(browser: Browser, site: Site, page: str) -> None:
    """Open a page, and wait until its map is there."""
    browser.open(f"{site.origin}/{page}", width=WIDTH, height=HEIGHT)
    wait(browser, "!!window.map?.once")  # before, it is the element of that id
    settle(browser)


def settle(browser: Browser) -> None:
    """Wait until the map has nothing left to load or draw."""
    browser.run(IDLE)


def place(browser: Browser, point: shapely.Point) -> tuple[float, float]:
    """Return where a point lies in the window, in pixels."""
    x, y = browser.run(f"(p => [p.x, p.y])(map.project([{point.x}, {point.y}]))")
    return x, y


def click(browser: Browser, x: float, y: float) -> None:
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        browser.ask(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left",
            clickCount=1,
        )


def drawn(browser: Browser, colour: tuple[int, int, int]) -> int:
    """Return how many pixels of the map have a colour."""
    return int(browser.run(f"({COUNT})({list(colour)})"))


def codes(browser: Browser, where: str = "undefined") -> list[str]:
    """Return the codes of the grids that are drawn, in the whole window or at a pixel."""
    script = (
        f"map.queryRenderedFeatures({where}, {{layers: ['grids']}}).map(f => f.properties.code)"
    )
    return sorted(set(browser.run(script)))


def middle(land: shapely.Polygon) -> shapely.Point:
    """Return the point of some land that is farthest from its border."""
    circle = shapely.maximum_inscribed_circle(land)  # drawn as the radius, from the middle on
    return shapely.Point(shapely.get_coordinates(circle)[0])


def holder_of(code: str) -> str:
    """Return the name of a grid's holder, by the town's lists."""
    [body] = [
        row["body"]
        for row in town.table("assignments.csv")
        if (row["duty"], row["unit"]) == ("grid_holder", code)
    ]
    people = {row["key"]: row["name"] for row in town.table("people.csv")}
    return people[body]


def test_a_layer_shows_all_grids_and_a_click_asks_for_one(
    browser: Browser, read_site: Site, grids: Town
) -> None:
    show(browser, read_site, "layers.html")
    assert codes(browser) == sorted(grids.land)
    assert drawn(browser, CHOSEN) == 0

    x, y = place(browser, middle(grids.land[ONE]))
    click(browser, x, y)
    text = wait(browser, "document.querySelector('.maplibregl-popup-content')?.innerText")

    columns = town.layer("community").columns
    community = dict(zip(columns["code"], columns["name"], strict=True))[COMMUNITY]
    said = f"{community} {grids.names[ONE]}: {grids.households[ONE]} households, {holder_of(ONE)}"
    assert text.strip("×\n ") == said
    settle(browser)
    assert codes(browser, f"[{x}, {y}]") == [ONE]
    seen = shapely.Polygon(
        [place(browser, shapely.Point(xy)) for xy in shapely.get_coordinates(grids.land[ONE])]
    )
    # but for its border, and for what the popup hides of it nothing: that is no part of the map
    assert 0.8 * seen.area < drawn(browser, CHOSEN) <= seen.area


def test_a_page_of_an_origin_that_is_not_named_is_told_nothing(
    browser: Browser, read_site: Site
) -> None:
    with origin(read_site.folder) as stranger:
        browser.open(f"{stranger}/layers.html")
        deadline = time.monotonic() + WAIT_S
        while not any("fetch" in text for text in browser.complaints):  # the page's own: it ended
            assert time.monotonic() < deadline, browser.complaints
            browser.run("0")
        assert not browser.run("!!window.map?.once")
    browser.complaints.clear()


def test_what_is_in_view_is_listed_and_drawn_page_by_page(
    browser: Browser, read_site: Site, grids: Town
) -> None:
    show(browser, read_site, "viewport.html")
    near = middle(grids.land[ONE])
    browser.run(NOTE_VIEWS)

    for zoom, count in ((15, 19), (12, 46)):  # some grids, and all of them
        view = {"center": [near.x, near.y], "zoom": zoom}
        browser.run(f"map.jumpTo({json.dumps(view)}), 0")
        bounds = browser.run("map.getBounds().toArray().flat()")
        window = shapely.box(*bounds)
        seen = sorted(code for code, land in grids.land.items() if shapely.intersects(land, window))
        listed = [f"{grids.names[code]} {grids.households[code]}" for code in seen]

        items = "[...document.querySelectorAll('#list li')].map(item => item.textContent)"
        wait(browser, items, listed)
        settle(browser)

        pages = [box for box in browser.run("views") if box == bounds]
        assert (len(seen), len(pages)) == (count, -(-count // PAGE))
        well_in = window.buffer(-2 * (bounds[2] - bounds[0]) / WIDTH)
        plain = {code for code in seen if shapely.intersects(grids.land[code], well_in)}
        assert plain <= set(codes(browser)) <= set(seen)


def test_a_point_has_its_units_and_who_answers_there(read_site: Site, grids: Town) -> None:
    inside = middle(grids.land[ONE])

    done = run_program("where.mjs", str(inside.x), str(inside.y), folder=read_site.folder)

    assert done.stderr == ""
    levels = {6: ("区县", "district"), 9: ("街道", "subdistrict"), 12: ("社区", "community")}
    expected = []
    for length, (label, level) in levels.items():
        columns = town.layer(level).columns
        names = dict(zip(columns["code"], columns["name"], strict=True))
        expected.append(f"{label} {ONE[:length]} {names[ONE[:length]]}")
    expected.append(f"网格 {ONE} {grids.names[ONE]}")
    expected.append(f"网格长 {holder_of(ONE)}")
    assert done.stdout.splitlines() == expected


def test_a_point_outside_has_a_nearest_grid(read_site: Site, grids: Town) -> None:
    outside = shapely.Point(105.2, 38.4)

    done = run_program("where.mjs", str(outside.x), str(outside.y), folder=read_site.folder)

    apart = {code: town.apart_m(land, outside) for code, land in grids.land.items()}
    nearest = min(apart, key=apart.__getitem__)
    [line] = done.stdout.splitlines()
    start, end = f"in no grid; {grids.names[nearest]} is ", " m away"
    assert line.startswith(start)
    assert line.endswith(end)
    assert float(line[len(start) : -len(end)]) == pytest.approx(apart[nearest], rel=2e-3)


def test_a_new_edition_reaches_a_map_that_is_open(
    browser: Browser,
    serve_copy: Callable[..., AbstractContextManager[Served]],
    tmp_path: Path,
    grids: Town,
) -> None:
    mine = {code for code in grids.land if code.startswith(COMMUNITY)}
    land = {**grids.land, ONE: shapely.union(grids.land[ONE], grids.land[OTHER])}
    after = {code: (grids.names[code], land[code]) for code in sorted(mine - {OTHER})}
    with site(serve_copy, tmp_path) as made:
        show(browser, made, "live.html")
        x, y = place(browser, middle(grids.land[OTHER]))
        assert codes(browser, f"[{x}, {y}]") == [OTHER]

        number = publish(made.service, COMMUNITY, after)

        said = f"Edition {number}: 1 removed, 1 redrawn"
        wait(browser, "document.getElementById('news').textContent", said)
        settle(browser)
        assert codes(browser, f"[{x}, {y}]") == [ONE]
        assert codes(browser) == sorted(grids.land.keys() - {OTHER})
        browser.ask("Page.navigate", url="about:blank")  # or else it would go on listening


def test_an_edition_that_is_published_while_the_connection_is_lost_is_heard_of_afterwards(
    browser: Browser, databases: Databases, city: City, tmp_path: Path, grids: Town
) -> None:
    mine = {code: (name, grids.land[code]) for code, name in grids.names.items()}
    mine = {code: one for code, one in mine.items() if code.startswith(COMMUNITY)}
    with origin(tmp_path) as pages, databases.copy(city.name) as url:
        serve = partial(serving, url, city.publisher, cors_origins=(pages,))
        with serve() as first:
            write_files(tmp_path, first.address, {})
            show(browser, Site(pages, tmp_path, first), "live.html")
            number = publish(first, COMMUNITY, mine | {ONE: ("甲", grids.land[ONE])})
            said = f"Edition {number}: 1 renamed"
            wait(browser, "document.getElementById('news').textContent", said)

        with serve() as elsewhere:  # at another port, where the page does not look
            publish(elsewhere, COMMUNITY, mine | {ONE: ("乙", grids.land[ONE])})
        with serve(port=int(first.address.rpartition(":")[2])):
            said = f"Edition {number + 1}: 1 renamed"
            wait(browser, "document.getElementById('news').textContent", said)
            settle(browser)
            browser.ask("Page.navigate", url="about:blank")
    lost = [text for text in browser.complaints if "WebSocket" in text]
    browser.complaints[:] = [text for text in browser.complaints if text not in lost]


def test_a_slider_tells_who_lives_within_a_walk(browser: Browser, read_site: Site) -> None:
    show(browser, read_site, "circles.html")
    near, homes = known("station"), known("station").homes
    stations = [
        shapely.Point(float(one.values["lon"]), float(one.values["lat"])) for one in near.stands
    ]
    total = sum(int(home.values["households"]) for home in homes)
    spots = [list(place(browser, station)) for station in stations]
    hits = f"({HITS})({spots}, {COARSE_CELL_M})"  # as far as a border may be drawn beside itself
    browser.run("document.getElementById('minutes').focus()")
    areas = []

    for minutes, key in ((15, None), (10, "ArrowLeft"), (5, "ArrowLeft"), (10, "ArrowRight")):
        if key is not None:
            for kind in ("keyDown", "keyUp"):
                browser.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)
        metres = minutes * WALK_M_A_MINUTE
        inside = sum(
            int(home.values["households"])
            for home, walk in zip(homes, near.walks_m, strict=True)
            if walk <= metres
        )
        said = (
            f"{inside} of {total} households are within {minutes} minutes of one of "
            f"{len(stations)} stations"
        )
        wait(browser, "document.getElementById('share').textContent", said)
        # the picture comes a moment later
        wait(browser, hits, [True] * len(stations))
        settle(browser)
        areas.append(drawn(browser, WITHIN))

    assert areas[0] > areas[1] > areas[2] > 0
    assert areas[3] == areas[1]
