"""Under which account the database server runs: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from typing import NamedTuple, TypedDict

from geo.errors import NoDatabaseError

SERVER_ACCOUNT = "postgres"
"""Made by the server's package on every distribution."""

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_FIRST_CLOSED = 'for d; do test -x "$d" || { printf %s "$d"; exit 1; }; done'


class Account(NamedTuple):
    """A user that root turns into before it runs a server program."""

    name: str
    uid: int
    gid: int


class RunAs(TypedDict):
    """Arguments for :mod:`subprocess`: a clean environment and, as root, another account."""

    cwd: str
    env: dict[str, str]
    user: int | None
    group: int | None
    extra_groups: list[int] | None


def run_as(account: Account | None, **variables: str) -> RunAs:
    """Return the arguments that run a program as an account; as this process when none.

    ``variables`` are added to its otherwise clean environment.
    """
    return RunAs(
        cwd="/",  # the caller's folder may be closed to the account
        env=_ENVIRONMENT | variables,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def account_for(data_dir: Path, tables: Path) -> Account | None:
    """Return the account that the server must run as; none when this process's own will do.

    Parameters
    ----------
    data_dir
        The data folder, for the message.
    tables
        Folder of the tables. Where it exists its owner runs the server, so that root can serve
        what an ordinary user has made.

    Raises
    ------
    NoDatabaseError
        If the tables are another user's, or as root if there is no account to turn into.
    """
    owner = tables.stat().st_uid if tables.exists() else None
    mine = os.geteuid()
    if mine != 0:
        if owner not in {None, mine}:
            raise NoDatabaseError(
                f"the tables in {data_dir} belong to {_name(owner)}, and this is {_name(mine)}: "
                "run as that user or as root, or let WANGGE_DATA_DIR name another folder"
            )
        return None
    if owner:
        return Account(_name(owner), owner, tables.stat().st_gid)
    try:
        entry = pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        raise NoDatabaseError(
            f"PostgreSQL refuses to run as root, and there is no account {SERVER_ACCOUNT!r} to run "
            "it as: install the server's package, which makes one, or run as an ordinary user"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def require_reach(account: Account, folder: Path) -> None:
    """Refuse a folder that the account cannot enter, by trying as that account.

    Raises
    ------
    NoDatabaseError
        Naming the first closed folder on the way.
    """
    way = [*reversed(folder.parents), folder]
    answer = subprocess.run(  # noqa: S603 - fixed program; the paths are its arguments
        ["/bin/sh", "-c", _FIRST_CLOSED, "sh", *way],
        **run_as(account),
        check=False,
        capture_output=True,
    )
    if answer.returncode != 0:
        closed = os.fsdecode(answer.stdout) or str(folder)
        raise NoDatabaseError(
            f"the database server runs as {account.name!r}, which may not enter {closed}: let "
            "WANGGE_DATA_DIR name a folder outside of it, such as /var/lib/wangge, or run "
            f"`chmod o+x {closed}`"
        )


def give(folder: Path, account: Account | None) -> None:
    """Make a folder the account's own; nothing to do when that is this process's."""
    if account is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)  # a link may lead astray


def _name(uid: int | None) -> str:
    """Return a user's name, or the number where it has none."""
    try:
        return repr(pwd.getpwuid(-1 if uid is None else uid).pw_name)
    except KeyError:
        return f"user {uid}"
