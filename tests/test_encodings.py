"""Which encoding a table's text is in: its bytes decide, whatever its labels say."""

from __future__ import annotations

import codecs
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fixtures.__main__ import DATA
from geo.errors import BadInputError, UnreadableError
from service.cli import app
from sources.addresses import read_addresses
from sources.boundaries import read_boundaries
from sources.encoding import BIG5, GB18030, LATIN1, UTF8, choose_encoding, python_codec
from tests.bytewise import shapefile
from tests.town import layer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.boundaries import BoundaryFile

MAINLAND = ["东城区第一网格", "河西街道", "新华社区居委会", "南山村"]
RARE = ["东城区𠮷祥里", "河西𬭎街道", "新华㑇社区", "南山𠀀村"]  # four bytes each in GB18030
TAIWAN = ["臺北市信義區", "新竹縣竹北市", "高雄市鼓山區", "大安里"]
HONG_KONG = ["深水埗區", "東涌邨", "石塘咀街道", "香港仔"]  # 埗 and 咀 are Hong Kong's additions
MEXICO = ["Nuevo León", "México", "Querétaro", "Yucatán"]

FIELDS = [(b"code", 10), (b"name", 60)]


def table(
    folder: Path,
    names: Sequence[str],
    codec: str,
    *,
    cpg: str | bytes | None = None,
    language: int = 0,
) -> Path:
    """Write a Shapefile whose units are numbered, and named in an encoding."""
    rows = [[b"%d" % n, name.encode(codec)] for n, name in enumerate(names, start=1)]
    return shapefile(folder / "grids.shp", FIELDS, rows, cpg=cpg, language=language)


def said(found: BoundaryFile) -> list[tuple[str, int]]:
    return [(n.code, n.feature_count) for n in found.notices if n.code != "NO_CRS"]


WRITTEN = [
    (MAINLAND, "gbk", GB18030),
    (RARE, "gb18030", GB18030),
    (TAIWAN, "gbk", GB18030),
    (TAIWAN, "big5", BIG5),
    (HONG_KONG, "big5hkscs", BIG5),
    (MAINLAND, "utf-8", UTF8),
    (RARE, "utf-8", UTF8),
    (TAIWAN, "utf-8", UTF8),
]
RIGHT = {
    GB18030: ["GBK", "CP936", "GB-18030", "GB 2312", "ansi 936", "x-gbk", "LDID/77"],
    BIG5: ["Big5", "Big-5", "950", "LDID/79"],
    UTF8: ["UTF-8", "utf8", "UTF 8", "65001"],
}
LYING = {
    GB18030: ["UTF-8", "Big5", "ISO-8859-1", "1252", "UTF-16", "cp949"],
    BIG5: ["GBK", "UTF-8", "ISO-8859-1", "UTF-16LE"],
    UTF8: ["GBK", "Big5", "GB18030", "88591", "UTF-16"],
}


@pytest.mark.parametrize(("names", "codec", "known"), WRITTEN)
def test_a_table_that_says_nothing_is_read_by_its_bytes(
    tmp_path: Path, names: list[str], codec: str, known: str
) -> None:
    found = read_boundaries(table(tmp_path, names, codec))

    assert found.names == names
    assert found.encoding == known
    assert said(found) == [("ENCODING", 4)]
    assert "names no encoding" in found.notices[0].message


@pytest.mark.parametrize(("names", "codec", "known"), WRITTEN)
def test_a_label_that_is_right_needs_no_word(
    tmp_path: Path, names: list[str], codec: str, known: str
) -> None:
    for label in RIGHT[known]:
        found = read_boundaries(table(tmp_path, names, codec, cpg=label))

        assert (found.names, found.encoding) == (names, known)
        assert said(found) == []


