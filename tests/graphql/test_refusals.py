"""What was refused once is refused again without reading, and tells nothing that it should not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from graphql import GraphQLError

from geo.errors import BadInputError
from schema import limits
from schema.build import schema
from schema.limits import Limits
from schema.refusals import LONGEST, Refusals

pytestmark = pytest.mark.anyio

DEEP = "{ levels " + "{ parent " * 101 + "{ key }" + " }" * 102
"""Brackets nested more deeply than is read."""
BROKEN = "{ levels { key }\n  } }"


async def test_a_text_is_read_once_to_be_refused_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REFUSALS", Refusals())
    again = None
    for text in (DEEP, BROKEN):
        first = await schema.execute(text)
        with monkeypatch.context() as patched:
            patched.setattr(limits, "read", None)  # it would fail if it were called
            again = await schema.execute(text)

        assert first.errors
        assert again.errors
        assert [one.formatted for one in again.errors] == [one.formatted for one in first.errors]
    assert again is not None
    assert [one.locations for one in again.errors or ()] == [[(2, 5)]], "the last bracket"


async def test_a_text_like_one_that_was_refused_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REFUSALS", Refusals())
    assert (await schema.execute("{ __typename } }")).errors
    assert (await schema.execute("{ __typename }  ")).data == {"__typename": "Query"}


def test_the_latest_refusals_are_kept_and_long_ones_are_not() -> None:
    refusals = Refusals(most=2)
    for text in "abc":
        refusals.keep(text, BadInputError(f"no {text}"))
    refusals.keep("long", BadInputError("x" * (LONGEST + 1)))

    refusals.require_new("a")
    refusals.require_new("long")
    for text in "bc":
        with pytest.raises(BadInputError, match=f"no {text}"):
            refusals.require_new(text)


def test_what_is_kept_of_a_refusal_is_a_sentence_and_its_places() -> None:
    refusals = Refusals()
    refusals.keep("{", GraphQLError("a bracket is open", positions=[1]))

    assert list(refusals._held.values()) == [("a bracket is open", (1,))]


@pytest.mark.parametrize(
    ("query", "variables", "name"),
    [
        ("{ levelz { key } }", None, "levels"),
        ('{ units(levl: "grid") { totalCount } }', None, "level"),
        ("query ($p: PointInput!) { placeAt(point: $p) { onBorder } }", {"p": {"lonn": 1}}, "lon"),
        (
            'mutation ($p: PointInput!) { putFacility(key: "a", kind: "b", name: "c", location: $p)'
            " { key } }",
            {"p": {"lonn": 1}},
            "lon",
        ),
    ],
)
async def test_names_are_suggested_only_to_those_who_may_ask_for_the_schema(
    query: str, variables: dict[str, object] | None, name: str
) -> None:
    async def said(*, introspection: bool) -> str:
        context = SimpleNamespace(limits=Limits(introspection=introspection))
        answer = await schema.execute(query, variable_values=variables, context_value=context)
        return " ".join(error.message for error in answer.errors or ())

    for _ in range(2):  # also of what is remembered
        assert f"Did you mean '{name}'" in await said(introspection=True)
        hidden = await said(introspection=False)
        assert hidden
        assert "Did you mean" not in hidden
