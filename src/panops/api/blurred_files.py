"""Copies of proof without faces, for what is taken away from cameras that ask for that."""

from __future__ import annotations

import bisect
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from panops.api.problems import ProblemError
from panops.api.site_view import SiteView
from panops.config.schema import PrivacyConfig
from panops.domain.errors import PanopsError, SourceCorrupt
from panops.domain.events import Evidence
from panops.models.store import ModelStore
from panops.pipeline.blurred_film import HeadsAt, blur_film
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.face_blur import Boxes, FaceBlur, head_of
from panops.storage.events import EventRepository
from panops.storage.scope import Scope
from panops.storage.trail import TrackTrail, TrailPoint

_QUALITY = 88
_PERSON = "person"
# A box counts so long before and after its look, s.
_NEAR_S = 0.6


class BlurredFiles:
    """Makes them. Any thread may ask.

    Args:
        view: The site, for what its cameras ask for.
        events: Where events are read from.
        trails: Where people were while an event went on: their heads are blurred, too.
        store: Where models are; None where there are none.
    """

    def __init__(self, view: SiteView, events: EventRepository, trails: TrackTrail, store: ModelStore | None) -> None:
        self._view = view
        self._events = events
        self._trails = trails
        self.blur = FaceBlur(DetectorPool(store).open_alone) if store is not None else None
        """Finds faces; None where nothing can."""

    def privacy(self, camera_id: str) -> PrivacyConfig:
        """What a camera asks for; of a camera that is gone nothing is known, and nothing asked for."""
        camera = self._view.current().cameras.get(camera_id)
        return PrivacyConfig() if camera is None else camera.privacy

    def asked_for(self, scope: Scope, event_id: str) -> tuple[str, PrivacyConfig]:
        """The camera of an event that the scope shows, and what it asks for; an empty id where no camera asks for anything."""
        if not any(camera.privacy.blur_faces or camera.privacy.mask_persons for camera in self._view.current().cameras.values()):
            return "", PrivacyConfig()
        found = self._events.get(scope, event_id)
        camera_id = "" if found is None else found.event.camera_id
        return camera_id, self.privacy(camera_id)

    def copy(self, camera_id: str, piece: Evidence, path: Path, scope: Scope) -> BinaryIO:
        """An open file with the same proof without faces; it is gone once it is closed.

        Raises:
            ProblemError: 503: faces cannot be found here, so the proof is not given away.
        """
        model = self.privacy(camera_id).detector
        if self.blur is None:
            raise _refused("there are no models here")
        why = self.blur.trouble(PrivacyConfig(blur_faces=["exports"], detector=model))
        if why:
            raise _refused(why)
        with tempfile.TemporaryDirectory(prefix="panops-blurred-") as folder:
            target = Path(folder) / path.name
            try:
                if path.suffix == ".jpg":
                    target.write_bytes(self.blur.jpeg(path.read_bytes(), model, _QUALITY))
                else:
                    blur_film(path, target, self.blur, model, _heads_at(self._trails.trail(scope, piece.event_id), piece.start_s))
            except SourceCorrupt as error:
                raise _refused(str(error)) from error
            except PanopsError as error:
                raise _refused(str(error)) from error
            return target.open("rb")  # open, it can be read to its end


def _refused(why: str) -> ProblemError:
    return ProblemError(503, f"this camera's faces are blurred in what is taken away (privacy), which cannot be done now: {why}")


def _heads_at(points: Sequence[TrailPoint], start_s: float) -> HeadsAt:
    """Where the heads of followed people are, from the trail of an event whose film begins at `start_s`, capture time."""
    times_s = [point.time_s - start_s for point in points]

    def heads_at(time_s: float) -> Boxes:
        first, last = bisect.bisect_left(times_s, time_s - _NEAR_S), bisect.bisect_right(times_s, time_s + _NEAR_S)
        near = [head_of(box) for point in points[first:last] for _, class_name, _, box in point.boxes if class_name == _PERSON]
        return np.array(near, np.float32).reshape(-1, 4)

    return heads_at
