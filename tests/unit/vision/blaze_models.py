"""The small models of MediaPipe as panops opens them, and real pictures and clips as frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
from manifests import frame, manifest

from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.inference.open_backend import open_backend
from panops.ingest.pixels import VideoPixels
from panops.vision.candidates import KeepSettings
from panops.vision.detect_blaze import DetectBlaze, DetectBodies, DetectFaces, DetectPalms
from panops.vision.face_mesh import FaceMesh
from panops.vision.hands import Hands
from panops.vision.landmark_detector import LandmarkDetector, LandmarkSettings
from panops.vision.model_detector import ModelDetector
from panops.vision.pose_blaze import PoseBlaze

FileFinder = Callable[[str], Path]
FROM_0 = {"scale": 1 / 255}
FROM_MINUS_1 = {"mean": 127.5, "scale": 1 / 127.5}


@dataclass(frozen=True)
class Finder:
    member: str
    side_px: int
    class_name: str
    values: dict[str, float]
    task: type[DetectBlaze]

    def manifest(self) -> ModelManifest:
        made = manifest("blaze", (self.side_px, self.side_px), 1, layout="nhwc", letterbox=0, anchor="center", **self.values)
        return replace(made, classes=(self.class_name,))

    def open(self, file: FileFinder, settings: KeepSettings | None = None) -> ModelDetector:
        described = self.manifest()
        return ModelDetector(described, self.task(described, settings), open_backend(file(self.member)))


SHORT_RANGE = Finder("face_detection/face_detection_short_range.tflite", 128, "face", FROM_MINUS_1, DetectFaces)
FULL_RANGE = Finder("face_detection/face_detection_full_range_sparse.tflite", 192, "face", FROM_MINUS_1, DetectFaces)
PALM_FULL = Finder("palm_detection/palm_detection_full.tflite", 192, "palm", FROM_0, DetectPalms)
PALM_LITE = Finder("palm_detection/palm_detection_lite.tflite", 192, "palm", FROM_0, DetectPalms)
BODY = Finder("pose_detection/pose_detection.tflite", 224, "person", FROM_MINUS_1, DetectBodies)

LANDMARKS: dict[str, tuple[type[LandmarkDetector], str, Finder]] = {
    "face": (FaceMesh, "face_landmark/face_landmark.tflite", FULL_RANGE),
    "hand": (Hands, "hand_landmark/hand_landmark_full.tflite", PALM_FULL),
    "hand lite": (Hands, "hand_landmark/hand_landmark_lite.tflite", PALM_LITE),
    "pose": (PoseBlaze, "pose_landmark/pose_landmark_full.tflite", BODY),
}


def landmarks(kind: str, file: FileFinder, settings: LandmarkSettings | None = None) -> LandmarkDetector:
    make, member, finder = LANDMARKS[kind]
    return make(finder.open(file), open_backend(file(member)), settings)


def picture(path: Path) -> Frame:
    return frame(np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8))


def clip_frames(path: Path, camera_id: str = "cam") -> Iterator[Frame]:
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        for index, decoded in enumerate(container.decode(container.streams.video[0])):
            time_s = float(decoded.pts * decoded.time_base)
            yield Frame(camera_id, index, time_s, time_s, VideoPixels(decoded))
