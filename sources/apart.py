"""Reads files in a process of its own, which may die of them without harm.

The child (``sources.apart_reader``) gets limits of memory, time and disk, gives up the network and
all files but the one that it reads (``sources.confining``), and answers in a form that cannot run
anything (``sources.wire``). Whatever becomes of it, the caller gets the file or one sentence.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Required, TypedDict, TypeVar, Unpack, cast

from geo.errors import BadInputError, LimitExceededError, UnreadableError, WanggeError
from sources.apart_reader import BROKEN, GROUND, OUT_OF_DISK, OUT_OF_MEMORY
from sources.opening import check_file
from sources.plain import plain

# What understands an answer is imported when one is awaited: the child does not wait for it.

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from geo.crs import Datum
    from geo.ground import Ground
    from sources.addresses import AddressColumns, AddressFile
    from sources.boundaries import BoundaryFile
    from sources.columns import Columns
    from sources.facilities import FacilityColumns, FacilityFile
    from sources.rosters import Roster
    from sources.streets import StreetFile
    from sources.walkable import Walkable

__all__ = [
    "Limits",
    "read_addresses_apart",
    "read_boundaries_apart",
    "read_facilities_apart",
    "read_roster_apart",
    "read_streets_apart",
]

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from sources.apart_reader import main; main()"
)
"""What the child runs: isolated from the environment, it must be told where we are."""

PIECE_BYTES = 1 << 20
AFTER_S = 0.002
"""How often it is looked whether a child that has said all is gone."""

LOOK_S = 0.1
"""How often somebody is asked whether the answer is still wanted."""

SWOLLEN = 0.3
"""Share of the allowed memory in use from which on a death is laid to the rest: a library that
doubles something dies of the part that it does not get."""

WORDS_BYTES = 4096
"""How much of a child's last words is kept."""

PASSED_ON = ("LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "SYSTEMROOT", "WANGGE_DEBUG")
"""All that a child gets of the environment, which may hold passwords."""

ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PYTHONUTF8": "1",
    # One thread each: arenas and stacks of many would count as memory.
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others hold back large parts beforehand
    # Where the kernel allows no confinement, GDAL at least is told to stay at home.
    "PROJ_NETWORK": "OFF",
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_TIMEOUT": "1",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{noextension}",
    "GML_DOWNLOAD_SCHEMA": "NO",
}


class Limits(NamedTuple):
    """What reading one file may take."""

    memory_mb: int = 4096
    """Of addresses, in MiB."""
    seconds: int = 300
    """On the clock, and of computing."""
    disk_mb: int = 4096
    """Of any file that is unpacked, in MiB."""


class _Asked(TypedDict, total=False):
    """The keywords of ``read_boundaries``, but for the ground."""

    layer: str | None
    encoding: str | None
    crs: str | None
    datum: Datum | None
    columns: Columns
    need_code: bool


class _AskedAddresses(TypedDict, total=False):
    """The keywords of ``read_addresses``."""

    layer: str | None
    encoding: str | None
    crs: str | None
    datum: Datum | None
    columns: AddressColumns


class _AskedStreets(TypedDict, total=False):
    """The keywords of ``read_streets``."""

    walkable: Required[Walkable]
    layer: str | None
    encoding: str | None
    crs: str | None
    datum: Datum | None


class _AskedFacilities(TypedDict, total=False):
    """The keywords of ``read_facilities``."""

    layer: str | None
    encoding: str | None
    crs: str | None
    datum: Datum | None
    columns: FacilityColumns
    kind: str | None


class _AskedRoster(TypedDict, total=False):
    """The keywords of ``read_roster``."""

    usual: Sequence[str]
    layer: str | None
    encoding: str | None


class _Order(NamedTuple):
    """What is asked of a child."""

    asked: Mapping[str, object]
    limits: Limits
    unwanted: Callable[[], bool] | None
    ground: Ground | Callable[[], Ground | None] | None = None
    room: Path | None = None


class _Ended(NamedTuple):
    """How a child ended."""

    status: int
    answer: bytearray
    words: bytearray
    """The end of what it said beside its answer."""
    late: bool
    """Whether it was stopped because its time was over."""
    peak_kib: int
    """The most memory that it had in use at once, in KiB."""


def read_boundaries_apart(
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    ground: Ground | Callable[[], Ground | None] | None = None,
    unwanted: Callable[[], bool] | None = None,
    room: Path | None = None,
    **asked: Unpack[_Asked],
) -> BoundaryFile:
    """Read a boundary file as ``sources.boundaries.read_boundaries``, in a process apart.

    Parameters
    ----------
    path
        The file, or a zip archive that holds it.
    limits
        What reading it may take.
    ground
        Where the file should lie, if that is known. A function is called, from this thread, when
        the child is at work already: it may wait for what it returns.
    unwanted
        Asked ten times a second, from this thread; once it returns true, reading is given up.
    room
        Folder for what is laid out for reading, whose owner removes it if this process dies; the
        system's (``TMPDIR``) by default.
    asked
        As for ``read_boundaries``.

    Raises
    ------
    UnreadableError
        As ``read_boundaries``; or if a limit was reached, or the reader died of the file.
    BadInputError
        As ``read_boundaries``.

    Notes
    -----
    Starting the child costs about 0.4 s, and carrying 100,000 polygons over a second or two. It may
    be called from any thread, as long as that thread waits for it: the child ends with its thread.
    """
    return _read(path, "BoundaryFile", _boundaries, _Order(asked, limits, unwanted, ground, room))


