"""A connection that is kept open, and as little of HTTP as it takes to hear an answer."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import orjson

JSON = "application/json"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class Line:
    """One connection to a port of this machine.

    Parameters
    ----------
    port
        Where the service listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, message: bytes) -> Answer:
        """Send a request and return its answer, after all of it is there."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(message)
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(head.split()[1]), headers, body)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


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
