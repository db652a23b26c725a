"""The GraphQL benchmark: its city is as said, contenders agree, and its tables are true."""

from __future__ import annotations

import json
import os
import stat
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from graphql import GraphQLObjectType, build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.coverage.report import BEGIN, END
from benchmarks.graphql import __main__ as program
from benchmarks.graphql import book as books
from benchmarks.graphql import strawberry_app
from benchmarks.graphql.city import CommandError, Server, ground_of, publish, scatter
from benchmarks.graphql.facts import facts_of
from benchmarks.graphql.load import load, quoted, script
from benchmarks.graphql.questions import (
    IN_VIEW,
    QUESTIONS,
    SAME_DEG,
    Facts,
    difference,
    draw_sample,
    drawn,
    plain,
    tile_of,
    tiled,
)
from benchmarks.graphql.report import put_into_readme, tell
from benchmarks.graphql.rounds import Timed, WrongAnswerError, agree, contenders_of
from benchmarks.graphql.servers import NotHereError, Running, running
from benchmarks.graphql.speakers import (
    Ours,
    OursCollected,
    OursForgetful,
    RefusedError,
    Request,
    Speaker,
    Strawberry,
    Tipg,
    ask,
)
from benchmarks.graphql.tiles import Feature, read_tile
from benchmarks.processes import cpu_s, pss_mib
from schema.build import schema
from tests.bench_city import ADDRESSES, GRIDS, published

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from graphql import GraphQLSchema

    from benchmarks.graphql.city import Ground
    from benchmarks.graphql.questions import Sample
    from service.cluster import Cluster
    from tests.databases import Databases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def ground(folder: Path) -> Ground:
    return ground_of(folder, GRIDS)


@pytest.fixture(scope="module")
def sample(ground: Ground) -> Sample:
    return draw_sample(ground, holders=True)


@pytest.fixture(scope="module")
def server(databases: Databases, cluster: Cluster, folder: Path) -> Server:
    return published(databases, cluster, folder)


# -- the city ---------------------------------------------------------------------------------


def test_addresses_lie_inside_their_grids_as_many_in_each(ground: Ground) -> None:
    homes = scatter(ground, 3 * GRIDS)

    inside = shapely.contains_xy(ground.cells[np.arange(3 * GRIDS) % GRIDS], homes)
    assert inside.all()


def test_the_plain_tables_tell_the_published_city_with_a_holder_for_each_grid(
    server: Server, folder: Path
) -> None:
    with server.connect() as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT holder_id), sum(households),"
            " bool_and(ST_IsValid(geom)) FROM peers.grid"
        ).fetchone()
        households = ADDRESSES * 2  # one, two and three in turn
        assert row == (GRIDS, GRIDS, households, True)
    said: list[str] = []
    publish(server, folder, said.append, grids=GRIDS, addresses=ADDRESSES)
    assert said == ["the city is there already"]
    with pytest.raises(CommandError, match="holds 300 grids"):
        publish(server, folder, said.append, grids=600, addresses=ADDRESSES)


def test_a_view_touches_nearly_as_many_grids_as_it_may_and_no_border_by_a_hair(
    folder: Path,
) -> None:
    views = draw_sample(ground_of(folder, 2_000), holders=False).viewports

    cells = ground_of(folder, 2_000).cells
    boxes = np.array([shapely.box(*view) for view in views])
    touched = shapely.intersects(boxes[:, None], cells).sum(axis=1)
    assert touched.max() <= IN_VIEW
    assert touched.min() > 0.9 * IN_VIEW
    wider = shapely.buffer(boxes, 1e-6, join_style="mitre")
    assert (shapely.intersects(wider[:, None], cells).sum(axis=1) == touched).all()


def test_a_point_is_in_the_tile_that_the_map_says() -> None:
    # zoom 1 has four tiles: west and east of Greenwich, north and south of the equator
    assert tile_of(-90.0, 45.0, 1) == (0, 0)
    assert tile_of(90.0, -45.0, 1) == (1, 1)
    assert tile_of(0.0, 85.0511, 2) == (2, 0)


