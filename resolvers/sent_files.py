"""A boundary file as a draft takes it: its rows, and what was concluded about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from geo.check import Sent

if TYPE_CHECKING:
    from sources.boundaries import BoundaryFile

OWN_COLUMNS = frozenset({"area_m2", "households", "people"})
"""What an export adds to a unit's own columns."""


def sent_of_file(file: BoundaryFile) -> Sent:
    """Return a boundary file's rows as a draft takes them."""
    return Sent(
        rows=file.rows,
        codes=file.codes,
        names=file.names,
        parents=file.parents,
        properties=_properties(file),
        geoms=file.geoms,
        crs=file.crs,
        datum=file.datum,
    )


def source_of(file: BoundaryFile) -> dict[str, Any]:  # free JSON: the contract's DraftSource
    """Return what was read and concluded about a file, as the API's DraftSource."""
    notices: list[dict[str, object]] = [
        {"code": n.code, "message": n.message, "featureCount": n.feature_count}
        for n in file.notices
    ]
    if _is_our_export(file):
        message = f"columns that an export adds were left out: {', '.join(sorted(OWN_COLUMNS))}"
        notices.append({"code": "OWN_COLUMNS", "message": message, "featureCount": len(file.rows)})
    return facts_of(file) | {"notices": notices}


def facts_of(file: BoundaryFile) -> dict[str, Any]:  # free JSON: the contract's DraftSource
    """Return a DraftSource without its notices."""
    return {
        "file": file.file,
        "sha256": file.sha256,
        "format": file.format,
        "layer": file.layer,
        "featureCount": len(file.rows),
        "encoding": file.encoding,
        "crs": file.crs,
        "datum": file.datum.value,
        "columns": {key: name for key, name in asdict(file.columns).items() if name is not None},
    }


def _is_our_export(file: BoundaryFile) -> bool:
    """Return whether a file has the columns that an export adds."""
    seen = {*file.properties[0], file.columns.households, file.columns.people}
    return seen >= OWN_COLUMNS


def _properties(file: BoundaryFile) -> list[dict[str, object]]:
    """Return each row's other columns; the file's own counts stay among them.

    Households and people of a unit are counted from the addresses in it, not taken from a file.
    What an export of ours has added is left out, so that it comes in again as no change.
    """
    if _is_our_export(file):
        return [
            {name: value for name, value in columns.items() if name not in OWN_COLUMNS}
            for columns in file.properties
        ]
    rows: list[dict[str, object]] = [dict(columns) for columns in file.properties]
    for name, values in (
        (file.columns.households, file.households),
        (file.columns.people, file.people),
    ):
        for row, value in zip(rows, values, strict=False):
            if name is not None and value is not None:
                row[name] = value
    return rows
