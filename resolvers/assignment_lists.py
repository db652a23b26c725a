"""Loads who carries which duty from lists; rows that cannot be taken are given back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import NoEditionError
from resolvers.assignment_words import Meant, Words
from resolvers.duty_calendar import Carried, DutyCalendar
from resolvers.list_lookup import LevelWords, ListedRow, Reject, Rejects, UnitWords
from sources.notices import Notice
from storage import assignment_writing, body_writing, editions, levels, list_lookup
from storage.assigning import NewAssignment
from storage.assignment_writing import NewEnd
from storage.duties import all_duties

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sources.assignments import AssignmentFile
    from storage.assignments import AssignmentRow
    from storage.duties import DutyRow

__all__ = ["LoadedAssignments", "Reject", "load_assignments"]

Day = dt.date


class LoadedAssignments(NamedTuple):
    """What a load did."""

    added: int
    changed: int
    """Those that were there and end on another day now."""
    unchanged: int
    ended: int
    """Those that the lists, as the whole truth, do not name."""
    rejected: tuple[Reject, ...]
    notices: tuple[Notice, ...]
    """What those who sent the lists should know beside what each file's own notices say."""
    taken: bool = True
    """False where nothing was taken, because a row could not be."""


class _Writing(NamedTuple):
    """What is to be written."""

    ends: list[NewEnd]
    """Of those that hold shorter."""
    longer: list[NewEnd]
    new: list[NewAssignment]
    unchanged: int
    dropped: int
    """How many of ``ends`` the lists do not name."""


async def load_assignments(
    engine: AsyncEngine,
    *files: AssignmentFile,
    changed_by: str,
    day: Day,
    all_or_nothing: bool = False,
    replace: bool = False,
) -> LoadedAssignments:
    """Store who carries which duty; the same list once more changes nothing.

    Parameters
    ----------
    files
        Lists; of several rows that say the same the first counts.
    changed_by
        In whose name.
    day
        The first day of what names none, and the day from which ``replace`` is true.
    all_or_nothing
        Whether a single row that cannot be taken means that none is.
    replace
        Whether the lists are the whole truth of the duties that they name: what they do not name
        ends on ``day``, and never was if it was to begin later. Not so for a duty of which a row
        cannot be understood.

    Raises
    ------
    NoEditionError
        If nothing is published: there are no units.
    ConflictError
        If somebody else changed the same meanwhile.

    Notes
    -----
    One transaction; another load, and everybody else who would assign, waits for it. Some
    statements, however many rows there are.
    """
    rejects = Rejects()
    for source, part in enumerate(files):
        for place, reason in part.bad:
            rejects.add(ListedRow(source, place), reason)
    async with engine.begin() as connection:
        await list_lookup.lock_lists(connection)
        duties = {row.key: row for row in await all_duties(connection)}
        words = await _words(connection, files, duties, day)
        stored = await assignment_writing.stored_assignments(connection, words.duties_named(files))
        meant = words.understand(files, stored, rejects)
        whole = words.whole_truth(files, rejects) if replace else frozenset()
        writing = _settle(
            meant, stored, DutyCalendar(duties), whole=whole, day=day, rejects=rejects
        )
        lines = [part.sent.lines for part in files]
        rejected = rejects.told([part.file for part in files], lines)
        notices = (*words.notices(), *_kept_notice(files, words, whole, replace=replace))
        if all_or_nothing and rejected:
            return LoadedAssignments(0, 0, 0, 0, rejected, notices, taken=False)
        await assignment_writing.write(
            connection, ends=writing.ends, longer=writing.longer, new=writing.new, by=changed_by
        )
    changed = len(writing.ends) + len(writing.longer) - writing.dropped
    counts = len(writing.new), changed, writing.unchanged, writing.dropped
    return LoadedAssignments(*counts, rejected, notices)