# -- answers ----------------------------------------------------------------------------------


def square(x: float) -> dict[str, Any]:
    ring = [[x, 0.0], [x + 1, 0.0], [x + 1, 1.0], [x, 0.0]]
    return {"type": "MultiPolygon", "coordinates": [[ring]]}


def test_answers_are_the_same_up_to_the_last_decimal_and_whatever_their_order() -> None:
    ours = drawn([{"code": "a", "geometry": square(1.0)}, {"code": "b", "geometry": square(2.0)}])
    near = [{"code": "b", "geometry": square(2.0 + 1e-7)}, {"code": "a", "geometry": square(1.0)}]
    far = [{"code": "b", "geometry": square(2.0 + 3e-7)}, {"code": "a", "geometry": square(1.0)}]

    assert difference(ours, drawn(near)) is None
    assert difference(ours, drawn(far)) == "coordinates differ by 3e-07 degrees"
    assert SAME_DEG < 2e-7


@pytest.mark.parametrize(
    ("theirs", "how"),
    [
        (plain([["a", 1], ["b", 3]]), "2 is not 3"),
        (plain([["a", 1]]), "2 are not 1"),
        (plain(None), "[['a', 1], ['b', 2]] is not None"),
        (Facts([["a", 1], ["b", 2]], np.zeros((1, 2))), "0 vertices are not 1"),
    ],
)
def test_where_answers_differ_first_is_told(theirs: Facts, how: str) -> None:
    assert difference(plain([["a", 1], ["b", 2]]), theirs) == how


def test_a_tile_says_which_units_are_in_it(server: Server) -> None:
    with server.connect() as connection:
        row = connection.execute(
            """
            SELECT ST_AsMVT(t, 'grid', 4096, 'geom', 'id'), array_agg(t.code ORDER BY t.code)
            FROM (SELECT id, code, name, households, 0.5 AS share, false AS flag,
                      ST_AsMVTGeom(ST_Transform(geom, 3857), ST_Transform(box, 3857)) AS geom
                  FROM peers.grid, ST_SetSRID(ST_EstimatedExtent('peers', 'grid', 'geom'), 4326) box
            ) t
            """
        ).fetchone()
    assert row is not None
    tile, codes = row
    assert isinstance(tile, bytes)

    found = read_tile(tile)
    assert sorted(str(one.attributes["code"]) for one in found) == codes
    assert sorted(one.number or 0 for one in found) == list(range(1, GRIDS + 1))
    assert found[0].attributes.keys() == {"code", "name", "households", "share", "flag"}
    assert sum(int(one.attributes["households"] or 0) for one in found) == 2 * ADDRESSES
    assert read_tile(b"") == []
    with pytest.raises(ValueError, match="no vector tile"):
        read_tile(b"\x1b\x00\x00")


def tile_with(wkt: str, households: int) -> str:
    """Return the SQL of a tile in which one unit lies, in steps from its upper left corner."""
    return f"""
        SELECT ST_AsMVT(t, 'grid', 4096, 'geom', 'id')
        FROM (SELECT 7 AS id, 'a' AS code, 'A' AS name, {households} AS households,
                  ST_GeomFromText('{wkt}') AS geom) t"""


@pytest.mark.parametrize(
    ("wkt", "area"),
    [
        ("POLYGON((0 0, 100 0, 100 50, 0 50, 0 0))", 5_000.0),
        ("POLYGON((0 0, 100 0, 100 50, 0 50, 0 0), (10 10, 10 20, 20 20, 20 10, 10 10))", 4_900.0),
        (
            "MULTIPOLYGON(((0 0, 60 0, 60 9, 0 9, 0 0)), ((0 20, 60 20, 60 30, 0 30, 0 20)))",
            1_140.0,
        ),
        ("POLYGON((-64 0, 100 0, 100 50, -64 50, -64 0))", 5_000.0),
        ("POLYGON((4000 4000, 4160 4000, 4160 4160, 4000 4160, 4000 4000))", 96.0**2),
    ],
    ids=["plain", "with a hole", "of two parts", "beyond the west", "beyond a corner"],
)
def test_a_unit_takes_its_land_within_the_tile(server: Server, wkt: str, area: float) -> None:
    with server.connect() as connection:
        row = connection.execute(tile_with(wkt, 3).encode()).fetchone()
    assert row is not None
    assert isinstance(row[0], bytes)

    (unit,) = read_tile(row[0])

    assert unit.number == 7
    assert unit.attributes == {"code": "a", "name": "A", "households": 3}
    assert unit.area() == area


