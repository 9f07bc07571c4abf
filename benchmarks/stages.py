"""What one camera costs at each stage, on a frame of the simulated site: CPU time of one thread, median of many.

Run it as `python -m benchmarks.stages`. Ratios between stages hold on a noisy machine; single figures hold for the machine they name.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from benchmarks.machine import describe
from panops.config.rule_schema import IntrusionConfig
from panops.config.schema import CameraConfig, MotionConfig, SimulationConfig
from panops.domain.clock import SystemClock
from panops.domain.detections import Detections
from panops.domain.protocols import Observation
from panops.ingest.decode import Decoder
from panops.ingest.registry import open_source
from panops.motion.gate import MotionGate
from panops.rules.engine import RuleEngine
from panops.rules.intrusion import Intrusion
from panops.rules.scene import Scene
from panops.simulation.recording import record
from panops.tracking.tracker import BatchTracker
from panops.vision.moving import MovingDetector

_SECONDS = 20
_OBJECTS = 10


def measure() -> dict[str, float]:
    """Milliseconds of CPU a frame, by stage."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        record(SimulationConfig(scene="yard", seed=3, activity=10), _SECONDS, Path(folder))
        camera = CameraConfig.model_validate({"source": str(Path(folder) / "video.mp4")})
        source = open_source("yard", camera, SystemClock(), realtime=False)
        info = source.open()
        packets = list(iter(source.read, None))
        source.close()
    decoder = Decoder("yard", info)
    frames = []
    decode_ms = []
    for packet in packets:
        began = time.thread_time()
        frames += decoder.decode(packet)
        decode_ms.append(1000 * (time.thread_time() - began))
    gate, moving = MotionGate(MotionConfig()), MovingDetector()
    lumas = [(frame.luma, frame.pts_s) for frame in frames]
    tracker = BatchTracker()
    rule = IntrusionConfig(id="r", kind="intrusion")
    engine = RuleEngine("yard", [(rule, Intrusion(rule, Scene("yard", info.size_wh, ("person",), {}, {})))], 1)
    observations = [Observation("yard", frame.pts_s, _crowd(index)) for index, frame in enumerate(frames)]
    tracks = []
    return {
        "decode_640x360_h264": median(decode_ms),
        "motion_gate": _each(lambda index: gate.look(*lumas[index]), len(lumas)),
        "rgb_416": _each(lambda index: frames[index].pixels.rgb((416, 234)), len(frames)),
        "detector_without_model": _each(lambda index: moving.detect(frames[index]), len(frames)),
        f"tracker_{_OBJECTS}_objects_one_camera": _each(lambda index: tracks.extend(tracker.update([observations[index]])), len(frames)),
        f"rules_{_OBJECTS}_tracks": _each(lambda index: engine.update(tracks[index]), len(frames)),
    }


def _crowd(index: int) -> Detections:
    """People who walk to the right, one below the other."""
    left = np.arange(_OBJECTS) * 40 + index * 3 % 200
    top = np.arange(_OBJECTS) * 25
    boxes = np.stack([left, top, left + 30, top + 70], axis=1).astype(np.float32)
    return Detections(boxes, np.full(_OBJECTS, 0.9, np.float32), np.zeros(_OBJECTS, np.int64))


def _each(work: Callable[[int], object], count: int) -> float:
    taken = []
    for index in range(count):
        began = time.thread_time()
        work(index)
        taken.append(1000 * (time.thread_time() - began))
    return median(taken)


if __name__ == "__main__":
    json.dump({"machine": describe(), "cpu_ms_a_frame": measure()}, sys.stdout, indent=2)
    sys.stdout.write("\n")