@pytest.mark.parametrize(("names", "codec", "known"), WRITTEN)
def test_a_label_that_lies_is_overruled_aloud(
    tmp_path: Path, names: list[str], codec: str, known: str
) -> None:
    for label in LYING[known]:
        found = read_boundaries(table(tmp_path, names, codec, cpg=label))

        assert (found.names, found.encoding) == (names, known), label
        assert said(found) == [("ENCODING", 4)]
        assert f"the file says {python_codec(label)}, but" in found.notices[0].message


@pytest.mark.parametrize(
    ("names", "codec", "language", "known", "spoken"),
    [
        (MAINLAND, "gbk", 0x4D, GB18030, False),
        (MAINLAND, "gbk", 0x4F, GB18030, True),  # Big5
        (MAINLAND, "gbk", 0x03, GB18030, True),  # Windows 1252
        (MAINLAND, "gbk", 0x57, GB18030, True),  # whatever the writer's machine has
        (TAIWAN, "big5", 0x4F, BIG5, False),
        (TAIWAN, "big5", 0x4D, BIG5, True),
        (MAINLAND, "utf-8", 0x4D, UTF8, True),
        (MEXICO, "cp1252", 0x03, "cp1252", False),
        (MEXICO, "cp1252", 0x4D, "cp1252", True),
    ],
)
def test_the_language_byte_is_a_label_like_another(
    tmp_path: Path, names: list[str], codec: str, language: int, known: str, spoken: bool
) -> None:
    found = read_boundaries(table(tmp_path, names, codec, language=language))

    assert (found.names, found.encoding) == (names, known)
    assert said(found) == ([("ENCODING", 4)] if spoken else [])


def test_the_cpg_counts_before_the_language_byte(tmp_path: Path) -> None:
    found = read_boundaries(table(tmp_path, MAINLAND, "gbk", cpg="GBK", language=0x4F))

    assert (found.names, said(found)) == (MAINLAND, [])


@pytest.mark.parametrize("label", ["GBK", "UTF-8"])
@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_cpg_that_is_itself_in_utf16_is_understood(
    tmp_path: Path, label: str, mark: bytes
) -> None:
    codec = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    cpg = mark + f"{label}\r\n".encode(codec)

    found = read_boundaries(table(tmp_path, MAINLAND, label, cpg=cpg))

    assert (found.names, said(found)) == (MAINLAND, [])


@pytest.mark.parametrize("cpg", ["", "nonsense", b"\xff\xfe", b"\xe7\xbd\x91", "rot13", "idna"])
def test_a_cpg_that_says_nothing_is_none(tmp_path: Path, cpg: str | bytes) -> None:
    found = read_boundaries(table(tmp_path, MAINLAND, "gbk", cpg=cpg))

    assert (found.names, said(found)) == (MAINLAND, [("ENCODING", 4)])


def test_a_cpg_that_names_no_encoding_is_quoted(tmp_path: Path) -> None:
    found = read_boundaries(table(tmp_path, MAINLAND, "gbk", cpg="nonsense"))

    assert "the file says 'nonsense', which is no encoding; its bytes are GB18030" in (
        found.notices[0].message
    )


def test_the_notice_counts_the_features_whose_text_is_concerned(tmp_path: Path) -> None:
    rows = [[b"1", "东城区".encode("gbk")], [b"2", b"East"], [b"3", "河西".encode("gbk")]]

    found = read_boundaries(shapefile(tmp_path / "grids.shp", FIELDS, rows))

    assert said(found) == [("ENCODING", 2)]


def test_names_of_columns_alone_concern_every_feature(tmp_path: Path) -> None:
    fields = [("网格编码".encode("gbk"), 10), ("网格名称".encode("gbk"), 10)]

    found = read_boundaries(shapefile(tmp_path / "grids.shp", fields, [[b"1", b"A"], [b"2", b"B"]]))

    assert (found.columns.code, found.columns.name) == ("网格编码", "网格名称")
    assert said(found) == [("ENCODING", 2)]


# --- cut off ------------------------------------------------------------------------------------


