"""One connection on which questions are asked."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

_OUTSIDE = "203.0.113."
"""Addresses of documentation: nobody's."""


def outsider(number: int) -> str:
    """Return an address outside of this machine, as a proxy here would tell it."""
    return f"{_OUTSIDE}{number}"


class Line:
    """One connection, kept open."""

    def __init__(self, address: str, said_from: str | None = None) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._extra = f"X-Forwarded-For: {said_from}\r\n" if said_from else ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, body: bytes) -> int:
        """Post a question; return the status after all of the answer is there."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self._host}\r\n{self._extra}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1])

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
