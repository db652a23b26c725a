"""Reading a tree of levels, and saying why one is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import BadInputError, UnreadableError
from geo.levels import DEFAULT_LEVELS, LevelSpec, Tiling, by_rank, tree_problems
from sources.levels import read_levels


def write(folder: Path, text: str) -> Path:
    path = folder / "levels.toml"
    path.write_text(text, encoding="utf-8")
    return path


def level(key: str, parent: str | None, tiling: Tiling = Tiling.TILES) -> LevelSpec:
    return LevelSpec(key, key, parent, tiling, 0)


def test_the_default_levels_are_a_tree_in_order() -> None:
    assert tree_problems(DEFAULT_LEVELS) == []
    assert by_rank(DEFAULT_LEVELS) == DEFAULT_LEVELS
    assert [item.key for item in DEFAULT_LEVELS if item.tiling is Tiling.DISJOINT] == ["compound"]


def test_levels_are_read_in_depth_first_order(tmp_path: Path) -> None:
    #   country > district > commune
    #           > police > beat         (two partitions side by side)
    path = write(
        tmp_path,
        """
        [[level]]
        key = "beat"
        parent = "police"
        [[level]]
        key = "country"
        name = "Land"
        [[level]]
        key = "district"
        parent = "country"
        tiling = "TILES"
        [[level]]
        key = "police"
        parent = "country"
        [[level]]
        key = "commune"
        parent = "district"
        tiling = "DISJOINT"
        """,
    )

    levels = read_levels(path)

    assert [item.key for item in levels] == ["country", "district", "commune", "police", "beat"]
    assert [item.rank for item in levels] == [0, 1, 2, 3, 4]
    assert levels[0] == LevelSpec("country", "Land", None, Tiling.TILES, 0)
    assert levels[2].tiling is Tiling.DISJOINT


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([], "no level is the topmost one"),
        ([level("a", "b"), level("b", "a")], "a > b > a"),
        ([level("a", "a")], "a > a"),
        ([level("a", None), level("b", None)], "('a', 'b')"),
        ([level("a", None), level("b", "c")], "parent 'c' of level 'b' is not there"),
        ([level("a", None), level("a", None)], "'a' is there 2 times"),
        ([level("a", None, Tiling.DISJOINT)], "must have tiling TILES"),
        (
            [level("a", None), level("b", "a", Tiling.DISJOINT), level("c", "b")],
            "hangs under 'b', which is DISJOINT",
        ),
        ([level("Grid", None)], "small letters"),
        ([level("1st", None)], "small letters"),
        ([level("a" * 33, None)], "1 to 32"),
    ],
)
def test_what_is_no_tree_is_said(levels: list[LevelSpec], said: str) -> None:
    problems = tree_problems(levels)

    assert any(said in problem for problem in problems), problems
    with pytest.raises(ValueError, match="level"):
        by_rank(levels)


def test_a_cycle_beside_a_tree_is_named_once() -> None:
    levels = [
        level("top", None),
        level("a", "b"),
        level("b", "c"),
        level("c", "a"),
        level("d", "a"),
    ]

    assert tree_problems(levels) == ["levels hang under each other: a > b > c > a"]


def test_all_problems_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        colour = "red"
        [[level]]
        key = "top"
        tiling = "DISJOINT"
        [[level]]
        key = "low"
        parent = "nowhere"
        tilling = "TILES"
        [[level]]
        key = "third"
        parent = "top"
        tiling = "COVERS"
        """,
    )

    with pytest.raises(BadInputError) as error:
        read_levels(path)

    for said in (
        "'colour'",
        "'tilling' in level 2",
        "'COVERS' of level 3",
        "'nowhere'",
        "DISJOINT",
    ):
        assert said in str(error.value)
    assert error.value.extensions["argument"] == "levels"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('level = "grid"', "two brackets"),
        ('[level]\nkey = "a"', "two brackets"),
        ("[[level]]\nname = '网格'", "level 1 has no key"),
        ("[[level]]\nkey = 5", "key of level 1 must be text in quotes"),
        ("# nothing", "no level is the topmost one"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        read_levels(write(tmp_path, text))


def test_broken_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="line 2"):
        read_levels(write(tmp_path, '[[level]]\nkey = "grid\n'))


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "levels.toml"
    path.write_bytes('[[level]]\nkey = "grid"\nname = "网格"\n'.encode("gbk"))

    with pytest.raises(UnreadableError, match="line 3"):
        read_levels(path)


def test_a_missing_levels_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="not there"):
        read_levels(tmp_path / "none.toml")
    with pytest.raises(UnreadableError, match="directory"):
        read_levels(tmp_path)
