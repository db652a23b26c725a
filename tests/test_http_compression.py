"""Compression: what is decoded by each encoding's own library is what was sent."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped] # it ships no types
import pytest
import zstandard
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from service.http_compression import ASIDE_BYTES, FROM_BYTES, Compressed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.requests import Request


def unzstd(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": unzstd,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


def received(
    body: bytes,
    accept: str,
    *,
    kind: str = "application/json",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    piece: int | None = None,
) -> tuple[Mapping[str, str], bytes]:
    """Return the head and the raw body that a client gets."""

    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), piece or 1):
            yield body[begin : begin + (piece or 1)]

    async def answer(_request: Request) -> Response:
        if piece is not None:
            return StreamingResponse(pieces(), status, headers, media_type=kind)
        return Response(body, status, headers, media_type=kind)

    app = Starlette(routes=[Route("/", answer)], middleware=[Middleware(Compressed)])
    with TestClient(app).stream("GET", "/", headers={"accept-encoding": accept}) as response:
        raw = b"".join(response.iter_raw())
        assert response.status_code == status
        return response.headers, raw


@pytest.mark.parametrize("encoding", DECODERS)
@pytest.mark.parametrize("length", [FROM_BYTES, 50_000, ASIDE_BYTES + 1])
@pytest.mark.parametrize("piece", [None, 4096])
def test_a_text_arrives_smaller_and_whole(encoding: str, length: int, piece: int | None) -> None:
    body = b'{"code": "999000001001"}, '.ljust(26) * (length // 26 + 1)

    head, raw = received(body, encoding, piece=piece)

    assert head["content-encoding"] == encoding
    assert "accept-encoding" in head["vary"].lower()
    assert head.get("content-length", str(len(raw))) == str(len(raw))
    assert len(raw) < len(body) / 2
    assert DECODERS[encoding](raw) == body


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("application/vnd.mapbox-vector-tile", {}),
        ("application/geopackage+sqlite3", {}),
        ("text/event-stream", {}),
        ("image/png", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
        ("application/json", {"Cache-Control": "public, no-transform"}),
        ("application/json", {"Content-Range": "bytes 0-1/2"}),
    ],
)
def test_what_would_not_become_smaller_or_may_not_be_changed_stays(
    kind: str, headers: Mapping[str, str]
) -> None:
    body = b"a" * 5000

    head, raw = received(body, "zstd, br, gzip", kind=kind, headers=headers)

    assert head.get("content-encoding") == headers.get("Content-Encoding")
    assert raw == body


def test_a_short_text_stays_and_says_that_a_longer_one_would_not() -> None:
    body = b"a" * (FROM_BYTES - 1)

    head, raw = received(body, "zstd")

    assert raw == body
    assert "content-encoding" not in head
    assert head["vary"] == "Accept-Encoding"


def test_a_client_that_takes_none_gets_the_text_itself() -> None:
    for accept in ("identity", "deflate", "br;q=0"):
        head, raw = received(b"a" * 5000, accept)
        assert raw == b"a" * 5000
        assert "content-encoding" not in head
        assert head["vary"] == "Accept-Encoding"


def test_an_answer_without_a_body_has_none() -> None:
    head, raw = received(b"", "gzip", status=304, headers={"ETag": 'W/"1"'})

    assert raw == b""
    assert "content-encoding" not in head


def test_a_strong_tag_becomes_a_weak_one() -> None:
    changed, _ = received(b"a" * 5000, "gzip", headers={"ETag": '"1"'})
    same, _ = received(b"a" * 5000, "identity", headers={"ETag": '"1"'})

    assert changed["etag"] == 'W/"1"'
    assert same["etag"] == '"1"'


def test_an_empty_stream_is_an_empty_text() -> None:
    _, raw = received(b"", "gzip", piece=10)

    assert raw in {b"", gzip.compress(b"")} or gzip.decompress(raw) == b""
