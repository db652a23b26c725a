"""What a run found, kept as JSON between runs of its parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.circles.pictures import Pictured
from benchmarks.circles.rounds import Timed
from benchmarks.circles.served import Served
from benchmarks.circles.sites import Sited

if TYPE_CHECKING:
    from pathlib import Path


class Missing(NamedTuple):
    """An engine that was not asked, and why."""

    town: str
    says: str
    why: str


class Book(NamedTuple):
    """All that was found."""

    times: list[Timed]
    missing: list[Missing]
    pictures: list[Pictured]
    sites: list[Sited]
    served: list[Served]


def empty_book() -> Book:
    """Return a book without entries."""
    return Book([], [], [], [], [])


def save(path: Path, book: Book) -> None:
    """Write a book."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book._asdict()))  # rows are written as lists


def read(path: Path) -> Book:
    """Read a book."""
    found: dict[str, list[list[Any]]] = json.loads(path.read_text())
    return Book(
        [Timed(*row) for row in found["times"]],
        [Missing(*row) for row in found["missing"]],
        [Pictured(*row) for row in found["pictures"]],
        [Sited(*row) for row in found["sites"]],
        [Served(*row) for row in found["served"]],
    )
