"""The tables of the benchmark, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.coverage.faults import PAIRED, FaultKind
from benchmarks.coverage.job import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchmarks.coverage.job import Job
    from benchmarks.coverage.judge import Verdict
    from benchmarks.coverage.publish import Publishing
    from benchmarks.coverage.record import Book, Record

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

_MEASURE = {Question.SOUND: "proof", Question.REPORT: "report", Question.REPAIR: "repair"}
"""Our own job that the others are held against."""

_A_SECOND_MS = 1000
_SHORT_S, _LONG_S = 0.1, 10.0
_MANY = 10.0
_HALF = 0.5
_REASON_LENGTH = 90
_SUMMARY_FROM = 10_000
_FOUND_HEAD = (f"kinds found, of {len(FaultKind)}", f"units named, of {len(PAIRED)}")


def put_between(page: str, text: str) -> str:
    """Return a page with the text between its two markers.

    Raises
    ------
    ValueError
        If the page lacks a marker.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}"


def tell(
    book: Book, jobs: Sequence[Job], facts: Mapping[str, str], publishing: Publishing | None
) -> str:
    """Return all tables of a run."""
    named = [f"{_short(size)} is {book.units(size):,} grids" for size in book.sizes()]
    parts = [
        "; ".join(f"{name}: {fact}" for name, fact in facts.items()) + ".",
        "; ".join(named) + ".",
        "### What is promised",
        promises(book, publishing),
        "### Is the level sound?",
        times(book, jobs, Question.SOUND),
        "### Where is what wrong?",
        times(book, jobs, Question.REPORT),
        found(book, jobs),
        "### The level, mended",
        times(book, jobs, Question.REPAIR),
        mended(book, jobs),
        "### One changed wall, published",
        published(publishing),
    ]
    return "\n\n".join(parts)


def summary(book: Book, jobs: Sequence[Job]) -> str:
    """Return one short table: times on dirty levels, and what is found."""
    sizes = [size for size in book.sizes() if size >= _SUMMARY_FROM]
    lines = []
    for job in jobs:
        verdict = _best(book, job.key)
        if job.question is Question.REPAIR or not any(
            book.of(job.key, size, dirty=True) for size in sizes
        ):
            continue
        cells = [_time(book, job.key, size, dirty=True).partition(" / ")[0] for size in sizes]
        finds = [str(_whole(verdict.found)), str(_whole(verdict.named))] if verdict else ["", ""]
        lines.append([job.title, *cells, *finds])
    head = ["", *[f"{_short(size)} grids, 1 % faults" for size in sizes]]
    return table([*head, *_FOUND_HEAD], lines, left=1)


# -- what is promised -------------------------------------------------------------------------


class _Promise(NamedTuple):
    says: str
    at_most: str
    measured: Callable[[int], str]
    """What was measured on the level of a size; empty where nothing was."""


def promises(book: Book, publishing: Publishing | None) -> str:
    """Return what the engine should reach beside what it reached."""

    def beside(ours: str, other: str, *, dirty: bool) -> Callable[[int], str]:
        def measured(size: int) -> str:
            mine = book.cpu_s(ours, size, dirty=dirty)
            theirs = book.cpu_s(other, size, dirty=dirty)
            return "" if mine is None or theirs is None else _part(mine / theirs)

        return measured

    def a_grid(size: int) -> str:
        cpu = book.cpu_s("proof", size, dirty=False)
        return "" if cpu is None else f"{cpu / book.units(size) * 1e6:.2f} µs"

    def peak(size: int) -> str:
        record = book.alone("proof", size, dirty=False)
        return "" if record is None or record.peak_mib is None else f"{record.peak_mib:,.0f} MiB"

    def publish_ms(size: int) -> str:
        asked = publishing is not None and publishing.grids == book.units(size)
        return f"{publishing.ours_ms:.0f} ms" if publishing and asked else ""

    valid, edges = "`coverage_is_valid`", "`coverage_invalid_edges`"
    told = [
        _Promise(
            f"chain sums, of {valid}, clean",
            "1/15",
            beside("sums", "coverage_is_valid", dirty=False),
        ),
        _Promise(
            f"chain sums and ring validity, of {valid}, clean",
            "1/3",
            beside("proof", "coverage_is_valid", dirty=False),
        ),
        _Promise(
            f"full report, of {edges}, 1 % faults",
            "1.00 at 100k",
            beside("report", "invalid_edges", dirty=True),
        ),
        _Promise("chain sums and ring validity for each grid", "the same at all sizes", a_grid),
        _Promise("their process at its peak, input and all", "2,560 MiB at 1M", peak),
        _Promise("publishing one changed wall, beside the database", "50 ms at 100k", publish_ms),
    ]
    sizes = book.sizes()
    lines = [[p.says, p.at_most, *(p.measured(size) for size in sizes)] for p in told]
    return table(["", "at most", *map(_short, sizes)], lines, left=1)


