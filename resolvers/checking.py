"""The check of plain files, without anything stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geo.check import Checked, Sent, check
from geo.households import Addresses
from geo.levels import LevelSpec, Tiling
from geo.world import World
from resolvers.parent_names import with_parent_codes

if TYPE_CHECKING:
    from sources.addresses import AddressFile
    from sources.boundaries import BoundaryFile

PARENTS = LevelSpec("parent", "parent", None, Tiling.TILES, 0)
UNITS = LevelSpec("unit", "unit", "parent", Tiling.TILES, 1)
ALONE = LevelSpec("unit", "unit", None, Tiling.TILES, 0)


def check_files(
    file: BoundaryFile,
    parents: BoundaryFile | None = None,
    addresses: AddressFile | None = None,
    *,
    exact: bool = False,
) -> Checked:
    """Check a boundary file as an import would, on another file or on its own outline, filled.

    Parameters
    ----------
    file
        The units.
    parents
        What they should fill.
    addresses
        Addresses that should lie in exactly one unit each.
    exact
        Take vertices as they are.
    """
    people = addresses_of(addresses) if addresses is not None else None
    if parents is None:
        alone = World(levels=(ALONE,), units={})
        return check(sent_file(file), ALONE.key, alone, addresses=people, exact=exact)
    empty = World(levels=(PARENTS, UNITS), units={})
    above = check(sent_file(parents), PARENTS.key, empty, exact=exact).world
    # The parents are taken as they are: whether they fill anything is not the question here.
    world = replace(above, outline=None)
    sent, told = with_parent_codes(sent_file(file), UNITS.key, world)
    checked = check(sent, UNITS.key, world, addresses=people, exact=exact)
    return replace(checked, remarks=[*told, *checked.remarks])


def sent_file(file: BoundaryFile) -> Sent:
    """Return a file's rows as the checker takes them."""
    return Sent(
        rows=file.rows,
        codes=file.codes,
        names=file.names,
        parents=file.parents,
        properties=[dict(columns) for columns in file.properties],
        geoms=file.geoms,
        crs=file.crs,
        datum=file.datum,
    )


def addresses_of(file: AddressFile) -> Addresses:
    """Return a file's addresses as the checker takes them."""
    return Addresses(
        keys=file.keys,
        lonlat=file.lonlat,
        households=np.asarray(file.households),
        compounds=file.compound_codes,
        people=np.asarray(file.people),
        groups=file.groups,
    )
