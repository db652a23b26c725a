"""Reads the ways of an OpenStreetMap extract that may be walked.

The file is read twice: its ways first, then the nodes that these name, so that neither their order
in the file nor the size of what nobody walks matters.
"""

from __future__ import annotations

import tempfile
from array import array
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import osmium
from osmium.osm import Node, Way

from geo.crs import Datum, convert
from geo.errors import UnreadableError
from sources.harmless import harmless_text
from sources.notices import Notice
from sources.streets import Tally, make_file
from sources.unpacking import unpacked
from sources.walkable import CLASS, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from sources.streets import StreetFile
    from sources.walkable import Walkable

__all__ = ["read_osm"]

FORMAT = "OpenStreetMap"

NAME, AREA = "name", "area"

LARGE_BYTES = 16 << 20
"""From here on nodes are chosen inside the library, ten times as fast: it keeps the ids that it
looks for as bits, which take a gigabyte for the ids of today."""

MAX_DENSE_ID = 1 << 40
"""For an id far beyond the some 2^34 that there are these bits would need all memory."""

CHANGE = b"<osmChange"
HEAD_BYTES = 1 << 12


_NO_LINE = Verdict(False, "fewer than two nodes")


# What is told of some ways, once they are counted.
_CUT = Notice("CUT", "ways that lead beyond the extract, of which the parts within are kept", 0)
_AREA = Notice("AREA", "squares (area=yes) that are walked along their outline", 0)
_NOTED = Notice("CONDITIONS", "ways walked though they have conditions, which are not judged", 0)
_TEXT = Notice("TEXT_SPOILT", "ways with texts that are no UTF-8 and were left out", 0)
_CONTROL = Notice("CONTROL_CHARACTERS", "names without their control characters", 0)


@dataclass
class _Found:
    """The ways that may be walked, while they are read."""

    refs: array[int] = field(default_factory=lambda: array("q"))
    """Ids of their nodes, one way after another."""
    ends: array[int] = field(default_factory=lambda: array("q", [0]))
    """How many of them there are up to the end of each way."""
    kinds: list[str | None] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    told: dict[Notice, int] = field(default_factory=dict)
    verdicts: dict[tuple[str, ...], Verdict] = field(default_factory=dict)
    """By the values of all tags that are judged: most ways share a few."""

    def tell(self, problem: Notice, count: int = 1) -> None:
        """Count ways that something concerns."""
        self.told[problem] = self.told.get(problem, 0) + count


class _Lines(NamedTuple):
    """What is left of ways within the extract."""

    start: NDArray[np.int64]
    lonlat: NDArray[np.float64]
    node: NDArray[np.int64]
    way: NDArray[np.int64]
    """The way that each line is part of."""


def read_osm(path: Path, *, walkable: Walkable, datum: Datum | None = None) -> StreetFile:
    """Read the ways that may be walked.

    Parameters
    ----------
    path
        An extract: XML or PBF, packed by gzip or bzip2 or not.
    walkable
        What may be walked.
    datum
        What its degrees are shifted by, if they are.

    Raises
    ------
    UnreadableError
        If it is damaged, cut off or no extract.
    BadInputError
        If no way may be walked.
    """
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        plain = unpacked(path, Path(folder))
        source, large = _source(plain, path.name), plain.stat().st_size >= LARGE_BYTES
        with _telling(path.name):
            found = _read_ways(source, walkable)
            wanted = np.unique(np.array(found.refs, dtype=np.int64))
            ids, places = _read_nodes(source, wanted, large=large)
    lines = _cut(found, ids, places)
    lonlat = lines.lonlat
    if datum is not None:
        lonlat = convert(lonlat, datum, Datum.WGS84)
    return make_file(
        path,
        format=FORMAT,
        start=lines.start,
        lonlat=lonlat,
        node=lines.node,
        kinds=[found.kinds[way] for way in lines.way.tolist()],
        names=[found.names[way] for way in lines.way.tolist()],
        tally=found.tally,
        notices=[
            Notice(problem.code, f"{problem.message}: {count:,}", count)
            for problem, count in found.told.items()
        ],
    )


def _source(plain: Path, file: str) -> osmium.io.File:
    """Return an extract as the library takes it, told by its bytes and not by its name."""
    with plain.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if CHANGE in head:
        raise UnreadableError(
            f"{file} holds changes of OpenStreetMap, not its streets; send a whole extract"
        )
    is_xml = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return osmium.io.File(str(plain), "osm" if is_xml else "pbf")


@contextmanager
def _telling(file: str) -> Iterator[None]:
    """Say in one sentence what the library says of a bad file."""
    try:
        yield
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableError(
            f"{file} is no whole extract of OpenStreetMap ({harmless_text(reason)}); it may be "
            "cut off, download or export it again"
        ) from error


