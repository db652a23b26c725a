"""What the documents say is so: commands, settings, queries and their answers, tables of words."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from graphql import build_schema, parse, validate
from typer.core import TyperGroup

from geo.findings import Kind, Rule
from geo.levels import DEFAULT_LEVELS
from resolvers.context import Context, Shared
from resolvers.demo import play
from schema.build import schema
from schema.request import RequestContext
from service.cli.demo import FILES, read_town
from service.cli.frame import load_commands
from service.errors import ExitCode
from service.settings import PREFIX, Settings
from sources.addresses import read_addresses
from sources.choosing import find_columns
from sources.columns import Columns, Table
from sources.levels import read_levels
from sources.presets import PRESETS_FILE, read_presets
from sources.writing import KNOWN_SUFFIXES
from tests.clock import city_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
FORMATS = (CHECKOUT / "docs" / "formats.md").read_text(encoding="utf-8")
PAGES = ["README.md", "CHANGELOG.md", "docs/proof.md", "docs/formats.md"]

QUERIES = re.findall(r"```graphql\n(.*?)```(?:\n\n```json\n(.*?)```)?", README, flags=re.DOTALL)
"""Each query, and the answer that follows it, or nothing."""


def text_of(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of its rank or a higher one."""
    found = re.search(rf"^(#+) {title}$(.*?)(?=^#{{1,2}} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables of a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {n - 1 for n, row in enumerate(cells) if set("".join(row)) == {"-"}}
    return [row for n, row in enumerate(cells) if n not in heads and n - 1 not in heads]


def words(cell: str) -> list[str]:
    """Return what stands in code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


# -- commands ---------------------------------------------------------------------------------


def typed(page: str) -> Iterator[str]:
    """Return the lines of a page that a reader would type."""
    for block in re.findall(r"```console\n(.*?)```", text_of(page), re.DOTALL):
        yield from re.findall(r"^\$ (wangge .*)$", block, re.MULTILINE)


def mentioned(page: str) -> Iterator[str]:
    """Return the commands that a page names in a sentence."""
    plain = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    for code in re.findall(r"`(wangge [^`]+)`", plain):
        yield " ".join(code.split())


def resolve(line: str) -> tuple[object, list[str]]:
    """Return the command that a line names, and its arguments."""
    command: object = load_commands()
    arguments = shlex.split(line)[1:]
    while isinstance(command, TyperGroup) and arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
        assert name in command.commands, f"{line}: there is no command {name}"
        command = command.commands[name]
    return command, arguments


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists_with_its_options(page: str) -> None:
    for line in [*typed(page), *mentioned(page)]:
        command, arguments = resolve(line)
        known = {option for param in getattr(command, "params", []) for option in param.opts}
        options = {word.split("=")[0] for word in arguments if word.startswith("-")}
        assert options <= known | {"--help"}, line


def test_every_command_line_that_a_reader_may_type_is_complete() -> None:
    lines = list(typed("README.md"))

    assert len(lines) > 10
    for line in lines:
        command, arguments = resolve(line)
        # Typer keeps the type to itself; this parses, and runs nothing.
        command.make_context(line, arguments)  # type: ignore[attr-defined]


def test_every_file_that_a_command_reads_is_there() -> None:
    for line in typed("README.md"):
        for word in shlex.split(line):
            assert not word.startswith("fixtures/") or (CHECKOUT / word).is_file(), word


# -- tables -----------------------------------------------------------------------------------


def test_every_setting_is_explained() -> None:
    told = {words(name)[0]: default for name, default, _ in rows(section(README, "Settings"))}

    meant = {
        name.upper() if name == "database_url" else f"{PREFIX}{name.upper()}": field
        for name, field in Settings.model_fields.items()
    }
    assert set(told) == set(meant)
    for name, field in meant.items():
        if isinstance(field.default, str | bool | int):
            assert told[name] == f"`{str(field.default).replace('True', 'true')}`", name


def test_every_exit_code_is_explained() -> None:
    told = {int(code) for code, _ in rows(section(README, "Exit codes"))}

    assert told == {int(code) for code in ExitCode}


def test_every_clause_and_every_finding_is_explained() -> None:
    told = [name for row in rows(section(README, "For planners")) for name in words(row[0])]

    assert sorted(told) == sorted([*Rule, *Kind])


def test_every_notice_is_explained() -> None:
    said = set()
    for folder in ("geo", "sources", "resolvers"):
        for file in (CHECKOUT / folder).glob("*.py"):
            code = file.read_text(encoding="utf-8")
            said |= set(re.findall(r"\b(?:Notice|Remark|notice)\(\s*\"([A-Z_]+)\"", code))
            said |= set(re.findall(r"\"code\": \"([A-Z_]+)\", \"message\"", code))

    told = [name for row in rows(section(FORMATS, "Notices")) for name in words(row[0])]
    assert len(said) > 10
    assert sorted(told) == sorted(said)


def test_every_ending_that_can_be_written_is_named() -> None:
    found = re.search(r"`wangge export` writes by the ending of the name:(.*?)\. ", FORMATS, re.S)

    assert found is not None
    assert sorted(words(found[1])) == sorted(KNOWN_SUFFIXES)


@pytest.mark.parametrize("meaning", ["code", "name", "parent", "households", "people"])
def test_the_usual_names_of_columns_are_known(meaning: str) -> None:
    told = {row[0]: words(row[1]) for row in rows(section(FORMATS, "Columns"))}

    assert told[meaning]
    for name in told[meaning]:
        names = [name] if meaning == "code" else ["编码", name]
        cells = [["1"]] if meaning == "code" else [["12"], ["1"]]
        found = find_columns(Table(names, cells), given=Columns(), file="drawn").columns
        assert getattr(found, meaning) == name


def address_columns() -> Iterator[tuple[str, str, str]]:
    """Return each usual name that is told, what it means, and what is then read of a 7 in it."""
    told = {row[0]: row[1] for row in rows(section(FORMATS, "Addresses"))}
    lon, lat = told.pop("lon, lat").split(";")
    groups = {"独居老人": "elder_alone", "残疾人": "disabled", "学生": "pupil"}
    for name in words(told.pop("groups")):
        column = "group_new" if name == "group_" else name
        yield (
            "group",
            column,
            f"groups=[{{'{groups.get(name, column.removeprefix('group_'))}': 7}}]",
        )
    read = {
        "key": "keys=['7']",
        "lon": "lonlat=array([[ 7. , 38.4]])",
        "lat": "lonlat=array([[104.9,   7. ]])",
        "households": "households=array([7])",
        "people": "people=array([7])",
        "compound": "compound_codes=['7']",
    }
    for meaning, names in (told | {"lon": lon, "lat": lat}).items():
        yield from ((meaning, name, read[meaning]) for name in words(names))


@pytest.mark.parametrize(("meaning", "name", "expected"), list(address_columns()))
def test_the_usual_names_of_address_columns_are_known(
    meaning: str, name: str, expected: str, tmp_path: Path
) -> None:
    columns = {"key": ("key", "a"), "lon": ("lon", "104.9"), "lat": ("lat", "38.4")}
    columns[meaning] = (name, "7")
    path = tmp_path / "drawn.csv"
    heads, values = zip(*columns.values(), strict=True)
    path.write_text(f"{','.join(heads)}\n{','.join(values)}\n", encoding="utf-8")

    assert expected in repr(read_addresses(path))


def test_the_levels_that_are_shown_are_the_ones_that_are_there_by_default(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", section(FORMATS, "Levels"), re.DOTALL)
    path = tmp_path / "levels.toml"
    path.write_text(shown, encoding="utf-8")

    assert read_levels(path) == DEFAULT_LEVELS


def test_the_preset_that_is_shown_can_be_read(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", section(FORMATS, "Presets"), re.DOTALL)
    path = tmp_path / PRESETS_FILE
    path.write_text(shown, encoding="utf-8")

    (preset,) = read_presets(path)

    assert f"--preset {preset.name}" in section(FORMATS, "Presets")
    assert preset.reading.columns == Columns(code="WGBM", name="WGMC", parent="SQBM")


# -- queries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [query for query, _ in QUERIES])
def test_every_query_is_one_of_the_schema(query: str) -> None:
    assert validate(build_schema(schema.as_str()), parse(query)) == []


@pytest.mark.postgis
@pytest.mark.anyio
async def test_every_query_is_answered_as_shown(engine: AsyncEngine) -> None:
    today = city_day()
    await play(engine, read_town(FILES), today=today, by="demo")

    assert sum(bool(answer) for _, answer in QUERIES) > 3
    for query, answer in QUERIES:
        context = RequestContext(Context(Shared(engine), today=today))
        result = await schema.execute(query, context_value=context)
        assert result.errors is None, query
        if answer:
            assert json.loads(orjson.dumps({"data": result.data})) == json.loads(answer)


# -- the rest ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (CHECKOUT / page).parent / path if path else CHECKOUT / page
        assert target.is_file(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {head.lower().replace(" ", "-") for head in heads}, link


def test_the_newest_version_of_the_changelog_is_this_one() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    newest = re.search(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)

    assert newest is not None
    assert newest[1] == project["version"]
