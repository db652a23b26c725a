"""Things by their global ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from geo.errors import BadInputError, WanggeError
from resolvers import assignments, bodies, drafts_reading, facilities, reading
from schema.common import Node
from schema.drafts import Draft
from schema.duties import Assignment, Body
from schema.editions import Edition
from schema.facilities import Facility
from schema.findings import Finding
from schema.ids import GlobalId, IdKind, decode
from schema.request import Info
from schema.units import Unit

V = TypeVar("V")
K = TypeVar("K")


async def node_of(info: Info, text: str) -> Node | None:
    """Show what an id names; None where it is gone or was never there."""
    known = decode(text)
    if known.kind is IdKind.DRAFT:  # alone, so that a foreign one is told from none
        row = await drafts_reading.one(info.context.reading, known.number)
        return Draft.of(row) if row else None
    return (await _load(info, known.kind, [known.key])).get(known.key)


async def nodes_of(info: Info, texts: Sequence[str]) -> list[Node | Exception | None]:
    """Show what many ids name, in their order; an error in the place of a bad one."""
    known: list[GlobalId | WanggeError] = []
    keys: dict[IdKind, dict[str, None]] = {}
    for text in texts:
        try:
            one = decode(text, argument="ids")
            keys.setdefault(one.kind, {})[one.key] = None
            known.append(one)
        except BadInputError as error:
            known.append(error)
    found: dict[IdKind, Mapping[str, Node] | WanggeError] = {}
    for kind, some in keys.items():
        try:
            found[kind] = await _load(info, kind, list(some))
        except WanggeError as error:  # drafts, for a reader
            found[kind] = error
    return [_entry(found, one) for one in known]


def _entry(
    found: Mapping[IdKind, Mapping[str, Node] | WanggeError], one: GlobalId | WanggeError
) -> Node | Exception | None:
    if isinstance(one, WanggeError):
        return one
    loaded = found[one.kind]
    return loaded if isinstance(loaded, WanggeError) else loaded.get(one.key)


async def _load(info: Info, kind: IdKind, keys: Sequence[str]) -> Mapping[str, Node]:
    """Load all ids of a kind: one statement for units, and a few for what has more to it."""
    context = info.context.reading
    if kind is IdKind.FINDING:
        findings = await reading.findings_by_ids(context, keys)
        return {key: Finding.of(*found) for key, found in findings.items()}
    numbers = [int(key) for key in keys]
    if kind is IdKind.UNIT:
        return _shown(await reading.units_by_ids(context, numbers), lambda found: Unit.of(*found))
    if kind is IdKind.DRAFT_UNIT:
        drawn = await reading.draft_units_by_ids(context, numbers)
        return _shown(drawn, lambda found: Unit.of(*found))
    if kind is IdKind.DRAFT:
        return _shown(await drafts_reading.by_ids(context, numbers), Draft.of)
    if kind is IdKind.EDITION:
        small = [number for number in numbers if number < _MAX_EDITION]
        return _shown(await reading.editions_by_numbers(context, small), Edition.of)
    return await _load_of_today(info, kind, numbers)


async def _load_of_today(info: Info, kind: IdKind, numbers: Sequence[int]) -> Mapping[str, Node]:
    """Load what is seen on a day, and belongs to no edition."""
    context, today = info.context.reading, info.context.reading.today
    if kind is IdKind.FACILITY:
        states = await facilities.by_rows(context, numbers)
        return _shown(states, lambda row: Facility.of(row, facilities.day_within(row, today)))
    if kind is IdKind.BODY:
        known = await bodies.by_rows(context, numbers)
        return _shown(known, lambda row: Body.of(row, today))
    seen = await assignments.by_ids(context, numbers)
    return _shown(seen, lambda row: Assignment.of(row, today))


_MAX_EDITION = 2**31
"""Edition numbers are 32-bit integers."""


def _shown(found: Mapping[int, V], show: Callable[[V], Any]) -> dict[str, Node]:
    return {str(number): show(value) for number, value in found.items()}
