"""The world that a draft is checked on: what stands, and other drafts laid into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from anyio import to_thread

from geo.check import Checked, Sent, check
from geo.crs import Datum, Plane
from geo.errors import BadInputError, UnknownError
from geo.households import Addresses
from geo.labels import usable
from geo.world import UnitName, World
from resolvers.parent_names import with_parent_codes
from storage import addresses, drafts, editions, levels, waived_land, waivers, world

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from geo.levels import LevelSpec
    from geo.waivers import Waiver
    from storage.drafts import OpenDraft
    from storage.editions import EditionRow
    from storage.world import StoredOutline


class Base(NamedTuple):
    """What stands now on a piece of ground."""

    edition: EditionRow | None
    world: World
    outline: StoredOutline | None
    addresses: Addresses
    waivers: Sequence[Waiver]
    """Those that hold, on this ground or without a place."""


def one_moment(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for transactions whose statements all see the same moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ")


async def read_base(
    connection: AsyncConnection,
    level: str,
    within: Sequence[UnitName | None],
    *,
    rows: Sequence[Sent] = (),
    today: dt.date,
) -> Base:
    """Read what stands on the ground of drafts, and where their rows leave it.

    Parameters
    ----------
    level
        A level whose draft is to be checked, for messages.
    within
        The ground of each draft; None for the whole city.
    rows
        The drafts' rows: what lies outside the ground meets what stands there.
    today
        The day on which a waiver must hold.

    Raises
    ------
    UnknownError
        If a unit named by ``within`` does not stand.
    """
    edition = await editions.newest(connection)
    specs = await levels.all_levels(connection)
    box: world.Box | None = None
    if None not in within:
        ground = await _joint_box(connection, [name for name in within if name is not None])
        box = await to_thread.run_sync(_reach, ground, rows)
    units = await world.standing_units(connection, box)
    outline = await world.standing_outline(connection)
    listed = await _addresses(connection, edition, box)
    stored = outline.geom if outline is not None else None
    waived = await waived_land.standing(connection, box)
    accepted = await waivers.covers(connection, today, box=box)
    standing = World(levels=specs, units=units, outline=stored, waived=waived)
    return Base(edition, standing, outline, listed, accepted)


async def _joint_box(connection: AsyncConnection, names: Sequence[UnitName]) -> world.Box:
    boxes = []
    for name in names:
        box = await world.box_of(connection, name.level, name.code)
        if box is None:
            raise UnknownError(
                f"there is no {name.level} {name.code} in the newest edition", argument="within"
            )
        boxes.append(box)
    ends = np.array(boxes)
    west, south = ends[:, :2].min(0).tolist()
    east, north = ends[:, 2:].max(0).tolist()
    return (west, south, east, north)


def _reach(ground: world.Box, rows: Sequence[Sent]) -> world.Box:
    """Return a box around some ground, in degrees, that holds the drafts' rows, too."""
    ends = [np.reshape(ground, (2, 2))]
    for sent in rows:
        polygons = sent.geoms[usable(sent.geoms)]
        if len(polygons):
            bounds = shapely.total_bounds(polygons).tolist()
            plane = Plane.around(sent.crs, bounds, datum=sent.datum)
            ends.append(plane.to_lonlat(plane.from_file(shapely.get_coordinates(polygons))))
    lonlat = np.concatenate(ends)
    lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
    west, south = lonlat.min(0).tolist()
    east, north = lonlat.max(0).tolist()
    return (west, south, east, north)


async def _addresses(
    connection: AsyncConnection, edition: EditionRow | None, box: world.Box | None
) -> Addresses:
    if edition is None:
        return Addresses.none()
    rows = await addresses.addresses_in(connection, edition.number, box)
    return Addresses(
        rows.keys, rows.lonlat, rows.households, rows.compound_codes, rows.people, rows.groups
    )


def find_level(specs: Sequence[LevelSpec], key: str) -> LevelSpec:
    """Return a level by its key, or say which there are."""
    for spec in specs:
        if spec.key == key:
            return spec
    known = [spec.key for spec in specs]
    raise UnknownError(
        f"there is no level {key}; there are {', '.join(known)}", argument="level", options=known
    )


