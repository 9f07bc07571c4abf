"""Measuring the network while it is trained: AP50 of each source and class, in seconds.

Final figures come from `panops evaluate detector`, which runs the exported file through the live path's code; this here runs the torch
network itself, in float32, on the same pictures with the same suppression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import SourceCorrupt
from panops.domain.labels import DetectionSet
from panops.evaluation.detection_score import ap50_by_source_and_class
from panops.training.augment.geometry import PAD
from panops.training.loss import Predicted, grid_of, predicted_of
from panops.training.network import DetectorNetwork
from panops.training.pictures import read_picture
from panops.training.trainer import HEADLINE
from panops.vision.candidates import FloatArray, KeepSettings, best_indices, keep
from panops.vision.letterbox import Letterbox

_SETTINGS = KeepSettings(min_score=0.01, most_candidates=2000, most=300)
_LARGEST_PX = 1920


class Validation:
    """Measures networks on a labelled set.

    Args:
        dataset: Never learnt from.
        input_px: The side of the network's square input.
        measure: `source/class` pairs whose mean is the headline; all when empty.
        batch: Pictures at once.
        tell: Called with (done, all) pictures.
    """

    def __init__(
        self,
        dataset: DetectionSet,
        input_px: int,
        measure: Sequence[str] = (),
        batch: int = 16,
        tell: Callable[[int, int], None] = lambda done, all_: None,
    ) -> None:
        self._dataset = dataset
        self._input_wh = (input_px, input_px)
        self._measure = frozenset(measure)
        self._batch = batch
        self._tell = tell

    def __call__(self, network: DetectorNetwork) -> Mapping[str, float]:
        """AP50 by `source/class`, of each class over all sources by its name, and the headline."""
        found = self.detect(network)
        figures = ap50_by_source_and_class(self._dataset, found, network.shape.classes)
        named = {f"{source}/{name}" if source else name: value for (source, name), value in figures.items()}
        chosen = [value for name, value in named.items() if name in self._measure or (not self._measure and "/" in name)]
        return {HEADLINE: float(np.mean(chosen)) if chosen else float("nan"), **named}

    @torch.no_grad()
    def detect(self, network: DetectorNetwork) -> list[Detections]:
        """Detections of every picture, in order."""
        device = next(network.parameters()).device
        found: list[Detections] = []
        pictures = self._dataset.pictures
        for first in range(0, len(pictures), self._batch):
            part = pictures[first : first + self._batch]
            boxes, tensors = zip(*(self._letterboxed(picture.path, picture.size_wh) for picture in part), strict=True)
            levels = network(torch.from_numpy(np.stack(tensors)).to(device).float().contiguous(memory_format=torch.channels_last))
            predicted = predicted_of(levels, grid_of(levels))
            found += [kept(predicted, row, box) for row, box in enumerate(boxes)]
            self._tell(len(found), len(pictures))
        return found

    def _letterboxed(self, path: object, size_wh: tuple[int, int]) -> tuple[Letterbox, NDArray[np.uint8]]:
        """The picture as the live path pads it; one that cannot be read is grey, and its objects count as missed."""
        box = Letterbox.fit(size_wh, self._input_wh)
        canvas = np.full((self._input_wh[1], self._input_wh[0], 3), PAD, np.uint8)
        try:
            image = read_picture(path, _LARGEST_PX)
        except SourceCorrupt:
            return box, canvas.transpose(2, 0, 1)
        # As the live path's scaler, which averages where it makes smaller: with INTER_LINEAR figures were .03 below the deployed file's.
        smooth = cv2.INTER_AREA if box.scaled_wh[0] < image.shape[1] else cv2.INTER_LINEAR
        canvas[: box.scaled_wh[1], : box.scaled_wh[0]] = cv2.resize(image, box.scaled_wh, interpolation=smooth)
        return box, canvas.transpose(2, 0, 1)


def kept(predicted: Predicted, row: int, box: Letterbox) -> Detections:
    """What the live path would report of picture `row` of a batch."""
    scores: FloatArray = predicted.log_score[row].exp().cpu().numpy()
    class_id = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), class_id]
    index = best_indices(best, _SETTINGS)
    xyxy: FloatArray = predicted.boxes[row].cpu().numpy()[index]
    return keep(xyxy, best[index], class_id[index].astype(np.int64), box, _SETTINGS)
