"""Heat maps: joints that are known come back, whatever the model's kind; what does not fit is refused in words."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import frame, manifest
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.manifest import ModelManifest
from panops.domain.skeletons import COCO17
from panops.inference.onnx_writer import OnnxWriter
from panops.inference.open_backend import open_backend
from panops.models.manifest_file import dump_manifest, parse_manifest
from panops.vision.model_detector import ModelDetector
from panops.vision.pose_heatmaps import HeatmapFacts, PoseHeatmaps, Refine, peaks
from panops.vision.registry import open_task

WIDTH, HEIGHT, STRIDE = 128, 96, 4
CELLS = (HEIGHT // STRIDE, WIDTH // STRIDE)
MPII = [
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "-", "-", "-", "-",
    "right wrist", "right elbow", "right shoulder", "left shoulder", "left elbow", "left wrist",
]  # fmt: skip
# COCO's joints on the input, px; nobody's shape.
JOINTS = np.random.default_rng(7).uniform([10, 10], [WIDTH - 10, HEIGHT - 10], (17, 2))


def pose(**decoding: Any) -> ModelManifest:
    plain = manifest("heatmap_pose", (WIDTH, HEIGHT), 1)
    return replace(plain, task="pose", classes=("person",), decoding=decoding)


def hills(xy: NDArray[np.float64], cells: tuple[int, int] = CELLS, sigma: float = 1.5, top: float = 0.9) -> NDArray[np.float32]:
    """(K, H, W) Gaussian hills of height `top` at places in cells."""
    y, x = np.mgrid[: cells[0], : cells[1]]
    square = (x - xy[:, 0, None, None]) ** 2 + (y - xy[:, 1, None, None]) ** 2
    return (top * np.exp(-square / (2 * sigma**2))).astype(np.float32)


def middles(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the input as cells whose middle stands for them."""
    return xy / STRIDE - 0.5


def looked(one: ModelManifest, **outputs: NDArray[Any]) -> Detections:
    task = PoseHeatmaps(one)
    _, context = task.prepare(frame(np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8)))  # twice as large as the input
    return task.finish(outputs, context)


def keypoints(one: ModelManifest, **outputs: NDArray[Any]) -> NDArray[np.float32]:
    found = looked(one, **outputs)
    assert len(found) == 1
    assert found.keypoints is not None
    return found.keypoints[0]


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_joints_come_back_between_cells(layout: str) -> None:
    heat = hills(middles(JOINTS))
    points = keypoints(pose(layout=layout), heat=(heat if layout == "nchw" else heat.transpose(1, 2, 0))[None])
    assert np.abs(points[:, :2] / 2 - JOINTS).max() < 0.01  # px of the input, of which a cell has four
    assert (points[:, 2] > 0.8).all()
    box = looked(pose(), heat=heat[None]).xyxy[0]
    assert box == pytest.approx([*points[:, :2].min(axis=0), *points[:, :2].max(axis=0)], abs=0.01)


@pytest.mark.parametrize(("refine", "worst_px"), [("gaussian", 0.01), ("quarter", 1.5), ("none", 3.0)])
def test_how_exact_each_way_is(refine: Refine, worst_px: float) -> None:
    points = keypoints(pose(refine=refine), heat=hills(middles(JOINTS))[None])
    assert np.linalg.norm(points[:, :2] / 2 - JOINTS, axis=1).max() < worst_px


def test_stacked_hourglass_with_stages_and_joints_of_its_own() -> None:
    """MPII's sixteen; the last of two stages counts, and the first says something else."""
    order = [COCO17.points.index(name) if name != "-" else 0 for name in MPII]
    heat = hills(middles(JOINTS[order]))
    points = keypoints(pose(joints=MPII), heat=np.stack([heat[:, ::-1], heat])[None])
    for index, name in enumerate(COCO17.points):
        if name in MPII:
            assert points[index, :2] / 2 == pytest.approx(JOINTS[index], abs=0.01)
        else:
            assert points[index].tolist() == [0.0, 0.0, 0.0]


