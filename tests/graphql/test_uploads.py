"""Boundary files sent over HTTP: drafts from the beginning, and nothing left of what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import tracemalloc
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import text
from starlette.requests import Request

from geo.errors import BadInputError, LimitExceededError
from resolvers.context import Context, Shared
from resolvers.units import UnitRef
from resolvers.uploads import Desk, Received, UploadOrder, import_upload, sweep
from service import http_form_desk, http_forms
from service.http_forms import FormLimits, receive_form, safe_name
from service.upload_folder import upload_folder
from storage import progress, reading_drafts
from storage.detached import detached
from storage.keys import Role
from storage.progress import Ticket
from storage.reading_drafts import LEFT_BEHIND, NewReading
from tests.graphql import live, world
from tests.graphql.asking import TODAY
from tests.graphql.live import HALVES, HOLE, IMPORT, Service, bearer, serving
from tests.graphql.world import C1, C2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.types import Message

pytestmark = [pytest.mark.anyio, pytest.mark.postgis]

FIELDS = {
    "operations": orjson.dumps(
        {
            "query": IMPORT,
            "variables": {
                "file": None,
                "level": "grid",
                "within": {"level": "community", "code": C1},
            },
        }
    ).decode(),
    "map": '{"0": ["variables.file"]}',
}
FILES = {"0": ("grids.geojson", HALVES)}


@pytest.fixture(autouse=True)
def rooms(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let temporary files lie where they can be counted; none may be left."""
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    yield scratch
    assert list(scratch.iterdir()) == []


@pytest.fixture
async def editor(town: AsyncEngine) -> str:
    """Give the key of an editor of everything."""
    return await world.make_key(town, Role.EDITOR)


@pytest.fixture
async def service(town: AsyncEngine, editor: str, database_url: str) -> AsyncIterator[Service]:
    """Give a service that takes files of up to 1 MiB."""
    del town, editor  # they come first
    async with serving(database_url, max_upload_mb=1) as running:
        yield running


async def value(engine: AsyncEngine, query: str) -> Any:  # noqa: ANN401 - of any type
    """Return the single value of a query."""
    async with engine.connect() as connection:
        return await connection.scalar(text(query))


async def statuses(engine: AsyncEngine) -> list[str]:
    """Return what became of the drafts, in their order."""
    async with engine.connect() as connection:
        return list(await connection.scalars(text("SELECT status FROM draft ORDER BY id")))


def stored_files(place: Path) -> list[Path]:
    """Return the files that lie in a folder, however deep; it may change meanwhile."""
    return [Path(folder, name) for folder, _, names in os.walk(place) for name in names]


