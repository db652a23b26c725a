"""A plan as a flow: bodies flow to posts of units, posts to units, and units to one end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geo.planning_case import CM, EMPTY_M, MISFIT_M
from geo.planning_kernel import Arcs, Basis, distances_cm, plant
from geo.planning_start import Placing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.planning_case import Problem, Whole

ENDLESS = 1 << 60
"""More than flows on any arc."""


class Nodes(NamedTuple):
    """Where the nodes of each sort begin: bodies, posts of units, units, nowhere, the end."""

    bodies: int
    posts: int
    """Of each unit."""
    units: int

    @property
    def unit(self) -> int:
        """The first unit."""
        return self.bodies + self.units * self.posts

    @property
    def nowhere(self) -> int:
        """Where those flow who are not placed."""
        return self.unit + self.units

    @property
    def end(self) -> int:
        """Where all flows that are placed end: the root of the tree."""
        return self.nowhere + 1

    @property
    def total(self) -> int:
        """How many nodes there are."""
        return self.end + 1

    def slot(self, unit: Whole, post: Whole) -> Whole:
        """Return the node of a post of a unit."""
        return self.bodies + unit * self.posts + post


class Network(NamedTuple):
    """Arcs, and a flow on them that is a plan."""

    nodes: Nodes
    arcs: Arcs
    basis: Basis
    """The arcs of it and those that are full or empty make up the flow."""


def body_arcs(
    problem: Problem, nodes: Nodes, body: Whole, unit: Whole, post: Whole
) -> tuple[Whole, Whole]:
    """Return where arcs of bodies lead and what they cost: to a post that fits, else to the unit.

    Parameters
    ----------
    body, unit, post
        Of each arc; unit -1 for nowhere. Shape (a,).
    """
    fits = problem.fits[body, post]
    head = np.where(fits, nodes.slot(unit, post), nodes.unit + unit)
    way = distances_cm(problem.home_m[body], problem.centre_m, unit)
    cost = way + np.where(fits, 0, CM * MISFIT_M)
    nowhere = unit < 0
    return np.where(nowhere, nodes.nowhere, head), np.where(nowhere, 0, cost)


class _Sheaf(NamedTuple):
    """Arcs that are being collected."""

    tail: Whole
    head: Whole
    cost: Whole
    cap: Whole
    flow: Whole


def _sheaf(tail: Whole, head: Whole, cost: Whole, cap: Whole, flow: Whole) -> _Sheaf:
    full = np.broadcast_arrays(tail, head, cost, cap, flow)
    return _Sheaf(*(np.asarray(part, np.int64).reshape(-1) for part in full))


def make_network(
    problem: Problem, placing: Placing, offered: tuple[Whole, Whole, Whole], width: int
) -> Network:
    """Make the network of a problem with a flow on it.

    Parameters
    ----------
    placing
        The plan that the flow is.
    offered
        Body, unit and post of further arcs, which are empty.
    width
        How many numbers of bodies are told apart above and below that of the plan, for each unit;
        beyond them the cost of one more stays the same.
    """
    n, q, m = len(problem.fits), problem.fits.shape[1], len(problem.centre_m)
    nodes = Nodes(n, q, m)
    stands = _standing_arcs(problem, nodes, placing)
    chosen = np.maximum(placing.post, 0)
    fit = problem.fits[np.arange(n), chosen] & (placing.unit >= 0)
    slots = np.zeros((m, q), np.int64)
    np.add.at(slots, (placing.unit[fit], placing.post[fit]), 1)
    posts, post_tree = _post_arcs(problem, nodes, slots)
    count = np.bincount(placing.unit[placing.unit >= 0], minlength=m)
    loads, load_tree = _load_arcs(problem, nodes, count, width)
    body, unit, post = offered
    head, cost = body_arcs(problem, nodes, body, unit, post)
    more = _sheaf(body, head, cost, np.array(ENDLESS), np.array(0))
    # Nothing flows from nowhere to the end: this arc only holds the tree together.
    last = _sheaf(*(np.array([x]) for x in (nodes.nowhere, nodes.end, _dear(problem), ENDLESS, 0)))
    parts = [stands, posts, loads, last, more]
    firsts = np.cumsum([0, *(len(part.tail) for part in parts)])
    tree = np.concatenate(
        [np.arange(n), firsts[1] + post_tree, firsts[2] + load_tree, firsts[3 : 3 + 1]]
    )
    return _rooted(nodes, parts, tree)


def _step_cost(problem: Problem, unit: Whole, number: Whole) -> Whole:
    """Return what the last of so many bodies on a unit costs."""
    return problem.balance_cm(unit, number) - problem.balance_cm(unit, number - 1)


def _dear(problem: Problem) -> int:
    """Return more than the dearest change of a plan costs: once through all nodes."""
    known = ~np.isnan(problem.home_m[:, 0])
    reach = float(np.hypot(*np.ptp(np.vstack([problem.home_m[known], problem.centre_m]), axis=0)))
    units = np.arange(len(problem.room))
    steps = [_step_cost(problem, units, count) for count in (problem.base + 1, problem.room)]
    dearest = CM * (int(reach) + 1 + MISFIT_M + EMPTY_M) + int(np.abs(steps).max())
    nodes = 2 + len(problem.home_m) + len(units) * (1 + problem.fits.shape[1])
    dear: int = dearest * nodes
    return dear


def _standing_arcs(problem: Problem, nodes: Nodes, placing: Placing) -> _Sheaf:
    body = np.arange(nodes.bodies)
    head, cost = body_arcs(problem, nodes, body, placing.unit, np.maximum(placing.post, 0))
    return _sheaf(body, head, cost, np.array(ENDLESS), np.array(1))


def _post_arcs(problem: Problem, nodes: Nodes, slots: Whole) -> tuple[_Sheaf, Whole]:
    """Return arcs from posts to their units, and which of them belong to the tree."""
    m, q = slots.shape
    unit, post = (part.reshape(-1) for part in np.mgrid[0:m, 0:q])
    more = (slots - problem.need).reshape(-1)
    # The first who fits a post that nobody has saves something; a need that is met has saved it.
    saves = np.flatnonzero((problem.saved & (problem.need == 0)).reshape(-1))
    first = np.zeros(len(more), np.int64)
    first[saves] = np.minimum(more[saves], 1)
    tail, head = nodes.slot(unit, post), nodes.unit + unit
    any_number = _sheaf(tail, head, np.array(0), np.array(ENDLESS), more - first)
    one = _sheaf(tail[saves], head[saves], np.array(-CM * EMPTY_M), np.array(1), first[saves])
    joined = _Sheaf(*(np.concatenate(pair) for pair in zip(any_number, one, strict=True)))
    return joined, np.arange(m * q)


def _load_arcs(problem: Problem, nodes: Nodes, count: Whole, width: int) -> tuple[_Sheaf, Whole]:
    """Return arcs from units to the end, each dearer than the last, and those of the tree."""
    low = np.maximum(count - width, problem.base)
    high = np.minimum(count + width, problem.room)
    steps = high - low
    unit = np.repeat(np.arange(len(count)), steps)
    offset = np.arange(len(unit)) - np.repeat(np.cumsum(steps) - steps, steps)
    number = low[unit] + offset + 1
    tail = nodes.unit + unit
    end = np.array(nodes.end)

    single = _sheaf(
        tail, end, _step_cost(problem, unit, number), np.array(1), number <= count[unit]
    )
    units = np.arange(len(count))
    below = np.flatnonzero(low > problem.base)
    lower = (low - problem.base)[below]
    under = _sheaf(nodes.unit + below, end, _step_cost(problem, below, low[below]), lower, lower)
    above = np.flatnonzero(high < problem.room)
    upper = (problem.room - high)[above]
    over = _sheaf(
        nodes.unit + above, end, _step_cost(problem, above, high[above] + 1), upper, np.array(0)
    )
    # A unit hangs on the end by an arc that has room, so that the tree is a strong one: by that of
    # its next body, and where it is full by one over which nothing ever flows.
    hold = _sheaf(nodes.unit + units, end, np.array(_dear(problem)), np.array(ENDLESS), np.array(0))
    joined = [np.concatenate(part) for part in zip(hold, single, under, over, strict=True)]
    following = len(units) + np.cumsum(steps) - steps + count - low
    return _Sheaf(*joined), np.where(count < high, following, units)


def _rooted(nodes: Nodes, parts: list[_Sheaf], tree: Whole) -> Network:
    """Put arcs together; those of the tree lead from each node but the end, in order of nodes."""
    tail, head, cost, cap, flow = (np.concatenate(part) for part in zip(*parts, strict=True))
    state = np.where(flow == 0, 1, -1).astype(np.int8)
    state[tree] = 0
    arcs = Arcs(tail.astype(np.int32), head.astype(np.int32), cost, cap, flow, state)
    parent, arc, size, child, after, before = np.full((6, nodes.total), -1, np.int32)
    potential = np.zeros(nodes.total, np.int64)
    basis = Basis(parent, arc, size, child, after, before, potential)
    basis.parent[:-1] = head[tree]
    basis.arc[:-1] = tree
    plant(basis, arcs, _downwards(nodes))
    return Network(nodes, arcs, basis)


def _downwards(nodes: Nodes) -> NDArray[np.int32]:
    """Return all nodes but the end, each after that on which it hangs."""
    return np.arange(nodes.end - 1, -1, -1, dtype=np.int32)


def offer(network: Network, problem: Problem, body: Whole, unit: Whole, post: Whole) -> Network:
    """Return a network with more arcs of bodies; the flow stays."""
    head, cost = body_arcs(problem, network.nodes, body, unit, post)
    number = len(body)
    arcs = network.arcs
    more = Arcs(
        body.astype(np.int32),
        head.astype(np.int32),
        cost,
        np.full(number, ENDLESS),
        np.zeros(number, np.int64),
        np.ones(number, np.int8),
    )
    joined = Arcs(
        np.concatenate([arcs.tail, more.tail]),
        np.concatenate([arcs.head, more.head]),
        np.concatenate([arcs.cost, more.cost]),
        np.concatenate([arcs.cap, more.cap]),
        np.concatenate([arcs.flow, more.flow]),
        np.concatenate([arcs.state, more.state]),
    )
    return network._replace(arcs=joined)


def placing_of(network: Network, problem: Problem) -> Placing:
    """Return the plan that a flow is; who fits no post of its unit has post -1."""
    nodes, arcs = network.nodes, network.arcs
    used = np.flatnonzero((arcs.flow > 0) & (arcs.tail < nodes.bodies))
    unit = np.full(nodes.bodies, -1)
    post = np.full(nodes.bodies, -1)
    body, head = arcs.tail[used], arcs.head[used].astype(np.int64)
    slot = (head >= nodes.bodies) & (head < nodes.unit)
    place = head - nodes.bodies
    unit[body[slot]] = place[slot] // nodes.posts
    post[body[slot]] = place[slot] % nodes.posts
    misfit = (head >= nodes.unit) & (head < nodes.nowhere)
    unit[body[misfit]] = head[misfit] - nodes.unit
    return Placing(unit, post)
