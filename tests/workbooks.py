"""Writes workbooks as spreadsheets save them, cell by cell: no library has a say in them."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_NS = "http://schemas.openxmlformats.org/"
_MAIN = f"{_NS}spreadsheetml/2006/main"
_RELATIONS = f"{_NS}officeDocument/2006/relationships"
_PACKAGE = f"{_NS}package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'


class Day(NamedTuple):
    """A day as a spreadsheet keeps it: a number that is shown as a date."""

    serial: float
    """Days since 1899-12-30."""


class Sheet(NamedTuple):
    """One sheet."""

    rows: Sequence[Sequence[object]]
    """Cells from A1 on; None is no cell."""
    merged: Sequence[str] = ()
    """Ranges such as ``A1:F1``."""


def write_workbook(path: Path, sheets: Mapping[str, Sheet], *, more: str = "") -> Path:
    """Write a workbook.

    Parameters
    ----------
    more
        XML that the sheets' cells begin with.
    """
    names = list(enumerate(sheets, start=1))
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"/>' for n, name in names
    )
    related = "".join(
        f'<Relationship Id="r{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n, _ in names
    )
    styles = f'<Relationship Id="rs" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    main = f'<Relationship Id="r0" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    parts = {
        "[Content_Types].xml": _types(len(names)),
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{main}</Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f"{related}{styles}</Relationships>",
        # The second format is that of days.
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    parts |= {f"xl/worksheets/s{n}.xml": _sheet(sheets[name], more) for n, name in names}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, _HEAD + content)
    return path


def _types(count: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/s{n}.xml" ContentType="{kind}.worksheet+xml"/>'
        for n in range(1, count + 1)
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Override '
        f'PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{sheets}</Types>'
    )


def _sheet(sheet: Sheet, more: str) -> str:
    rows = "".join(
        f'<row r="{n}">{"".join(_cell(n, place, value) for place, value in enumerate(row))}</row>'
        for n, row in enumerate(sheet.rows, start=1)
    )
    ranges = "".join(f'<mergeCell ref="{ref}"/>' for ref in sheet.merged)
    merged = f"<mergeCells>{ranges}</mergeCells>" if ranges else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{more}{rows}</sheetData>{merged}</worksheet>'


def _cell(row: int, place: int, value: object) -> str:
    ref = f"{chr(ord('A') + place)}{row}"
    match value:
        case None:
            return ""
        case Day():
            return f'<c r="{ref}" s="1"><v>{value.serial!r}</v></c>'
        case int() | float():
            return f'<c r="{ref}"><v>{value!r}</v></c>'
    return f'<c r="{ref}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
