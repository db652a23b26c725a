"""Which column means what: by its name, by its values, and a question where both are silent."""

from __future__ import annotations

import pytest

from geo.errors import BadInputError, UnreadableError
from sources.choosing import Chosen, find_columns
from sources.columns import Columns, Table

GRIDS = [f"99900100100100{n}" for n in range(1, 7)]
COMMUNITIES = [code[:12] for code in GRIDS[:3]] + ["999001001002"] * 3


def find(
    columns: dict[str, list[object]], given: Columns | None = None, *, cut: bool = False
) -> Chosen:
    table = Table(list(columns), list(columns.values()), 10 if cut else None)
    return find_columns(table, given or Columns(), file="drawn.gpkg")


def texts(*values: str) -> list[object]:
    return list(values)


@pytest.mark.parametrize(
    ("code", "name", "parent", "households", "people"),
    [
        ("网格唯一编码", "网格名称", "所属社区编码", "总户数", "常住人口"),
        ("WG_CODE", "WGMC", "SSSQ", "HS", "RKS"),
        ("WGBM", "WG_NAME", "SQ_CODE", "HJHS", "ZRKS"),
        ("DYWGDM", "单元网格名称", "所在社区代码", "户籍户数", "实有人口"),
        ("Grid Code", "grid-name", "community_code", "households", "population"),
        ("社区区划代码", "社区名称", "SSJDBM", "户数", "总人口"),
        ("SQJCWHDM", "SQJCWHMC", "街道编码", "JMHS", "CZRK"),
        ("村代码", "村名", "所属乡镇", "住户数", "人口总数"),
        ("XZQDM", "XZQMC", "上级区划代码", "ZHS", "pop"),
        ("区划编码", "区划名称", "PID", "hhs", "人数"),
    ],
)
def test_columns_of_many_agencies_are_known(
    code: str, name: str, parent: str, households: str, people: str
) -> None:
    found = find(
        {
            "OBJECTID": [1, 2],
            code: texts("999001001001001", "999001001001002"),
            name: texts("一", "二"),
            parent: texts("999001001001", "999001001001"),
            households: [10, 20],
            people: [30, 40],
            "备注": texts("甲", "乙"),
        }
    )

    assert found.columns == Columns(code, name, parent, households, people)


@pytest.mark.parametrize(
    ("cut", "meaning"),
    [("网格编", "code"), ("网格唯一编", "code"), ("行政区划代", "code"), ("所属社", "parent")],
)
def test_names_cut_to_ten_bytes_are_known(cut: str, meaning: str) -> None:
    # Of UTF-8 three Chinese characters are left, of GBK five.
    found = find(
        {"MC": texts("a"), cut: texts("9"), "code" if meaning != "code" else "x": texts("8")},
        cut=True,
    )

    assert getattr(found.columns, meaning) == cut


def test_a_cut_name_that_may_mean_two_things_means_neither() -> None:
    # 社区居 is left of 社区居委会编码 as of 社区居委会名称.
    found = find({"code": texts("1", "2"), "社区居": texts("甲", "乙")}, cut=True)

    assert found.columns == Columns(code="code")


def test_one_column_that_can_be_meant_is_taken_without_a_word() -> None:
    found = find({"WGBM": list(GRIDS), "WGMC": list("abcdef"), "SQBM": list(COMMUNITIES)})

    assert found == Chosen(Columns("WGBM", "WGMC", "SQBM"), ())


def test_a_rank_above_is_told_of_with_the_values_of_both() -> None:
    found = find({"JDBM": ["999001001"] * 6, "WGBM": list(GRIDS), "SQBM": list(COMMUNITIES)})

    assert found.columns == Columns("WGBM", parent="SQBM")
    (notice,) = found.notices
    assert (notice.code, notice.feature_count) == ("COLUMNS", 6)
    assert "'WGBM': 6 of 6 values differ, 15 digits" in notice.message
    assert "'JDBM' (1 of 6 values differ, 9 digits)" in notice.message


def test_a_code_that_every_row_repeats_is_not_the_rows_code() -> None:
    # 编码 stands for the file's kind, 网格编码 for the rows.
    found = find({"编码": texts("310000") * 6, "网格编码": list(GRIDS)})

    assert found.columns.code == "网格编码"
    assert [notice.code for notice in found.notices] == ["COLUMNS"]


