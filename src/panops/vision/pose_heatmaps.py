"""Poses from heat maps, one map a joint: Stacked Hourglass, Convolutional Pose Machines, PoseNet and their like.

A. Newell et al., Stacked Hourglass Networks, 2016, https://arxiv.org/abs/1603.06937; S.-E. Wei et al., Convolutional Pose Machines, 2016,
https://arxiv.org/abs/1602.00134; G. Papandreou et al., PersonLab (PoseNet's offsets), 2018, https://arxiv.org/abs/1803.08225. What differs
between them is told by the manifest's `decoding`, see `HeatmapFacts`. Each model finds one person, the one who fills what it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from panops.domain.detections import Detections
from panops.domain.errors import ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.manifest import ModelManifest
from panops.domain.skeletons import COCO17
from panops.vision.candidates import FloatArray, KeepSettings
from panops.vision.letterbox import Letterbox
from panops.vision.pose_movenet import keypoints_in_frame
from panops.vision.preprocess import InputPicture, Preprocessing

Layout = Literal["nchw", "nhwc"]
Activation = Literal["none", "sigmoid"]
Refine = Literal["gaussian", "quarter", "none"]
Cell = Literal["middle", "corner"]
OffsetOrder = Literal["yx", "xy"]

UNUSED = "-"
"""Stands in `joints` for a map that is none of COCO's joints."""
_KEYS = frozenset({"joints", "heat", "layout", "activation", "refine", "cell", "offsets", "offset_order"})
# Points below this are a guess; they stay in the answer with their score, and say nothing about where the person is.
_LEAST_POINT_SCORE = 0.2
_LEAST_POINTS = 4
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class HeatmapFacts:
    """The checked form of a manifest's `decoding`.

    Attributes:
        joints: Of each map of the model, in its order, which of COCO's 17 joints it is, -1 for none. Maps beyond these, such as the
            background's, are left out.
        heat: The name of the output with the heat; the last one of the file that is no offset where it is empty. Of one with an axis of
            stages (1, S, K, H, W) the last stage counts.
        layout: Whether maps come first or last.
        activation: `sigmoid` where the heat is raw.
        refine: How a joint is found between cells: `gaussian` fits a hill through the peak and its neighbours in the logarithm, which is
            exact for the hills that such models are taught (F. Zhang et al., DARK, 2020, https://arxiv.org/abs/1910.06278); `quarter`
            goes a quarter of a cell towards the higher neighbour, as Newell et al. do.
        corner: Whether a cell stands for its corner, the first and last ones for the input's edges, and not for its middle.
        offsets: The name of an output (1, 2K, H, W) or (1, H, W, 2K) that says how far a joint lies from its cell, px of the input; empty
            where there is none.
        x_first: Whether the first K of those are x.
    """

    joints: tuple[int, ...]
    heat: str
    layout: Layout
    activation: Activation
    refine: Refine
    corner: bool
    offsets: str
    x_first: bool

    @classmethod
    def of(cls, manifest: ModelManifest) -> HeatmapFacts:
        """Check a manifest's `decoding`.

        Raises:
            ModelUnsupported: A key is unknown, or a value is none of those it can have.
        """
        values, name = manifest.decoding, manifest.name
        unknown = sorted(set(values) - _KEYS)
        if unknown:
            raise ModelUnsupported(f"{name}: decoding knows {', '.join(sorted(_KEYS))}; got {', '.join(unknown)}")
        offsets = str(values.get("offsets", ""))
        refine = _choice(manifest, "refine", get_args(Refine), "none" if offsets else "gaussian")
        if offsets and refine != "none":
            raise ModelUnsupported(f"{name}: decoding.refine is none where there are offsets, which say the same; got {refine}")
        return cls(
            joints=_joints(manifest),
            heat=str(values.get("heat", "")),
            layout=_choice(manifest, "layout", get_args(Layout)),  # type: ignore[arg-type]  # one of Layout's own words
            activation=_choice(manifest, "activation", get_args(Activation)),  # type: ignore[arg-type]  # as above
            refine=refine,  # type: ignore[arg-type]  # as above
            corner=_choice(manifest, "cell", get_args(Cell)) == "corner",
            offsets=offsets,
            x_first=_choice(manifest, "offset_order", get_args(OffsetOrder)) == "xy",
        )


