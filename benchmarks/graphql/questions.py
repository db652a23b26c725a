"""What is asked of all contenders, and when two answers are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from benchmarks.graphql.city import scatter
from benchmarks.graphql.tiles import SPECK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.graphql.city import Ground
    from benchmarks.graphql.tiles import Feature

    Answer = tuple["Facts", ...]

SAME_DEG = 1.01e-7
"""How far coordinates may differ: by the last of their 7 decimals."""

ASIDE_DEG = 2e-6
"""How far points and the sides of views stay from borders, whose vertices have 7 decimals for some
and 9 for others."""

VIEWPORTS, BATCHES, POINTS = 16, 16, 200
IN_VIEW, A_BATCH, COMMUNITIES = 500, 1_000, 20
ZOOM, NEW_ZOOM = 14, 15
"""Of the tiles that are asked for again and again, and of those that nobody asked for before."""

OFF_STEPS = 2
"""How far the sides of a square in a tile may be off: each thins its border out in a way of its
own."""


class Question(NamedTuple):
    """One question."""

    key: str
    says: str
    connections: tuple[int, ...] = (1, 16)
    """How many clients ask at once."""
    promised: float | None = None
    """How many times as many answers a second as ``against`` are promised."""
    against: str = "postgraphile"
    by: str = "ours"
    """Of our servers the one of which it is promised."""
    longer: float = 1.0
    """How many times as long as others it is asked: few answers fit into a run."""


QUESTIONS = (
    Question("viewport", "a map's view: 500 grids with geometry", promised=5),
    Question("nested", "20 communities, their 600 grids, the holder of each", promised=2),
    Question("point", "a point: its grid, community and sub-district", promised=2),
    Question("batch", "1,000 points: the code of each one's grid", promised=4),
    Question("all", "all 6,000 grids with geometry", (1, 4), 5, longer=3),
    Question("tile", f"a vector tile of grids, zoom {ZOOM}", promised=3, against="tipg"),
    Question(
        "new-tile",
        f"a vector tile that nobody asked for before, zoom {NEW_ZOOM}",
        promised=3,
        against="tipg",
        by="ours-forgetful",
    ),
)
"""In the order of the table. Of all grids sixteen clients would wait longer than a round takes."""


class Sample(NamedTuple):
    """What the questions are about."""

    viewports: list[tuple[float, float, float, float]]
    """West, south, east, north: at most 500 grids, and hardly fewer."""
    pages: int
    """Pages of twenty communities."""
    points: list[tuple[float, float]]
    batches: list[list[tuple[float, float]]]
    """Some of the points are in no grid."""
    tiles: list[tuple[int, int]]
    """Column and row."""
    new_tiles: list[tuple[int, int]]
    """All that hold the middle of a grid."""
    grids: int
    holders: bool
    """Whether holders are asked for."""


class Facts(NamedTuple):
    """A part of an answer: what must be equal, and coordinates that must nearly be."""

    words: Any
    """Lists, texts and numbers."""
    lonlat: NDArray[np.float64]
    """Shape (n, 2)."""
    areas: NDArray[np.float64] = np.empty(0)
    """Of what is drawn in steps of a tile, shape (m,)."""


def draw_sample(ground: Ground, *, holders: bool, seed: int = 11) -> Sample:
    """Draw what is asked about."""
    rng = np.random.default_rng(seed)
    inside = scatter(ground, max(POINTS, VIEWPORTS), seed=seed)
    anywhere = _anywhere(ground, rng).reshape(BATCHES, A_BATCH, 2)
    some = inside[rng.permutation(len(inside))]
    tree = shapely.STRtree(ground.cells)
    return Sample(
        viewports=[_viewport(tree, x, y) for x, y in some[:VIEWPORTS].tolist()],
        pages=max(1, ground.communities // COMMUNITIES),
        points=[(x, y) for x, y in some[:POINTS].tolist()],
        batches=[[(x, y) for x, y in batch] for batch in anywhere.tolist()],
        tiles=sorted({tile_of(x, y) for x, y in some.tolist()})[:VIEWPORTS],
        new_tiles=sorted({tile_of(x, y, NEW_ZOOM) for x, y in _middles(ground)}),
        grids=len(ground.cells),
        holders=holders,
    )


def _middles(ground: Ground) -> list[tuple[float, float]]:
    """Return a place in each grid."""
    return [(x, y) for x, y in shapely.get_coordinates(shapely.centroid(ground.cells)).tolist()]


def _anywhere(ground: Ground, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return places in the city's box, shape (n, 2), a little off all borders."""
    west, south, east, north = shapely.total_bounds(ground.cells).tolist()
    drawn_xy = rng.uniform((west, south), (east, north), (BATCHES * A_BATCH * 2, 2)).round(7)
    rings = shapely.STRtree(shapely.get_exterior_ring(ground.cells))
    near, _ = rings.query(shapely.points(drawn_xy), predicate="dwithin", distance=ASIDE_DEG)
    kept = np.delete(drawn_xy, np.unique(near), axis=0)
    return np.asarray(kept[: BATCHES * A_BATCH], np.float64)


