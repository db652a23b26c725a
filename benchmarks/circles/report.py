"""The tables of the circles benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.coverage.report import factor, seconds, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.circles.book import Book
    from benchmarks.circles.rounds import Timed

OURS = "ours"
WITHIN_S = {"circle": 0.0005, "nearest": 0.2}
"""What is promised on the town of 212k edges."""

QUESTIONS = {
    "circle": "one circle of 1,000 m: all nodes and their distances",
    "thousand": "1,000 such circles",
    "nearest": "nearest of 1,000 stations for every home",
}


def tell(book: Book, facts: Mapping[str, str]) -> str:
    """Return all tables, and below them the machine that they were made on."""
    parts = [walks(book)]
    if book.served:
        parts.append(f"### Over HTTP\n\n{services(book)}")
    if book.pictures:
        parts.append(f"### The picture\n\n{pictures(book)}")
    if book.sites:
        parts.append(f"### Sites\n\n{sites(book)}")
    parts.append("; ".join(f"{name} {value}" for name, value in facts.items()) + ".")
    return "\n\n".join(parts)


def walks(book: Book) -> str:
    """Return what walking takes, engine by engine."""
    lines = []
    for town in dict.fromkeys(row.town for row in book.times):
        for question, says in QUESTIONS.items():
            rows = [row for row in book.times if (row.town, row.question) == (town, question)]
            lines += [_walk(row, rows, says) for row in rows]
        lines += [
            [town, QUESTIONS["circle"], row.says, row.why, "", ""]
            for row in book.missing
            if row.town == town
        ]
    head = ("streets", "question", "engine", "time", "× Wangge", "rounds")
    return table(head, lines, left=3)


def _walk(row: Timed, rows: list[Timed], says: str) -> list[str]:
    ours_s = [other.seconds for other in rows if other.engine == OURS]
    ratio = factor(row.seconds / ours_s[0]) if ours_s else ""
    return [row.town, says, row.says, short(row.seconds), ratio, str(row.rounds)]


def short(value_s: float) -> str:
    """Return a time; short ones in thousandths of a millisecond."""
    return f"{value_s * 1e3:.3f} ms" if value_s < 0.001 else seconds(value_s)  # noqa: PLR2004


def services(book: Book) -> str:
    """Return what requests to the running service take."""
    head = (
        *("streets", "homes", "stations", "share inside", "`circleCoverage`, the whole page"),
        *("a slider's redraw", "the very first request", "`wangge load streets`"),
    )
    lines = [
        [
            row.town,
            f"{row.addresses:,}",
            str(row.facilities),
            f"{row.share:.1%}",
            seconds(row.coverage_s),
            seconds(row.slider_s),
            seconds(row.first_s),
            seconds(row.load_streets_s),
        ]
        for row in book.served
    ]
    return table(head, lines, left=1)


def pictures(book: Book) -> str:
    """Return what pictures take, and how true they are."""
    head = (
        *("streets", "homes", "a circle", "58 circles as one", "wrong share"),
        *("wrong share of a disc", "once for a network"),
    )
    lines = [
        [
            row.town,
            f"{row.homes:,}",
            short(row.one_s),
            seconds(row.many_s),
            f"{row.wrong:.2%}",
            f"{row.disc_wrong:.0%}",
            seconds(row.prepare_s),
        ]
        for row in book.pictures
    ]
    return table(head, lines, left=1)


def sites(book: Book) -> str:
    """Return what plans take, and how good they are."""
    head = (
        *("streets", "homes × candidates", "sites", "engine", "time", "homes covered"),
        *("at most", "proven best"),
    )
    lines = [
        [
            row.town,
            f"{row.homes:,} × {row.candidates:,}",
            str(row.sites),
            row.engine,
            seconds(row.seconds),
            f"{row.share:.2%}",
            f"{row.bound:.2%}",
            "yes" if row.optimal else "no",
        ]
        for row in book.sites
    ]
    return table(head, lines, left=4)
