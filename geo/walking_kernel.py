"""The search itself: from seeds outward along arcs, touching what it reaches and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.compiling import njit
from geo.hash_kernel import find

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 1 << 11
"""Networks of up to so many nodes get a place for each; in larger ones a short search hashes, which
is faster than touching fresh memory for all of them."""

_FEW_BITS = 11
"""Bits of the first table: room for 1,024 nodes, about twice what 1 km reaches in a dense town."""

_GROWTH_BITS = 2
"""Bits by which a full table grows."""


class Room(NamedTuple):
    """Room for one search at a time, and after it what was reached.

    The nodes reached have consecutive places, in the order in which they were found; ``table``
    tells the place of a node. In a large network it is a hash table, so that a short search
    neither clears nor keeps an entry for every node.
    """

    table: NDArray[np.int32]
    """Places, -1 where none is taken; see :func:`geo.hash_kernel.find`."""
    shift: int
    node: NDArray[np.int32]
    far_m: NDArray[np.float64]
    """Distance of each place's node from its nearest seed."""
    seed: NDArray[np.int32]
    """Label of that seed."""
    arc: NDArray[np.int32]
    """The arc by which it was reached, -1 at a seed."""
    key: NDArray[np.float64]
    """A binary heap of distances, with places that are looked up again when they come up."""
    place: NDArray[np.int32]


class Seeds(NamedTuple):
    """Where a search begins, in the order of the labels."""

    node: NDArray[np.int32]
    walked_m: NDArray[np.float64]
    """What has been walked before."""
    label: NDArray[np.int32]


class Arcs(NamedTuple):
    """The arcs of :class:`geo.streets.Streets`."""

    start: NDArray[np.int64]
    node: NDArray[np.int32]
    length_m: NDArray[np.float64]


@njit(nogil=True, cache=True)
def make_room(n: int, wide: bool) -> Room:
    """Return room for searches in a network of n nodes; ``wide`` ones reach most of them."""
    if wide or n <= SMALL:
        shift, size, most = 0, n, n
    else:
        shift, size, most = 32 - _FEW_BITS, 1 << _FEW_BITS, 1 << (_FEW_BITS - 1)
    return Room(
        np.full(size, -1, np.int32),
        shift,
        np.empty(most, np.int32),
        np.empty(most, np.float64),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(1 << _FEW_BITS, np.float64),
        np.empty(1 << _FEW_BITS, np.int32),
    )


@njit(nogil=True, cache=True)
def _with_nodes(room: Room, count: int, wanted: int, n: int) -> Room:
    """Return the same search with places for ``wanted`` nodes; all are found again."""
    bits = 32 - room.shift
    while 1 << (bits - 1) < wanted:
        bits += _GROWTH_BITS
    if 1 << bits >= n:
        shift, size, most = 0, n, n
    else:
        shift, size, most = 32 - bits, 1 << bits, 1 << (bits - 1)
    table = np.full(size, -1, np.int32)
    node, far_m = np.empty(most, np.int32), np.empty(most, np.float64)
    seed, arc = np.empty(most, np.int32), np.empty(most, np.int32)
    node[:count], far_m[:count] = room.node[:count], room.far_m[:count]
    seed[:count], arc[:count] = room.seed[:count], room.arc[:count]
    for k in range(count):
        table[find(table, node, node[k], shift)] = k
    return Room(table, shift, node, far_m, seed, arc, room.key, room.place)


@njit(nogil=True, cache=True)
def _with_heap(room: Room, wanted: int) -> Room:
    """Return the same search with a heap of twice what is wanted."""
    key, place = np.empty(2 * wanted, np.float64), np.empty(2 * wanted, np.int32)
    key[: len(room.key)], place[: len(room.key)] = room.key, room.place
    return Room(room.table, room.shift, room.node, room.far_m, room.seed, room.arc, key, place)


