"""``wangge load streets``: the network that is walked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resolvers.streets import LoadedStreets, join_files, load_streets, pieces_of
from service.cli.frame import JsonOption, current_user, on_database
from service.cli.load import group
from service.cli.options import CrsOption, DatumOption, EncodingOption, LayerOption
from service.cli.output import emit, note, printable, progress, table, together
from service.settings import read_settings
from sources.apart import Limits, read_streets_apart
from sources.walkable import DEFAULT_TABLE, read_walkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from geo.street_building import Built
    from sources.notices import Notice
    from sources.streets import StreetFile


@group.command("streets")
def load(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            readable=False,
            help="Extracts of OpenStreetMap (.osm.pbf, .osm, .gz, .bz2) or layers of lines.",
        ),
    ],
    *,
    walkable: Annotated[
        Path,
        typer.Option(
            metavar="TOML",
            readable=False,
            show_default=False,
            help="Table of what may be walked, instead of our own (sources/walkable.toml).",
        ),
    ] = DEFAULT_TABLE,
    layer: LayerOption = None,
    encoding: EncodingOption = None,
    crs: CrsOption = None,
    datum: DatumOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be loaded, and store nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the streets of FILEs the network that is walked; the same again changes nothing."""
    settings = read_settings()
    limits = Limits(memory_mb=settings.read_memory_mb, seconds=settings.read_seconds)
    rules = read_walkable(walkable)
    read = []
    with progress("reading streets", len(files)) as advance:
        for file in files:
            read.append(
                read_streets_apart(
                    file,
                    limits=limits,
                    walkable=rules,
                    layer=layer,
                    encoding=encoding,
                    crs=crs,
                    datum=datum,
                )
            )
            advance(1)
    with progress("joining streets"):
        built = join_files(read)
    source: dict[str, object] = {
        "files": [_file_json(part) for part in read],
        "walkable": walkable.name if walkable != DEFAULT_TABLE else None,
    }
    with progress("storing streets"):
        loaded = on_database(
            lambda engine: load_streets(
                engine, built, source=source, loaded_by=current_user(), dry_run=dry_run
            ),
            settings=settings,
        )
    for notice in loaded.notices:
        if notice.code == "ELSEWHERE" and not as_json:
            note(f"warning: {notice.message}")
    emit(
        _as_dict(read, built, loaded, dry_run=dry_run),
        as_json,
        lambda _: _shown(read, built, loaded, dry_run=dry_run),
    )


def _file_json(part: StreetFile) -> dict[str, object]:
    left_out = zip(part.reasons, part.left_out.tolist(), strict=True)
    return {
        "file": part.file,
        "sha256": part.sha256,
        "format": part.format,
        "taken": part.taken,
        "leftOut": [{"reason": reason, "wayCount": count} for reason, count in left_out],
    }


def _notice_json(notice: Notice, file: str | None = None) -> dict[str, object]:
    return {
        "file": file,
        "code": notice.code,
        "message": notice.message,
        "featureCount": notice.feature_count,
    }


def _as_dict(
    read: Sequence[StreetFile], built: Built, loaded: LoadedStreets, *, dry_run: bool
) -> dict[str, object]:
    network, pieces = built.streets, pieces_of(built.streets)
    return {
        "version": network.version,
        "network": loaded.network,
        "changed": loaded.changed,
        "dryRun": dry_run,
        "nodeCount": len(network.node_xy),
        "edgeCount": len(network),
        "lengthM": float(network.length_m.sum()),
        "pieceCount": pieces.number,
        "largestShare": pieces.largest_share,
        "smallPieces": {"count": pieces.small, "lengthM": pieces.small_m},
        "repeated": built.repeated,
        "files": [_file_json(part) for part in read],
        "notices": [
            *(_notice_json(notice, part.file) for part in read for notice in part.notices),
            *(_notice_json(notice) for notice in loaded.notices),
        ],
    }


def _shown(
    read: Sequence[StreetFile], built: Built, loaded: LoadedStreets, *, dry_run: bool
) -> RenderableType:
    network, pieces = built.streets, pieces_of(built.streets)
    ways = table(
        ["file", "ways", "", "reason"],
        [row for part in read for row in _rows(part)],
    )
    said = [f"{part.file}: {notice.message}" for part in read for notice in part.notices]
    said += [notice.message for notice in loaded.notices]
    length_km = float(network.length_m.sum()) / 1000
    said.append(
        f"{len(network.node_xy):,} nodes, {len(network):,} edges, {length_km:,.1f} km; "
        f"{_count(pieces.number, 'piece')}, the largest holds {pieces.largest_share:.1%} of the "
        f"length; {pieces.small:,} below 2 % with {pieces.small_m / 1000:,.1f} km in all"
    )
    if not loaded.changed:
        end = f"nothing changed: version {loaded.version} is in use already"
    elif dry_run:
        end = f"version {loaded.version} would be new; nothing was stored"
    else:
        end = f"stored as network {loaded.network}, version {loaded.version}"
    return together(ways, *(Text(printable(line)) for line in [*said, end]))


def _rows(part: StreetFile) -> list[list[object]]:
    left_out = zip(part.reasons, part.left_out.tolist(), strict=True)
    return [
        [part.file, part.taken, "taken", None],
        *([None, count, "left out", reason] for reason, count in left_out),
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