def read_addresses_apart(
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    unwanted: Callable[[], bool] | None = None,
    **asked: Unpack[_AskedAddresses],
) -> AddressFile:
    """Read an address file as ``sources.addresses.read_addresses``, in a process apart.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_boundaries_apart``.
    """
    return _read(path, "AddressFile", _addresses, _Order(asked, limits, unwanted))


def read_facilities_apart(
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    unwanted: Callable[[], bool] | None = None,
    **asked: Unpack[_AskedFacilities],
) -> FacilityFile:
    """Read service points as ``sources.facilities.read_facilities``, in a process apart.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_boundaries_apart``.
    """
    return _read(path, "FacilityFile", _facilities, _Order(asked, limits, unwanted))


def read_roster_apart(
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    unwanted: Callable[[], bool] | None = None,
    **asked: Unpack[_AskedRoster],
) -> Roster:
    """Read a list without places as ``sources.rosters.read_roster``, in a process apart.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_boundaries_apart``.
    """
    return _read(path, "Roster", _roster, _Order(asked, limits, unwanted))


def read_streets_apart(
    path: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    unwanted: Callable[[], bool] | None = None,
    **asked: Unpack[_AskedStreets],
) -> StreetFile:
    """Read streets as ``sources.streets.read_streets``, in a process apart.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_boundaries_apart``.
    """
    return _read(path, "StreetFile", _streets, _Order(asked, limits, unwanted))


def _boundaries() -> type[BoundaryFile]:
    from sources.boundaries import BoundaryFile  # noqa: PLC0415 - see above

    return BoundaryFile


def _addresses() -> type[AddressFile]:
    from sources.addresses import AddressFile  # noqa: PLC0415

    return AddressFile


def _facilities() -> type[FacilityFile]:
    from sources.facilities import FacilityFile  # noqa: PLC0415

    return FacilityFile


def _roster() -> type[Roster]:
    from sources.rosters import Roster  # noqa: PLC0415

    return Roster


def _streets() -> type[StreetFile]:
    from sources.streets import StreetFile  # noqa: PLC0415

    return StreetFile


def _read(path: Path, what: str, find: Callable[[], type[T]], order: _Order) -> T:
    """Read a file as a dataclass that has the name ``what`` and that ``find`` finds."""
    check_file(path)  # here, where its name is still the one that was given
    with tempfile.TemporaryDirectory(
        prefix="wangge-", dir=order.room, ignore_cleanup_errors=True
    ) as folder:
        room = Path(folder).absolute()  # the child stands in it
        gate = None if order.ground is None else os.pipe()
        request = {
            "what": what,
            "path": os.fsencode(path.absolute()).decode("latin-1"),
            "parent": os.getpid(),
            "options": {name: plain(value) for name, value in order.asked.items()},
            "ground": gate and gate[0],
            **order.limits._asdict(),
        }
        (room / "request").write_text(json.dumps(request), encoding="utf-8")
        ended = _run(room, path.name, order, gate)
    return _understood(ended, path.name, find(), order.limits)


def _run(room: Path, file: str, order: _Order, gate: tuple[int, int] | None) -> _Ended:
    """Run the child to its end, which is brought about when there is no use in waiting.

    Parameters
    ----------
    gate
        Both ends of a pipe that is closed when the ground is known; the child waits for that.
    """
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    left = list(gate or ())
    try:
        with (room / "request").open("rb") as request:
            # In a session of its own: Ctrl-C is for us, and we end the child.
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [sys.executable, "-I", "-c", PROGRAM, str(ROOT)],
                stdin=request,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=room,
                env={**passed, **ENVIRONMENT, "TMPDIR": str(room), "HOME": str(room)},
                start_new_session=True,
                pass_fds=gate[:1] if gate else (),
            )
        with child:
            end = time.monotonic() + order.limits.seconds
            try:
                if gate is not None:
                    _tell_ground(order.ground, room / GROUND)
                    os.close(left.pop())
                answer, words = _listen(child, order, file, end)
            except BaseException:
                _end(child, 0.0)
                raise
            late, peak_kib = _end(child, end - time.monotonic())
    finally:
        for pipe in left:
            os.close(pipe)
    return _Ended(child.returncode, answer, words, late, peak_kib)


