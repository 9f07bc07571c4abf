"""Pictures of faces held before a camera, simulated: a sheet of paper, a cut-out print, a telephone.

Real prints and telephones before real cameras are what counts; there are none among the test pictures. What is drawn here has their marks:
a border, the dots of a printer, a screen's grid and the beat of it with the camera's, glare, a slanted hold, and then the camera's own
blur, noise and JPEG, which the living faces beside them get, too.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIZE_WH = (640, 480)
_FACE_PX = 150
"""How high a face is in the pictures made here."""


def living(rgb: Picture, box: NDArray[np.float32], seed: int) -> Picture:
    """The face as a camera sees it, at the size that the attacks have."""
    return _camera(_placed(rgb, box), np.random.default_rng(seed))


def sheet(rgb: Picture, box: NDArray[np.float32], seed: int) -> Picture:
    """A photograph on white paper, held before a wall."""
    dice = np.random.default_rng(seed)
    printed = _print(_portrait(rgb, box), dice)
    framed = cv2.copyMakeBorder(printed, 28, 28, 28, 28, cv2.BORDER_CONSTANT, value=(232.0, 230.0, 224.0))
    return _camera(_held(framed, _wall(dice), dice), dice)


def cut_out(rgb: Picture, box: NDArray[np.float32], seed: int) -> Picture:
    """A print without any border, that fills what the camera sees."""
    dice = np.random.default_rng(seed)
    return _camera(_print(_placed(rgb, box).astype(np.float32), dice), dice)


def telephone(rgb: Picture, box: NDArray[np.float32], seed: int) -> Picture:
    """A photograph on a telephone's screen, held before a wall."""
    dice = np.random.default_rng(seed)
    lit = _screen(_portrait(rgb, box), dice)
    framed = cv2.copyMakeBorder(lit, 44, 44, 12, 12, cv2.BORDER_CONSTANT, value=(14.0, 14.0, 16.0))
    return _camera(_held(framed, _wall(dice), dice), dice)


def full_screen(rgb: Picture, box: NDArray[np.float32], seed: int) -> Picture:
    """A screen whose edges are not to be seen."""
    dice = np.random.default_rng(seed)
    return _camera(_screen(_placed(rgb, box).astype(np.float32), dice), dice)


ATTACKS: dict[str, Callable[[Picture, NDArray[np.float32], int], Picture]] = {
    "sheet of paper": sheet,
    "print without border": cut_out,
    "telephone": telephone,
    "screen without border": full_screen,
}


def _placed(rgb: Picture, box: NDArray[np.float32]) -> Picture:
    """The picture moved and scaled so that the face is in the middle and so high as all are; its edge goes on where it ends."""
    scale = _FACE_PX / float(box[3] - box[1])
    small = rgb
    if scale < 0.5:  # by area first, so that nothing is skipped
        times = 0.9 / scale
        small = np.asarray(cv2.resize(rgb, None, fx=1 / times, fy=1 / times, interpolation=cv2.INTER_AREA), np.uint8)
        scale *= times
        box = box / times
    centre = (box[:2] + box[2:]) / 2
    matrix = np.array([[scale, 0, SIZE_WH[0] / 2 - scale * centre[0]], [0, scale, SIZE_WH[1] / 2 - scale * centre[1]]], np.float64)
    return np.asarray(cv2.warpAffine(small, matrix, SIZE_WH, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _portrait(rgb: Picture, box: NDArray[np.float32]) -> Floats:
    """Head and shoulders."""
    placed = _placed(rgb, box)
    half = int(_FACE_PX * 1.05)
    x, y = SIZE_WH[0] // 2, SIZE_WH[1] // 2
    return placed[y - half : y + half, x - half + 20 : x + half - 20].astype(np.float32)


def _print(picture: Floats, dice: np.random.Generator) -> Floats:
    """Ink on paper: a smaller range, fewer colours, a dot screen turned by some degrees."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle, pitch = np.deg2rad(dice.uniform(15, 75)), dice.uniform(2.4, 3.4)
    dots = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch) * np.sin(
        2 * np.pi * (y * np.cos(angle) - x * np.sin(angle)) / pitch
    )
    grey = picture.mean(axis=2, keepdims=True)
    faded = grey + (picture - grey) * dice.uniform(0.7, 0.9)
    inked = 34 + faded * (196 / 255) + dots[..., None] * dice.uniform(6, 12)
    warm = np.array([1.02, 1.0, 0.95], np.float32)
    return np.asarray(np.clip(inked * warm, 0, 255), np.float32)


def _screen(picture: Floats, dice: np.random.Generator) -> Floats:
    """Light of a screen: bluish, its grid, and the slow waves that it makes with the camera's."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    grid = 1 + 0.05 * np.sin(2 * np.pi * x / 2.2) + 0.03 * np.sin(2 * np.pi * y / 2.2)
    slant, wave = dice.uniform(-0.5, 0.5), dice.uniform(9, 16)
    beat = np.stack([np.sin(2 * np.pi * (x + slant * y) / wave + phase) for phase in (0.0, 2.1, 4.2)], axis=2)
    lit = 255 * (picture / 255) ** 0.9 * grid[..., None] + beat * dice.uniform(4, 9)
    cool = np.array([0.95, 1.0, 1.06], np.float32)
    return np.asarray(np.clip(lit * cool, 0, 255), np.float32)


def _wall(dice: np.random.Generator) -> Floats:
    width, height = SIZE_WH
    shade = np.linspace(dice.uniform(90, 130), dice.uniform(130, 175), width, dtype=np.float32)
    wall = np.repeat(np.repeat(shade[None, :, None], height, axis=0), 3, axis=2)
    return wall + dice.normal(0, 1.5, wall.shape).astype(np.float32)


def _held(framed: Floats, ground: Floats, dice: np.random.Generator) -> Floats:
    """A flat thing in somebody's hand: slanted a little, with a gleam across it."""
    height, width = framed.shape[:2]
    gleam = np.exp(-((np.linspace(0, 1, width) - dice.uniform(0.1, 0.9)) ** 2) / 0.02).astype(np.float32) * dice.uniform(5, 28)
    framed = np.clip(framed + gleam[None, :, None], 0, 255)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    offset = np.array([(SIZE_WH[0] - width) / 2, (SIZE_WH[1] - height) / 2], np.float32)
    target = source + offset + dice.uniform(-14, 14, (4, 2)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    shown = cv2.warpPerspective(framed, matrix, SIZE_WH)
    there = cv2.warpPerspective(np.ones((height, width, 1), np.float32), matrix, SIZE_WH)[..., None]
    return np.asarray(ground * (1 - there) + shown * there, np.float32)


def _camera(picture: NDArray[np.floating] | Picture, dice: np.random.Generator) -> Picture:
    """Lens, sensor and JPEG."""
    seen = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), 0.6) + dice.normal(0, 2.0, picture.shape)
    coded = cv2.imencode(".jpg", np.clip(seen, 0, 255).astype(np.uint8)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.uint8)