def require_ground(base: World, key: str, within: UnitName | None) -> None:
    """Refuse a draft whose parents are not published, or whose ground is not above it."""
    spec = find_level(base.levels, key)
    if within is None:
        if spec.parent is not None and not len(base.of(spec.parent)):
            raise BadInputError(
                f"no {spec.parent} is published that a {key} could lie in; publish the level "
                f"{spec.parent} first",
                argument="level",
            )
        return
    find_level(base.levels, within.level)
    above = spec.parent
    while above is not None and above != within.level:
        above = base.level(above).parent
    if above is None:
        raise BadInputError(
            f"a {key} cannot lie within a {within.level}: name a unit of a level above it",
            argument="within",
        )


async def find_ground(connection: AsyncConnection, key: str, text: str) -> UnitName:
    """Return the unit that ``CODE`` or ``LEVEL:CODE`` names, above a level.

    Raises
    ------
    UnknownError
        If no such unit stands.
    BadInputError
        If units of several levels above have that code.
    """
    specs = await levels.all_levels(connection)
    above: list[str] = []
    parent = find_level(specs, key).parent
    while parent is not None:
        above.append(parent)
        parent = find_level(specs, parent).parent
    named, colon, code = text.partition(":")
    if not colon or named not in {spec.key for spec in specs}:
        named, code = "", text
    found = [level for level in await world.levels_of_code(connection, code) if level in above]
    if named:
        found = [level for level in found if level == named]
    if not found:
        raise UnknownError(
            f"no unit {text} stands above the level {key}; the levels above it are "
            f"{', '.join(above) or 'none'}",
            argument="within",
        )
    if len(found) > 1:
        options = [f"{level}:{code}" for level in found]
        raise BadInputError(
            f"{code} is a unit of several levels; say which: {' or '.join(options)}",
            argument="within",
            options=options,
        )
    return UnitName(found[0], code)


async def check_on(
    connection: AsyncConnection, base: Base, sent: Sent, level: str, within: UnitName | None
) -> tuple[Base, Checked]:
    """Check a file's rows on a base; the base then has them in it.

    The work runs in a thread: the event loop stays free.
    """
    require_ground(base.world, level, within)
    ground = await to_thread.run_sync(_on_ground, base, within)

    elsewhere = await _codes_elsewhere(connection, base.world, sent, level, within)

    def work() -> Checked:
        named, told = with_parent_codes(sent, level, base.world, within)
        checked = check(
            named,
            level,
            base.world,
            within=within,
            addresses=ground,
            elsewhere=elsewhere,
            waivers=base.waivers,
        )
        return replace(checked, remarks=[*told, *checked.remarks])

    checked = await to_thread.run_sync(work)
    return base._replace(world=checked.world), checked


async def _codes_elsewhere(
    connection: AsyncConnection,
    standing: World,
    sent: Sent,
    level: str,
    within: UnitName | None,
) -> dict[str, str]:
    parent = standing.level(level).parent
    if within is None or parent is None:
        return {}
    units = standing.of(parent)
    parents = units.take(standing.below(within, parent)).codes
    codes = [code for code in sent.codes if code is not None]
    return await world.standing_elsewhere(connection, level, codes, parents)


def _on_ground(base: Base, within: UnitName | None) -> Addresses:
    """Return the addresses that a draft has to cover."""
    if within is None or not len(base.addresses.keys):
        return base.addresses
    units = base.world.of(within.level)
    land = units.geoms[list(units.codes).index(within.code)]
    shapely.prepare(land)
    points = shapely.points(base.addresses.lonlat)
    return base.addresses.take(np.asarray(shapely.intersects(land, points)))


async def sent_of(connection: AsyncConnection, draft: OpenDraft) -> Sent:
    """Return a draft's rows as they were sent."""
    rows = await drafts.source_rows(connection, draft.id)
    return Sent(
        rows=rows.rows,
        codes=rows.codes,
        names=rows.names,
        parents=rows.named_parents,
        properties=rows.properties,
        geoms=rows.geoms,
        crs=draft.crs,
        datum=Datum(draft.source.get("datum", Datum.WGS84)),
    )


def by_rank(found: Sequence[OpenDraft], specs: Sequence[LevelSpec]) -> list[OpenDraft]:
    """Return drafts from the top level down, each level's in the order of their numbers."""
    rank = {spec.key: spec.rank for spec in specs}
    return sorted(found, key=lambda draft: (rank[draft.level], draft.id))


def unit_name(within: tuple[str, str] | None) -> UnitName | None:
    """Return a stored ground as a unit's name."""
    return UnitName(*within) if within is not None else None
