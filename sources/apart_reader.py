"""Reads one file in a process of its own: the child's half of ``sources.apart``."""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources.confining import end_with, give_up_rights, set_limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from geo.ground import Ground

OUT_OF_MEMORY, OUT_OF_DISK, BROKEN = "OUT_OF_MEMORY", "OUT_OF_DISK", "BROKEN"
"""Codes of failures that the parent puts into words, as it knows the limits."""

GROUND = "ground"
"""The file in the child's folder that says where the land should lie."""

NEARLY = 0.75
"""Share of the allowed memory from which on a library's failure is laid to it."""

Json = Any  # what the parent asks; it is our own program


def main() -> None:
    """Read the file that standard input asks for, and send it to standard output."""
    gc.disable()  # a table has no cycles, and this process ends with it
    asked = json.loads(sys.stdin.buffer.read())
    end_with(asked["parent"])
    path = Path(os.fsdecode(asked["path"].encode("latin-1")))
    set_limits(memory_mb=asked["memory_mb"], seconds=asked["seconds"], disk_mb=asked["disk_mb"])
    room = Path.cwd()
    with os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)  # what a library prints is no part of the answer
        try:
            give_up_rights(readable=_beside(path), listable=[path.parent], writable=room)
            _answer(asked, path, sink)
        except Exception as error:  # whatever it is, it is told
            _send_failure(error, asked["memory_mb"], sink)


def _beside(path: Path) -> list[Path]:
    """Return the other parts of a Shapefile, and what belongs to a database."""
    from sources.databases import beside_database  # noqa: PLC0415 - after the limits
    from sources.shapefiles import companions  # noqa: PLC0415

    return [*companions(path).values(), *beside_database(path)]


def _answer(asked: Json, path: Path, sink: BinaryIO) -> None:
    # Libraries are loaded under the limits, and by a process with one thread.
    from sources import wire  # noqa: PLC0415

    # Types are lost on the way; those of the parent's functions stand for them.
    options: dict[str, Any] = wire.made(asked["options"])
    read, columns = _reader(asked["what"])
    if columns is not None and "columns" in options:
        told = {key: _hashable(value) for key, value in asked["options"]["columns"].items()}
        options["columns"] = columns(**told)
    if asked["ground"] is not None:
        options["ground"] = lambda: _ground(asked["ground"])
    wire.send(read(path, **options), sink)


def _reader(what: str) -> tuple[Callable[..., object], type | None]:
    """Return what reads a kind of file, and the type of its columns; only that is loaded."""
    if what == "BoundaryFile":
        from sources.boundaries import Columns, read_boundaries  # noqa: PLC0415

        return read_boundaries, Columns
    if what == "AddressFile":
        from sources.addresses import AddressColumns, read_addresses  # noqa: PLC0415

        return read_addresses, AddressColumns
    if what == "FacilityFile":
        from sources.facilities import FacilityColumns, read_facilities  # noqa: PLC0415

        return read_facilities, FacilityColumns
    if what == "Roster":
        from sources.rosters import read_roster  # noqa: PLC0415

        return read_roster, None
    from sources.streets import read_streets  # noqa: PLC0415

    return read_streets, None


def _ground(gate: int) -> Ground | None:
    """Return where the file should lie, once the parent has found out and closed the gate."""
    from geo.ground import Ground  # noqa: PLC0415
    from sources import wire  # noqa: PLC0415

    os.read(gate, 1)
    path = Path(GROUND)
    if not path.exists():
        return None
    land = wire.unpack_geometries(memoryview(path.read_bytes()))
    return Ground(land[0], land[1:])


def _hashable(value: Json) -> Json:
    return tuple(value) if isinstance(value, list) else value


def _send_failure(error: Exception, memory_mb: int, sink: BinaryIO) -> None:
    """Say why there is no answer: the error's code, sentence and facts, and where it came up."""
    from geo.errors import WanggeError  # noqa: PLC0415

    code, facts = BROKEN, {}
    message = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    if isinstance(error, WanggeError):
        code, message, facts = error.code, str(error), error.extensions
    if isinstance(error, MemoryError) or _blames_memory(message, memory_mb):
        code = OUT_OF_MEMORY
    elif isinstance(error, OSError):
        code = OUT_OF_DISK
    told = {
        "code": code,
        "message": message,
        "extensions": {name: value for name, value in facts.items() if name != "code"},
        "where": "".join(traceback.format_exception(error)),
    }
    # The frame of wire.FAILURE, by hand: with no memory left, nothing can be imported.
    content = json.dumps(told, default=str).encode()
    sink.write(len(content).to_bytes(8, "little") + b"E" + content)
    sink.flush()


def _blames_memory(message: str, memory_mb: int) -> bool:
    """Return whether a library found no memory because nearly all that is allowed was in use."""
    if not any(word in message.lower() for word in ("memory", "alloc")):
        return False
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak_kib = int(status.partition("VmPeak:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return False
    return peak_kib >> 10 > NEARLY * memory_mb


if __name__ == "__main__":
    main()
