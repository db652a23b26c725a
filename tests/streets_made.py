"""Small street networks, drawn for tests: by names of places, or as a town with a river."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np

from geo.street_building import Ways

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Place = tuple[float, float]

CORNER: Place = (116.0, 39.0)
STEP_DEG = 0.001
"""One unit of a drawing: some 87 m to the east, 111 m to the north."""


class Way(NamedTuple):
    """A way as it is drawn: through which places, and what it is called."""

    path: str
    """One letter a place."""
    kind: str | None = "residential"
    name: str | None = None


def lonlat_of(place: Place) -> Place:
    """Return the degrees of a place in the units of a drawing."""
    return (
        round(CORNER[0] + STEP_DEG * place[0], 9),
        round(CORNER[1] + STEP_DEG * place[1], 9),
    )


def drawn(places: Mapping[str, Place], *ways: str | Way, by_place: bool = False) -> Ways:
    """Return ways through places of one letter each.

    Parameters
    ----------
    by_place
        Whether vertices are told by where they are, as in a layer of lines, and not by name.
    """
    given = [Way(way) if isinstance(way, str) else way for way in ways]
    letters = "".join(way.path for way in given)
    lengths = [len(way.path) for way in given]
    return Ways(
        start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        lonlat=np.array([lonlat_of(places[letter]) for letter in letters]).reshape(-1, 2),
        node=None if by_place else np.array([ord(letter) for letter in letters], dtype=np.int64),
        kinds=[way.kind for way in given],
        names=[way.name for way in given],
    )


def osm_text(
    places: Mapping[str, Place],
    ways: Sequence[tuple[str, Mapping[str, str]]],
    *,
    missing: str = "",
    ways_first: bool = False,
    sign: int = 1,
) -> str:
    """Return the same as a file of OpenStreetMap.

    Parameters
    ----------
    ways
        The places of each way, and its tags.
    missing
        Places whose nodes are left out.
    sign
        -1 for the ids of what was drawn by hand.
    """
    nodes = [
        '<node id="{}" version="1" lon="{:.7f}" lat="{:.7f}"/>'.format(
            sign * ord(letter), *lonlat_of(place)
        )
        for letter, place in places.items()
        if letter not in missing
    ]
    lines = []
    for number, (path, tags) in enumerate(ways, start=1):
        refs = "".join(f'<nd ref="{sign * ord(letter)}"/>' for letter in path)
        told = "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())
        lines.append(f'<way id="{sign * number}" version="1">{refs}{told}</way>')
    parts = [*lines, *nodes] if ways_first else [*nodes, *lines]
    return '<?xml version="1.0"?>\n<osm version="0.6">\n' + "\n".join(parts) + "\n</osm>\n"


@dataclass(frozen=True)
class Town:
    """A town of blocks, cut by a river from west to east, with a bridge in some columns.

    Streets run along ``columns`` lines from south to north and ``rows`` lines from west to east;
    the river flows north of row ``river``, and only the bridges lead from it to the next row.
    """

    columns: int
    rows: int
    river: int
    bridges: tuple[int, ...]

    @property
    def edges(self) -> int:
        """Streets between two neighbouring crossings."""
        across = self.rows * (self.columns - 1)
        along = (self.rows - 2) * self.columns + len(self.bridges)
        return across + along

    def ways(self, *, bend: float = 0.1) -> Ways:
        """Return every street between two crossings as a way with one vertex beside its middle."""
        pairs = [
            ((x, y), (x + 1, y)) for y in range(self.rows) for x in range(self.columns - 1)
        ] + [
            ((x, y), (x, y + 1))
            for y in range(self.rows - 1)
            for x in range(self.columns)
            if y != self.river or x in self.bridges
        ]
        ends = np.array(pairs, dtype=np.float64)
        middle = ends.mean(axis=1) + bend
        corners: NDArray[np.float64] = np.stack([ends[:, 0], middle, ends[:, 1]], axis=1)
        lonlat = np.round(np.array(CORNER) + STEP_DEG * corners.reshape(-1, 2), 9)
        count = len(pairs)
        return Ways(
            start=np.arange(count + 1, dtype=np.int64) * 3,
            lonlat=lonlat,
            node=None,
            kinds=["residential"] * count,
            names=[None] * count,
        )