def test_a_pose_machine_with_a_map_for_the_background() -> None:
    heat = hills(middles(JOINTS))
    background = (1 - heat.max(axis=0))[None]
    others = {"stage1": np.zeros((1, 18, *CELLS), np.float32)}
    points = keypoints(pose(), **others, stage6=np.concatenate([heat, background])[None])
    assert np.abs(points[:, :2] / 2 - JOINTS).max() < 0.01
    named = keypoints(pose(heat="early"), early=np.concatenate([heat, background])[None], late=np.zeros((1, 18, *CELLS), np.float32))
    assert np.abs(named[:, :2] / 2 - JOINTS).max() < 0.01


@pytest.mark.parametrize("order", ["yx", "xy"])
def test_posenet_with_raw_heat_and_offsets(order: str) -> None:
    """Cells stand for the input's corners, 8 px apart, and offsets say the rest."""
    rows, columns = (HEIGHT - 1) // 8 + 1, (WIDTH - 1) // 8 + 1
    step = np.array([(WIDTH - 1) / (columns - 1), (HEIGHT - 1) / (rows - 1)])
    cell = np.rint(JOINTS / step).astype(int)
    raw = np.full((rows, columns, 17), -8.0, np.float32)
    raw[cell[:, 1], cell[:, 0], np.arange(17)] = 3.0
    offsets = np.zeros((rows, columns, 34), np.float32)
    rest = JOINTS - cell * step
    for joint in range(17):
        first, second = rest[joint] if order == "xy" else rest[joint, ::-1]
        offsets[cell[joint, 1], cell[joint, 0], [joint, joint + 17]] = first, second
    facts = {"layout": "nhwc", "activation": "sigmoid", "cell": "corner", "offsets": "short", "offset_order": order}
    points = keypoints(pose(**facts), heat=raw[None], short=offsets[None])
    assert np.abs(points[:, :2] / 2 - JOINTS).max() < 0.001
    assert points[:, 2] == pytest.approx(1 / (1 + np.exp(-3.0)), abs=1e-4)


def test_nobody_is_nobody() -> None:
    assert len(looked(pose(), heat=np.zeros((1, 17, *CELLS), np.float32))) == 0
    assert len(looked(pose(), heat=hills(middles(JOINTS), top=0.05)[None])) == 0


def test_what_is_no_number_is_no_joint() -> None:
    heat = hills(middles(JOINTS))
    heat[3] = np.nan
    points = keypoints(pose(), heat=heat[None])
    assert points[3, 2] == 0.0
    assert np.isfinite(points).all()


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 30), st.floats(0, 22), st.floats(0.7, 4.0), st.floats(0.05, 1.0))
def test_the_top_of_a_gaussian_hill_is_found_exactly(x: float, y: float, sigma: float, top: float) -> None:
    found = peaks(hills(np.array([[x, y]]), (23, 31), sigma, top).transpose(1, 2, 0), "gaussian")[0]
    for place, size, true in ((found[0], 31, x), (found[1], 23, y)):
        inner = 0.5 < true < size - 1.5
        assert place == pytest.approx(true, abs=0.01 if inner else 0.51)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 5), st.sampled_from(["gaussian", "quarter", "none"]), st.integers(0, 10_000))
def test_whatever_the_map_a_place_in_it_comes_out(rows: int, columns: int, count: int, refine: Refine, seed: int) -> None:
    heat = np.random.default_rng(seed).random((rows, columns, count)).astype(np.float32).round(1)
    found = peaks(heat, refine)
    assert np.isfinite(found).all()
    assert (found[:, :2] >= 0).all()
    assert (found[:, 0] <= columns - 1).all()
    assert (found[:, 1] <= rows - 1).all()
    assert found[:, 2].tolist() == heat.max(axis=(0, 1)).astype(np.float64).tolist()


