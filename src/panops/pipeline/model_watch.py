"""Follows what people decide about models while cameras run: another version in use, another one that looks on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from threading import Lock, Thread

from panops.domain.errors import PanopsError
from panops.domain.protocols import Detector
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.secondary import fits
from panops.pipeline.shadow import ShadowWatch

log = logging.getLogger(__name__)


class ModelWatch:
    """Looks at the store about once a second, on a thread that may wait; it costs two `stat` a model.

    A version with the same classes takes over between two rounds of analysis: nothing else of the camera changes, no connection is made
    anew and no track is lost. One with other classes changes what rules and the tracker know, so its cameras are assigned anew.

    Args:
        detectors: The detectors in use.
        shadows: The versions that look on.
        analyst: Told whether there is anything to offer to shadows.
        between_rounds: Held while a detector is exchanged.
        on_problem: Told in a sentence that a chosen version cannot be used; empty once all can.
        reassign: Asks for a camera to be assigned anew.
    """

    def __init__(
        self,
        detectors: DetectorPool,
        shadows: ShadowWatch,
        analyst: Analyst,
        between_rounds: Lock,
        on_problem: Callable[[str], None],
        reassign: Callable[[str], object],
    ) -> None:
        self._detectors = detectors
        self._shadows = shadows
        self._analyst = analyst
        self._between_rounds = between_rounds
        self._on_problem = on_problem
        self._reassign = reassign
        self._problems: dict[str, str] = {}
        self._told = ""
        self._asked: dict[str, object] = {}
        self._failed: dict[str, tuple[int, int, int] | None] = {}
        self._missing: dict[str, tuple[int, int, int] | None] = {}
        self._trying: dict[str, Thread] = {}

    def look(self, loops: Mapping[str, CameraLoop], models: Mapping[str, str], failed: Collection[str]) -> None:
        """Bring everything up to date.

        Args:
            loops: The cameras that run, by id; looked up again before one is touched.
            models: The model of every camera, by its id.
            failed: Cameras that do not run: they are tried again once somebody decided about their model, or their device may be back.
        """
        try:
            self._look(loops, models, failed)
        except Exception as error:  # a fault with models must not keep the shard from saying that it lives
            self._tell({"": f"models cannot be looked after: {error}"})
        else:
            self._tell(self._problems)

    def _look(self, loops: Mapping[str, CameraLoop], models: Mapping[str, str], failed: Collection[str]) -> None:
        running = tuple(loops.items())
        for name in {*models.values(), *(name for _, loop in running for name in loop.further_models)} - {""}:
            self._refresh(name)
        for camera_id, loop in running:
            self._bring_up_to_date(camera_id, loop, loops, models.get(camera_id, ""))
            self._bring_second_up_to_date(loop)
        self._bring_missing_ones(running)
        for camera_id in failed:
            stamp = self._detectors.store.stamp(models[camera_id])
            if self._failed.setdefault(camera_id, stamp) != stamp or self._detectors.may_work_now(models[camera_id]):
                self._failed.pop(camera_id)
                self._reassign(camera_id)
        for camera_id in set(self._failed) - set(failed):
            self._failed.pop(camera_id)
        for name in set(models.values()):
            self._shadows.follow(name)
        self._analyst.watch = self._shadows.offer if self._shadows.on else None
        self._shadows.save()

    def _refresh(self, name: str) -> None:
        before = self._detectors.loaded(name)
        try:
            self._detectors.refresh(name)
        except PanopsError as error:
            going_on = f"; version {before.model.version} goes on" if before is not None and before.model is not None else ""
            self._problems[name] = f"the version of {name} that was chosen cannot be used: {error}{going_on}"
        else:
            after = self._detectors.loaded(name)
            if after is not before:
                self._problems.pop(name, None)
            if after is not None and after.model is not None and before is not None and after.detector is not before.detector:
                log.info("model %s: version %s is in use now", name, after.model.version)

    def _tell(self, problems: Mapping[str, str]) -> None:
        """Say it once, not every second."""
        problem = "; ".join(problems.values())
        if problem != self._told:
            self._told = problem
            if problem:
                log.error("%s", problem)
            self._on_problem(problem)

    def _bring_up_to_date(self, camera_id: str, loop: CameraLoop, loops: Mapping[str, CameraLoop], name: str) -> None:
        loaded = self._detectors.loaded(name)
        if loaded is None or loop.detector is loaded.detector:
            return
        if tuple(loop.detector.classes) != tuple(loaded.detector.classes):
            if self._asked.get(camera_id) is not loop:
                self._asked[camera_id] = loop
                self._reassign(camera_id)
            return
        with self._between_rounds:
            if loops.get(camera_id) is loop:  # it may have been changed or removed in the meantime
                loop.detector.forget(camera_id)
                loop.detector = loaded.detector

    def _bring_missing_ones(self, running: Collection[tuple[str, CameraLoop]]) -> None:
        """Cameras whose second models could not be opened run without them, and are assigned anew once they can be.

        It is tried first, on a thread of its own, once somebody decided about it or its device may be back: the camera need not stop for
        a try that fails.
        """
        missing: set[str] = set()
        for camera_id, loop in running:
            if self._asked.get(camera_id) is loop:
                continue
            if loop.looks.may_work_now:
                self._asked[camera_id] = loop
                self._reassign(camera_id)
                continue
            lacks = _lacking(loop, self._loaded_detector)
            missing.update(name for name in lacks if self._detectors.loaded(name) is None)
            if any(self._detectors.loaded(name) is not None for name in lacks):
                self._asked[camera_id] = loop
                self._reassign(camera_id)
        for name in set(self._missing) - missing:
            del self._missing[name]
        for name in missing:
            stamp = self._detectors.store.stamp(name)
            tried = name in self._missing and self._missing[name] == stamp
            if (tried and not self._detectors.may_work_now(name)) or (name in self._trying and self._trying[name].is_alive()):
                continue
            self._missing[name] = stamp
            self._trying[name] = Thread(target=self._try, args=(name,), name="try-model", daemon=True)
            self._trying[name].start()

    def _try(self, name: str) -> None:
        try:
            self._detectors.part(name)
        except PanopsError as error:
            log.info("model %s cannot be used yet: %s", name, error)
        except Exception:
            log.exception("model %s could not be tried", name)

    def _loaded_detector(self, name: str) -> Detector | None:
        model = self._detectors.loaded(name)
        return None if model is None else model.detector

    def _bring_second_up_to_date(self, loop: CameraLoop) -> None:
        """Who looks again knows nothing of the frames before, and is asked for a class by its name: nothing hangs on another version.

        With a secondary model's classes those of the camera change, so it is assigned anew.
        """
        secondary = loop.secondary
        if secondary is not None and secondary.is_outdated(self._loaded_detector):
            if secondary.has_other_classes(self._loaded_detector):
                if self._asked.get(loop.camera_id) is not loop:
                    self._asked[loop.camera_id] = loop
                    self._reassign(loop.camera_id)
            else:
                with self._between_rounds:
                    secondary.renew(self._loaded_detector)
        for look in loop.looks:
            if look.is_outdated(self._loaded_detector):
                with self._between_rounds:
                    look.renew(self._loaded_detector)
        loaded = self._detectors.loaded(loop.second_model) if loop.second_detector is not None else None
        if loaded is not None and loop.second_detector is not loaded.detector:
            with self._between_rounds:
                loop.second_detector = loaded.detector


def _lacking(loop: CameraLoop, loaded: Callable[[str], Detector | None]) -> list[str]:
    """The second models that a camera should have and runs without, but for those that are here and can never do what they should."""
    config, has = loop.config.secondary, () if loop.secondary is None else loop.secondary.in_use
    missing = [] if config is None else [name for name in config.models if name not in has]
    lacks = [name for name in missing if (model := loaded(name)) is None or (config is not None and fits(config, name, model))]
    lacks += loop.looks.lacking
    return [*lacks, loop.second_model] if loop.second_model and loop.second_detector is None else lacks
