"""A vision task and a backend as one detector."""

from __future__ import annotations

from panops.domain.detections import Detections
from panops.domain.frame import Frame
from panops.vision.model_task import ModelTask


class ModelDetector(ModelTask[Detections]):
    """`domain.protocols.Detector` from a model; see `ModelTask`. Its task is `vision.registry.open_task`'s."""

    def detect(self, frame: Frame) -> Detections:
        """All objects above the task's lowest score, in px of the frame.

        Raises:
            ModelError: The model failed.
        """
        return self.run(frame)

    def forget(self, camera_id: str) -> None:
        """Nothing is remembered of a camera."""
