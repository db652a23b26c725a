"""What a day of map front ends asks, in the shares in which it is asked."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
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
BESIDE_DEG = 1e-3
"""How far a place lies from the middle of a grid."""
_BLOCK = 4_096

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


class Draws:
    """Even draws from 0 to 1, made many at a time: one by one they would cost more than to ask.

    Parameters
    ----------
    seed
        The same draws the same numbers.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._left: list[float] = []

    def one(self) -> float:
        """Return a number from 0 to 1."""
        if not self._left:
            self._left = self._rng.random(_BLOCK).tolist()
        return self._left.pop()

    def below(self, end: int) -> int:
        """Return a whole number from 0 to the one before the end."""
        return int(self.one() * end)

    def beside(self, middle: float) -> float:
        """Return a degree that is at most ``BESIDE_DEG`` from one, of 7 decimals."""
        return round(middle + (2 * self.one() - 1) * BESIDE_DEG, 7)


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
        self._draws = Draws(seed)
        self._codes = ground.codes
        self._parents = parents
        self._middles = shapely.get_coordinates(shapely.centroid(ground.cells)).tolist()
        self._until = list(accumulate(SHARES.values()))
        self._tags: dict[str, str] = {}
        self._makers: list[Callable[[], Asked]] = [
            self._tile,
            self._tagged,
            self._point,
            self._view,
            self._batch,
            self._nested,
            self._new_words,
            self._refused,
        ]  # in the order of the shares

    def draw(self) -> Asked:
        """Return the next request."""
        at = bisect_right(self._until, self._draws.one())
        return self._makers[min(at, len(self._makers) - 1)]()

    def note(self, asked: Asked, tag: str | None) -> None:
        """Keep what tells an answer from an older one."""
        if asked.path and tag is not None:
            self._tags[asked.path] = tag

    def _place(self) -> tuple[float, float]:
        """Return a place a little beside the middle of a grid."""
        x, y = self._middles[self._draws.below(len(self._middles))]
        return self._draws.beside(x), self._draws.beside(y)

    def _held(self, kind: str, path: str) -> Asked:
        """Return a request for what may be held already."""
        tag = self._tags.get(path) if self._draws.one() < 0.5 else None  # noqa: PLR2004 - half
        given = {"If_None_Match": tag} if tag is not None else {}
        return Asked(kind, get(path, **given), path)

    def _tile(self) -> Asked:
        zoom = ZOOMS[self._draws.below(len(ZOOMS))]
        x, y = tile_of(*self._place(), zoom)
        levels = "grid" if self._draws.one() < 0.8 else "community,grid"  # noqa: PLR2004 - most
        return self._held("tile", f"/tiles/{levels}/{zoom}/{x}/{y}.mvt")

    def _tagged(self) -> Asked:
        code = self._codes[self._draws.below(min(len(self._codes), 500))]
        return self._held("tagged", f"/graphql?{_SAID}{code}%22%7D")

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
        code = self._parents[self._draws.below(len(self._parents))]
        return Asked("nested", post(NESTED, {"code": code}))

    def _new_words(self) -> Asked:
        """Return a question in words that were never used before, as careless clients build it."""
        words = WORDS % self._draws.below(1 << 40)
        return Asked("new words", post(words, {"code": self._codes[0]}))

    def _refused(self) -> Asked:
        """Return a question that is refused, each in words of its own."""
        words = f"{{ units(level: 3) {{ no{self._draws.below(1 << 40)} }} }}"
        return Asked("refused", post(words))


_SAID = urlencode({"query": PINNED, "variables": '{"code":"'})
"""Up to a code, which needs no quoting, and after which a quote and a bracket follow."""

EXPECTED: dict[str, frozenset[int]] = {
    "tile": frozenset({200, 204, 304}),
    "tagged": frozenset({200, 304}),
}
"""Statuses that are right; 200 for all others, since errors are told with 200 to those who accept
``application/json``."""
