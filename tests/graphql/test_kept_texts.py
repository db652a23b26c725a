"""What is kept of questions' texts takes little, also of those that were wrong."""

from __future__ import annotations

from schema.build import schema
from schema.limits import _core
from schema.shape import EACH_CHARACTERS, Texts, read

WRONG = "{ units(level: 3) { no%d } }"
"""A literal of the wrong kind, which is found by raising, and a field that is not there."""


def test_what_was_wrong_with_a_text_holds_nothing_of_what_found_it() -> None:
    known = read(WRONG % 1)
    problems = known.judge(_core(schema))

    assert len(problems) == 2
    assert known.judged(_core(schema)) is problems
    for problem in problems:
        for error in (problem, problem.original_error):
            assert error is None or error.__traceback__ is None


def test_short_texts_are_few() -> None:
    texts = Texts(room=100 * EACH_CHARACTERS)
    for number in range(1_000):
        text = WRONG % number
        texts.keep(text, read(text))

    kept = [number for number in range(1_000) if texts.held(WRONG % number)]
    assert 80 <= len(kept) <= 100
    assert kept == list(range(1_000 - len(kept), 1_000)), "the latest"
