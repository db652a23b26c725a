"""Batches of points on their way in: a thousand at a time, looked at as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from graphql import ListTypeNode, NamedTypeNode, NonNullTypeNode

from resolvers.places import Points
from schema.enums import Datum
from schema.shape import MAX_LIST, MAX_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphql import OperationDefinitionNode, TypeNode
    from numpy.typing import NDArray

    from schema.arguments import PointInput

_POINT = "PointInput"

FEW = 8
"""So few points are taken as anything else is."""


_PLACE = itemgetter("lon", "lat")


class PointBatch(Sequence[dict[str, Any]]):
    """Points in WGS 84 that were sent as a variable; each reads as graphql-core would give it.

    Parameters
    ----------
    lonlat
        Degrees, shape (n, 2).
    """

    def __init__(self, lonlat: NDArray[np.float64]) -> None:
        self.lonlat = lonlat

    def __len__(self) -> int:
        return len(self.lonlat)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(_as_given, self.lonlat.tolist())

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        found = self.lonlat[at].tolist()
        return _as_given(found) if isinstance(at, int) else [_as_given(one) for one in found]


def _as_given(place: list[float]) -> dict[str, Any]:
    return {"lon": place[0], "lat": place[1], "datum": Datum.WGS84}


def points_of(given: Sequence[PointInput]) -> Points:
    """Return the points of an argument, which may be a batch."""
    batch: object = given
    if isinstance(batch, PointBatch):
        return Points(batch.lonlat, None)
    return Points.of([point.plain() for point in given])


def names_of_lists(operation: OperationDefinitionNode) -> list[str]:
    """Return the variables that are lists of points."""
    return [
        one.variable.name.value
        for one in operation.variable_definitions or ()
        if _of_points(one.type)
    ]


def batches_in(names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, PointBatch]:
    """Return the variables that are batches of plain points; whatever is odd about one, it is none.

    Parameters
    ----------
    names
        Of those that are lists of points.
    variables
        As they came: graphql-core looks at all the others.
    """
    lists = {name: variables[name] for name in names if isinstance(variables.get(name), list)}
    if 3 * sum(map(len, lists.values())) > MAX_VALUES:  # a point and its numbers: too many anyhow
        return {}
    made = {name: _batch(value) for name, value in lists.items()}
    return {name: batch for name, batch in made.items() if batch is not None}


def _of_points(kind: TypeNode) -> bool:
    """Return whether a variable is a list of points."""
    if isinstance(kind, NonNullTypeNode):
        kind = kind.type
    if not isinstance(kind, ListTypeNode):
        return False
    item = kind.type.type if isinstance(kind.type, NonNullTypeNode) else kind.type
    return isinstance(item, NamedTypeNode) and item.name.value == _POINT


def _batch(value: list[Any]) -> PointBatch | None:
    """Return the points of a list of objects of nothing but two numbers."""
    if not FEW <= len(value) <= MAX_LIST:
        return None
    if set(map(type, value)) != {dict} or set(map(len, value)) != {2}:
        return None
    try:
        numbers = list(chain.from_iterable(map(_PLACE, value)))
    except KeyError:
        return None
    if not set(map(type, numbers)) <= {float, int}:
        return None
    try:
        lonlat = np.array(numbers, np.float64).reshape(-1, 2)
    except OverflowError:
        return None
    return PointBatch(lonlat) if np.isfinite(lonlat).all() else None