def _part(value: float) -> str:
    """Return a ratio, as one part of many where it is small."""
    return f"1/{1 / value:.1f}" if value < _HALF else f"{value:.2f}"


# -- times ------------------------------------------------------------------------------------


def times(book: Book, jobs: Sequence[Job], question: Question) -> str:
    """Return what each engine took, and how that compares with ours."""
    asked = [job for job in jobs if job.question is question]
    sizes = [size for size in book.sizes() if any(_was_run(book, job, size) for job in asked)]
    head = ["engine"]
    for size in sizes:
        head += [f"{_short(size)} clean", f"{_short(size)} 1 %", "× ours"]
    lines = []
    for job in asked:
        if not any(_was_run(book, job, size) for size in sizes):
            continue
        cells = [job.title]
        for size in sizes:
            cells += [_time(book, job.key, size, dirty=dirty) for dirty in (False, True)]
            cells.append(_factor(book, job.key, _MEASURE[question], size))
        lines.append([*cells, _memory(book, job.key)])
    return table([*head, "memory"], lines, left=1)


def _was_run(book: Book, job: Job, size: int) -> bool:
    return any(book.of(job.key, size, dirty=dirty) for dirty in (False, True))


def _time(book: Book, job: str, size: int, *, dirty: bool) -> str:
    """Return processor and wall time, or why there is none."""
    cpu, wall = book.cpu_s(job, size, dirty=dirty), book.wall_s(job, size, dirty=dirty)
    if cpu is None or wall is None:
        record = book.alone(job, size, dirty=dirty)
        return _reason(record) if record else ""
    once = " (once)" if book.rounds(job, size, dirty=dirty) == 1 else ""
    return f"{seconds(cpu)} / {seconds(wall)}{once}"


def _reason(record: Record) -> str:
    said = (record.error or "").replace("|", "/")
    return said if len(said) <= _REASON_LENGTH else f"{said[:_REASON_LENGTH]}…"


def _factor(book: Book, job: str, ours: str, size: int) -> str:
    """Return the processor time in multiples of ours, on the levels that both could do."""
    both = [
        (mine, other)
        for dirty in (False, True)
        if (mine := book.cpu_s(ours, size, dirty=dirty)) is not None
        and (other := book.cpu_s(job, size, dirty=dirty)) is not None
    ]
    if not both:
        return ""
    return factor(sum(other for _, other in both) / sum(mine for mine, _ in both))


def _memory(book: Book, job: str) -> str:
    """Return the growth of memory on the largest level."""
    done = [r for r in book.records if r.job == job and r.alone and r.growth_mib is not None]
    if not done:
        return ""
    largest = max(record.size for record in done)
    most = max(record.growth_mib or 0.0 for record in done if record.size == largest)
    return f"{most:,.0f} MiB ({_short(largest)})"


# -- what is found ----------------------------------------------------------------------------


def found(book: Book, jobs: Sequence[Job]) -> str:
    """Return what each engine finds on the largest dirty level that it could do."""
    lines = []
    for job in jobs:
        told = [r for r in book.records if r.job == job.key and r.dirty and r.alone]
        if job.question is Question.REPAIR or not told:
            continue
        last = max(told, key=lambda record: (record.error is None, record.size))
        cells = [job.title, _short(last.size)]
        if last.verdict is not None:
            lines.append([*cells, *_found(last.verdict)])
        else:
            said = "says yes or no" if last.error is None else _reason(last)
            lines.append([*cells, "", "", "", "", said])
    head = ["engine", "level", *_FOUND_HEAD, "rows", "false rows", "misses (share found)"]
    return table(head, lines, left=1, right=1)


