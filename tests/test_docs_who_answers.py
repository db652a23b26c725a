"""What docs/duties.md says of duties is so."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest
from graphql import build_schema, parse, validate
from typer.testing import CliRunner

from schema.build import schema
from service.cli import app
from storage.engine import make_engine
from storage.usual_duties import USUAL_DUTIES
from tests import test_docs
from tests.graphql.asking import told
from tests.played import TODAY, Demo, play_once
from tests.test_docs import resolve, rows, section, text_of, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Databases

PAGE = "docs/duties.md"
TEXT = text_of(PAGE)
QUERIES = re.findall(r"```graphql\n(.*?)```(?:\n\n```json\n(.*?)```)?", TEXT, flags=re.DOTALL)
"""Each query, and the answer that follows it, or nothing."""
HOLDERS = {
    (0, None): "any number",
    (0, 1): "at most 1",
    (1, None): "1 or more",
    (1, 1): "exactly 1",
}


@pytest.fixture(scope="module")
def demo(databases: Databases) -> Demo:
    return play_once(databases)


def usual() -> Iterator[tuple[str, str, list[str], str, bool, bool]]:
    """Return the duties that are told: key, name, levels, holders, several, public."""
    for duties, levels, holders, several in rows(section(TEXT, "Which duties there are")):
        public = "(not public)" not in duties
        for key, name in re.findall(r"`(\w+)` ([^\s,]+)", duties):
            yield key, name, levels.split(", "), holders, several.startswith("on several"), public


def test_the_usual_duties_are_those_that_are_told() -> None:
    known = [
        (d.key, d.name, list(d.levels), HOLDERS[d.min, d.max], d.several, d.public)
        for d in USUAL_DUTIES
    ]

    assert sorted(usual()) == sorted(known)


def test_every_command_that_is_named_exists_with_its_options() -> None:
    test_docs.test_every_command_that_is_named_exists_with_its_options(PAGE)


def test_every_command_line_is_complete() -> None:
    lines = list(typed(PAGE))

    assert len(lines) > 2
    for line in lines:
        command, arguments = resolve(line)
        # Typer keeps the type to itself; this parses, and runs nothing.
        command.make_context(line, arguments)  # type: ignore[attr-defined]


def test_every_link_leads_somewhere() -> None:
    test_docs.test_every_link_leads_somewhere(PAGE)


def test_what_a_command_prints_is_as_shown(demo: Demo) -> None:
    shown = re.search(r"^\$ (wangge duties)$(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
    assert shown is not None
    lines = [line.rstrip() for line in shown[2].splitlines() if line.strip() not in {"", "…"}]

    done = CliRunner().invoke(app, shlex.split(shown[1])[1:], env={"DATABASE_URL": demo.url})

    assert done.exit_code == 0, done.output
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert len(lines) > 5
    assert [line for line in lines if line not in printed] == []


@pytest.mark.parametrize("query", [query for query, _ in QUERIES])
def test_every_query_is_one_of_the_schema(query: str) -> None:
    assert validate(build_schema(schema.as_str()), parse(query)) == []


@pytest.mark.anyio
async def test_every_query_is_answered_as_shown(demo: Demo) -> None:
    engine = make_engine(demo.url)
    try:
        assert sum(bool(answer) for _, answer in QUERIES) > 3
        for query, answer in QUERIES:
            if answer:
                assert {"data": await told(engine, query, today=TODAY)} == json.loads(answer)
    finally:
        await engine.dispose()
