"""Draws on a picture what was seen in it: for annotated snapshots and videos."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.domain.class_map import ClassMap
from panops.domain.detections import Detections
from panops.domain.skeletons import skeleton_of
from panops.domain.tracks import Tracks

if TYPE_CHECKING:  # who only draws boxes need not wait for the site file's checks
    from panops.config.schema import CameraConfig

Colour = tuple[int, int, int]

# RGB, told apart with the common kinds of colour blindness (Okabe and Ito's palette without black).
_PALETTE: tuple[Colour, ...] = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
_ZONE: Colour = (255, 196, 61)
_LINE: Colour = (64, 200, 255)
# Points below this are a guess; of a face's mesh each is small.
_LEAST_POINT_SCORE = 0.2
_MANY_POINTS = 64
_BONE: Colour = (240, 240, 240)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_tracks(
    image: NDArray[np.uint8],
    tracks: Tracks,
    classes: Sequence[str],
    highlight: frozenset[int] = frozenset(),
    names: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Draw every track's box and label.

    Args:
        image: (H, W, 3) uint8 RGB, changed in place.
        tracks: What to draw.
        classes: Names by class id.
        highlight: Track ids drawn in alarm red.
        names: What to call tracks instead of their class, by id.
    """
    scale = max(0.4, image.shape[1] / 1600)
    for track_id, class_id, score, box in zip(tracks.track_id, tracks.class_id, tracks.score, tracks.xyxy, strict=True):
        colour = (235, 64, 52) if int(track_id) in highlight else _PALETTE[int(class_id) % len(_PALETTE)]
        name = drawable(names.get(int(track_id), "")) or (
            classes[int(class_id)] if 0 <= int(class_id) < len(classes) else str(int(class_id))
        )
        _draw_box(image, box, f"{name} {int(track_id)}  {score:.2f}", colour, scale)
    for points in tracks.keypoints if tracks.keypoints is not None else ():
        draw_points(image, points)


def drawable(name: str) -> str:
    """A name in the letters that can be drawn here, without accents; empty where some of them cannot be."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", name.replace("ß", "ss")) if not unicodedata.combining(one))
    known = "".join(one for one in plain if " " <= one <= "~")
    return known.strip() if len(known) == len(plain) else ""


def draw_detections(image: NDArray[np.uint8], detections: Detections, classes: Sequence[str]) -> None:
    """Draw every detection's box and label, and the points in it; see `draw_tracks`."""
    scale = max(0.4, image.shape[1] / 1600)
    for class_id, score, box in zip(detections.class_id, detections.score, detections.xyxy, strict=True):
        _draw_box(image, box, f"{classes[int(class_id)]}  {score:.2f}", _PALETTE[int(class_id) % len(_PALETTE)], scale)
    if detections.keypoints is not None:
        for points in detections.keypoints:
            draw_points(image, points)


def draw_points(image: NDArray[np.uint8], points: NDArray[np.float32]) -> None:
    """Draw the points of one face, person or hand, those that are no guess; `image` as in `draw_tracks`.

    Args:
        image: Changed in place.
        points: (K, 3) of x, y in px and score 0..1.
    """
    size = max(1, round(image.shape[1] / (400 if len(points) < _MANY_POINTS else 1600)))
    skeleton = skeleton_of(len(points))
    for first, second in skeleton.edges if skeleton is not None else ():
        if points[first, 2] >= _LEAST_POINT_SCORE and points[second, 2] >= _LEAST_POINT_SCORE:
            start, end = ((round(float(points[index, 0])), round(float(points[index, 1]))) for index in (first, second))
            cv2.line(image, start, end, _BONE, size, cv2.LINE_AA)
    if len(points) >= _MANY_POINTS and skeleton is not None:
        return  # its outlines say it all
    for index, (x, y, score) in enumerate(points.tolist()):
        if score >= _LEAST_POINT_SCORE:  # NaN is no joint that somebody looked for
            cv2.circle(image, (round(x), round(y)), size, _PALETTE[index % len(_PALETTE)], cv2.FILLED, cv2.LINE_AA)


