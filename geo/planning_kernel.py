"""Minimum-cost flow by the network simplex method: compiled loops over nodes and arcs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHEAPEST = 3
"""How many arcs of a body are offered in one round of pricing."""

_CM = 100.0
_IN_TREE, _AT_LOWER, _AT_UPPER = 0, 1, -1


class Arcs(NamedTuple):
    """Arcs of a network, and what flows on them; all of shape (a,)."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    cost: NDArray[np.int64]
    cap: NDArray[np.int64]
    """The most that may flow; the least is 0."""
    flow: NDArray[np.int64]
    """Changed in place."""
    state: NDArray[np.int8]
    """1: empty, -1: full, 0: in the tree, where anything may flow. Changed in place."""


class Basis(NamedTuple):
    """A spanning tree of the network, and the potentials that it gives; changed in place.

    All of shape (v,). ``cost + potential[tail] - potential[head]`` is 0 for the arcs of the tree.
    """

    parent: NDArray[np.int32]
    """-1 for the root."""
    arc: NDArray[np.int32]
    """The arc between a node and its parent; -1 for the root."""
    size: NDArray[np.int32]
    """How many nodes hang on a node, itself included."""
    child: NDArray[np.int32]
    """The first of its children, which form a ring of two chains; -1 without any."""
    after: NDArray[np.int32]
    before: NDArray[np.int32]
    potential: NDArray[np.int64]


@njit(nogil=True, cache=True)
def hang(basis: Basis, node: int, parent: int, arc: int) -> None:
    """Make a node a child of another."""
    basis.parent[node] = parent
    basis.arc[node] = arc
    first = basis.child[parent]
    basis.before[node] = -1
    basis.after[node] = first
    if first >= 0:
        basis.before[first] = node
    basis.child[parent] = node


@njit(nogil=True, cache=True)
def _unhang(basis: Basis, node: int) -> None:
    before, after = basis.before[node], basis.after[node]
    if before >= 0:
        basis.after[before] = after
    else:
        basis.child[basis.parent[node]] = after
    if after >= 0:
        basis.before[after] = before


@njit(nogil=True, cache=True)
def plant(basis: Basis, arcs: Arcs, order: NDArray[np.int32]) -> None:
    """Complete a tree of which each node's parent and arc are known.

    Parameters
    ----------
    order
        All nodes but the root, each after its parent; shape (v - 1,).
    """
    basis.child[:] = -1
    basis.size[:] = 1
    for node in order:
        arc, parent = basis.arc[node], basis.parent[node]
        hang(basis, node, parent, arc)
        down = arcs.tail[arc] == parent
        step = arcs.cost[arc] if down else -arcs.cost[arc]
        basis.potential[node] = basis.potential[parent] + step
    for i in range(len(order) - 1, -1, -1):
        basis.size[basis.parent[order[i]]] += basis.size[order[i]]


@njit(nogil=True, cache=True)
def _entering(arcs: Arcs, potential: NDArray[np.int64], begin: int, block: int) -> tuple[int, int]:
    """Return the arc of the first block with any whose change saves most, and where it stopped."""
    number = len(arcs.tail)
    best, saved = -1, 0
    looked = 0
    e = begin
    for _ in range(number):
        if e == number:
            e = 0
        price = arcs.cost[e] + potential[arcs.tail[e]] - potential[arcs.head[e]]
        gain = -price * arcs.state[e]
        if gain > saved:
            best, saved = e, gain
        e += 1
        looked += 1
        if looked == block:
            if best >= 0:
                return best, e
            looked = 0
    return best, e


@njit(nogil=True, cache=True)
def _meeting(basis: Basis, one: int, other: int) -> int:
    """Return the lowest node above both; sizes grow towards the root."""
    while one != other:
        if basis.size[one] < basis.size[other]:
            one = basis.parent[one]
        elif basis.size[one] > basis.size[other]:
            other = basis.parent[other]
        else:
            one, other = basis.parent[one], basis.parent[other]
    return one


@njit(nogil=True, cache=True)
def _room(arcs: Arcs, basis: Basis, node: int, up: bool) -> int:
    """Return how much more can go from a node to its parent (``up``) or from the parent to it."""
    arc = basis.arc[node]
    if (arcs.tail[arc] == node) == up:
        return int(arcs.cap[arc] - arcs.flow[arc])
    return int(arcs.flow[arc])


@njit(nogil=True, cache=True)
def _leaving(
    arcs: Arcs, basis: Basis, ends: tuple[int, int], top: int, room: int
) -> tuple[int, int, bool]:
    """Return how much can go round, the node above which it is stopped, and on which side.

    The cycle goes from ``top`` down to the first end, over the entering arc to the second, and up.
    Of several that stop it the last one on that way is taken: so the tree stays strongly feasible,
    and the method ends. The node is -1 where the entering arc itself stops it.
    """
    least, node, on_first = room, -1, True
    u = ends[0]
    while u != top:
        free = _room(arcs, basis, u, False)
        if free < least:
            least, node = free, u
        u = basis.parent[u]
    u = ends[1]
    while u != top:
        free = _room(arcs, basis, u, True)
        if free <= least:
            least, node, on_first = free, u, False
        u = basis.parent[u]
    return least, node, on_first


@njit(nogil=True, cache=True)
def _push(arcs: Arcs, basis: Basis, node: int, top: int, amount: int) -> None:
    """Let an amount flow from a node to one above it; a negative one flows down."""
    while node != top:
        arc = basis.arc[node]
        arcs.flow[arc] += amount if arcs.tail[arc] == node else -amount
        node = basis.parent[node]


@njit(nogil=True, cache=True)
def _grow(basis: Basis, node: int, top: int, nodes: int) -> None:
    while node != top:
        basis.size[node] += nodes
        node = basis.parent[node]