@njit(nogil=True, cache=True)
def _with_room(room: Room, count: int, size: int, more: int, n: int) -> Room:
    """Return the same search with room for ``more`` nodes."""
    if count + more > len(room.node) and len(room.node) < n:
        room = _with_nodes(room, count, count + more, n)
    if size + more > len(room.key):
        room = _with_heap(room, size + more)
    return room


@njit(nogil=True, cache=True)
def _push(key: NDArray[np.float64], place: NDArray[np.int32], size: int, far: float, k: int) -> int:
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if key[above] <= far:
            break
        key[at], place[at] = key[above], place[above]
        at = above
    key[at], place[at] = far, k
    return size + 1


@njit(nogil=True, cache=True)
def _pop(key: NDArray[np.float64], place: NDArray[np.int32], size: int) -> int:
    size -= 1
    far, k = key[size], place[size]
    at, below = 0, 1
    while below < size:
        if below + 1 < size and key[below + 1] < key[below]:
            below += 1
        if key[below] >= far:
            break
        key[at], place[at] = key[below], place[below]
        at = below
        below = 2 * at + 1
    key[at], place[at] = far, k
    return size


@njit(nogil=True, cache=True)
def _sow(seeds: Seeds, limit_m: float, room: Room) -> tuple[int, int]:
    """Put seeds in; return the numbers of nodes reached and of heap entries."""
    count = size = 0
    for i in range(len(seeds.node)):
        far_m, label = seeds.walked_m[i], seeds.label[i]
        if not far_m <= limit_m:
            continue
        at = find(room.table, room.node, seeds.node[i], room.shift)
        k = room.table[at]
        if k < 0:
            k = count
            room.table[at], room.node[k] = k, seeds.node[i]
            count += 1
        elif far_m >= room.far_m[k]:
            continue  # labels ascend: of seeds at the same distance the first one counts
        room.far_m[k], room.seed[k], room.arc[k] = far_m, label, -1
        size = _push(room.key, room.place, size, far_m, k)
    return count, size


@njit(nogil=True, cache=True)
def _run(arcs: Arcs, limit_m: float, room: Room, count: int, size: int) -> tuple[int, int]:
    """Search on until nothing is left or the room is too small for the next node's arcs."""
    arc_start, arc_node, arc_m = arcs
    table, shift, node, far_m, seed, arc, key, place = room
    most = len(node) if len(node) < len(arc_start) - 1 else len(arc_node) + len(node)
    while size > 0:
        here_m, p = key[0], place[0]
        first, last = arc_start[node[p]], arc_start[node[p] + 1]
        if count + last - first > most or size + last - first > len(key):
            break
        size = _pop(key, place, size)
        if here_m > far_m[p]:
            continue  # outdated: a shorter walk was found later
        label = seed[p]
        for j in range(first, last):
            onward_m = here_m + arc_m[j]
            if not onward_m <= limit_m:
                continue
            at = find(table, node, arc_node[j], shift)
            k = table[at]
            if k < 0:
                k = count
                table[at], node[k] = k, arc_node[j]
                count += 1
            elif onward_m > far_m[k] or (onward_m == far_m[k] and label >= seed[k]):
                continue
            far_m[k], seed[k], arc[k] = onward_m, label, j
            size = _push(key, place, size, onward_m, k)
    return count, size


@njit(nogil=True, cache=True)
def spread(arcs: Arcs, seeds: Seeds, limit_m: float, room: Room) -> tuple[Room, int]:
    """Search outward from all seeds together, as far as ``limit_m``.

    Returns
    -------
    tuple[Room, int]
        What was reached, and how many nodes. ``room`` must be empty before; when it is too small a
        larger one comes back, and the one given is of no use any more.

    Notes
    -----
    Dijkstra's search with a heap that keeps outdated entries. Of several seeds at the same
    distance a node keeps the smallest label. Growing is kept out of the loop: counting references
    to arrays in it made it three times slower.
    """
    n = len(arcs.start) - 1
    room = _with_room(room, 0, 0, len(seeds.node), n)
    count, size = _run(arcs, limit_m, room, *_sow(seeds, limit_m, room))
    while size > 0:
        i = room.node[room.place[0]]
        room = _with_room(room, count, size, arcs.start[i + 1] - arcs.start[i], n)
        count, size = _run(arcs, limit_m, room, count, size)
    return room, count


