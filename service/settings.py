"""What the environment says about this installation, read once into one frozen object."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from geo.errors import BadInputError

PREFIX = "WANGGE_"

_DRIVER = "postgresql+psycopg"
_SCHEMES = {"postgres", "postgresql", _DRIVER}


def _default_data_dir() -> Path:
    """Return where data lies by custom: the system's place as root, else the user's."""
    if os.geteuid() == 0:
        return Path("/var/lib/wangge")  # the server's account may enter it, /root not
    shared = os.environ.get("XDG_DATA_HOME", "")
    return (Path(shared) if shared.startswith("/") else Path.home() / ".local/share") / "wangge"


def _psycopg_url(text: str) -> str:
    """Return a database's address in the one form that SQLAlchemy needs for psycopg 3."""
    url = _parse(text)
    if url is None or url.drivername not in _SCHEMES:
        raise ValueError("it must look like postgresql://user:password@host:5432/database")
    if not url.database:
        raise ValueError("it names no database, as /wangge at the end would")
    return url.set(drivername=_DRIVER).render_as_string(hide_password=False)


def _parse(text: str) -> URL | None:
    """Return the parts of a database's address; none when it is no address."""
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        return None


def _known_timezone(name: str) -> str:
    """Refuse a timezone that the machine's tables do not have."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such timezone is known here; Asia/Shanghai is one") from None
    return name


def _origins(given: object) -> object:
    """Return origins that are written one after another, with commas between."""
    if not isinstance(given, str):
        return given
    return tuple(
        dict.fromkeys(part.strip().rstrip("/") for part in given.split(",") if part.strip())
    )


def _known_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what no browser says of a page: it would never be allowed, and nobody would know."""
    for origin in origins:
        if origin != "*" and not _ORIGIN.match(origin):
            raise ValueError(
                f"{origin!r} is no origin; https://map.example.org and http://localhost:5173 are "
                "some, and * means all"
            )
    return ("*",) if "*" in origins else origins


_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?\Z")


def _absolute(path: Path) -> Path:
    """Return a path that means the same from every working folder."""
    return path.expanduser().absolute()


class Settings(BaseSettings):
    """The settings of one process.

    Each is an environment variable: its name in capitals after ``WANGGE_``, but ``DATABASE_URL``
    as it is. An empty variable counts as one that is not set.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    database_url: Annotated[str, AfterValidator(_psycopg_url)] | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        repr=False,  # it may hold a password
        description="PostGIS database to use; without it a private server runs in data_dir.",
    )
    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        default_factory=_default_data_dir, description="Folder of the private server."
    )
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        default="Asia/Shanghai", description="Whose calendar says what day today is."
    )
    public: bool = Field(default=True, description="Whether readers need no key.")
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address that the service listens on."
    )
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port of the service; 0 takes a free one."
    )
    walk_minutes: int = Field(
        default=15, ge=1, le=120, description="Minutes of a circle, where nobody says otherwise."
    )
    walk_speed_kmh: float = Field(
        default=4.0, ge=0.5, le=10.0, description="How fast one walks, in km/h, likewise."
    )
    max_upload_mb: int = Field(
        default=512, ge=1, le=1 << 20, description="Largest file that may be sent, in MiB."
    )
    imports_at_once: int = Field(
        default=2, ge=1, le=64, description="Imports of one process at a time; others wait."
    )
    read_memory_mb: int = Field(
        default=4096, ge=512, description="Memory that reading one file may take, in MiB."
    )
    read_seconds: int = Field(
        default=300, ge=1, description="How long reading one file may take, in seconds."
    )
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_origins), AfterValidator(_known_origins)
    ] = Field(
        default=(),
        description="Origins whose pages may ask, with commas between; * means all.",
    )
    persisted_queries: bool = Field(
        default=True, description="Whether a query may be named by its hash."
    )
    metrics: Literal["local", "open", "off"] = Field(
        default="local",
        description="Who may read /metrics: this machine and those with a key, all, or nobody.",
    )
    log_format: Literal["plain", "json"] = Field(
        default="plain", description="Log lines for people, or one JSON object each."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="What is logged; each request is from info on."
    )
    grace_seconds: int = Field(
        default=10, ge=0, le=600, description="What running requests get to end when it stops."
    )

    # limits
    introspection: bool = Field(
        default=True, description="Whether clients may ask for the schema itself."
    )
    graphiql: bool = Field(default=True, description="Whether a browser gets GraphiQL.")
    cost_limit: int = Field(
        default=250_000, ge=1, description="What one question may cost, in things."
    )
    statement_seconds: float = Field(
        default=20.0, gt=0, description="How long the database may take for a part of a query."
    )
    request_seconds: float = Field(
        default=60.0, gt=0, description="How long a query may take; changes may take longer."
    )
    rate_per_key: float = Field(
        default=500.0, ge=0, description="Requests a second of one key; 0 does not count them."
    )
    rate_per_address: float = Field(
        default=100.0,
        ge=0,
        description="Those of one address without a key, but for this machine's own; 0 likewise.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Proxies whose X-Forwarded-For is believed, with commas between; * means all.",
    )
    tile_memory_mb: int = Field(
        default=64, ge=0, description="Memory that vector tiles may keep, in MiB."
    )
    fast: bool = Field(
        default=True,
        description="Whether queries are answered the fast way, with units held in memory.",
    )


def read_settings(**given: object) -> Settings:
    """Read the settings from the environment.

    Parameters
    ----------
    given
        Values that win over the environment, by field name: a command's options. One that is
        none is not given.

    Raises
    ------
    BadInputError
        If a value cannot be meant; the message names each such variable and its value.
    """
    chosen: dict[str, Any] = {  # pydantic checks the values
        name: value for name, value in given.items() if value is not None
    }
    try:
        return Settings(**chosen)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        names = [_variable(problem) for problem in problems]
        raise BadInputError(
            "; ".join(_complaint(problem) for problem in problems), argument=names[0]
        ) from None  # the chain would print the password


def _variable(problem: ErrorDetails) -> str:
    """Return the name of the environment variable that a problem is about."""
    name = str(problem["loc"][0])
    return name if name == "DATABASE_URL" else f"{PREFIX}{name.upper()}"


def _complaint(problem: ErrorDetails) -> str:
    """Return one sentence about one value."""
    variable = _variable(problem)
    reason = problem["msg"].removeprefix("Value error, ")
    value = str(problem["input"])
    if variable == "DATABASE_URL":
        return f"{variable} cannot be used: {reason} (its value is {without_password(value)!r})"
    return f"{variable} is {value!r}: {reason[0].lower()}{reason[1:]}"


def without_password(text: str) -> str:
    """Return a database's address fit to be shown.

    What cannot be read as an address is cut before its last ``@``, since a password may stand
    anywhere in front of it.
    """
    url = _parse(text)
    if url is not None:
        secret = {"password", "passfile", "sslpassword"}
        return url.difference_update_query(secret).render_as_string(hide_password=True)
    head, at, tail = text.rpartition("@")
    return f"***@{tail}" if at else head + tail
