"""The rows of an edition against the geometry that is stored in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.chain import boundaries, chains
from geo.crs import LocalMetric, round9
from resolvers.audit_report import Difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from resolvers.audit_report import Findings
    from storage.auditing import OutlineAt, UnitAt, WaivedAt

AREA_TOLERANCE = 1e-6
"""How far a stored area may be off, as a share of it: another centre of the projection."""
CENTRE_DEG = 1e-5
"""How far the stored centre of the projection may be off."""


@dataclass(frozen=True)
class Standing:
    """What is kept of a level once its geometry has gone by.

    Attributes
    ----------
    codes, parent_codes
        Length n, by code.
    chain, valid
        Of the stored geometry, shape (n,).
    """

    codes: list[str]
    parent_codes: list[str | None]
    chain: NDArray[np.int64]
    valid: NDArray[np.bool_]


class Piece(NamedTuple):
    """Some units of a level, by code, with the numbers that they have in it."""

    rows: list[UnitAt]
    geoms: NDArray[np.object_]
    numbers: NDArray[np.intp]


def read_geoms(wkbs: Sequence[bytes]) -> NDArray[np.object_]:
    """Return polygons, shape (n,); what cannot even be read (NaN) as one without land."""
    with np.errstate(invalid="ignore"):
        geoms = shapely.from_wkb(list(wkbs), on_invalid="ignore")
    geoms[shapely.is_missing(geoms)] = shapely.MultiPolygon()
    return np.asarray(geoms)


def check_outline(found: OutlineAt, level: str, findings: Findings) -> LocalMetric:
    """Say where the outline's row disagrees with its geometry; return the edition's metres."""
    geoms = read_geoms([found.wkb])
    metric = LocalMetric(found.lon0, found.lat0)
    if not shapely.is_empty(geoms[0]):
        metric = LocalMetric.around(geoms[0].bounds)
    off = max(abs(metric.lon0 - found.lon0), abs(metric.lat0 - found.lat0))
    for bad, name in (
        (int(chains(geoms)[0]) != found.chain, "chain"),
        (off > CENTRE_DEG, "centre"),
    ):
        if bad:
            said = f"the outline: its {name} is not that of its geometry"
            findings.add(Difference("OUTLINE", level, None, said))
    return metric


def check_piece(level: str, piece: Piece, metric: LocalMetric, findings: Findings) -> Standing:
    """Say where the rows of units disagree with their geometry; return what is to be kept."""
    rows, geoms = piece.rows, piece.geoms
    chain, valid = boundaries(geoms)
    area_m2 = metric.area_m2(geoms)
    stored_m2 = np.array([row.area_m2 for row in rows])
    for code, bad, said in (
        ("CHAIN", chain != [row.chain for row in rows], "its chain is not that of its geometry"),
        ("RING", ~valid | shapely.is_empty(geoms), "its rings are not valid"),
        (
            "AREA",
            # what is no number differs, too
            ~(np.abs(area_m2 - stored_m2) <= AREA_TOLERANCE * area_m2),
            "its area is not that of its geometry",
        ),
        ("GRID", _off_grid(geoms), "its coordinates have more than nine decimals"),
        ("NAME", ~np.array([row.named for row in rows]), "it is found by another code or name"),
    ):
        for i in np.flatnonzero(bad).tolist():
            unit = rows[i].code
            findings.add(Difference(code, level, unit, f"{level} {unit}: {said}"))
    return Standing([r.code for r in rows], [r.parent_code for r in rows], chain, valid)


def _off_grid(geoms: NDArray[np.object_]) -> NDArray[np.bool_]:
    lonlat, owner = shapely.get_coordinates(geoms, return_index=True)
    off = np.zeros(len(geoms), bool)
    off[owner[(round9(lonlat) != lonlat).any(axis=1)]] = True
    return off


def join(pieces: Sequence[Standing]) -> Standing:
    """Return a level of its pieces."""
    return Standing(
        [code for piece in pieces for code in piece.codes],
        [code for piece in pieces for code in piece.parent_codes],
        np.concatenate([np.zeros(0, np.int64), *(piece.chain for piece in pieces)]),
        np.concatenate([np.zeros(0, bool), *(piece.valid for piece in pieces)]),
    )


def check_waived(lands: Sequence[WaivedAt], findings: Findings) -> dict[str, int]:
    """Say where the rows of waived land disagree with its geometry; return the true chains.

    Returns
    -------
    dict
        By the finding's id; land that is no polygon is left out.
    """
    chain_of: dict[str, int] = {}
    for land in lands:
        geoms = read_geoms([land.wkb])
        if geoms[0].geom_type in {"Polygon", "MultiPolygon"}:
            chain_of[land.finding_id] = int(chains(geoms)[0])
        if chain_of.get(land.finding_id) != land.chain:
            where = f"{land.level}: the waived land {land.finding_id} in {land.parent_code}"
            said = f"{where}: its chain is not that of its geometry"
            findings.add(Difference("WAIVED", land.level, land.parent_code, said))
    return chain_of
