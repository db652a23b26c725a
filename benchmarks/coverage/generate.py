"""Generated cities of three nested levels, clean or with known faults, and kept on disk.

    python -m benchmarks.coverage.generate FOLDER 1000 10000

Grids fill communities, communities fill sub-districts; all is WKB in degrees of WGS 84, rounded to
1e-9, as the engine takes it. ``benchmarks.coverage.plane`` gives the same in metres.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from benchmarks.coverage import faults as faults_module
from benchmarks.coverage import lattice as lattice_module
from benchmarks.coverage import plane as plane_module
from benchmarks.coverage.faults import FaultKind, make_changes
from benchmarks.coverage.lattice import draw_lattice
from benchmarks.coverage.plane import in_degrees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from benchmarks.coverage.faults import Change

SHARE = 0.01
"""Faults for each grid of a dirty level."""

_PREFIX = "4503"  # where official codes of that region begin


class Truth(NamedTuple):
    """One fault, said in the level's own codes."""

    kind: FaultKind
    units: tuple[str, ...]
    """Codes of the grids concerned, its own first; of a missing grid the code that it had."""
    place: BaseGeometry
    """Where boundaries are wrong, in plane metres."""
    size: float
    """Width in metres of slivers, shifts, leaks and vertices; else area in square metres."""


class City(NamedTuple):
    """Three levels of one city."""

    units: list[bytes]
    """Grids, WKB, n of them."""
    codes: list[str]
    parent_of: NDArray[np.intp]
    """Index of each grid's community, shape (n,)."""
    parents: list[bytes]
    """Communities, WKB."""
    parent_codes: list[str]
    district_of: NDArray[np.intp]
    """Index of each community's sub-district."""
    districts: list[bytes]
    """Sub-districts, WKB."""
    district_codes: list[str]
    truth: list[Truth]


def make_city(cells: int, *, dirty: bool = False, share: float = SHARE, seed: int = 1) -> City:
    """Make a city of at least so many grids.

    Parameters
    ----------
    cells
        The fewest grids; the city is a rectangle of whole sub-districts, so it has some more.
    dirty
        Whether its grids have faults; the city is otherwise the same as the clean one.
    share
        Faults for each grid, at most 1/30.
    seed
        The same seed gives the same city.
    """
    lattice = draw_lattice(cells, seed)
    rings = lattice.rings.reshape(-1, *lattice.rings.shape[2:])
    grids = in_degrees(np.asarray(shapely.polygons(shapely.linearrings(rings)), object))
    parent_of, district_of = lattice.community_of(), lattice.district_of()
    communities = _unite(grids, parent_of)
    districts = _unite(communities, district_of)
    district_codes = [f"{_PREFIX}{number:05d}" for number in range(1, len(districts) + 1)]
    parent_codes = _number(district_codes, district_of)
    codes = _number(parent_codes, parent_of)
    truth: list[Truth] = []
    if dirty:
        changes = make_changes(lattice, share, seed)
        grids, codes, parent_of, truth = _soil(grids, codes, parent_of, changes)
    return City(
        units=shapely.to_wkb(grids).tolist(),
        codes=codes,
        parent_of=parent_of,
        parents=shapely.to_wkb(communities).tolist(),
        parent_codes=parent_codes,
        district_of=district_of,
        districts=shapely.to_wkb(districts).tolist(),
        district_codes=district_codes,
        truth=truth,
    )


def _unite(geoms: NDArray[np.object_], group_of: NDArray[np.intp]) -> NDArray[np.object_]:
    """Return the union of each group, every vertex kept."""
    order = np.argsort(group_of, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(group_of[order])) + 1)
    united = np.empty(len(groups), object)
    for number, members in enumerate(groups):
        [united[number]] = shapely.get_parts(shapely.coverage_union_all(geoms[members]))
    return np.asarray(shapely.orient_polygons(united))


def _number(above: Sequence[str], group_of: NDArray[np.intp]) -> list[str]:
    """Return a code for each element: its group's code and three digits."""
    next_one = [0] * len(above)
    codes = []
    for group in group_of.tolist():
        next_one[group] += 1
        codes.append(f"{above[group]}{next_one[group]:03d}")
    return codes


