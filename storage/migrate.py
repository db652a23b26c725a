"""Bring a database to the tables that this version of the code speaks to."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from geo.errors import NoDatabaseError
from storage.levels import insert_default_levels
from storage.usual_duties import insert_usual_duties

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config
    from sqlalchemy import Connection

EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
UPGRADE_LOCK = 0x77616E6767650001
"""Advisory lock that lets one process at a time change the tables ("wangge" and a number)."""


HEAD = "0009"
"""The newest revision, which most databases have."""

DUTIES_SINCE = "0007"
"""The revision that brought duties: a city that took them away later gets none back."""

# A percent sign would start an interpolation in Alembic's configuration.
_SCRIPTS = str(Path(__file__).with_name("migrations")).replace("%", "%%")


class MigrationStatus(NamedTuple):
    """Where a database stands among the migrations."""

    current: str | None
    """Its revision; None for a database without our tables."""
    head: str
    """The revision that this code needs."""
    pending: tuple[str, ...]
    """Revisions that ``upgrade`` would apply, first one first."""


def upgrade(url: str) -> None:
    """Create or change the tables until they are what this code needs.

    Parameters
    ----------
    url
        SQLAlchemy URL of the database, ``postgresql+psycopg://…``.

    Raises
    ------
    NoDatabaseError
        If the database does not answer, lacks PostGIS or belongs to newer code.

    Notes
    -----
    One transaction under one advisory lock: services that start together wait for one another,
    and a migration that fails leaves nothing behind. An empty level table receives the default
    levels, and a new table of duties the usual ones.
    """
    with _connected(url) as connection, connection.begin():
        if _revision(connection) == HEAD:
            return
        from alembic import command  # noqa: PLC0415 - half a second that most starts need not take

        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        if not _status(connection).pending:
            return
        before = _revision(connection)
        _create_extensions(connection)
        command.upgrade(config(connection), "head")
        insert_default_levels(connection)
        if before is None or before < DUTIES_SINCE:
            insert_usual_duties(connection)


def status(url: str) -> MigrationStatus:
    """Say which migrations a database has and lacks; changes nothing.

    Raises
    ------
    NoDatabaseError
        If the database does not answer or belongs to newer code.
    """
    with _connected(url) as connection:
        return _status(connection)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Connect once, without a pool; a database that does not answer is a plain sentence."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        connection = engine.connect()
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        message = f"the database does not answer: {reason}; check DATABASE_URL and that it runs"
        raise NoDatabaseError(message) from error
    with connection:
        yield connection


def config(connection: Connection | None = None) -> Config:
    """Return what Alembic has to know; its commands run on ``connection``."""
    from alembic.config import Config  # noqa: PLC0415 - as in ``upgrade``

    made = Config()
    made.set_main_option("script_location", _SCRIPTS)
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def _revision(connection: Connection) -> str | None:
    """Return a database's revision, without Alembic."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT max(version_num) FROM alembic_version"))
    return found


def _status(connection: Connection) -> MigrationStatus:
    from alembic.migration import MigrationContext  # noqa: PLC0415 - as in ``upgrade``
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(config())
    current = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if head is None:
        raise ValueError("there is no migration")
    known = [script.revision for script in scripts.walk_revisions()]  # newest first
    if current is not None and current not in known:
        raise NoDatabaseError(
            f"the database stands at revision {current}, which this version does not know: "
            f"its newest is {head}; start the newer version, or use another database"
        )
    newer = known if current is None else known[: known.index(current)]
    return MigrationStatus(current, head, tuple(reversed(newer)))


def _create_extensions(connection: Connection) -> None:
    """Create what is missing; an ordinary account may go on where all are there already."""
    installed = set(connection.scalars(text("SELECT extname FROM pg_extension")))
    for name in EXTENSIONS:
        if name in installed:
            continue
        try:
            connection.execute(text(f"CREATE EXTENSION {name}"))
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            message = (
                f"the database lacks the extension {name} and it cannot be created ({reason}); "
                f"let its administrator run: CREATE EXTENSION {name}"
            )
            raise NoDatabaseError(message) from error