def _best(book: Book, job: str) -> Verdict | None:
    """Return the verdict on the largest dirty level that an engine reported on."""
    told = [r for r in book.records if r.job == job and r.dirty and r.verdict is not None]
    return max(told, key=lambda record: record.size).verdict if told else None


def _found(verdict: Verdict) -> list[str]:
    misses = [
        f"{kind} ({share:.0%})" if share else kind
        for kind, share in verdict.found.items()
        if share < 1
    ]
    return [
        str(_whole(verdict.found)),
        str(_whole(verdict.named)),
        f"{verdict.rows:,}",
        f"{verdict.false_rows:,}",
        ", ".join(misses) or "nothing",
    ]


def _whole(shares: Mapping[str, float]) -> int:
    """Return how many kinds were reached in every case."""
    return sum(share == 1 for share in shares.values())


# -- what is mended ---------------------------------------------------------------------------


def mended(book: Book, jobs: Sequence[Job]) -> str:
    """Return what each repairer made of the dirty levels."""
    lines = []
    for size in book.sizes():
        for job in jobs:
            record = book.alone(job.key, size, dirty=True)
            if job.question is Question.REPAIR and record is not None:
                lines.append([job.title, _short(size), *_mended(record)])
    head = [
        *("engine", "level", "land moved", "× least of all", "× least where mended"),
        *("parents not filled", "land still wrong", "units emptied", "units changed"),
        "left, with a reason",
    ]
    return table(head, lines, left=1)


def _mended(record: Record) -> list[str]:
    made = record.mending
    if made is None:
        return [_reason(record), *[""] * 7]
    return [
        f"{made.moved_m2:,.0f} m²",
        f"{made.moved_m2 / made.least_m2:.3f}" if made.least_m2 else "",
        "" if made.ratio is None else f"{made.ratio:.3f}",
        f"{made.not_filled:,}",
        f"{made.wrong_m2:,.0f} m²",
        f"{made.emptied:,}",
        f"{made.changed:,}",
        "" if record.left is None else f"{record.left:,}",
    ]


# -- publishing -------------------------------------------------------------------------------


def published(publishing: Publishing | None) -> str:
    """Return what publishing one changed wall took."""
    if publishing is None:
        return "Not measured."
    made = publishing
    head = [
        *("grids", "beside the database", "processor, ours", "in the database", "in all"),
        *("rows written", "rows closed", "rows in the table", "draft and check before"),
    ]
    line = [
        f"{made.grids:,}",
        *(f"{ms:.0f} ms" for ms in (made.ours_ms, made.ours_cpu_ms, made.sql_ms, made.wall_ms)),
        *(f"{rows:,.0f}" for rows in (made.rows_written, made.rows_closed, made.rows)),
        f"{made.check_ms:.0f} ms",
    ]
    return table(head, [line], left=0) + f"\n\nMedians of {made.changes} changes."


# -- writing ----------------------------------------------------------------------------------


def table(head: Sequence[str], lines: Iterable[Sequence[str]], *, left: int, right: int = 0) -> str:
    """Return a Markdown table; the first and last so many columns are text, others numbers."""
    rows = [list(line) for line in lines]
    if not rows:
        return ""
    width = len(head)
    rule = ["---" if i < left or i >= width - right else "---:" for i in range(width)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(head), rule, *rows])


def seconds(value: float) -> str:
    """Return a time in two or three digits."""
    if value < _SHORT_S:
        return f"{value * _A_SECOND_MS:.1f} ms"
    return f"{value:.2f} s" if value < _LONG_S else f"{value:.0f} s"


def factor(value: float) -> str:
    """Return a multiple in two or three digits."""
    return f"{value:.0f}" if value >= _MANY else f"{value:.2f}"


def _short(size: int) -> str:
    if size % 1_000_000 == 0:
        return f"{size // 1_000_000}M"
    return f"{size // 1000}k" if size % 1000 == 0 else f"{size:,}"
