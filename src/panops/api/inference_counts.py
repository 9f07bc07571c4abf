"""Counts and times what programs ask of models, for the metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from panops.pipeline.inference_order import Reply

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OUTCOMES = ("ok", "invalid", "busy", "failed")


class InferenceCounts:
    """`panops_api_inference_requests_total` and its times, and `panops_grpc_requests_total`.

    The label `model` is the name of a model that is here, or empty: names that callers make up add no series.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "panops_api_inference_requests",
            "Requests of programs to models, by what came of them.",
            ["model", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "panops_api_inference_seconds", "Time that the model took for a request.", ["model"], buckets=_BUCKETS_S, registry=registry
        )
        self._waits = Histogram(
            "panops_api_inference_wait_seconds", "Time that a request waited for its turn.", buckets=_BUCKETS_S, registry=registry
        )
        self._calls = Counter("panops_grpc_requests", "gRPC calls answered, by method and status.", ["method", "code"], registry=registry)
        self._calls.labels("ModelInfer", "OK")
        for outcome in _OUTCOMES:
            self._requests.labels("", outcome)

    def answered(self, reply: Reply) -> None:
        """Count what was done, well or not."""
        outcome = "ok" if reply.status == 200 else "invalid" if reply.status < 500 else "failed"
        self._requests.labels(reply.model, outcome).inc()
        self._waits.observe(reply.wait_s)
        if reply.status == 200 and reply.run_s:
            self._seconds.labels(reply.model).observe(reply.run_s)

    def refused(self, outcome: str) -> None:
        """Count what was not done: `busy`, or `failed`."""
        self._requests.labels("", outcome).inc()

    def called(self, method: str, code: str) -> None:
        """Count a gRPC call, however it ended; `method` is one that is offered."""
        self._calls.labels(method, code).inc()
