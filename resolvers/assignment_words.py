"""What the words of a list of assignments stand for: duties, bodies, units and posts."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from resolvers.duty_calendar import Carried
from resolvers.list_lookup import ListedRow, WordNotFoundError, shortened
from sources.names import matching_form
from sources.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resolvers.list_lookup import LevelWords, Rejects, UnitWords
    from sources.assignments import AssignmentFile, AssignmentSpec
    from storage.assignments import AssignmentRow
    from storage.duties import DutyRow
    from storage.list_lookup import UnitSpan

Day = dt.date

SHOWN = 5
"""How many posts or bodies a reason names."""

_What = tuple[str, str, str, str, str | None]
"""Duty, body, level, code and post."""


class Meant(NamedTuple):
    """What a row of a list says, understood."""

    row: ListedRow
    carried: Carried
    stored: AssignmentRow | None
    """The one that is there already, from the same first day."""
    where: str
    """The row, for reasons."""


class _Stored:
    """The stored assignments, by what they are."""

    def __init__(self, rows: Iterable[AssignmentRow]) -> None:
        self.of: dict[_What, list[AssignmentRow]] = defaultdict(list)
        for row in rows:
            self.of[row.duty, row.body, row.level, row.code, row.post].append(row)

    def since(self, what: _What, since: Day) -> AssignmentRow | None:
        """Return the one that begins on a day; of several one that was no mistake."""
        found = [row for row in self.of.get(what, ()) if row.since == since]
        return max(found, key=lambda row: (row.until != row.since, row.id), default=None)

    def on(self, what: _What, day: Day) -> AssignmentRow | None:
        """Return the one that holds on a day."""
        rows = self.of.get(what, ())
        holding = (r for r in rows if r.since <= day and (r.until is None or r.until > day))
        return next(holding, None)


class Words:
    """What the words of lists are looked up in.

    Parameters
    ----------
    duties
        All kinds of duties, by key.
    units
        Those that stand on ``day``, of all levels that duties are carried on.
    spans
        From when to when those stood whose codes the lists name and that stand no more.
    bodies
        Key and name of those that the lists may mean.
    day
        The day of the load.
    """

    def __init__(
        self,
        duties: Mapping[str, DutyRow],
        levels: LevelWords,
        units: UnitWords,
        *,
        spans: Iterable[UnitSpan],
        bodies: Sequence[tuple[str, str]],
        day: Day,
    ) -> None:
        self.duties = duties
        self.levels = levels
        self.units = units
        self.day = day
        self._spans: dict[tuple[str, str], list[UnitSpan]] = defaultdict(list)
        for span in spans:
            self._spans[span.level, span.code].append(span)
        names = Counter(duty.name for duty in duties.values())
        self._duty_names = {d.name: key for key, d in duties.items() if names[d.name] == 1}
        self._bodies = dict(bodies)
        self._body_names: dict[str, list[str]] = defaultdict(list)
        for key, name in bodies:
            self._body_names[name].append(key)
        self._by_name = 0
        self._over = 0
        self._otherwise: list[str] = []

    # -- what is named --------------------------------------------------------------------

    def duty(self, called: str) -> DutyRow:
        """Return a kind of duty by its key or its name.

        Raises
        ------
        WordNotFoundError
            If there is none.
        """
        found = self.duties.get(called) or self.duties.get(self._duty_names.get(called, ""))
        if found is None:
            raise WordNotFoundError(
                f"there is no duty {shortened(called)}; `wangge load duties --print` shows those "
                "that there are"
            )
        return found

    def duties_named(self, files: Iterable[AssignmentFile]) -> set[str]:
        """Return the keys of the duties that lists name, in good rows and in bad ones."""
        called = {spec.duty for part in files for spec in part.assignments}
        called |= {duty for part in files for duty in part.bad_duties if duty is not None}
        keys = {self._duty_names.get(word, word) for word in called}
        return {key for key in keys if key in self.duties}

    def whole_truth(self, files: Sequence[AssignmentFile], rejects: Rejects) -> frozenset[str]:
        """Return the duties of which every row of the lists was understood."""
        doubtful: set[str | None] = set()
        for part in files:
            doubtful |= part.bad_duties
        for source, part in enumerate(files):
            doubtful |= {
                spec.duty for spec in part.assignments if ListedRow(source, spec.place) in rejects
            }
        keys = {self._duty_names.get(word or "", word) for word in doubtful}
        if any(key not in self.duties for key in keys):  # it may be about any duty
            return frozenset()
        return frozenset(self.duties_named(files) - keys)

    def body(self, called: str) -> str:
        """Return the key of a body by its key, or by its name if it alone is called so.

        Raises
        ------
        WordNotFoundError
            If there is none, or several are called so.
        """
        if called in self._bodies:
            return called
        keys = self._body_names.get(called, [])
        if len(keys) == 1:
            self._by_name += 1
            return keys[0]
        if keys:
            raise WordNotFoundError(
                f"{len(keys)} bodies are called {shortened(called)} "
                f"({', '.join(keys[:SHOWN])}{', …' if len(keys) > SHOWN else ''}); name the key"
            )
        raise WordNotFoundError(
            f"there is no body {shortened(called)}; load it first by `wangge load bodies`"
        )

    def post(self, duty: DutyRow, called: str | None) -> str | None:
        """Return the key of a post of a duty by its key or its name; of a duty without, any text.

        Raises
        ------
        WordNotFoundError
            If the duty has posts, and none of that name.
        """
        if called is None or not duty.posts:
            return called
        for post in duty.posts:
            if called in (post.key, post.name):
                return post.key
        options = ", ".join(post.key for post in duty.posts)
        raise WordNotFoundError(
            f"{duty.key} has no post {shortened(called)}; its posts are {options}"
        )

    def unit(self, duty: DutyRow, spec: AssignmentSpec) -> tuple[str, str]:
        """Return level and code of the unit of a row.

        One that stands no more may be named only by what ended, or is stored already.

        Raises
        ------
        WordNotFoundError
            If there is none, or the duty is not carried on its level.
        """
        levels = self._levels_of(duty, spec.level)
        own = [level for level in levels if level == duty.level]
        found = self.units.find(spec.unit, own) or self.units.find(spec.unit, levels)
        if found is None:
            former = [level for level in levels if (level, spec.unit) in self._spans]
            if former:
                return former[0], spec.unit
            elsewhere = [x for x in self.units.codes.get(spec.unit, ()) if x not in levels]
            if elsewhere:
                raise WordNotFoundError(
                    f"unit {shortened(spec.unit)} is a {elsewhere[0]}, and {duty.key} is carried "
                    f"on {' or '.join(levels)}"
                )
            raise WordNotFoundError(f"there is no {' or '.join(levels)} {shortened(spec.unit)}")
        return found

    def _levels_of(self, duty: DutyRow, called: str | None) -> tuple[str, ...]:
        if called is None:
            return duty.levels
        level = self.levels.find(called)
        if level not in duty.levels:
            raise WordNotFoundError(
                f"{duty.key} is not carried on the level {level}, but on {' or '.join(duty.levels)}"
            )
        return (level,)

    # -- whole rows -----------------------------------------------------------------------

    def understand(
        self, files: Sequence[AssignmentFile], rows: Iterable[AssignmentRow], rejects: Rejects
    ) -> list[Meant]:
        """Return what the rows of lists mean; those that mean nothing are rejected."""
        stored = _Stored(rows)
        seen: dict[tuple[_What, Day], str] = {}
        found = []
        for source, part in enumerate(files):
            for spec in part.assignments:
                row = ListedRow(source, spec.place)
                where = f"in {part.file} row {part.sent.lines[spec.place]}"
                try:
                    one = self._meant(spec, stored, row, where, says_until=part.says_until)
                except WordNotFoundError as error:
                    rejects.add(row, str(error))
                    continue
                same = (_what(one.carried), one.carried.since)
                before = seen.setdefault(same, where)
                if before is not where:
                    rejects.add(row, f"the same stands {before}, from the same day")
                else:
                    found.append(one)
        return found

    def _meant(
        self, spec: AssignmentSpec, stored: _Stored, row: ListedRow, where: str, *, says_until: bool
    ) -> Meant:
        duty = self.duty(spec.duty)
        body, post = self.body(spec.body), self.post(duty, spec.post)
        self._compare_names(body, spec, where)
        level, code = self.unit(duty, spec)
        what = (duty.key, body, level, code, post)
        there = stored.on(what, self.day) if spec.since is None else stored.since(what, spec.since)
        since = there.since if there is not None else spec.since or self.day
        if spec.until is not None and spec.until <= since:
            raise WordNotFoundError(f"it ends on {spec.until}, but begins on {since}")
        if there is None:
            carried = Carried(*what, since, spec.until)
            self._check_stands(carried)
        else:  # a list without last days ends nothing, and brings nothing back that was ended
            carried = Carried(*what, since, spec.until if says_until else there.until)
            self._over += not says_until and there.until is not None and there.until <= self.day
        return Meant(row, carried, there, where)

    def _compare_names(self, body: str, spec: AssignmentSpec, where: str) -> None:
        """Note a row whose name is not that of its key: the key may be another's."""
        name = self._bodies[body]
        if spec.name is not None and matching_form(spec.name) != matching_form(name):
            said = f"{shortened(body)} is {shortened(name)}, not {shortened(spec.name)}, {where}"
            self._otherwise.append(said)

    def _check_stands(self, carried: Carried) -> None:
        """Refuse what is new on a unit that does not stand, unless it ended while that stood.

        It must stand on the day of the load, or on the first day if that is still to come.
        """
        spans = self._spans.get((carried.level, carried.code), [])
        if carried.since > self.day:
            stands = any(_within(carried.since, span) for span in spans)
        else:
            stands = carried.level in self.units.codes.get(carried.code, {})
        until = carried.until
        ended = until is not None and until <= self.day
        met = any(
            span.since < (until or Day.max) and (span.until is None or carried.since < span.until)
            for span in spans
        )
        if not stands and not (ended and met):
            when = _stands_when(spans, max(carried.since, self.day))
            raise WordNotFoundError(f"{carried.level} {shortened(carried.code)} {when}")

    def notices(self) -> Iterable[Notice]:
        """Say what was concluded."""
        if self._by_name:
            yield Notice(
                "BODY_NAME",
                f"{self._by_name:,} rows name the body by its name, which one body alone has",
                self._by_name,
            )
        if self._otherwise:
            yield Notice(
                "NAME_DIFFERS",
                f"{len(self._otherwise):,} row(s) hold a name that is not the body's; the key was "
                f"taken: {'; '.join(self._otherwise[:SHOWN])}",
                len(self._otherwise),
            )
        if self._over:
            said = "rows of lists without a column of last days name what is over; it stays so"
            yield Notice("OVER", f"{self._over:,} {said}", self._over)


def _within(day: Day, span: UnitSpan) -> bool:
    return span.since <= day and (span.until is None or day < span.until)


def _stands_when(spans: Sequence[UnitSpan], day: Day) -> str:
    """Say when a unit stands that does not on a day."""
    first = min((span.since for span in spans if span.since > day), default=None)
    if first is not None:
        return f"stands only from {first} on"
    last = max((span.until for span in spans if span.until is not None), default=None)
    return f"stands only to the day before {last}" if last else "does not stand"


def _what(carried: Carried) -> _What:
    return carried.duty, carried.body, carried.level, carried.code, carried.post
