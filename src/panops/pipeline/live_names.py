"""Who is who in live pictures, for people who may know: what looks at the faces agree on, by track.

Where a camera's live pictures hide faces or people, nobody in them is named either: the name would tell what the picture does not. It
does not even leave the camera's process then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from panops.config.schema import CameraConfig
from panops.domain.face_votes import FaceOpinion
from panops.pipeline.live import LiveIdentity

NOBODY: Mapping[int, LiveIdentity] = {}


class Opinions(Protocol):
    """A camera's closer looks at the people it follows."""

    def opinions(self) -> dict[int, FaceOpinion]:
        """Who those are who are followed now, as far as their faces told, by track id; any thread may ask."""
        ...


class NamedCamera(Protocol):
    """A camera whose people may be told by name."""

    @property
    def config(self) -> CameraConfig:
        """Its settings."""
        ...

    @property
    def looks(self) -> Opinions:
        """What says who they are."""
        ...


class LiveNames:
    """Any thread may ask.

    Args:
        cameras: Those that run, by id.
    """

    def __init__(self, cameras: Mapping[str, NamedCamera]) -> None:
        self._cameras = cameras

    def of(self, camera_id: str) -> Mapping[int, LiveIdentity]:
        """Who is decided to be who among those whom a camera follows, by track id; nobody of a camera that was just removed."""
        camera = self._cameras.get(camera_id)
        if camera is None or camera.config.faces is None or camera.config.privacy.hides("live"):
            return NOBODY
        opinions = camera.looks.opinions().items()
        return {track_id: LiveIdentity(one.verdict, one.person_id, one.name) for track_id, one in opinions}
