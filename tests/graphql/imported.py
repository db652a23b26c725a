"""Drafts of the small town, as an import would leave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from shapely import Polygon
from sqlalchemy import insert

from geo.chain import chains
from storage.models import Draft, DraftUnit, Finding
from tests.graphql.world import C1, G11, G12, Box, area_m2, array_of, polygon, ring, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

REPORT: dict[str, Any] = {  # as a check writes it
    "clauses": [
        {
            "rule": rule,
            "required": True,
            "holds": holds,
            "findingCount": count,
            "waivedCount": 0,
        }
        for rule, holds, count in (
            ("CLEAR_BOUNDARIES", False, 1),
            ("NO_BLANK", False, 1),
            ("NO_OVERLAP", False, 1),
            ("EVERY_HOUSEHOLD", True, 0),
        )
    ],
    "provenParents": 0,
    "parents": 1,
    "areaM2": 1000.0,
    "blankM2": 30.0,
    "overlapM2": 20.0,
    "outsideM2": 0.0,
    "households": {"total": 11, "covered": 9, "uncovered": 2, "doubled": 0},
    "clean": False,
}
SOURCE: dict[str, Any] = {  # as an import writes it
    "file": "网格.gpkg",
    "sha256": "ab" * 32,
    "format": "GPKG",
    "layer": "grid",
    "featureCount": 4,
    "encoding": "UTF-8",
    "crs": "EPSG:4490",
    "datum": "WGS84",
    "columns": {"code": "网格编码"},
    "notices": [{"code": "NODED", "message": "2 vertices were matched", "featureCount": 2}],
}
HASHES = ("a" * 32, "b" * 32, "c" * 32)


async def add_draft(
    engine: AsyncEngine,
    *,
    level: str = "grid",
    within: tuple[str, str] | None = ("community", C1),
    status: str = "OPEN",
    units: Sequence[tuple[str | None, str, Box | None]] = (),
    with_drafts: Sequence[int] = (),
    repair_of: int | None = None,
    published_as: int | None = None,
    findings: bool = True,
) -> int:
    """Store a draft.

    Parameters
    ----------
    units
        Code, code of the parent, and box of each row of its file.
    findings
        Whether it has its three findings and a report.
    """
    async with engine.begin() as connection:
        draft = await connection.scalar(
            insert(Draft)
            .values(
                status=status,
                level=level,
                within_level=within[0] if within else None,
                within_code=within[1] if within else None,
                base_edition=2,
                with_drafts=list(with_drafts),
                repair_of=repair_of,
                published_as=published_as,
                crs="EPSG:4490",
                source=SOURCE,
                report=REPORT if findings else None,
                created_by="editor",
            )
            .returning(Draft.id)
        )
        if draft is None:
            raise ValueError("the draft has no number")
        rows = [_draft_unit(draft, row, *unit) for row, unit in enumerate(units, start=1)]
        for values in rows:
            await connection.execute(insert(DraftUnit).values(values))
        if findings:
            await connection.execute(insert(Finding), _findings(draft, level))
    return int(draft)


def _draft_unit(
    draft: int, row: int, code: str | None, parent: str, box: Box | None
) -> dict[str, Any]:
    shape = polygon(box) if box is not None else None
    return {
        "draft_id": draft,
        "row": row,
        "code": code,
        "name": f"row {row}",
        "parent_code": parent,
        "geom": stored(shape) if shape is not None else None,
        "source_wkb": shapely.to_wkb(shape) if shape is not None else None,
        "chain": int(chains(array_of([shape]))[0]) if shape is not None else None,
        "area_m2": area_m2(box) if box is not None else None,
        "properties": {"row": row},
        "households": row,
        "people": 2 * row,
        "groups": {"pupil": row},
    }


def _findings(draft: int, level: str) -> list[dict[str, Any]]:
    """Return three findings: 30 m2 blank, 20 m2 overlap, and a row without a code."""
    plain = {
        "draft_id": draft,
        "level": level,
        "severity": "BLOCKING",
        "households": 0,
        "extra": 0,
        "addresses": [],
        "parent_code": C1,
        "width_m": 1.5,
    }
    return [
        plain
        | {
            "id": HASHES[0],
            "kind": "BLANK",
            "rule": "NO_BLANK",
            "message": "30 m2 in no grid",
            "geom": stored(Polygon(ring((0, 0, 0.5, 0.5)))),
            "area_m2": 30.0,
            "units": [G12, G11],
            "rows": [2, 1],
        },
        plain
        | {
            "id": HASHES[1],
            "kind": "OVERLAP",
            "rule": "NO_OVERLAP",
            "message": "20 m2 in two grids",
            "geom": stored(Polygon(ring((0.5, 0, 1, 0.5)))),
            "area_m2": 20.0,
            "units": [G11, G12],
            "rows": [1, 2],
            "addresses": ["a1", "a5"],
            "extra": 1,
        },
        plain
        | {
            "id": HASHES[2],
            "kind": "MISSING_CODE",
            "rule": "CLEAR_BOUNDARIES",
            "message": "row 3 has no code",
            "geom": None,
            "area_m2": 0.0,
            "units": [],
            "rows": [3],
            "parent_code": None,
        },
    ]
