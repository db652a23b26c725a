"""What is kept of questions' texts takes little, also of those that were wrong."""

from __future__ import annotations

from schema.build import schema
from schema.limits import _core
from schema.shape import EACH_CHARACTERS, FIELD_CHARACTERS, MOST_SHAPES, Texts, read

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
    assert 60 <= len(kept) <= 100
    assert kept == list(range(1_000 - len(kept), 1_000)), "the latest"


def doubling(number: int, depth: int) -> str:
    """Return a short text of 2 ** depth names, and two shapes."""
    spread = "parent { ...F%d } ancestors { ...F%d }"
    fragments = [f"fragment F{n + 1} on Unit {{ {spread % (n, n)} }}" for n in range(depth)]
    unit = f'unit(level: "grid", code: "{number}") {{ ...F{depth} name @skip(if: $no) }}'
    head = f"query ($no: Boolean!) {{ {unit} }} fragment F0 on Unit {{ name }}"
    return " ".join([head, *fragments])


def test_fields_of_fragments_count_wherever_they_are_spread() -> None:
    known = read(doubling(0, 8))

    # unit and name; on the way down 2, 4 ... 2 ** 8 fields with a spread below each, and one above
    # all of them; then the names
    assert known.fields == 2 + 1 + 2 * (2**9 - 2) + 2**8
    assert known.shapes == 2, "with the name and without"


def test_short_texts_of_many_fields_are_fewer() -> None:
    text = doubling(0, 8)
    each = EACH_CHARACTERS + 2 * FIELD_CHARACTERS * read(text).fields
    texts = Texts(room=20 * each)
    for number in range(100, 140):
        texts.keep(doubling(number, 8), read(doubling(number, 8)))

    kept = [number for number in range(100, 140) if texts.held(doubling(number, 8)) is not None]
    assert kept == list(range(140 - len(kept), 140))
    assert 18 <= len(kept) < 20, "their letters take something, too"


def test_no_more_shapes_are_counted_than_are_kept() -> None:
    names = [f"v{n}" for n in range(10)]
    given = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"... @include(if: ${name}) {{ {name}: __typename }}" for name in names)

    assert read(f"query ({given}) {{ {fields} }}").shapes == MOST_SHAPES
    assert read("{ __typename @skip(if: false) }").shapes == 1


def test_a_text_that_takes_most_of_the_room_pushes_nothing_out() -> None:
    texts = Texts(room=8 * (EACH_CHARACTERS + 2 * FIELD_CHARACTERS * read(doubling(0, 6)).fields))
    texts.keep(doubling(1, 6), read(doubling(1, 6)))
    known = texts.keep(doubling(2, 8), read(doubling(2, 8)))

    assert known.fields > 0, "it is answered all the same"
    assert texts.held(doubling(1, 6)) is not None
    assert texts.held(doubling(2, 8)) is None
