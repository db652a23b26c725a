"""A check's report as a file: map layers, a GeoPackage of a layer a kind, or a page to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import BadInputError
from geo.findings import Kind
from resolvers.report_pages import page_of
from resolvers.report_text import borders_of, say_clause
from sources import writing
from sources.placing import check_place
from sources.report_layers import GeoTable, write_tables
from sources.report_page import write_page
from sources.report_words import Language, Words, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.findings import Finding
    from resolvers.inspection import Inspection

PAGE = ".html"
GEOPACKAGE = ".gpkg"

REPORT_SUFFIXES = (PAGE, *writing.KNOWN_SUFFIXES)
"""The formats of a report, by the suffix that names each."""

DIMENSIONS = ("POINT", "LINE", "POLYGON")


def check_report_target(path: Path) -> None:
    """Refuse a place that no report can be written to, before any work is done for it.

    Raises
    ------
    BadInputError
        If the name says no known format, or its folder is not there.
    """
    if path.name.lower().endswith(PAGE) and path.name.lower() != PAGE:
        check_place(path)
        return
    try:
        writing.known_suffix(path)
    except BadInputError as error:
        raise BadInputError(
            f"{path.name!r} names no kind of report; end the name in one of "
            f"{', '.join(REPORT_SUFFIXES)}",
            argument="report",
            options=list(REPORT_SUFFIXES),
        ) from error
    writing.check_target(path)


def write_report(path: Path, found: Inspection, language: Language) -> None:
    """Write a report as its name's ending says.

    Parameters
    ----------
    path
        ``.html`` makes a page to read, ``.gpkg`` a layer a kind with a summary, and any other
        ending one layer of all findings.
    found
        The check.
    language
        Of the page, and of the sentences in a GeoPackage's summary.

    Raises
    ------
    BadInputError
        If the file cannot be written; an existing one is then as it was.
    """
    suffix = path.suffix.lower()
    if suffix == PAGE:
        words = words_of(language)
        write_page(path, page_of(found, words), words)
    elif suffix == GEOPACKAGE:
        write_tables(path, tables_of(found, words_of(language)))
    else:
        findings = found.report.findings
        geoms = np.empty(len(findings), object)
        geoms[:] = [finding.geometry for finding in findings]
        writing.write_features(path, "findings", geoms, _columns(found, range(len(findings))))


def _columns(found: Inspection, which: Sequence[int]) -> dict[str, list[object]]:
    """Return some findings as the columns of a layer."""
    findings = [found.report.findings[i] for i in which]
    return {
        "id": [found.ids[i] for i in which],
        "kind": [f.kind.value for f in findings],
        "rule": [f.rule.value for f in findings],
        "severity": [f.severity.value for f in findings],
        "message": [f.message for f in findings],
        "area_m2": [f.area_m2 for f in findings],
        "width_m": [f.width_m for f in findings],
        "households": [f.households for f in findings],
        "units": [" ".join(f.units) for f in findings],
        "parent": [f.parent or "" for f in findings],
        "rows": [" ".join(map(str, f.rows)) for f in findings],
        "pieces": [f.pieces for f in findings],
        "borders": [borders_of(f) for f in findings],
        "waived": [f.waiver is not None for f in findings],
    }


def tables_of(found: Inspection, words: Words) -> list[GeoTable]:
    """Return a report as layers: one a kind that occurs, then the summary.

    A layer holds one type of geometry. Findings of one kind that are lines and points as well get
    a layer for each, ``MISMATCH_LINE`` and ``MISMATCH_POINT``; those without any place stand in a
    table, or in the kind's only layer.
    """
    tables: list[GeoTable] = []
    for kind in Kind:
        members = [i for i, f in enumerate(found.report.findings) if f.kind is kind]
        if members:
            tables += _layers(found, kind, members)
    return [*tables, _summary(found, words)]


def _layers(found: Inspection, kind: Kind, members: Sequence[int]) -> list[GeoTable]:
    shapes = {i: _by_dimension(found.report.findings[i]) for i in members}
    occurring = sorted({d for of_one in shapes.values() for d in of_one}, reverse=True)
    if not occurring:
        return [GeoTable(kind.value, None, _columns(found, members))]
    placeless = {i for i in members if not shapes[i]}
    layers = []
    for dimension in occurring:
        first = dimension == occurring[0]
        own = [i for i in members if dimension in shapes[i] or (first and i in placeless)]
        geoms = np.empty(len(own), object)
        geoms[:] = [shapes[i].get(dimension) for i in own]
        name = kind.value if len(occurring) == 1 else f"{kind.value}_{DIMENSIONS[dimension]}"
        layers.append(GeoTable(name, geoms, _columns(found, own)))
    return layers


def _by_dimension(finding: Finding) -> dict[int, object]:
    """Return a finding's place taken apart into points, lines and polygons, by dimension."""
    if finding.geometry is None or finding.geometry.is_empty:
        return {}
    parts: NDArray[np.object_] = shapely.get_parts(shapely.get_parts(finding.geometry))
    dimensions = shapely.get_dimensions(parts)
    return {
        int(d): shapely.geometrycollections(parts[dimensions == d])
        for d in np.unique(dimensions[dimensions >= 0]).tolist()
    }


def _summary(found: Inspection, words: Words) -> GeoTable:
    clauses = found.report.clauses
    return GeoTable(
        "summary",
        None,
        {
            "clause": [c.rule.value for c in clauses],
            "name": [words(f"rules.{c.rule.value}.name") for c in clauses],
            "required": [c.required for c in clauses],
            "holds": [c.holds for c in clauses],
            "findings": [c.finding_count for c in clauses],
            "waived": [c.waived_count for c in clauses],
            "says": [say_clause(c, found.report, words) for c in clauses],
            "level": [found.report.level] * len(clauses),
            "file": [str(found.source["file"])] * len(clauses),
            "sha256": [str(found.source["sha256"])] * len(clauses),
            "day": [found.day.isoformat()] * len(clauses),
        },
    )
