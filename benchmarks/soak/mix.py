"""What a day of map front ends asks, in the shares in which it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import numpy as np
import shapely

from benchmarks.graphql.questions import tile_of
from benchmarks.soak.line import get, post

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.graphql.city import Ground

ZOOMS = (11, 12, 13, 14, 15, 16, 17)
VIEW_DEG = 0.002
"""Half the side of a view: some ten to fifty grids."""
BATCH = 50

POINT = "query ($at: PointInput!) { placeAt(point: $at) { units { code name } } }"
PLACES = "query ($at: [PointInput!]!) { placesAt(points: $at) { code } }"
VIEW = """query ($box: [Float!]!) { units(level: "grid", bbox: $box, first: 100) {
    nodes { id code name households geometry } } }"""
NESTED = """query ($code: String!) { unit(level: "community", code: $code) {
    id code name children(level: "grid") { nodes { id code name households
        holders: assignments(duty: "grid_holder") { nodes { body { name } } } } } } }"""
PINNED = """query ($at: Date, $code: String!) { unit(level: "grid", code: $code, asOf: $at) {
    id code name areaM2 households parent { code name } } }"""
WORDS = """query ($code: String!) { a%d: unit(level: "grid", code: $code) { code name } }"""


class Asked(NamedTuple):
    """One request."""

    kind: str
    message: bytes
    path: str = ""
    """Under which a tag is kept for the next time; empty: none is."""


SHARES = {
    "tile": 0.40,
    "tagged": 0.20,
    "point": 0.18,
    "view": 0.10,
    "batch": 0.05,
    "nested": 0.03,
    "new words": 0.02,
    "refused": 0.02,
}
"""Of all requests."""


class Mix:
    """Draws requests.

    Parameters
    ----------
    ground
        Of the city that is published.
    parents
        Codes of communities.
    seed
        The same draws the same requests.
    """

    def __init__(self, ground: Ground, parents: Sequence[str], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._codes = ground.codes
        self._parents = parents
        self._middles = shapely.get_coordinates(shapely.centroid(ground.cells))
        self._kinds = list(SHARES)
        self._shares = np.array(list(SHARES.values()))
        self._tags: dict[str, str] = {}
        self._makers: dict[str, Callable[[], Asked]] = {
            "tile": self._tile,
            "tagged": self._tagged,
            "point": self._point,
            "view": self._view,
            "batch": self._batch,
            "nested": self._nested,
            "new words": self._new_words,
            "refused": self._refused,
        }

    def draw(self) -> Asked:
        """Return the next request."""
        return self._makers[str(self._rng.choice(self._kinds, p=self._shares))]()

    def note(self, asked: Asked, tag: str | None) -> None:
        """Keep what tells an answer from an older one."""
        if asked.path and tag is not None:
            self._tags[asked.path] = tag

    def _place(self) -> tuple[float, float]:
        """Return a place a little beside the middle of a grid."""
        x, y = self._middles[self._rng.integers(len(self._middles))]
        dx, dy = self._rng.uniform(-1e-3, 1e-3, 2)
        return round(float(x + dx), 7), round(float(y + dy), 7)

    def _held(self, kind: str, path: str) -> Asked:
        """Return a request for what may be held already."""
        tag = self._tags.get(path) if self._rng.random() < 0.5 else None  # noqa: PLR2004 - half
        given = {"If_None_Match": tag} if tag is not None else {}
        return Asked(kind, get(path, **given), path)

    def _tile(self) -> Asked:
        zoom = int(self._rng.choice(ZOOMS))
        x, y = tile_of(*self._place(), zoom)
        levels = "grid" if self._rng.random() < 0.8 else "community,grid"  # noqa: PLR2004 - most
        return self._held("tile", f"/tiles/{levels}/{zoom}/{x}/{y}.mvt")

    def _tagged(self) -> Asked:
        code = self._codes[self._rng.integers(min(len(self._codes), 500))]
        said = urlencode({"query": PINNED, "variables": f'{{"code":"{code}"}}'})
        return self._held("tagged", f"/graphql?{said}")

    def _point(self) -> Asked:
        lon, lat = self._place()
        return Asked("point", post(POINT, {"at": {"lon": lon, "lat": lat}}))

    def _view(self) -> Asked:
        x, y = self._place()
        box = [x - VIEW_DEG, y - VIEW_DEG, x + VIEW_DEG, y + VIEW_DEG]
        return Asked("view", post(VIEW, {"box": box}))

    def _batch(self) -> Asked:
        places = [self._place() for _ in range(BATCH)]
        return Asked("batch", post(PLACES, {"at": [{"lon": x, "lat": y} for x, y in places]}))

    def _nested(self) -> Asked:
        code = self._parents[int(self._rng.integers(len(self._parents)))]
        return Asked("nested", post(NESTED, {"code": code}))

    def _new_words(self) -> Asked:
        """Return a question in words that were never used before, as careless clients build it."""
        words = WORDS % self._rng.integers(1 << 40)
        return Asked("new words", post(words, {"code": self._codes[0]}))

    def _refused(self) -> Asked:
        """Return a question that is refused, each in words of its own."""
        return Asked(
            "refused", post(f"{{ units(level: 3) {{ no{self._rng.integers(1 << 40)} }} }}")
        )


EXPECTED: dict[str, frozenset[int]] = {
    "tile": frozenset({200, 204, 304}),
    "tagged": frozenset({200, 304}),
}
"""Statuses that are right; 200 for all others, since errors are told with 200 to those who accept
``application/json``."""
