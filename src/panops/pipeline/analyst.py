"""A round of checks of several cameras: each through its detector, all through one tracker call, each through its rules."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from panops.domain.protocols import Observation, PendingDetections, Tracker
from panops.domain.tracks import Tracks
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Check, Outcome
from panops.pipeline.stage_meter import StageMeter

log = logging.getLogger(__name__)


class Analyst:
    """Joins detectors, the tracker and rules. Used by one thread.

    Args:
        tracker: For all cameras of the shard.
        loops: The cameras by id; the caller may change it between rounds.
        meter: Where the tracker's CPU time is added up; one of its own when None.
    """

    def __init__(self, tracker: Tracker, loops: Mapping[str, CameraLoop], meter: StageMeter | None = None) -> None:
        self._tracker = tracker
        self._loops = loops
        self._meter = meter or StageMeter()
        self.watch: Callable[[CameraLoop, Check, Observation, float], None] | None = None
        """Told what each detection gave and how long it took, while somebody wants to know; it must return at once."""

    def round(self, checks: Sequence[Check], patience_s: float = math.inf) -> Iterator[Outcome]:
        """Analyse checks, at most one a camera; outcomes come one by one, and a fault with one camera costs only that camera's.

        A check that the gate let through costs a detection and an observation. One that it held back, with nothing followed, costs neither:
        the rules then see an empty picture at its time, so that open events can end.

        Detectors on a device of their own begin with all their checks at once; the others look when it is their turn to be collected.

        Args:
            checks: What to look at.
            patience_s: How long after its arrival a check is worth looking at.
        """
        started: list[tuple[CameraLoop, Check, PendingDetections | None]] = []
        looked: list[tuple[CameraLoop, Check, float]] = []
        observations: list[Observation] = []
        for check in checks:
            loop = self._loops.get(check.camera_id)
            if loop is None or loop is not check.owner:
                continue  # the camera was removed, or begun anew, while its check waited
            done: list[Outcome] = []
            with _one_camera_only(loop):
                if loop.begins_anew(check):
                    done.append(self._begin_anew(loop, check))
                if loop.wants_detector(check):
                    started.append((loop, check, loop.start(check, (check.arrived_s if check.replayed else check.since_s) + patience_s)))
                else:
                    outcome = loop.pass_over(check)
                    done.append(replace(outcome, is_blind=True) if loop.is_blind else outcome)
            yield from done
        for loop, check, pending in started:
            with _one_camera_only(loop):
                observation, took_s = loop.detect(check, pending)
                if observation is None:
                    loop.is_blind = True
                else:
                    looked.append((loop, check, took_s))
                    observations.append(observation)
                    watch = self.watch
                    if watch is not None and loop.looked_whole:  # a look at a part is no fair measure for another version
                        own = observation if loop.secondary is None else replace(observation, detections=loop.own_seen)
                        watch(loop, check, own, took_s)
        for (loop, check, took_s), result in zip(looked, self._track(observations), strict=True):
            done = []
            if result is None:
                loop.is_blind = True
                continue
            with _one_camera_only(loop):
                done.append(loop.conclude(check, result, took_s))
                loop.is_blind = False  # not before its tracks are new, for those are shown meanwhile
            yield from done

    def _begin_anew(self, loop: CameraLoop, check: Check) -> Outcome:
        """The camera's time went back: what is open ends where it was last seen, and nothing of before is remembered."""
        events = tuple(loop.finish())
        self.forget(loop.camera_id)
        loop.detector.forget(loop.camera_id)
        self.begin(loop)
        return Outcome(check, Tracks.empty(loop.camera_id, check.frame.captured_at_s), events, 0.0, is_blind=True)

    def _track(self, observations: list[Observation]) -> list[Tracks | None]:
        """One call for all; when the tracker refuses an observation, one call each, and the refused camera begins anew."""
        if not observations:
            return []
        try:
            with self._meter.stage("track"):
                return list(self._tracker.update(observations))
        except ValueError:
            log.exception("the tracker refused a tick; its cameras are tried one by one")
        results: list[Tracks | None] = []
        for observation in observations:
            try:
                results += self._tracker.update([observation])
            except ValueError:
                self._tracker.forget(observation.camera_id)
                self.begin(self._loops[observation.camera_id])
                self._loops[observation.camera_id].counters.dropped["tracker_refused"] += 1
                results.append(None)
        return results

    def begin(self, loop: CameraLoop) -> None:
        """Tell the tracker of a camera that begins, or begins anew with another detector."""
        self._tracker.describe(loop.camera_id, loop.classes, loop.config.min_score)

    def forget(self, camera_id: str) -> None:
        """Drop what is remembered of a camera that went away."""
        self._tracker.forget(camera_id)


@contextmanager
def _one_camera_only(loop: CameraLoop) -> Iterator[None]:
    """A fault that nobody foresaw is logged and counted, and stays with its camera."""
    try:
        yield
    except Exception:
        loop.is_blind = True
        log.exception("camera %s: a check could not be analysed", loop.camera_id)
        loop.counters.dropped["analysis_error"] += 1
