"""Completes values of one type: many at a time, by functions that are made once for a field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from graphql import (
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from schema.driving import close, together

if TYPE_CHECKING:
    from graphql import GraphQLAbstractType, GraphQLLeafType, GraphQLObjectType

    from schema.columns import Below, Column
    from schema.driving import Outcomes
    from schema.executor import Run

Values = list[Any]  # what resolvers return, and what goes into answers
Kind: TypeAlias = Any
"""GraphQL's output types, which are told apart as they come."""
Pending = list["Late"]
Complete = Callable[[Values, "Run", Pending], Values]
"""Completes values; what they lack yet is added to the list."""


FEW = 16
"""A list of less than one in so many things is completed by itself."""

MOST_SHOWN = 4
"""Ways in which all things of a kind are kept as they are shown."""

MOST_KEPT = 2
"""Ways in which one thing is kept as it is shown: there may be twenty thousand of them."""


class SlowError(Exception):
    """Something that only graphql-core's own way can answer."""


def completer(kind: Kind, below: Below) -> Complete:
    """Return what completes values of a type.

    Parameters
    ----------
    below
        What is selected of them.
    """
    if is_non_null_type(kind):
        return _required(completer(kind.of_type, below))
    if is_leaf_type(kind):
        return lambda values, _run, _pending: leaves(kind, values)
    if is_list_type(kind):
        return _listed(completer(kind.of_type, below))
    if is_object_type(kind):
        return _of_objects(kind, below)
    return lambda values, run, pending: _abstract(kind, below, values, run, pending)


def _required(complete: Complete) -> Complete:
    """Return what refuses null: graphql-core says where it was."""

    def required(values: Values, run: Run, pending: Pending) -> Values:
        done = complete(values, run, pending)
        if None in done:
            raise SlowError
        return done

    return required


class Picked(NamedTuple):
    """A list of some of many things that all requests share, of plain fields without arguments."""

    things: Values
    which: list[int]
    """Their places among the things."""
    shown: dict[Any, Values]
    """All the things as they were completed, by what did that."""

    def completed(self, complete: Complete, run: Run, pending: Pending) -> Values:
        """Complete the list: all things at once, where that soon pays."""
        made = self.shown.get(complete)
        if made is None:
            if len(self.which) * FEW < len(self.things):
                return complete([self.things[at] for at in self.which], run, pending)
            made = complete(self.things, run, pending)
            if len(self.shown) >= MOST_SHOWN:
                self.shown.clear()
            self.shown[complete] = made
        return [made[at] for at in self.which]


class Kept(NamedTuple):
    """A thing of which the same is shown to all requests whose text selects the same."""

    thing: Any
    holds: int
    """How many things the answer names: see :meth:`schema.request.RequestContext.spend`."""
    shown: dict[int, Any]
    """As it was completed, by the number of what did that: a text that is forgotten may go."""


_NUMBERS = count()


def _of_objects(kind: GraphQLObjectType, below: Below) -> Complete:
    """Return what completes things of one type."""
    number = next(_NUMBERS)

    def objects(values: Values, run: Run, pending: Pending) -> Values:
        if len(values) != 1 or type(values[0]) is not Kept:
            return _objects(kind, below, values, run, pending)
        thing, holds, shown = values[0]
        made = shown.get(number)
        if made is not None:
            run.context.spend(holds)
            return [made]
        found = _objects(kind, below, [thing], run, pending)
        if not pending:
            if len(shown) >= MOST_KEPT:
                shown.clear()
            shown[number] = found[0]
        return found

    return objects


def _listed(complete: Complete) -> Complete:
    """Return what completes lists as one long list."""

    def listed(values: Values, run: Run, pending: Pending) -> Values:
        if len(values) == 1 and type(values[0]) is Picked:
            return [values[0].completed(complete, run, pending)]
        done = complete(_flat(values), run, pending)
        if len(values) == 1 and values[0] is not None:
            return [done]
        parts: Values = []
        start = 0
        for value in values:
            if value is None:
                parts.append(None)
            else:
                parts.append(done[start : start + len(value)])
                start += len(value)
        return parts

    return listed


def _flat(values: Values) -> Values:
    """Return what several lists hold."""
    flat: Values = []
    for value in values:
        if value is not None:
            if type(value) is not list and type(value) is not tuple:
                raise SlowError
            flat.extend(value)
    return flat


_PLAIN: dict[str, frozenset[type]] = {
    "String": frozenset({str, type(None)}),
    "ID": frozenset({str, type(None)}),
    "Boolean": frozenset({bool, type(None)}),
}
_INT_MAX = 2**31 - 1