def _choice(manifest: ModelManifest, key: str, choices: tuple[str, ...], default: str = "") -> str:
    value = manifest.decoding.get(key, default or choices[0])
    if value not in choices:
        raise ModelUnsupported(f"{manifest.name}: decoding.{key} is {' or '.join(choices)}, got {value!r}")
    return str(value)


def _joints(manifest: ModelManifest) -> tuple[int, ...]:
    names = manifest.decoding.get("joints", list(COCO17.points))
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise ModelUnsupported(f"{manifest.name}: decoding.joints is a list of names, one a map, got {names!r:.80}")
    wrong = next((one for one in names if one != UNUSED and one not in COCO17.points), None)
    if wrong is not None:
        known = ", ".join(COCO17.points)
        raise ModelUnsupported(f"{manifest.name}: decoding.joints knows no {wrong!r}; a map is one of: {known}, or {UNUSED!r} for none")
    used = [one for one in names if one != UNUSED]
    twice = next((one for one in used if used.count(one) > 1), None)
    if twice is not None or len(used) < _LEAST_POINTS:
        why = f"{twice!r} twice" if twice is not None else f"{len(used)}"
        raise ModelUnsupported(f"{manifest.name}: decoding.joints names at least {_LEAST_POINTS} joints, each once; got {why}")
    return tuple(-1 if one == UNUSED else COCO17.points.index(one) for one in names)


class PoseHeatmaps:
    """The task `pose` with a model of heat maps. For one thread: the input tensor is re-used.

    Args:
        manifest: The model; its one class is whose points these are.
        settings: What is reported: a person whose points' mean score reaches `min_score`.

    Raises:
        ModelUnsupported: The manifest does not say what such a model needs.
    """

    for_task: ClassVar[str] = "pose"

    def __init__(self, manifest: ModelManifest, settings: KeepSettings | None = None) -> None:
        how = Preprocessing.of(manifest)
        self._facts = HeatmapFacts.of(manifest)
        self._name = manifest.name
        self._settings = settings or KeepSettings()
        self._input_name = how.input_name
        self._input_wh = manifest.input_size_wh
        self._picture = InputPicture(how)

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Letterbox]:
        """The model's input (valid until the next call) and the way back to the frame."""
        tensor, box = self._picture.fill(frame)
        return {self._input_name: tensor}, box

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Letterbox) -> Detections:
        """One person with `keypoints` (1, 17, 3) in px of the frame, or nobody; joints that the model has no map of have the score 0.

        Raises:
            ModelUnsupported: The outputs are not what the manifest says.
        """
        heat, offsets = self._maps(outputs)
        found = peaks(heat, self._facts.refine)
        xy = self._in_input(found[:, :2], heat.shape[:2])
        if offsets is not None:
            rows, columns, each = found[:, 1].astype(np.int64), found[:, 0].astype(np.int64), np.arange(len(found))
            first, second = offsets[rows, columns, each], offsets[rows, columns, each + len(found)]
            xy = xy + np.stack([first, second] if self._facts.x_first else [second, first], axis=1)
        points = np.full((1, len(COCO17.points), 3), np.nan, np.float32)
        joints = np.array(self._facts.joints)
        named = joints >= 0
        points[0, joints[named], :2] = xy[named] / np.array(self._input_wh)
        points[0, joints[named], 2] = found[named, 2]
        return self._person(keypoints_in_frame(points, context), joints[named], context)

    def _person(self, points: FloatArray, joints: NDArray[np.int64], context: Letterbox) -> Detections:
        sure = points[0, :, 2] >= _LEAST_POINT_SCORE
        score = float(points[0, joints, 2].mean())
        if sure.sum() < _LEAST_POINTS or not score >= self._settings.min_score:
            return Detections.empty()
        box = context.clip(np.concatenate([points[0, sure, :2].min(axis=0), points[0, sure, :2].max(axis=0)])[None])
        return Detections(box.astype(np.float32), np.array([score], np.float32), np.zeros(1, np.int64), points)

    def _in_input(self, xy: NDArray[np.float64], size_hw: tuple[int, ...]) -> NDArray[np.float64]:
        """Places in cells as px of the input."""
        input_wh, cells = np.array(self._input_wh, np.float64), np.array([size_hw[1], size_hw[0]], np.float64)
        if self._facts.corner:
            return xy * (input_wh - 1) / np.maximum(cells - 1, 1)
        return (xy + 0.5) * input_wh / cells

    def _maps(self, outputs: Mapping[str, NDArray[Any]]) -> tuple[FloatArray, FloatArray | None]:
        """Heat (H, W, K), and offsets (H, W, 2K) in px of the input, of the maps that the manifest names."""
        facts, count = self._facts, len(self._facts.joints)
        others = [name for name in outputs if name != facts.offsets]
        heat = self._last(outputs, facts.heat or (others[-1] if others else ""), "heat")
        if heat.shape[2] < count:
            raise ModelUnsupported(f"{self._name}: its manifest names {count} joints, but its file gives {heat.shape[2]} maps")
        offsets = None
        if facts.offsets:
            whole = self._last(outputs, facts.offsets, "offsets")
            if whole.shape != (*heat.shape[:2], 2 * heat.shape[2]):
                wanted = (*heat.shape[:2], 2 * heat.shape[2])
                raise ModelUnsupported(f"{self._name}: expected offsets {wanted} beside its heat, two for each map, got {whole.shape}")
            offsets = np.concatenate([whole[..., :count], whole[..., heat.shape[2] : heat.shape[2] + count]], axis=2)
        heat = np.nan_to_num(heat[..., :count], nan=-np.inf)
        if facts.activation == "sigmoid":
            heat = np.asarray(1 / (1 + np.exp(-np.clip(heat, -60, 60))), np.float32)
        return heat, offsets

    def _last(self, outputs: Mapping[str, NDArray[Any]], name: str, key: str) -> FloatArray:
        """One output as (H, W, C) float32, of its last stage where it has several."""
        if name not in outputs:
            raise ModelUnsupported(f"{self._name}: decoding.{key} names the output {name!r}; its file has: {', '.join(outputs) or 'none'}")
        array = np.asarray(outputs[name], np.float32)
        if array.ndim == 5 and array.shape[0] == 1:
            array = array[:, -1]
        if array.ndim != 4 or array.shape[0] != 1 or not array.size:
            shapes = "(1, H, W, K)" if self._facts.layout == "nhwc" else "(1, K, H, W)"
            raise ModelUnsupported(f"{self._name}: expected {key} {shapes}, maybe with stages before them, got {outputs[name].shape}")
        whole: FloatArray = array[0]
        return whole if self._facts.layout == "nhwc" else whole.transpose(1, 2, 0)


