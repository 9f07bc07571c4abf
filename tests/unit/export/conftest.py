from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from panops.domain.labels import DetectionSet, LabelledPicture
from panops.domain.manifest import ModelManifest
from panops.export.passport import detector_manifest
from panops.export.tracing import onnx_from_torch

torch.set_num_threads(1)


def rows_of(levels: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    parts = [torch.cat([box, objectness.sigmoid(), classes.sigmoid()], 1).flatten(2) for box, objectness, classes in levels]
    return torch.cat(parts, 2).transpose(1, 2)


class Unit(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)))


class Patterns(nn.Module):
    """Everything that our detectors are made of, once each and small: strides 8 and 16, two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(12, 8, 3)
        self.depthwise = Unit(8, 8, 3, 2, 8)
        self.point = Unit(8, 16, 1)
        self.down = Unit(16, 16, 3, 2)
        self.beside = Unit(16, 16, 3)
        self.deep = Unit(16, 16, 3, 2)
        self.join = Unit(64, 16, 1)
        self.merge = Unit(32, 16, 1)
        self.outs = nn.ModuleList([nn.ModuleList([nn.Conv2d(16, width, 1) for width in (4, 1, 2)]) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        blocks = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        at8 = self.down(self.point(self.depthwise(self.stem(torch.cat(blocks, 1)))))
        at8 = at8 + self.beside(at8)
        at16 = self.deep(at8)
        at16 = self.join(torch.cat([at16, *(nn.functional.max_pool2d(at16, k, 1, k // 2) for k in (5, 9, 13))], 1))
        at8 = self.merge(torch.cat([nn.functional.interpolate(at16, scale_factor=2.0), at8], 1))
        return rows_of([tuple(out(x) for out in outs) for outs, x in zip(self.outs, (at8, at16), strict=True)])


class SquareFinder(nn.Module):
    """Finds 8x8 px squares that lie on its grid by their brightness: a detector whose figures are known without training."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 4, 8, 8)
        self.box, self.objectness, self.classes = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 1)
        self.far = nn.Conv2d(4, 4, 2, 2)
        self.far_box, self.far_objectness, self.far_classes = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 1)
        with torch.no_grad():
            for layer in self.children():
                layer.weight.zero_()
                layer.bias.zero_()
            self.look.weight.fill_(1 / 192)
            self.look.bias.fill_(-100.0)
            self.box.bias.copy_(torch.tensor([0.5, 0.5, 0.0, 0.0]))
            self.objectness.weight.fill_(0.025)
            self.objectness.bias.fill_(-8.0)
            self.classes.bias.fill_(8.0)
            self.far_objectness.bias.fill_(-9.0)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.relu(self.look(x))
        far = torch.relu(self.far(seen))
        return rows_of(
            [
                (self.box(seen), self.objectness(seen), self.classes(seen)),
                (self.far_box(far), self.far_objectness(far), self.far_classes(far)),
            ]
        )


@pytest.fixture(scope="session")
def patterns() -> Patterns:
    torch.manual_seed(0)
    network = Patterns()
    network.train()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None  # exact statistics of what follows
                layer.weight.uniform_(0.3, 2.0)
                layer.bias.normal_(0.0, 0.3)
        network(torch.rand(8, 3, 64, 64) * 255)
    return network.eval()


@pytest.fixture(scope="session")
def traced(patterns: Patterns) -> onnx.ModelProto:
    """The patterns' graph for pictures of 64x64 px."""
    return onnx_from_torch(patterns, (64, 64))


@pytest.fixture(scope="session")
def noise() -> list[dict[str, np.ndarray]]:
    """Inputs of smooth random pictures, 64x64 px."""
    chance = np.random.default_rng(1)
    found = []
    for _ in range(12):
        small = chance.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)
        found.append({"pictures": picture.transpose(2, 0, 1)[None].astype(np.float32)})
    return found


@pytest.fixture(scope="session")
def finder() -> SquareFinder:
    return SquareFinder().eval()


@pytest.fixture(scope="session")
def finder_manifest() -> ModelManifest:
    return detector_manifest("squares", ("square",), (64, 64), licence="Apache-2.0", credit="nobody")


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> DetectionSet:
    """Twelve dark pictures with four bright squares each, from two sources."""
    folder = tmp_path_factory.mktemp("squares")
    return DetectionSet("squares", ("square",), tuple(_picture(folder, index) for index in range(12)))


def _picture(folder: Path, index: int) -> LabelledPicture:
    chance = np.random.default_rng(index)
    image = chance.integers(0, 40, (64, 64, 3), dtype=np.uint8)
    # Two cells apart, so that no two squares touch.
    cells = chance.choice(16, 4, replace=False)
    boxes = []
    for cell in cells:
        left, top = int(cell % 4) * 16, int(cell // 4) * 16
        image[top : top + 8, left : left + 8] = chance.integers(215, 256)
        boxes.append([left, top, left + 8, top + 8])
    path = folder / f"{index}.png"
    cv2.imwrite(str(path), image)
    count = len(boxes)
    return LabelledPicture(
        path=path,
        size_wh=(64, 64),
        xyxy=np.array(boxes, np.float32),
        class_id=np.zeros(count, np.int64),
        crowd=np.zeros(count, bool),
        labelled=np.ones(1, bool),
        source="even" if index % 2 == 0 else "odd",
    )


Rows = Callable[[onnx.ModelProto, dict[str, np.ndarray]], np.ndarray]


@pytest.fixture(scope="session")
def run_onnx() -> Rows:
    """A model's rows by onnxruntime."""
    sessions: dict[int, tuple[onnx.ModelProto, onnxruntime.InferenceSession]] = {}

    def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> np.ndarray:
        if id(model) not in sessions:
            options = onnxruntime.SessionOptions()
            options.add_session_config_entry("session.x64quantprecision", "1")  # as the backend does
            sessions[id(model)] = (model, onnxruntime.InferenceSession(model.SerializeToString(), options))
        return sessions[id(model)][1].run(None, inputs)[0]

    return run


@pytest.fixture(scope="session")
def finder_model(finder: SquareFinder) -> onnx.ModelProto:
    return onnx_from_torch(finder, (64, 64))
