"""Spellings of one place have one form; different places keep theirs."""

from __future__ import annotations

import csv
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sources.names import matching_form, read_number

if TYPE_CHECKING:
    from pathlib import Path

SPELLINGS = {
    "a number": ["第六网格", "第6网格", "6网格", "六网格", "第０６网格", "第 六 网格", "第陆网格"],
    "a number with units": ["第十二网格", "12网格", "第一二网格", "拾贰网格"],
    "a round number": ["二十网格", "第20网格", "二〇网格"],
    "hundreds": ["一百零三号楼", "103号楼", "一〇三号楼"],
    "traditional characters": ["龍潭區灣頭社區", "龙潭区湾头社区"],
    "traditional characters and a number": ["臺灣路第一網格", "台湾路1网格"],
    "pinyin in brackets": ["沙柳社区(Shaliu Shequ)", "沙柳社区（shāliǔ）", "沙柳社区"],
    "pinyin behind": ["沙柳社区 Shaliu Community", "沙柳社区"],
    "another name in brackets": ["沙柳社区【原河东村】", "沙柳社区〔筹建〕", "沙柳社区"],
    "punctuation": ["沙柳-社区", "沙柳·社区", "“沙柳”社区", " 沙柳　社区 "],
    "a residents' committee": ["沙柳社区", "沙柳社区居委会", "沙柳社区居民委员会", "沙柳居委会"],
    "a villagers' committee": ["沙柳村", "沙柳村委会", "沙柳村村民委员会", "沙柳村村委会"],
    "an office": ["北滩街道", "北滩街道办事处", "北灘街道辦事處", "北滩街道办"],
    "a town's government": ["沙窝镇", "沙窝镇人民政府", "沙窩鎮政府"],
    "full width": ["ＡＢ区３栋", "ab区3栋"],
    "case": ["Oak Street", "OAK STREET", "oak-street"],
}


@pytest.mark.parametrize("what", SPELLINGS)
def test_spellings_of_one_place_have_one_form(what: str) -> None:
    assert len({matching_form(name) for name in SPELLINGS[what]}) == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("第六网格", "第七网格"),
        ("第一网格", "第十一网格"),
        ("沙柳社区", "沙柳村"),
        ("沙柳社区（一）", "沙柳社区（二）"),
        ("6号楼A", "6号楼B"),
        ("北滩街道", "北滩社区"),
        ("东区", "西区"),
        ("（）", "【】"),
        ("A", "B"),
    ],
)
def test_different_places_have_different_forms(left: str, right: str) -> None:
    assert matching_form(left) != matching_form(right)


@given(
    st.text(
        st.sampled_from("第一二十百零〇两6０（）()【】网格社区村居民委员会街道办事处镇 Aａb龍龙·")
    )
    | st.text()
)
@example("第第一")
@example("一居委会")
@example("沙柳社区居委会居委会")
@example("((一))")
def test_the_form_of_a_form_is_itself(name: str) -> None:
    assert matching_form(matching_form(name)) == matching_form(name)


@given(st.integers(1, 199))
def test_a_number_is_the_same_in_both_scripts(number: int) -> None:
    digits = "零一二三四五六七八九"
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    written = digits[hundreds] + "百" if hundreds else ""
    if tens:
        # 十二 begins without 一, unless something stands before it.
        written += ("" if tens == 1 and not hundreds else digits[tens]) + "十"
    elif hundreds and ones:
        written += "零"
    written += digits[ones] if ones else ""

    assert read_number(written) == number
    assert matching_form(f"第{written}网格") == matching_form(f"{number}网格")


@pytest.mark.parametrize("text", ["十十", "六", "百十百", "网格", ""])
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_number(text) == (6 if text == "六" else None)


@pytest.mark.real
def test_no_two_neighbours_of_the_whole_country_share_a_form(real_data: Path) -> None:
    """43,000 real names: of what lies under one parent, no two are confused."""
    names = defaultdict(set)
    with (real_data / "b_china/areacity_level4.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            names[row["pid"]].add(row["ext_name"])

    forms = {parent: {matching_form(name) for name in some} for parent, some in names.items()}

    assert sum(map(len, names.values())) > 40_000
    assert [parent for parent, some in names.items() if len(forms[parent]) < len(some)] == []
    assert all(matching_form(form) == form for some in forms.values() for form in some)
