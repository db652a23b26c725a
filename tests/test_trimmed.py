"""Memory that is free goes back to the system."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from service import memory
from service.memory import keep_trimmed, trim

pytestmark = pytest.mark.anyio

PIECE, PIECES = 60_000, 1_000
"""Pieces that the C library takes from its heap, and not from the system one by one."""
MIB = 1 << 20


def held_mib() -> float:
    """Return the memory of this process that is in use by the system's count."""
    fields = Path("/proc/self/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in fields if line.startswith("RssAnon:"))
    return kib / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count otherwise")
def test_holes_between_pieces_that_stay_are_handed_back() -> None:
    trim()
    before = held_mib()
    pieces = [bytearray(PIECE) for _ in range(PIECES)]
    stays = pieces[:: PIECES // 20]
    full = held_mib()
    assert full - before > 0.8 * PIECE * PIECES / MIB
    del pieces

    trim()

    assert held_mib() - before < 0.2 * PIECE * PIECES / MIB, "a twentieth stays"
    assert len(stays) == 20


_LARGE = """
from service.memory import keep_large_apart
from tests.test_trimmed import held_mib

keep_large_apart()
bytearray(b"x") * (30 << 20)  # from now on, the C library by itself would count these as small
before = held_mib()
pieces, small = [], []
for _ in range(20):
    pieces.append(bytearray(b"x") * (3 << 20))
    small += [bytearray(b"x") * 60_000]
full = held_mib()
del pieces
print(full - before, held_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count otherwise")
def test_large_pieces_are_handed_back_as_soon_as_they_are_free() -> None:
    words = [sys.executable, "-c", _LARGE]
    told = subprocess.run(words, capture_output=True, check=True)  # noqa: S603 - our own words
    full, left = map(float, told.stdout.split())

    assert full > 60
    assert left < 10


async def test_it_is_done_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(memory, "EACH_S", 0.0)
    monkeypatch.setattr(memory, "trim", lambda: done.append(1))
    task = asyncio.ensure_future(keep_trimmed())
    async with asyncio.timeout(10):
        while len(done) < 3:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
