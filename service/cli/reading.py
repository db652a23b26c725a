"""The options of commands that read a boundary file, and the reading itself."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from geo.datums import Datum
from geo.errors import BadInputError, UnreadableError
from service.cli.options import CrsOption, DatumOption, EncodingOption, LayerOption
from service.cli.output import progress
from service.settings import read_settings
from sources.apart import Limits, read_boundaries_apart
from sources.columns import Columns, parse_columns
from sources.opening import check_file
from sources.presets import PRESETS_FILE, Reading, choose_preset, read_presets

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.ground import Ground
    from sources.boundaries import BoundaryFile

ColumnsOption = Annotated[
    str, typer.Option(help="Which columns mean what: code=…,name=…,parent=…,households=…,people=…")
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="What is kept for this sender; else the one whose pattern fits FILE."
    ),
]
PresetsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="TOML",
        readable=False,
        help=f"File of presets; else {PRESETS_FILE} in the folder where the command is run.",
    ),
]


COLUMNS_SHOWN = 6
"""How many columns a notice names."""


def reading_of(
    file: Path,
    *,
    layer: LayerOption = None,
    encoding: EncodingOption = None,
    crs: CrsOption = None,
    datum: DatumOption = None,
    columns: ColumnsOption = "",
    preset: PresetOption = None,
    presets: PresetsOption = None,
) -> Reading:
    """Return what is said of a file: by the options, else by a preset.

    Raises
    ------
    BadInputError, UnknownError
        If an option or a preset cannot be meant, or is not there.
    UnreadableError
        If the presets' file cannot be read, or several presets fit.
    """
    said = Reading(
        layer=layer,
        encoding=encoding,
        crs=crs,
        datum=datum,
        columns=parse_columns(columns) if columns else Columns(),
        presets=presets,
    )
    kept_in = presets or Path(PRESETS_FILE)
    if presets is None and not kept_in.exists():
        if preset is None:
            return said
        raise BadInputError(
            f"there is no {PRESETS_FILE} in this folder that could hold preset {preset!r}; name "
            "the file that does with --presets",
            argument="preset",
        )
    kept = choose_preset(read_presets(kept_in), file.name, preset, kept_in=kept_in.name)
    return said.over(kept)


def takes_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of ``reading_of``; it receives them as one ``reading``.

    Parameters
    ----------
    command
        A function with the parameters ``file`` and ``reading``.
    """
    asked = inspect.signature(reading_of, eval_str=True).parameters.values()
    options = [option for option in asked if option.name != "file"]
    own = inspect.signature(command, eval_str=True)

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - whatever Typer makes of the options
        said = {option.name: given.pop(option.name) for option in options}
        command(reading=reading_of(given["file"], **said), **given)

    shown: list[inspect.Parameter] = []
    for parameter in own.parameters.values():
        shown += options if parameter.name == "reading" else [parameter]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shown]
    run.__signature__ = own.replace(parameters=keyword)  # type: ignore[attr-defined]  # Typer asks
    return run


def read_file(
    file: Path,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    *,
    need_code: bool = True,
    ground: Ground | Callable[[], Ground | None] | None = None,
    unwanted: Callable[[], bool] | None = None,
) -> BoundaryFile:
    """Read a boundary file in a process apart, and say so on the standard error.

    Parameters
    ----------
    reading
        What is said of the file.
    need_code, ground
        As for ``sources.boundaries.read_boundaries``.
    unwanted
        Asked now and then; reading is given up once it returns true.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_boundaries``, or if a limit of the settings is reached.
    """
    check_file(file)
    with progress(f"reading {file.name}"):
        read = read_boundaries_apart(
            file,
            limits=_limits(),
            need_code=need_code,
            ground=ground,
            unwanted=unwanted,
            **reading.keywords(),
        )
    kept = tuple(replace(notice, feature_count=len(read.rows)) for notice in reading.notices)
    return replace(read, notices=kept + read.notices)


def read_parents(file: Path, layer: str | None, presets: Path | None) -> BoundaryFile:
    """Read the file that another one should fill; only a preset can say more of it.

    Raises
    ------
    UnreadableError, BadInputError
        As ``read_file``; a question says where its answer can be kept.
    """
    try:
        return read_file(file, reading_of(file, layer=layer, presets=presets), need_code=False)
    except UnreadableError as error:
        argument = error.extensions.get("argument")
        if argument is None:
            raise
        if argument == "layer":
            raise UnreadableError(
                str(error).replace("--layer", "--within-layer"),
                **_facts(error) | {"argument": "withinLayer"},
            ) from error
        where = presets.name if presets is not None else PRESETS_FILE
        kept = f"keep it as {argument} in a preset of {where} whose files fit {file.name!r}"
        advice = "let one pattern fit only" if argument == "preset" else kept
        raise UnreadableError(f"{error} (of the parents' file: {advice})") from error


def _facts(error: UnreadableError) -> dict[str, object]:
    return {key: fact for key, fact in error.extensions.items() if key != "code"}


class Begun:
    """A boundary file that is being read, while who wants it gets ready.

    Leaving the block stops a reading that nobody waited for.
    """

    def __init__(self, file: Path, reading: Reading) -> None:
        self._ground: Future[Ground | None] = Future()
        self._given_up = Event()
        self._thread = ThreadPoolExecutor(1)  # the child ends with the thread that started it
        self._read = self._thread.submit(
            read_file, file, reading, ground=self._ground.result, unwanted=self._given_up.is_set
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        self._ground.cancel()
        self._thread.shutdown()

    async def finish(self, ground: Ground | None) -> BoundaryFile:
        """Say where the file should lie, and wait for it.

        Raises
        ------
        UnreadableError, BadInputError
            As ``read_file``.
        """
        self._ground.set_result(ground)
        return await asyncio.wrap_future(self._read)


def begin(file: Path, reading: Reading) -> Begun:
    """Begin to read a boundary file as ``read_file``, in a thread of its own."""
    return Begun(file, reading)


def _limits() -> Limits:
    settings = read_settings()
    return Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds)


def describe(read: BoundaryFile) -> str:
    """Return what a file was taken for: its system, its encoding and what its columns mean."""
    shift = f" shifted as {read.datum.value}" if read.datum is not Datum.WGS84 else ""
    meant = asdict(read.columns).items()
    columns = ", ".join(f"{meaning}={column}" for meaning, column in meant if column is not None)
    head = f"{read.file}: {len(read.rows)} features, {read.crs}{shift}, {read.encoding}"
    return f"{head}\n{columns}" if columns else head


def notices_of(read: BoundaryFile, parents: BoundaryFile | None) -> list[tuple[str, str, int]]:
    """Return what was concluded about a file and the one that it should fill, told apart."""
    told = [(n.code, n.message, n.feature_count) for n in read.notices]
    told += _nameless(read)
    if parents is not None:
        told += [(n.code, f"{parents.file}: {n.message}", n.feature_count) for n in parents.notices]
    return told


def _nameless(read: BoundaryFile) -> list[tuple[str, str, int]]:
    """Say that nothing names the rows, where nobody asked for codes, but they would help."""
    columns = [*read.properties[0]] if read.properties else []
    if read.columns.code is not None or not columns:
        return []
    listed = ", ".join(repr(name) for name in columns[:COLUMNS_SHOWN])
    more = f" and {len(columns) - COLUMNS_SHOWN} more" if len(columns) > COLUMNS_SHOWN else ""
    said = "no column is known as the code, so that units are called by their rows"
    message = f"{said}; --columns code=COLUMN names one of {listed}{more}"
    return [("COLUMNS", message, len(read.rows))]
