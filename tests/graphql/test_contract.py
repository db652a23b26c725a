"""Our schema against the public contract, and against its committed text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from graphql import (
    DangerousChange,
    DangerousChangeType,
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    find_dangerous_changes,
    is_introspection_type,
    is_specified_scalar_type,
)

from schema import print as printing
from schema.print import COMMITTED, difference, main, printed

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = Path(printing.__file__).with_name("contract.graphql")

NOT_YET_TYPES: set[str] = set()
NOT_YET_FIELDS: set[str] = set()
"""What of the contract is not offered yet. Whoever offers it takes it out here."""


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text("utf-8"))


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return build_schema(printed())


def test_nothing_of_the_contract_is_broken_or_missing_but_what_is_listed(
    contract: GraphQLSchema, ours: GraphQLSchema
) -> None:
    listed = {f"{name} was removed." for name in NOT_YET_TYPES}
    for name in NOT_YET_FIELDS:
        kind = "Argument" if name.endswith(":)") else "Field"
        listed.add(f"{kind} {name} was removed.")

    broken = {change.description for change in find_breaking_changes(contract, ours)}

    assert broken - listed == set(), "broken"
    assert listed - broken == set(), "offered now: take it off the list"


def test_nothing_of_the_contract_is_changed_dangerously(
    contract: GraphQLSchema, ours: GraphQLSchema
) -> None:
    # graphql-core calls another default value dangerous, and a new value of an enum. It compares
    # texts, and 1.0 is printed as 1: so the values themselves are looked at, too.
    changes = find_dangerous_changes(contract, ours)
    of_default = DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE
    # The contract allows more arguments that may be left out: no query of it has them.
    more = DangerousChangeType.OPTIONAL_ARG_ADDED
    assert [c for c in changes if c.type not in {of_default, more}] == []
    defaults = [c for c in changes if c.type is of_default]
    assert [c for c in defaults if default_of(contract, c) != default_of(ours, c)] == []


def default_of(schema: GraphQLSchema, change: DangerousChange) -> object:
    """Return the default value of the argument that a change speaks of."""
    named = re.match(r"(\w+)\.(\w+)\((\w+):\)", change.description)
    assert named is not None, change
    kind, field, argument = named.groups()
    of_type: Any = schema.type_map[kind]  # an object type or an interface
    return of_type.fields[field].args[argument].default_value


def described(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Yield the name and the description of a type and of all that belongs to it."""
    yield kind.name, kind.description
    if isinstance(kind, GraphQLEnumType):
        parts: dict[str, Any] = kind.values  # several types have descriptions alike
    else:
        parts = getattr(kind, "fields", {})
    for key, part in parts.items():
        yield f"{kind.name}.{key}", part.description
        for argument, value in getattr(part, "args", {}).items():
            yield f"{kind.name}.{key}({argument}:)", value.description


def test_everything_is_described(ours: GraphQLSchema) -> None:
    blank = [
        name
        for kind in ours.type_map.values()
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
        for name, description in described(kind)
        if not description
    ]

    assert blank == []


def test_the_committed_text_is_up_to_date() -> None:
    assert difference() == ""


def test_a_text_that_is_out_of_date_is_shown_with_the_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "schema.graphql"
    old.write_text(COMMITTED.read_text("utf-8").replace("onBorder", "onEdge"), "utf-8")
    monkeypatch.setattr(printing, "COMMITTED", old)
    monkeypatch.setattr(printing, "difference", lambda: difference(old))

    failed = main(["--check"])
    shown = capsys.readouterr()
    written = main([])

    assert failed == 1
    assert "-  onEdge" in shown.out
    assert "+  onBorder" in shown.out
    assert "python -m schema.print" in shown.err
    assert written == 0
    assert difference(old) == ""
