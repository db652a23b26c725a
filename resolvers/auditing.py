"""Everything that an edition holds, worked out once more from the geometry that is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.chain import chains
from resolvers.audit_homes import Homes, check_places, check_tallies, read_addresses
from resolvers.audit_land import (
    Piece,
    Standing,
    check_outline,
    check_piece,
    check_waived,
    join,
    read_geoms,
)
from resolvers.audit_proofs import Ground, Waived, check_level, find_above
from resolvers.audit_report import MAX_TOLD, Difference, Edition, Findings, LevelAudit
from resolvers.exporting import edition_number
from resolvers.worlds import one_moment
from storage import auditing, levels, shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.crs import LocalMetric
    from storage.auditing import UnitAt

__all__ = ["Audit", "Difference", "LevelAudit", "audit"]

HISTORY = {
    "ORDER": "it was drawn after it began to stand so, or that after its row",
    "VERSION": "rows of one drawn version differ in more than vertices",
    "START": "the edition since which it stands so is not that of its first row",
    "GAP": "it did not stand in an edition between two of its rows",
    "LEVEL": "the edition since which it stands so says nothing of its level",
}


class Audit(NamedTuple):
    """The audit of one edition."""

    edition: int
    levels: list[LevelAudit]
    addresses: int
    differences: list[Difference]

    @property
    def clean(self) -> bool:
        """True when nothing differs."""
        return not self.differences


async def audit(
    engine: AsyncEngine,
    edition: int | None,
    advance: Callable[[int], None] | None = None,
) -> Audit:
    """Work out an edition anew from its stored geometry and addresses, and say what differs.

    That is: chains, areas, rings, coordinates and parents of units, the proof of every parent
    with what is waived there, the places of addresses, what units count, and whether the rows
    fit into the editions around them.

    Parameters
    ----------
    edition
        Number of the edition; None for the newest.
    advance
        Called with the number of units that were read since.

    Raises
    ------
    UnknownError, NoEditionError
        If there is no such edition.

    Notes
    -----
    Everything is read in one moment. Levels come by from the lowest up, some thousand units at a
    time: what stays are codes and chains, not geometry. Only parents that are not proven, and
    levels that do not tile, are read as a whole.
    """
    async with one_moment(engine).connect() as connection:
        number = await edition_number(connection, edition)
        specs = await levels.all_levels(connection)
        what = Edition(connection, number, specs, Findings())
        standing = {state.key for state in await shares.level_states(connection, number)}
        outline = await auditing.outline(connection, number)
        await _check_history(what)
        addresses = await read_addresses(connection, number, what.findings)
        if outline is None and standing:
            said = "there is no outline that the topmost level fills"
            what.findings.add(Difference("OUTLINE", specs[0].key, None, said))
        if outline is None:
            return Audit(number, [], len(addresses.keys), what.findings.all())
        metric = check_outline(outline, specs[0].key, what.findings)
        homes = Homes(specs, standing, addresses)
        units = await _read_levels(what, standing, homes, metric, advance)
        top = read_geoms([outline.wkb])
        audited = await _prove(what, units, Ground(metric, top[0]), int(chains(top)[0]))
        places = homes.places()
        await check_places(what, addresses, places, units)
        counts = homes.counts(places, units)
        await check_tallies(what, counts, units)
    return Audit(number, audited, len(addresses.keys), what.findings.all())


async def _check_history(what: Edition) -> None:
    """Say which rows do not fit into the editions around them."""
    for number in await auditing.edition_faults(what.connection, what.number):
        said = f"edition {number}: the one before it is missing, or it stands from an earlier day"
        what.findings.add(Difference("EDITION", None, None, said))
    faults = await auditing.history_faults(what.connection, what.number, limit=MAX_TOLD)
    for fault in faults:
        said = f"{fault.level} {fault.code}: {HISTORY[fault.what]}"
        what.findings.add(Difference("HISTORY", fault.level, fault.code, said))


async def _read_levels(
    what: Edition,
    standing: set[str],
    homes: Homes,
    metric: LocalMetric,
    advance: Callable[[int], None] | None,
) -> dict[str, Standing]:
    """Let all units go by, from the lowest level up, and keep what the proof needs."""
    units: dict[str, Standing] = {}
    for spec in reversed(what.specs):
        there = spec.key in standing
        units[spec.key] = (
            await _read_level(what, spec.key, homes, metric, advance) if there else join([])
        )
        homes.end(spec.key, units[spec.key])
    return units


async def _read_level(
    what: Edition,
    level: str,
    homes: Homes,
    metric: LocalMetric,
    advance: Callable[[int], None] | None,
) -> Standing:
    """Let the units of a level go by, and keep what the proof needs."""
    kept: list[Standing] = []
    homes.begin(level)

    def take(rows: list[UnitAt]) -> None:
        start = sum(len(piece.codes) for piece in kept)
        numbers = np.arange(start, start + len(rows))
        piece = Piece(rows, read_geoms([row.wkb for row in rows]), numbers)
        kept.append(check_piece(level, piece, metric, what.findings))
        homes.take(level, piece)
        if advance is not None:
            advance(len(rows))

    await auditing.read_units(what.connection, what.number, level, take)
    return join(kept)


async def _prove(
    what: Edition, units: dict[str, Standing], ground: Ground, outline: int
) -> list[LevelAudit]:
    """Prove every level, from the top down."""
    lands = await auditing.waived_lands(what.connection, what.number)
    chain_of = check_waived(lands, what.findings)
    audited: list[LevelAudit] = []
    for spec in what.specs:
        own = units[spec.key]
        parents = units[spec.parent] if spec.parent is not None else None
        above = find_above(spec.key, own, parents, outline, what.findings)
        waived = [
            Waived(land, chain_of[land.finding_id])
            for land in lands
            if land.level == spec.key and land.finding_id in chain_of
        ]
        audited.append(await check_level(what, spec, own, above, waived=waived, ground=ground))
    return audited
