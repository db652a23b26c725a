"""The whole check of one level's file on the world that it is to stand in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import boundaries
from geo.converted import converted
from geo.coverage import prove
from geo.crs import Datum, LocalMetric, Plane, round9
from geo.descendants import check_children
from geo.disjoint import check_disjoint
from geo.findings import Finding, HouseholdCover, Kind, Report, make_clauses, tell_apart
from geo.households import check_households, check_named_compounds, count_on_land
from geo.labels import check_labels, codes_elsewhere, usable
from geo.layers import NO_PARENT, Layer, Parents
from geo.levels import Tiling
from geo.matching import Vertices, is_matched
from geo.noding import MOVED_M, node
from geo.parents import find_parents
from geo.remarks import Remark, remark_on_prefixes, remarks_on
from geo.rings import edges_of
from geo.segments import Sums
from geo.tangle import entangled
from geo.validity import as_multipolygons, solid_land
from geo.waived_ground import (
    geometries,
    judge_of,
    receive_nodes,
    waived_around,
    waived_below,
)
from geo.waivers import match, proven_with, settle
from geo.wkb import to_wkb
from geo.world import Units, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.households import Addresses
    from geo.layers import Proof
    from geo.levels import LevelSpec
    from geo.noding import Noded
    from geo.waivers import WaivedLand, Waiver
    from geo.world import UnitName


ROUNDING_M = 1e-6
"""What the plane's arithmetic may add to a distance, in metres."""


MAX_LOOKED_AT = 300_000
"""Vertices up to which a file is looked through for borders that cross without end."""


class Sent(NamedTuple):
    """n rows as a file has them."""

    rows: NDArray[np.intp]
    """1-based rows, shape (n,)."""
    codes: Sequence[str | None]
    names: Sequence[str | None]
    parents: Sequence[str | None]
    """The parents' codes that a column names."""
    properties: Sequence[dict[str, object]]
    geoms: NDArray[np.object_]
    """As sent, in the file's CRS, shape (n,); None where absent."""
    crs: str
    datum: Datum


class Unproven(NamedTuple):
    """A parent that is not filled exactly, and what waivers would have to account for."""

    parent: str | None
    """None for the outline."""
    rest: int
    """Chains of the children less the parent's."""
    spoilt: bool
    """Whether a child's rings are not valid."""
    findings: Sequence[str]
    """Of a DISJOINT level: the ids of those that concern it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file's level, noded and checked.

    Attributes
    ----------
    geoms
        MultiPolygons in degrees, shape (n,), row by row; None for a row that can be no unit.
    wkb
        The same as bytes, length n.
    as_sent
        Rows whose land is certainly what was sent, vertex by vertex; shape (n,).
    parent_codes
        The parent that each row lies in, length n.
    chain, area_m2
        Of each row, shape (n,); 0 for a row that can be no unit.
    world
        The world with the file's units in it, and with the nodes that others received.
    unproven
        Parents that are not filled exactly, were nothing waived.
    waivers
        Those that cover a finding of the report, by number.
    """

    level: str
    geoms: NDArray[np.object_]
    wkb: Sequence[bytes | None]
    as_sent: NDArray[np.bool_]
    parent_codes: Sequence[str | None]
    chain: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    world: World
    report: Report
    remarks: Sequence[Remark]
    metric: LocalMetric
    unproven: Sequence[Unproven]
    waivers: Mapping[int, Waiver]


def check(
    sent: Sent,
    level_key: str,
    world: World,
    *,
    within: UnitName | None = None,
    addresses: Addresses | None = None,
    exact: bool = False,
    elsewhere: Mapping[str, str] | None = None,
    waivers: Sequence[Waiver] = (),
) -> Checked:
    """Node a level's file into the world, and find everything that is wrong with it.

    Parameters
    ----------
    sent
        The file's rows: the whole level, or with ``within`` exactly the units below that unit.
    level_key
        The level.
    world
        The units around: all that touch the file's ground, of every level.
    within
        The ground that the file is the whole truth of.
    addresses
        Addresses on that ground.
    exact
        Take the vertices as they are: nothing is merged or inserted.
    elsewhere
        Codes of the level that stand on other ground, and the parents that they stand under.
    waivers
        Those that hold: what they cover is found, and breaks nothing.

    Returns
    -------
    Checked
        The topmost level is checked against its own outline, filled, which becomes the world's
        outline.
    """
    work = _Check(sent, level_key, world, within=within, exact=exact, waivers=waivers)
    work.findings += codes_elsewhere(level_key, sent.rows, sent.codes, elsewhere or {})
    return work.run(addresses)


