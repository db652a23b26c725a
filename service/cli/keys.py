"""``wangge key``: who may do what through the API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from resolvers import keys
from resolvers.keys import KeyRow, Role
from service.cli.frame import JsonOption, app, on_database
from service.cli.output import emit, note, table

group = typer.Typer(help="Create, list and revoke keys of the API.", no_args_is_help=True)
app.add_typer(group, name="key")


@group.command()
def create(
    role: Annotated[Role, typer.Option(help="What it allows; each role includes those before.")],
    name: Annotated[str, typer.Option(help="Whom it is for.")],
    within: Annotated[
        str | None, typer.Option(metavar="LEVEL:CODE", help="Only on this unit's ground.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it: it is shown this once."""
    made = on_database(
        lambda engine: keys.create_key(engine, name=name, role=role.value, within=within)
    )
    emit({"id": made.id, "key": made.secret}, as_json, lambda _: made.secret)
    if not as_json:
        note(f"this is key {made.id}; keep it now, it cannot be shown again")


@group.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List keys, newest first."""
    rows = on_database(keys.list_keys)
    columns = ["id", "name", "role", "within", "created (UTC)", "revoked (UTC)"]
    emit(
        [_as_dict(row) for row in rows],
        as_json,
        lambda _: table(columns, [_cells(row) for row in rows]),
    )


@group.command()
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="Number of the key, see list.")],
    as_json: JsonOption = False,
) -> None:
    """Make a key worthless from now on."""
    now = on_database(lambda engine: keys.revoke_key(engine, key_id))
    said = "is revoked" if now else "was revoked before"
    emit({"id": key_id, "revoked": now}, as_json, lambda _: f"key {key_id} {said}")


def _as_dict(row: KeyRow) -> dict[str, object]:
    return {
        "id": row.id,
        "name": row.name,
        "role": row.role.value,
        "within": _ground(row),
        "createdAt": row.created_at,
        "revokedAt": row.revoked_at,
    }


def _cells(row: KeyRow) -> list[str | None]:
    times = [_minute(row.created_at), _minute(row.revoked_at)]
    return [str(row.id), row.name, row.role.value, _ground(row) or "everywhere", *times]


def _minute(moment: dt.datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"


def _ground(row: KeyRow) -> str | None:
    return None if row.within_level is None else f"{row.within_level}:{row.within_code}"