def test_a_code_that_others_begin_with_belongs_to_the_units_above() -> None:
    # One grid in each community: both columns differ in every row.
    communities = [f"9990010010{n}" for n in range(10, 16)]
    found = find({"编码": list(communities), "网格编码": [f"{code}001" for code in communities]})

    assert found.columns.code == "网格编码"


def test_the_word_code_wins_over_any_other_aloud() -> None:
    found = find({"编码": texts("1", "2"), "code": texts("8", "9")})

    assert found.columns.code == "code"
    assert "not from '编码'" in found.notices[0].message


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("编码", "代码"),
        ("网格编码", "WGDM"),
        ("编码", "网格编码"),
        ("code", "CODE"),
        ("osm_id", "id"),
    ],
)
def test_two_codes_that_are_equally_likely_and_differ_are_a_question(left: str, right: str) -> None:
    with pytest.raises(
        UnreadableError, match="2 columns that could be the code and differ"
    ) as asked:
        find({left: texts("A1", "A2", "A3"), right: texts("B1", "B2", "B3")})

    facts = asked.value.extensions
    assert facts["argument"] == "columns"
    options = facts["options"]
    assert isinstance(options, list)
    assert sorted(options) == sorted([f"code={left}", f"code={right}"])
    for option in options:
        answer = find(
            {left: texts("A1", "A2", "A3"), right: texts("B1", "B2", "B3")},
            Columns(code=option.removeprefix("code=")),
        )
        assert answer.columns.code == option.removeprefix("code=")


def test_two_codes_that_say_the_same_are_no_question() -> None:
    found = find({"编码": list(GRIDS), "代码": list(GRIDS)})

    assert found.columns.code == "编码"
    assert found.notices == ()


def test_a_name_for_codes_and_numbers_that_look_like_them_are_a_question() -> None:
    # The names speak for 社区编码, the values for id: a grid's own code is missing.
    with pytest.raises(UnreadableError, match="'id'"):
        find({"社区编码": texts("999001001001") * 6, "id": [1, 2, 3, 4, 5, 6]})


def test_the_code_found_twice_in_one_file_is_still_the_code() -> None:
    found = find({"code": texts("1", "1", "2", "3"), "id": [1, 2, 3, 4]})

    assert found.columns.code == "code"


def test_a_file_that_needs_no_codes_asks_no_question() -> None:
    table = Table(["编码", "代码"], [["1", "2"], ["8", "9"]])

    found = find_columns(table, Columns(), file="outline.gpkg", need_code=False)

    assert found.columns.code == "编码"
    assert [notice.code for notice in found.notices] == ["COLUMNS"]


def test_measures_are_not_offered_as_codes() -> None:
    with pytest.raises(UnreadableError) as asked:
        find({"SHAPE_Area": [1.5, 2.5], "F1": [7.0, 8.0]})

    assert asked.value.extensions["options"] == ["code=F1"]


def test_a_name_of_a_rank_above_is_not_the_units_name() -> None:
    found = find({"网格编码": list(GRIDS), "社区名称": ["沙柳社区"] * 6})

    assert found.columns == Columns("网格编码")


def test_a_second_column_of_names_or_counts_is_told_of() -> None:
    found = find(
        {
            "code": texts("1", "2"),
            "名称": texts("甲", "乙"),
            "MC": texts("丙", "丁"),
            "常住人口": [1, 2],
            "户籍人口": [3, 4],
        }
    )

    assert found.columns == Columns("code", "名称", people="常住人口")
    said = [notice.message.partition(":")[0] for notice in found.notices]
    assert said == ["name from '名称'", "people from '常住人口'"]


def test_a_blank_column_gives_way_to_one_that_says_something() -> None:
    blank: list[object] = [None, None]
    found = find({"code": texts("1", "2"), "name": blank, "MC": texts("甲", "乙")})

    assert found.columns.name == "MC"
    assert find({"code": texts("1", "2"), "name": blank}).columns.name == "name"


def test_a_given_column_is_taken_as_it_is_spelt_in_the_file() -> None:
    columns: dict[str, list[object]] = {"WGBM": list(GRIDS), "xh": list("abcdef")}

    assert find(columns, Columns(code="XH")).columns.code == "xh"
    with pytest.raises(BadInputError, match="no column 'zz'"):
        find(columns, Columns(code="zz"))