def test_a_name_of_ten_bytes_that_ends_within_a_character_is_told(tmp_path: Path) -> None:
    # 12 bytes of UTF-8, of which 10 fit: three characters and the first byte of a fourth
    fields = [("网格编码".encode(), 10), ("网格名称".encode(), 40)]
    rows = [[b"1", "东城区".encode()], [b"2", "河西".encode()]]

    found = read_boundaries(shapefile(tmp_path / "grids.shp", fields, rows, cpg="UTF-8"))

    assert (found.columns.code, found.names) == ("网格编", ["东城区", "河西"])
    assert said(found) == [("NAME_CUT", 2)]
    assert "网格编, 网格名" in found.notices[0].message


@pytest.mark.parametrize(
    ("codec", "kept"), [("utf-8", 84), ("gb18030", 62), ("gbk", 126), ("big5", 126)]
)
def test_a_cell_of_254_bytes_that_ends_within_a_character_keeps_the_rest(
    tmp_path: Path, codec: str, kept: int
) -> None:
    """254 = 84 x 3 + 2 = 1 + 63 x 4 + 1, and behind one ASCII letter 1 + 126 x 2 + 1."""
    char, lead = ("𠮷", "A东") if codec == "gb18030" else ("里", "" if codec == "utf-8" else "A")
    long = lead + char * 150
    rows = [[b"1", long.encode(codec)], [b"2", "大安里新村".encode(codec)]]

    found = read_boundaries(
        shapefile(tmp_path / "grids.shp", [(b"code", 9), (b"name", 254)], rows, cpg=codec)
    )

    assert found.names == [lead + char * kept, "大安里新村"]
    assert said(found) == [("TEXT_CUT", 1)]
    assert "row 1 " in found.notices[0].message


def test_spoilt_bytes_are_shown_as_such_and_told(tmp_path: Path) -> None:
    rows = [[b"%d" % n, name.encode()] for n, name in enumerate(MAINLAND, start=1)]
    rows[2][1] = "新华".encode() + b"\xff\xff" + "社区".encode()

    found = read_boundaries(shapefile(tmp_path / "grids.shp", FIELDS, rows, cpg="UTF-8"))

    assert found.names[2] == "新华\ufffd\ufffd社区"
    assert said(found) == [("TEXT_SPOILT", 1)]


# --- split evidence -----------------------------------------------------------------------------


SPLIT = ["春柳", "古风", "龙马"]
"""The same bytes read 景霞, 嘉瑞 and 韓鎮 as Big5: names of places, too."""


def test_bytes_that_are_everyday_chinese_in_two_encodings_are_asked_about(tmp_path: Path) -> None:
    assert [name.encode("gbk").decode("big5") for name in SPLIT] == ["景霞", "嘉瑞", "韓鎮"]
    path = table(tmp_path, SPLIT, "gbk")

    with pytest.raises(UnreadableError, match=r"grids\.shp .*'春柳'.*'景霞'.*--encoding") as error:
        read_boundaries(path)

    assert error.value.extensions["argument"] == "encoding"
    assert sorted(error.value.extensions["options"]) == [BIG5, GB18030]  # type: ignore[call-overload]  # a list
    assert read_boundaries(path, encoding="GBK").names == SPLIT
    assert read_boundaries(path, encoding="Big5").names == ["景霞", "嘉瑞", "韓鎮"]


@pytest.mark.parametrize(("label", "first"), [("GBK", "春柳"), ("Big5", "景霞")])
def test_a_label_decides_where_the_bytes_do_not(tmp_path: Path, label: str, first: str) -> None:
    found = read_boundaries(table(tmp_path, SPLIT, "gbk", cpg=label))

    assert (found.names[0], said(found)) == (first, [])


def test_one_more_name_can_make_it_plain(tmp_path: Path) -> None:
    names = [*SPLIT, "东城区第一网格"]

    assert read_boundaries(table(tmp_path, names, "gbk")).names == names


