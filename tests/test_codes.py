"""Codes as text: what programs did to them is undone or refused, and odd ones are named."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import UnreadableError
from sources.codes import Codes, read_codes


def read(*cells: object) -> Codes:
    return read_codes(cells, np.arange(2, len(cells) + 2), column="WGBM", file="grids.csv")


GRIDS = [f"9990010010010{n}" for n in range(10, 30)]


@pytest.mark.parametrize("digits", [6, 9, 12, 15, 20])
def test_codes_of_one_form_need_no_word(digits: int) -> None:
    codes: list[str | None] = [f"9{n:0{digits - 1}d}" for n in range(20)]

    assert read(*codes) == Codes(codes, ())


@pytest.mark.parametrize("codes", [["A-01", "B 2", "西3"], ["1", "12", "123"], ["007", "8", None]])
def test_local_codes_are_as_good(codes: list[str | None]) -> None:
    assert read(*codes) == Codes(codes, ())


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (["９９９００１", "999002"], ["999001", "999002"]),
        (["999 001", "999\u00a0002"], ["999001", "999002"]),
        (["\ufeff999001", "999\u200b002"], ["999001", "999002"]),
        (["'999001", "'999002"], ["999001", "999002"]),
        (["999001.0", "999002.00"], ["999001", "999002"]),
        (["A－１", "B"], ["A-1", "B"]),
    ],
)
def test_what_programs_add_is_taken_off_aloud(cells: list[object], codes: list[str]) -> None:
    found = read(*cells)

    assert found.texts == codes
    assert {notice.code for notice in found.notices} <= {"CODE_FORM"}
    # A mark at the end of a text is no part of any text.
    assert bool(found.notices) == (cells[0] != "\ufeff999001" or "\u200b" in str(cells[1]))


@pytest.mark.parametrize("code", ["A 12", "1.0", "东 3", "1E5", "O'Hare"])
def test_what_may_be_meant_stays(code: str) -> None:
    # 1.0 stands beside 1.1 where levels are numbered; 1E5 is a house's name.
    assert read(code, "1.1") == Codes([code, "1.1"], ())


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (9.99001001001001e17, "lost their last digits in row 2"),
        ("9.99E+14", "'9.99E+14'"),
        ("９.99e+14", "lost their last digits"),
        ("1E+20", "'1E+20'"),
        ("99900100100100112.0", "lost their last digits"),
    ],
)
def test_digits_that_are_lost_are_not_guessed(cell: object, said: str) -> None:
    with pytest.raises(UnreadableError, match="save") as refused:
        read(cell, "999001001001001")

    assert said in str(refused.value)
    assert "WGBM" in str(refused.value)
    assert refused.value.extensions["argument"] == "columns"


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("99900100100110", "1 has 14 (row 22: 99900100100110): did it lose a leading zero?"),
        ("9990010010011001", "1 has 16 (row 22: 9990010010011001)"),
        ("9990", "1 has 4 (row 22: 9990): is a digit missing?"),
        ("A-7", "1 is no number (row 22: A-7)"),
    ],
)
def test_a_code_unlike_nearly_all_others_is_named(odd: str, said: str) -> None:
    found = read(*GRIDS, odd)

    assert found.texts == [*GRIDS, odd]
    (notice,) = found.notices
    assert (notice.code, notice.feature_count) == ("CODE_FORM", 1)
    assert notice.message.startswith("20 codes have 15 digits (as grid codes have), ")
    assert said in notice.message


def test_many_odd_codes_are_counted() -> None:
    usual = [f"99900100100{n:04d}" for n in range(90)]
    odd = [f"9990010010{n:04d}" for n in range(10)]

    (notice,) = read(*usual, *odd).notices

    assert notice.feature_count == 10
    assert "and 7 more differ: did they lose a leading zero?" in notice.message


def test_codes_of_two_forms_in_like_numbers_are_a_system_of_their_own() -> None:
    assert read(*GRIDS, *[code[:12] for code in GRIDS]).notices == ()


def test_what_is_blank_once_it_is_clean_is_no_code() -> None:
    assert read("\u200b", "\u3000", "", None, "1").texts == [None, None, None, None, "1"]
