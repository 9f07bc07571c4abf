"""Heads of several models: what finds something, and what gives the landmarks of what it found."""

from __future__ import annotations

from collections.abc import Mapping

from panops.vision.composites import Part, need
from panops.vision.face_mesh import FaceMesh
from panops.vision.faces_mtcnn import FacesMtcnn
from panops.vision.hands import Hands
from panops.vision.landmark_detector import LandmarkSettings
from panops.vision.model_detector import ModelDetector
from panops.vision.pose_blaze import PoseBlaze
from panops.vision.registry import open_part

# As many as stand together before one camera; each costs a run of the landmark model a frame.
_SETTINGS = LandmarkSettings(most=8)


def face_mesh(own: Part, needed: Mapping[str, Part]) -> FaceMesh:
    """Faces with 468 points; see `composites.CompositeFactory`."""
    return FaceMesh(_finder(own, needed), own.backend, _SETTINGS)


def hands(own: Part, needed: Mapping[str, Part]) -> Hands:
    """Hands with 21 points."""
    return Hands(_finder(own, needed), own.backend, _SETTINGS)


def blazepose(own: Part, needed: Mapping[str, Part]) -> PoseBlaze:
    """Bodies with 33 points."""
    return PoseBlaze(_finder(own, needed), own.backend, _SETTINGS)


def mtcnn(own: Part, needed: Mapping[str, Part]) -> FacesMtcnn:
    """Faces with five points by three networks, of which the last is the model's own."""
    proposer, refiner = need(own, needed, "proposer", "refiner")
    return FacesMtcnn(proposer.backend, refiner.backend, own.backend)


def _finder(own: Part, needed: Mapping[str, Part]) -> ModelDetector:
    (finder,) = need(own, needed, "finder")
    return ModelDetector(finder.manifest, open_part(finder.manifest), finder.backend)