def test_a_row_in_another_encoding_than_the_others_is_asked_about(tmp_path: Path) -> None:
    for most, one in (("gbk", "utf-8"), ("utf-8", "gbk"), ("big5", "utf-8")):
        names = TAIWAN if most == "big5" else MAINLAND
        rows = [[b"%d" % n, name.encode(most)] for n, name in enumerate(names, start=1)]
        rows.append([b"9", "东城区永安里社区".encode(one)])
        path = shapefile(tmp_path / "grids.shp", FIELDS, rows)

        with pytest.raises(
            UnreadableError, match=r"in two encodings: .*'东城区永安里社区'"
        ) as error:
            read_boundaries(path)

        assert error.value.extensions["options"] == [python_codec(most), python_codec(one)]
        kept = read_boundaries(path, encoding=most)
        assert kept.names[:4] == names


@pytest.mark.parametrize("declared", [None, UTF8, GB18030, BIG5, "cp1252"])
@pytest.mark.parametrize("name", ["北京", "河东", "中山路", "第一网格", "新华街道"])
def test_a_few_characters_of_everyday_chinese_are_plain(name: str, declared: str | None) -> None:
    for codec in (UTF8, GB18030):
        assert choose_encoding([name.encode(codec)], declared=declared).encoding == codec


@pytest.mark.parametrize("name", ["臺北", "信義區", "中正里", "新店"])
@pytest.mark.parametrize("declared", [None, BIG5])
def test_a_few_characters_of_everyday_big5_are_plain(name: str, declared: str | None) -> None:
    assert choose_encoding([name.encode("big5")], declared=declared).encoding == BIG5


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Straße", "cp1252"),
        ("MÉXICO", "cp1252"),
        ("Třebíč", "cp1250"),
        ("Санкт-Петербург Невский", "cp1251"),
    ],
)
def test_european_letters_are_no_chinese(text: str, codec: str) -> None:
    for declared in (codec, None):
        guess = choose_encoding([text.encode(codec)], declared=declared)

        assert guess.encoding not in (UTF8, GB18030, BIG5)
    assert choose_encoding([text.encode()], declared=None).encoding == UTF8


def test_korean_and_japanese_labels_are_believed() -> None:
    for text, codec in (("서울특별시 강남구", "cp949"), ("東京都港区", "cp932")):
        assert choose_encoding([text.encode(codec)], declared=codec).encoding == codec


def test_ascii_is_in_no_need_of_evidence() -> None:
    assert choose_encoding([b"A1", b"B2"]) == (UTF8, None)
    assert choose_encoding([], declared=GB18030) == (GB18030, None)


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=8))
def test_any_bytes_end_in_a_guess_or_a_question(pieces: list[bytes]) -> None:
    for declared in (None, UTF8, GB18030, LATIN1, "utf-16"):
        try:
            guess = choose_encoding(pieces, declared=declared)
        except UnreadableError as error:
            options = error.extensions["options"]
            assert isinstance(options, list)
            assert len(set(options)) == len(options) >= 2
            assert all(python_codec(option) == option for option in options)
        else:
            assert python_codec(guess.encoding) == guess.encoding


@given(st.lists(st.sampled_from([*MAINLAND, *RARE, *TAIWAN]), min_size=2, unique=True))
def test_names_of_places_are_read_back_from_any_encoding(names: list[str]) -> None:
    for codec in (UTF8, GB18030):
        assert choose_encoding([name.encode(codec) for name in names]).encoding == codec


@pytest.mark.parametrize("codec", [UTF8, GB18030])
def test_many_names_with_rare_characters_are_as_plain_as_few(codec: str) -> None:
    """Of many different characters most are rare ones, though most of a name is not."""
    common = "东西南北中山水河江里村镇区街道社新"
    rare = [chr(code) for code in range(0x4E00, 0x9FA0, 7)]
    names = [
        f"{common[n % 17]}{common[n // 17 % 17]}{char}{common[n % 5]}村"
        for n, char in enumerate(rare)
    ]

    assert choose_encoding([name.encode(codec) for name in names]).encoding == codec


