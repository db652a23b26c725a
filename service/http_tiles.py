"""Vector tiles over HTTP, and the TileJSON that leads to them.

Under an edition's own number a tile never changes and may be held for good. Without a number it is
that of the day, and is asked about again each time; TileJSON therefore leads to the tiles of an
edition by its number. What depends on more than an edition (waivers, service points, streets, a
draft) is told apart by its bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response
from starlette.routing import Route

from geo.errors import BadInputError, TooCostlyError, WanggeError
from resolvers import tile_layers, tiles
from resolvers.context import Context
from resolvers.walks import Basis, WalkAsked
from service.errors import outcome_of
from service.http_answers import JSON, Refused
from service.http_view import bearer
from service.tile_requests import ASK_AGAIN, FOR_GOOD, Asked
from service.tilejson import CIRCLE_FIELDS, FINDING_FIELDS, UNIT_FIELDS, layer, tilejson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from resolvers.tile_layers import Layers
    from resolvers.tiles import Packing
    from service.settings import Settings

Answer = Callable[[Asked], Awaitable[Response]]

MEDIA = "application/vnd.mapbox-vector-tile"

_LATER = {"Retry-After": "1"}

_PLACE = "{z}/{x}/{y}.mvt"


def routes(settings: Settings) -> list[Route]:
    """Return the routes of tiles; a request's state holds what all requests share.

    Parameters
    ----------
    settings
        How long the database may take for a part of a tile; the others that matter here came in
        with what requests share.
    """
    statement_s = settings.statement_seconds
    table: list[tuple[str, Answer]] = [
        ("/tiles.json", _json_of_all),
        ("/tiles/circles.json", _circles_json),
        (f"/tiles/circles/{_PLACE}", _circles_tile),
        ("/tiles/findings/{level}.json", _findings_json),
        (f"/tiles/findings/{{level}}/{_PLACE}", _findings_tile),
        ("/tiles/drafts/{draft}/findings.json", _draft_json),
        (f"/tiles/drafts/{{draft}}/findings/{_PLACE}", _draft_tile),
        (f"/tiles/{{edition}}/{{levels}}/{_PLACE}", _tile_of_edition),
        ("/tiles/{edition}/{levels}.json", _json_of_edition),
        (f"/tiles/{{levels}}/{_PLACE}", _tile_of_day),
        ("/tiles/{levels}.json", _json_of_day),
    ]
    return [
        Route(path, partial(_respond, answer, statement_s), methods=["GET"])
        for path, answer in table
    ]


async def _respond(answer: Answer, statement_s: float, request: Request) -> Response:
    """Answer a request of somebody who may read; errors are told as JSON."""
    shared = request.state.shared
    today = dt.datetime.now(shared.timezone).date()
    context = Context(shared, today=today, key=bearer(request.headers.get("authorization")))
    context.bound(statement_s)
    try:
        await context.require_reader()
        return await answer(Asked(request, context))
    except TooCostlyError as error:
        return Refused.by(error, HTTPStatus.SERVICE_UNAVAILABLE, headers=_LATER).response(JSON)
    except WanggeError as error:
        return Refused.by(error, outcome_of(error).http_status).response(JSON)


# --- units --------------------------------------------------------------------------------------


async def _tile_of_edition(asked: Asked) -> Response:
    return await _units(asked, asked.number("edition"), FOR_GOOD)


async def _tile_of_day(asked: Asked) -> Response:
    asked.tile()  # refused before anything is asked of the database
    edition = await asked.context.edition(asked.day())
    return await _units(asked, edition.number, ASK_AGAIN)


async def _units(asked: Asked, edition: int, control: str) -> Response:
    tile, packing, tag = asked.tile(), asked.packing(), f'W/"{edition}"'
    headers = asked.headers(control, tag)
    if asked.is_held(tag):
        return Response(status_code=304, headers=headers)
    mvt = await tiles.of_units(asked.context, edition, asked.levels(), tile, packing)
    return _sent(mvt, packing, headers)


def _sent(mvt: bytes, packing: Packing, headers: dict[str, str]) -> Response:
    """Send a tile; one in which nothing is seen has no content."""
    if not mvt:
        return Response(status_code=204, headers=headers)
    if packing.name is not None:
        headers["Content-Encoding"] = packing.name
    return Response(mvt, headers=headers, media_type=MEDIA)


async def _json_of_all(asked: Asked) -> Response:
    edition = (await asked.context.edition(asked.day())).number
    return await _units_json(asked, edition, await _all_levels(asked))


async def _json_of_day(asked: Asked) -> Response:
    """Tell of levels as they are today, or of all levels of an edition where a number is named."""
    if asked.part("levels").isdigit():
        return await _units_json(asked, asked.number("levels"), await _all_levels(asked))
    edition = (await asked.context.edition(asked.day())).number
    return await _units_json(asked, edition, asked.levels())


async def _json_of_edition(asked: Asked) -> Response:
    return await _units_json(asked, asked.number("edition"), asked.levels())


async def _all_levels(asked: Asked) -> tuple[str, ...]:
    return tuple(spec.key for spec in (await asked.context.tree()).specs)


async def _units_json(asked: Asked, edition: int, levels: Sequence[str]) -> Response:
    context = asked.context
    await tiles.checked_levels(context, levels)
    ground, tree = await tiles.ground_of(context, edition), await context.tree()
    named = [layer(level, tree.get(level).name, UNIT_FIELDS) for level in levels]
    told = tilejson(
        _address(asked, f"tiles/{edition}/{','.join(levels)}"),
        named,
        ground.bounds(levels) or ground.bounds(list(ground.spans)),
        name=", ".join(one["description"] for one in named),
        edition=edition,
    )
    return _json(asked, told)


# --- findings -----------------------------------------------------------------------------------


async def _findings_tile(asked: Asked) -> Response:
    asked.tile()
    name, layers = await tile_layers.edition_findings(
        asked.context, asked.part("level"), as_of=asked.day()
    )
    return await _cut(asked, layers, name)


async def _findings_json(asked: Asked) -> Response:
    level = asked.part("level")
    _, layers = await tile_layers.edition_findings(asked.context, level, as_of=asked.day())
    edition = (await asked.context.edition(asked.day())).number
    return await _layers_json(asked, f"tiles/findings/{level}", layers, edition=edition)


async def _draft_tile(asked: Asked) -> Response:
    asked.tile()
    layers = await tile_layers.draft_findings(asked.context, asked.number("draft"))
    return await _cut(asked, layers, None)


async def _draft_json(asked: Asked) -> Response:
    draft = asked.number("draft")
    layers = await tile_layers.draft_findings(asked.context, draft)
    return await _layers_json(asked, f"tiles/drafts/{draft}/findings", layers, private=True)


# --- circles ------------------------------------------------------------------------------------


async def _circles_tile(asked: Asked) -> Response:
    asked.tile()
    name, layers = await _circles(asked)
    return await _cut(asked, layers, name)


async def _circles_json(asked: Asked) -> Response:
    _, layers = await _circles(asked)
    return await _layers_json(asked, "tiles/circles", layers)


async def _circles(asked: Asked) -> tuple[tuple[object, ...], Layers]:
    given = asked.request.query_params
    kinds = [kind for kind in given.get("kinds", "").split(",") if kind]
    minutes = asked.given_number("minutes")
    if minutes is not None and not minutes.is_integer():
        raise BadInputError(f"minutes is {minutes:g}; give a whole number", argument="minutes")
    basis = given.get("basis")
    if basis is not None and basis not in set(Basis):
        raise BadInputError(
            f"basis is {basis[:40]!r}; give NETWORK or RADIUS",
            argument="basis",
            options=[one.value for one in Basis],
        )
    walk = WalkAsked(
        minutes=int(minutes) if minutes is not None else None,
        speed_kmh=asked.given_number("speedKmh"),
        metres=asked.given_number("metres"),
        basis=Basis(basis) if basis is not None else None,
    )
    return await tile_layers.circles(asked.context, kinds, walk, day=asked.day())


# --- both ---------------------------------------------------------------------------------------


async def _cut(asked: Asked, layers: Layers, name: tuple[object, ...] | None) -> Response:
    """Answer with a tile of layers that are kept under a name; without one not all may see it."""
    packing = asked.packing()
    mvt = await tile_layers.cut(asked.context, layers, asked.tile(), packing, name=name)
    tag = _tag(mvt)
    headers = asked.headers(ASK_AGAIN, tag, private=name is None)
    if asked.is_held(tag):
        return Response(status_code=304, headers=headers)
    return _sent(mvt, packing, headers)


async def _layers_json(
    asked: Asked, path: str, layers: Layers, *, edition: int | None = None, private: bool = False
) -> Response:
    about = {
        tile_layers.FINDINGS: ("what the check found", FINDING_FIELDS),
        tile_layers.CIRCLES: ("land within the walk of a service point", CIRCLE_FIELDS),
        tile_layers.GAP: ("land outside of all circles", CIRCLE_FIELDS),
    }
    named = [layer(key, *about[key]) for key in layers.layers]
    name = ", ".join(one["description"] for one in named)
    told = tilejson(
        _address(asked, path), named, layers.bounds(), name=name or path, edition=edition
    )
    return _json(asked, told, private=private)


def _address(asked: Asked, path: str) -> str:
    """Return the address of a tile, with what the client asks for besides."""
    base = str(asked.request.base_url)
    given = urlencode(asked.request.query_params.multi_items())
    named = path.startswith(_DATED)
    return f"{base}{path}/{{z}}/{{x}}/{{y}}.mvt" + (f"?{given}" if given and named else "")


_DATED = ("tiles/circles", "tiles/findings")
"""What is asked for by more than its path."""


def _json(asked: Asked, told: dict[str, Any], *, private: bool = False) -> Response:
    content = orjson.dumps(told)
    tag = _tag(content)
    headers = asked.headers(ASK_AGAIN, tag, private=private, packed=False)
    if asked.is_held(tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=JSON)


def _tag(content: bytes) -> str:
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