def _viewport(tree: shapely.STRtree, x: float, y: float) -> tuple[float, float, float, float]:
    """Return nearly the largest box round a point that touches at most 500 grids."""

    def touched(half: float) -> int:
        return len(tree.query(shapely.box(*_box(x, y, half)), predicate="intersects"))

    small, large = 0.0, 1.0
    for _ in range(30):
        half = (small + large) / 2
        if touched(half) > IN_VIEW:
            large = half
        else:
            small = half
    half = small - ASIDE_DEG
    while touched(half - ASIDE_DEG) != touched(half + ASIDE_DEG):
        half -= ASIDE_DEG
    return _box(x, y, half)


def _box(x: float, y: float, half: float) -> tuple[float, float, float, float]:
    west, south, east, north = np.round((x - half, y - half, x + half, y + half), 7).tolist()
    return west, south, east, north


def tile_of(lon: float, lat: float, zoom: int = ZOOM) -> tuple[int, int]:
    """Return the column and row of the tile that a point is in."""
    across = 2.0**zoom
    up = np.arcsinh(np.tan(np.radians(lat))) / np.pi
    return int((lon + 180) / 360 * across), int((1 - up) / 2 * across)


def drawn(rows: Sequence[dict[str, Any]], *columns: str) -> Facts:
    """Return the facts of units with a geometry, by code."""
    ordered = sorted(rows, key=lambda row: str(row["code"]))
    shapes = [rings for row in ordered for part in _parts(row["geometry"]) for rings in part]
    lengths = [[len(ring) for part in _parts(row["geometry"]) for ring in part] for row in ordered]
    words = [[row[column] for column in ("code", *columns)] for row in ordered]
    lonlat = np.array([place for ring in shapes for place in ring], np.float64)
    return Facts([words, lengths], lonlat.reshape(-1, 2))


def _parts(geometry: dict[str, Any]) -> list[list[list[list[float]]]]:
    """Return polygons, rings, places."""
    parts: list[list[list[list[float]]]] = geometry["coordinates"]
    if geometry["type"] != "MultiPolygon":
        raise ValueError(f"a unit is a MultiPolygon, not a {geometry['type']}")
    return parts


def tiled(features: Sequence[Feature]) -> Facts:
    """Return the facts of the units in a tile, by code; its margin and specks are left out."""
    seen = sorted(
        (str(one.attributes["code"]), one.area(), one.attributes)
        for one in features
        if one.area() >= SPECK
    )
    words = [[code, told["name"], told["households"]] for code, _, told in seen]
    return Facts(words, np.empty((0, 2)), np.array([area for _, area, _ in seen]))


def plain(words: Any) -> Facts:  # noqa: ANN401 - lists, texts and numbers
    """Return facts without coordinates."""
    return Facts(words, np.empty((0, 2)))


def difference(ours: Facts, theirs: Facts) -> str | None:
    """Say how two answers differ; None when they are the same."""
    if ours.words != theirs.words:
        return _first(ours.words, theirs.words)
    if ours.lonlat.shape != theirs.lonlat.shape:
        return f"{len(ours.lonlat)} vertices are not {len(theirs.lonlat)}"
    off = np.abs(ours.lonlat - theirs.lonlat)
    if off.size and off.max() > SAME_DEG:
        return f"coordinates differ by {off.max():.2g} degrees"
    return _of_areas(ours.areas, theirs.areas)


def _of_areas(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> str | None:
    """Say by how much areas differ that must be about the same."""
    most = 4 * OFF_STEPS * np.sqrt(np.maximum(ours, theirs))
    off = np.flatnonzero(np.abs(ours - theirs) > most)
    if not len(off):
        return None
    return f"{ours[off[0]]:.0f} square steps are not {theirs[off[0]]:.0f}"


def _first(ours: Any, theirs: Any) -> str:  # noqa: ANN401 - lists, texts and numbers
    """Say where two unequal things differ first."""
    if isinstance(ours, list) and isinstance(theirs, list):
        for one, other in zip(ours, theirs, strict=False):
            if one != other:
                return _first(one, other)
        return f"{len(ours)} are not {len(theirs)}"
    return f"{_short(ours)} is not {_short(theirs)}"


def _short(words: Any) -> str:  # noqa: ANN401 - lists, texts and numbers
    text = repr(words)
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 - fits a line or two
