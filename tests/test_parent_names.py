"""Parents that a column names in words are matched with those that stand, or the place decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from shapely import box

from geo.check import Sent
from geo.crs import Datum
from geo.levels import LevelSpec, Tiling
from geo.world import UnitName, Units, World
from resolvers.parent_names import with_parent_codes

LEVELS = (
    LevelSpec("street", "street", None, Tiling.TILES, 0),
    LevelSpec("community", "community", "street", Tiling.TILES, 1),
    LevelSpec("grid", "grid", "community", Tiling.TILES, 2),
)


def units(codes: Sequence[str], names: Sequence[str], parents: Sequence[str | None]) -> Units:
    return replace(
        Units.none(),
        row_ids=np.arange(1, len(codes) + 1),
        geoms=np.array([box(n, 0, n + 1, 1) for n in range(len(codes))]),
        codes=codes,
        names=names,
        parent_codes=parents,
        properties=[{} for _ in codes],
    )


# Two streets; each has a 和平社区.
WORLD = World(
    levels=LEVELS,
    units={
        "street": units(["1", "2"], ["北滩街道", "南滩街道"], [None, None]),
        "community": units(
            ["101", "102", "201", "202"],
            ["沙柳社区", "和平社区", "和平社区", "第三社区"],
            ["1", "1", "2", "2"],
        ),
    },
)


def sent(*parents: str | None) -> Sent:
    count = len(parents)
    blank: list[str | None] = [None] * count
    shapes = np.array([box(n, 0, n + 1, 1) for n in range(count)])
    codes = [str(n) for n in range(count)]
    rows = np.arange(1, count + 1)
    properties: list[dict[str, object]] = [{} for _ in range(count)]
    return Sent(rows, codes, blank, parents, properties, shapes, "EPSG:4326", Datum.WGS84)


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("沙柳社区", "101"),
        ("沙柳社區", "101"),
        ("沙柳社区居委会", "101"),
        ("沙柳社区(Shaliu)", "101"),
        ("3社区", "202"),
        ("102", "102"),
        ("999", "999"),  # no name but a code that does not stand: the check refuses it
        (None, None),
    ],
)
def test_a_name_stands_for_the_unit_that_is_called_so(named: str | None, code: str | None) -> None:
    found, remarks = with_parent_codes(sent(named), "grid", WORLD)

    assert list(found.parents) == [code]
    assert [remark.code for remark in remarks] == (
        ["PARENT_NAME"] if code in {"101", "202"} else []
    )


def test_a_name_that_several_have_or_none_has_says_nothing_aloud() -> None:
    found, remarks = with_parent_codes(
        sent("和平社区", "和平社区居委会", "胡杨社区", "沙柳社区"), "grid", WORLD
    )

    assert list(found.parents) == [None, None, None, "101"]
    told = [(remark.feature_count, remark.message) for remark in remarks]
    assert [count for count, _ in told] == [1, 2, 1]
    assert "沙柳社区 is 101" in told[0][1]
    assert "several have: 和平社区, 和平社区居委会; the place decides" in told[1][1]
    assert "none has: 胡杨社区; the place decides" in told[2][1]


def test_a_name_needs_to_be_the_only_one_on_the_ground_alone() -> None:
    found, remarks = with_parent_codes(
        sent("和平社区", "沙柳社区"), "grid", WORLD, UnitName("street", "2")
    )

    assert list(found.parents) == ["201", None]
    assert [remark.feature_count for remark in remarks] == [1, 1]


def test_a_spelling_that_is_exactly_one_units_wins_over_others_of_its_form() -> None:
    world = WORLD.with_units(
        {"community": units(["101", "102"], ["第六社区", "6社区"], ["1", "1"])}
    )

    found, _ = with_parent_codes(sent("第六社区", "6社区", "六社区"), "grid", world)

    assert list(found.parents) == ["101", "102", None]


def test_the_topmost_level_has_no_parents_to_be_named() -> None:
    rows = sent("沙柳社区")

    assert with_parent_codes(rows, "street", WORLD) == (rows, [])


def test_codes_that_stand_need_no_word() -> None:
    rows = sent("101", "202", None)

    found, remarks = with_parent_codes(rows, "grid", WORLD)

    assert (list(found.parents), remarks) == (["101", "202", None], [])
