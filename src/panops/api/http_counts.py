"""Counts and times requests for the metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpCounts:
    """`panops_http_requests_total` and `panops_http_request_seconds`; labelled by the route's pattern, so that a scan adds no series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter("panops_http_requests", "HTTP requests answered.", ["method", "route", "status"], registry=registry)
        self._seconds = Histogram(
            "panops_http_request_seconds", "Time to answer an HTTP request.", ["route"], buckets=_BUCKETS_S, registry=registry
        )

    def finished(self, scope: Scope, status: int, took_s: float) -> None:
        """Count one request; `status` 0 means that the client was gone before an answer began."""
        route = getattr(scope.get("route"), "path", None) or ("static" if scope["path"].startswith("/static/") else "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(took_s)
