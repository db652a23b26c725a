"""Loads people and organisations from lists; rows that cannot be taken are given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from resolvers.body_members import Listed, Members
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
from storage.body_writing import StoredBody

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sources.bodies import BodyFile, BodySpec

__all__ = ["LoadedBodies", "Reject", "load_bodies"]

HOME = "home"
"""The property that keeps a home which is no unit of the city."""


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
        members = Members(await body_writing.organisations(connection), listed, stored)
        members.settle(rejects)
        good = [one for one in listed if one.row not in rejects]
        homeless: list[Listed] = []
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


def _first_of_each_key(files: Sequence[BodyFile], rejects: Rejects) -> list[Listed]:
    first: dict[str, Listed] = {}
    for source, part in enumerate(files):
        for spec in part.bodies:
            one = Listed(ListedRow(source, spec.place), spec, part)
            before = first.setdefault(spec.key, one)
            if before is not one:
                line = before.part.sent.lines[before.spec.place]
                reason = (
                    f"key {shortened(spec.key)} was there before, in {before.part.file} row {line}"
                )
                rejects.add(one.row, reason)
    return list(first.values())


# -- what is written ------------------------------------------------------------------------


async def _places(connection: AsyncConnection) -> _Places:
    edition = await editions.newest(connection)
    names = [] if edition is None else await list_lookup.unit_names(connection, edition.number)
    return _Places(LevelWords(await levels.all_levels(connection)), UnitWords(names))


def _merged(
    one: Listed,
    stored: StoredBody | None,
    members: Members,
    places: _Places,
    homeless: list[Listed],
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


def _notices(homeless: Sequence[Listed]) -> Iterable[Notice]:
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