def _soil(
    grids: NDArray[np.object_],
    codes: list[str],
    parent_of: NDArray[np.intp],
    changes: Sequence[Change],
) -> tuple[NDArray[np.object_], list[str], NDArray[np.intp], list[Truth]]:
    """Carry out changes; units that they add come last."""
    redrawn = {cell: new for change in changes for cell, new in change.redrawn.items()}
    cells = np.array(list(redrawn), np.intp)
    grids = grids.copy()
    grids[cells] = in_degrees(np.array(list(redrawn.values()), object))
    extra = [change for change in changes if change.extra is not None]
    hosts = np.array([change.fault.cells[0] for change in extra], np.intp)
    added = in_degrees(np.array([change.extra for change in extra], object))
    extra_codes = {cell: f"{codes[cell]}9" for cell in hosts.tolist()}  # a code that is free
    truth = []
    for change in changes:
        fault = change.fault
        units = [codes[cell] for cell in fault.cells]
        units += [extra_codes[fault.cells[0]]] if fault.added else []
        truth.append(Truth(fault.kind, tuple(units), fault.place, fault.size))
    kept = np.ones(len(grids), bool)
    kept[[change.dropped for change in changes if change.dropped is not None]] = False
    return (
        np.concatenate([grids[kept], added]),
        [codes[cell] for cell in np.flatnonzero(kept)] + list(extra_codes.values()),
        np.concatenate([parent_of[kept], parent_of[hosts]]),
        truth,
    )


# -- on disk ----------------------------------------------------------------------------------


def stored_city(folder: Path, cells: int, *, dirty: bool) -> Path:
    """Return the file of a city, made now if it is not there.

    Its name holds a digest of what draws it, so that no file outlives its generator.
    """
    path = folder / f"{'dirty' if dirty else 'clean'}-{cells}-{_digest()}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npz")
        save(make_city(cells, dirty=dirty), unfinished)
        unfinished.rename(path)
    return path


def _digest() -> str:
    sources = (lattice_module, faults_module, plane_module, sys.modules[__name__])
    texts = [Path(str(module.__file__)).read_bytes() for module in sources]
    return hashlib.blake2b(b"".join(texts), digest_size=4).hexdigest()


def save(city: City, path: Path) -> None:
    """Write a city to an ``.npz`` file."""
    told = [
        {"kind": t.kind, "units": t.units, "place": t.place.wkb_hex, "size": t.size}
        for t in city.truth
    ]
    columns: dict[str, NDArray[np.generic]] = {
        "parent_of": city.parent_of,
        "district_of": city.district_of,
        "truth": np.array(json.dumps(told)),
    }
    for name in ("units", "parents", "districts"):
        wkbs: list[bytes] = getattr(city, name)
        columns[name] = np.frombuffer(b"".join(wkbs), np.uint8)
        columns[f"{name}_end"] = np.cumsum([len(wkb) for wkb in wkbs])
    for name in ("codes", "parent_codes", "district_codes"):
        columns[name] = np.array("\n".join(getattr(city, name)))
    np.savez(path, allow_pickle=False, **columns)


def load(path: Path) -> City:
    """Read a city from its file."""
    with np.load(path) as file:
        told = json.loads(str(file["truth"]))
        return City(
            units=_wkbs(file["units"], file["units_end"]),
            codes=str(file["codes"]).split("\n"),
            parent_of=file["parent_of"],
            parents=_wkbs(file["parents"], file["parents_end"]),
            parent_codes=str(file["parent_codes"]).split("\n"),
            district_of=file["district_of"],
            districts=_wkbs(file["districts"], file["districts_end"]),
            district_codes=str(file["district_codes"]).split("\n"),
            truth=[
                Truth(
                    FaultKind(t["kind"]),
                    tuple(t["units"]),
                    shapely.from_wkb(t["place"]),
                    float(t["size"]),
                )
                for t in told
            ],
        )


def _wkbs(joined: NDArray[np.uint8], end: NDArray[np.int64]) -> list[bytes]:
    whole = joined.tobytes()
    ends = end.tolist()
    return [whole[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def main(arguments: Sequence[str]) -> None:
    """Make the files of the sizes that are named."""
    folder, *sizes = arguments
    for size in map(int, sizes):
        for dirty in (False, True):
            path = stored_city(Path(folder), size, dirty=dirty)
            city = load(path)
            sys.stdout.write(
                f"{path}: {len(city.units)} grids, {len(city.parents)} communities, "
                f"{len(city.districts)} sub-districts, {len(city.truth)} faults\n"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
