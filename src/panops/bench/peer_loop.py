"""The loop that people write: a thread a camera, `cv2.VideoCapture`, YOLOX-nano on onnxruntime, ByteTrack, supervision's zone and line.

Its own program, so that it is measured alone: `python -m panops.bench.peer_loop`. It reads its settings as one line of JSON, says
`READY N` when N cameras have shown a picture (or `FAILED` and why), answers each further line with its counts so far, and ends with its
standard input. It stores nothing, keeps no pictures and has no page. The settings::

    {"model": "yolox_nano_416.onnx", "threads": 1, "check_fps": 5, "patience_s": 60,
     "cameras": {"cam-001": {"url": "rtsp://...", "zone": [[0.1, 0.4], ...], "line": [[0.5, 0.3], [0.5, 1.0]]}}}
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from queue import Queue
from typing import Any

from panops.pipeline.latency import LatencyHistogram, total

# What a careful user sets: OpenCV opens cameras one after the other, and by itself looks at each for seconds first.
_CAPTURE_OPTIONS = "rtsp_transport;tcp|analyzeduration;100000|fpsprobesize;0"
_AGAIN_S = 1.0


class Watcher:
    """One camera: its thread, its tracker, its zone and line.

    Args:
        settings: Its `url`, `zone` and `line`.
        detector: Shared with the others.
        check_fps: Pictures a second that are looked at; all, where the camera sends no more.
        decoder_threads: Threads of the decoder; 0 leaves it as OpenCV has it.
    """

    def __init__(self, settings: dict[str, Any], detector: Any, check_fps: float, decoder_threads: int) -> None:
        """Nothing runs yet."""
        self.opened = 0
        self.pictures = 0
        self.checks = 0
        self.inside = 0
        self.crossed = 0
        self.latency = LatencyHistogram()
        self._settings = settings
        self._detector = detector
        self._check_fps = check_fps
        self._decoder_threads = decoder_threads
        self._origin_s = math.inf
        self._period = -1
        self._zone: Any = None
        self._line: Any = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        import cv2  # noqa: PLC0415  # as little as can be before the settings are read

        while True:
            more = [cv2.CAP_PROP_N_THREADS, self._decoder_threads] if self._decoder_threads else []
            self.opened += 1
            capture = cv2.VideoCapture(self._settings["url"], cv2.CAP_FFMPEG, more)
            self._watch(capture, cv2.CAP_PROP_POS_MSEC)
            capture.release()
            time.sleep(_AGAIN_S)

    def _watch(self, capture: Any, position: int) -> None:
        from trackers import ByteTrackTracker  # noqa: PLC0415  # a peer for measuring, never a dependency

        tracker = ByteTrackTracker(frame_rate=self._check_fps)
        self._origin_s, self._period = math.inf, -1
        while capture.grab():
            self.pictures += 1
            shown_s = capture.get(position) / 1000
            # A picture cannot come before it is taken: the smallest distance is the camera's beginning.
            self._origin_s = min(self._origin_s, time.monotonic() - shown_s)
            period = math.floor(shown_s * self._check_fps + 0.25)
            if period == self._period:
                continue
            self._period = period
            ok, image = capture.retrieve()
            if ok:
                self._look(image, tracker)
                self.checks += 1
                self.latency.add(time.monotonic() - shown_s - self._origin_s)

    def _look(self, image: Any, tracker: Any) -> None:
        import numpy as np  # noqa: PLC0415  # see above
        import supervision  # noqa: PLC0415  # a peer

        if self._zone is None:
            size = np.array([image.shape[1], image.shape[0]])
            self._zone = supervision.PolygonZone(np.rint(np.array(self._settings["zone"]) * size).astype(int))
            start, end = (supervision.Point(*map(float, np.array(point) * size)) for point in self._settings["line"][:2])
            self._line = supervision.LineZone(start, end, triggering_anchors=[supervision.Position.BOTTOM_CENTER])
        boxes, scores = self._detector.detect(image)
        found = tracker.update(supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int)))
        self.inside += int(self._zone.trigger(found).any())
        came, went = self._line.trigger(found)
        self.crossed += int(came.sum() + went.sum())


def read_orders() -> Queue[str]:
    """The lines of the standard input, read on a thread of its own: at its end this process ends, also while it opens its cameras."""
    orders: Queue[str] = Queue()

    def read() -> None:
        for line in iter(sys.stdin.readline, ""):
            orders.put(line)
        os._exit(0)  # threads that are inside a decoder are not waited for

    threading.Thread(target=read, daemon=True).start()
    return orders


def main() -> int:
    """Read the settings, watch, and answer until the standard input ends."""
    orders = read_orders()
    settings = json.loads(orders.get())
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = _CAPTURE_OPTIONS
    os.environ["OPENCV_LOG_LEVEL"] = "ERROR"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime 1.32 has an uploader on Linux, too, and starts it when it is imported
    try:
        import cv2  # noqa: PLC0415  # after its environment is set
        import supervision  # noqa: F401, PLC0415  # told now, not by each thread
        import trackers  # noqa: F401, PLC0415  # the same

        from panops.bench.peer_detector import PeerDetector  # noqa: PLC0415  # needs onnxruntime
    except ImportError as error:
        _say(f"FAILED {error}")
        return 1
    threads = int(settings["threads"])
    if threads:
        cv2.setNumThreads(threads)
    detector = PeerDetector(settings["model"], threads)
    watchers = {name: Watcher(camera, detector, settings["check_fps"], threads) for name, camera in settings["cameras"].items()}
    give_up_s = time.monotonic() + settings["patience_s"]
    while (shown := sum(watcher.checks > 0 for watcher in watchers.values())) < len(watchers) and time.monotonic() < give_up_s:
        time.sleep(0.1)
    _say(f"READY {shown}")
    while True:
        orders.get()
        latency = total(watcher.latency for watcher in watchers.values())
        counts = {
            name: {
                "opened": watcher.opened,
                "pictures": watcher.pictures,
                "checks": watcher.checks,
                "inside": watcher.inside,
                "crossed": watcher.crossed,
            }
            for name, watcher in watchers.items()
        }
        _say(json.dumps({"cameras": counts, "latency": latency.counts, "latency_sum_s": latency.sum_s}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
