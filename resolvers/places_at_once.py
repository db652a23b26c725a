"""Where points are, as what is held in memory tells: nothing is asked and nothing waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolvers.border_rule import choice_of
from resolvers.paging import check_length
from resolvers.places import MAX_POINTS, PlaceRow, looked_at, one_to_wgs84, to_wgs84
from resolvers.standing import held
from storage.units import Wanted

if TYPE_CHECKING:
    import datetime as dt

    from resolvers.context import Context
    from resolvers.place_codes import Codes
    from resolvers.places import Point, Points


def place_at_once(
    context: Context, point: Point, *, level: str | None, as_of: dt.date | None, wanted: Wanted
) -> PlaceRow | None:
    """Return the same as :func:`resolvers.places.place_at`; None where that must ask."""
    tree, edition = context.noted_tree(), context.noted_edition(as_of)
    if tree is None or edition is None:
        return None
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    here, standing = one_to_wgs84(point), held(context, edition.number, wanted)
    if here is None or standing is None:
        return None
    chosen = standing.choice(*here, (tree, asked), lambda hits: choice_of(tree, hits, asked, set()))
    if chosen is None or not chosen.is_there:
        return None
    units, hits, on_border, _, shown = chosen
    return PlaceRow(edition.number, asked, units, hits, on_border, None, *here, shown=shown)


def places_at_once(
    context: Context, points: Points, *, level: str | None, as_of: dt.date | None
) -> Codes | None:
    """Return the same as :func:`resolvers.places.places_at`; None where that must ask."""
    check_length("points", points, MAX_POINTS)
    tree, edition = context.noted_tree(), context.noted_edition(as_of)
    if tree is None or edition is None:
        return None
    asked = tree.get(level).key if level is not None else tree.branch(None)[0]
    there = held(context, edition.number, Wanted.NOTHING)
    if there is None or looked_at(tree, asked) != [asked]:
        return None
    if not there.waived.isdisjoint(tree.upward(asked)):
        return None
    lonlat, good = to_wgs84(points)
    return there.codes(asked, lonlat) if good.all() else None
