"""Closer looks at the people a camera follows: joints, faces, hands. They stand between tracker and rules.

Each kind of look is one class and adds what it finds to the tracks. A kind that fails says so and costs only what it would have found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, Self

from panops.config.rule_schema import GestureConfig
from panops.config.schema import CameraConfig, SiteConfig
from panops.config.signs import sign_problems
from panops.domain.errors import ConfigProblem, PanopsError
from panops.domain.face_votes import FaceOpinion
from panops.domain.frame import Frame
from panops.domain.protocols import Detector
from panops.domain.tracks import Tracks
from panops.pipeline.face_looks import FaceLooks, FaceReaders
from panops.pipeline.fallen_looks import FallenLooks
from panops.pipeline.gesture_looks import GestureLooks
from panops.pipeline.pose_looks import PoseLooks

log = logging.getLogger(__name__)

# Of the detector without a model, which cannot look at parts.
_MOVING = ("moving",)


class TrackLook(Protocol):
    """One kind of look at one camera's people. Used by the analysis thread."""

    @property
    def stage(self) -> str:
        """As what its CPU time is counted."""
        ...

    @property
    def lack(self) -> str:
        """What is missing while it does not work, and the setting that asks for it, for people."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """The names of its models."""
        ...

    @property
    def problem(self) -> str:
        """Why the last look failed; empty when it did not."""
        ...

    def add(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks with what was found on those whose turn it is; the same tracks where nobody's turn it is."""
        ...

    def is_outdated(self, loaded: Callable[[str], Detector | None]) -> bool:
        """Whether one of its models is there in another version by now. It may open that one: rounds of analysis never wait for it."""
        ...

    def renew(self, loaded: Callable[[str], Detector | None]) -> None:
        """Take up the models that are there now. Called between two rounds; opens nothing."""
        ...


class TrackLooks:
    """All of one camera's.

    Args:
        looks: Those that work.
        lacking: The models of those that cannot be used.
        trouble: Why not, for people; empty where nothing is missing.
        may_work: Says whether others that cannot be used are worth another try; None where there are none.
    """

    def __init__(
        self,
        looks: Sequence[TrackLook] = (),
        lacking: Sequence[str] = (),
        trouble: str = "",
        may_work: Callable[[], bool] | None = None,
    ) -> None:
        self._looks = tuple(looks)
        self.lacking = tuple(lacking)
        self.trouble = trouble
        self._may_work = may_work
        self._faults: dict[TrackLook, str] = {}

    @classmethod
    def of(
        cls,
        config: CameraConfig,
        detectors: Callable[[str], Detector],
        classes: Sequence[str],
        own: Callable[[], Detector],
        faces: FaceReaders | None = None,
    ) -> Self:
        """Those that a camera's settings ask for.

        Args:
            config: The camera's settings.
            detectors: Gives the detector of a model, or what reads what another one found.
            classes: The class names of the camera's tracks.
            own: Gives the camera's own detector.
            faces: Gives what reads faces; None where nobody is compared.
        """
        looks: list[TrackLook] = []
        lacking: list[str] = []
        troubles: list[str] = []
        may_work: Callable[[], bool] | None = None
        if config.pose is not None:
            if config.pose.fallen and own().classes != _MOVING:
                looks.append(FallenLooks(config.pose, own, classes))
            try:
                looks.append(PoseLooks(config.pose, detectors(config.pose.model), classes))
            except PanopsError as error:
                lacking.append(config.pose.model)
                troubles.append(f"{PoseLooks.lack}: {error}")
        if config.faces is not None and faces is not None:
            try:
                looks.append(FaceLooks(config.faces, faces, classes))
            except PanopsError as error:
                may_work = partial(faces.may_work, config.faces)
                troubles.append(f"{FaceLooks.lack}: {error}")
        if config.gestures is not None:
            try:
                hands, reader = detectors(config.gestures.model), detectors(config.gestures.classifier)
                looks.append(GestureLooks(config.gestures, hands, reader, classes))
            except PanopsError as error:
                lacking += [config.gestures.model, config.gestures.classifier]
                troubles.append(f"{GestureLooks.lack}: {error}")
        return cls(looks, lacking, "; ".join(troubles), may_work)

    @property
    def may_work_now(self) -> bool:
        """Whether looks that could not be used are worth another try: their camera is to be assigned anew."""
        return self._may_work is not None and self._may_work()

    def __len__(self) -> int:
        """How many kinds of look work."""
        return len(self._looks)

    def __iter__(self) -> Iterator[TrackLook]:
        """Those that work."""
        return iter(self._looks)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models of those that work."""
        return tuple(name for look in self._looks for name in look.models)

    @property
    def problem(self) -> str:
        """What the last looks failed at, for people; empty when none did."""
        told = ((look.lack, self._faults.get(look) or look.problem) for look in self._looks)
        return "; ".join(f"{lack}: {problem}" for lack, problem in told if problem)

    def opinions(self) -> dict[int, FaceOpinion]:
        """Who is who of those who are followed now, as far as their faces told, by track id. Any thread."""
        return next((look.opinions() for look in self._looks if isinstance(look, FaceLooks)), {})

    def rule_problems(self, site: SiteConfig, camera_id: str) -> list[ConfigProblem]:
        """Signs that rules of a camera ask for and its classifier does not know."""
        known = [look.signs for look in self._looks if isinstance(look, GestureLooks)]
        return [
            ConfigProblem(f"rules.{rule.id}.{'signs' if rule.signs else 'sequence'}", message)
            for rule in site.camera_rules(camera_id)
            if isinstance(rule, GestureConfig) and known
            for message in sign_problems(rule, camera_id, site.cameras[camera_id], known[0])
        ]

    def add(self, frame: Frame, tracks: Tracks, spent: Callable[[str, float], float], began_cpu_s: float) -> tuple[Tracks, float]:
        """The tracks with what all of them find.

        Args:
            frame: The picture.
            tracks: Who is followed in it.
            spent: Counts for a stage what this thread used since a reading of its own clock, s, and gives a new reading.
            began_cpu_s: Such a reading; what came since then counts for the first of them.

        Returns:
            The tracks, and the last reading.
        """
        for look in self._looks:
            try:
                tracks = look.add(frame, tracks)
                self._faults.pop(look, None)
            except Exception as error:  # a fault that nobody foresaw costs what it would have found, and no rule
                if look not in self._faults:
                    log.exception("camera %s: %s", frame.camera_id, look.lack)
                self._faults[look] = f"{type(error).__name__}: {error}"
            began_cpu_s = spent(look.stage, began_cpu_s)
        return tracks, began_cpu_s