def size_of(path: Path) -> int:
    """Return how many bytes a file has; none when it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(live.PATIENCE_S):
        while not await reached():  # noqa: ASYNC110 - of another process or connection
            await asyncio.sleep(0.02)


async def emptied(place: Path) -> None:
    """Wait until a folder has no file: an answer may come a moment before they are removed."""

    async def empty() -> bool:
        return stored_files(place) == []

    await until(empty)


# --- what is sent becomes a draft ---------------------------------------------------------------


async def test_a_file_becomes_an_open_draft_of_its_sender(
    service: Service, editor: str, rooms: Path
) -> None:
    answer = await service.send(HALVES, key=editor)

    assert "errors" not in answer.json(), answer.text
    draft = answer.json()["data"]["importBoundaries"]
    source = draft["source"]
    assert (draft["status"], draft["createdBy"]) == ("OPEN", "tester")
    assert draft["report"] == {"clean": True}
    assert (source["file"], source["featureCount"]) == ("grids.geojson", 2)
    assert source["sha256"] == hashlib.sha256(HALVES).hexdigest()
    await emptied(rooms)


async def test_a_file_with_findings_is_an_open_draft_too(service: Service, editor: str) -> None:
    draft = (await service.send(HOLE, key=editor)).json()["data"]["importBoundaries"]

    assert (draft["status"], draft["report"]) == ("OPEN", {"clean": False})


async def test_a_file_that_cannot_be_read_leaves_a_failed_draft_with_the_reason(
    service: Service, editor: str, town: AsyncEngine
) -> None:
    answer = (await service.send(b"no geometry at all", key=editor)).json()
    query = "{ drafts { nodes { id status report { clean } source { file format } } } }"
    [draft] = (await service.ask(query, key=editor))["data"]["drafts"]["nodes"]

    assert answer["data"] == {"importBoundaries": None}
    assert answer["errors"][0]["extensions"]["code"] == "UNREADABLE"
    assert (draft["status"], draft["report"]) == ("FAILED", None)
    assert draft["source"] == {"file": "grids.geojson", "format": ""}
    assert await value(town, "SELECT error FROM draft") == answer["errors"][0]["message"]
    node = "query($id: ID!) { node(id: $id) { ... on Draft { status error } } }"
    seen = await service.ask(node, {"id": draft["id"]}, key=editor)
    told = {"status": "FAILED", "error": answer["errors"][0]["message"]}
    assert seen["data"] == {"node": told}


async def test_a_failure_that_is_a_bug_is_masked_and_leaves_a_failed_draft(
    service: Service, editor: str, town: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def burst(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("resolvers.uploads.make_draft", burst)
    answer = (await service.send(HALVES, key=editor)).json()

    assert answer["errors"][0]["message"] == "Unexpected error."
    assert await statuses(town) == ["FAILED"]
    assert await value(town, "SELECT error FROM draft") == "Unexpected error."


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"level": "gird"}, "UNKNOWN", "level"),
    ({"within": ("community", "nowhere")}, "UNKNOWN", "within"),
    ({"within": ("community", "nul\0")}, "BAD_INPUT", "within"),
    ({"within": ("grid", C1)}, "BAD_INPUT", "within"),
    ({"ticket": ""}, "BAD_INPUT", "ticket"),
    ({"ticket": "line\nfeed"}, "BAD_INPUT", "ticket"),
    ({"ticket": "x" * 201}, "BAD_INPUT", "ticket"),
    ({"with": ["RHJhZnQ6OTk="]}, "UNKNOWN", "with"),
]


async def test_what_cannot_be_meant_makes_no_draft(
    service: Service, editor: str, town: AsyncEngine
) -> None:
    for change, code, argument in MISTAKES:
        answer = (await service.send(HALVES, key=editor, **change)).json()
        [error] = answer["errors"]
        told = error["extensions"]
        assert (told.get("code"), told.get("argument")) == (code, argument), (change, error)
    assert await statuses(town) == []


async def test_an_empty_file_is_refused_in_words(service: Service, editor: str) -> None:
    answer = (await service.send(b"", key=editor)).json()

    assert answer["errors"][0]["extensions"]["code"] == "UNREADABLE"
    assert "empty" in answer["errors"][0]["message"]


# --- who may send -------------------------------------------------------------------------------


async def test_files_are_taken_from_editors_of_the_ground_only(
    service: Service, town: AsyncEngine
) -> None:
    reader = await world.make_key(town, Role.READER)
    foreign = await world.make_key(town, Role.EDITOR, within=("community", C2))

    unknown = await service.send(HALVES, key=None)
    reading = await service.send(HALVES, key=reader)
    abroad = await service.send(HALVES, key=foreign)

    assert unknown.status_code == 401
    assert unknown.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert reading.status_code == 403
    assert abroad.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await statuses(town) == []


@pytest.mark.parametrize(("known", "status"), [(False, b"401"), (True, b"413")])
async def test_who_may_not_send_is_told_before_a_byte_of_the_body_has_come(
    service: Service, editor: str, *, known: bool, status: bytes
) -> None:
    reader, writer = await opened(service, editor if known else None)
    async with asyncio.timeout(live.PATIENCE_S):
        line = await reader.readline()
    writer.close()

    assert line.split()[1] == status


async def test_a_file_is_no_variable_of_a_plain_query(service: Service, editor: str) -> None:
    for sent in ("grids.geojson", {"path": "/etc/passwd"}, 1):
        answer = await service.ask(IMPORT, {"file": sent, "level": "grid"}, key=editor)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"


# --- how much may come in -----------------------------------------------------------------------


async def test_a_file_that_is_too_large_is_refused_while_it_comes_in(
    service: Service, editor: str, rooms: Path
) -> None:
    largest = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal largest
        head = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n'
            for name, content in FIELDS.items()
        )
        yield head.encode()
        yield b'--x\r\nContent-Disposition: form-data; name="0"; filename="a.gpkg"\r\n\r\n'
        for _ in range(2000):
            largest = max(largest, *map(size_of, stored_files(rooms)), 0)
            yield b"\0" * (1 << 16)

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await service.http.post("graphql", content=endless(), headers=bearer(editor) | kind)

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "1 MiB" in answer.json()["errors"][0]["message"]
    assert largest <= 2 << 20
    await emptied(rooms)


async def test_a_file_is_never_whole_in_memory(rooms: Path) -> None:
    room = rooms / "room"
    room.mkdir()
    pieces, piece = 1024, b"\1" * (1 << 16)  # 64 MiB
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n'.encode()
        for name, content in FIELDS.items()
    ]
    parts.append(b'--x\r\nContent-Disposition: form-data; name="0"; filename="a"\r\n\r\n')
    bodies = iter([*parts, *[piece] * pieces, b"\r\n--x--\r\n"])

    async def receive() -> Message:
        body = next(bodies, None)
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    tracemalloc.start()
    form = await receive_form(request, room, FormLimits(128 << 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert form["variables"]["file"].size == pieces * len(piece)
    assert form["variables"]["file"].path.stat().st_size == pieces * len(piece)
    assert peak < 4 << 20
    for path in [*stored_files(room), room / "0", room]:
        path.unlink() if path.is_file() else path.rmdir()


async def test_too_many_files_at_once_are_turned_away(
    service: Service, editor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 2 + http_form_desk.MAX_WAITING
    there, end = asyncio.Semaphore(0), asyncio.Event()

    async def slow(*_: object) -> None:
        there.release()
        await end.wait()
        raise BadInputError("enough")

    monkeypatch.setattr(http_form_desk, "receive_form", slow)
    tasks = [asyncio.create_task(service.send(HALVES, key=editor)) for _ in range(room)]
    async with asyncio.timeout(live.PATIENCE_S):
        for _ in range(room):
            await there.acquire()
    turned_away = await service.send(HALVES, key=editor)
    end.set()
    answers = await asyncio.gather(*tasks)

    assert turned_away.status_code == 503
    assert int(turned_away.headers["retry-after"]) > 0
    assert {answer.status_code for answer in answers} == {400}


async def test_a_sender_who_falls_silent_is_not_waited_for(
    service: Service, editor: str, monkeypatch: pytest.MonkeyPatch, rooms: Path
) -> None:
    monkeypatch.setattr(http_forms, "SILENCE_S", 0.2)

    head = form(OPERATIONS, MAP, FILE, end=b"")
    reader, writer = await opened(service, editor, head)
    async with asyncio.timeout(live.PATIENCE_S):
        line = await reader.readline()
    writer.close()

    assert line.split()[1] == b"408"
    await emptied(rooms)


async def opened(
    service: Service, key: str | None, body: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin to send a form that is said to be longer than it will be: much, without a body."""
    host, _, port = service.address.removeprefix("http://").rstrip("/").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    told = f"Authorization: Bearer {key}\r\n" if key is not None else ""
    length = 900_000_000 if not body else 900_000
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {host}\r\n{told}Content-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    writer.write(head.encode() + body)
    return reader, writer


