"""Lists as offices keep them: titles, merged headers, remarks, lost digits, hostile workbooks."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import BadInputError, UnreadableError
from sources.addresses import AddressColumns, read_addresses
from sources.apart import Limits, read_roster_apart
from sources.assignments import read_assignments
from sources.bodies import BODY_WORDS, BodyColumns, parse_body_columns, read_bodies
from sources.duties import DutySpec, PostSpec, duties_toml, read_duties
from sources.facilities import read_facilities
from sources.roster_cells import code_of, day_of
from sources.rosters import read_roster
from tests.workbooks import Day, Sheet, write_workbook

if TYPE_CHECKING:
    from pathlib import Path

ROSTER = Sheet(
    [
        ["驼铃县网格员花名册"],
        ["填表日期：2025年1月", None, None, None, None, None, None],
        ["序号", "工号", "姓名", "联系方式", None, "所在网格", "备注"],
        [None, None, None, "电话", "微信"],
        [1, "W001", "安一", 13800000001, "an", "第一网格", None],
        [2, "W002", "薄二", "000-2", None, None, "新来"],
        [],
        [3, "W003", "陈三", None, None, "第二网格", None],
        ["说明：本表一式两份", None, None, None, None, None, None],
        ["制表人：戴四", None, None, None, "审核人：严七"],
    ],
    ["A1:G1", "A2:G2", "A3:A4", "B3:B4", "C3:C4", "D3:E3", "F3:F4", "G3:G4", "F5:F6", "A9:G9"],
)
"""Title, date, a header of two rows, a unit named once for two rows, remarks below."""


def test_a_merged_header_names_the_columns_and_merged_cells_are_filled(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "花名册.xlsx", {"Sheet1": ROSTER})

    read = read_roster(path, usual=BODY_WORDS)

    assert read.titles == ["序号", "工号", "姓名", "电话", "微信", "所在网格", "备注"]
    assert read.lines == [5, 6, 8]
    assert read.cells[1] == ["W001", "W002", "W003"]
    assert read.cells[3] == [13800000001, "000-2", None]
    assert read.cells[5] == ["第一网格", "第一网格", "第二网格"]
    told = {notice.code: notice.message for notice in read.notices}
    assert told.keys() == {"HEADER", "FILLED", "REMARKS"}
    assert "rows 3 to 4" in told["HEADER"]
    assert "'所在网格'" in told["FILLED"]
    assert "row 6" in told["FILLED"]
    assert "rows 9, 10" in told["REMARKS"]


def test_the_people_of_an_office_list_are_understood(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "花名册.xlsx", {"Sheet1": ROSTER})

    read = read_bodies(path)

    an, bo, _ = read.bodies
    assert (an.key, an.name, an.kind, an.home_unit) == ("W001", "安一", "PERSON", "第一网格")
    assert (an.contact, an.properties) == ({"phone": "13800000001", "wechat": "an"}, {})
    assert (bo.contact, bo.properties) == ({"phone": "000-2"}, {"备注": "新来"})
    assert read.bad == ()


@pytest.mark.parametrize("codec", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
def test_the_same_list_saved_as_text_is_the_same(tmp_path: Path, codec: str) -> None:
    """Of merged cells a text keeps the first one only, so that each row names its grid here."""
    lines = [
        "驼铃县网格员花名册,,,,,,",
        "序号,工号,姓名,联系方式,,所在网格,备注",
        ",,,电话,微信,,",
        '1,W001,安一,"0,1",an,第一网格,',
        "2,W002,薄二,,,第二网格,x",
    ]
    path = tmp_path / "list.csv"
    path.write_bytes("\r\n".join(lines).encode(codec))

    read = read_bodies(path)

    assert [(body.key, body.name, body.contact) for body in read.bodies] == [
        ("W001", "安一", {"phone": "0,1", "wechat": "an"}),
        ("W002", "薄二", {}),
    ]
    assert read.sent.lines == [4, 5]


def test_a_header_is_as_deep_as_it_is_whatever_is_looked_for_in_it(tmp_path: Path) -> None:
    """Nobody who looks for assignments knows telephone numbers."""
    rows: list[list[object]] = [
        ["网格长一览"],
        ["网格", "网格长", "联系方式", None, "任职日期"],
        [None, None, "电话", "微信", None],
        ["G1", "安", "1", None, "2025.1.1"],
        ["G2", "薄", None, "b", "2025.1.1"],
    ]
    merged = ["A1:E1", "A2:A3", "B2:B3", "C2:D2", "E2:E3"]
    book = write_workbook(tmp_path / "list.xlsx", {"一": Sheet(rows, merged)})
    text = tmp_path / "list.csv"
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    text.write_text("\n".join(lines), encoding="utf-8")

    for path in (book, text):
        read = read_assignments(path, duty="grid_holder")

        assert read.bad == ()
        assert [(spec.body, spec.unit) for spec in read.assignments] == [("安", "G1"), ("薄", "G2")]
        assert read.sent.titles[2:4] == ["电话", "微信"]


def test_a_plain_list_has_its_header_in_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "plain.tsv"
    path.write_text("key\tname\tskills\na\t安\trepair\n", encoding="utf-8")

    read = read_bodies(path)

    assert read.bodies[0].skills == ("repair",)
    assert [notice.code for notice in read.notices] == ["BODY_KIND"]


def test_a_header_that_is_repeated_on_every_page_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "pages.csv"
    path.write_text("工号,姓名\nW1,安\n工号,姓名\nW2,薄\n", encoding="utf-8")

    read = read_bodies(path)

    assert [body.key for body in read.bodies] == ["W1", "W2"]
    assert read.sent.lines == [2, 4]
    assert any(n.code == "HEADER" and "row 3" in n.message for n in read.notices)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("within", ["|", ";", "、"])
def test_words_within_a_cell_do_not_say_what_separates_cells(
    tmp_path: Path, mark: str, within: str
) -> None:
    skills = within.join(["调解", "维修", "急救", "驾驶", "摄影"])
    row = [f'"{skills}"' if mark == within else skills, "安", "a"]
    path = tmp_path / "skills.csv"
    path.write_text("\n".join(map(mark.join, [["技能", "姓名", "编号"], *[row] * 20])), "utf-8")

    read = read_roster(path, usual=BODY_WORDS)

    assert read.titles == ["技能", "姓名", "编号"]
    assert read.cells[0] == [skills] * 20


def test_a_row_with_more_cells_than_the_header_is_bad_alone(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("工号,姓名\nW1,安\nW2,薄,二\n", encoding="utf-8")

    read = read_bodies(path)

    assert [body.key for body in read.bodies] == ["W1"]
    assert read.bad[0].place == 1
    assert "more cells than the header" in read.bad[0].reason


def test_two_columns_of_one_name_are_told_apart_by_what_stands_over_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["网格", "网格长", None, "副网格长", None],
        [None, "姓名", "电话", "姓名", "电话"],
        ["G1", "安", "1", "薄", "2"],
    ]
    path = write_workbook(tmp_path / "two.xlsx", {"一": Sheet(rows, ["B1:C1", "D1:E1"])})

    read = read_roster(path, usual=["姓名", "电话", "网格"])

    assert read.titles == ["网格", "网格长 姓名", "网格长 电话", "副网格长 姓名", "副网格长 电话"]


# -- codes and days -------------------------------------------------------------------------


def test_numbers_that_lost_their_last_digits_refuse_their_row_only(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["编号", "姓名", "所在网格", "身份证号"],
        ["a", "安", 999001001001001, None],
        ["b", "薄", 9990010010010010, None],
        ["c", "陈", None, 999001199001010000.0],
        [9990010010010017.0, "戴", None, None],
    ]
    path = write_workbook(tmp_path / "codes.xlsx", {"Sheet1": Sheet(rows)})

    read = read_bodies(path, kind="PERSON")

    assert [(body.key, body.home_unit) for body in read.bodies] == [
        ("a", "999001001001001"),
        ("c", None),
    ], "fifteen digits are exact"
    assert [bad.place for bad in read.bad] == [1, 3]
    assert all("last digits are lost" in bad.reason for bad in read.bad)
    assert read.bodies[1].contact == {}
    assert [n.feature_count for n in read.notices if n.code == "LOST_DIGITS"] == [1]


def test_a_text_table_shows_lost_digits_as_a_spreadsheet_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = "duty,body,unit\nd,a,9.99001E+14\nd,a,999001001001001\nd,a,12E3\n"
    path.write_text(text, encoding="utf-8")

    read = read_assignments(path)

    assert [spec.unit for spec in read.assignments] == ["999001001001001", "12E3"]
    assert [bad.place for bad in read.bad] == [0]
    assert "unit is the number 9.99001E+14" in read.bad[0].reason


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("００１", "001"),
        ("9990 0100 1", "999001001"),
        ("'0042", "0042"),
        ("12.0", "12"),
        (42, "42"),
        ("P 1", "P 1"),
        ("  ", None),
        (None, None),
    ],
)
def test_a_code_is_freed_of_what_programs_add(cell: object, code: str | None) -> None:
    assert code_of(cell) == code


@pytest.mark.parametrize(
    "cell",
    [
        "2025-01-02",
        "2025/1/2",
        "2025.1.2",
        "2025年1月2日",
        "２０２５年０１月０２日",
        "20250102",
        20250102,
        45659,
        "2025-01-02T00:00:00",
        "2025-01-02 12:30",
    ],
)
def test_a_day_is_read_however_it_is_written(cell: object) -> None:
    assert day_of(cell) == dt.date(2025, 1, 2)


@pytest.mark.parametrize("cell", ["soon", "2025-02-30", "45659", 7, "2025", "1/2/2025", True, 1.5])
def test_what_is_no_certain_day_is_none(cell: object) -> None:
    with pytest.raises(ValueError, match="is no day; write it as 2026-01-31"):
        day_of(cell)


def test_days_of_a_workbook_are_days(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["duty", "body", "unit", "since", "until"],
        ["d", "a", "G", Day(45658), Day(45659.5)],
    ]
    path = write_workbook(tmp_path / "days.xlsx", {"Sheet1": Sheet(rows)})

    [spec] = read_assignments(path).assignments

    assert (spec.since, spec.until) == (dt.date(2025, 1, 1), dt.date(2025, 1, 2))


# -- what the rows are ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "kind", "evidence"),
    [
        ("key,name,skills", "PERSON", "'skills'"),
        ("key,name,profession", "PERSON", "'profession'"),
        ("工号,姓名,性别", "PERSON", "'姓名'"),
        ("key,name,kind", "ORGANISATION", "'kind'"),
        ("单位编码,单位名称,电话", "ORGANISATION", "'单位名称'"),
    ],
)
def test_people_and_organisations_are_told_apart_by_their_columns(
    tmp_path: Path, header: str, kind: str, evidence: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\na,b,c\n", encoding="utf-8")

    read = read_bodies(path)
    overruled = read_bodies(path, kind="PERSON")

    assert [body.kind for body in read.bodies] == [kind]
    [notice] = [n for n in read.notices if n.code == "BODY_KIND"]
    assert evidence in notice.message
    assert [body.kind for body in overruled.bodies] == ["PERSON"]


def test_a_column_may_say_of_each_row_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    text = "key,name,类别,类型\na,安,人员,医生\nb,东区,组织,党支部\nc,丙,树,x\nd,丁,,x\n"
    path.write_text(text, encoding="utf-8")

    read = read_bodies(path)

    assert [(b.key, b.kind, b.profession) for b in read.bodies] == [
        ("a", "PERSON", "医生"),
        ("b", "ORGANISATION", "党支部"),
    ]
    assert [bad.reason.partition(";")[0] for bad in read.bad] == [
        "类别 '树' is none",
        "类别 is blank",
    ]


def test_a_second_column_of_sorts_is_kept_as_a_property(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("key,name,职业,类别\na,安,医生,志愿者\n", encoding="utf-8")

    [body] = read_bodies(path).bodies

    assert (body.kind, body.profession, body.properties) == ("PERSON", "医生", {"类别": "志愿者"})


def test_a_list_that_says_nothing_of_what_it_lists_asks(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("key,name\na,b\n", encoding="utf-8")

    with pytest.raises(BadInputError, match="--kind PERSON or --kind ORGANISATION"):
        read_bodies(path)


def test_the_caller_may_name_columns(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("key,name,no,who\na,b,7,安\n", encoding="utf-8")

    read = read_bodies(path, columns=parse_body_columns("key=no,name=who"), kind="PERSON")

    assert [(body.key, body.name) for body in read.bodies] == [("7", "安")]
    assert read.bodies[0].properties == {"key": "a", "name": "b"}
    with pytest.raises(BadInputError, match="no column '工号'"):
        read_bodies(path, columns=BodyColumns(key="工号"))


# -- what is no list ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"key,name\n", "no rows below its header"),
        ("a.csv", b'key,name\n"a,b\n', "no valid CSV"),
        ("a.csv", b"key,name\na\0,b\n", "no table"),
        ("a.csv", b"," * 2000 + b"x\n" + b"a,b\n", "more than can be taken"),
        ("a.xlsx", b"PK\x03\x04 nonsense", "no whole zip archive"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "no whole workbook"),
    ],
)
def test_what_is_no_list_is_said(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(UnreadableError, match=said):
        read_roster(path)


def test_of_several_sheets_with_content_one_is_named(tmp_path: Path) -> None:
    rows = [["key", "name"], ["a", "安"]]
    sheets = {"东片": Sheet(rows), "西片": Sheet(rows), "Sheet3": Sheet([])}
    path = write_workbook(tmp_path / "two.xlsx", sheets)

    with pytest.raises(UnreadableError, match="2 sheets") as error:
        read_roster(path)
    assert error.value.extensions["options"] == ["东片", "西片"]
    assert read_roster(path, layer="西片").cells == [["a"], ["安"]]
    with pytest.raises(BadInputError, match="no sheet '南片'"):
        read_roster(path, layer="南片")
    with pytest.raises(UnreadableError, match="'Sheet3' is empty"):
        read_roster(path, layer="Sheet3")


def test_a_workbook_made_to_fill_the_memory_ends_the_process_apart_only(tmp_path: Path) -> None:
    """One cell at each end of the largest sheet: laid out, 17 thousand million cells."""
    far = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = write_workbook(
        tmp_path / "wide.xlsx", {"Sheet1": Sheet([["key", "name"], ["a", "b"]])}, more=far
    )

    with pytest.raises(
        UnreadableError, match=r"more than 512 MiB of memory|more than can be taken"
    ):
        read_roster_apart(path, limits=Limits(memory_mb=512, seconds=30))


def test_a_workbook_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(80 << 20))

    with pytest.raises(UnreadableError, match="times its size"):
        read_roster(path)


def test_entities_of_a_workbook_are_not_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "entities.xlsx"
    write_workbook(tmp_path / "plain.xlsx", {"Sheet1": Sheet([["key", "name"], ["a", "b"]])})
    doctype = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with (
        zipfile.ZipFile(tmp_path / "plain.xlsx") as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for info in plain.infolist():
            text = plain.read(info).decode()
            if info.filename.endswith("s1.xml"):
                text = text.replace("<worksheet", f"{doctype}<worksheet").replace(">b<", ">&b;<")
            archive.writestr(info.filename, text)

    try:
        read = read_roster_apart(path, usual=("key", "name"), limits=Limits(seconds=30))
    except UnreadableError:
        return
    assert "aaaaaaaaaa" not in str(read.cells)


def test_a_sheet_of_open_document_format_is_read(tmp_path: Path) -> None:
    names = {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    }
    declared = " ".join(f'xmlns:{key}="{value}"' for key, value in names.items())
    rows = "".join(
        f"<table:table-row>{''.join(cells)}</table:table-row>"
        for cells in (
            [_ods("工号"), _ods("姓名"), _ods("入职")],
            [_ods("W1"), _ods("安"), _ods(None, 'date" office:date-value="2025-01-02')],
        )
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {declared}><office:body>'
        f'<office:spreadsheet><table:table table:name="一">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    path = tmp_path / "list.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", _MANIFEST)

    read = read_roster(path, usual=BODY_WORDS)

    assert (read.titles, read.cells) == (["工号", "姓名", "入职"], [["W1"], ["安"], ["2025-01-02"]])


_MANIFEST = (
    '<?xml version="1.0"?><manifest:manifest '
    'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
)


def _ods(text: str | None, kind: str = "string") -> str:
    shown = "" if text is None else f"<text:p>{text}</text:p>"
    return f'<table:table-cell office:value-type="{kind}">{shown}</table:table-cell>'


def test_addresses_and_facilities_may_stand_below_a_title_and_a_merged_header(
    tmp_path: Path,
) -> None:
    rows: list[list[object]] = [
        ["服务点一览表"],
        ["设施编码", "类型", "位置", None, "建筑面积"],
        [None, None, "经度", "纬度"],
        ["S1", "station", 104.9, 38.4, 60],
        ["S2", None, 104.91, 38.41, 61.5],
    ]
    merged = ["A1:E1", "A2:A3", "B2:B3", "C2:D2", "E2:E3", "B4:B5"]
    path = write_workbook(tmp_path / "points.xlsx", {"Sheet1": Sheet(rows, merged)})

    facilities = read_facilities(path)
    addresses = read_addresses(path, columns=AddressColumns(key=("设施编码",)))

    assert (facilities.keys, facilities.kinds) == (["S1", "S2"], ["station", "station"])
    assert facilities.lonlat.tolist() == [[104.9, 38.4], [104.91, 38.41]]
    assert facilities.floor_areas == [60.0, 61.5]
    assert [notice.code for notice in facilities.notices] == ["HEADER", "FILLED"]
    assert addresses.keys == ["S1", "S2"]


def test_the_process_apart_reads_the_same(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "花名册!.xlsx", {"Sheet1": ROSTER})

    assert read_roster_apart(path, usual=BODY_WORDS) == read_roster(path, usual=BODY_WORDS)


cells = st.sampled_from(
    ["", "key", "name", "工号", "姓名", "a", "1", '"', ",", " ", "注：", "\n", "合计"]
)


@given(
    grid=st.lists(st.lists(cells, max_size=5), max_size=8), codec=st.sampled_from(["utf-8", "gbk"])
)
def test_any_text_is_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, grid: list[list[str]], codec: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes("\n".join(map(",".join, grid)).encode(codec))

    try:
        read = read_bodies(path, kind="PERSON")
    except (BadInputError, UnreadableError):
        return
    places = sorted([body.place for body in read.bodies] + [bad.place for bad in read.bad])
    assert places == list(range(len(read.sent.lines))), "every row is taken or comes back"
    assert all(len(column) == len(places) for column in read.sent.cells)
    assert len(set(read.sent.titles)) == len(read.sent.titles)


# -- duties ---------------------------------------------------------------------------------

names = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x9FFF, exclude_categories=("Cc", "Cf", "Cs")),
    min_size=1,
    max_size=20,
).filter(lambda text: text.strip() == text)
keys = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True)
posts = st.builds(PostSpec, key=keys, name=names, skill=st.none() | names)


@given(
    key=keys,
    name=names,
    least=st.integers(0, 5),
    more=st.none() | st.integers(1, 5),
    several=st.booleans(),
    public=st.booleans(),
    held=st.lists(posts, max_size=3, unique_by=lambda post: post.key),
)
def test_duties_that_are_printed_read_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    key: str,
    name: str,
    least: int,
    more: int | None,
    several: bool,
    public: bool,
    held: list[PostSpec],
) -> None:
    most = None if more is None else least + more
    duty = DutySpec(key, name, "grid", ("grid",), least, most, several, public, tuple(held))
    path = tmp_path_factory.getbasetemp() / "printed.toml"
    path.write_text(duties_toml([duty]), encoding="utf-8")

    assert read_duties(path).duties == (duty,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing\n", "no [[duty]] table"),
        ("[[kind]]\nkey='a'\n", "'kind' is not known"),
        ("[[duty]]\nname='a'\nlevel='grid'\n", "duty number 1: it has no key"),
        ("[[duty]]\nkey='Grid Holder'\nlevel='grid'\n", "its key is 'Grid Holder'"),
        ("[[duty]]\nkey='a'\n", "it has no level"),
        ("[[duty]]\nkey='a'\nlevel=3\n", "level must be text in quotes"),
        ("[[duty]]\nkey='a'\nlevel='grid'\nmin=2\nmax=1\n", "max 1 is less than min 2"),
        ("[[duty]]\nkey='a'\nlevel='grid'\nmax=0\n", "max must be a whole number of 1"),
        ("[[duty]]\nkey='a'\nlevel='grid'\nmin=true\n", "min must be a whole number"),
        ("[[duty]]\nkey='a'\nlevel='grid'\npublic='no'\n", "public must be true or false"),
        ("[[duty]]\nkey='a'\nlevel='grid'\nlevels=['x']\n", "'grid' is none of its levels x"),
        ("[[duty]]\nkey='a'\nlevel='grid'\nmaximum=1\n", "'maximum' is not known"),
        ("[[duty]]\nkey='a'\nlevel='grid'\n" * 2, "duty 'a' is there twice"),
        ("duty = 3\n", "duty must be written as [[duty]]"),
        (
            "[[duty]]\nkey='a'\nlevel='grid'\n" + "[[duty.post]]\nkey='p'\n" * 2,
            "post 'p' is there twice",
        ),
    ],
)
def test_what_duties_cannot_mean_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "duties.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BadInputError) as caught:
        read_duties(path)

    assert said in str(caught.value)
