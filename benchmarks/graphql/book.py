"""What a run found, kept as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.graphql.rounds import Timed

if TYPE_CHECKING:
    from pathlib import Path


class Missing(NamedTuple):
    """A contender that was not asked, and why."""

    says: str
    why: str


class Book(NamedTuple):
    """All that was found."""

    times: list[Timed]
    missing: list[Missing]
    facts: dict[str, str]
    """The machine and the versions, by name."""
    holders: bool
    """Whether holders were asked for."""


def save(path: Path, book: Book) -> None:
    """Write a book."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book._asdict()))  # rows are written as lists


def read(path: Path) -> Book:
    """Read a book."""
    found: dict[str, Any] = json.loads(path.read_text())
    return Book(
        [Timed(*row) for row in found["times"]],
        [Missing(*row) for row in found["missing"]],
        found["facts"],
        found["holders"],
    )
