"""Units in an edition or in a draft: by name, above, and in pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.crs import Datum
from geo.errors import BadInputError, UnknownError
from resolvers.context import State
from resolvers.paging import Page, check_length, check_text, take
from resolvers.shapes import areas_of_box
from resolvers.standing import held, page_of
from storage import drafts_reading, families, units
from storage.units import UnitFilter, UnitRow, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolvers.context import Context

Key = tuple[State, str, str]
"""What a unit is seen in, its level and its code."""


class UnitRef(NamedTuple):
    """A unit's lasting name."""

    level: str
    code: str


@dataclass(frozen=True)
class UnitQuestion:
    """Which units of a level are asked for, as the caller says it."""

    level: str
    within: UnitRef | None = None
    codes: Sequence[str] | None = None
    bbox: Sequence[float] | None = None
    datum: Datum = Datum.WGS84
    search: str | None = None
    properties: Any = None  # any JSON value; only an object can be meant


async def by_keys(context: Context, keys: Sequence[Key], wanted: Wanted) -> dict[Key, UnitRow]:
    """Return units by what they are seen in, level and code.

    In a draft that is its own unit where it has one, else the one of the base edition. One
    statement for all drafts, and one for each edition.
    """
    found: dict[Key, UnitRow] = {}
    drawn = [(draft, level, code) for state, level, code in keys for draft in state.drafts]
    if drawn:
        rows = await context.ask(drafts_reading.units_by_codes, drawn, wanted=wanted)
        for key in keys:
            state, level, code = key
            ours = (rows.get((draft, level, code)) for draft in state.drafts)
            row = next((row for row in ours if row is not None), None)
            if row is not None:
                found[key] = row
    rest = [key for key in keys if key not in found]
    for edition, some in _by_edition(rest).items():
        names = list({(level, code): None for _, level, code in some})
        there = held(context, edition, wanted)
        if there is not None:
            standing = there.by_keys(names)
        else:
            standing = await context.ask(units.by_codes, edition, names, wanted=wanted)
        found |= {key: standing[key[1:]] for key in some if key[1:] in standing}
    return found


def _by_edition(keys: Iterable[Key]) -> dict[int, list[Key]]:
    """Return keys by the edition that they are seen in, or that their drafts lie over."""
    groups: dict[int, list[Key]] = {}
    for key in keys:
        if key[0].edition is not None:
            groups.setdefault(key[0].edition, []).append(key)
    return groups


RowKey = tuple[State, bool, int]
"""What a row is seen in, whether it is a draft's own, and its number."""


async def complete(
    context: Context, keys: Sequence[RowKey], wanted: Wanted
) -> dict[RowKey, UnitRow]:
    """Return rows again with more of their columns."""
    found: dict[RowKey, UnitRow] = {}
    drawn = [row_id for _, in_draft, row_id in keys if in_draft]
    if drawn:
        more = await context.ask(drafts_reading.units_by_ids, drawn, wanted=wanted)
        found = {key: more[key[2]] for key in keys if key[1] and key[2] in more}
    editions = {key[0].edition for key in keys if not key[1]}
    for edition in editions:
        some = [key for key in keys if not key[1] and key[0].edition == edition]
        if edition is not None:
            ids = [row_id for _, _, row_id in some]
            more = await context.ask(units.by_rows, edition, ids, wanted=wanted)
            found |= {key: more[key[2]] for key in some if key[2] in more}
    return found


async def one(context: Context, edition: int, ref: UnitRef, wanted: Wanted) -> UnitRow | None:
    """Return a unit of an edition.

    Raises
    ------
    UnknownError
        If there is no such level; a unit that is not there is none.
    """
    check_text("level", ref.level)
    check_text("code", ref.code)
    found = await by_keys(context, [(State(edition), *ref)], wanted)
    if not found:
        (await context.tree()).get(ref.level)
    return next(iter(found.values()), None)


async def upwards(
    context: Context, keys: Sequence[Key], wanted: Wanted
) -> dict[Key, list[UnitRow]]:
    """Return the units from each (state, level, code) upwards, itself first."""
    found: dict[Key, list[UnitRow]] = {}
    for edition, some in _by_edition(key for key in keys if not key[0].drafts).items():
        names = [key[1:] for key in some]
        rows = await context.ask(families.ancestors, edition, names, wanted=wanted)
        found |= {key: rows[key[1:]] for key in some}
    return found | await _climb(context, [key for key in keys if key[0].drafts], wanted)


async def _climb(context: Context, keys: Sequence[Key], wanted: Wanted) -> dict[Key, list[UnitRow]]:
    """Go up level by level, in a draft where it has the unit, else in its base."""
    tree = await context.tree()
    climbed: dict[Key, list[UnitRow]] = {key: [] for key in keys}
    here: dict[Key, Key] = {key: key for key in keys}
    while here:  # once a level
        rows = await by_keys(context, list(dict.fromkeys(here.values())), wanted)
        above: dict[Key, Key] = {}
        for start, key in here.items():
            row = rows.get(key)
            if row is None:
                continue
            climbed[start].append(row)
            level = tree.parent(row.level)
            if level is not None and row.parent_code is not None:
                above[start] = (key[0], level.key, row.parent_code)
        here = above
    return climbed


