"""What is wrong with a file's rows before any land is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.findings import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

LISTED = 10
"""How many rows a message lists."""

POLYGONAL = {shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON}


def usable(geoms: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which geometries are polygons that are there and not empty, shape (n,)."""
    polygonal = np.isin(shapely.get_type_id(geoms), [int(kind) for kind in POLYGONAL])
    return np.asarray(polygonal & ~shapely.is_empty(geoms))


def check_labels(
    level: str,
    rows: NDArray[np.intp],
    codes: Sequence[str | None],
    geoms: NDArray[np.object_],
) -> list[Finding]:
    """Name rows without a geometry, of the wrong type, without a code or with another's code.

    Parameters
    ----------
    level
        Key of the level.
    rows
        1-based rows of the file, shape (n,).
    codes, geoms
        As sent, shape (n,); None where absent.
    """
    return [
        *_bad_geometries(level, rows, codes, geoms),
        *_missing_codes(level, rows, codes),
        *_duplicate_codes(level, rows, codes),
    ]


def codes_elsewhere(
    level: str,
    rows: NDArray[np.intp],
    codes: Sequence[str | None],
    elsewhere: Mapping[str, str],
) -> Iterator[Finding]:
    """Name rows whose code belongs to a unit of other ground.

    Parameters
    ----------
    elsewhere
        Codes that stand on other ground, and the parents that they stand under.
    """
    for row, code in zip(rows.tolist(), codes, strict=True):
        if code is not None and code in elsewhere:
            yield Finding(
                level=level,
                kind=Kind.DUPLICATE_CODE,
                message=f"the code {code} stands already on other ground, under {elsewhere[code]}",
                units=(code,),
                rows=(row,),
            )


def _bad_geometries(
    level: str,
    rows: NDArray[np.intp],
    codes: Sequence[str | None],
    geoms: NDArray[np.object_],
) -> Iterator[Finding]:
    for i in np.flatnonzero(~usable(geoms)).tolist():
        geom, row, code = geoms[i], int(rows[i]), codes[i]
        who = code or f"row {row}"
        absent = geom is None or geom.is_empty
        yield Finding(
            level=level,
            kind=Kind.NO_GEOMETRY if absent else Kind.WRONG_TYPE,
            message=f"{who} has no geometry"
            if absent
            else f"{who} is a {geom.geom_type}, not a polygon",
            units=(code,) if code else (),
            rows=(row,),
        )


def _missing_codes(
    level: str, rows: NDArray[np.intp], codes: Sequence[str | None]
) -> Iterator[Finding]:
    for row, code in zip(rows.tolist(), codes, strict=True):
        if code is None:
            yield Finding(
                level=level,
                kind=Kind.MISSING_CODE,
                message=f"row {row} has no code",
                rows=(row,),
            )


def _duplicate_codes(
    level: str, rows: NDArray[np.intp], codes: Sequence[str | None]
) -> Iterator[Finding]:
    rows_of: dict[str, list[int]] = {}
    for row, code in zip(rows.tolist(), codes, strict=True):
        if code is not None:
            rows_of.setdefault(code, []).append(row)
    for code, same in rows_of.items():
        if len(same) > 1:
            listed = ", ".join(map(str, same[:LISTED]))
            listed += f" and {len(same) - LISTED} more" if len(same) > LISTED else ""
            yield Finding(
                level=level,
                kind=Kind.DUPLICATE_CODE,
                message=f"the code {code} stands in {len(same)} rows: {listed}",
                units=(code,),
                rows=tuple(same),
            )
