"""The words of reports: the same in every language, and numbers as people read them."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from geo.findings import Kind, Rule
from resolvers.report_pages import COUNTED
from sources.report_words import Language, Words, language_of, measure, words_of

EN, ZH = words_of(Language.EN), words_of(Language.ZH)
CHECKOUT = Path(__file__).resolve().parent.parent


def forms(text: object) -> list[str]:
    """Return a text in all its forms."""
    return list(text.values()) if isinstance(text, dict) else [str(text)]


def slots(text: object) -> set[str]:
    """Return what is put into a text."""
    found = set()
    for form in forms(text):
        found |= {name for _, name, _, _ in string.Formatter().parse(form) if name}
    return found


def test_every_text_is_there_in_every_language() -> None:
    assert EN.texts.keys() == ZH.texts.keys()


@pytest.mark.parametrize("key", sorted(EN.texts))
def test_every_language_puts_in_the_same(key: str) -> None:
    assert slots(EN.texts[key]) == slots(ZH.texts[key])


def test_chinese_is_chinese() -> None:
    # names that are the same in every language, and marks
    alike = {"page.lang", "page.day", "facts.sha256", "measures.between", "page.sentence_end"}
    alike |= {"say.parent"}
    for key, text in ZH.texts.items():
        for form in forms(text):
            words = re.sub(r"\{\w+\}", "", form)
            assert key in alike or re.search("[\u3001-\u30ff\u4e00-\u9fff\uff00-\uffef]", words), (
                key
            )


def test_every_kind_and_every_clause_has_words() -> None:
    for words in (EN, ZH):
        for kind in Kind:
            assert {"label", "say", "say_pieces"} == set(words.under(f"kinds.{kind.value}"))
        for rule in Rule:
            assert {"name", "holds", "broken"} == set(words.under(f"rules.{rule.value}"))
        for name in COUNTED:
            assert words.has(f"changes.{name}")


def test_every_notice_that_is_documented_has_a_title() -> None:
    text = (CHECKOUT / "docs" / "formats.md").read_text(encoding="utf-8")
    table = text.split("## Notices")[1].split("\n### ")[0]  # reports are of boundaries
    told = {
        code
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for code in row.split("`")[1::2]
    }

    assert len(told) > 10
    assert set(EN.under("notices")) == told


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0004, "<0.001"),
        (0.0123, "0.0123"),
        (1.5, "1.5"),
        (28.66, "28.7"),
        (30.0, "30"),
        (99.96, "100"),
        (123.4, "123"),
        (1_234_567.8, "1,234,568"),
    ],
)
def test_a_measure_has_three_digits_or_all_whole_ones(value: float, text: str) -> None:
    assert measure(value) == text


def test_large_land_is_told_in_square_kilometres() -> None:
    assert EN.area(18_250_000) == "18.25\u00a0km²"
    assert EN.area(937_281.4) == "937,281\u00a0m²"
    assert ZH.area(128) == "128\u00a0平方米"
    assert ZH.area(18_250_000) == "18.25\u00a0平方公里"


def test_one_is_told_in_its_own_form() -> None:
    assert EN("say.households", 1) == "1 household"
    assert EN("say.households", 1200) == "1,200 households"
    assert ZH("say.households", 1) == "1 户"


def test_a_long_list_says_how_many_are_left_in_english_and_how_many_there_are_in_chinese() -> None:
    names = ["a", "b", "c", "d", "e"]

    assert EN.listed(names, 5) == "a, b, c, d, e"
    assert EN.listed(names, 2) == "a, b and 3 more"
    assert ZH.listed(names, 2) == "a、b等 5 个"
    assert EN.listed(names, 5, 100) == "a, b, c, d, e and 95 more"


def test_what_is_put_in_is_never_taken_for_a_slot() -> None:
    words = Words({"greeting": "to {name}"})

    assert words("greeting", name="{0} {name.__class__}") == "to {0} {name.__class__}"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, Language.EN),
        ({"LANG": "zh_CN.UTF-8"}, Language.ZH),
        ({"LANG": "ZH_TW"}, Language.ZH),
        ({"LANG": "de_DE.UTF-8"}, Language.EN),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.EN),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN"}, Language.ZH),
        ({"LANG": "zh_CN", "LC_ALL": ""}, Language.ZH),
    ],
)
def test_the_language_is_that_of_the_locale(
    environment: dict[str, str], language: Language
) -> None:
    assert language_of(environment) is language
