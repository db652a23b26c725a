"""The faces between borders that do not cancel, and who claims them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from geo.cutting import may_cut
from geo.layers import NO_PARENT
from geo.walks import string_together
from geo.widest import deepest_found

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from geo.layers import Metric

FACE_M = 0.001
"""Land narrower than this is no land but vertices that do not match, in metres."""

ROUNDING = 1e-9
"""Part of a face that an intersection's rounding may add or leave out."""


class Claims(NamedTuple):
    """Per face: the units that cover it, and the parent that it lies in."""

    units: list[tuple[int, ...]]
    parent: list[int]

    def without(self, left_out: set[int]) -> Claims:
        """Return the claims with the land of some parents as nobody's."""
        return Claims(self.units, [NO_PARENT if p in left_out else p for p in self.parent])


def enclosed(lines: NDArray[np.object_], metric: Metric) -> NDArray[np.object_]:
    """Return the faces between lines that are wider than ``FACE_M``, shape (f,).

    Parameters
    ----------
    lines
        Segments in degrees, shape (k,), no one twice.
    metric
        Equal-area metres.
    """
    strung = string_together(shapely.get_coordinates(lines).reshape(-1, 2, 2))
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(strung)]))
    return _fat(faces, metric)


def split_faces(
    faces: NDArray[np.object_],
    solid: NDArray[np.object_],
    parents: NDArray[np.object_],
    metric: Metric,
) -> NDArray[np.object_]:
    """Split faces along the borders of the units and parents that cover them in part.

    Parameters
    ----------
    faces
        As :func:`enclosed` finds them, shape (f,).
    solid, parents
        Valid polygons in degrees.
    metric
        Equal-area metres.
    """
    return _fat(_split(_split(faces, solid), parents), metric)


def _fat(faces: NDArray[np.object_], metric: Metric) -> NDArray[np.object_]:
    flat = metric.project(faces)
    area, length = shapely.area(flat), shapely.length(flat)
    # An inscribed circle of land without holes is at least 2A/P wide: only the rest is eroded.
    mean = np.divide(2 * area, length, out=np.zeros(len(flat)), where=length > 0)
    fat = (mean > FACE_M) & (shapely.get_num_interior_rings(flat) == 0)
    doubtful = np.flatnonzero(~fat)
    fat[doubtful] = deepest_found(flat[doubtful]) > FACE_M / 2
    doubtful = np.flatnonzero(~fat)
    eroded = shapely.buffer(flat[doubtful], -FACE_M / 2, quad_segs=4)
    fat[doubtful] = ~shapely.is_empty(eroded)
    return np.asarray(faces[fat])


def _split(faces: NDArray[np.object_], covers: NDArray[np.object_]) -> NDArray[np.object_]:
    """Split faces along the borders of the polygons that cover them in part."""
    if not len(faces):
        return faces
    face, cover = shapely.STRtree(covers).query(faces, predicate="intersects")
    through = may_cut(faces, covers, face, cover)
    face, cover = face[through], cover[through]
    swap = np.lexsort((cover, face))
    face, cover = face[swap], cover[swap]
    share = shapely.area(shapely.intersection(faces[face], covers[cover]))
    total = shapely.area(faces[face])
    partly = (share > ROUNDING * total) & (share < (1 - ROUNDING) * total)
    cutters: dict[int, list[BaseGeometry]] = {}
    for f, c in zip(face[partly].tolist(), cover[partly].tolist(), strict=True):
        cutters.setdefault(f, []).append(shapely.intersection(faces[f], covers[c].boundary))
    pieces = [whole for i, whole in enumerate(faces) if i not in cutters]
    for f, lines in cutters.items():
        noded = shapely.union_all([faces[f].boundary, *lines])
        cut = shapely.get_parts(shapely.polygonize([noded]))
        inside = shapely.intersects(faces[f], shapely.point_on_surface(cut))
        pieces += list(cut[inside])
    out = np.empty(len(pieces), object)
    out[:] = pieces
    return out


def claim(
    faces: NDArray[np.object_], solid: NDArray[np.object_], parents: NDArray[np.object_]
) -> Claims:
    """Find the units and the parent that each face lies in."""
    inside = shapely.point_on_surface(faces)
    units: list[list[int]] = [[] for _ in range(len(faces))]
    for f, u in zip(*shapely.STRtree(solid).query(inside, predicate="within"), strict=True):
        units[f].append(int(u))
    parent = [NO_PARENT] * len(faces)
    for f, p in zip(*shapely.STRtree(parents).query(inside, predicate="within"), strict=True):
        parent[f] = int(p)
    return Claims([tuple(sorted(u)) for u in units], parent)
