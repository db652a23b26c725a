"""What a query asks for below a field, so that one SQL statement can fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from graphql import FieldNode, FragmentSpreadNode, value_from_ast_untyped

from schema.request import Info
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from graphql import GraphQLResolveInfo, SelectionNode, SelectionSetNode

    Raw = GraphQLResolveInfo[Any]

T = TypeVar("T")

Fields = dict[str, list[FieldNode]]
"""Selected fields by name, whatever their aliases."""

_PLAIN = {
    "properties": Wanted.PROPERTIES,
    "households": Wanted.TALLY,
    "people": Wanted.TALLY,
    "groups": Wanted.TALLY,
    "since": Wanted.SPAN,
    "until": Wanted.SPAN,
    "labelPoint": Wanted.LABEL,
}

_OF_PLACE = frozenset({"units", "onBorder", "__typename"})
_OF_UNIT = frozenset({"code", "name", "areaM2", "__typename"})
"""Fields that neither ask anything nor look at who asks."""


def asked(info: Info, *path: str) -> Fields:
    """Return the fields selected below the current field, or below ``path`` from there.

    Parameters
    ----------
    path
        Names of fields to go down.
    """
    raw = _raw(info)
    fields = _merge(raw, raw.field_nodes)
    for name in path:
        fields = _merge(raw, fields.get(name, []))
    return fields


def unit_wanted(info: Info, *path: str) -> Wanted:
    """Return what to read of the units that the current field, or ``path`` below it, returns."""
    return _cached(info, path, lambda: _of_unit(_raw(info), asked(info, *path)))


def page_wanted(info: Info) -> Wanted:
    """Return what to read of the units of the connection that the current field returns."""

    def find() -> Wanted:
        raw = _raw(info)
        wanted = _of_unit(raw, asked(info, "nodes")) | _of_unit(raw, asked(info, "edges", "node"))
        for node in asked(info).get("featureCollection", []):
            wanted |= Wanted.TALLY | _of_geometry(_arguments(raw, node), Wanted.GEOMETRY)
        return wanted

    return _cached(info, ("page",), find)


def is_plain_place(info: Info) -> bool:
    """Return whether places with the same units show the same, whoever asks for the current field.

    Notes
    -----
    What looks at the asker, at the day or at the point itself is not plain.
    """

    def find() -> bool:
        fields = asked(info)
        if not fields.keys() <= _OF_PLACE or len(fields.get("units", ())) != 1:
            return False
        return asked(info, "units").keys() <= _OF_UNIT

    return _cached(info, ("plain",), find)


def page_asked(info: Info) -> bool:
    """Return whether more than the total of a connection is asked for."""
    return bool({"nodes", "edges", "pageInfo", "featureCollection"} & set(asked(info)))


def _cached(info: Info, path: Sequence[str], find: Callable[[], T]) -> T:
    """Return the same for the same selection: many siblings ask."""
    key = (path, *map(id, _raw(info).field_nodes))
    known = cast("dict[Hashable, T]", info.context.wanted)
    if key not in known:
        known[key] = find()
    return known[key]


def _raw(info: Info) -> Raw:
    return info._raw_info


def _of_unit(raw: Raw, fields: Fields) -> Wanted:
    wanted = Wanted.NOTHING
    for name, nodes in fields.items():
        wanted |= _PLAIN.get(name, Wanted.NOTHING)
        if name == "geometry":
            for node in nodes:
                wanted |= _of_geometry(_arguments(raw, node), Wanted.GEOMETRY)
        elif name == "bbox":
            for node in nodes:
                wanted |= _of_geometry(_arguments(raw, node), Wanted.BBOX)
    return wanted


def _of_geometry(arguments: dict[str, Any], plain: Wanted) -> Wanted:
    """Return what a picture needs: ready text, the shape itself, or (simplified) neither."""
    if arguments.get("toleranceM") is not None:
        return Wanted.NOTHING
    datum = arguments.get("datum")
    name = getattr(datum, "value", datum)
    return plain if name in {None, "WGS84"} else Wanted.SHAPE


def _arguments(raw: Raw, node: FieldNode) -> dict[str, Any]:
    return {
        argument.name.value: value_from_ast_untyped(argument.value, _variables(raw))
        for argument in node.arguments or ()
    }


def _variables(raw: Raw) -> dict[str, Any]:
    variables: Any = raw.variable_values
    coerced: dict[str, Any] = getattr(variables, "coerced", variables)
    return coerced


def _merge(raw: Raw, nodes: Iterable[FieldNode]) -> Fields:
    fields: Fields = {}
    seen: set[str] = set()
    for node in nodes:
        for field in _walk(raw, node.selection_set, seen):
            fields.setdefault(field.name.value, []).append(field)
    return fields


def _walk(raw: Raw, selections: SelectionSetNode | None, seen: set[str]) -> Iterator[FieldNode]:
    """Yield the fields of a selection, those of its fragments too, whatever their type.

    Parameters
    ----------
    seen
        Fragments of this place: each is followed once, as execution does. Those that spread the
        next one twice would double at each step.
    """
    for node in selections.selections if selections else ():
        if _left_out(raw, node):
            continue
        if isinstance(node, FieldNode):
            yield node
        elif not isinstance(node, FragmentSpreadNode):
            yield from _walk(raw, getattr(node, "selection_set", None), seen)
        elif node.name.value not in seen:
            seen.add(node.name.value)
            yield from _walk(raw, raw.fragments[node.name.value].selection_set, seen)


def _left_out(raw: Raw, node: SelectionNode) -> bool:
    for directive in node.directives or ():
        name = directive.name.value
        if name in {"skip", "include"} and directive.arguments:
            value = value_from_ast_untyped(directive.arguments[0].value, _variables(raw))
            if bool(value) == (name == "skip"):
                return True
    return False
