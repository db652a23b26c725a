"""How often one may ask, and what becomes of a question whose asker has left.

Each key, and each address without one, has a bucket of tokens that fills steadily; a request takes
one, and is sent away with 429 while the bucket is empty. A key that was not seen to be valid lately
takes from its address' bucket, so that made-up keys bring nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import math
import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket

from geo.errors import TooCostlyError, WanggeError
from resolvers.context import Context
from service.http_answers import Refused
from service.http_graphql import header_of
from service.http_view import bearer
from service.leaving import WATCHED, Listener, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from resolvers.context import Shared
    from service.settings import Settings

BURST_S = 10.0
"""Seconds' worth of requests that may come at once: a map asks for all its tiles together."""
MAX_BUCKETS = 20_000
"""Askers whose buckets are kept; the least recent are forgotten, which fills theirs."""
KEY_SEEN_S = 60.0
"""How long a key counts as valid here; it is always asked about before it opens anything."""
REFUSAL = 100.0
"""What a question takes beside its token that is refused by its shape, meaning or cost."""
BYTES_A_TOKEN = 16_384
"""Of a text that is longer, each so many take another token: to read it keeps others waiting."""
TILES = "/tiles/"
TILE_SHARE = 0.05
"""What a tile takes of a token: a view of a map asks for dozens, which lie ready as bytes."""
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are not counted: what watches the service must hear from it."""


class Buckets:
    """Buckets of tokens, one for each asker.

    Parameters
    ----------
    rate
        Tokens a second; 0 means that none are counted.
    burst_s
        Seconds after which an empty bucket is full.
    clock
        Tells seconds.
    """

    def __init__(
        self,
        rate: float,
        burst_s: float = BURST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self._size = max(1.0, rate * burst_s)
        self._clock = clock
        self._held: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, asker: Hashable, amount: float = 1.0) -> float:
        """Take a token, or a part of one; return 0, or in how many seconds there will be one."""
        if self.rate <= 0:
            return 0.0
        now = self._clock()
        left, since = self._held.pop(asker, (self._size, now))
        left = min(self._size, left + (now - since) * self.rate)
        wait = 0.0 if left >= amount else (amount - left) / self.rate
        self._held[asker] = (left if wait else left - amount), now
        if len(self._held) > MAX_BUCKETS:
            self._held.popitem(last=False)
        return wait

    def owe(self, asker: Hashable, amount: float) -> None:
        """Take something although the bucket may be empty; no more is owed than it holds."""
        if asker in self._held:
            left, since = self._held[asker]
            self._held[asker] = max(-self._size, left - amount), since

    def give_back(self, asker: Hashable, amount: float = 1.0) -> None:
        """Give back what was taken from the wrong bucket."""
        if asker in self._held:
            left, since = self._held[asker]
            self._held[asker] = min(self._size, left + amount), since


class Asker(NamedTuple):
    """Whose bucket a request takes from."""

    address: Hashable | None
    """Of its network; None on this machine."""
    key: str | None
    """A name for the key that came with it, which does not tell it."""
    scope: Scope

    @classmethod
    def of(cls, scope: Scope) -> Asker:
        """Return who asks."""
        client = scope.get("client")
        header = header_of(scope, b"authorization")
        key = None if header is None else hashlib.sha256(header.encode()).hexdigest()
        return cls(network_of(client[0] if client else None), key, scope)


class Gate:
    """The buckets of all who ask.

    Parameters
    ----------
    settings
        How often one may ask.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = Buckets(settings.rate_per_key)
        self._addresses = Buckets(settings.rate_per_address)
        self._seen: OrderedDict[str, float] = OrderedDict()

    async def wait(self, asker: Asker) -> float:
        """Return in how many seconds an asker may come again; 0 means now."""
        address, key, scope = asker
        amount = TILE_SHARE if scope["path"].startswith(TILES) else 1.0
        if key is not None and self._is_seen(key):
            return self._keys.take(key, amount)
        wait = self._addresses.take(address, amount) if address is not None else 0.0
        if wait or key is None or not await self._is_valid(scope):
            return wait
        self._note(key)
        if address is not None:
            self._addresses.give_back(address, amount)
        return self._keys.take(key, amount)

    def charge(self, asker: Asker, watched: Watched) -> None:
        """Take more from one whose question was long, or was refused: to find that out is work."""
        amount = REFUSAL * watched.refused
        if watched.size > BYTES_A_TOKEN:
            amount += watched.size / BYTES_A_TOKEN
        if not amount:
            return
        if asker.key is not None and self._is_seen(asker.key):
            self._keys.owe(asker.key, amount)
        elif asker.address is not None:
            self._addresses.owe(asker.address, amount)

    async def _is_valid(self, scope: Scope) -> bool:
        """Return whether the key of a request opens something now."""
        if self._keys.rate <= 0 and self._addresses.rate <= 0:
            return False  # nobody counts
        return await is_valid(scope["state"]["shared"], header_of(scope, b"authorization"))

    def _is_seen(self, key: str) -> bool:
        return self._seen.get(key, -math.inf) > time.monotonic() - KEY_SEEN_S

    def _note(self, key: str) -> None:
        self._seen.pop(key, None)
        self._seen[key] = time.monotonic()
        if len(self._seen) > MAX_BUCKETS:
            self._seen.popitem(last=False)