def _read_ways(source: osmium.io.File, walkable: Walkable) -> _Found:
    found = _Found()
    ways = osmium.FileProcessor(source, osmium.osm.WAY)
    for way in ways.with_filter(osmium.filter.KeyFilter(CLASS)):
        if isinstance(way, Way) and not way.deleted:
            _take(way, walkable, found)
    return found


def _take(way: Way, walkable: Walkable, found: _Found) -> None:
    """Keep a way if it may be walked, and count it."""
    tags = _tags(way, walkable, found)
    judged = tuple(tags.get(tag, "").strip().lower() for tag in walkable.tags)
    if judged not in found.verdicts:
        found.verdicts[judged] = walkable.judge(dict(zip(walkable.tags, judged, strict=True)))
    verdict = found.verdicts[judged] if len(way.nodes) > 1 else _NO_LINE
    found.tally.add(walk=verdict.walk, reason=harmless_text(verdict.reason))
    if not verdict.walk:
        return
    name = tags.get(NAME, "").strip()
    if (clean := harmless_text(name)) != name:
        found.tell(_CONTROL)
    if tags.get(AREA) == "yes":
        found.tell(_AREA)
    if any(tag in tags for tag in walkable.noted):
        found.tell(_NOTED)
    found.refs.extend([ref.ref for ref in way.nodes])
    found.ends.append(len(found.refs))
    found.kinds.append(harmless_text(judged[0]) or None)  # the first tag is the class
    found.names.append(clean.strip() or None)


def _tags(way: Way, walkable: Walkable, found: _Found) -> dict[str, str]:
    """Return the tags of a way; of one with texts that are no UTF-8, the others that are needed."""
    try:
        return {tag.k: tag.v for tag in way.tags}
    except UnicodeDecodeError:
        found.tell(_TEXT)
    tags = {}
    for tag in (*walkable.tags, *walkable.noted, NAME, AREA):
        with suppress(UnicodeDecodeError):
            value = way.tags.get(tag)
            if value is not None:
                tags[tag] = value
    return tags


def _read_nodes(
    source: osmium.io.File, wanted: NDArray[np.int64], *, large: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the ids of the wanted nodes that are there, in order, and their degrees."""
    nodes = osmium.FileProcessor(source, osmium.osm.NODE)
    # Ids of what was drawn by hand are negative.
    if large and len(wanted) and wanted[0] >= 0 and wanted[-1] < MAX_DENSE_ID:
        found = _places(nodes.with_filter(osmium.filter.IdFilter(wanted.tolist())))
    else:
        asked = frozenset(wanted.tolist())
        found = _places(node for node in nodes if isinstance(node, Node) and node.id in asked)
    ids, places = np.array(found[0], dtype=np.int64), np.array(found[1], dtype=np.float64)
    places = places.reshape(-1, 2)
    # Of a node that is there more than once, the last one is taken.
    ids, first = np.unique(ids[::-1], return_index=True)
    return ids, places[::-1][first]


def _places(nodes: Iterable[object]) -> tuple[array[int], array[float]]:
    ids, places = array("q"), array("d")
    for node in nodes:
        if not isinstance(node, Node) or node.deleted:
            continue
        location = node.location
        if location.valid():
            ids.append(node.id)
            places.extend((location.lon, location.lat))
    return ids, places


def _cut(found: _Found, ids: NDArray[np.int64], places: NDArray[np.float64]) -> _Lines:
    """Return the parts of ways whose nodes are there, each with two of them at least."""
    refs, ends = np.array(found.refs, dtype=np.int64), np.array(found.ends, dtype=np.int64)
    way = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    at = np.searchsorted(ids, refs)
    there = np.zeros(len(refs), bool)
    inside = at < len(ids)
    there[inside] = ids[at[inside]] == refs[inside]
    if not there.all():
        found.tell(_CUT, len(np.unique(way[~there])))
    # A part begins with a way, and behind each node that is missing.
    begins = np.ones(len(refs), bool)
    begins[1:] = (way[1:] != way[:-1]) | ~there[:-1]
    part = np.cumsum(begins) - 1
    size = np.bincount(part[there], minlength=int(part[-1]) + 1 if len(part) else 0)
    kept = there & (size[part] > 1)
    first = kept & np.concatenate([[True], part[1:] != part[:-1]])[: len(kept)]
    start = np.append(np.cumsum(kept)[first] - 1, kept.sum()).astype(np.int64)
    return _Lines(start, places[at[kept]], refs[kept], way[first])