# --- the town -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cpg", [None, "GBK", "CP936", "UTF-8", "Big5", "ISO-8859-1", "UTF-16"])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_towns_gbk_shapefile_has_every_name_right(
    tmp_path: Path, cpg: str | None, zipped: bool
) -> None:
    with zipfile.ZipFile(DATA / "grids_gbk.zip") as archive:
        archive.extractall(tmp_path)
    path = tmp_path / "grids_gbk.shp"
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg, encoding="ascii")
    if zipped:
        parts = sorted(tmp_path.iterdir())
        path = tmp_path / "sent.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for part in parts:
                archive.write(part, f"网格/{part.name}")

    found = read_boundaries(path)

    town = layer("grid")
    names = dict(zip(town.columns["code"], town.columns["name"], strict=True))
    kinds = dict(zip(town.columns["code"], town.columns["kind"], strict=True))
    assert len(names) == 46
    assert dict(zip(found.codes, found.names, strict=True)) == names
    assert [row["类型"] for row in found.properties] == [kinds[code] for code in found.codes]
    assert (found.columns.code, found.columns.name) == ("网格编码", "网格名称")
    assert found.encoding == GB18030
    spoken = cpg not in ("GBK", "CP936")
    assert [item for item in said(found) if item[0] == "ENCODING"] == [("ENCODING", 46)] * spoken


# --- text files ---------------------------------------------------------------------------------


def csv_of(folder: Path, codec: str, *names: str) -> Path:
    lines = ["地址编码,经度,纬度,小区编码"]
    lines += [f"{name}{n},104.{n},38.4,A" for n, name in enumerate(names, start=1)]
    path = folder / "addresses.csv"
    path.write_bytes("\r\n".join(lines).encode(codec))
    return path


@pytest.mark.parametrize("codec", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_an_address_list_is_read_by_its_bytes(tmp_path: Path, codec: str) -> None:
    found = read_addresses(csv_of(tmp_path, codec, "东城区永安里", "河西街道"))

    assert list(found.keys) == ["东城区永安里1", "河西街道2"]


def test_an_address_list_in_two_encodings_is_asked_about(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "gbk", "东城区永安里", "河西街道")
    path.write_bytes(path.read_bytes() + "\r\n新华社区,104.3,38.4,A".encode())

    with pytest.raises(UnreadableError, match=r"addresses\.csv is in two encodings") as error:
        read_addresses(path)

    assert error.value.extensions["options"] == [GB18030, UTF8]


def test_an_xml_declaration_that_lies_is_overruled_aloud(tmp_path: Path) -> None:
    ring = "104.9,38.4 104.91,38.4 104.91,38.41 104.9,38.4"
    text = (
        '<?xml version="1.0" encoding="GBK"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        "<Placemark><name>东城区第一网格</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        "</Document></kml>"
    )
    path = tmp_path / "grids.kml"
    for codec, known, spoken in (("gbk", GB18030, []), ("utf-8", UTF8, [("ENCODING", 1)])):
        path.write_bytes(text.encode(codec))

        found = read_boundaries(path, need_code=False)

        assert (found.names, found.encoding, said(found)) == (["东城区第一网格"], known, spoken)


def test_a_given_encoding_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not in UTF-8"):
        read_boundaries(table(tmp_path, MAINLAND, "gbk"), encoding="UTF-8")


def test_the_command_line_stops_and_asks(tmp_path: Path) -> None:
    """Exit code 3, and the answers to choose from, for programs too."""
    path = table(tmp_path, SPLIT, "gbk")

    asked = CliRunner().invoke(app, ["check", str(path), "--json"])
    answered = CliRunner().invoke(app, ["check", str(path), "--encoding", "GBK", "--json"])

    error = json.loads(asked.stdout)["error"]
    assert (asked.exit_code, error["code"], error["argument"]) == (3, "UNREADABLE", "encoding")
    assert sorted(error["options"]) == [BIG5, GB18030]
    assert answered.exit_code != 3
