"""Types are made of schema.graphql for the examples' queries; a program compiles with them."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.clients.pages import DOCS, files, write_files
from tests.node import FOLDER, MODULES, require_node, run_program

if TYPE_CHECKING:
    from pathlib import Path

CHECKOUT = DOCS.parents[1]
CODEGEN = MODULES / "@graphql-codegen" / "cli" / "esm" / "bin.js"
TSC = MODULES / "typescript" / "bin" / "tsc"
TYPED = FOLDER / "typed"


def queries() -> list[str]:
    """Return the queries of the examples: they stand in quotes of a program."""
    found = []
    for name, text in files().items():
        if not name.endswith(".ts"):
            found += re.findall(r"= `((?:query|subscription|mutation) .*?)`;", text, re.DOTALL)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the types of every query."""
    require_node()
    folder = tmp_path_factory.mktemp("typed")
    write_files(folder, "http://127.0.0.1:8000", {})
    shutil.copy(CHECKOUT / "schema.graphql", folder)
    shutil.copy(TYPED / "tsconfig.json", folder)
    shutil.copy(TYPED / "misuse.ts", folder / "src")
    asked = "".join(f"graphql(`{query}`);\n" for query in queries())
    (folder / "src" / "examples.ts").write_text(f'import {{ graphql }} from "./gql";\n{asked}')
    done = run_program(CODEGEN, "--config", "codegen.ts", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_types_are_made_for_every_query_of_the_examples(made: Path) -> None:
    types = (made / "src" / "gql" / "graphql.ts").read_text("utf-8")

    named = re.findall(r"(?:query|subscription|mutation) (\w+)", "".join(queries()))
    assert sorted(named) == ["Circles", "Published", "Unit", "View", "Where"]
    for name in [*named, "Grids", "Levels"]:
        assert re.search(rf"^export type {name}(Query|Subscription) = ", types, re.MULTILINE), name
    assert re.search(r"^export type .*= any;|: any\b", types, re.MULTILINE) is None


def test_a_strict_program_compiles_with_them_and_misuse_does_not(made: Path) -> None:
    done = run_program(TSC, "--project", "tsconfig.json", folder=made)

    assert (done.returncode, done.stdout) == (0, "")
