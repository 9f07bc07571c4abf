"""Traces of frames that raise an event, at a real receiver for OTLP over HTTP; and that nothing of it is there when it is off."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.clock import SystemClock
from panops.domain.detections import Detections
from panops.domain.errors import ConfigError
from panops.domain.events import Event, EventPhase, Incident, Severity
from panops.domain.frame import ArrayPixels, Frame
from panops.pipeline import tracing
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check
from panops.pipeline.traced_loop import TracedCameraLoop, Traces
from panops.pipeline.tracing import MOST_A_MINUTE, STAGES, FrameTimes, FrameTracer, send_traces_to
from panops.rules.build import build_rules
from panops.rules.engine import RuleEngine
from panops.testing.fake_clock import FakeClock
from panops.tracking.tracker import BatchTracker

TIMES = FrameTimes(1000.0, (0.1, 0.12, 0.13, 0.2, 0.21, 0.22, 0.25))


def event(event_id: str = "gate-1-1") -> Event:
    incident = Incident("k", EventPhase.BEGIN, "intrusion", "person", "", (1,), 0.5, 1000.0, 1000.0)
    return Event(event_id, "gate", "night", Severity.ALARM, incident)


class Spans:
    """OpenTelemetry's tracer as far as it is used here; keeps what it is given."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int, int]] = []

    def start_span(self, name: str, start_time: int, **_: Any) -> Any:
        made = self

        class Span:
            def end(self, end_time: int) -> None:
                made.made.append((name, start_time, end_time))

        return Span()


class Receiver:
    """A collector: takes OTLP by HTTP, as protobuf, packed or not."""

    def __init__(self) -> None:
        messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.came = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = messages.ExportTraceServiceRequest()
                request.ParseFromString(body)
                assert self.path == "/v1/traces"
                for one in request.resource_spans:
                    receiver.resources.append({item.key: item.value.string_value for item in one.resource.attributes})
                    for scope in one.scope_spans:
                        receiver.spans += scope.spans
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.came.set()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter", reason="needs panops[otel]")
    made = Receiver()
    yield made
    made.close()


class Seeing:
    """A detector that sees one person in the middle."""

    name = "seeing"
    classes = ("person",)

    def detect(self, _frame: object) -> Detections:
        time.sleep(0.005)  # a detector takes its time; the span must show it
        return Detections(np.array([[100, 100, 200, 300]], np.float32), np.array([0.9], np.float32), np.array([0], np.int64))

    def forget(self, _camera_id: str) -> None:
        pass


def test_a_trace_has_each_stage_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.trace")
    spans, clock = Spans(), FakeClock(1000.0)
    tracer = FrameTracer(spans, clock, 0)
    times = replace(TIMES, ends_s=tuple(clock.monotonic_s() + end for end in TIMES.ends_s))  # type: ignore[arg-type]  seven of them
    tracer.note(event(), times, "street")
    clock.now_s += 0.5
    tracer.stored([event("other-1-1")])
    assert spans.made == [], "not before it is stored"
    tracer.stored([event(), event()])
    assert [name for name, *_ in spans.made] == [*STAGES, "event"]
    for (_, _, end), (_, start, _) in zip(spans.made, spans.made[1:-1], strict=False):
        assert start == end
    root = spans.made[-1]
    assert root[1:] == (spans.made[0][1], spans.made[-2][2])
    assert (root[2] - root[1]) / 1e9 == pytest.approx(0.5, abs=1e-3)
    tracer.stored([event()])
    assert len(spans.made) == 9, "once"


def test_time_never_goes_back_in_a_trace_and_there_are_not_too_many() -> None:
    pytest.importorskip("opentelemetry.trace")
    spans, clock = Spans(), FakeClock(1000.0)
    tracer = FrameTracer(spans, clock, 0)
    for number in range(MOST_A_MINUTE + 20):
        tracer.note(event(f"gate-1-{number}"), replace(TIMES, captured_at_s=9e9), "street")
        tracer.stored([event(f"gate-1-{number}")])
    assert len(spans.made) == 9 * MOST_A_MINUTE
    assert all(start <= end for _, start, end in spans.made)
    clock.now_s += 60
    tracer.note(event("late-1-1"), TIMES, "street")
    tracer.stored([event("late-1-1")])
    assert len(spans.made) == 9 * (MOST_A_MINUTE + 1)


