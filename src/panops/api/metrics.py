"""`/metrics` for Prometheus: what the running site says of itself, read when it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from panops.api.live_socket import LiveSockets
from panops.api.problems import ProblemError
from panops.api.security import OPEN, Caller, is_local
from panops.api.services import Needed
from panops.pipeline.latency import BOUNDS_S, LatencyHistogram, total
from panops.pipeline.live import CameraState, CameraStatus, LiveSite, ShardFigures
from panops.storage.scope import Role

router = APIRouter(tags=["metrics"])

# The site's figures under their Prometheus names; one that the site does not give is left out, one not named here gets panops_site_NAME.
_SITE: Mapping[str, tuple[str, str, bool]] = {
    "cpu_cores": ("panops_cpu_cores", "Processor cores in use by all processes.", False),
    "rss_bytes": ("panops_resident_memory_bytes", "Resident memory of all processes.", False),
    "uptime_s": ("panops_uptime_seconds", "Time since the start.", False),
    "shards": ("panops_shards", "Processes that run cameras.", False),
    "shard_restarts": ("panops_shard_restarts", "Processes that ended unexpectedly and were started again.", True),
    "cameras_moved": ("panops_cameras_moved", "Cameras that another process took over to even out the load.", True),
    "events_written": ("panops_events_stored", "Events stored since the start.", True),
    "recording_headroom_hours": (
        "panops_recording_headroom_hours",
        "Hours of recording for which there is space if nothing is deleted.",
        False,
    ),
    "archive_up": ("panops_recording_archive_up", "Whether the archive of recordings answered the last time (1), or there is none.", False),
    "archive_bytes": ("panops_recording_archive_bytes", "What recordings take in the archive.", False),
    "archive_waiting_bytes": ("panops_recording_archive_waiting_bytes", "Recordings that are due to move to the archive.", False),
    "archive_missing_files": ("panops_recording_archive_missing_files", "Archived recordings that the archive does not have.", False),
    "archived_files": ("panops_recording_archived_files", "Files that moved to the archive.", True),
    "archived_bytes": ("panops_recording_archived_bytes", "Bytes that moved to the archive.", True),
    "archive_failures": ("panops_recording_archive_failures", "Times that moving to the archive failed.", True),
    "archive_unmoved_deleted": (
        "panops_recording_archive_unmoved_deleted",
        "Files that were deleted for want of space before they could move to the archive.",
        True,
    ),
    "people_expired": ("panops_people_expired", "Known people who were deleted because their time was over.", True),
    "seen_again": ("panops_alerts_seen_again", "Alerts that were not sent since their person had been told of already.", True),
    "storage_free_bytes": ("panops_storage_free_bytes", "Free space where events and evidence are kept.", False),
}


@router.get("/metrics", dependencies=[OPEN], include_in_schema=False)
async def metrics(request: Request, services: Needed) -> Response:
    """Prometheus text, for this machine itself, an administrator, or a token that may see every camera."""
    caller: Caller | None = request.state.user
    if caller is None and not is_local(request, loopback_is_local=services.settings.loopback_is_local):
        raise ProblemError(401, "sign in as admin, or send a bearer token", headers={"WWW-Authenticate": "Bearer"})
    if caller is not None and not _may_read(caller):
        raise ProblemError(403, "metrics need the role admin, or a token that may see every camera")
    # Scraped on the event loop: the running site may only be asked there, and it answers from memory.
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)


def _may_read(caller: Caller) -> bool:
    return caller.role is Role.ADMIN or (caller.via == "token" and caller.scope.cameras is None)


class SiteCollector(Collector):
    """Turns the running site's state into metrics at each scrape, so that nothing has to be kept in step.

    Args:
        live: The running site.
        sockets: The open websockets.
    """

    def __init__(self, live: LiveSite, sockets: LiveSockets) -> None:
        self._live = live
        self._sockets = sockets

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: the registry must not ask the site before it runs."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics of cameras, site and sockets."""
        yield from _camera_metrics(self._live.statuses())
        yield from _shard_metrics(self._live.shards())
        yield from _site_metrics(self._live.metrics())
        yield _command_metric(self._live.alerts.commands())
        yield from self._socket_metrics()

    def _socket_metrics(self) -> Iterator[Metric]:
        counts = self._sockets.counts
        yield GaugeMetricFamily("panops_live_sockets", "Open live connections of pages.", value=len(self._sockets))
        yield CounterMetricFamily("panops_live_batches", "Picture batches sent to pages.", value=counts.batches)
        yield CounterMetricFamily("panops_live_pictures", "Pictures sent to pages.", value=counts.pictures)
        yield CounterMetricFamily("panops_live_pictures_skipped", "Pictures a slow page did not get.", value=counts.skipped)