def _tell_ground(ground: Ground | Callable[[], Ground | None] | None, path: Path) -> None:
    """Write down where a file should lie, if that is known."""
    from geo.ground import Ground  # noqa: PLC0415 - see above
    from sources import wire  # noqa: PLC0415

    known = ground if isinstance(ground, Ground) or ground is None else ground()
    if known is not None:
        import numpy as np  # noqa: PLC0415

        land = np.array([known.outline, *known.parents], dtype=object)
        path.write_bytes(b"".join(wire.pack_geometries(land)))


def _listen(
    child: subprocess.Popen[bytes], order: _Order, file: str, end: float
) -> tuple[bytearray, bytearray]:
    """Gather what a child says until it closes its streams, or until its time is over."""
    answer, words = bytearray(), bytearray()
    with selectors.DefaultSelector() as streams:
        for stream, kept in ((child.stdout, answer), (child.stderr, words)):
            streams.register(stream, selectors.EVENT_READ, kept)  # type: ignore[arg-type]  # pipes
        while streams.get_map() and time.monotonic() < end:
            if order.unwanted is not None and order.unwanted():
                raise LimitExceededError(f"reading {file} was given up")
            if len(answer) > order.limits.memory_mb << 20:
                raise UnreadableError(_too_large(file, order.limits))
            for ready, _ in streams.select(LOOK_S):
                piece = os.read(ready.fd, PIECE_BYTES)
                ready.data.extend(piece)
                if not piece:
                    streams.unregister(ready.fileobj)
            del words[:-WORDS_BYTES]
    return answer, words


def _end(child: subprocess.Popen[bytes], patience_s: float) -> tuple[bool, int]:
    """End a child that does not do so by itself, and whatever it may have started.

    Returns
    -------
    tuple
        Whether it had to be ended, and the most memory that it had in use at once, in KiB.
    """
    end = time.monotonic() + patience_s
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while (late := os.waitid(os.P_PID, child.pid, look) is None) and time.monotonic() < end:
        time.sleep(AFTER_S)
    with suppress(ProcessLookupError, PermissionError):  # it ended, and is the last of its group
        os.killpg(child.pid, signal.SIGKILL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return late, usage.ru_maxrss


def _understood(ended: _Ended, file: str, into: type[T], limits: Limits) -> T:
    """Return what a child read, or say in one sentence why it did not."""
    if ended.late or ended.status == -signal.SIGXCPU:
        raise UnreadableError(_too_long(file, limits))
    if ended.status:
        raise _died(ended, file, limits)
    from sources import wire  # noqa: PLC0415 - see above

    try:
        frames = list(wire.read_frames(ended.answer))
        if [kind for kind, _ in frames] == [wire.FAILURE]:
            raise _failure(json.loads(bytes(frames[0][1])), file, limits)
        return wire.receive(iter(frames), into)
    except (wire.BrokenAnswerError, ValueError, KeyError, TypeError) as error:
        raise _broken(file, f"it answered what is no answer, {error}") from error


def _failure(told: Mapping[str, object], file: str, limits: Limits) -> WanggeError:
    """Make a child's failure one of our own."""
    code, message = str(told["code"]), str(told["message"])
    known = {kind.code: kind for kind in (UnreadableError, BadInputError, LimitExceededError)}
    if code == OUT_OF_MEMORY:
        error: WanggeError = UnreadableError(_too_large(file, limits))
    elif code == OUT_OF_DISK:
        error = UnreadableError(
            f"{file} could not be laid out for reading ({message}); it may unpack to more than "
            f"{limits.disk_mb} MiB, or the disk is full"
        )
    elif code in known:
        error = known[code](message, **cast("dict[str, object]", told["extensions"]))
    else:
        error = _broken(file, message)
    if code in (BROKEN, OUT_OF_DISK):
        error.add_note(str(told["where"]))
    return error


def _died(ended: _Ended, file: str, limits: Limits) -> UnreadableError:
    """Say why a child ended without an answer."""
    words = ended.words.decode("utf-8", errors="replace")
    starved = any(
        word in words for word in ("bad_alloc", "MemoryError", "Cannot allocate", "memory")
    )
    if ended.status == -signal.SIGKILL or starved:  # killed by the system, which ran out of it
        error = UnreadableError(_too_large(file, limits))
    elif ended.status < 0:
        error = _broken(file, f"it was ended by {signal.Signals(-ended.status).name}")
    else:
        error = _broken(file, (words.strip().splitlines() or ["it gave no reason"])[-1])
    error.add_note(words)
    return error


def _too_large(file: str, limits: Limits) -> str:
    return (
        f"{file} needs more than {limits.memory_mb} MiB of memory to be read; send it in parts or "
        "with fewer vertices, or allow more by WANGGE_READ_MEMORY_MB"
    )


def _too_long(file: str, limits: Limits) -> str:
    return (
        f"{file} takes more than {limits.seconds} seconds to be read; send it in parts or with "
        "fewer vertices, or allow more by WANGGE_READ_SECONDS"
    )


def _broken(file: str, reason: str) -> UnreadableError:
    return UnreadableError(
        f"{file} breaks the reader ({reason}); export it again, or in another format"
    )
