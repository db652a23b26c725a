"""Programs of Node that the tests run: clients and audits that others wrote."""

from __future__ import annotations

import asyncio
import json
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

FOLDER = Path(__file__).with_name("js")
MODULES = FOLDER / "node_modules"
OLDEST = 22
"""The oldest Node that the clients run on; distributions may have an older one."""
PATIENCE_S = 120.0


def require_node() -> str:
    """Return the program ``node``; skip the test where it or its packages are missing."""
    program = _find_node()
    if program is None:
        pytest.skip(f"there is no Node of version {OLDEST} here: `make test` fetches it")
    missing = [name for name in _packages() if not (MODULES / name).is_dir()]
    if missing:
        pytest.skip(f"tests/js lacks {', '.join(missing)}: run `npm ci` there, as `make test` does")
    return program


@cache
def _find_node() -> str | None:
    """Return the Node that came with the packages, or else the machine's."""
    fetched = MODULES / f"node-linux-{platform.machine().replace('x86_64', 'x64')}" / "bin" / "node"
    for program in (str(fetched) if fetched.is_file() else None, shutil.which("node")):
        if program is not None and _version(program) >= OLDEST:
            return program
    return None


def _version(program: str) -> int:
    said = subprocess.run(  # noqa: S603 - the Node that was found
        [program, "--version"], capture_output=True, text=True, check=True
    )
    return int(said.stdout.lstrip("v").split(".")[0])


@cache
def _packages() -> list[str]:
    """Return the packages that tests/js is to have."""
    return list(json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"])


def run_program(
    script: str | Path, *arguments: str, folder: Path = FOLDER
) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder to its end, for tests that wait without an event loop."""
    return subprocess.run(  # noqa: S603 - the Node that was found, and our scripts
        [require_node(), script, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


async def run_node(script: str, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """Run a script of ``tests/js`` and return the JSON that it prints."""
    process = await asyncio.create_subprocess_exec(
        require_node(),
        script,
        *arguments,
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return orjson.loads(out)
