"""Loads people and organisations from lists; rows that cannot be taken are given back."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from resolvers.list_lookup import (
    LevelWords,
    ListedRow,
    Reject,
    Rejects,
    UnitWords,
    WordNotFoundError,
    shortened,
)
from resolvers.naming import search_text
from sources.notices import Notice
from storage import body_writing, editions, levels, list_lookup
from storage.body_writing import Organisation, StoredBody

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sources.bodies import BodyFile, BodySpec

__all__ = ["LoadedBodies", "Reject", "load_bodies"]

Day = dt.date

HOME = "home"
"""The property that keeps a home which is no unit of the city."""

PERSON, ORGANISATION = "PERSON", "ORGANISATION"


class LoadedBodies(NamedTuple):
    """What a load did."""

    added: int
    changed: int
    unchanged: int
    rejected: tuple[Reject, ...]
    notices: tuple[Notice, ...]
    """What those who sent the lists should know beside what each file's own notices say."""
    taken: bool = True
    """False where nothing was taken, because a row could not be."""


class _Listed(NamedTuple):
    """A row of a list, and the list that it stands in."""

    row: ListedRow
    spec: BodySpec
    part: BodyFile


class _Places(NamedTuple):
    """What homes are looked up in."""

    levels: LevelWords
    units: UnitWords


async def load_bodies(
    engine: AsyncEngine, *files: BodyFile, changed_by: str, all_or_nothing: bool = False
) -> LoadedBodies:
    """Store people and organisations by their keys; the same list once more changes nothing.

    Parameters
    ----------
    files
        Lists; of several rows with one key the first counts.
    changed_by
        In whose name.
    all_or_nothing
        Whether a single row that cannot be taken means that none is.

    Returns
    -------
    LoadedBodies
        Rows that cannot be taken are named; what a list has no column for stays as it is.

    Notes
    -----
    One transaction; another load waits for it. Some statements, however many rows there are.
    """
    rejects = Rejects()
    for source, part in enumerate(files):
        for place, reason in part.bad:
            rejects.add(ListedRow(source, place), reason)
    async with engine.begin() as connection:
        await list_lookup.lock_lists(connection)
        listed = _first_of_each_key(files, rejects)
        stored = await body_writing.stored_bodies(connection, [one.spec.key for one in listed])
        members = _Members(await body_writing.organisations(connection), listed, stored)
        members.settle(listed, rejects)
        good = [one for one in listed if one.row not in rejects]
        homeless: list[_Listed] = []
        places = await _places(connection)
        wanted = [_merged(one, stored.get(one.spec.key), members, places, homeless) for one in good]
        differing = [body for body in wanted if stored.get(body.key) != body]
        lines = [part.sent.lines for part in files]
        rejected = rejects.told([part.file for part in files], lines)
        if all_or_nothing and rejected:
            return LoadedBodies(0, 0, 0, rejected, (), taken=False)
        if differing:
            found_by = [(body, search_text(body.key, body.name)) for body in differing]
            await body_writing.put(connection, found_by, changed_by)
    added = sum(body.key not in stored for body in differing)
    counts = added, len(differing) - added, len(wanted) - len(differing)
    return LoadedBodies(*counts, rejected, tuple(_notices(homeless)))


def _first_of_each_key(files: Sequence[BodyFile], rejects: Rejects) -> list[_Listed]:
    first: dict[str, _Listed] = {}
    for source, part in enumerate(files):
        for spec in part.bodies:
            one = _Listed(ListedRow(source, spec.place), spec, part)
            before = first.setdefault(spec.key, one)
            if before is not one:
                line = before.part.sent.lines[before.spec.place]
                reason = (
                    f"key {shortened(spec.key)} was there before, in {before.part.file} row {line}"
                )
                rejects.add(one.row, reason)
    return list(first.values())


# -- members --------------------------------------------------------------------------------