def test_tiles_are_the_same_if_units_take_about_the_same_of_them() -> None:
    def fact(side: float, households: int = 3) -> Facts:
        told: dict[str, str | int | None] = {"code": "a", "name": "A", "households": households}
        speck = Feature(8, told | {"code": "b"}, shapely.box(0, 0, 19, 19))
        return tiled([speck, Feature(7, told, shapely.box(0, 0, side, side))])

    # two steps off on each of its four sides, and no more
    assert difference(fact(1_000), fact(996.1)) is None
    assert difference(fact(1_000), fact(994)) == "1000000 square steps are not 988036"
    assert difference(fact(1_000), fact(1_000, 4)) == "3 is not 4"
    assert fact(1_000).words == [["a", "A", 3]], "specks are there or not by rounding"


# -- contenders -------------------------------------------------------------------------------


class Deaf(Ours):
    """Our service's questions, where nobody runs."""

    def __init__(self) -> None:
        told = {"units": {"pageInfo": {"endCursor": "x"}}, "editions": {"nodes": [{"number": 4}]}}
        super().__init__(lambda _: json.dumps({"data": told}).encode())


class DeafForgetful(OursForgetful, Deaf):
    """The same of the one that keeps no tiles."""


@pytest.mark.parametrize("holders", [False, True])
def test_what_is_asked_of_us_and_of_strawberry_is_in_the_schemas(
    sample: Sample, holders: bool
) -> None:
    plainly = build_schema(strawberry_app.schema.as_str())
    contracts: list[tuple[Speaker, GraphQLSchema]] = [(Strawberry(), plainly)]
    ours = build_schema(schema.as_str())
    unit = ours.get_type("Unit")
    assert isinstance(unit, GraphQLObjectType)
    if "assignments" in unit.fields or not holders:
        contracts.append((Deaf(), ours))

    for speaker, contract in contracts:
        for asking in speaker.asks(sample._replace(holders=holders)).values():
            if asking[0][0].body:
                assert validate(contract, parse(json.loads(asking[0][0].body)["query"])) == []


def test_all_grids_are_asked_for_in_as_many_pages_as_we_have(sample: Sample) -> None:
    asks = Deaf().asks(sample._replace(grids=6_000))

    assert len(asks["all"][0]) == 6
    assert {len(asks[key][0]) for key in asks.keys() - {"all"}} == {1}
    assert {len(Tipg().asks(sample)[key][0]) for key in ("viewport", "all", "tile")} == {1}


def test_tiles_are_asked_for_under_the_edition_s_number(sample: Sample) -> None:
    asks = Deaf().asks(sample)["tile"]
    new = DeafForgetful().asks(sample)["new-tile"]

    x, y = sample.tiles[0]
    assert asks[0] == [Request(f"/tiles/4/grid/14/{x}/{y}.mvt")]
    assert len(new) == len(sample.new_tiles) > len(asks)
    assert new[0][0].path.startswith("/tiles/4/grid/15/")
    assert [len(asking) for asking in Tipg().asks(sample).values()][2:] == [len(asks), len(new)]


class Liar(Strawberry):
    """A service that is one household off."""

    key, says = "liar", "Liar"

    def read(self, question: str, answers: Sequence[bytes]) -> Facts:
        """Return what is not so."""
        facts = super().read(question, answers)
        words = json.loads(json.dumps(facts.words))
        words[0][0][2] += 1
        return Facts(words, facts.lonlat)