class Limits:
    """Sends away who asks too often, and listens whether those who ask are still there.

    Parameters
    ----------
    app
        What answers.
    gate
        Says how often one may ask.
    """

    def __init__(self, app: ASGIApp, *, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or send it away."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
            return
        asker = Asker.of(scope)
        wait = await self._gate.wait(asker)
        if wait and scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(too_often(wait))
        elif wait:
            await too_often(wait)(scope, receive, send)
        elif scope["type"] == "http":
            await _watched(self._app, scope, receive, send)
            self._gate.charge(asker, scope[WATCHED])
        else:
            watched = scope[WATCHED] = Watched()
            await self._app(scope, self._paced(asker, receive, watched), send)
            self._gate.charge(asker, watched)

    def _paced(self, asker: Asker, receive: Receive, watched: Watched) -> Receive:
        """Hear the messages of a socket no faster than its asker may ask."""

        async def paced() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                self._gate.charge(asker, watched)  # for what was said until now
                watched.begin(len(message.get("text") or ""))
                while wait := await self._gate.wait(asker):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(wait)  # others of the same asker may be first
            return message

        return paced


def too_often(wait: float) -> Response:
    """Return what is told to one who may come again in so many seconds."""
    after = math.ceil(wait)
    return Refused(
        f"too many requests; come again in {after} s",
        status=429,
        code=TooCostlyError.code,
        headers={"Retry-After": str(after)},
    ).response("application/json")


@lru_cache(maxsize=MAX_BUCKETS)
def network_of(host: str | None) -> Hashable | None:
    """Return whose bucket an address takes from; None where it is this machine's own.

    An IPv6 network of 64 bits belongs to one subscriber.
    """
    if host is None:
        return None  # a unix socket
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host  # a name that a proxy gives
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return network_of(str(address.ipv4_mapped))
        return None if address.is_loopback else int(address) >> 64
    return None if address.is_loopback else int(address)


async def is_valid(shared: Shared, header: str | None) -> bool:
    """Return whether a header brings a key that is valid now."""
    key = bearer(header)
    if not key:
        return False
    try:
        return await Context(shared, today=dt.date.min, key=key).principal() is not None
    except (WanggeError, SQLAlchemyError):  # made up, or nobody can say
        return False


async def _watched(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, and hear when its client leaves after all of it came in."""
    watched = scope[WATCHED] = Watched()
    listener = Listener(receive, watched)
    if scope["method"] in _WITHOUT_BODY:
        listener.expect_nothing()
    try:
        await app(scope, listener.receive, send)
    finally:
        listener.stop()