@pytest.mark.parametrize(
    ("decoding", "told"),
    [
        ({"stride": 4}, "decoding knows activation, cell, heat, joints, layout, offset_order, offsets, refine; got stride"),
        ({"layout": "chw"}, "decoding.layout is nchw or nhwc, got 'chw'"),
        ({"refine": "dark"}, "decoding.refine is gaussian or quarter or none, got 'dark'"),
        ({"joints": ["nose", "pelvis", "left knee", "left hip"]}, "decoding.joints knows no 'pelvis'; a map is one of: nose, left eye"),
        ({"joints": ["nose", "nose", "left knee", "left hip"]}, "each once; got 'nose' twice"),
        ({"joints": ["nose", "-", "-", "-"]}, "names at least 4 joints, each once; got 1"),
        ({"joints": "coco"}, "decoding.joints is a list of names, one a map, got 'coco'"),
        ({"offsets": "o", "refine": "gaussian"}, "decoding.refine is none where there are offsets"),
    ],
)
def test_manifests_that_make_no_sense(decoding: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelUnsupported) as caught:
        HeatmapFacts.of(pose(**decoding))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("decoding", "outputs", "told"),
    [
        ({}, {"a": (1, 16, 24, 32)}, "its manifest names 17 joints, but its file gives 16 maps"),
        ({}, {"a": (2, 17, 24, 32)}, "expected heat (1, K, H, W), maybe with stages before them, got (2, 17, 24, 32)"),
        ({"layout": "nhwc"}, {"a": (17, 24, 32)}, "expected heat (1, H, W, K), maybe with stages before them, got (17, 24, 32)"),
        ({"heat": "b"}, {"a": (1, 17, 24, 32)}, "decoding.heat names the output 'b'; its file has: a"),
        ({"offsets": "o"}, {"a": (1, 17, 24, 32)}, "decoding.offsets names the output 'o'; its file has: a"),
        ({"offsets": "o"}, {"a": (1, 17, 24, 32), "o": (1, 17, 24, 32)}, "expected offsets (24, 32, 34) beside its heat"),
    ],
)
def test_files_that_are_not_what_the_manifest_says(decoding: dict[str, Any], outputs: dict[str, tuple[int, ...]], told: str) -> None:
    with pytest.raises(ModelUnsupported) as caught:
        looked(pose(**decoding), **{name: np.zeros(shape, np.float32) for name, shape in outputs.items()})
    assert told in str(caught.value)


def test_a_manifest_keeps_what_it_says_of_the_outputs() -> None:
    one = replace(pose(joints=MPII, refine="quarter"), name="hourglass", sha256="0" * 64)
    assert parse_manifest(dump_manifest(one), "manifest.yaml") == one
    assert "decoding" not in dump_manifest(replace(one, decoding={}))


def test_a_real_file_on_a_real_backend(tmp_path: Path) -> None:
    """A network of one layer: the input's brightness, blurred and shrunk, is the heat of its map of joints."""
    writer = OnnxWriter("hourglass")
    size = 4 * STRIDE + 1
    around = np.arange(size) - size // 2
    bell = np.exp(-(around[:, None] ** 2 + around**2) / (2 * 5.0**2))
    kernel = np.zeros((18, 3, size, size), np.float32)
    kernel[np.arange(17), np.arange(17) % 3] = 0.1 * bell  # each joint is a dot of one colour
    writer.weight("kernel", kernel)
    writer.node("Conv", ["picture", "kernel"], "heat", strides=[STRIDE, STRIDE], pads=[size // 2] * 4)
    path = tmp_path / "hourglass.onnx"
    path.write_bytes(writer.content({"picture": (1, 3, HEIGHT, WIDTH)}, {"heat": (1, 18, *CELLS)}))
    one = replace(
        pose(cell="middle"),
        file_name=path.name,
        sha256=sha256(path.read_bytes()).hexdigest(),
        preprocessing={"scale": 1 / 255, "input": "picture"},
    )
    detector = ModelDetector(one, open_task(one), open_backend(path, exact=True))
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    dots = np.array([[30, 20], [90, 40], [60, 70]])
    for colour, (x, y) in enumerate(dots):
        picture[y - 1 : y + 2, x - 1 : x + 2, colour] = 255
    found = detector.detect(frame(picture))
    assert found.keypoints is not None
    # The layer's cells stand for the pixels 0, 4, 8 ...: one and a half px before the middles of four that the head takes them for.
    assert np.abs(found.keypoints[0, :, :2] - dots[np.arange(17) % 3] - [2.0, 2.0]).max() < 0.3
