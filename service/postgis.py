"""Which PostgreSQL programs of this machine carry PostGIS, and how to get some."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from geo.errors import NoDatabaseError

OLDEST_POSTGRESQL = 15
OLDEST_POSTGIS = (3, 3)

DEBIAN_ROOT = Path("/usr/lib/postgresql")
"""Debian and Ubuntu keep every major version here, and none of them on PATH."""

_DEBIAN_PACKAGE = re.compile(r"^postgresql-(\d+)-postgis-3 ", re.MULTILINE)
_ASK_TIMEOUT_S = 30.0


class Server(NamedTuple):
    """The programs of one PostgreSQL version."""

    major: int
    bin_dir: Path
    has_postgis: bool


def find_server(
    *, major: int | None = None, debian_root: Path = DEBIAN_ROOT, path: str | None = None
) -> Server:
    """Find the newest PostgreSQL that has PostGIS.

    Parameters
    ----------
    major
        Accept this major version only: data files belong to the version that wrote them.
    debian_root
        Folder with one sub-folder a major version.
    path
        Where to look for ``pg_config`` besides; the environment's ``PATH`` when not given.

    Raises
    ------
    NoDatabaseError
        If there is none; the message carries the command that installs it.
    """
    found = list(_installed(debian_root, path))
    usable = [
        server
        for server in found
        if server.has_postgis
        and server.major >= OLDEST_POSTGRESQL
        and major in {None, server.major}
    ]
    if usable:
        return max(usable)
    wanted = f"PostgreSQL {major}, which wrote the data," if major else "a PostgreSQL server"
    raise NoDatabaseError(f"{wanted} with PostGIS is not installed: {_advice(found, major, path)}")


def _installed(debian_root: Path, path: str | None) -> Iterator[Server]:
    """Yield every PostgreSQL server that its own ``pg_config`` describes."""
    programs = [str(program) for program in debian_root.glob("*/bin/pg_config")]
    on_path = shutil.which("pg_config", path=path)
    for program in [*programs, on_path] if on_path else programs:
        answer = _ask([program, "--version", "--bindir", "--sharedir"])
        version = re.match(r"PostgreSQL (\d+)", answer)
        if version is None:
            continue
        bin_dir, share_dir = (Path(line) for line in answer.splitlines()[1:3])
        if (bin_dir / "initdb").exists() and (bin_dir / "postgres").exists():
            control = share_dir / "extension" / "postgis.control"
            yield Server(int(version[1]), bin_dir, control.exists())


def _advice(found: list[Server], major: int | None, path: str | None) -> str:
    """Return what to do where no PostGIS was found."""
    if shutil.which("apt-get", path=path) is None:
        return (
            f"install PostgreSQL {major or f'{OLDEST_POSTGRESQL} or newer'} with PostGIS "
            "3.3 or newer, or let DATABASE_URL name a database that has it"
        )
    package = _debian_package(found, major)
    sudo = "" if os.geteuid() == 0 else "sudo "
    return (
        f"run `{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends "
        f"{package}`, or let DATABASE_URL name a database that has it"
    )


def _debian_package(found: list[Server], major: int | None) -> str:
    """Return the package to install: for the version asked for, or here, or on offer."""
    if major is None:
        here = [server.major for server in found if server.major >= OLDEST_POSTGRESQL]
        offers = _ask(["apt-cache", "--names-only", "search", r"^postgresql-[0-9]+-postgis-3$"])
        majors = here or [int(version) for version in _DEBIAN_PACKAGE.findall(offers)]
        if not majors:
            return "postgresql-postgis"  # the distribution's own choice of versions
        major = max(majors)
    return f"postgresql-{major}-postgis-3"


def _ask(command: list[str]) -> str:
    """Return what a program prints, or nothing when it cannot be run."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            command, capture_output=True, check=False, text=True, timeout=_ASK_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout if answer.returncode == 0 else ""
