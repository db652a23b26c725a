"""What docs/formats.md says of facilities and programmes is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from geo.facility_rules import RuleKind, read_rule
from resolvers.opening import understood
from sources.facilities import read_facilities
from sources.programmes import read_programmes
from storage import facility_kinds
from tests.test_docs import FORMATS, rows, section, words

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

FACILITIES = section(FORMATS, "Facilities")
MEANINGS = {"floor_area_m2": "floor_areas", "name": "labels", "opening_hours": "opening_hours"}


def usual_names() -> Iterator[tuple[str, str]]:
    """Return each usual name of a column that is told, and what it means."""
    for meaning, told in rows(FACILITIES.split("These kinds")[0]):
        parts = [part.split(":")[0] for part in told.split("; or ")[0].split(";")]
        names = [name for part in parts for name in words(part) if name.isidentifier()]
        if meaning == "since, until":
            yield from (("since", name) for name in words(parts[0]))
            yield from (("until", name) for name in words(parts[1]))
        elif meaning != "lon, lat":
            yield from ((meaning, name) for name in names)


@pytest.mark.parametrize(("meaning", "name"), list(usual_names()))
def test_the_usual_names_of_columns_are_known(meaning: str, name: str, tmp_path: Path) -> None:
    columns = {"key": "key", "kind": "kind", "lon": "lon", "lat": "lat"}
    cell = "2026-01-31" if meaning in {"since", "until"} else "7"
    cells = {"key": "k", "kind": "gate", "lon": "104.9", "lat": "38.4", meaning: cell}
    columns[meaning] = name
    path = tmp_path / "drawn.csv"
    text = f"{','.join(columns.values())}\n{','.join(cells[one] for one in columns)}\n"
    path.write_text(text, encoding="utf-8")

    found = read_facilities(path)

    field = MEANINGS.get(
        meaning, meaning if meaning in {"since", "until", "rooms"} else f"{meaning}s"
    )
    [value] = getattr(found, field)
    assert value == {"floor_area_m2": 7.0, "rooms": ["7"]}.get(meaning, cell)
    assert found.properties == [{}]


def test_the_columns_that_are_told_are_all_there_are() -> None:
    assert {meaning for meaning, _ in usual_names()} == {
        "key",
        "kind",
        "name",
        "floor_area_m2",
        "rooms",
        "opening_hours",
        "since",
        "until",
        "compound",
    }


def test_the_opening_hours_that_are_shown_can_be_understood() -> None:
    shown = re.findall(r"`([^`\n]*\d:\d\d[^`\n]*|24/7)`", FACILITIES)

    assert len(shown) == 2
    assert all(understood(hours) for hours in shown)


@pytest.mark.anyio
async def test_the_kinds_that_are_told_are_there_from_the_beginning(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        kinds = await facility_kinds.kinds(connection)

    told = rows(FACILITIES.split("These kinds are there")[1])
    assert sorted((words(key)[0], name, tuple(words(rules))) for key, name, rules in told) == [
        tuple(kind) for kind in kinds
    ]


def test_the_rules_that_are_told_are_all_there_are() -> None:
    told = [words(name)[0] for name, _ in rows(section(FORMATS, "Programmes"))]

    assert {read_rule(name).kind for name in told} == set(RuleKind)
    assert len(told) == len(RuleKind)


def test_the_example_of_a_programme_is_read(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", section(FORMATS, "Programmes"), re.DOTALL)
    assert example is not None
    path = tmp_path / "programmes.toml"
    path.write_text(example[1], encoding="utf-8")

    found = read_programmes(path)

    assert [kind.key for kind in found.kinds] == ["station"]
    assert [(one.key, one.target) for one in found.programmes] == [("points_10", 30)]