def leaves(kind: GraphQLLeafType, values: Values) -> Values:
    """Return scalars and enumerators as they go out.

    Raises
    ------
    SlowError
        If one comes out as nothing, which is an error.
    """
    types = set(map(type, values))
    plain = _PLAIN.get(kind.name)
    if plain is not None and plain.issuperset(types):
        return values
    if (
        kind.name == "Int"
        and types == {int}
        and -_INT_MAX <= min(values) <= max(values) <= _INT_MAX
    ):
        return values
    if kind.name == "Float" and types == {float} and all(map(isfinite, values)):
        return values
    coerce = kind.coerce_output_value
    done = [None if value is None else coerce(value) for value in values]
    if done.count(None) != values.count(None):
        raise SlowError
    return done


def _objects(
    kind: GraphQLObjectType, below: Below, values: Values, run: Run, pending: Pending
) -> Values:
    """Complete things of one type, column by column."""
    things = [value for value in values if value is not None]
    columns = below.columns(kind, run)
    if columns is None:
        raise SlowError
    _check(kind, below, things, run)
    made = _tabulate(columns, things, run, pending)
    if len(things) == len(values):
        return made
    rest = iter(made)
    return [None if value is None else next(rest) for value in values]


def _abstract(
    kind: GraphQLAbstractType, below: Below, values: Values, run: Run, pending: Pending
) -> Values:
    """Complete things of several types, those of each type together."""
    places: dict[str, list[int]] = {}
    info = run.raw(below.place)
    for at, value in enumerate(values):
        if value is not None:
            if isinstance(value, BaseException | Awaitable) or kind.resolve_type is None:
                raise SlowError
            places.setdefault(cast("str", kind.resolve_type(value, info, kind)), []).append(at)
    made: Values = [None] * len(values)
    for name, here in places.items():
        found = run.operation.schema.get_type(name)
        if not is_object_type(found) or not run.operation.schema.is_sub_type(kind, found):
            raise SlowError
        done = _objects(found, below, [values[at] for at in here], run, pending)
        for at, value in zip(here, done, strict=True):
            made[at] = value
    return made


def _check(kind: GraphQLObjectType, below: Below, things: Values, run: Run) -> None:
    """Refuse what is not of the type, as an exception in the place of a thing."""
    usual = kind.extensions["strawberry-definition"].origin
    for made, thing in {type(thing): thing for thing in things}.items():
        if made is usual:
            continue
        if isinstance(thing, BaseException | Awaitable):
            raise SlowError
        if kind.is_type_of is not None and not kind.is_type_of(thing, run.raw(below.place)):
            raise SlowError


def _tabulate(columns: list[Column], things: Values, run: Run, pending: Pending) -> Values:
    """Ask things for their columns, and return them as they go out."""
    taken: list[Values] = []
    late: list[tuple[Column, Outcomes]] = []
    nothing = [None] * len(things)
    try:
        for column in columns:
            found = column.take(things, run)
            if isinstance(found, list):
                taken.append(column.complete(found, run, pending))
            else:
                taken.append(nothing)
                late.append((column, found))
    except BaseException:
        close(found for _, found in late)
        raise
    names = [column.name for column in columns]
    made = _rows(names, taken) if columns else [{} for _ in things]  # all of it may be skipped
    pending.extend(Late(run, column, found, made) for column, found in late)
    return made


def _rows(names: list[str], columns: list[Values]) -> Values:
    """Return the rows of a table of one column at least: displays are three times as quick."""
    match names:
        case [a]:
            return [{a: p} for p in columns[0]]
        case [a, b]:
            return [{a: p, b: q} for p, q in zip(*columns, strict=True)]
        case [a, b, c]:
            return [{a: p, b: q, c: r} for p, q, r in zip(*columns, strict=True)]
        case [a, b, c, d]:
            return [{a: p, b: q, c: r, d: s} for p, q, r, s in zip(*columns, strict=True)]
        case [a, b, c, d, e]:
            return [{a: p, b: q, c: r, d: s, e: t} for p, q, r, s, t in zip(*columns, strict=True)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


class Late:
    """A column that has to be waited for.

    Parameters
    ----------
    run
        Of which request.
    column
        Which.
    found
        Its values, when they are there.
    made
        The things that it belongs to, completed but for it.
    """

    def __init__(self, run: Run, column: Column, found: Outcomes, made: Values) -> None:
        self._run = run
        self._column = column
        self._found = found
        self._made = made

    async def arrive(self) -> None:
        """Complete the column, and put it where it belongs."""
        name = self._column.name
        pending: Pending = []
        values = await self._found
        try:
            done = self._column.complete(values, self._run, pending)
            for thing, value in zip(self._made, done, strict=True):
                thing[name] = value
        except BaseException:
            close(pending)
            raise
        await arrived(pending)

    def close(self) -> None:
        """Give it up."""
        self._found.close()


async def arrived(pending: Pending) -> None:
    """Wait for columns."""
    if not pending:
        return
    try:
        await together([late.arrive() for late in pending])
    except BaseException:
        close(pending)
        raise