def peaks(heat: FloatArray, refine: Refine) -> NDArray[np.float64]:
    """The highest place of each map.

    Args:
        heat: (H, W, K), about 0..1.
        refine: How it is found between cells; see `HeatmapFacts`.

    Returns:
        (K, 3) float64 of x, y in cells, the middle of the first one at 0, and the heat there.
    """
    height, width, count = heat.shape
    each = np.arange(count)
    rows, columns = np.unravel_index(heat.reshape(-1, count).argmax(axis=0), (height, width))
    score = heat[rows, columns, each].astype(np.float64)
    out = np.stack([columns, rows, score], axis=1).astype(np.float64)
    if refine == "none":
        return out
    neighbours = {
        0: (heat[rows, np.maximum(columns - 1, 0), each], heat[rows, np.minimum(columns + 1, width - 1), each]),
        1: (heat[np.maximum(rows - 1, 0), columns, each], heat[np.minimum(rows + 1, height - 1), columns, each]),
    }
    for axis, (place, size) in enumerate(((columns, width), (rows, height))):
        before, after = (side.astype(np.float64) for side in neighbours[axis])
        moved = 0.25 * np.sign(after - before) if refine == "quarter" else _hilltop(before, score, after)
        out[:, axis] += np.where((place > 0) & (place < size - 1), moved, 0.0)
    return out


def _hilltop(before: NDArray[np.float64], here: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) where the top of a Gaussian hill through three neighbouring cells lies, in cells from the middle one, at most half of one."""
    low, middle, high = (np.log(np.maximum(heat, _TINY)) for heat in (before, here, after))
    bend = low - 2 * middle + high
    flat = bend > -_TINY
    return np.where(flat, 0.0, np.clip(0.5 * (low - high) / np.where(flat, -1.0, bend), -0.5, 0.5))
