"""Every household in exactly one unit: who lies in none, and who in several."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.findings import MAX_ADDRESSES, Finding, HouseholdCover, Kind
from geo.locate import NOWHERE, locate
from geo.validity import solid_land

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.layers import Parents


class Addresses(NamedTuple):
    """n addresses."""

    keys: Sequence[str]
    """Length n."""
    lonlat: NDArray[np.float64]
    """Degrees, rounded to 1e-9, shape (n, 2)."""
    households: NDArray[np.int64]
    """Shape (n,)."""
    compounds: Sequence[str | None]
    """Code of the compound that an address names, length n."""
    people: NDArray[np.int64]
    """Shape (n,)."""
    groups: Sequence[Mapping[str, int]]
    """People by group, length n."""

    @classmethod
    def none(cls) -> Addresses:
        """Return no addresses."""
        nothing = np.zeros(0, np.int64)
        return cls([], np.zeros((0, 2)), nothing, [], nothing, [])

    def take(self, which: NDArray[np.bool_]) -> Addresses:
        """Return some of the addresses."""
        chosen = np.flatnonzero(which).tolist()
        return Addresses(
            [self.keys[i] for i in chosen],
            self.lonlat[chosen],
            self.households[chosen],
            [self.compounds[i] for i in chosen],
            self.people[chosen],
            [self.groups[i] for i in chosen],
        )


class Tally(NamedTuple):
    """Who lives in n units."""

    households: NDArray[np.int64]
    """Shape (n,)."""
    people: NDArray[np.int64]
    """Shape (n,)."""
    groups: list[dict[str, int]]
    """People by group, length n."""


def count_in_units(
    addresses: Addresses, geoms: NDArray[np.object_], codes: Sequence[str | None]
) -> Tally:
    """Count who lives in each unit, by the border rule; shape (n,).

    A unit without a polygon (None) has nobody.
    """
    there = np.array([geom is not None for geom in geoms], bool)
    # Without addresses no unit needs to be looked at.
    units = np.flatnonzero(there) if len(addresses.keys) else np.zeros(0, np.intp)
    solid = solid_land(geoms[units], shapely.is_valid(geoms[units]))
    found = locate(addresses.lonlat, solid, [codes[i] for i in units.tolist()])
    inside = np.flatnonzero(found.unit != NOWHERE)
    unit = units[found.unit[inside]]
    households, people = np.zeros(len(geoms), np.int64), np.zeros(len(geoms), np.int64)
    np.add.at(households, unit, addresses.households[inside])
    np.add.at(people, unit, addresses.people[inside])
    groups: list[dict[str, int]] = [{} for _ in range(len(geoms))]
    for i, u in zip(inside.tolist(), unit.tolist(), strict=True):
        for group, count in addresses.groups[i].items():
            groups[u][group] = groups[u].get(group, 0) + count
    return Tally(households, people, groups)


def check_households(
    level: str,
    addresses: Addresses,
    solid: NDArray[np.object_],
    codes: Sequence[str | None],
    parents: Parents,
) -> tuple[HouseholdCover, list[Finding]]:
    """Check that each address lies in exactly one unit of a TILES level.

    Parameters
    ----------
    level
        Key of the level.
    addresses
        Those that should lie in a unit.
    solid, codes
        Valid polygons of the units in degrees, shape (n,), and their codes.
    parents
        Named in the findings.
    """
    found = locate(addresses.lonlat, solid, codes)
    lost, doubled = found.unit == NOWHERE, found.inside > 1
    place = locate(addresses.lonlat[lost], parents.geoms, parents.codes).unit
    findings = list(_uncovered(level, addresses.take(lost), place, parents))
    findings += _doubled(level, addresses, found.pairs, doubled, codes)
    return _cover(addresses, lost, doubled), findings


def check_named_compounds(
    level: str, addresses: Addresses, solid: NDArray[np.object_], codes: Sequence[str | None]
) -> tuple[HouseholdCover, list[Finding]]:
    """Check that each address that names a unit of a DISJOINT level lies in it."""
    index = {code: i for i, code in enumerate(codes) if code is not None}
    names = np.array([name is not None for name in addresses.compounds], bool)
    naming = addresses.take(names)
    unit = np.array([index.get(name or "", NOWHERE) for name in naming.compounds], np.intp)
    inside = np.zeros(len(unit), bool)
    known = unit != NOWHERE
    points = np.asarray(shapely.points(naming.lonlat))
    inside[known] = shapely.intersects(solid[unit[known]], points[known])
    astray: dict[str, list[int]] = {}
    for i in np.flatnonzero(~inside).tolist():
        astray.setdefault(naming.compounds[i] or "", []).append(i)
    findings = [
        _finding(
            level,
            Kind.HOUSEHOLD_UNCOVERED,
            naming,
            members,
            f"name {code}, which does not exist"
            if code not in index
            else f"name {code}, but do not lie in it",
            units=(code,) if code in index else (),
        )
        for code, members in sorted(astray.items())
    ]
    return _cover(naming, ~inside, np.zeros(len(unit), bool)), findings


def count_on_land(findings: Sequence[Finding], addresses: Addresses) -> list[Finding]:
    """Fill in the households that live on blank, doubled or outside land."""
    land = [i for i, f in enumerate(findings) if f.area_m2 > 0 and f.geometry is not None]
    if not land or not len(addresses.keys):
        return list(findings)
    shapes = np.array([findings[i].geometry for i in land], object)
    shape, point = shapely.STRtree(np.asarray(shapely.points(addresses.lonlat))).query(
        shapes, predicate="intersects"
    )
    counted = np.bincount(shape, weights=addresses.households[point], minlength=len(land))
    out = list(findings)
    for i, households in zip(land, counted.tolist(), strict=True):
        out[i] = replace(out[i], households=int(households))
    return out


def _cover(
    addresses: Addresses, lost: NDArray[np.bool_], doubled: NDArray[np.bool_]
) -> HouseholdCover:
    total = int(addresses.households.sum())
    uncovered = int(addresses.households[lost].sum())
    return HouseholdCover(
        total, total - uncovered, uncovered, int(addresses.households[doubled].sum())
    )


def _uncovered(
    level: str, lost: Addresses, place: NDArray[np.intp], parents: Parents
) -> Iterator[Finding]:
    for parent in np.unique(place).tolist():
        code = parents.codes[parent] if parent != NOWHERE else None
        where = f"in {code} " if code else ("" if parent != NOWHERE else "outside every parent ")
        members = np.flatnonzero(place == parent).tolist()
        said = f"{where}lie in no unit"
        yield _finding(level, Kind.HOUSEHOLD_UNCOVERED, lost, members, said, parent=code)


def _doubled(
    level: str,
    addresses: Addresses,
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
    doubled: NDArray[np.bool_],
    codes: Sequence[str | None],
) -> Iterator[Finding]:
    units_of: dict[int, set[int]] = {}
    for point, unit in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        if doubled[point]:
            units_of.setdefault(point, set()).add(unit)
    groups: dict[tuple[int, ...], list[int]] = {}
    for point, units in sorted(units_of.items()):
        groups.setdefault(tuple(sorted(units)), []).append(point)
    for units_key, members in groups.items():
        named = tuple(sorted({code for u in units_key if (code := codes[u]) is not None}))
        said = f"lie in {' and '.join(named) or 'several units'} at once"
        yield _finding(level, Kind.HOUSEHOLD_DOUBLED, addresses, members, said, units=named)


def _finding(
    level: str,
    kind: Kind,
    addresses: Addresses,
    members: list[int],
    said: str,
    *,
    units: tuple[str, ...] = (),
    parent: str | None = None,
) -> Finding:
    """Say of some addresses what is wrong with them."""
    households = int(addresses.households[members].sum())
    ordered = sorted(members, key=lambda i: addresses.keys[i])[:MAX_ADDRESSES]
    return Finding(
        level=level,
        kind=kind,
        message=f"{len(members)} address(es) with {households} household(s) {said}",
        geometry=shapely.MultiPoint(addresses.lonlat[ordered]),
        households=households,
        units=units,
        addresses=tuple(addresses.keys[i] for i in ordered),
        parent=parent,
    )