async def _words(
    connection: AsyncConnection,
    files: Sequence[AssignmentFile],
    duties: Mapping[str, DutyRow],
    day: Day,
) -> Words:
    """Return what the words of the lists are looked up in."""
    edition = await editions.as_of(connection, day)
    if edition is None:
        raise NoEditionError(
            f"nothing was published by {day}, so there are no units to assign anybody to; import "
            "and publish boundaries first"
        )
    called = {spec.body for part in files for spec in part.assignments}
    names = await body_writing.known_bodies(connection, called)
    levels_named = {level for duty in duties.values() for level in duty.levels}
    units = UnitWords(await list_lookup.unit_names(connection, edition.number, levels_named))
    codes = {s.unit for part in files for s in part.assignments} - units.codes.keys()
    for spec in (spec for part in files for spec in part.assignments):
        if spec.since is not None and spec.since > day:  # it may be gone by then
            codes |= units.meant(spec.unit)
    spans = await list_lookup.unit_spans(connection, levels_named, codes) if codes else []
    words = LevelWords(await levels.all_levels(connection))
    return Words(duties, words, units, spans=spans, bodies=names, day=day)


def _settle(
    meant: Sequence[Meant],
    stored: Sequence[AssignmentRow],
    calendar: DutyCalendar,
    *,
    whole: Collection[str],
    day: Day,
    rejects: Rejects,
) -> _Writing:
    """Return what is to be written; rows that somebody is in the way of are rejected.

    Notes
    -----
    Those that hold shorter come first, stored ones that nobody names included: they make room.
    What follows is looked at row by row, in the order of the lists.
    """
    writing = _Writing([], [], [], 0, 0)
    named = {one.stored.id for one in meant if one.stored is not None}
    unchanged = dropped = 0
    for row in stored:
        carried = _carried(row)
        if row.duty in whole and row.id not in named and _beyond(row, day):
            carried = carried._replace(until=max(day, row.since))
            writing.ends.append(NewEnd(row.id, carried.until))
            dropped += 1
        calendar.add(carried)
    waiting = []
    for one in meant:
        if one.stored is None:
            waiting.append(one)
        elif one.stored.until == one.carried.until:
            unchanged += 1
        elif _shorter(one.carried.until, one.stored.until):
            calendar.remove(_carried(one.stored))
            calendar.add(one.carried, one.where)
            writing.ends.append(NewEnd(one.stored.id, one.carried.until))
        else:
            waiting.append(one)
    for one in waiting:
        _place(one, calendar, writing, rejects)
    return writing._replace(unchanged=unchanged, dropped=dropped)


def _place(one: Meant, calendar: DutyCalendar, writing: _Writing, rejects: Rejects) -> None:
    """Write what is new or holds longer, if nobody is in the way."""
    before = _carried(one.stored) if one.stored is not None else None
    reason = calendar.in_the_way(one.carried, ignoring=before)
    if reason is not None:
        rejects.add(one.row, reason)
        return
    if one.stored is None or before is None:
        writing.new.append(NewAssignment(**one.carried._asdict()))
    else:
        calendar.remove(before)
        writing.longer.append(NewEnd(one.stored.id, one.carried.until))
    calendar.add(one.carried, one.where)


def _carried(row: AssignmentRow) -> Carried:
    return Carried(row.duty, row.body, row.level, row.code, row.post, row.since, row.until)


def _beyond(row: AssignmentRow, day: Day) -> bool:
    """Return whether a stored assignment holds on a day or after it."""
    return row.until is None or (row.until > day and row.until > row.since)


def _shorter(until: Day | None, before: Day | None) -> bool:
    return until is not None and (before is None or until < before)


def _kept_notice(
    files: Sequence[AssignmentFile], words: Words, whole: Collection[str], *, replace: bool
) -> Iterable[Notice]:
    kept = sorted(words.duties_named(files) - set(whole)) if replace else []
    if kept:
        yield Notice(
            "NOT_REPLACED",
            f"nothing was ended of {', '.join(kept)}: rows of the lists could not be understood, "
            "and may be about what would end",
            len(kept),
        )
