"""Each command of the page on HTTP answers as the page says, and no address is left out."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.routing import Route

from service.app import make_app
from service.http_graphql import MAX_QUERY_BYTES
from service.settings import PREFIX, Settings
from tests.graphql.live import serving
from tests.played import play_once

if TYPE_CHECKING:
    from tests.databases import Databases
    from tests.played import Demo

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "http.md").read_text(encoding="utf-8")
USUAL = "http://127.0.0.1:8000"
SESSIONS = re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL)


def script(session: str, address: str) -> str:
    """Return the commands of a session, with a line after the answer to each."""
    commands = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    return "\n".join(f"{one}\necho; echo ===" for one in commands).replace(USUAL, address)


def expected(session: str) -> list[str]:
    """Return what the page says that each command of a session answers."""
    answers: list[list[str]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            answers.append([])
        else:
            answers[-1].append(line)
    return ["\n".join(lines) for lines in answers]


def pattern(answer: str) -> str:
    return r"(?s)\s*" + re.escape(answer).replace("…", ".*?") + r"\s*\Z"


@pytest.fixture
def demo(databases: Databases) -> Demo:
    return play_once(databases)


@pytest.mark.anyio
async def test_each_command_answers_as_the_page_says(demo: Demo) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    wrong: list[str] = []
    async with serving(demo.url) as service:
        for session in SESSIONS:
            shell = await asyncio.create_subprocess_exec(
                *("sh", "-c", script(session, service.address.rstrip("/"))),
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await shell.communicate()
            text = said.decode().replace(service.address.rstrip("/"), USUAL)
            answers = text.split("\n===\n")[:-1]
            wanted = expected(session)
            assert len(answers) == len(wanted)
            wrong += [
                f"{want}\nis not\n{answer}"
                for answer, want in zip(answers, wanted, strict=True)
                if not re.match(pattern(want), answer)
            ]
    assert not wrong, "\n".join(wrong)


def test_the_page_names_every_address() -> None:
    app = make_app(Settings(), "postgresql+psycopg:///nowhere")
    paths = {route.path for route in app.routes if isinstance(route, Route)}

    assert len(paths) > 15
    assert [path for path in sorted(paths) if f"`{path}`" not in PAGE] == []


def test_the_page_tells_the_bounds_that_hold() -> None:
    settings = Settings()

    assert f"| {MAX_QUERY_BYTES / 1e6:g} MB | 413 |" in PAGE
    for name in ("cost_limit", "statement_seconds", "request_seconds", "rate_per_key"):
        said = re.search(rf"`{PREFIX}{name.upper()}`,? ([\d,]+)", PAGE)
        assert said is not None, name
        assert float(said[1].replace(",", "")) == getattr(settings, name)
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", PAGE))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