def draw_classes(image: NDArray[np.uint8], found: ClassMap, classes: Sequence[str]) -> None:
    """Colour each class but the first, with its name where most of it is; `image` as in `draw_tracks`, of the map's picture size."""
    ids = found.at_size()
    scale = max(0.4, image.shape[1] / 1600)
    for class_id in (index for index in np.unique(ids).tolist() if index):
        there = ids == class_id
        colour = _PALETTE[(class_id - 1) % len(_PALETTE)]
        image[there] = (image[there] * np.float32(0.45) + np.array(colour, np.float32) * np.float32(0.55)).astype(np.uint8)
        depth = cv2.distanceTransform(there.astype(np.uint8), cv2.DIST_L2, 3)
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        _label(image, classes[class_id], (int(x), int(y)), colour, scale)


def draw_caption(image: NDArray[np.uint8], text: str) -> None:
    """Write a few words into the picture's upper left corner; `image` as in `draw_tracks`."""
    _label(image, text, (0, 0), _ZONE, max(0.5, image.shape[1] / 900))


def draw_places(image: NDArray[np.uint8], camera: CameraConfig) -> None:
    """Draw the camera's zones and lines with their names; `image` as in `draw_tracks`."""
    height, width = image.shape[:2]
    size = np.array([width - 1, height - 1])
    thickness = max(1, round(width / 640))
    for name, zone in camera.zones.items():
        corners = np.rint(np.array(zone.polygon) * size).astype(np.int32)
        cv2.polylines(image, [corners], isClosed=True, color=_ZONE, thickness=thickness, lineType=cv2.LINE_AA)
        _label(image, name, (int(corners[0, 0]), int(corners[0, 1])), _ZONE, max(0.4, width / 1800))
    for name, line in camera.lines.items():
        corners = np.rint(np.array(line.points) * size).astype(np.int32)
        cv2.polylines(image, [corners], isClosed=False, color=_LINE, thickness=thickness, lineType=cv2.LINE_AA)
        _label(image, name, (int(corners[0, 0]), int(corners[0, 1])), _LINE, max(0.4, width / 1800))


def beside(before: bytes, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How a camera's picture was and how it is, side by side with a word on each.

    Args:
        before: JPEG of how it was; one that cannot be read leaves its half black.
        image: (H, W, 3) uint8 RGB, how it is.

    Returns:
        (H, 2W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    both = np.zeros((height, 2 * width, 3), np.uint8)
    found = cv2.imdecode(np.frombuffer(before, np.uint8), cv2.IMREAD_COLOR) if before else None
    if found is not None:
        both[:, :width] = cv2.cvtColor(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2RGB)
    both[:, width:] = image
    for text, left in (("before", 0), ("now", width)):
        _label(both, text, (left, 0), _ZONE, max(0.5, width / 1200))
    return both


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG of `image`, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: The encoder refuses the picture (an empty one, for example).
    """
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode a picture of shape {image.shape} as JPEG")
    return data.tobytes()


def _draw_box(image: NDArray[np.uint8], box: NDArray[np.float32], text: str, colour: Colour, scale: float) -> None:
    left, top, right, bottom = (round(float(edge)) for edge in box)
    cv2.rectangle(image, (left, top), (right, bottom), colour, max(1, round(2 * scale)), cv2.LINE_AA)
    _label(image, text, (left, top), colour, scale)


def _label(image: NDArray[np.uint8], text: str, corner: tuple[int, int], colour: Colour, scale: float) -> None:
    (width, height), baseline = cv2.getTextSize(text, _FONT, scale, 1)
    left = min(max(0, corner[0]), max(0, image.shape[1] - width - 4))
    bottom = max(height + baseline + 2, corner[1])
    cv2.rectangle(image, (left, bottom - height - baseline - 2), (left + width + 4, bottom), colour, cv2.FILLED)
    cv2.putText(image, text, (left + 2, bottom - baseline), _FONT, scale, (16, 16, 16), 1, cv2.LINE_AA)
