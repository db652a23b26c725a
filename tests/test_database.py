"""The database that the settings name, and what is said of one that will not do."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from geo.errors import NoDatabaseError
from service import database
from service.cluster import Cluster
from service.database import open_database, require_postgis
from service.settings import read_settings
from storage import migrate


def execute(url: str, *statements: str) -> None:
    parts = make_url(url)
    with psycopg.connect(
        host=str(parts.query["host"]), user="postgres", dbname=parts.database, autocommit=True
    ) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def with_name(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def test_a_named_database_is_used_and_brought_up_to_date(cluster: Cluster) -> None:
    execute(cluster.url(), "CREATE DATABASE named")
    try:
        url = with_name(cluster.url(), "named")
        with open_database(read_settings(database_url=url)) as opened:
            assert make_url(opened) == make_url(url)
            assert not migrate.status(opened).pending
    finally:
        execute(cluster.url(), "DROP DATABASE named WITH (FORCE)")


def test_without_a_named_one_the_private_server_runs_for_the_block(
    cluster: Cluster, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with open_database(read_settings(data_dir=scratch / "data")) as url:
        assert url != cluster.url()
        assert not migrate.status(url).pending

    with pytest.raises(NoDatabaseError, match="does not answer"):
        require_postgis(url)


def test_a_database_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"postgresql+psycopg://li:sesame@127.0.0.1:{closed.getsockname()[1]}/wangge"

        with pytest.raises(NoDatabaseError, match="Connection refused") as caught:
            require_postgis(url)

    assert "li:***@127.0.0.1" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(cluster: Cluster) -> None:
    with pytest.raises(NoDatabaseError, match='database "nowhere" does not exist'):
        require_postgis(with_name(cluster.url(), "nowhere"))


@pytest.mark.parametrize(
    ("floor", "value", "message"),
    [
        ("OLDEST_POSTGRESQL", 99, r"runs PostgreSQL \d+: 99 or newer is needed"),
        ("OLDEST_POSTGIS", (99, 1), r"has PostGIS \d[\d.]*: 99\.1 or newer is needed"),
        ("EXTENSIONS", ("postgis", "no_such"), "lacks the extension no_such"),
    ],
)
def test_a_database_that_is_too_old_or_lacks_something_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, floor: str, value: object, message: str
) -> None:
    require_postgis(cluster.url())
    monkeypatch.setattr(database, floor, value)

    with pytest.raises(NoDatabaseError, match=message):
        require_postgis(cluster.url())


def test_a_role_that_may_make_no_tables_is_told_so(cluster: Cluster) -> None:
    execute(
        cluster.url(),
        "CREATE ROLE reader LOGIN",
        "CREATE DATABASE guarded",
    )
    try:
        url = with_name(cluster.url(), "guarded")
        execute(url, *(f"CREATE EXTENSION {name}" for name in migrate.EXTENSIONS))
        as_reader = make_url(url).set(username="reader").render_as_string(hide_password=False)

        with (
            pytest.raises(NoDatabaseError, match=r"cannot be brought up to date: .*denied"),
            open_database(read_settings(database_url=as_reader)),
        ):
            pass
    finally:
        execute(cluster.url(), "DROP DATABASE guarded WITH (FORCE)", "DROP ROLE reader")
