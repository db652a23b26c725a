"""Rows that differ between two states, compared with what is around them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from anyio import to_thread

from geo.changes import all_added, find_changes
from geo.changes_homes import NO_HOMES, Homes
from geo.changes_told import ChangeSet, after_count
from geo.crs import LocalMetric
from geo.findings import Kind
from geo.levels import Tiling
from geo.world import Units
from sources.names import matching_form
from storage import changes as store
from storage import proofs
from storage.changes import Nearby

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resolvers.context import Context
    from resolvers.importing import Imported
    from storage.changes import Differing, EditionPair

MAX_BOXES = 2000
"""Up to so many changed units their surroundings are looked for one by one; else all together."""

REACH_DEG = 1e-6
"""How far beyond a unit its surroundings are looked for, in degrees (about 0.1 m)."""


def changes_of_import(made: Imported) -> ChangeSet:
    """Return what an import that is still in memory would change on its ground.

    Notes
    -----
    Pure work: run it in a thread.
    """
    level, within = made.level, made.within
    before, after = made.before.world, made.checked.world
    standing, checked = before.of(level), after.of(level)
    ground = np.ones(len(standing), bool) if within is None else before.below(within, level)
    context = standing.take(~ground)
    old = standing.take(ground)
    ours = np.zeros(len(checked), bool)
    ours[: len(checked) - len(context)] = True  # the file's rows come first
    ours &= np.array([code != "" for code in checked.codes], bool)
    new = checked.take(ours)
    if not len(old) and not any(f.kind is Kind.INVALID_RING for f in made.checked.report.findings):
        # As most first files are: nothing has to be laid over anything.
        area_m2 = made.checked.area_m2[~shapely.is_missing(made.checked.geoms)]
        return all_added(level, new, area_m2[ours[: len(area_m2)]])
    people = made.before.addresses
    named = people.compounds if after.level(level).tiling is Tiling.DISJOINT else None
    outline = after.outline
    land = (
        np.concatenate([old.geoms, new.geoms]) if outline is None else np.array([outline], object)
    )
    return find_changes(
        level,
        old,
        new,
        metric_around(land),
        still=context,
        homes=Homes(people.lonlat, people.households, named),
        moves=bool(len(standing) and len(new)),
        matching=matching_form,
    )


async def compare(
    context: Context,
    pairs: Sequence[EditionPair],
    differing: Sequence[Differing],
    counts: Sequence[int],
) -> list[ChangeSet]:
    """Compare the rows that differ, pair by pair, each in a thread.

    Parameters
    ----------
    pairs
        The editions whose units and addresses are around them.
    counts
        How many units stand afterwards.
    """
    tree = await context.tree()
    disjoint = [tree.get(pair.level).tiling is Tiling.DISJOINT for pair in pairs]
    # The newer edition's addresses, whichever way the time runs.
    later = [pair._replace(after=max(pair.before, pair.after)) for pair in pairs]
    places = [_nearby(*both) for both in zip(differing, disjoint, counts, strict=True)]
    homes = [NO_HOMES] * len(pairs)
    still = [Units.none()] * len(pairs)
    if any(place.boxes for place in places):
        spots = await context.ask(store.spots_near, later, places)
        homes = [
            Homes(spot.lonlat, spot.households, spot.named if apart else None)
            for spot, apart in zip(spots, disjoint, strict=True)
        ]
        named = [_with_names(*both) for both in zip(places, homes, strict=True)]
        near = await context.ask(store.units_near, pairs, named)
        still = [_still(*both) for both in zip(near, differing, strict=True)]
    metric = await _metric(context, pairs, differing)
    found = []
    around = zip(homes, still, strict=True)
    for pair, rows, beside, count in zip(pairs, differing, around, counts, strict=True):
        found.append(await to_thread.run_sync(_work, pair.level, rows, beside, count, metric))
    return found


def _work(
    level: str, rows: Differing, around: tuple[Homes, Units], count: int, metric: LocalMetric
) -> ChangeSet:
    found = find_changes(
        level,
        rows.before,
        rows.after,
        metric,
        still=around[1],
        homes=around[0],
        moves=_can_move(rows, count),
        matching=matching_form,
    )
    return replace(found, unchanged=count - after_count(found.changes))


def _can_move(rows: Differing, count: int) -> bool:
    """Return whether units stood, and are to stand: else nothing can pass between them."""
    return count > 0 and (len(rows.before) > 0 or count > len(rows.after))


def _nearby(rows: Differing, disjoint: bool, count: int) -> Nearby:
    if not _can_move(rows, count):
        return Nearby(())
    geoms = np.concatenate([rows.before.geoms, rows.after.geoms])
    reach = np.array([-REACH_DEG, -REACH_DEG, REACH_DEG, REACH_DEG])
    ends = np.unique(shapely.bounds(geoms) + reach, axis=0)
    if len(ends) > MAX_BOXES:
        ends = np.concatenate([ends[:, :2].min(0), ends[:, 2:].max(0)])[None]
    boxes = [(west, south, east, north) for west, south, east, north in ends.tolist()]
    codes = sorted({*rows.before.codes, *rows.after.codes}) if disjoint else []
    return Nearby(boxes, codes)


def _with_names(place: Nearby, homes: Homes) -> Nearby:
    """Look for the units that addresses name, too."""
    names = {name for name in homes.named or () if name is not None}
    return place._replace(codes=sorted(names))


def _still(near: tuple[list[str], NDArray[np.object_]], rows: Differing) -> Units:
    """Return units around; a draft's own are among them, and are left out."""
    codes, geoms = near
    differ = set(rows.before.codes)
    which = [i for i, code in enumerate(codes) if code not in differ]
    nothing = [""] * len(which)
    return Units(
        row_ids=np.zeros(len(which), np.int64),
        geoms=geoms[which],
        codes=[codes[i] for i in which],
        names=nothing,
        parent_codes=nothing,
        properties=[{} for _ in which],
    )


async def _metric(
    context: Context, pairs: Sequence[EditionPair], differing: Sequence[Differing]
) -> LocalMetric:
    """Return the metres of the newest edition; around the land itself where it has no outline."""
    newest = max(max(pair.before, pair.after) for pair in pairs)
    if newest:
        outline = await context.once(
            ("outline", newest), lambda: context.ask(proofs.outline, newest)
        )
        if outline is not None:
            return LocalMetric(outline.lon0, outline.lat0)
    lands = [units.geoms for rows in differing for units in rows]
    return metric_around(np.concatenate([np.zeros(0, object), *lands]))


def metric_around(geoms: NDArray[np.object_]) -> LocalMetric:
    """Return metres around some land, in degrees."""
    if not len(geoms):
        return LocalMetric(0.0, 0.0)
    return LocalMetric.around(shapely.total_bounds(geoms).tolist())
