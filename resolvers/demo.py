"""What the demo plays: the made-up town is published, proven, walked, and checked a year later.

Between, it is told who answers for what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.chain import chains
from resolvers import addresses, importing, levels, publishing
from resolvers.auditing import audit
from resolvers.context import Context, Shared
from resolvers.coverage_reading import coverage
from resolvers.demo_circles import load_services, walk
from resolvers.demo_duties import answering, load_roster
from resolvers.demo_plan import place_volunteers
from resolvers.truth import compare
from resolvers.worlds import read_base

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from geo.levels import LevelSpec
    from resolvers.auditing import Audit
    from resolvers.coverage_reading import ReportRow
    from resolvers.demo_circles import Circles, LoadedServices, Services
    from resolvers.demo_duties import Duties, LoadedRoster, Roster
    from resolvers.demo_plan import Planned
    from resolvers.publishing import Published
    from resolvers.truth import Comparison, Fault
    from sources.addresses import AddressFile
    from sources.boundaries import BoundaryFile

GRID = "grid"
"""The level that the files of the second year hold."""


class Town(NamedTuple):
    """The town's files, read."""

    levels: Sequence[LevelSpec]
    units: Mapping[str, BoundaryFile]
    """By level."""
    addresses: Sequence[AddressFile]
    services: Services
    """Streets, service points and programmes."""
    roster: Roster
    """Duties, people, organisations, and who carries what."""
    again: BoundaryFile
    """The grids once more, in another format."""
    foreign: BoundaryFile
    """The grids once more, in another format, coordinate system and encoding."""
    next_year: BoundaryFile
    """The grids with faults."""
    faults: Sequence[Fault]


class SameLand(NamedTuple):
    """Units of a file beside those that stand."""

    units: int
    same: int
    """Units whose boundary is, vertex by vertex, the one that stands."""


class Proven(NamedTuple):
    """What is proven of one level of the newest edition."""

    level: LevelSpec
    report: ReportRow

    @property
    def right(self) -> bool:
        """True when the level owes nothing and every household is in exactly one unit.

        Of a DISJOINT level, the households that count are those whose address names a unit.
        """
        report, cover = self.report, self.report.households
        everyone = cover.covered == cover.total > 0 and not cover.doubled
        return report.clean and report.proven_parents == report.parents > 0 and everyone


class Played(NamedTuple):
    """What the demo did and found."""

    published: list[tuple[str, Published]]
    """Level by level."""
    again: Published
    foreign: SameLand
    proof: list[Proven]
    """Level by level."""
    audit: Audit
    services: LoadedServices
    circles: Circles
    roster: LoadedRoster
    duties: Duties
    planned: Planned
    next_year: Comparison

    @property
    def right(self) -> bool:
        """True when everything is as it should be."""
        return (
            all(level.right for level in self.proof)
            and self.audit.clean
            and not self.again.new
            and self.foreign.same == self.foreign.units
            and self.circles.right
            and self.roster.right
            and self.duties.right
            and self.planned.right
            and self.next_year.right
        )


async def play(engine: AsyncEngine, town: Town, *, today: dt.date, by: str) -> Played:
    """Publish the town, prove it, walk its circles, ask for its duties, check its second year.

    Parameters
    ----------
    engine
        Of a database without editions.
    today
        The day from which the editions stand.
    by
        Who publishes.

    Raises
    ------
    WanggeError
        If the town cannot be published, e.g. because it is not clean.

    Notes
    -----
    The addresses come first: with them each level is published only if every household is in
    exactly one of its units.
    """
    await levels.load_levels(engine, town.levels)
    await addresses.load_addresses(engine, *town.addresses, published_by=by, today=today)
    services = await load_services(engine, town.services, today=today, by=by)

    async def publish(level: str, file: BoundaryFile) -> Published:
        made = await importing.import_boundaries(
            engine, file, level=level, within=None, created_by=by, today=today
        )
        drafts = [made.draft] if made.draft is not None else []
        order = publishing.Order(by, today, note=f"{file.file}: {level}")
        return await publishing.publish(engine, drafts, order)

    published = [(spec.key, await publish(spec.key, town.units[spec.key])) for spec in town.levels]
    again = await publish(GRID, town.again)
    roster = await load_roster(engine, town.roster, today=today, by=by)
    context = Context(Shared(engine), today=today)
    proof = [
        Proven(spec, await coverage(context, spec.key, within=None, as_of=None))
        for spec in town.levels
    ]
    return Played(
        published=published,
        again=again,
        foreign=await compare_land(engine, town.foreign, GRID, today=today),
        proof=proof,
        audit=await audit(engine, None),
        services=services,
        circles=await walk(context),
        roster=roster,
        duties=await answering(context),
        planned=await place_volunteers(context),
        next_year=await _check(engine, town, today=today),
    )


async def compare_land(
    engine: AsyncEngine, file: BoundaryFile, level: str, *, today: dt.date
) -> SameLand:
    """Say how many units of a file, noded, have exactly the boundary that stands."""
    made = await _trial(engine, file, level, today=today)
    async with engine.connect() as connection:
        standing = (await read_base(connection, level, [None], today=today)).world.of(level)
    chain_of = dict(zip(standing.codes, chains(standing.geoms).tolist(), strict=True))
    sent = zip(file.codes, made.checked.chain.tolist(), strict=True)
    same = sum(code is not None and chain_of.get(code) == chain for code, chain in sent)
    return SameLand(units=max(len(file.codes), len(standing)), same=same)


async def _check(engine: AsyncEngine, town: Town, *, today: dt.date) -> Comparison:
    made = await _trial(engine, town.next_year, GRID, today=today)
    return compare(made.checked, town.next_year, town.faults)


async def _trial(
    engine: AsyncEngine, file: BoundaryFile, level: str, *, today: dt.date
) -> importing.Imported:
    """Import a file without storing anything."""
    return await importing.import_boundaries(
        engine, file, level=level, within=None, created_by="", today=today, dry_run=True
    )