@njit(nogil=True, cache=True)
def _turn(basis: Basis, lowest: int, highest: int, parent: int, arc: int) -> None:
    """Hang the part of the tree below ``highest`` by its node ``lowest`` on another parent."""
    whole = basis.size[highest]
    node, below = lowest, 0
    while True:
        old_parent, old_arc, old_size = basis.parent[node], basis.arc[node], basis.size[node]
        _unhang(basis, node)
        hang(basis, node, parent, arc)
        basis.size[node] = whole - below
        if node == highest:
            return
        below = old_size
        parent, arc, node = node, old_arc, old_parent


@njit(nogil=True, cache=True)
def _shift(basis: Basis, top: int, amount: int, without: int) -> None:
    """Add to the potential of a node and of all below it, but for one part."""
    potential = basis.potential
    node = top
    while True:
        potential[node] += amount
        below = basis.child[node]
        if below == without and below >= 0:
            below = basis.after[below]
        if below >= 0:
            node = below
            continue
        while node != top:
            beside = basis.after[node]
            if beside == without and beside >= 0:
                beside = basis.after[beside]
            if beside >= 0:
                node = beside
                break
            node = basis.parent[node]
        if node == top:
            return


@njit(nogil=True, cache=True)
def _pivot(arcs: Arcs, basis: Basis, root: int, entering: int) -> None:
    """Let one arc into the tree, and another out of it."""
    tail, head, state = arcs.tail[entering], arcs.head[entering], arcs.state[entering]
    first, second = (tail, head) if state == _AT_LOWER else (head, tail)
    top = _meeting(basis, first, second)
    amount, out, on_first = _leaving(arcs, basis, (first, second), top, arcs.cap[entering])
    if amount > 0:
        arcs.flow[entering] += state * amount
        _push(arcs, basis, first, top, -amount)
        _push(arcs, basis, second, top, amount)
    if out < 0:
        arcs.state[entering] = -state
        return
    price = arcs.cost[entering] + basis.potential[tail] - basis.potential[head]
    leaving = basis.arc[out]
    arcs.state[leaving] = _AT_LOWER if arcs.flow[leaving] == 0 else _AT_UPPER
    arcs.state[entering] = _IN_TREE
    lowest, parent = (first, second) if on_first else (second, first)
    nodes = basis.size[out]
    _grow(basis, basis.parent[out], top, -nodes)
    _turn(basis, lowest, out, parent, entering)
    _grow(basis, parent, top, nodes)
    change = -price if lowest == tail else price
    if 2 * nodes <= basis.size[root]:
        _shift(basis, lowest, change, -1)
    else:  # the rest is smaller: only differences of potentials count
        _shift(basis, root, -change, lowest)


@njit(nogil=True, cache=True)
def improve(arcs: Arcs, basis: Basis, root: int, pivots: int, begin: int) -> tuple[int, int]:
    """Improve a flow until it is the cheapest, or so many exchanges were made.

    Parameters
    ----------
    begin
        The arc to look at first: where the last call stopped.

    Returns
    -------
    tuple
        How many exchanges were made (fewer than ``pivots``: the flow is the cheapest), and where
        it stopped.

    Notes
    -----
    The primal network simplex method with strongly feasible trees (Cunningham, 1976), arcs chosen
    by blocks (Grigoriadis, 1986). All numbers are whole, so that nothing is rounded anywhere.
    """
    block = max(int(np.sqrt(len(arcs.tail))), 20)
    for done in range(pivots):
        entering, begin = _entering(arcs, basis.potential, begin, block)
        if entering < 0:
            return done, begin
        _pivot(arcs, basis, root, entering)
    return pivots, begin


@njit(nogil=True, cache=True)
def distance_cm(x: float, y: float, to_x: float, to_y: float) -> int:
    """Return a straight way in whole centimetres; 0 where one does not know from where."""
    if np.isnan(x):
        return 0
    return int(np.rint(_CM * np.sqrt((x - to_x) ** 2 + (y - to_y) ** 2)))


@njit(nogil=True, cache=True)
def distances_cm(
    home: NDArray[np.float64], centre: NDArray[np.float64], unit: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the way from each home to the centre of a unit; 0 for unit -1. Shape (n,)."""
    out = np.zeros(len(home), np.int64)
    for p in range(len(home)):
        u = unit[p]
        if u >= 0:
            out[p] = distance_cm(home[p, 0], home[p, 1], centre[u, 0], centre[u, 1])
    return out


@njit(nogil=True, cache=True)
def cheapest(
    home: NDArray[np.float64],
    centre: NDArray[np.float64],
    kind: NDArray[np.int64],
    toll: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each body what the cheapest units cost, and which they are.

    Parameters
    ----------
    home
        In metres, shape (n, 2).
    kind
        Row of ``toll`` for each body, shape (n,).
    toll
        What each unit costs beyond the way, in centimetres, shape (k, m).

    Returns
    -------
    tuple
        Costs and units, ascending, each of shape (n, CHEAPEST); unit -1 where there are fewer.
    """
    most = np.iinfo(np.int64).max
    cost = np.full((len(home), CHEAPEST), most, np.int64)
    unit = np.full((len(home), CHEAPEST), -1, np.int64)
    for p in range(len(home)):
        x, y = home[p]
        row = toll[kind[p]]
        for u in range(len(centre)):
            price = row[u] + distance_cm(x, y, centre[u, 0], centre[u, 1])
            if price >= cost[p, CHEAPEST - 1]:
                continue
            place = CHEAPEST - 1
            while place > 0 and cost[p, place - 1] > price:
                cost[p, place] = cost[p, place - 1]
                unit[p, place] = unit[p, place - 1]
                place -= 1
            cost[p, place] = price
            unit[p, place] = u
    return cost, unit
