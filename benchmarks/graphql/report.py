"""The tables of the GraphQL benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.coverage.report import factor, table
from benchmarks.graphql.questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.graphql.book import Book
    from benchmarks.graphql.questions import Question
    from benchmarks.graphql.rounds import Timed

README_BEGIN, README_END = "<!-- graphql: begin -->", "<!-- graphql: end -->"

OURS = "ours"
MOST_MIB = 250
"""What the service may hold."""

HEAD = (
    *("question", "server", "clients", "answers/s", "Wangge ×", "p50", "p99"),
    *("processor, server", "processor, database", "size"),
)


def tell(book: Book) -> str:
    """Return all tables, and below them the machine that they were made on."""
    parts = [
        f"### What is promised\n\n{promises(book)}",
        f"### All figures\n\n{figures(book)}",
        f"### Memory\n\n{memory(book)}",
        "; ".join(f"{name} {value}" for name, value in book.facts.items()) + ".",
    ]
    return "\n\n".join(parts)


def put_into_readme(page: str, book: Book) -> str:
    """Return the page that all read first, with what is promised beside what was reached.

    Raises
    ------
    ValueError
        If the page lacks a marker.
    """
    head, begin, rest = page.partition(README_BEGIN)
    _, end, tail = rest.partition(README_END)
    if not begin or not end:
        raise ValueError(f"the page lacks {README_BEGIN} or {README_END}")
    return f"{head}{begin}\n\n{promises(book)}\n\n{end}{tail}"


def promises(book: Book) -> str:
    """Return what is promised beside what was reached, by numbers of clients."""
    lines = []
    for question in QUESTIONS:
        ours = _of(book, question.key, question.by)
        theirs = _of(book, question.key, question.against)
        reached = [_times(one, theirs) for one in ours]
        lines.append(
            [
                _says(question, book),
                next((one.says for one in theirs), question.against),
                f"{question.promised:g} ×",
                ", ".join(reached) or "not asked yet",
            ]
        )
    held = max((one.pss_mib for one in book.times if one.contender == OURS), default=None)
    reached_mib = f"{held:.0f} MiB" if held is not None else "not asked yet"
    lines.append(["memory of the service", "", f"< {MOST_MIB} MiB", reached_mib])
    return table(("question", "beside", "promised", "reached"), lines, left=4)


def _times(ours: Timed, theirs: Sequence[Timed]) -> str:
    same = [one for one in theirs if one.clients == ours.clients and one.answers_s]
    clients = f"with {ours.clients}"
    return f"{factor(ours.answers_s / same[0].answers_s)} × {clients}" if same else f"– {clients}"


def _says(question: Question, book: Book) -> str:
    if question.key == "nested" and not book.holders:
        return f"{question.says} (left out: this version does not tell holders)"
    return question.says


def figures(book: Book) -> str:
    """Return what each contender reached."""
    lines = []
    for question in QUESTIONS:
        for clients in question.connections:
            rows = [
                row for row in book.times if (row.question, row.clients) == (question.key, clients)
            ]
            ours = [row for row in rows if row.contender == question.by]
            lines += [_line(_says(question, book), row, ours) for row in rows]
    lines += [["", one.says, "", one.why, *[""] * (len(HEAD) - 4)] for one in book.missing]
    return table(HEAD, lines, left=2)


def _line(says: str, row: Timed, ours: Sequence[Timed]) -> list[str]:
    if not row.answers_s:
        none = [says, row.says, str(row.clients), "none in time"]
        return none + [""] * (len(HEAD) - len(none))
    ratio = factor(ours[0].answers_s / row.answers_s) if ours else ""
    pages = f" ({row.requests} pages)" if row.requests > 1 else ""
    errors = f" ({row.errors} errors)" if row.errors else ""
    return [
        says,
        row.says + pages,
        str(row.clients),
        _number(row.answers_s) + errors,
        ratio,
        _ms(row.p50_ms),
        _ms(row.p99_ms),
        _ms(row.cpu_ms),
        _ms(row.database_ms),
        f"{row.kib:,.0f} KiB" if row.kib >= 1 else f"{row.kib:.1f} KiB",
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _ms(value: float) -> str:
    return f"{_number(value)} ms"


def memory(book: Book) -> str:
    """Return the most that each server held."""
    held: dict[str, float] = {}
    for row in book.times:
        says = row.says.partition(",")[0]  # one process answers in several ways
        held[says] = max(held.get(says, 0.0), row.pss_mib)
    lines = [[says, f"{mib:.0f} MiB"] for says, mib in held.items()]
    return table(("server", "memory (PSS)"), lines, left=1)


def _of(book: Book, question: str, contender: str) -> list[Timed]:
    return [row for row in book.times if (row.question, row.contender) == (question, contender)]