# --- forms that are none ------------------------------------------------------------------------


def form(*parts: tuple[str, str | None, bytes], end: bytes = b"\r\n--x--\r\n") -> bytes:
    """Return the body of a form with the boundary x."""
    body = b""
    for name, file, content in parts:
        called = f'; filename="{file}"' if file is not None else ""
        head = f'\r\n--x\r\nContent-Disposition: form-data; name="{name}"{called}\r\n\r\n'
        body += head.encode() + content
    return body.removeprefix(b"\r\n") + end


OPERATIONS = ("operations", None, FIELDS["operations"].encode())
MAP = ("map", None, FIELDS["map"].encode())
FILE = ("0", "grids.geojson", HALVES)


def mapped(content: object) -> tuple[str, None, bytes]:
    return ("map", None, orjson.dumps(content))


BROKEN = {
    "nothing": form(),
    "no map": form(OPERATIONS, FILE),
    "no operations": form(MAP, FILE),
    "no file": form(OPERATIONS, MAP),
    "file first": form(FILE, OPERATIONS, MAP),
    "map is a list": form(OPERATIONS, mapped([]), FILE),
    "map is of texts": form(OPERATIONS, mapped({"0": "variables.file"}), FILE),
    "map is of numbers": form(OPERATIONS, mapped({"0": [1]}), FILE),
    "map is no JSON": form(OPERATIONS, ("map", None, b"{"), FILE),
    "operations are no JSON": form(("operations", None, b"\xff"), MAP, FILE),
    "operations are null": form(("operations", None, b"null"), mapped({})),
    "operations are a number": form(("operations", None, b"5"), mapped({})),
    "operations are text": form(("operations", None, b'"x"'), MAP, FILE),
    "no such place": form(OPERATIONS, mapped({"0": ["variables.files.0"]}), FILE),
    "no place at all": form(OPERATIONS, mapped({"0": [""]}), FILE),
    "a place that is taken": form(OPERATIONS, mapped({"0": ["variables.level"]}), FILE),
    "the query as a place": form(OPERATIONS, mapped({"0": ["query"]}), FILE),
    "twice the same file": form(OPERATIONS, MAP, FILE, FILE),
    "a file too many": form(OPERATIONS, MAP, FILE, ("1", "b", b"")),
    "a field too many": form(OPERATIONS, MAP, ("more", None, b""), FILE),
    "twice the operations": form(OPERATIONS, OPERATIONS, MAP, FILE),
    "cut off": form(OPERATIONS, MAP, FILE, end=b""),
    "another boundary": form(OPERATIONS, MAP, FILE).replace(b"--x", b"--y"),
    "long headers": form(("a" * 10_000, None, b"")),
    "no form": b"\0" * 1000,
}


