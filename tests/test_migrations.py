"""The migrations make what the models say, once, and under a lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from geo.errors import NoDatabaseError
from geo.levels import DEFAULT_LEVELS
from storage import migrate
from storage.duty_models import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.cluster import Cluster

pytestmark = pytest.mark.postgis

EVERYTHING = """
SELECT 'column', format('%s.%s', c.relname, a.attname),
       format('%s %s %s %s', format_type(a.atttypid, a.atttypmod), a.attnotnull,
              a.attidentity, pg_get_expr(d.adbin, d.adrelid))
           || coalesce(' ' || (SELECT collname FROM pg_collation WHERE oid = a.attcollation), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :schema)
  AND c.relkind = 'r' AND a.attnum > 0
  AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')
UNION ALL
SELECT 'constraint', format('%s.%s', c.relname, k.conname), pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :schema)
  AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes
WHERE schemaname = :schema AND tablename NOT IN ('alembic_version', 'spatial_ref_sys')
UNION ALL
SELECT 'sequence', sequencename, CAST(data_type AS text) FROM pg_sequences
WHERE schemaname = :schema
"""
"""What the catalogue knows of a schema: more than Alembic compares."""


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    """Give a database without our tables and extensions."""
    name = "migrations"
    host = str(make_url(cluster.url()).query["host"])
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        )
        yield cluster.url(name)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def connect(url: str) -> Connection:
    return create_engine(url, poolclass=NullPool).connect()


def described(connection: Connection, schema: str) -> dict[tuple[str, str], str]:
    rows = connection.execute(text(EVERYTHING), {"schema": schema})
    # Names are compared without the schema that they stand in.
    return {(kind, name): (said or "").replace(f"{schema}.", "") for kind, name, said in rows}


def test_upgrading_an_empty_database_makes_the_tables_and_the_usual_levels(empty_url: str) -> None:
    before = migrate.status(empty_url)
    migrate.upgrade(empty_url)
    after = migrate.status(empty_url)

    with connect(empty_url) as connection:
        keys = list(connection.scalars(text("SELECT key FROM level ORDER BY rank")))
    assert (before.current, before.pending[-1]) == (None, before.head)
    assert (after.current, after.pending) == (after.head, ())
    assert keys == [level.key for level in DEFAULT_LEVELS]


def test_the_migrated_tables_are_those_of_the_models(database_url: str) -> None:
    """Alembic finds no difference, and neither does the catalogue where Alembic does not look."""
    options = {
        "include_object": lambda _object, name, *_: name != "spatial_ref_sys",
        "compare_server_default": True,
    }
    with connect(database_url) as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []

        migrated = described(connection, "public")
        connection.execute(text("CREATE SCHEMA modelled"))
        connection.execute(text("SET search_path TO modelled, public"))
        mapped = connection.execution_options(schema_translate_map={None: "modelled"})
        Base.metadata.create_all(mapped, checkfirst=False)
        modelled = described(connection, "modelled")

    assert len(migrated) > 100
    assert migrated == modelled


def test_down_and_up_again_comes_to_the_same_tables(database_url: str) -> None:
    with connect(database_url) as connection:
        before = described(connection, "public")
        connection.rollback()
        with connection.begin():
            command.downgrade(migrate.config(connection), "base")
            assert described(connection, "public") == {}
    migrate.upgrade(database_url)

    with connect(database_url) as connection:
        assert described(connection, "public") == before


def test_the_newest_revision_is_the_one_that_is_told_without_alembic() -> None:
    assert ScriptDirectory.from_config(migrate.config()).get_current_head() == migrate.HEAD


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    with connect(database_url) as connection, connection.begin():
        connection.execute(text("DELETE FROM level WHERE key = 'compound'"))
    migrate.upgrade(database_url)

    with connect(database_url) as connection:
        keys = set(connection.scalars(text("SELECT key FROM level")))
    assert "compound" not in keys, "a city's own levels are left alone"


def test_services_that_start_together_upgrade_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [empty_url] * 4))

    assert migrate.status(empty_url).pending == ()


def test_a_migration_that_fails_leaves_nothing_behind(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: Connection) -> None:
        raise RuntimeError("the levels cannot be written")

    monkeypatch.setattr(migrate, "insert_default_levels", fail)
    with pytest.raises(RuntimeError, match="cannot be written"):
        migrate.upgrade(empty_url)

    assert migrate.status(empty_url).current is None
    with connect(empty_url) as connection:
        assert described(connection, "public") == {}


@pytest.mark.parametrize("question", [migrate.status, migrate.upgrade])
def test_a_database_of_newer_code_is_refused(database_url: str, question: object) -> None:
    with connect(database_url) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(NoDatabaseError, match=r"revision 9999.*newer version"):
        question(database_url)  # type: ignore[operator] # both take a URL


def test_a_database_that_does_not_answer_is_said_in_one_sentence(database_url: str) -> None:
    gone = make_url(database_url).set(database="gone").render_as_string(hide_password=False)

    with pytest.raises(NoDatabaseError, match="does not answer") as caught:
        migrate.status(gone)
    assert "\n" not in str(caught.value)


def test_an_extension_that_cannot_be_made_is_named_with_the_command(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "EXTENSIONS", ("postgis", "no_such_extension"))

    with pytest.raises(NoDatabaseError, match="CREATE EXTENSION no_such_extension"):
        migrate.upgrade(empty_url)


def test_unit_ids_come_from_a_sequence_of_their_own(database_url: str) -> None:
    with connect(database_url) as connection:
        first, second = (connection.scalar(text("SELECT nextval('unit_id_seq')")) for _ in range(2))
    assert second == first + 1
