"""What is concluded of every awkward file is what its makers say of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from geo.errors import WanggeError
from sources.boundaries import read_boundaries
from sources.encoding import BIG5, GB18030, UTF8, choose_encoding, decode
from sources.formats import staged
from sources.layers import POINTS, read_layer
from tests.real.concluded import (
    LOOKS,
    OF_DATUM,
    OF_SYSTEM,
    OF_TEXT,
    PAGE,
    REFUSED,
    TOWN,
    Look,
    path_of,
    read_look,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

FOLDERS = ("b_china", "d_malformed")
PARTS = (".shx", ".dbf", ".prj", ".cpg")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.file} {look.layer or ''}")
def test_a_file_is_what_its_makers_say(real_data: Path, look: Look) -> None:
    found = read_look(real_data, look)

    assert len(found.rows) == look.features
    assert (found.encoding, found.crs, found.datum.value) == (look.encoding, look.crs, look.datum)
    assert {notice.code for notice in found.notices} == look.notices
    kinds = Counter(
        geom.geom_type.removeprefix("Multi") for geom in found.geoms if geom is not None
    )
    assert kinds["Polygon"] == (look.features if look.polygons is None else look.polygons)
    # each guess is told of every feature that it concerns
    whole = {n.feature_count for n in found.notices if n.code in OF_TEXT | OF_SYSTEM | OF_DATUM}
    assert whole <= {look.features}


@pytest.mark.parametrize(("file", "said"), REFUSED)
def test_a_file_that_cannot_be_meant_says_why(real_data: Path, file: str, said: str) -> None:
    with pytest.raises(WanggeError, match=said) as error:
        read_boundaries(path_of(real_data, file))

    assert "\n" not in str(error.value)


def test_no_file_is_left_out(real_data: Path) -> None:
    """A Shapefile's parts are in the file of its name."""
    files = {
        file.relative_to(real_data)
        for folder in FOLDERS
        for file in (real_data / folder).rglob("*")
        if file.is_file()
    }
    whole = {str(f) for f in files if not (f.suffix in PARTS and f.with_suffix(".shp") in files)}
    looked = {look.file for look in LOOKS} | {file for file, _ in REFUSED}

    assert whole == {file for file in looked if not file.startswith(TOWN)}


def test_the_page_shows_every_file() -> None:
    page = PAGE.read_text("utf-8")

    for file in {look.file for look in LOOKS} | {file for file, _ in REFUSED}:
        assert f"| {file.removeprefix(TOWN)}" in page


@pytest.mark.parametrize(
    ("name", "codec", "text"),
    [("gbk", GB18030, "简体国语"), ("big5", BIG5, "繁體國語"), ("utf8", UTF8, "国语國語")],
)
def test_a_lone_table_of_another_program_is_told_by_its_bytes(
    real_data: Path, name: str, codec: str, text: str
) -> None:
    """Four characters each, and nothing names the encoding."""
    data = (real_data / f"d_malformed/mapshaper_dbf/{name}.dbf").read_bytes()
    begins = int.from_bytes(data[8:10], "little") + 1  # behind the mark of a deleted row
    cell = data[begins:].rstrip(b"\x1a ")

    assert choose_encoding([cell]).encoding == codec
    assert decode(cell, codec).text == text


def test_a_shapefile_that_calls_itself_big_5_is(real_data: Path) -> None:
    path = real_data / "d_malformed/mapshaper_big5_cpg/big5.shp"
    with staged(path, layer=None, encoding=None) as laid:
        raw = read_layer(laid, path.name, wanted=POINTS)

    assert (raw.encoding, raw.notices) == (BIG5, ())
    assert "\ufffd" not in str(raw.cells)
