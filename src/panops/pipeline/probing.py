"""The connection test behind "add a camera", `panops doctor` and the API."""

from __future__ import annotations

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError
from panops.ingest.probe import probe_source
from panops.ingest.registry import open_source
from panops.pipeline.annotate import encode_jpeg
from panops.pipeline.live import CameraState, ProbeResult
from panops.pipeline.previews import preview_size


def probe_camera(camera: CameraConfig, clock: Clock) -> ProbeResult:
    """Connect, decode one picture, and say what is wrong in one sentence. Blocks for at most about 15 s; never raises for a bad camera."""
    try:
        report = probe_source(open_source("probe", camera, clock))
    except PanopsError as error:
        return ProbeResult(ok=False, state=CameraState.ERROR, message=str(error))
    jpeg = b""
    if report.frame is not None:
        jpeg = encode_jpeg(report.frame.pixels.rgb(preview_size(report.frame.size_wh, "m")), 80)
    return ProbeResult(
        ok=report.ok,
        state=CameraState(report.state),
        message=report.message,
        codec=report.codec,
        size_wh=report.size_wh,
        rate_fps=report.rate_fps,
        keyframe_interval_s=report.keyframe_interval_s,
        took_s=report.took_s,
        jpeg=jpeg,
    )
