"""What is kept of each sender's files: read, chosen by name or pattern, overruled by options."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.crs import Datum
from geo.errors import BadInputError, UnknownError, UnreadableError
from sources.columns import Columns
from sources.presets import Reading, choose_preset, read_presets

TWO = """
[[preset]]
name = "龙潭"
files = ["龙潭_*.zip", "longtan*"]
layer = "网格"
encoding = "GB18030"
crs = "EPSG:4547"
datum = "gcj02"
columns = { code = "WGBM", name = "WGMC" }

[[preset]]
name = "bare"
files = "*_2026.geojson"
"""


def write(folder: Path, text: str, name: str = "wangge.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_presets_are_read(tmp_path: Path) -> None:
    first, second = read_presets(write(tmp_path, TWO))

    assert (first.name, first.files) == ("龙潭", ("龙潭_*.zip", "longtan*"))
    assert first.reading == Reading(
        layer="网格",
        encoding="GB18030",
        crs="EPSG:4547",
        datum=Datum.GCJ02,
        columns=Columns(code="WGBM", name="WGMC"),
    )
    assert (second.name, second.files, second.reading) == ("bare", ("*_2026.geojson",), Reading())
    assert read_presets(write(tmp_path, "# none yet\n")) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[preset]\nname = "a"', "[[preset]], with two brackets"),
        ('[[presets]]\nname = "a"', "'presets' is not known"),
        ("[[preset]]\nlayer = 'x'", "preset 1 has no name"),
        ('[[preset]]\nname = " "', "preset 1 has no name"),
        ('[[preset]]\nname = "a"\n[[preset]]\nname = "a"', "preset 'a' is there twice"),
        ('[[preset]]\nname = "a"\nencodng = "GBK"', "'encodng' of preset 'a' is not known; use"),
        ('[[preset]]\nname = "a"\nencoding = 936', "encoding of preset 'a' must be text in quotes"),
        ('[[preset]]\nname = "a"\nencoding = "klingon"', "preset 'a': encoding 'klingon'"),
        ('[[preset]]\nname = "a"\ncrs = "EPSG:999999"', "preset 'a': "),
        ('[[preset]]\nname = "a"\ndatum = "MARS"', "use WGS84, GCJ02, BD09"),
        ('[[preset]]\nname = "a"\nfiles = [1]', "files of preset 'a' must be a pattern"),
        ('[[preset]]\nname = "a"\nfiles = [""]', "files of preset 'a' must be a pattern"),
        ('[[preset]]\nname = "a"\ncolumns = "code"', "columns of preset 'a' must be a table"),
        (
            '[[preset]]\nname = "a"\ncolumns = {kode = "x"}',
            "'kode' among the columns of preset 'a'",
        ),
        ('[[preset]]\nname = "a"\ncolumns = {code = 1}', "code of the columns of preset 'a'"),
        ("preset = [1]", "preset 1 must be a [[preset]] table"),
    ],
)
def test_presets_that_cannot_be_meant_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_presets(write(tmp_path, text))

    assert said in str(refused.value)
    assert "wangge.toml" in str(refused.value)
    assert refused.value.extensions["argument"] == "presets"


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = '[[preset]]\nname = "a"\nlayr = "x"\ndatum = "MARS"\n[[preset]]\n'

    with pytest.raises(BadInputError, match=r"layr.*MARS.*preset 2 has no name"):
        read_presets(write(tmp_path, text))


def test_a_presets_file_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="line 2"):
        read_presets(write(tmp_path, "[[preset]]\nname = \n"))
    (tmp_path / "gbk.toml").write_bytes('[[preset]]\nname = "龙潭"'.encode("gbk"))
    with pytest.raises(UnreadableError, match=r"gbk.toml is not UTF-8 text \(line 2\)"):
        read_presets(tmp_path / "gbk.toml")
    with pytest.raises(UnreadableError, match="not there"):
        read_presets(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("file", ["龙潭_网格.zip", "Longtan 2026.shp", "LONGTAN"])
def test_the_only_pattern_that_fits_chooses_aloud(tmp_path: Path, file: str) -> None:
    presets = read_presets(write(tmp_path, TWO))

    chosen = choose_preset(presets, file, None, kept_in="wangge.toml")

    assert chosen.columns == Columns(code="WGBM", name="WGMC")
    (notice,) = chosen.notices
    assert notice.code == "PRESET"
    assert file in notice.message
    for said in ("encoding GB18030", "crs EPSG:4547", "datum GCJ02", "code from 'WGBM'"):
        assert said in notice.message


def test_a_file_that_no_pattern_fits_has_no_preset(tmp_path: Path) -> None:
    presets = read_presets(write(tmp_path, TWO))

    assert choose_preset(presets, "grids.gpkg", None, kept_in="wangge.toml") == Reading()


def test_several_patterns_that_fit_are_a_question(tmp_path: Path) -> None:
    presets = read_presets(write(tmp_path, TWO))

    with pytest.raises(UnreadableError) as asked:
        choose_preset(presets, "longtan_2026.geojson", None, kept_in="wangge.toml")

    assert asked.value.extensions["argument"] == "preset"
    assert asked.value.extensions["options"] == ["龙潭", "bare"]
    assert choose_preset(presets, "longtan_2026.geojson", "bare", kept_in="").crs is None


def test_a_preset_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    presets = read_presets(write(tmp_path, TWO))

    with pytest.raises(UnknownError, match=r"no preset 'x' in .* there are 龙潭, bare"):
        choose_preset(presets, "a.gpkg", "x", kept_in="wangge.toml")


def test_what_is_said_now_wins_column_by_column() -> None:
    kept = Reading(layer="网格", crs="EPSG:4547", columns=Columns(code="WGBM", name="WGMC"))
    said = Reading(crs="EPSG:4490", columns=Columns(name="MC", parent="SQBM"))

    assert said.over(kept) == Reading(
        layer="网格", crs="EPSG:4490", columns=Columns(code="WGBM", name="MC", parent="SQBM")
    )