async def test_a_form_that_is_no_request_is_refused_and_nothing_is_kept(
    service: Service, editor: str, rooms: Path
) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}

    for what, body in BROKEN.items():
        answer = await service.http.post("graphql", content=body, headers=bearer(editor) | kind)
        assert answer.status_code == 400, (what, answer.text)
        assert "Traceback" not in answer.text
    await emptied(rooms)


async def test_more_files_or_longer_fields_than_a_form_needs_are_refused(
    service: Service, editor: str
) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    many = mapped({str(n): ["variables.file"] for n in range(http_forms.MAX_FILES + 1)})
    long = ("map", None, b" " * (http_forms.MAX_MAP_BYTES + 1))
    for body in (form(OPERATIONS, many, FILE), form(OPERATIONS, long)):
        answer = await service.http.post("graphql", content=body, headers=bearer(editor) | kind)
        assert answer.status_code == 413


async def test_a_form_of_another_kind_is_refused(service: Service, editor: str) -> None:
    for kind, status in (
        ("multipart/form-data", 400),
        ("multipart/mixed; boundary=x", 415),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("multipart/form-data; boundary=" + "x" * 1000, 400),
    ):
        headers = bearer(editor) | {"Content-Type": kind}
        body = form(OPERATIONS, MAP, FILE)
        answer = await service.http.post("graphql", content=body, headers=headers)
        assert answer.status_code == status, kind


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("网格.gpkg".encode(), "网格.gpkg"),
        ("网格.shp.zip".encode("gb18030"), "网格.shp.zip"),
        (b"../../etc/passwd", "passwd"),
        (rb"C:\maps\grid.shp", "grid.shp"),
        (b"/etc/cron.d/x", "x"),
        (b"a\x00b\x1b[31m\r\nc.kml", "ab[31mc.kml"),
        ("\u202egpj.\u2066zip".encode(), "gpj.zip"),
        (b"<img src=x onerror=alert(1)>.geojson", "_img src=x onerror=alert(1)_.geojson"),
        (b".htaccess", "htaccess"),
        (b"-rf.gpkg", "rf.gpkg"),
        (b"..", "upload"),
        (b"", "upload"),
        (b"a.zip|layername=b", "a.zip_layername=b"),
        (b"grid.gpkg.", "grid.gpkg"),
    ],
)
def test_a_file_keeps_as_much_of_its_name_as_does_no_harm(called: bytes, name: str) -> None:
    assert safe_name(called) == name