def test_the_limit_counts_the_traces_that_are_sent() -> None:
    pytest.importorskip("opentelemetry.trace")
    spans, clock = Spans(), FakeClock(1000.0)
    tracer = FrameTracer(spans, clock, 0)
    for _ in range(2 * MOST_A_MINUTE):
        tracer.stored([event("unknown-1-1")])
    events = [event(f"gate-1-{number}") for number in range(2 * MOST_A_MINUTE)]
    for batch in (events[:50], events[50:]):
        for one in batch:
            tracer.note(one, TIMES, "street")
        tracer.stored(batch)
    assert len(spans.made) == 9 * MOST_A_MINUTE, "not fewer for what was not noted, not more for what is stored at once"


def test_what_is_never_stored_is_forgotten() -> None:
    tracer = FrameTracer(Spans(), FakeClock(1000.0), 0)
    for number in range(tracing.MOST_WAITING + 50):
        tracer.note(event(f"gate-1-{number}"), TIMES, "street")
    assert len(tracer._waiting) == tracing.MOST_WAITING


def test_off_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.VARIABLE, raising=False)
    traces = Traces(0, SystemClock())
    config = CameraConfig.model_validate({"source": "sim://yard"})
    loop = traces.loop("gate", config, Seeing(), None, np.array([True]), SystemClock())
    assert type(loop) is CameraLoop, "the plain loop: not a branch more"
    traces.stored([event()])
    script = (
        "import os, sys; os.environ.pop('PANOPS_TRACES', None)\n"
        "from panops.domain.clock import SystemClock\nfrom panops.pipeline.traced_loop import Traces\n"
        "Traces(0, SystemClock()).stored([]); sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("address", ["collector:4318", "ftp://x", "http://", "http://eva:hunter2@x", "http://x?a=1"])
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracing.VARIABLE, "")
    with pytest.raises(ConfigError, match="expected a collector's address") as caught:
        send_traces_to(address)
    assert "hunter2" not in str(caught.value)


def test_a_frame_of_the_real_pipeline_arrives_at_a_real_receiver(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracing.VARIABLE, "")
    send_traces_to(f"{receiver.address}/")
    clock = SystemClock()
    traces = Traces(3, clock)
    site = SiteConfig.model_validate(
        {"cameras": {"gate": {"source": "sim://yard"}}, "rules": [{"id": "night", "kind": "intrusion", "after_s": 0}]}
    )

    def make_rules(size_wh: tuple[int, int], first: int) -> RuleEngine:
        return RuleEngine("gate", build_rules(site, "gate", ("person",), size_wh, UTC), 1, first)

    loop = traces.loop("gate", site.cameras["gate"], Seeing(), make_rules, np.array([True]), clock)
    assert isinstance(loop, TracedCameraLoop)
    loops = {"gate": loop}
    analyst = Analyst(BatchTracker(), loops)
    analyst.begin(loop)
    began: list[Event] = []
    start_s = clock.utc_s() - 2.0
    for number in range(12):
        pixels = ArrayPixels(np.full((360, 640, 3), 40 + 10 * number, np.uint8))
        check = loop.consider(Frame("gate", number, number / 5, start_s + number / 5, pixels))
        assert isinstance(check, Check)
        for outcome in analyst.round([check]):
            began += [one for one in outcome.events if one.phase is EventPhase.BEGIN]
    assert began
    traces.stored(began)
    assert receiver.came.wait(20)
    spans = {span.name: span for span in receiver.spans}
    assert set(spans) == {*STAGES, "event"}
    root = spans["event"]
    assert all(spans[name].parent_span_id == root.span_id and spans[name].trace_id == root.trace_id for name in STAGES)
    attributes = {item.key: item.value.string_value or item.value.int_value for item in root.attributes}
    assert (attributes["panops.event_id"], attributes["panops.camera_id"], attributes["panops.shard"]) == (began[0].event_id, "gate", 3)
    inference_s = (spans["inference"].end_time_unix_nano - spans["inference"].start_time_unix_nano) / 1e9
    assert inference_s >= 0.005
    assert receiver.resources[0]["service.name"] == "panops"
