"""The database that the settings name: somebody's PostGIS, or the private one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from geo.errors import NoDatabaseError
from service.cluster import Cluster
from service.keeper import kept
from service.postgis import OLDEST_POSTGIS, OLDEST_POSTGRESQL
from service.settings import Settings, without_password
from storage.migrate import EXTENSIONS, upgrade

_CONNECT_TIMEOUT_S = 10


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Give the URL of a database whose tables are up to date, for as long as the block lasts.

    ``DATABASE_URL`` wins. Without it the private server is started, or joined when another
    process runs it, and one that was started is stopped at the end.

    Raises
    ------
    NoDatabaseError
        If the database does not answer, has no PostGIS, or is too old.
    """
    if settings.database_url is not None:
        require_postgis(settings.database_url)
        _upgrade(settings.database_url)
        yield settings.database_url
        return
    with Cluster(settings.data_dir) as cluster, kept(cluster):
        url = cluster.url()
        _upgrade(url)
        yield url


def require_postgis(url: str) -> None:
    """Refuse a database that cannot hold the map.

    Parameters
    ----------
    url
        A SQLAlchemy URL. Its password is in no message.

    Raises
    ------
    NoDatabaseError
        If it does not answer, or its server is older than PostgreSQL 15 or PostGIS 3.3, or lacks
        an extension.
    """
    shown = without_password(url)
    try:
        with psycopg.connect(_conninfo(url), connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            version = connection.info.server_version // 10_000
            offered: dict[str, str] = dict(
                connection.execute(
                    "SELECT name, COALESCE(installed_version, default_version)"
                    " FROM pg_available_extensions WHERE name = ANY(%s)",
                    [list(EXTENSIONS)],
                ).fetchall()
            )
    except psycopg.Error as error:
        raise NoDatabaseError(
            f"the database {shown} does not answer: {_reason(error, url)}; "
            "start it or correct DATABASE_URL"
        ) from None  # the chain could print the password
    _require_versions(shown, version, offered)


def _require_versions(shown: str, postgresql: int, offered: dict[str, str]) -> None:
    """Refuse what is too old or missing."""
    if postgresql < OLDEST_POSTGRESQL:
        raise NoDatabaseError(
            f"the database {shown} runs PostgreSQL {postgresql}: "
            f"{OLDEST_POSTGRESQL} or newer is needed"
        )
    missing = [name for name in EXTENSIONS if name not in offered]
    if missing:
        raise NoDatabaseError(
            f"the server of the database {shown} lacks the extension {', '.join(missing)}: "
            "install it there (Debian: postgresql-<version>-postgis-3)"
        )
    if _numbers(offered["postgis"]) < OLDEST_POSTGIS:
        raise NoDatabaseError(
            f"the database {shown} has PostGIS {offered['postgis']}: "
            f"{'.'.join(map(str, OLDEST_POSTGIS))} or newer is needed "
            "(after an update of the package: ALTER EXTENSION postgis UPDATE)"
        )


def _upgrade(url: str) -> None:
    """Bring the tables up to date, telling a lack of rights in one sentence."""
    try:
        upgrade(url)
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise NoDatabaseError(
            f"the tables in {without_password(url)} cannot be brought up to date: "
            f"{_reason(error.orig, url)}"
        ) from error


def _conninfo(url: str) -> str:
    """Return libpq's form of a SQLAlchemy URL."""
    parts = make_url(url)
    named = {
        "host": parts.host,
        "port": parts.port,
        "dbname": parts.database,
        "user": parts.username,
        "password": parts.password,
    }
    return make_conninfo(
        **{name: str(value) for name, value in named.items() if value is not None},
        **{name: _joined(value) for name, value in parts.query.items()},
    )


def _joined(value: str | tuple[str, ...]) -> str:
    """Return a URL parameter that may be given several times, as hosts are."""
    return value if isinstance(value, str) else ",".join(value)


def _reason(error: psycopg.Error, url: str) -> str:
    """Return what the server says, else the driver's last word, without the password."""
    lines = [line for line in str(error).splitlines() if line and not line[0].isspace()]
    said = error.diag.message_primary or (lines or [type(error).__name__])[-1]
    password = make_url(url).password
    return said.replace(password, "***") if password else said


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the head of a version, as 3 and 3 of 3.3.2."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