def test_the_service_and_plain_strawberry_agree_and_a_liar_stops_the_run(
    server: Server, sample: Sample
) -> None:
    with ExitStack() as stack:
        ours = stack.enter_context(running("ours", server))
        plainly = stack.enter_context(running("strawberry", server))
        asked = sample._replace(
            holders=Ours(ours.fetch).has_holders(),
            viewports=sample.viewports[:3],
            points=sample.points[:9],
            batches=sample.batches[:3],
        )
        speakers: list[tuple[Speaker, Running]] = [
            (Ours(ours.fetch), ours),
            (OursCollected(ours.fetch), ours),
            (Strawberry(), plainly),
            (Liar(), plainly),
        ]
        contenders = contenders_of(speakers, asked)
        said: list[str] = []
        for question in ("viewport", "nested", "point", "batch", "all"):
            agree(question, contenders[:3], said.append)
        with pytest.raises(WrongAnswerError, match=r"Liar: viewport, variant 0, .*: \d+ is not"):
            agree("viewport", contenders, said.append)
        with pytest.raises(RefusedError, match="no level 'x'"):
            Ours(ours.fetch).read("all", [ours.fetch(ask('{ units(level: "x") { totalCount } }'))])
        with pytest.raises(ValueError, match="404"):
            ours.fetch(Request("/nothing"))
        assert 30 < pss_mib(ours.pid) < 2_000
        assert cpu_s(ours.pid) > 0.5

    assert said[2] == "  point: ours, strawberry agree"
    assert len(said) == 5


def test_servers_that_are_not_installed_are_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def only_ours(key: str, _server: Server) -> Iterator[Running]:
        if not key.startswith("ours"):
            raise NotHereError("not installed here")
        yield Running(1, 1)

    monkeypatch.setattr(program, "running", only_ours)
    missing: list[books.Missing] = []
    with ExitStack() as stack:
        nowhere = Server("", "", "", 1)
        found = program.start(nowhere, ["strawberry"], stack, missing, lambda _: None)

    assert [speaker.key for speaker, _ in found] == ["ours", "ours-collected", "ours-forgetful"]
    assert [row.says for row in missing] == ["PostGraphile, graphile-postgis", "tipg"]


# -- load -------------------------------------------------------------------------------------

_FAKE = """#!/bin/sh
echo "$@" >{told}
echo 'Running 1s test'
echo 'JSON{{"requests":60,"us":2000000,"bytes":614400,"p50":1500,"p99":9000,"errors":0}}'
"""


def test_an_answer_of_six_requests_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "wrk"
    fake.write_text(_FAKE.format(told=tmp_path / "told"))
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    here = Running(8000, os.getpid())

    found = load(here, tmp_path / "s.lua", 6, clients=16, seconds=2, database=os.getpid())

    assert found.answers_s == pytest.approx(60 / 6 / 2.0)
    assert (found.p50_ms, found.p99_ms) == (1.5, 9.0)
    assert found.kib == pytest.approx(600 / 10)
    assert (tmp_path / "told").read_text().split() == [
        *("-t1", "-c16", "-d2s", "--timeout", "60s", "-s"),
        *(str(tmp_path / "s.lua"), "http://127.0.0.1:8000"),
    ]


def test_without_wrk_a_sentence_says_what_fetches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert program.main(["--folder", str(tmp_path)]) == 1
    assert "bench-setup.sh graphql" in capsys.readouterr().err


@given(st.text(alphabet="]=[ab", max_size=12))
def test_the_first_closing_bracket_of_a_lua_text_is_its_last(text: str) -> None:
    told = quoted(text)
    signs = told[1 : told.index("[", 1)]

    assert told == f"[{signs}[{text}]{signs}]"
    assert told.index(f"]{signs}]") == len(told) - len(signs) - 2


def test_a_script_holds_all_requests_of_all_variants() -> None:
    asking = [[Request("/a", '{"query":"x"}')], [Request("/b"), Request("/c")]]

    text = script(asking)

    assert text.count("{[[GET]]") == 2
    assert text.count("{[[POST]]") == 1
    assert '[[{"query":"x"}]]' in text
    assert "%%" not in text, "Lua sees each sign once"


