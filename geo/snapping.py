"""Points to positions on streets: the nearest one, or by way of the gates of the walls around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geo.snapping_kernel import nearest_positions
from geo.streets import Entries

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.streets import Streets

__all__ = ["MAX_REACH_M", "GatedEntries", "behind_gates", "snap", "some"]

MAX_REACH_M = 500.0
"""Who is farther from every street than this is on none."""


@dataclass(frozen=True, eq=False)
class GatedEntries(Entries):
    """Entries of which some lead through a gate.

    Attributes
    ----------
    gate_xy
        The gate on the way from the point to each entry, metres; not a number where the way is
        straight. One row an entry, shape (e, 2).
    """

    gate_xy: NDArray[np.float64]


def snap(streets: Streets, xy: NDArray[np.float64], *, reach_m: float = MAX_REACH_M) -> Entries:
    """Find the position on any street that is nearest to each point.

    Parameters
    ----------
    streets
        The network.
    xy
        Points in metres of ``streets.plane``, shape (k, 2). One with a coordinate that is not
        finite is on no street.
    reach_m
        Points farther from every street than this are on none.

    Returns
    -------
    Entries
        At most one entry a point. Of several streets equally near, the one with the smallest
        number is taken.

    Raises
    ------
    ValueError
        If the reach is no finite number of at least 0.

    Notes
    -----
    The first call for a network sorts its segments into cells, 0.2 s for a million; a point costs
    about a microsecond then.
    """
    if not 0 <= reach_m < np.inf:
        raise ValueError(f"a reach of {reach_m} metres: give a finite one of 0 or more")
    points = np.ascontiguousarray(xy, np.float64).reshape(-1, 2)
    edge, along_m, walk_m = nearest_positions(streets.grid, streets.line_xy, points, float(reach_m))
    on = edge >= 0
    edge = edge[on]
    offset_m = np.minimum(along_m[on], streets.length_m[edge])  # rounded another way
    return Entries(_starts(on), edge, offset_m, walk_m[on])


def behind_gates(  # noqa: PLR0917 - one argument a table of the answer's
    streets: Streets,
    entries: Entries,
    xy: NDArray[np.float64],
    group: NDArray[np.int32],
    gate_start: NDArray[np.int64],
    gate_xy: NDArray[np.float64],
    *,
    reach_m: float = MAX_REACH_M,
) -> GatedEntries:
    """Let points behind walls enter by their gates, and by them only.

    Parameters
    ----------
    streets
        The network.
    entries
        Where k points would enter without walls.
    xy
        The points, metres, shape (k, 2).
    group
        Number of the walled place in which each point lies, shape (k,); -1 for none.
    gate_start, gate_xy
        The gates of place ``g`` are ``gate_xy[gate_start[g]:gate_start[g + 1]]``, metres. A place
        without gates has no walls.
    reach_m
        Gates farther from every street than this lead to none.

    Returns
    -------
    GatedEntries
        The same points. Those behind walls have an entry for each gate that leads to a street,
        with the straight walk to the gate and from there to the street; none if no gate does.
    """
    gate_start, gate_xy = np.asarray(gate_start), np.asarray(gate_xy, np.float64).reshape(-1, 2)
    group = np.asarray(group)
    gates = snap(streets, gate_xy, reach_m=reach_m)
    number = np.append(np.diff(gate_start), 0)[group]  # group -1 takes the 0
    owner, rank = _runs(number)
    gate = gate_start[group[owner]] + rank
    leads = gates.start[gate + 1] > gates.start[gate]
    owner, gate = owner[leads], gate[leads]
    to_gate_m = np.hypot(*(np.asarray(xy, np.float64)[owner] - gate_xy[gate]).T)

    own, _ = _runs(np.diff(entries.start))
    free = number[own] == 0
    order = np.argsort(np.concatenate([own[free], owner]), kind="stable")
    at = gates.start[gate]
    straight = np.full((int(free.sum()), 2), np.nan)
    return GatedEntries(
        start=_starts(np.bincount(np.concatenate([own[free], owner]), minlength=len(entries))),
        edge=np.concatenate([entries.edge[free], gates.edge[at]])[order],
        offset_m=np.concatenate([entries.offset_m[free], gates.offset_m[at]])[order],
        walk_m=np.concatenate([entries.walk_m[free], to_gate_m + gates.walk_m[at]])[order],
        gate_xy=np.concatenate([straight, gate_xy[gate]])[order],
    )


def some(entries: Entries, which: ArrayLike) -> Entries:
    """Return the entries of some points.

    Parameters
    ----------
    entries
        Of k points.
    which
        Indices of the points wanted, in the order wanted, shape (w,); or a mask of shape (k,).
    """
    chosen = np.asarray(which)
    if not chosen.size:
        chosen = chosen.astype(np.intp)  # an empty list has no type of its own
    index = np.arange(len(entries))[chosen].reshape(-1)
    number = entries.start[index + 1] - entries.start[index]
    owner, rank = _runs(number)
    at = entries.start[index[owner]] + rank
    start, edge = _starts(number), entries.edge[at]
    offset_m, walk_m = entries.offset_m[at], entries.walk_m[at]
    if isinstance(entries, GatedEntries):
        return GatedEntries(start, edge, offset_m, walk_m, entries.gate_xy[at])
    return Entries(start, edge, offset_m, walk_m)


def _starts(number: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where runs of these lengths begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(number, dtype=np.int64)])


def _runs(number: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return, for all members of runs of these lengths, which run it is and the place in it."""
    owner = np.repeat(np.arange(len(number)), number)
    return owner, np.arange(len(owner)) - _starts(number)[owner]
