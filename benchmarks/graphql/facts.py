"""The machine and the versions of all that took part."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.graphql.load import wrk
from benchmarks.graphql.servers import NotHereError, node
from benchmarks.machine import machine, versions

if TYPE_CHECKING:
    from benchmarks.graphql.city import Server

_PACKAGES = ("strawberry-graphql", "graphql-core", "sqlalchemy", "psycopg", "starlette", "uvicorn")
_NODE_PACKAGES = ("postgraphile", "graphile-postgis", "grafast")
_MODULES = Path(__file__).with_name("postgraphile") / "node_modules"


def facts_of(server: Server) -> dict[str, str]:
    """Return what times depend on, by name."""
    facts = machine()
    with server.connect() as connection:
        for name, query in (
            ("PostgreSQL", "SHOW server_version"),
            ("PostGIS", "SELECT PostGIS_Lib_Version()"),
        ):
            row = connection.execute(query.encode()).fetchone()
            facts[name] = str(row[0]) if row else ""
    return facts | versions(_PACKAGES) | _of_node() | _of_tipg() | _of_wrk()


def _of_node() -> dict[str, str]:
    found = {}
    for name in _NODE_PACKAGES:
        described = _MODULES / name / "package.json"
        if described.exists():
            found[name] = str(json.loads(described.read_text("utf-8"))["version"])
    try:
        found["Node"] = _said(node(), "--version").lstrip("v")
    except NotHereError:
        return found
    return found


def _of_tipg() -> dict[str, str]:
    folder = Path(__file__).parents[2] / ".venv-tipg" / "lib"
    found = [path.name.split("-")[1] for path in folder.glob("*/site-packages/tipg-*.dist-info")]
    return {"tipg": found[0].removesuffix(".dist")} if found else {}


def _of_wrk() -> dict[str, str]:
    try:
        words = _said(wrk(), "--version").split()  # "wrk debian/4.1.0-3 [epoll] …"
    except NotHereError:
        return {}
    return {"wrk": words[1].rpartition("/")[2]} if words[1:] else {}


def _said(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()