class _Check:
    """One check, step by step."""

    def __init__(
        self,
        sent: Sent,
        key: str,
        world: World,
        *,
        within: UnitName | None,
        exact: bool,
        waivers: Sequence[Waiver],
    ) -> None:
        self.sent, self.world, self.within, self.exact = sent, world, within, exact
        self.waivers = waivers
        self.level: LevelSpec = world.level(key)
        self.remarks: list[Remark] = []
        self.findings = check_labels(key, sent.rows, sent.codes, sent.geoms)
        self.use = np.flatnonzero(usable(sent.geoms))

        standing = world.of(key)
        self.in_scope = np.ones(len(standing), bool) if within is None else world.below(within, key)
        self.former = standing.take(self.in_scope)
        self.context = standing.take(~self.in_scope)

    def run(self, addresses: Addresses | None) -> Checked:
        self.scope = self._parents_in_scope()
        polygons = self.sent.geoms[self.use]
        if len(polygons):
            bounds = shapely.total_bounds(polygons).tolist()
            self.plane = Plane.around(self.sent.crs, bounds, datum=self.sent.datum)
        raw = self._degrees(polygons)
        parent_of = self._find_parents(raw)
        geoms = raw if self.exact or not len(polygons) else self._node(raw, parent_of)
        if geoms is not raw:
            geoms, parent_of = self._drop_vanished(geoms, parent_of)
            self.wkb = to_wkb(geoms)
            self.rings = boundaries(geoms, self.wkb)
            self.as_sent = np.zeros(len(geoms), bool)
        parents = self._parents(geoms)
        metric = self._metric(parents, geoms)

        layer = self._layer(geoms, parent_of)
        tiles = self.level.tiling is Tiling.TILES
        if tiles:
            proof = prove(layer, parents, metric, known=self.rings)
        else:
            proof = check_disjoint(layer, parents, metric)
        self.findings += proof.findings
        self._put_into_world(geoms, parent_of, parents)
        if tiles:
            self.findings += check_children(self.level.key, self.world, self._own(), metric)
        cover = self._households(layer, parents, addresses)
        report = self._report(proof, parents, metric, cover)
        settled = settle(self.world.waived, self._judge(), report.findings)
        self.world = replace(self.world, waived=settled)
        return self._result(geoms, parent_of, parents, report, proof)

    def _judge(self) -> Callable[[WaivedLand], bool]:
        return judge_of(self.world, self.level, self._own(), set(self.scope.codes))

    def _own(self) -> set[str | None]:
        """Return the codes of the units that stood, or stand now, on the file's ground."""
        return {*self.former.codes, *(self.sent.codes[i] for i in self.use.tolist())}

    # -- whose child ----------------------------------------------------------------------

    def _degrees(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the file's polygons in degrees, rounded, as MultiPolygons.

        Their bytes are kept to be stored, and what their rings say.
        """
        xy = lonlat = shapely.get_coordinates(geoms)
        if len(geoms):
            plane = self.plane.from_file(xy)
            lonlat = round9(self.plane.to_lonlat(plane))
            self.vertices = Vertices(plane, lonlat)
        out = converted(geoms, xy, lonlat)
        self.wkb, self.rings, self.as_sent = out.wkb, out.rings, out.as_sent
        return out.geoms

    def _parents_in_scope(self) -> Units:
        """Return the stored units that the file's units may lie under."""
        if self.level.parent is None:
            return Units.none()
        above = self.world.of(self.level.parent)
        if self.within is None:
            return above
        return above.take(self.world.below(self.within, self.level.parent))

    def _find_parents(self, raw: NDArray[np.object_]) -> NDArray[np.intp]:
        if self.level.parent is None:
            return np.zeros(len(raw), np.intp)
        family = find_parents(
            self.level.key,
            solid_land(raw, self.rings.valid),
            [self.sent.codes[i] for i in self.use.tolist()],
            named=[self.sent.parents[i] for i in self.use.tolist()],
            rows=self.sent.rows[self.use],
            parents=Parents(self.scope.codes, self.scope.geoms),
            known=self.rings,
        )
        self.findings += family.findings
        for count, how in (
            (family.by_column, "the file's column"),
            (family.by_code, "the beginning of the code"),
            (family.by_place, "the place alone"),
        ):
            if count:
                self.remarks.append(
                    Remark("PARENT", f"{count} unit(s): the parent is known from {how}", count)
                )
        if family.other_prefix:
            self.remarks.append(remark_on_prefixes(family.other_prefix))
        return family.parent_of

    # -- noding -----------------------------------------------------------------------------

    def _node(self, raw: NDArray[np.object_], parent_of: NDArray[np.intp]) -> NDArray[np.object_]:
        """Node the file into the world; others receive nodes.

        What matches as it was sent comes back as it is.
        """
        keys = self.world.tiling_keys()
        around = {
            key: self.context if key == self.level.key else self.world.of(key) for key in keys
        }
        first, stored = {}, [np.zeros(0, object)]
        for key, units in around.items():
            first[key] = len(self.use) + sum(map(len, stored))
            stored.append(units.geoms)
        has_outline = self.world.outline is not None and self.level.parent is not None
        if has_outline:
            stored.append(np.array([self.world.outline], object))
        lands = waived_around(self.world, self.level.key, self._judge())
        first_land = sum(map(len, stored))
        stored.append(geometries([self.world.waived[i] for i in lands]))
        polygon_of = {land: len(self.use) + first_land + k for k, land in enumerate(lands)}
        above = np.concatenate(stored)
        sums = self._sums(parent_of, first, polygon_of)
        former, tiles = self.former.geoms, self.level.tiling is Tiling.TILES
        if tiles and is_matched(self.vertices, self.rings, above, sums, self.plane, former=former):
            return raw
        del self.vertices  # as large as the file
        sent = self.sent.geoms[self.use]
        noded = node(sent, above, sums, self.plane, former=former, gives=tiles)
        self._receive_nodes(noded, around, first, has_outline=has_outline)
        waived = receive_nodes(self.world.waived, lands, noded, first_land)
        self.world = replace(self.world, waived=waived)
        self.remarks += remarks_on(noded)
        self._name_moved(noded)
        return noded.sent

    def _sums(
        self, parent_of: NDArray[np.intp], first: dict[str, int], lands: Mapping[int, int]
    ) -> Sums:
        """Return the sums that the file takes part in: as children, and as parents.

        ``lands`` says which polygon each piece of waived land is.
        """
        if self.level.tiling is Tiling.DISJOINT:
            return Sums(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.int64))
        polygon, group, sign = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros(0, int)]

        def add(
            members: NDArray[np.intp], groups: NDArray[np.intp], way: int | NDArray[np.int64]
        ) -> None:
            polygon.append(members)
            group.append(groups)
            sign.append(np.broadcast_to(way, len(members)))

        n = len(self.use)
        belongs = np.flatnonzero(parent_of != NO_PARENT)
        add(belongs, parent_of[belongs], 1)
        groups = 1
        if self.level.parent is not None:
            above = self.world.of(self.level.parent)
            place = {code: i for i, code in enumerate(above.codes)}
            mine = np.array([place[code] for code in self.scope.codes], np.intp)
            add(first.get(self.level.parent, n) + mine, np.arange(len(mine)), -1)
            groups = len(mine)
        index = {self.sent.codes[row]: i for i, row in enumerate(self.use.tolist())}
        for child in self.world.children(self.level.key):
            if child.key not in first:
                continue
            below = self.world.of(child.key).parent_codes
            known = [i for i, code in enumerate(below) if code in index]
            under = np.array([index[below[i]] for i in known], np.intp)
            add(first[child.key] + np.array(known, np.intp), groups + under, 1)
            land = waived_below(self.world.waived, child.key, index, lands)
            add(land.polygon, groups + land.unit, land.times)
            filled = np.unique(np.concatenate([under, land.unit]))
            add(filled, groups + filled, -1)
            groups += n
        return Sums(np.concatenate(polygon), np.concatenate(group), np.concatenate(sign))

    def _receive_nodes(
        self, noded: Noded, around: dict[str, Units], first: dict[str, int], *, has_outline: bool
    ) -> None:
        """Put the nodes that stored units received into the world."""
        index = noded.stored_index + len(self.use)
        changed = {}
        for key, units in around.items():
            mine = (index >= first[key]) & (index < first[key] + len(units))
            if not mine.any():
                continue
            received = units.with_geoms(index[mine] - first[key], noded.stored[mine])
            if key == self.level.key:
                self.context = received
            else:
                changed[key] = received
        self.world = self.world.with_units(changed)
        end = len(self.use) + sum(map(len, around.values()))
        drawn = np.flatnonzero(index == end)
        if has_outline and len(drawn):
            self.world = replace(self.world, outline=noded.stored[drawn[0]])
        self.scope = self._parents_in_scope()

    def _name_moved(self, noded: Noded) -> None:
        """Name units whose border noding moved further than it may."""
        for i in np.flatnonzero(noded.moved_m > MOVED_M + ROUNDING_M).tolist():
            row = int(self.use[i])
            code = self.sent.codes[row]
            self.findings.append(
                Finding(
                    level=self.level.key,
                    kind=Kind.MISMATCH,
                    message=f"{code or f'row {self.sent.rows[row]}'}: its border would move by "
                    f"{noded.moved_m[i] * 1000:.0f} mm to match its neighbours'",
                    units=(code,) if code is not None else (),
                    rows=(int(self.sent.rows[row]),),
                )
            )

    def _drop_vanished(
        self, geoms: NDArray[np.object_], parent_of: NDArray[np.intp]
    ) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
        """Name units of which nothing is left."""
        gone = shapely.is_empty(geoms)
        for i in np.flatnonzero(gone).tolist():
            row = int(self.use[i])
            who = self.sent.codes[row] or f"row {self.sent.rows[row]}"
            self.findings.append(
                Finding(
                    level=self.level.key,
                    kind=Kind.INVALID_RING,
                    message=f"{who} encloses no land: it is narrower than 20 mm everywhere",
                    units=(who,) if self.sent.codes[row] else (),
                    rows=(int(self.sent.rows[row]),),
                )
            )
        self.use = self.use[~gone]
        return geoms[~gone], parent_of[~gone]

    # -- proving ----------------------------------------------------------------------------

    def _parents(self, geoms: NDArray[np.object_]) -> Parents:
        if self.level.parent is not None:
            return Parents(self.scope.codes, self.scope.geoms)
        filled = np.zeros(0, object)
        if len(geoms):
            filled = np.array([fill(geoms)], object)
        return Parents([None] * len(filled), filled)

    def _metric(self, parents: Parents, geoms: NDArray[np.object_]) -> LocalMetric:
        """Return metres around the topmost outline, or the file where there is none."""
        top: NDArray[np.object_] = parents.geoms if len(parents.geoms) else geoms
        if self.world.outline is not None and self.level.parent is not None:
            top = np.array([self.world.outline], object)
        if not len(top):
            return LocalMetric(0.0, 0.0)
        return LocalMetric.around(shapely.total_bounds(top).tolist())

    def _layer(self, geoms: NDArray[np.object_], parent_of: NDArray[np.intp]) -> Layer:
        others = len(self.context)
        return Layer(
            level=self.level.key,
            geoms=np.concatenate([geoms, self.context.geoms]),
            codes=[*(self.sent.codes[i] for i in self.use.tolist()), *self.context.codes],
            parent_of=np.concatenate([parent_of, np.full(others, NO_PARENT, np.intp)]),
            rows=np.concatenate([self.sent.rows[self.use], np.zeros(others, np.intp)]),
        )

    def _put_into_world(
        self, geoms: NDArray[np.object_], parent_of: NDArray[np.intp], parents: Parents
    ) -> None:
        """Exchange the level's units on the ground for the file's."""
        row_of = dict(zip(self.former.codes, self.former.row_ids.tolist(), strict=True))
        codes = [self.sent.codes[i] or "" for i in self.use.tolist()]
        ours = Units(
            row_ids=np.array([row_of.get(code, 0) for code in codes], np.int64),
            geoms=geoms,
            codes=codes,
            names=[self.sent.names[i] or codes[k] for k, i in enumerate(self.use.tolist())],
            parent_codes=[parents.codes[p] if p != NO_PARENT else None for p in parent_of],
            properties=[self.sent.properties[i] for i in self.use.tolist()],
        )
        self.world = self.world.with_units({self.level.key: ours.join(self.context)})
        if self.level.parent is None and len(parents.geoms):
            self.world = replace(self.world, outline=parents.geoms[0])

    def _households(
        self, layer: Layer, parents: Parents, addresses: Addresses | None
    ) -> HouseholdCover:
        if addresses is None or not len(addresses.keys):
            return HouseholdCover()
        solid = solid_land(layer.geoms, shapely.is_valid(layer.geoms))
        if self.level.tiling is Tiling.TILES:
            cover, found = check_households(self.level.key, addresses, solid, layer.codes, parents)
        else:
            cover, found = check_named_compounds(self.level.key, addresses, solid, layer.codes)
        self.findings = count_on_land(self.findings, addresses) + found
        return cover

    def _report(
        self, proof: Proof, parents: Parents, metric: LocalMetric, cover: HouseholdCover
    ) -> Report:
        orphans = [f.rows for f in self.findings if f.kind is Kind.ORPHAN]
        astray = np.isin(self.sent.rows[self.use], [row for rows in orphans for row in rows])
        outside = proof.outside_m2
        if astray.any():
            land = self.world.of(self.level.key).geoms[: len(self.use)][astray]
            solid = solid_land(land, shapely.is_valid(land))
            outside += float(metric.area_m2(np.array([shapely.union_all(solid)], object)).sum())
        found = match(tell_apart(self.findings), self.waivers, metric)
        findings = sorted(found, key=lambda f: (-f.area_m2, f.id))
        return Report(
            level=self.level.key,
            clauses=make_clauses(findings, disjoint=self.level.tiling is Tiling.DISJOINT),
            proven_parents=int(proven_with(proof, parents.codes, findings).sum()),
            parents=len(parents.geoms),
            area_m2=float(metric.area_m2(parents.geoms).sum()),
            blank_m2=proof.blank_m2,
            overlap_m2=proof.overlap_m2,
            outside_m2=outside,
            households=cover,
            findings=tuple(findings),
        )

    def _waivers_of(self, report: Report) -> dict[int, Waiver]:
        used = {finding.waiver for finding in report.findings}
        return {waiver.id: waiver for waiver in self.waivers if waiver.id in used}

    def _result(
        self,
        geoms: NDArray[np.object_],
        parent_of: NDArray[np.intp],
        parents: Parents,
        report: Report,
        proof: Proof,
    ) -> Checked:
        n = len(self.sent.rows)
        by_row = np.full(n, None, object)
        by_row[self.use] = geoms
        chain, area_m2, as_sent = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, bool)
        as_sent[self.use] = self.as_sent
        chain[self.use] = self.rings.chain
        metric = self._metric(parents, geoms)
        area_m2[self.use] = metric.area_of_wkb(self.wkb)
        wkb: list[bytes | None] = [None] * n
        for i, land in zip(self.use.tolist(), self.wkb, strict=True):
            wkb[i] = land
        parent_codes: list[str | None] = [None] * n
        for i, p in zip(self.use.tolist(), parent_of.tolist(), strict=True):
            parent_codes[i] = parents.codes[p] if p != NO_PARENT else None
        return Checked(
            level=self.level.key,
            geoms=by_row,
            wkb=wkb,
            as_sent=as_sent,
            parent_codes=parent_codes,
            chain=chain,
            area_m2=area_m2,
            world=self.world,
            report=report,
            remarks=tuple(self.remarks),
            metric=metric,
            unproven=_unproven(proof, parents),
            waivers=self._waivers_of(report),
        )