async def filter_of(context: Context, question: UnitQuestion) -> UnitFilter:
    """Return the filter that a question means.

    Raises
    ------
    BadInputError, UnknownError, LimitExceededError
        If it cannot be meant.
    """
    tree = await context.tree()
    tree.get(question.level)
    through: tuple[str, ...] = ()
    if question.within is not None:
        check_text("within", question.within.code)
        through = tree.require_above(question.within.level, question.level, argument="within")
    if question.codes is not None:
        check_length("codes", question.codes)
        check_text("codes", *question.codes)
    if question.search is not None:
        check_text("search", question.search)
    return UnitFilter(
        level=question.level,
        within=question.within.code if question.within else None,
        through=through,
        codes=tuple(question.codes) if question.codes is not None else None,
        areas=areas_of_box(question.bbox, question.datum) if question.bbox is not None else None,
        search=" ".join((question.search or "").lower().split()) or None,
        properties=json_object(question.properties),
    )


def json_object(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the text of the JSON object that the argument ``properties`` gives; None of none."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadInputError(
            'properties must be an object, e.g. {"kind": "urban"}', argument="properties"
        )
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise BadInputError("properties is nested too deep", argument="properties") from None
    check_text("properties", text, text.replace("\\u0000", "\0"))
    return text


async def page(
    context: Context,
    edition: int,
    which: UnitFilter,
    *,
    within: UnitRef | None,
    first: int,
    after: str | None,
    wanted: Wanted,
) -> Page[UnitRow]:
    """Return a page of the units that a filter finds, by code.

    Raises
    ------
    UnknownError
        If ``within`` names no unit of the edition.
    """
    there = held(context, edition, wanted) if _is_plain(which) else None
    if there is not None:
        rows = page_of(there.matching(which), first=first + 1, after=after)
    else:
        rows = await context.ask(
            units.page, edition, which, first=first + 1, after=after, wanted=wanted
        )
    if not rows and within is not None:
        await require_unit(context, edition, within, argument="within")
    return take(rows, first)


async def count(context: Context, edition: int, which: UnitFilter) -> int:
    """Return how many units a filter finds."""
    there = held(context, edition, Wanted.NOTHING) if _is_plain(which) else None
    if there is not None:
        return len(there.matching(which))
    return await context.ask(units.count, edition, which)


def _is_plain(which: UnitFilter) -> bool:
    """Return whether a filter asks for nothing that only the database can look for."""
    return not which.search and which.properties is None


async def require_unit(context: Context, edition: int, ref: UnitRef, *, argument: str) -> UnitRow:
    """Return a unit.

    Raises
    ------
    UnknownError
        If it does not stand in the edition.
    """
    (await context.tree()).get(ref.level, argument=argument)
    check_text(argument, ref.code)
    found = await by_keys(context, [(State(edition), *ref)], Wanted.NOTHING)
    if not found:
        raise UnknownError(
            f"there is no {ref.level} {ref.code!r} in edition {edition}", argument=argument
        )
    return next(iter(found.values()))


async def search(
    context: Context,
    text: str,
    *,
    levels: Sequence[str] | None,
    within: UnitRef | None,
    first: int,
    wanted: Wanted,
) -> list[UnitRow]:
    """Return the units of today's edition whose code, name or pinyin holds every word, best first.

    Raises
    ------
    NoEditionError, UnknownError, LimitExceededError, BadInputError
        If it cannot be meant.
    """
    check_text("text", text)
    edition = (await context.edition()).number
    tree = await context.tree()
    if levels is not None:
        check_length("levels", levels)
    keys = [tree.get(key, argument="levels").key for key in levels] if levels is not None else None
    paths: dict[str, tuple[str, ...]] | None = None
    if within is not None:
        check_text("within", within.code)
        tree.get(within.level, argument="within")
        below = [spec.key for spec in tree.below(within.level)]
        keys = [key for key in below if keys is None or key in keys]
        paths = {key: tree.between(within.level, key) or () for key in keys}
    words = text.lower().split()
    check_length("text", words, MAX_WORDS)
    if not words or keys == []:
        return []
    rows = await context.ask(
        units.search,
        edition,
        words,
        levels=keys if keys is not None else [spec.key for spec in tree.specs],
        paths=paths,
        within=within.code if within else None,
        first=first,
        wanted=wanted,
    )
    if not rows and within is not None:
        await require_unit(context, edition, within, argument="within")
    return rows


MAX_WORDS = 16
"""The most words of one search."""
