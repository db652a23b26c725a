"""Settings: read from the environment once, and a bad value is named with its variable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from geo.errors import BadInputError
from service.settings import read_settings, without_password


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WANGGE_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def test_without_any_variable_the_service_is_private_and_local() -> None:
    settings = read_settings()

    assert settings.database_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.timezone == "Asia/Shanghai"
    assert settings.public is True


def test_variables_carry_the_prefix_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANGGE_PORT", "9001")
    monkeypatch.setenv("WANGGE_PUBLIC", "false")
    monkeypatch.setenv("PORT", "1")

    assert read_settings().port == 9001
    assert read_settings().public is False
    assert read_settings(port=9002, host=None).port == 9002


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://map.example.org", ("https://map.example.org",)),
        (
            " https://map.example.org/ ,http://localhost:5173, http://[::1]:80,",
            ("https://map.example.org", "http://localhost:5173", "http://[::1]:80"),
        ),
        ("*", ("*",)),
        ("https://map.example.org,*", ("*",)),
        ("", ()),
    ],
)
def test_origins_are_written_with_commas_between(
    monkeypatch: pytest.MonkeyPatch, given: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("WANGGE_CORS_ORIGINS", given)

    assert read_settings().cors_origins == origins


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANGGE_PORT", "")
    monkeypatch.setenv("DATABASE_URL", "")

    assert read_settings().port == 8000
    assert read_settings().database_url is None


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgres://u:p@h:5433/d", "postgresql+psycopg://u:p@h:5433/d"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("postgresql:///d?host=/run/db", "postgresql+psycopg:///d?host=%2Frun%2Fdb"),
        ("postgres://u:p%40ss%2Fword@h/d", "postgresql+psycopg://u:p%40ss%2Fword@h/d"),
    ],
)
def test_each_form_of_a_database_url_becomes_the_one_for_psycopg(
    monkeypatch: pytest.MonkeyPatch, given: str, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", given)

    assert read_settings().database_url == url


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("WANGGE_PORT", "http", "integer"),
        ("WANGGE_PORT", "70000", "65535"),
        ("WANGGE_PUBLIC", "perhaps", "boolean"),
        ("WANGGE_TIMEZONE", "Asia/Atlantis", "no such timezone"),
        ("WANGGE_CORS_ORIGINS", "map.example.org", "is no origin"),
        ("WANGGE_CORS_ORIGINS", "https://map.example.org/page", "is no origin"),
        ("WANGGE_CORS_ORIGINS", "https://*.example.org", "is no origin"),
        ("WANGGE_METRICS", "yes", "'local', 'open' or 'off'"),
        ("WANGGE_LOG_FORMAT", "xml", "'plain' or 'json'"),
        ("WANGGE_TIMEZONE", "/etc/hostname", "no such timezone"),
        ("DATABASE_URL", "mysql://h/d", "postgresql://"),
        ("DATABASE_URL", "h/d", "postgresql://"),
        ("DATABASE_URL", "postgres://h", "names no database"),
    ],
)
def test_a_bad_value_is_refused_with_its_variable_and_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadInputError) as caught:
        read_settings()

    assert caught.value.extensions["argument"] == variable
    assert f"{variable} " in str(caught.value)
    assert repr(value) in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:sesame@h/d",
        "postgres://user:sesame@h:port/d",
        "postgres://user:sesame@h",
        "postgres://user:sesame/is@open@h:x/d",
        "postgres:///?password=sesame",
    ],
)
def test_a_refused_database_url_does_not_show_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(BadInputError) as caught:
        read_settings()

    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_password_is_neither_in_the_settings_text_nor_in_a_shown_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://user:sesame@h/d")

    assert "sesame" not in repr(read_settings())
    assert without_password("postgresql+psycopg://user:sesame@h/d") == (
        "postgresql+psycopg://user:***@h/d"
    )
    assert "sesame" not in without_password("postgresql:///d?host=/run&password=sesame")


def test_several_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANGGE_PORT", "x")
    monkeypatch.setenv("WANGGE_TIMEZONE", "y")

    with pytest.raises(BadInputError, match=r"WANGGE_TIMEZONE is 'y'.*WANGGE_PORT is 'x'"):
        read_settings()


def test_the_data_folder_means_the_same_from_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/li")

    monkeypatch.setenv("WANGGE_DATA_DIR", "here")
    assert read_settings().data_dir == tmp_path / "here"
    monkeypatch.setenv("WANGGE_DATA_DIR", "~/there")
    assert read_settings().data_dir == Path("/home/li/there")


@pytest.mark.parametrize(
    ("uid", "shared", "expected"),
    [
        (0, "/data", "/var/lib/wangge"),
        (1000, "/data", "/data/wangge"),
        (1000, "", "/home/li/.local/share/wangge"),
        (1000, "relative", "/home/li/.local/share/wangge"),  # the XDG rule: ignore it
    ],
)
def test_the_data_folder_follows_custom(
    monkeypatch: pytest.MonkeyPatch, uid: int, shared: str, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setenv("HOME", "/home/li")
    monkeypatch.setenv("XDG_DATA_HOME", shared)

    assert read_settings().data_dir == Path(expected)


def test_settings_cannot_be_changed() -> None:
    settings = read_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1