# -- tables -----------------------------------------------------------------------------------


def timed(question: str, contender: str, answers_s: float, **more: Any) -> Timed:  # noqa: ANN401 - fields
    told = {"clients": 1, "requests": 1, "errors": 0, "pss_mib": 120.4} | more
    return Timed(
        question=question,
        contender=contender,
        says=contender.title(),
        rounds=3,
        answers_s=answers_s,
        p50_ms=2.5,
        p99_ms=250.0,
        kib=518.0,
        cpu_ms=1.25,
        database_ms=0.5,
        **told,
    )


def test_the_tables_say_how_many_times_as_many_answers_ours_gives(tmp_path: Path) -> None:
    times = [
        timed("viewport", "ours", 150.0),
        timed("viewport", "postgraphile", 30.0, pss_mib=360.0),
        timed("viewport", "ours", 300.0, clients=16),
        timed("viewport", "postgraphile", 25.0, clients=16, errors=2),
        timed("all", "ours", 3.0, requests=6),
        timed("tile", "tipg", 100.0),
        timed("new-tile", "tipg", 50.0),
        timed("new-tile", "ours-forgetful", 200.0),
    ]
    missing = [books.Missing("Strawberry", "not installed here")]
    books.save(tmp_path / "b.json", books.Book(times, missing, {"processor": "one"}, holders=False))

    text = tell(books.read(tmp_path / "b.json"))

    assert "| Postgraphile | 5 × | 5.00 × with 1, 12 × with 16 |" in text
    assert "| Postgraphile | 1 | 30 | 5.00 | 2.5 ms | 250 ms | 1.25 ms | 0.5 ms | 518 KiB |" in text
    assert "| Postgraphile | 16 | 25 (2 errors) | 12 |" in text
    assert "| Ours (6 pages) | 1 | 3 | 1.00 |" in text
    assert "| Tipg | 3 × | not asked yet |" in text
    assert "| Tipg | 1 | 100 |  |" in text
    assert "| Tipg | 3 × | 4.00 × with 1 |" in text
    assert "| Tipg | 1 | 50 | 4.00 |" in text
    assert "| memory of the service |  | < 250 MiB | 120 MiB |" in text
    assert "| Postgraphile | 360 MiB |" in text
    assert "| Strawberry |  | not installed here |" in text
    assert "does not tell holders" in text
    assert text.endswith("processor one.")


def test_facts_name_the_machine_and_the_database(server: Server) -> None:
    facts = facts_of(server)

    assert {"processor", "PostgreSQL", "PostGIS", "strawberry-graphql"} <= facts.keys()
    assert facts["PostGIS"].startswith("3.")


def test_a_whole_run_is_written_into_the_page_and_a_part_is_not() -> None:
    assert program.parse([]).write
    assert program.parse(["--database", "kept"]).write
    for part in (
        *(["--only", "point"], ["--without", "tipg"], ["--rounds", "1"]),
        *(["--table"], ["--agree"], ["--grids", "300"]),
    ):
        assert not program.parse(part).write, part
    assert program.parse(["--only", "point", "--write"]).write
    assert [question.key for question in QUESTIONS] == program.parse([]).only
    page = program.PAGE.read_text("utf-8")
    assert page.index(BEGIN) < page.index(END)


def test_what_is_promised_is_put_into_the_page_that_all_read_first() -> None:
    book = books.Book(
        [timed("point", "ours", 8.0), timed("point", "postgraphile", 4.0)], [], {}, True
    )
    page = program.README.read_text("utf-8")

    written = put_into_readme(page, book)

    assert "| Postgraphile | 2 × | 2.00 × with 1 |" in written
    assert put_into_readme(written, book) == written
    assert written.partition("<!-- graphql")[0] == page.partition("<!-- graphql")[0]
    with pytest.raises(ValueError, match="lacks"):
        put_into_readme("a page", book)


def test_an_unknown_question_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.parse(["--only", "view"])

    assert (
        "there are viewport, nested, point, batch, all, tile, new-tile" in capsys.readouterr().err
    )
