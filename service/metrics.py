"""What is counted, for Prometheus: requests, errors, connections, imports, editions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.core import Metric
    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.types import Scope

    from service.http_trace import Trace

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder through which workers count together, before prometheus_client is imported."""
_METHODS = frozenset({"GET", "POST", "OPTIONS", "HEAD", "WEBSOCKET"})


class _OfRoute(NamedTuple):
    """What counts the requests of one route, method and status."""

    requests: Counter
    sent: Counter
    seconds: Histogram


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["route", "method", "status"]
        self._requests = self._counter("requests", "Requests that ended.", labels)
        self._seconds = Histogram(
            "wangge_request_seconds",
            "How long requests took.",
            ["route"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._sent = self._counter("sent_bytes", "Bytes of bodies that were sent.", ["route"])
        self._errors = self._counter("errors", "Errors that were told, by code.", ["code"])
        self._statements = self._counter("statements", "SQL statements that requests ran.")
        self._database_s = self._counter("database_seconds", "What these statements took.")
        running = self._gauge("running", "Requests and conversations that run.", ["kind"])
        self._running_now = {kind: running.labels(kind) for kind in ("http", "websocket")}
        self._open = self._gauge("pool_open", "Connections to the database that are open.")
        self._lent = self._gauge("pool_in_use", "Connections that a statement uses just now.")
        self._of_route: dict[tuple[str, str, int], _OfRoute] = {}
        self._lost = self._counter("pool_lost", "Connections that were found broken.")

    def began(self, kind: str) -> Gauge:
        """Count one that runs from now on; whoever ends it lowers the gauge again."""
        gauge = self._running_now[kind]
        gauge.inc()
        return gauge

    def ended(self, scope: Scope, trace: Trace, seconds: float) -> None:
        """Count a request that is over."""
        counted = self._counted(scope, trace.status)
        counted.requests.inc()
        counted.sent.inc(trace.sent)
        if trace.statements:
            self._statements.inc(trace.statements)
            self._database_s.inc(trace.database_s)
        for code in trace.codes:
            self._errors.labels(code).inc()
        if scope["type"] == "http":  # a conversation lasts as long as somebody listens
            counted.seconds.observe(seconds)

    def _counted(self, scope: Scope, status: int) -> _OfRoute:
        """Return what counts requests of a kind; there are few kinds, and they are looked up."""
        method = scope.get("method", "WEBSOCKET")
        kind = (_route(scope), method if method in _METHODS else "other", status)
        counted = self._of_route.get(kind)
        if counted is None:
            route, named, _ = kind
            counted = self._of_route[kind] = _OfRoute(
                self._requests.labels(route, named, str(status)),
                self._sent.labels(route),
                self._seconds.labels(route),
            )
        return counted

    def watch_pool(self, engine: AsyncEngine) -> None:
        """Count the connections of an engine."""
        pool = engine.sync_engine.pool

        def listen(name: str, act: Callable[..., None]) -> None:
            event.listen(pool, name, lambda *_: act())

        listen("connect", self._open.inc)
        listen("close", self._open.dec)
        listen("close_detached", self._open.dec)
        listen("checkout", self._lent.inc)
        listen("checkin", self._lent.dec)
        listen("invalidate", self._lost.inc)

    def close(self) -> None:
        """Forget what was running here, for those who go on."""
        if SHARED_FOLDER in os.environ:
            multiprocess.mark_process_dead(os.getpid())  # type: ignore[no-untyped-call] # likewise

    def text(self, **now: float) -> bytes:
        """Return everything in the text format of Prometheus.

        Parameters
        ----------
        now
            Further gauges, by name: what is asked when it is wanted.
        """
        extra = CollectorRegistry()
        extra.register(_Now(now))
        counted = self.registry
        if SHARED_FOLDER in os.environ:  # this is one worker of several
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call] # it says nothing
        return generate_latest(counted) + generate_latest(extra)

    def _counter(self, name: str, told: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"wangge_{name}", told, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, told: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(
            f"wangge_{name}",
            told,
            tuple(labels),
            registry=self.registry,
            multiprocess_mode="livesum",
        )


NOW = {
    "edition": "Number of the newest edition.",
    "database_up": "Whether the database answers.",
    "imports_running": "Imports that run, or wait for their turn.",
    "questions_running": "Questions to the database that are not answered yet.",
}
"""What is asked when it is wanted."""


class _Now:
    """Gauges that have been asked."""

    def __init__(self, found: dict[str, float]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        """Give each."""
        for name, value in self._found.items():
            yield GaugeMetricFamily(f"wangge_{name}", NOW[name], value)


def _route(scope: Scope) -> str:
    """Return the route of a request as it is written down, of which there are few."""
    found: Any = scope.get("route")
    return getattr(found, "path", None) or "none"