def test_a_long_name_is_cut_before_its_suffix() -> None:
    name = safe_name(("格" * 500 + ".gpkg").encode())

    assert name.endswith("格.gpkg")
    assert len(name.encode()) <= http_forms.MAX_NAME_BYTES


async def test_a_hostile_name_is_told_as_a_harmless_one(service: Service, editor: str) -> None:
    answer = await service.send(HALVES, key=editor, name="../<b>网格</b>.geojson")

    source = answer.json()["data"]["importBoundaries"]["source"]
    assert source["file"] == "b_.geojson"


# --- many at once, and ends that nobody wished --------------------------------------------------


def asked(engine: AsyncEngine, key: str) -> Context:
    return Context(Shared(engine), today=TODAY, key=key)


@asynccontextmanager
async def file_of(content: bytes, rooms: Path) -> AsyncIterator[Received]:
    """Give a file as it lies there when it has come in."""
    with upload_folder(rooms) as folder:
        path = folder / "grids.geojson"
        path.write_bytes(content)
        yield Received(path, len(content), "ab" * 32)


async def staged(engine: AsyncEngine, stage: str) -> bool:
    """Return whether the import has come to a stage."""
    return bool(await value(engine, "SELECT stage FROM import_progress") == stage)


GRIDS_OF_C1 = UploadOrder("grid", UnitRef("community", C1), ticket="t")


async def test_imports_beyond_the_limit_wait_their_turn(
    town: AsyncEngine, editor: str, rooms: Path
) -> None:
    desk = Desk(1)
    async with file_of(HALVES, rooms) as file:
        async with desk.turn():
            task = asyncio.create_task(import_upload(asked(town, editor), desk, file, GRIDS_OF_C1))
            await until(lambda: staged(town, "waiting"))
            await asyncio.sleep(0.2)
            waiting = await value(town, "SELECT stage FROM import_progress")
            before = await statuses(town)
        await task

    assert (waiting, before) == ("waiting", ["READING"])
    assert await statuses(town) == ["OPEN"]


async def test_a_ticket_names_one_import_at_a_time(
    town: AsyncEngine, editor: str, rooms: Path
) -> None:
    desk = Desk(1)
    async with file_of(HALVES, rooms) as file:
        async with desk.turn():
            first = asyncio.create_task(import_upload(asked(town, editor), desk, file, GRIDS_OF_C1))
            await until(lambda: staged(town, "waiting"))
            with pytest.raises(BadInputError, match="still runs"):
                await import_upload(asked(town, editor), desk, file, GRIDS_OF_C1)
        await first
        await import_upload(asked(town, editor), desk, file, GRIDS_OF_C1)

    assert await statuses(town) == ["OPEN", "OPEN"]


