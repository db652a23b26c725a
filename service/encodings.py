"""Compression at a level that costs less than it saves: zstd, Brotli and gzip."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import brotli  # type: ignore[import-untyped] # it ships no types
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

ZSTD_LEVEL = 1  # 400 kB of GeoJSON take 1 ms
BROTLI_QUALITY = 1
GZIP_LEVEL = 1  # 2 ms; level 9 takes twenty times as long for a tenth less

OFFERED = ("zstd", "br", "gzip")
"""The cheapest first: it wins where a client takes several alike."""

_GZIP_WBITS = 31  # with gzip's own head and tail


class Piecewise(Protocol):
    """Compresses a body that comes piece by piece."""

    def add(self, piece: bytes) -> bytes:
        """Return what is ready so far."""

    def end(self) -> bytes:
        """Return the rest."""


class _Zstd:
    def __init__(self) -> None:
        self._worker = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def add(self, piece: bytes) -> bytes:
        return self._worker.compress(piece)

    def end(self) -> bytes:
        return self._worker.flush()


class _Brotli:
    def __init__(self) -> None:
        self._worker = brotli.Compressor(quality=BROTLI_QUALITY)

    def add(self, piece: bytes) -> bytes:
        return bytes(self._worker.process(piece))

    def end(self) -> bytes:
        return bytes(self._worker.finish())


class _Gzip:
    def __init__(self) -> None:
        self._worker = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)

    def add(self, piece: bytes) -> bytes:
        return self._worker.compress(piece)

    def end(self) -> bytes:
        return self._worker.flush()


_MAKERS: dict[str, Callable[[], Piecewise]] = {"zstd": _Zstd, "br": _Brotli, "gzip": _Gzip}


def piecewise(encoding: str) -> Piecewise:
    """Return what compresses one body."""
    return _MAKERS[encoding]()


def compress(body: bytes, encoding: str) -> bytes:
    """Return a whole body compressed."""
    if encoding == "zstd":  # it tells its length, so that clients make room at once
        return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)
    worker = piecewise(encoding)
    return worker.add(body) + worker.end()