def _camera_metrics(statuses: list[CameraStatus]) -> Iterator[Metric]:
    camera = ["camera"]
    up = GaugeMetricFamily("panops_camera_up", "Whether the camera is live (1) or not (0).", labels=camera)
    state = GaugeMetricFamily("panops_camera_state", "1 for the state that the camera is in.", labels=["camera", "state"])
    decoded = CounterMetricFamily("panops_frames_decoded", "Frames decoded.", labels=camera)
    analysed = CounterMetricFamily("panops_frames_analysed", "Frames that the detector saw.", labels=camera)
    dropped = CounterMetricFamily("panops_frames_dropped", "Frames given up, by cause.", labels=["camera", "cause"])
    reconnects = CounterMetricFamily("panops_reconnects", "Times a connection had to be made again.", labels=camera)
    inference = GaugeMetricFamily("panops_inference_seconds", "Median time of the detector, lately.", labels=["camera", "model"])
    tracks = GaugeMetricFamily("panops_tracks", "Objects followed now.", labels=camera)
    rate = GaugeMetricFamily("panops_source_frames_per_second", "Frames that come per second, decoded or not, lately.", labels=camera)
    checks = GaugeMetricFamily("panops_checks_per_second", "Frames looked at per second, lately.", labels=camera)
    packets = CounterMetricFamily("panops_packets_received", "Encoded pictures received.", labels=camera)
    looks = CounterMetricFamily("panops_checks", "Frames looked at, those that the motion gate held back too.", labels=camera)
    asleep = GaugeMetricFamily(
        "panops_camera_asleep", "Whether only the camera's keyframes are decoded (1), because nothing happens.", labels=camera
    )
    steps = ["camera", "step"]
    suppressed = CounterMetricFamily("panops_events_suppressed", "Events taken for false alarms, by the step of the chain.", labels=steps)
    failed = CounterMetricFamily("panops_chain_failures", "Times a step of the chain failed and had no say.", labels=steps)
    woken = CounterMetricFamily("panops_camera_woken", "Times the camera was woken.", labels=camera)
    cost = GaugeMetricFamily("panops_camera_cpu_cores", "Share of a core that the camera takes, lately.", labels=camera)
    recorded = CounterMetricFamily("panops_recorded_bytes", "Bytes of video recorded, kept or not.", labels=camera)
    segments = CounterMetricFamily("panops_recorded_segments", "Files that were recorded and stayed.", labels=camera)
    unrecorded = CounterMetricFamily("panops_recording_failures", "Times that recording failed, by cause.", labels=["camera", "cause"])
    newest = GaugeMetricFamily("panops_last_frame_timestamp_seconds", "UTC time of the newest frame.", labels=camera)
    for status in statuses:
        label = [status.camera_id]
        up.add_metric(label, float(status.state is CameraState.LIVE))
        for name in CameraState:
            state.add_metric([*label, name.value], float(status.state is name))
        decoded.add_metric(label, status.decoded)
        analysed.add_metric(label, status.analysed)
        reconnects.add_metric(label, status.reconnects)
        for cause, count in sorted(Counter(status.dropped).items()):
            dropped.add_metric([*label, cause], count)
        for step, count in sorted(status.suppressed.items()):
            suppressed.add_metric([*label, step], count)
        for step, count in sorted(status.chain_failures.items()):
            failed.add_metric([*label, step], count)
        inference.add_metric([*label, status.model], status.inference_ms / 1000)
        tracks.add_metric(label, status.tracks)
        rate.add_metric(label, status.source_fps)
        checks.add_metric(label, status.checks_fps)
        packets.add_metric(label, status.packets)
        looks.add_metric(label, status.checks)
        asleep.add_metric(label, float(status.asleep))
        woken.add_metric(label, status.woken)
        cost.add_metric(label, status.cost_cores)
        recorded.add_metric(label, status.recorded_bytes)
        segments.add_metric(label, status.recorded_segments)
        for cause, count in sorted(status.recording_failures.items()):
            unrecorded.add_metric([*label, cause], count)
        if status.last_frame_s is not None:
            newest.add_metric(label, status.last_frame_s)
    yield from (
        up,
        state,
        decoded,
        analysed,
        dropped,
        suppressed,
        failed,
        reconnects,
        inference,
        tracks,
        rate,
        checks,
        packets,
        looks,
        asleep,
        woken,
        cost,
        recorded,
        segments,
        unrecorded,
        newest,
    )


