"""A connection that is kept open, and as little of HTTP as it takes to hear an answer.

What asks must cost less than what answers, or the service would idle while it is measured.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import orjson

JSON = "application/json"

_HEAD_END = b"\r\n\r\n"
_LENGTH, _TAG, _LAST = b"\r\ncontent-length: ", b"\r\netag: ", b"\r\nconnection: close"
"""Names of headers as uvicorn writes them, in lower case."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    tag: str | None
    """What tells it from an older one."""
    body: bytes


class Line(asyncio.Protocol):
    """One connection to a port of this machine, made when it is needed.

    Parameters
    ----------
    port
        Where the service listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._came = bytearray()
        self._body_at = self._end = 0
        """Where the body begins and ends; 0 while the head is not complete."""

    async def ask(self, message: bytes) -> Answer:
        """Send a request and return its answer, after all of it is there.

        Raises
        ------
        ConnectionError
            If the service hangs up before that.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        self._answer = loop.create_future()
        self._transport.write(message)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._came += data
        if not self._end:
            self._read_head()
        if self._end and len(self._came) >= self._end:
            self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that there will be no answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the service hung up: {exc}"))

    def _read_head(self) -> None:
        end = self._came.find(_HEAD_END)
        if end >= 0:
            self._body_at = end + len(_HEAD_END)
            self._end = self._body_at + int(self._header(_LENGTH) or 0)

    def _tell(self) -> None:
        """Hand the answer over, and be ready for the next."""
        tag, last = self._header(_TAG), self._came.find(_LAST, 0, self._body_at) >= 0
        body = bytes(self._came[self._body_at : self._end])
        answer = Answer(int(self._came[9:12]), tag, body)  # after "HTTP/1.1 "
        del self._came[: self._end]
        self._end = 0
        if last:
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _header(self, name: bytes) -> str | None:
        """Return the value of a header; None without it."""
        at = self._came.find(name, 0, self._body_at)
        if at < 0:
            return None
        start = at + len(name)
        return self._came[start : self._came.find(b"\r\n", start)].decode("latin-1")


def get(path: str, **headers: str) -> bytes:
    """Return a request for what is at a path; ``_`` in a header's name stands for ``-``."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def post(query: str, variables: object = None, *, key: str | None = None) -> bytes:
    """Return a request that asks a question in GraphQL."""
    body = orjson.dumps({"query": query, "variables": variables})
    lines = ["POST /graphql HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {JSON}"]
    lines += [f"Accept: {JSON}", f"Content-Length: {len(body)}"]
    lines += [f"Authorization: Bearer {key}"] if key is not None else []
    return "\r\n".join([*lines, "", ""]).encode() + body