async def test_an_import_that_is_stopped_says_so_and_its_reader_ends(
    town: AsyncEngine, editor: str, rooms: Path
) -> None:
    desk = Desk(1)
    async with file_of(HALVES, rooms) as file:
        task = asyncio.create_task(import_upload(asked(town, editor), desk, file, GRIDS_OF_C1))
        await until(lambda: staged(town, "reading"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await statuses(town) == ["FAILED"]
    assert await value(town, "SELECT error FROM draft") == LEFT_BEHIND


async def begin(engine: AsyncEngine, connection: Any) -> int:  # noqa: ANN401 - a connection
    draft = NewReading("grid", None, [], {"featureCount": 0}, "somebody")
    async with connection.begin():
        number = await reading_drafts.begin(connection, draft)
        await progress.begin(connection, Ticket(1, "t"), number)
    assert await statuses(engine) == ["READING"]
    return number


async def test_a_draft_is_given_up_when_the_session_that_reads_it_has_ended(
    town: AsyncEngine, editor: str
) -> None:
    del editor  # the first key
    async with detached(town) as lease:
        number = await begin(town, lease)
        assert await sweep(town) == [], "somebody reads it"
        pid = await lease.scalar(text("SELECT pg_backend_pid()"))
        await lease.rollback()
        await world.run(town, text(f"SELECT pg_terminate_backend({pid}, 5000)"))
        assert await sweep(town) == [number]
        await lease.invalidate()

    assert await statuses(town) == ["FAILED"]
    assert await sweep(town) == []
    told = await value(town, "SELECT error ->> 'message' FROM import_progress")
    assert told == await value(town, "SELECT error FROM draft") == LEFT_BEHIND


async def test_tickets_are_forgotten_after_a_day(town: AsyncEngine, editor: str) -> None:
    del editor
    async with detached(town) as lease:
        await begin(town, lease)
        old = text("UPDATE import_progress SET updated_at = now() - interval '25 hours'")
        await world.run(town, old)
        await sweep(town)
        assert await value(town, "SELECT count(*) FROM import_progress") == 1, "it still runs"
    await sweep(town)
    await world.run(town, old)
    await sweep(town)

    assert await value(town, "SELECT count(*) FROM import_progress") == 0


async def test_a_client_that_goes_away_leaves_nothing(
    service: Service, editor: str, town: AsyncEngine, rooms: Path
) -> None:
    _, writer = await opened(service, editor, form(OPERATIONS, MAP, FILE, end=b""))

    async def come() -> bool:
        return stored_files(rooms) != []

    await until(come)
    writer.close()
    await emptied(rooms)

    assert await statuses(town) == []


def test_the_folder_of_a_process_that_died_is_removed_and_no_other(rooms: Path) -> None:
    abandoned = rooms / "wangge-uploads-dead"
    (abandoned / "room").mkdir(parents=True)
    (abandoned / "room" / "half.gpkg").write_bytes(b"x")
    elsewhere = rooms / "else"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"x")
    link = rooms / "wangge-uploads-link"
    link.symlink_to(elsewhere)

    with upload_folder() as one, upload_folder() as other:
        assert not abandoned.exists()
        assert one.is_dir()
        assert other.is_dir()
        assert one.stat().st_mode & 0o777 == 0o700
    assert not one.exists()
    assert not other.exists()
    assert (elsewhere / "kept").exists()
    link.unlink()
    (elsewhere / "kept").unlink()
    elsewhere.rmdir()


def test_a_limit_names_the_setting_that_moves_it() -> None:
    error = LimitExceededError(http_forms.too_large(FormLimits(512 << 20)))

    assert "512 MiB" in str(error)
    assert "WANGGE_MAX_UPLOAD_MB" in str(error)
