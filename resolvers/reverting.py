"""Bringing a level back to what it was: an older edition's units as the rows of a new draft."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from anyio import to_thread

from geo.check import Sent
from geo.crs import Datum, Plane, round9
from geo.errors import BadInputError, UnknownError
from geo.levels import Tiling
from geo.world import UnitName
from resolvers.importing import DraftOrder, make_draft
from resolvers.tree import Tree
from resolvers.worlds import find_ground, one_moment
from storage import editions, former, levels

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from resolvers.importing import Imported
    from storage.editions import EditionRow
    from storage.former import FormerUnits, Frame

DEGREES = "EPSG:4326"


class _Stood(NamedTuple):
    """What a level was in an edition."""

    edition: EditionRow
    ground: UnitName | None
    units: FormerUnits
    frame: Frame | None


async def revert(engine: AsyncEngine, to: int, order: DraftOrder) -> Imported:
    """Make a draft that would bring a level, or the units below one, back to an older edition.

    Parameters
    ----------
    to
        Number of the edition.
    order
        Level, ground and company, as for the import of a file.

    Raises
    ------
    UnknownError
        If there is no such edition, level or ground, or the ground did not stand then.
    BadInputError, NotOpenError
        If nothing of the level stood then, or the drafts beside are not what they should be.

    Notes
    -----
    Names, codes, parents and columns come back as they were, and so does the drawn land; nodes
    that came into a boundary since stay in it. Where the parents have changed since, the draft's
    findings say so: bring them back, too, in a draft that this one is checked ``with``.
    """
    async with one_moment(engine).connect() as connection:
        stood = await _read(connection, to, order)
    sent = await to_thread.run_sync(_sent, stood)
    ground = f"{stood.ground.level}:{stood.ground.code}" if stood.ground is not None else None
    return await make_draft(
        engine, sent, _source(stood, sent, order.level), order._replace(within=ground)
    )


async def _read(connection: AsyncConnection, to: int, order: DraftOrder) -> _Stood:
    tree = Tree(await levels.all_levels(connection))
    spec = tree.get(order.level)
    edition = await editions.by_number(connection, to)
    if edition is None:
        newest = await editions.newest(connection)
        said = f"the newest is {newest.number}" if newest else "nothing was published yet"
        raise UnknownError(f"there is no edition {to}; {said}", argument="to")
    ground = None
    through: tuple[str, ...] = ()
    if order.within is not None:
        ground = await find_ground(connection, order.level, order.within)
        through = tree.require_above(ground.level, order.level, argument="within")
        if not await former.stood(connection, to, ground.level, ground.code):
            raise UnknownError(
                f"no {ground.level} {ground.code} stood in edition {to}; bring a unit above it "
                "back, or the whole level",
                argument="within",
            )
    units = await former.units_of(
        connection, to, order.level, within=ground.code if ground else None, through=through
    )
    if not units.codes and spec.tiling is Tiling.TILES:
        where = f"below {ground.level} {ground.code}" if ground else "at all"
        raise BadInputError(
            f"no {order.level} stood {where} in edition {to}: there is nothing to bring back",
            argument="to",
        )
    return _Stood(edition, ground, units, await former.newest_frame(connection, order.level))


def _sent(stood: _Stood) -> Sent:
    """Return the units as a file's rows."""
    units = stood.units
    crs, datum, geoms = _placed(units.geoms, stood.frame)
    return Sent(
        rows=np.arange(1, len(units.codes) + 1),
        codes=units.codes,
        names=units.names,
        parents=units.parent_codes,
        properties=units.properties,
        geoms=geoms,
        crs=crs,
        datum=datum,
    )


def _placed(
    geoms: np.ndarray[tuple[int], np.dtype[np.object_]], frame: Frame | None
) -> tuple[str, Datum, np.ndarray[tuple[int], np.dtype[np.object_]]]:
    """Return units in the coordinate system of the level's newest file, where that loses nothing.

    Nodes were put into straight edges of that system, and in degrees the same edges are bent. A
    system from which the stored coordinates do not come back digit by digit is left alone.
    """
    plain = DEGREES, Datum.WGS84, geoms
    if frame is None or not len(geoms):
        return plain
    lonlat = shapely.get_coordinates(geoms)
    datum = Datum(frame.datum)
    try:
        there = Plane.of(frame.crs, shapely.total_bounds(geoms).tolist(), datum=datum)
        xy = there.to_file(there.from_lonlat(lonlat))
        west, south = xy.min(0).tolist()
        east, north = xy.max(0).tolist()
        back = Plane.around(frame.crs, (west, south, east, north), datum=datum)
    except BadInputError:  # it does not reach to these units, though it did to others
        return plain
    if not np.array_equal(round9(back.to_lonlat(back.from_file(xy))), lonlat):
        return plain
    return frame.crs, datum, np.asarray(shapely.set_coordinates(geoms.copy(), xy))


def _source(stood: _Stood, sent: Sent, level: str) -> dict[str, Any]:  # free JSON: DraftSource
    """Return where the rows come from, as the API's DraftSource."""
    edition, units = stood.edition, stood.units
    digest = hashlib.sha256()
    for code, wkb in zip(units.codes, shapely.to_wkb(units.geoms), strict=True):
        digest.update(code.encode() + b"\0" + wkb)
    message = (
        f"the units of level {level} as they stood in edition {edition.number}, in force from "
        f"{edition.effective_on}"
    )
    count = len(units.codes)
    return {
        "file": f"edition {edition.number}",
        "sha256": digest.hexdigest(),
        "format": "edition",
        "layer": level,
        "featureCount": count,
        "encoding": "UTF-8",
        "crs": sent.crs,
        "datum": sent.datum.value,
        "columns": {},
        "notices": [{"code": "REVERT", "message": message, "featureCount": count}],
    }
