"""Names of the points that models give, and the lines to draw between them. Right and left are the person's own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

Edges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One model's points.

    Attributes:
        name: A short name.
        count: How many points.
        edges: Pairs of point indices to draw a line between.
        points: The points' names in order; empty where there are too many to name.
    """

    name: str
    count: int
    edges: Edges
    points: tuple[str, ...] = ()


def _line(*points: int) -> Edges:
    return tuple(pairwise(points))


def _ring(*points: int) -> Edges:
    return _line(*points, points[0])


def _named(name: str, edges: Edges, *points: str) -> Skeleton:
    return Skeleton(name, len(points), edges, points)


COCO17 = _named(
    "coco17",
    (
        *((0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 11), (6, 12), (11, 12)),
        *(*_line(5, 7, 9), *_line(6, 8, 10), *_line(11, 13, 15), *_line(12, 14, 16)),
    ),
    *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow", "right elbow"),
    *("left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle"),
)

BLAZEPOSE33 = _named(
    "blazepose33",
    (
        *(*_line(8, 6, 5, 4, 0, 1, 2, 3, 7), (9, 10)),
        *((11, 12), (11, 23), (12, 24), (23, 24)),
        *(*_line(11, 13, 15, 17, 19, 15), (15, 21), *_line(12, 14, 16, 18, 20, 16), (16, 22)),
        *(*_line(23, 25, 27, 29, 31, 27), *_line(24, 26, 28, 30, 32, 28)),
    ),
    *("nose", "left eye inner", "left eye", "left eye outer", "right eye inner", "right eye", "right eye outer"),
    *("left ear", "right ear", "mouth left", "mouth right", "left shoulder", "right shoulder", "left elbow", "right elbow"),
    *("left wrist", "right wrist", "left little finger", "right little finger", "left index finger", "right index finger"),
    *("left thumb", "right thumb", "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle"),
    *("left heel", "right heel", "left toes", "right toes"),
)

HAND21 = _named(
    "hand21",
    (
        *(*_line(0, 1, 2, 3, 4), *_line(0, 5, 6, 7, 8), *_line(9, 10, 11, 12), *_line(13, 14, 15, 16), *_line(0, 17, 18, 19, 20)),
        *_line(5, 9, 13, 17),
    ),
    *("wrist", "thumb root", "thumb lower joint", "thumb upper joint", "thumb tip"),
    *(f"{finger} {part}" for finger in ("index", "middle", "ring", "little") for part in ("root", "lower joint", "upper joint", "tip")),
)

FACE5 = _named("face5", ((0, 2), (1, 2), (2, 3), (2, 4)), "right eye", "left eye", "nose", "mouth right", "mouth left")

FACE6 = _named("face6", (*_line(4, 0, 2, 1, 5), (2, 3)), "right eye", "left eye", "nose", "mouth", "right ear", "left ear")

_LIPS = (
    *_ring(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    *_ring(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
)
_EYES = (
    *_ring(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    *_ring(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
_BROWS = (
    *(*_line(46, 53, 52, 65, 55), *_line(70, 63, 105, 66, 107)),
    *(*_line(276, 283, 282, 295, 285), *_line(300, 293, 334, 296, 336)),
)
_OVAL = _ring(
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)

# Outlines only: all of the mesh's triangles would be drawn as a grey face.
FACE_MESH468 = Skeleton("face_mesh468", 468, (*_LIPS, *_EYES, *_BROWS, *_OVAL))

SKELETONS = {skeleton.name: skeleton for skeleton in (COCO17, BLAZEPOSE33, HAND21, FACE5, FACE6, FACE_MESH468)}


def skeleton_of(count: int) -> Skeleton | None:
    """The skeleton with so many points; None where none has."""
    return next((skeleton for skeleton in SKELETONS.values() if skeleton.count == count), None)
