"""Fields of many units at once: what is held in memory is not asked for one by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from resolvers.children import descent_in, held_children
from resolvers.paging import Page, page_size
from schema.columns import shortcut
from schema.enums import Datum
from schema.lookahead import page_asked, page_wanted
from schema.scalars import GeoJSON, as_json
from schema.unit_lists import UnitConnection, child_cursor
from schema.units import Unit, units_of
from storage.units import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolvers.context import State
    from schema.request import Info
    from storage.units import UnitRow


def _all_have(units: Sequence[Unit], wanted: Wanted) -> bool:
    """Return whether all rows were read with some columns; most share one flag."""
    flags = {id(unit.row.wanted): unit.row.wanted for unit in units}
    return all(wanted in one for one in flags.values())


@shortcut("Unit", "geometry")
def _geometries(units: Sequence[Unit], _info: Info, asked: dict[str, Any]) -> list[GeoJSON] | None:
    plain = asked.get("datum") in {None, Datum.WGS84} and asked.get("tolerance_m") is None
    if not plain or not _all_have(units, Wanted.GEOMETRY):
        return None
    return [GeoJSON(as_json(unit.row.geojson or "null")) for unit in units]


@shortcut("Unit", "households")
def _households(units: Sequence[Unit], _info: Info, _asked: dict[str, Any]) -> list[int] | None:
    if not _all_have(units, Wanted.TALLY):
        return None
    return [unit.row.households or 0 for unit in units]


@shortcut("Unit", "people")
def _people(units: Sequence[Unit], _info: Info, _asked: dict[str, Any]) -> list[int] | None:
    if not _all_have(units, Wanted.TALLY):
        return None
    return [unit.row.people or 0 for unit in units]


@shortcut("Unit", "children")
def _children(
    units: Sequence[Unit], info: Info, asked: dict[str, Any]
) -> list[UnitConnection] | None:
    state, levels = state_of(units), {unit.row.level for unit in units}
    tree = info.context.reading.noted_tree()
    if state is None or tree is None or len(levels) != 1 or asked.get("after") is not None:
        return None
    way, size = descent_in(tree, levels.pop(), asked.get("level")), page_size(asked["first"], 100)
    pages: dict[str, Page[UnitRow]] | None = {}
    if page_asked(info):
        codes = [unit.code for unit in units]
        pages = held_children(
            info.context.reading, state, way, codes, first=size, wanted=page_wanted(info)
        )
    if pages is None:
        return None
    info.context.spend(len(units))
    count = partial(info.context.count_children, state, way)
    nothing: Page[UnitRow] = Page([], more=False)
    return [
        UnitConnection(
            page=pages.get(unit.code, nothing),
            state=state,
            after=None,
            cursor=child_cursor,
            count=partial(count, unit.code),
        )
        for unit in units
    ]


def state_of(units: Sequence[Unit]) -> State | None:
    """Return the state that all units are seen in; None where they are not seen in one."""
    states = {id(unit.state): unit.state for unit in units}  # most share one
    found = set(states.values())
    return found.pop() if len(found) == 1 else None


@shortcut("UnitConnection", "nodes")
def _nodes(lists: Sequence[UnitConnection], info: Info, _asked: dict[str, Any]) -> list[list[Unit]]:
    info.context.spend(sum(len(one.page.rows) for one in lists))
    return [units_of(info, one.page.rows, one.state) for one in lists]
