"""Programs of Node that the tests run: clients and audits that others wrote."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

FOLDER = Path(__file__).with_name("js")
PATIENCE_S = 120.0


def require_node() -> str:
    """Return the program ``node``; skip the test where it or its packages are missing."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no node here: `make test` fetches it")
    if not (FOLDER / "node_modules").is_dir():
        pytest.skip("tests/js has no packages: run `npm ci` there, as `make test` does")
    return program


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