def _shard_metrics(shards: list[ShardFigures]) -> Iterator[Metric]:
    cpu = CounterMetricFamily("panops_stage_cpu_seconds", "CPU time of the processes that run cameras, by stage.", labels=["stage"])
    seconds = Counter[str]()
    for one in shards:
        seconds.update(one.cpu_s)
    for stage, used_s in sorted(seconds.items()):
        cpu.add_metric([stage], used_s)
    yield cpu
    yield _histogram(
        "panops_check_latency_seconds", "From capture to the end of a check, as checks came.", [one.check_latency for one in shards]
    )
    yield _histogram("panops_event_latency_seconds", "From capture to the stored event.", [one.event_latency for one in shards])
    yield _histogram(
        "panops_woken_latency_seconds",
        "From capture to the end of a check that had been slept through.",
        [one.woken_latency for one in shards],
    )
    yield _histogram(
        "panops_woken_event_latency_seconds",
        "From capture to the stored event, of what had been slept through.",
        [one.woken_event_latency for one in shards],
    )
    waits = GaugeMetricFamily("panops_queue_wait_seconds", "How long work waits, lately.", labels=["shard", "queue"])
    relief = GaugeMetricFamily(
        "panops_relief", "How much is given up for want of time: 0 nothing, 1 all but the safety floor.", labels=["shard"]
    )
    for one in shards:
        waits.add_metric([str(one.index), "decode"], one.decode_wait_s)
        waits.add_metric([str(one.index), "analysis"], one.analysis_wait_s)
        relief.add_metric([str(one.index)], one.relief)
    yield from (waits, relief)


def _histogram(name: str, text: str, parts: list[LatencyHistogram]) -> Metric:
    whole = total(parts)
    reached = list(accumulate(whole.counts))
    buckets = [(f"{bound_s:g}", float(count)) for bound_s, count in zip(BOUNDS_S, reached, strict=False)]
    return HistogramMetricFamily(name, text, buckets=[*buckets, ("+Inf", float(whole.count))], sum_value=whole.sum_s)


def _site_metrics(figures: Mapping[str, float]) -> Iterator[Metric]:
    for key, value in figures.items():
        name, text, counts = _SITE.get(key, (f"panops_site_{key}", f"{key} of the site.", False))
        family = CounterMetricFamily if counts else GaugeMetricFamily
        yield family(name, text, value=value)


def _command_metric(counts: Mapping[tuple[str, str], int]) -> Metric:
    commands = CounterMetricFamily(
        "panops_commands", "Commands that sinks took or refused, by what came of them.", labels=["sink", "outcome"]
    )
    for (sink, outcome), count in sorted(counts.items()):
        commands.add_metric([sink, outcome], count)
    return commands


def register_site(registry: CollectorRegistry, live: LiveSite, sockets: LiveSockets) -> None:
    """Let a registry show the site."""
    registry.register(SiteCollector(live, sockets))
