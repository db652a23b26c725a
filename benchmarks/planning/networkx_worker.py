"""Solves one flow with networkx, in an environment of its own: arrays in, seconds and cost out."""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def main() -> None:
    """Read the arrays of the file that is named, and print what it took and what it costs."""
    # this environment alone has it, and it ships no types
    import networkx  # type: ignore[import-untyped]  # noqa: PLC0415

    with np.load(sys.argv[1]) as told:
        arcs = [told[name].tolist() for name in ("tail", "head", "cost", "cap")]
        demand = told["demand"].tolist()
    graph = networkx.MultiDiGraph()
    graph.add_nodes_from((node, {"demand": number}) for node, number in enumerate(demand))
    for tail, head, cost, cap in zip(*arcs, strict=True):
        graph.add_edge(tail, head, weight=cost, capacity=cap)
    begin = time.perf_counter()
    cost, _ = networkx.network_simplex(graph)
    json.dump({"s": time.perf_counter() - begin, "cost": int(cost)}, sys.stdout)


if __name__ == "__main__":
    main()
