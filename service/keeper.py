"""Starts the private server anew when it was killed under a running service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from geo.errors import NoDatabaseError
from service.cluster import Cluster

_LOOK_S = 0.5
_REST_S = 10.0  # after a failed try: what hinders it, a full disk, seldom passes at once

_log = logging.getLogger(__name__)


@contextmanager
def kept(cluster: Cluster) -> Iterator[None]:
    """Look after a started cluster while the block lasts; one that was joined is its owner's.

    Notes
    -----
    The out-of-memory killer, or an administrator's ``kill -9``, takes the server's first process
    now and then. What was committed is intact, and the pool connects again by itself.
    """
    if not cluster.owned:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(cluster, done), name="cluster", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(cluster: Cluster, done: threading.Event) -> None:
    """Revive the server whenever it is gone, until done."""
    pause_s = _LOOK_S
    while not done.wait(pause_s):
        pause_s = _LOOK_S
        try:
            if cluster.revive():
                _log.warning("the database server had been killed; it runs again")
        except (NoDatabaseError, OSError) as error:
            _log.error("the database server was killed and does not start again: %s", error)
            pause_s = _REST_S
