"""The circles benchmark: its towns are as said, its engines agree, and its tables are true."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
from graphql import build_schema, parse, validate

from benchmarks.circles import __main__ as program
from benchmarks.circles import book as books
from benchmarks.circles import engines
from benchmarks.circles.engines import Found, Ours, Scipy
from benchmarks.circles.files import LEVELS, write_files, write_osm
from benchmarks.circles.pictures import pictured
from benchmarks.circles.report import tell
from benchmarks.circles.rounds import Timed, WrongAnswerError, measure
from benchmarks.circles.served import COVERAGE, SLIDER, Served
from benchmarks.circles.sites import Case, sited
from benchmarks.circles.town import PLANE, make_town
from benchmarks.coverage.report import BEGIN, END
from geo.chain import chains
from resolvers.streets import join_files
from schema.build import schema
from sources.boundaries import read_boundaries
from sources.streets import read_streets
from sources.walkable import read_walkable

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.circles.engines import Engine
    from benchmarks.circles.town import Town

EDGES = 800
LIMIT_M = 1_000.0


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town(EDGES)


def test_a_town_has_about_as_many_edges_as_asked_of_the_length_of_real_ones(town: Town) -> None:
    assert len(town.streets) == pytest.approx(EDGES, rel=0.1)
    assert 65 < town.streets.length_m.mean() < 85
    assert town.streets.piece_length_m[0] > 0.95 * town.streets.piece_length_m.sum()


def test_every_home_is_on_a_street_and_every_station_on_the_largest_piece(town: Town) -> None:
    assert (np.diff(town.homes.start) == 1).all()
    assert (town.streets.piece[town.stations] == 0).all()
    assert len(set(town.stations.tolist())) == len(town.stations)


def test_the_same_town_is_drawn_again(town: Town) -> None:
    again = make_town(EDGES)

    assert again.streets.version == town.streets.version
    np.testing.assert_array_equal(again.homes_xy, town.homes_xy)


def test_the_file_of_the_streets_is_the_network(town: Town, tmp_path: Path) -> None:
    assert town.ways is not None
    write_osm(tmp_path / "town.osm.pbf", town.ways)

    read = join_files([read_streets(tmp_path / "town.osm.pbf", walkable=read_walkable())]).streets

    assert len(read) == len(town.streets)
    # coordinates of an extract are rounded to 1e-7 degrees, a centimetre
    assert read.length_m.sum() == pytest.approx(town.streets.length_m.sum(), rel=1e-5)


def test_the_levels_of_the_service_fill_one_another(town: Town, tmp_path: Path) -> None:
    files = write_files(tmp_path, town)

    sums = {
        int(chains(read_boundaries(files.units, layer=level).geoms).sum()) for level, _ in LEVELS
    }
    assert len(sums) == 1, "the same ground, vertex by vertex"


def test_engines_agree_and_are_timed_in_turn(town: Town) -> None:
    both: list[Engine] = [Ours(town), Scipy(town)]

    times = measure(town, both, LIMIT_M, 3, lambda _: None)

    assert {(row.question, row.engine, row.rounds) for row in times} == {
        (question, engine, 3)
        for question in ("circle", "thousand", "nearest")
        for engine in ("ours", "scipy")
    }
    assert all(row.seconds > 0 for row in times)


def test_engines_that_are_not_installed_are_told_and_left_out(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ImportError

    def unknown(*_: object) -> None:
        raise psycopg.errors.UndefinedFile

    monkeypatch.setattr(engines, "import_networkx", missing)
    monkeypatch.setattr(engines.PgRouting, "__init__", unknown)
    monkeypatch.setattr(program, "own_database", lambda: nullcontext(None))
    book = books.empty_book()

    with ExitStack() as stack:
        here = program.engines_of(book, town, stack, lambda _: None)

    assert [engine.key for engine in here] == ["ours", "scipy"]
    assert [row.says.partition(" ")[0] for row in book.missing] == ["networkx", "pgRouting"]


class Liar(Scipy):
    """An engine that takes one node too many in."""

    def circle(self, station: int, limit_m: float) -> Found:
        """Return a circle with a hole in its truth."""
        found = super().circle(station, limit_m)
        outside = np.setdiff1d(np.arange(2_000), found.node)[:1]
        return Found(np.append(found.node, outside), np.append(found.metres, 1.0))


class Late(Scipy):
    """An engine that walks a millimetre more."""

    def nearest(self, stations: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return walks that are too long."""
        return super().nearest(stations) + 0.001


@pytest.mark.parametrize("wrong", [Liar, Late])
def test_an_engine_that_differs_stops_the_run(town: Town, wrong: type[Scipy]) -> None:
    with pytest.raises(WrongAnswerError, match="differ"):
        measure(town, [Ours(town), wrong(town)], LIMIT_M, 1, lambda _: None)


def test_the_picture_of_a_made_up_town_is_right_for_nearly_all_homes(town: Town) -> None:
    found = pictured(town, LIMIT_M, rounds=1)

    assert 0 <= found.wrong <= 0.03 < found.disc_wrong
    assert found.homes == len(town.homes)


def test_plans_stay_below_each_others_bounds(town: Town) -> None:
    ours, highs = sited(town, Case(60, 12, 2), LIMIT_M, with_highs=True)

    assert ours.share <= highs.bound + 1e-9
    assert highs.share <= ours.bound + 1e-9
    assert ours.share >= 0.9 * highs.share


def test_what_is_asked_of_the_service_is_in_its_schema() -> None:
    contract = build_schema(schema.as_str())

    for query in (COVERAGE, SLIDER):
        assert validate(contract, parse(query)) == []


def test_the_tables_name_times_and_how_many_times_ours(tmp_path: Path) -> None:
    book = books.empty_book()
    for engine, seconds in (("ours", 0.0001), ("scipy", 0.0004)):
        book.times.append(Timed("a town", 9, "circle", engine, engine.title(), seconds, 5))
    book.missing.append(books.Missing("a town", "pgRouting", "not installed here"))
    book.served.append(Served("a town", 9, 1_234, 58, 3.0, 2.0, 0.04, 0.012, 0.875))
    books.save(tmp_path / "book.json", book)

    text = tell(books.read(tmp_path / "book.json"), {"processor": "one"})

    assert "| Ours | 0.100 ms | 1.00 | 5 |" in text
    assert "| Scipy | 0.400 ms | 4.00 | 5 |" in text
    assert "| pgRouting | not installed here |" in text
    assert "| 1,234 | 58 | 87.5% | 40.0 ms | 12.0 ms |" in text
    assert text.endswith("processor one.")


def test_a_whole_run_is_written_into_the_page_and_a_part_is_not() -> None:
    assert program.parse([]).write
    assert not program.parse(["--only", "walks"]).write
    assert not program.parse(["--table"]).write
    assert program.parse(["--only", "walks", "--write"]).write
    page = program.PAGE.read_text("utf-8")
    assert page.index(BEGIN) < page.index(END)


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.parse(["--only", "walk"])

    assert "there are walks, served, pictures, sites" in capsys.readouterr().err


def test_a_small_run_goes_through_and_prints_its_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--sizes", "400", "--only", "pictures", "--no-real", "--rounds", "1"]

    assert program.main([*arguments, "--folder", str(tmp_path)]) == 0

    assert "### The picture" in capsys.readouterr().out
    assert len(books.read(tmp_path / "circles.json").pictures) == 1


def test_the_plane_of_the_towns_is_round_their_middle(town: Town) -> None:
    assert (
        np.abs(town.streets.plane.inverse(np.zeros((1, 2))) - (PLANE.lon0, PLANE.lat0)).max() < 0.01
    )