def _unproven(proof: Proof, parents: Parents) -> list[Unproven]:
    """Return the parents that a check alone does not prove."""
    concern: dict[int, list[str]] = {}
    for finding, touched in (proof.faults or {}).items():
        for parent in touched:
            concern.setdefault(parent, []).append(finding)
    return [
        Unproven(parents.codes[p], int(proof.sums[p]), bool(proof.spoilt[p]), concern.get(p, []))
        for p in np.flatnonzero(~proof.proven).tolist()
    ]


def fill(geoms: NDArray[np.object_]) -> BaseGeometry:
    """Return the outline of polygons in degrees: their union without its holes.

    Of polygons that cross in too many places to be told apart it is the convex hull.
    """
    solid = solid_land(geoms, shapely.is_valid(geoms))
    few = shapely.get_num_coordinates(solid).sum() <= MAX_LOOKED_AT
    if few and entangled(edges_of(solid)[0].reshape(-1, 2, 2)):
        hull = shapely.convex_hull(shapely.geometrycollections(solid.tolist()))
        return _outline(hull)
    union = solid[0] if len(solid) == 1 else shapely.union_all(solid)
    rings = np.asarray(shapely.get_exterior_ring(shapely.get_parts(union)))
    # Parts of a union do not overlap, but for islands in lakes.
    return _outline(shapely.disjoint_subset_union_all(np.asarray(shapely.polygons(rings))))


def _outline(land: BaseGeometry) -> BaseGeometry:
    outline: BaseGeometry = as_multipolygons(np.array([land], object))[0]
    return outline