class _Members:
    """Of which organisation who is a member, by what a list calls it."""

    def __init__(
        self,
        organisations: Sequence[Organisation],
        listed: Sequence[_Listed],
        stored: Mapping[str, StoredBody],
    ) -> None:
        self.kinds = {one.key: ORGANISATION for one in organisations}
        self.kinds |= {one.spec.key: one.spec.kind for one in listed}
        self.above = {one.key: one.member_of for one in organisations}
        self.stored = {one.key for one in organisations} | set(stored)
        names = {one.key: one.name for one in organisations}
        names |= {one.spec.key: one.spec.name for one in listed if one.spec.kind == ORGANISATION}
        self._named: dict[str, list[str]] = defaultdict(list)
        for key, name in names.items():
            self._named[name].append(key)

    def key_of(self, called: str) -> str:
        """Return the key of an organisation by its key or its name.

        Raises
        ------
        WordNotFoundError
            If there is none, or several have that name.
        """
        if called in self.kinds:
            if self.kinds[called] != ORGANISATION:
                raise WordNotFoundError(f"{shortened(called)} is a person, who has no members")
            return called
        named = self._named.get(called, [])
        if len(named) == 1:
            return named[0]
        what = f"{len(named)} organisations are" if named else "there is no organisation"
        advice = "name its key" if named else "load it before, or in the same load"
        raise WordNotFoundError(f"{what} called {shortened(called)}; {advice}")

    def settle(self, listed: Sequence[_Listed], rejects: Rejects) -> None:
        """Reject the rows that are members of what there is not, and those that follow of that."""
        of = {}
        for one in listed:
            if one.spec.member_of is None:
                continue
            try:
                of[one.spec.key] = self.key_of(one.spec.member_of)
            except WordNotFoundError as error:
                rejects.add(one.row, f"member_of: {error}")
        self._reject_circles(listed, of, rejects)
        gone = {one.spec.key for one in listed if one.row in rejects} - self.stored
        waiting = defaultdict(list)
        for one in listed:
            if one.spec.key in of:
                waiting[of[one.spec.key]].append(one)
        todo = list(gone)
        while todo:
            key = todo.pop()
            for one in waiting.pop(key, ()):
                if one.row not in rejects:
                    reason = f"it is a member of {shortened(key)}, whose own row was not taken"
                    rejects.add(one.row, reason)
                    if one.spec.key not in self.stored:
                        todo.append(one.spec.key)

    def _reject_circles(
        self, listed: Sequence[_Listed], of: Mapping[str, str], rejects: Rejects
    ) -> None:
        """Reject organisations that would be members of themselves, at whatever distance."""
        says = {one.spec.key for one in listed if "member_of" in one.part.says}
        above = {key: up for key, up in self.above.items() if key not in says} | dict(of)
        rows = {one.spec.key: one.row for one in listed}
        safe: set[str] = set()
        for start in of:
            path: dict[str, None] = {}
            key: str | None = start
            while key is not None and key not in safe and key not in path:
                path[key] = None
                key = above.get(key)
            if key is not None and key in path:
                circle = list(path)[list(path).index(key) :]
                for member in circle:
                    if member in rows:
                        rejects.add(rows[member], "it would be a member of itself")
            safe.update(path)


# -- what is written ------------------------------------------------------------------------


async def _places(connection: AsyncConnection) -> _Places:
    edition = await editions.newest(connection)
    names = [] if edition is None else await list_lookup.unit_names(connection, edition.number)
    return _Places(LevelWords(await levels.all_levels(connection)), UnitWords(names))


def _merged(
    one: _Listed,
    stored: StoredBody | None,
    members: _Members,
    places: _Places,
    homeless: list[_Listed],
) -> StoredBody:
    """Return a body as it is to be stored: what its list says, and else what is stored."""
    spec, says = one.spec, one.part.says
    body = stored or StoredBody(
        spec.key, spec.kind, spec.name, None, (), None, None, None, None, {}, {}
    )
    values: dict[str, Any] = {"kind": spec.kind, "name": spec.name}  # by the names of fields
    for field in ("profession", "skills", "home_address"):
        if field in says:
            values[field] = getattr(spec, field)
    if "member_of" in says:
        values["member_of"] = members.key_of(spec.member_of) if spec.member_of else None
    values["contact"] = _updated(body.contact, one.part.contact_says, spec.contact)
    values["properties"] = _updated(body.properties, one.part.property_says, spec.properties)
    if "home_unit" in says:
        found = _home(spec, places)
        values["home_level"], values["home_code"] = found or (None, None)
        values["properties"].pop(HOME, None)
        if found is None and spec.home_unit is not None:
            values["properties"][HOME] = spec.home_unit
            homeless.append(one)
    return body._replace(**values)


def _updated(
    stored: Mapping[str, Any], says: Iterable[str], told: Mapping[str, Any]
) -> dict[str, Any]:
    """Return stored values, but for those of which a list has a column."""
    said = set(says)
    return {key: value for key, value in stored.items() if key not in said} | dict(told)


def _home(spec: BodySpec, places: _Places) -> tuple[str, str] | None:
    """Return the unit of a home; None for one that is none of the city, or not certain."""
    if spec.home_unit is None:
        return None
    try:
        among = places.levels.keys
        if spec.home_level is not None:
            among = [places.levels.find(spec.home_level)]
        return places.units.find(spec.home_unit, among)
    except WordNotFoundError:
        return None


def _notices(homeless: Sequence[_Listed]) -> Iterable[Notice]:
    if homeless:
        one = homeless[0]
        line = one.part.sent.lines[one.spec.place]
        yield Notice(
            "HOME_UNKNOWN",
            f"homes that are no unit of the city, or of several that are called so, were kept as "
            f"the property {HOME!r} of {len(homeless):,} bodies, e.g. "
            f"{shortened(one.spec.home_unit or '')} in {one.part.file} row {line}",
            len(homeless),
        )