@njit(nogil=True, cache=True)
def empty(room: Room, count: int) -> None:
    """Make room for the next search."""
    if room.shift == 0:
        for k in range(count):
            room.table[room.node[k]] = -1
    else:
        room.table[:] = -1


class Ends(NamedTuple):
    """Where edges end, and how long they are."""

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    length_m: NDArray[np.float64]


class Doors(NamedTuple):
    """Where points enter the streets, as :class:`geo.streets.Entries` has it."""

    start: NDArray[np.int64]
    edge: NDArray[np.int32]
    offset_m: NDArray[np.float64]
    walk_m: NDArray[np.float64]


@njit(nogil=True, cache=True)
def seeds_of(ends: Ends, doors: Doors) -> Seeds:
    """Return both ends of the edge of every door, two and two."""
    node, label = np.empty(2 * len(doors.edge), np.int32), np.empty(2 * len(doors.edge), np.int32)
    walked_m = np.empty(2 * len(doors.edge), np.float64)
    for i in range(len(doors.start) - 1):
        for d in range(doors.start[i], doors.start[i + 1]):
            e, offset_m = doors.edge[d], doors.offset_m[d]
            node[2 * d], node[2 * d + 1] = ends.a[e], ends.b[e]
            walked_m[2 * d] = offset_m + doors.walk_m[d]
            walked_m[2 * d + 1] = (ends.length_m[e] - offset_m) + doors.walk_m[d]
            label[2 * d : 2 * d + 2] = i
    return Seeds(node, walked_m, label)


class Network(NamedTuple):
    """Streets, as far as walking needs them."""

    arcs: Arcs
    ends: Ends


@njit(nogil=True, cache=True)
def search(network: Network, starts: Doors, limit_m: float, wide: bool) -> tuple[Room, int]:
    """Search outward from all starts together; see :func:`spread`."""
    room = make_room(len(network.arcs.start) - 1, wide)
    return spread(network.arcs, seeds_of(network.ends, starts), limit_m, room)


@njit(nogil=True, cache=True)
def seeds_of_one(seeds: Seeds, starts: Doors, s: int) -> Seeds:
    """Return the seeds of start s among those of all."""
    first, last = 2 * starts.start[s], 2 * starts.start[s + 1]
    return Seeds(seeds.node[first:last], seeds.walked_m[first:last], seeds.label[first:last])


@njit(nogil=True, cache=True)
def longer_i4(array: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Return a copy with room for ``size``."""
    out = np.empty(size, np.int32)
    out[: len(array)] = array
    return out


@njit(nogil=True, cache=True)
def longer_f8(array: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return a copy with room for ``size``."""
    out = np.empty(size, np.float64)
    out[: len(array)] = array
    return out


@njit(nogil=True, cache=True)
def search_each(
    network: Network, starts: Doors, limit_m: float, wide: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Search from each start alone: where its nodes begin, the nodes, and their distances."""
    room = make_room(len(network.arcs.start) - 1, wide)
    seeds = seeds_of(network.ends, starts)
    first = np.zeros(len(starts.start), np.int64)
    node, far_m = np.empty(1 << _FEW_BITS, np.int32), np.empty(1 << _FEW_BITS, np.float64)
    for s in range(len(starts.start) - 1):
        room, count = spread(network.arcs, seeds_of_one(seeds, starts, s), limit_m, room)
        begin, end = first[s], first[s] + count
        first[s + 1] = end
        if end > len(node):
            node, far_m = longer_i4(node, 2 * end), longer_f8(far_m, 2 * end)
        node[begin:end], far_m[begin:end] = room.node[:count], room.far_m[:count]
        empty(room, count)
    return first, node[: first[-1]].copy(), far_m[: first[-1]].copy()
