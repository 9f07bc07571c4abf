"""OpenTelemetry traces of frames that raised an event: where the time went, from capture to database. Off unless asked for."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from panops import __version__
from panops.domain.clock import Clock
from panops.domain.errors import ConfigError, ConfigProblem, PluginError
from panops.domain.events import Event
from panops.pipeline.log_format import without_secrets

VARIABLE = "PANOPS_TRACES"
"""The collector's address, such as `http://collector:4318`; by it a process that is started tells its shards."""

STAGES = ("ingest", "decode", "motion", "inference", "tracking", "rules", "verify", "storage")
MOST_WAITING = 256
MOST_A_MINUTE = 60
_EXPORT_TIMEOUT_S = 2.0
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """One frame's way, as its camera's loop saw it.

    Attributes:
        captured_at_s: When it was captured, UTC s.
        ends_s: The end of each of `STAGES` but the last, monotonic clock, s; each begins where the one before ends.
    """

    captured_at_s: float
    ends_s: tuple[float, float, float, float, float, float, float]


class FrameTracer:
    """Sends a trace for each event that begins, once it is stored. Noted on the analysis thread, stored on the writer's.

    Args:
        tracer: OpenTelemetry's.
        clock: Time.
        shard: The shard's number, for an attribute.
    """

    def __init__(self, tracer: Any, clock: Clock, shard: int) -> None:
        self._tracer = tracer
        self._clock = clock
        self._shard = shard
        self._waiting: OrderedDict[str, tuple[Event, FrameTimes, str]] = OrderedDict()
        self._lock = threading.Lock()
        self._minute, self._sent = -1, 0

    def note(self, event: Event, times: FrameTimes, model: str) -> None:
        """An event begins with this frame; of very many that are not stored the oldest are forgotten."""
        with self._lock:
            self._waiting[event.event_id] = (event, times, model)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)

    def stored(self, events: Sequence[Event]) -> None:
        """These are in the database now: their traces are complete."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            found = [self._waiting.pop(event.event_id) for event in events if event.event_id in self._waiting]
            if not found:
                return
            found = found[: self._left(now_s)]
            self._sent += len(found)
        for event, times, model in found:
            self._send(event, times, model, now_s)

    def _left(self, now_s: float) -> int:
        """How many more may be sent in this minute."""
        minute = int(now_s // 60)
        if minute != self._minute:
            self._minute, self._sent = minute, 0
        return MOST_A_MINUTE - self._sent

    def _send(self, event: Event, times: FrameTimes, model: str, now_s: float) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - an extra

        ahead_s = self._clock.utc_s() - self._clock.monotonic_s()
        # A camera's time of capture is estimated and may lie a moment after the arrival.
        begins_s = min(times.captured_at_s, times.ends_s[0] + ahead_s)
        edges = [begins_s, *(end_s + ahead_s for end_s in (*times.ends_s, now_s))]
        nanoseconds = [int(edge_s * _NS) for edge_s in edges]
        for at in range(1, len(nanoseconds)):
            nanoseconds[at] = max(nanoseconds[at], nanoseconds[at - 1])
        attributes = {
            "panops.event_id": event.event_id,
            "panops.camera_id": event.camera_id,
            "panops.rule_id": event.rule_id,
            "panops.kind": event.incident.kind,
            "panops.class": event.incident.class_name,
            "panops.suppressed": event.is_suppressed,
            "panops.shard": self._shard,
            "panops.model": model,
        }
        root = self._tracer.start_span("event", start_time=nanoseconds[0], attributes=attributes)
        inside = trace.set_span_in_context(root)
        for name, (start, end) in zip(STAGES, pairwise(nanoseconds), strict=True):
            self._tracer.start_span(name, context=inside, start_time=start).end(end_time=end)
        root.end(end_time=nanoseconds[-1])


def send_traces_to(address: str) -> None:
    """Let this process and those it starts send traces.

    Args:
        address: A collector's, such as `http://collector:4318`.

    Raises:
        ConfigError: That is no address of one.
        PluginError: OpenTelemetry is not installed.
    """
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", address):
        message = f"expected a collector's address such as http://collector:4318, got {without_secrets(address)[:80]!r}"
        raise ConfigError("--traces", [ConfigProblem("", message)])
    _check_installed()
    os.environ[VARIABLE] = address


def _check_installed() -> None:
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: PLC0415 - an extra
        import opentelemetry.sdk.trace  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise PluginError(f"traces need {error.name}, which is not installed; install it with: pip install 'panops[otel]'") from error


def tracer_from_environment(shard: int, clock: Clock) -> FrameTracer | None:
    """The tracer that the process which started this one asked for; None where it did not, and nothing is loaded then."""
    address = os.environ.get(VARIABLE, "")
    return FrameTracer(_open(address), clock, shard) if address else None


def _open(address: str) -> Any:
    """OpenTelemetry's tracer. Its spans go to the collector in batches, on a thread of its own; the last ones when the process ends."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

    resource = Resource.create({"service.name": "panops", "service.version": __version__})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("panops", __version__)
