"""Reads streets that may be walked: an extract of OpenStreetMap, or any layer of lines."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import BadInputError, UnreadableError
from sources.opening import check_file, sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.crs import Datum
    from sources.notices import Notice
    from sources.walkable import Walkable

__all__ = ["StreetFile", "Tally", "looks_like_osm", "read_streets"]

HEAD_BYTES = 1 << 16
LISTED = 5

_PACKED = (b"\x1f\x8b", b"BZh")
"""How files packed by gzip and bzip2 begin: only extracts come so."""

_PBF = re.compile(rb"\A....\x0a\x09OSMHeader", re.DOTALL)
_XML = re.compile(rb"\A(\xef\xbb\xbf)?\s*<")
_OSM = re.compile(rb"<osm(Change)?[\s>/]")


@dataclass(frozen=True)
class StreetFile:
    """The ways of a file that may be walked: n lines of k vertices in all.

    Attributes
    ----------
    file, sha256
        The file's own name, and its fingerprint.
    format
        ``OpenStreetMap``, or GDAL's name of the format.
    start
        Vertices of line ``i``: ``start[i]:start[i + 1]``, shape (n + 1,).
    lonlat
        Degrees of WGS 84, shape (k, 2).
    node
        Ids of OpenStreetMap's nodes, shape (k,); empty where ``has_nodes`` is false.
    kinds, names
        Of each line.
    taken
        How many ways may be walked; one that is cut by the edge of an extract is several lines.
    reasons, left_out
        Why others are left out, and how many for each reason, the most first.
    """

    file: str
    sha256: str
    format: str
    has_nodes: bool
    start: NDArray[np.int64]
    lonlat: NDArray[np.float64]
    node: NDArray[np.int64]
    kinds: list[str | None]
    names: list[str | None]
    taken: int
    reasons: list[str]
    left_out: NDArray[np.int64]
    notices: tuple[Notice, ...]


class Tally:
    """Counts ways that are left out, by reason."""

    def __init__(self) -> None:
        self.taken = 0
        self._left_out: Counter[str] = Counter()

    def add(self, *, walk: bool, reason: str) -> None:
        """Count one way."""
        if walk:
            self.taken += 1
        else:
            self._left_out[reason] += 1

    def sorted(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the reasons and their counts, the most first."""
        pairs = sorted(self._left_out.items(), key=lambda pair: (-pair[1], pair[0]))
        return [reason for reason, _ in pairs], np.array([n for _, n in pairs], dtype=np.int64)


def read_streets(
    path: Path,
    *,
    walkable: Walkable,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
    datum: Datum | None = None,
) -> StreetFile:
    """Read the ways that may be walked.

    Parameters
    ----------
    path
        An extract of OpenStreetMap (.osm, .osm.pbf, packed by gzip or bzip2 or not), or a layer of
        lines in any format of boundary files.
    walkable
        What may be walked.
    layer, encoding, crs
        Of a layer of lines: what the caller knows better than the file. An extract has none.
    datum
        What the degrees are shifted by; an extract has those of WGS 84 unless this is given.

    Raises
    ------
    UnreadableError
        If it cannot be read, or holds no way at all.
    BadInputError
        If none of its ways may be walked.
    """
    # Each brings libraries that the other does not need.
    check_file(path)
    if looks_like_osm(path):
        from sources.osm import read_osm  # noqa: PLC0415

        named = [name for name, value in (("layer", layer), ("crs", crs)) if value is not None]
        if named:
            raise BadInputError(
                f"{path.name} is an extract of OpenStreetMap, which has no {named[0]}; leave out "
                f"--{named[0]}",
                argument=named[0],
            )
        read = read_osm(path, walkable=walkable, datum=datum)
    else:
        from sources.street_lines import read_lines  # noqa: PLC0415

        read = read_lines(
            path, walkable=walkable, layer=layer, encoding=encoding, crs=crs, datum=datum
        )
    return read


def looks_like_osm(path: Path) -> bool:
    """Return whether a file begins like an extract of OpenStreetMap."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error
    if head.startswith(_PACKED) or _PBF.match(head):
        return True
    return bool(_XML.match(head) and _OSM.search(head))


def make_file(
    path: Path,
    *,
    format: str,
    start: NDArray[np.int64],
    lonlat: NDArray[np.float64],
    node: NDArray[np.int64] | None,
    kinds: list[str | None],
    names: list[str | None],
    tally: Tally,
    notices: Sequence[Notice],
) -> StreetFile:
    """Put together what was read.

    Raises
    ------
    BadInputError
        If no way may be walked.
    UnreadableError
        If of those that may be walked nothing is left.
    """
    reasons, left_out = tally.sorted()
    if len(start) <= 1 and tally.taken:
        raise UnreadableError(
            f"{path.name} names {tally.taken:,} ways that may be walked, but of none two nodes "
            "that lie on Earth; send a whole extract"
        )
    if len(start) <= 1:
        why = "; ".join(
            f"{count:,} × {reason}"
            for reason, count in list(zip(reasons, left_out.tolist(), strict=True))[:LISTED]
        )
        raise BadInputError(
            f"{path.name} has no way that may be walked ({why or 'none at all'}); see "
            "sources/walkable.toml for the table, and name another by --walkable",
            argument="walkable",
        )
    return StreetFile(
        file=path.name,
        sha256=sha256_of(path),
        format=format,
        has_nodes=node is not None,
        start=start,
        lonlat=lonlat,
        node=np.zeros(0, np.int64) if node is None else node,
        kinds=kinds,
        names=names,
        taken=tally.taken,
        reasons=reasons,
        left_out=left_out,
        notices=tuple(notices),
    )
