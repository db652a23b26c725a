"""What docs/formats.md says of lists of duties is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sources.assignments import read_assignments
from sources.bodies import read_bodies
from sources.duties import read_duties
from tests.listed_town import write
from tests.test_docs import FORMATS, rows, section, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTACT = "phone, email, wechat, id_number"


def usual_names(title: str) -> Iterator[tuple[str, str]]:
    """Return each usual name of a column that is told, and what it means."""
    for meaning, told in rows(section(FORMATS, title).split("### ")[0]):
        meanings = meaning.split(", ")
        parts = told.split(";") if len(meanings) > 1 else [re.split("[:;]", told)[0]]
        for one, part in zip(meanings, parts, strict=False):
            yield from ((one, name) for name in words(part.split(":")[0]))


@pytest.mark.parametrize(("meaning", "name"), list(usual_names("Bodies")))
def test_the_usual_names_of_bodies_are_known(meaning: str, name: str, tmp_path: Path) -> None:
    cells = {"key": "k", "name": "n", meaning: "PERSON" if meaning == "kind" else "7"}
    titles = {one: name if one == meaning else one for one in cells}
    path = write(tmp_path / "list.csv", list(titles.values()), list(cells.values()))

    [body] = read_bodies(path, kind=None if meaning == "kind" else "PERSON").bodies

    found = body.contact.get(meaning) if meaning in CONTACT else getattr(body, meaning)
    assert found in (cells[meaning], (cells[meaning],))
    assert body.properties == {}


@pytest.mark.parametrize(("meaning", "name"), list(usual_names("Assignments")))
def test_the_usual_names_of_assignments_are_known(meaning: str, name: str, tmp_path: Path) -> None:
    cells = {"duty": "d", "body": "b", "unit": "u"}
    if meaning == "name":
        cells["body"] = ""
    cells[meaning] = "2026-01-31" if meaning in {"since", "until"} else "7"
    titles = {one: name if one == meaning else one for one in cells}
    path = write(tmp_path / "list.csv", list(titles.values()), list(cells.values()))

    [spec] = read_assignments(path).assignments

    assert str(getattr(spec, "body" if meaning == "name" else meaning)) == cells[meaning]


def test_the_columns_that_are_told_are_all_there_are() -> None:
    assert {meaning for meaning, _ in usual_names("Bodies")} == {
        *("key", "name", "kind", "profession", "skills", "member_of"),
        *("home_level", "home_unit", "home_address", *CONTACT.split(", ")),
    }
    assert {meaning for meaning, _ in usual_names("Assignments")} == {
        *("duty", "body", "name", "level", "unit", "post", "since", "until")
    }


def test_the_duties_that_are_shown_are_duties(tmp_path: Path) -> None:
    shown = re.search(r"```toml\n(.*?)```", section(FORMATS, "Duties"), re.DOTALL)
    assert shown is not None
    path = tmp_path / "duties.toml"
    path.write_text(shown[1], encoding="utf-8")

    holder, volunteer = read_duties(path).duties

    assert (holder.min, holder.max, holder.several, holder.public) == (1, 1, False, True)
    assert (volunteer.max, volunteer.public) == (None, False)
    assert [post.key for post in volunteer.posts] == ["mediator"]


def test_every_key_of_a_duty_is_explained() -> None:
    told = [name for key, *_ in rows(section(FORMATS, "Duties")) for name in words(key)]

    assert told == [
        *("key", "name", "level", "levels", "min", "max", "several", "public"),
        "[[duty.post]]",
    ]
