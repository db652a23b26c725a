"""Memory that is free goes back to the system."""

from __future__ import annotations

import asyncio
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
