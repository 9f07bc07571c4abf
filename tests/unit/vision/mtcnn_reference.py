"""MTCNN said plainly: the networks in torch, and the search one box at a time, in facenet-pytorch's order and roundings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Floats = NDArray[np.float32]


class Stage(nn.Module):
    """Convolutions with PReLU and pools, maybe a dense layer, then heads: probabilities, shifts, maybe points."""

    def __init__(self, convolutions: list[tuple[int, int, int]], dense: tuple[int, int] | None, heads: list[tuple[str, int]]) -> None:
        super().__init__()
        before = 3
        self.pools = [pool for _, _, pool in convolutions]
        self.has_dense = dense is not None
        for index, (channels, kernel, _) in enumerate(convolutions, 1):
            self.add_module(f"conv{index}", nn.Conv2d(before, channels, kernel))
            self.add_module(f"prelu{index}", nn.PReLU(channels))
            before = channels
        self.number = len(convolutions) + 1
        if dense is not None:
            self.add_module(f"dense{self.number}", nn.Linear(*dense))
            self.add_module(f"prelu{self.number}", nn.PReLU(dense[1]))
            before = dense[1]
        self.heads = [name for name, _ in heads]
        for name, size in heads:
            self.add_module(name, nn.Conv2d(before, size, 1) if dense is None else nn.Linear(before, size))

    def forward(self, x: Tensor) -> list[Tensor]:
        for index, pool in enumerate(self.pools, 1):
            x = self.get_submodule(f"prelu{index}")(self.get_submodule(f"conv{index}")(x))
            if pool:
                x = functional.max_pool2d(x, pool, 2, ceil_mode=True)
        if self.has_dense:
            x = x.permute(0, 3, 2, 1).flatten(1)
            x = self.get_submodule(f"prelu{self.number}")(self.get_submodule(f"dense{self.number}")(x))
        found = [self.get_submodule(name)(x) for name in self.heads]
        return [functional.softmax(found[0], 1), *found[1:]]


def stage(name: str) -> Stage:
    """A network with random weights."""
    if name == "pnet":
        return Stage([(10, 3, 2), (16, 3, 0), (32, 3, 0)], None, [("conv4_1", 2), ("conv4_2", 4)])
    if name == "rnet":
        return Stage([(28, 3, 3), (48, 3, 3), (64, 2, 0)], (576, 128), [("dense5_1", 2), ("dense5_2", 4)])
    heads = [("dense6_1", 2), ("dense6_2", 4), ("dense6_3", 10)]
    return Stage([(32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, 0)], (1152, 256), heads)


def trained(folder: Path, name: str) -> Stage:
    """A network with its weights of the shared data, loaded by torch."""
    network = stage(name)
    network.load_state_dict(torch.load(folder / f"mtcnn_{name}.pt", weights_only=True))
    return network.eval()


def greedy(xyxy: Floats, score: Floats, most: float, *, of_smaller: bool = False) -> list[int]:
    """Best first; each box that overlaps a better one by more is dropped."""
    extra = 1.0 if of_smaller else 0.0
    kept: list[int] = []
    for index in np.argsort(-score, kind="stable"):
        left, top, right, bottom = xyxy[index]
        area = (right - left + extra) * (bottom - top + extra)
        for other in kept:
            low, high = np.maximum(xyxy[other, :2], (left, top)), np.minimum(xyxy[other, 2:], (right, bottom))
            width, height = np.maximum(high - low + extra, 0)
            size = xyxy[other, 2:] - xyxy[other, :2] + extra
            whole = min(area, size[0] * size[1]) if of_smaller else area + size[0] * size[1] - width * height
            if whole > 0 and width * height / whole > most:
                break
        else:
            kept.append(int(index))
    return kept


def find(
    rgb: NDArray[np.uint8], networks: list[Stage], least_px: int, thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
) -> tuple[Floats, Floats, Floats]:
    """Boxes (N, 4), scores (N,) and points (N, 5, 2), best first; boxes are not cut to the picture."""
    pnet, rnet, onet = networks
    picture = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        boxes, scores, shifts = [], [], []
        for scale in scales(rgb, least_px):
            size = (int(rgb.shape[0] * scale + 1), int(rgb.shape[1] * scale + 1))
            probabilities, moves = pnet(normal(functional.interpolate(picture, size=size, mode="area")))
            here_boxes, here_scores, here_shifts = [], [], []
            for y, x in (probabilities[0, 1] >= thresholds[0]).nonzero().tolist():
                corners = np.array([2 * x + 1, 2 * y + 1, 2 * x + 12, 2 * y + 12], np.float32)
                here_boxes.append(np.floor(corners / np.float32(scale)))
                here_scores.append(probabilities[0, 1, y, x].item())
                here_shifts.append(moves[0, :, y, x].numpy())
            for index in greedy(np.array(here_boxes).reshape(-1, 4), np.array(here_scores, np.float32), 0.5):
                boxes.append(here_boxes[index])
                scores.append(here_scores[index])
                shifts.append(here_shifts[index])
        kept = greedy(np.array(boxes).reshape(-1, 4), np.array(scores, np.float32), 0.7)
        squares = [square(move(boxes[index], shifts[index], 0)) for index in kept]
        parts = [(box, crop(picture, box, 24)) for box in squares if has_pixels(rgb, box)]
        answers = [(box, *(array[0].numpy() for array in rnet(part))) for box, part in parts]
        passed = [answer for answer in answers if answer[1][1] > thresholds[1]]
        kept = greedy(np.array([answer[0] for answer in passed]).reshape(-1, 4), np.array([answer[1][1] for answer in passed]), 0.7)
        squares = [square(move(passed[index][0], passed[index][2], 1)) for index in kept]
        faces: list[tuple[Floats, float, Floats]] = []
        for box in squares:
            if has_pixels(rgb, box):
                probability, shift, points = (array[0].numpy() for array in onet(crop(picture, box, 48)))
                if probability[1] > thresholds[2]:
                    size_xy = box[2:] - box[:2] + 1
                    faces.append((move(box, shift, 1), probability[1], points.reshape(2, 5).T * size_xy + box[:2] - 1))
    found = np.array([face[0] for face in faces]).reshape(-1, 4)
    score = np.array([face[1] for face in faces], np.float32)
    kept = greedy(found, score, 0.7, of_smaller=True)
    return found[kept], score[kept], np.array([face[2] for face in faces]).reshape(-1, 5, 2)[kept]


def scales(rgb: NDArray[np.uint8], least_px: int) -> Iterator[float]:
    scale = 12 / least_px
    shown = min(rgb.shape[:2]) * scale
    while shown >= 12:
        yield scale
        scale, shown = scale * 0.709, shown * 0.709


def move(box: Floats, shift: Floats, extra: int) -> Floats:
    width, height = box[2] - box[0] + extra, box[3] - box[1] + extra
    return np.asarray(box + shift * np.array([width, height, width, height], np.float32))


def square(box: Floats) -> Floats:
    width, height = box[2] - box[0], box[3] - box[1]
    side = max(width, height)
    left, top = box[0] + width * 0.5 - side * 0.5, box[1] + height * 0.5 - side * 0.5
    return np.array([left, top, left + side, top + side], np.float32)


def whole(rgb_wh: tuple[int, int], box: Floats) -> tuple[int, int, int, int]:
    left, top, right, bottom = (int(side) for side in box)
    return max(left, 1) - 1, max(top, 1) - 1, min(right, rgb_wh[0]), min(bottom, rgb_wh[1])


def has_pixels(rgb: NDArray[np.uint8], box: Floats) -> bool:
    left, top, right, bottom = whole((rgb.shape[1], rgb.shape[0]), box)
    return right > left and bottom > top


def crop(picture: Tensor, box: Floats, side: int) -> Tensor:
    left, top, right, bottom = whole((picture.shape[3], picture.shape[2]), box)
    return normal(functional.interpolate(picture[:, :, top:bottom, left:right], size=(side, side), mode="area"))


def normal(picture: Tensor) -> Tensor:
    return (picture - 127.5) * 0.0078125
