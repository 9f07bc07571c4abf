"""One camera's way from packets to events. Read this first: everything else in `pipeline` brings cameras here or carries results away.

A loop has two halves, because they run on different threads in a shard:

1. `frames` and `consider` (a decode worker): packets -> frames -> is a check due? -> motion gate -> a `Check`.
2. `detect`, then `conclude` (the analysis thread): check -> detections -> [the tracker, for all cameras at once] -> rules -> `Outcome`.

`panops process` calls both in turn from one thread.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.compliance import ComplianceRecord
from panops.domain.detections import Detections
from panops.domain.errors import DeviceFull, DeviceLate, ModelError
from panops.domain.events import Event, EventPhase
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.domain.places import Box
from panops.domain.protocols import Detector, Observation, PendingDetections, RegionDetector
from panops.domain.tracks import Tracks
from panops.ingest.decode import Decoder
from panops.ingest.frozen import FrozenDetector
from panops.motion.gate import MotionGate, MotionResult
from panops.motion.schedule import CheckSchedule
from panops.motion.sleep import SleepSchedule
from panops.pipeline.camera_counters import Counters
from panops.pipeline.camera_view import CameraView
from panops.pipeline.check import Check, Outcome
from panops.pipeline.gop_tail import FLOOR_S, GopTail
from panops.pipeline.look_again import look_again
from panops.pipeline.look_keeper import LookLog
from panops.pipeline.looking import EVERYWHERE, Looking
from panops.pipeline.map_looks import MapLooks
from panops.pipeline.secondary import SecondaryLooks
from panops.pipeline.stage_meter import StageMeter
from panops.pipeline.track_looks import TrackLooks
from panops.rules.engine import RuleEngine
from panops.verify.chain import Chain

log = logging.getLogger(__name__)

# A capture time that much older than the one before is a clock that was set, not an estimate that was improved.
_CLOCK_SET_BACK_S = 5.0
MakeRules = Callable[[tuple[int, int], int], RuleEngine]


class CameraLoop:
    """One camera: its decoder, gate, schedule, detector and rules.

    Args:
        camera_id: The camera.
        config: Its settings.
        detector: Shared with other cameras of the same model.
        make_rules: Makes its rules for a picture size and the number of the first event; called at the first check, and again
            when the camera changes its size.
        followed: (C,) bool, which of the camera's classes are followed: the detector's, then those that only `secondary` knows.
        clock: For staleness.
        meter: Where the CPU time of detector and rules is added up; one of its own when None.
        chain: What looks for false alarms among its events; None tells all of them at once.
        view: Watches whether the camera sees what it is there to see; None where nobody wants to know.
        secondary: Looks at single objects with a second model; None where the camera has none.
    """

    def __init__(
        self,
        camera_id: str,
        config: CameraConfig,
        detector: Detector,
        make_rules: MakeRules,
        followed: NDArray[np.bool_],
        clock: Clock,
        meter: StageMeter | None = None,
        chain: Chain | None = None,
        view: CameraView | None = None,
        secondary: SecondaryLooks | None = None,
    ) -> None:
        self.camera_id = camera_id
        self.config, self.secondary = config, secondary
        self.looks = TrackLooks()  # at the people it follows
        self.maps: MapLooks | None = None  # looks at the whole picture
        self.detector = detector
        self.counters = Counters()
        self.tracks: Tracks | None = None
        self.newest: Frame | None = None
        self.watched, self.frozen, self.problem, self.advice = False, False, "", ""
        self.checked_s, self.packets_without_frame = clock.monotonic_s(), 0
        self.sleep = SleepSchedule(config.sleep if config.motion.enabled else "never")
        self.detects = True
        """Whether its checks go to detector and rules; without that it is read, shown and recorded all the same."""
        self.replaying = False
        """While what was slept through is looked at."""
        self.slept_from_s: float | None = None
        """Set on waking, capture time, s: what came since the look at that time is to be decoded now; the caller unsets it."""
        self.keyframe_interval_s: float | None = None
        """As the camera's connection has measured it; without it the camera stays awake."""
        self._tail = GopTail(max(FLOOR_S, 1.0 / config.check_fps))
        # When the packet came that is being decoded, monotonic clock, s.
        self._packet_came_s = math.inf
        self._make_rules = make_rules
        self.chain = chain
        if chain is not None:
            chain.look_again(self._look_again)
        self._rules: RuleEngine | None = None
        self._rules_size_wh, self._rules_time_s = (0, 0), -np.inf
        self._first_sequence, self._last_check_s = 0, -np.inf
        self._records: list[ComplianceRecord] = []
        self.own_seen = Detections.empty()  # what its detector saw at the last look, without what a second model adds
        self.look_log: LookLog | None = None  # is told what the rules see
        self.clock, self.view = clock, view
        self._was_moved, self._relearnt = False, 0
        self._meter, self._followed = meter or StageMeter(), followed
        if secondary is not None:
            secondary.follow(followed)
        self._follows_all = bool(followed.all())
        self._decoder: Decoder | None = None
        self._gate, self._looking = MotionGate(config.motion), Looking.of(config)
        self.second_model = ""
        self.second_detector: Detector | None = None
        """What looks at events once more; the camera's own detector when None."""
        self.looked_whole = False
        """Whether the last `detect` looked at the whole picture."""
        self.is_blind = False  # whether the last look failed, so that nobody knows who is there
        self._schedule = CheckSchedule(config.check_fps, config.motion.refresh_s)
        # A film that is played again and again repeats itself, as a hung camera does.
        self._frozen = FrozenDetector(0.0 if config.loop else config.frozen_s)
        self._strong: dict[int, float] = {}

    # --- first half: decode worker --------------------------------------------------------------------------------------------

    def frames(self, packets: Iterable[Packet], info: StreamInfo) -> Iterator[Frame]:
        """Decode packets in order; every frame that comes of them.

        Args:
            packets: What came since the last call.
            info: The stream that the first of them belongs to.
        """
        for packet in packets:
            self.packets_without_frame += 1
            if self._decoder is None:
                self._decoder = Decoder(self.camera_id, info)  # it begins anew by itself when the camera reconnects
            self._packet_came_s = packet.arrived_s
            waited_s = self.clock.monotonic_s() - packet.arrived_s
            if self._tail.holds(packet, self._last_check_s, self.keyframe_interval_s, waited_s, replaying=self.replaying):
                self.packets_without_frame -= 1  # nobody wanted one
                self._decoder.let_go()
                self._schedule.pass_over(packet.captured_at_s)
                continue
            if self._tail.broke:
                self._look_back(self._last_check_s)
                return
            # Also what a decoder of B-frames holds back is asked for at once then.
            self._decoder.keyframes_only = self.sleep.asleep or (self._tail.keyframes_only and not self.replaying)
            yield from self._count(self._decoder.decode(packet))

    def flush(self) -> Iterator[Frame]:
        """The frames that the decoder still holds at the end of a file."""
        if self._decoder is not None:
            yield from self._count(self._decoder.flush())

    def _count(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.counters.decoded += 1
            self.newest = frame
            self.packets_without_frame = 0
            yield frame

    def consider(self, frame: Frame) -> Check | None:
        """A check of this frame, or None when none is due.

        A sleeping camera may wake here: then `slept_from_s` is set, and the caller gives the packets since then once more.
        """
        at_s = frame.captured_at_s
        if self.replaying and at_s <= self._last_check_s:
            return None  # decoded once more only because what follows builds upon it
        motion = self._glance(frame) if self.sleep.asleep else None
        if self.slept_from_s is not None and motion is None:
            return None
        if not self._schedule.due(at_s, at_once=self._tail.begins):
            return None
        begins_anew = at_s < self._last_check_s - _CLOCK_SET_BACK_S
        if at_s <= self._last_check_s and not begins_anew:
            self.counters.dropped["time_went_back"] += 1
            return None
        if begins_anew:
            self._gate.reset()
            motion = None
        self._last_check_s = at_s
        self.checked_s = self.clock.monotonic_s()
        self.counters.checks += 1
        motion = motion or self._gate.look(frame.luma, at_s)
        self._looking.note(at_s, EVERYWHERE if motion.light_change else motion.region)
        self.frozen = self._frozen.look(frame.luma, at_s)
        if self.view is not None and not self.replaying:
            self.view.look(frame)
        moved = motion.moved or not self.config.motion.enabled
        self._settle(at_s, moved=moved)
        return Check(self.camera_id, frame, self.checked_s, moved, self, self.replaying, self._packet_came_s)

    # --- sleep ------------------------------------------------------------------------------------------------------------------

    @property
    def stirs(self) -> bool:
        """Whether something goes on for which a camera must be awake, whatever its picture shows: it is followed, open, or watched."""
        return self.watched or self.has_open_events or (self.tracks is not None and len(self.tracks) > 0)

    def wake(self, from_s: float | None = None) -> None:
        """Be awake from now on, and decode anew from the group of pictures at `from_s` on; from that of the last look when None.

        With so much to do that pictures are left out, what was slept through is left out, too: it would be looked at seconds late, and at
        the cost of what happens now.
        """
        if self.sleep.asleep:
            self.sleep.wake(self._last_check_s)
            if from_s is None:
                from_s = math.inf if self._tail.wanted else self._last_check_s
            self._look_back(from_s)

    def _look_back(self, from_s: float) -> None:
        """Have the caller give the packets since `from_s`, capture time, s, once more."""
        self.slept_from_s = from_s
        self.replaying = True
        if self._decoder is not None:
            self._decoder.reset()

    def _glance(self, frame: Frame) -> MotionResult | None:
        """Look at a sleeping camera's keyframe; None when what came before it has to be looked at first."""
        memory = self._gate.remember()
        motion = self._gate.look(frame.luma, frame.captured_at_s)
        if motion.moved or self.stirs:
            if self._tail.wanted:
                self.wake(frame.captured_at_s)
                return motion
            self._gate.go_back(memory)
            self.wake()
            return None
        if self.sleep.must_wake(self.keyframe_interval_s):
            self.wake(frame.captured_at_s)
        return motion

    def _settle(self, at_s: float, *, moved: bool) -> None:
        """Fall asleep when nothing has happened for long enough."""
        if self.sleep.asleep:
            return
        self.sleep.note(at_s, active=moved or self.replaying or self.stirs)
        if self.sleep.may_sleep(at_s, self.keyframe_interval_s):
            self.sleep.fall_asleep()

    def ease(self, *, may_sleep: bool, check_fps: float, only_floor: bool, only_keyframes: bool = False) -> None:
        """Give up what the load asks for, or take it up again. Any thread.

        Args:
            may_sleep: Whether a camera whose sleep is `auto` may sleep.
            check_fps: Checks a second at most.
            only_floor: Whether of each group of pictures only so much is decoded that a look a second is left.
            only_keyframes: Whether nothing but keyframes is decoded.
        """
        self.sleep.allowed = may_sleep
        self.sleep.hurried = check_fps < self.config.check_fps
        self._schedule.slow_down(check_fps)
        self._tail.wanted = only_floor
        self._tail.keyframes_only = only_keyframes

    # --- second half: analysis thread -----------------------------------------------------------------------------------------

    @property
    def detector(self) -> Detector:
        """What looks at its pictures; may be exchanged between two rounds."""
        return self._detector

    @detector.setter
    def detector(self, detector: Detector) -> None:
        self._detector = detector
        # Asked once: to ask an object whether it fits a protocol takes longer than all that `detect` does around the detector.
        self._regional = detector if isinstance(detector, RegionDetector) else None

    @property
    def further_models(self) -> tuple[str, ...]:
        """The names of the models that it uses beside its detector's."""
        secondary = self.secondary.models if self.secondary is not None else ()
        return tuple(filter(None, (self.second_model, *secondary, *self.looks.models)))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of its tracks: the detector's, then those that only the second model knows."""
        return tuple(self._detector.classes) if self.secondary is None else self.secondary.classes

    def begins_anew(self, check: Check) -> bool:
        """Whether the camera's time went back far before this check, as when a clock is set; checks between may have been given up."""
        return check.frame.captured_at_s < self._rules_time_s - _CLOCK_SET_BACK_S

    def wants_detector(self, check: Check) -> bool:
        """Whether this check is worth the detector: something moved, is followed, or the idle refresh is due."""
        followed = len(self.tracks) if self.tracks is not None else 0
        return self.detects and self._schedule.wants_detector(check.moved, followed, check.frame.captured_at_s)

    def start(self, check: Check, deadline_s: float) -> PendingDetections | None:
        """Begin the look of a detector on a device of its own; None where the detector works in place, in `detect`."""
        start = getattr(self.detector, "start", None)
        return None if start is None else start(check.frame, deadline_s)

    def detect(self, check: Check, pending: PendingDetections | None = None) -> tuple[Observation | None, float]:
        """Run the detector, or collect what `start` began; None with the reason counted when it failed, for that is never "nothing there".

        Returns:
            What was seen, and the seconds it took.
        """
        began_s, began_cpu_s = self.clock.monotonic_s(), time.thread_time()
        detector, frame = self.detector, check.frame
        # A device that works in batches was given the whole picture.
        regional = self._regional if pending is None else None
        region_for = None if regional is None else regional.region
        look = self._looking.plan(frame.captured_at_s, frame.size_wh, region_for)
        self.looked_whole = look.whole
        try:
            if pending is not None:
                detections = pending.result()
            elif look.region is not None and regional is not None:
                detections = regional.look(frame, look.region)
            else:
                detections = detector.detect(frame) if look.whole else Detections.empty()
        except (DeviceLate, DeviceFull) as error:  # load, which says nothing about the camera or its model
            self.counters.dropped[error.kind] += 1
            return None, 0.0
        except ModelError as error:
            self.counters.detector_errors += 1
            self.counters.dropped[error.kind] += 1
            if self.problem != str(error):
                log.error("camera %s: %s", self.camera_id, error)
            self.problem = str(error)
            return None, 0.0
        finally:
            self._spent("detect", began_cpu_s)
        self.problem = ""
        if not self._follows_all:
            detections = detections.select(self._followed[detections.class_id])
        detections = self._looking.seen(look, detections)
        if not look.whole and look.region is None:
            return Observation(self.camera_id, frame.captured_at_s, detections), 0.0  # nothing to look at: all is as it was
        self.own_seen = detections
        if self.secondary is not None and not self.sleep.hurried:
            began_cpu_s = time.thread_time()
            detections = self.secondary.add(frame, look, detections, self.tracks)
            self._spent("secondary", began_cpu_s)
        took_s = self.clock.monotonic_s() - began_s if pending is None else pending.took_s
        self.counters.analysed += 1
        self.counters.inference_s.append(took_s)
        return Observation(self.camera_id, frame.captured_at_s, detections), took_s

    def pass_over(self, check: Check) -> Outcome:
        """A check without the detector: the rules see an empty picture. Where nothing is analysed it only goes to who shows and records."""
        nothing = Tracks.empty(check.camera_id, check.frame.captured_at_s)
        return self.conclude(check, nothing, 0.0) if self.detects else Outcome(check, nothing, (), 0.0)

    def conclude(self, check: Check, tracks: Tracks, inference_s: float) -> Outcome:
        """Apply the rules to the tracks after a check."""
        began_cpu_s = time.thread_time()
        self._looking.learn(tracks)
        tracks = self._only_strong(tracks)
        if self.looks and not self.sleep.hurried:
            tracks, began_cpu_s = self.looks.add(check.frame, tracks, self._spent, began_cpu_s)
        if self.maps is not None:
            tracks = self.maps.add(check.frame, tracks, hurried=self.sleep.hurried or check.replayed)
        ended = self._fit_rules(check.frame.size_wh)
        events = self._engine(check.frame.size_wh).update(tracks)
        if self.look_log is not None:
            self.look_log.note(tracks, check.frame.size_wh)
        if self.chain is not None:
            events = self._judged(check, tracks, events)
        self.tracks = tracks
        self._rules_time_s = tracks.time_s
        records = self.take_records()
        self._spent("rules", began_cpu_s)
        return Outcome(check, tracks, (*ended, *events), inference_s, records=records)

    def _judged(self, check: Check, tracks: Tracks, events: list[Event]) -> list[Event]:
        """What the chain lets pass. A fault that nobody foresaw costs its opinion, and no alarm."""
        if self.chain is None:
            return events
        self._follow_view(self.chain)
        try:
            judged = self.chain.judge(check.frame, tracks, events)
        except Exception:
            log.exception("camera %s: the chain failed; its events are told as they are", self.camera_id)
            self.counters.dropped["chain_error"] += 1
            return events
        for event in judged:
            if event.phase is EventPhase.END and event.is_suppressed:
                self._engine(check.frame.size_wh).forgive(event)
        return judged

    def _follow_view(self, chain: Chain) -> None:
        """Where the camera was turned away, or back again, the chain knows nothing; where it stays, it knows all since it was turned."""
        if self.view is None or self.view.is_moved is self._was_moved:
            return
        self._was_moved = not self._was_moved
        relearnt, self._relearnt = self._relearnt, self.view.watch.relearnt
        if self._was_moved or relearnt == self._relearnt:
            chain.forget_view()

    def finish(self) -> list[Event]:
        """End all open events where they were last seen, because the camera stops or its time begins anew."""
        self._looking.reset()
        if self.secondary is not None:
            self.secondary.forget()
        if self._rules is None:
            return []
        events = self._rules.finish(self._rules_time_s)
        if self.look_log is not None:
            self.look_log.end()
        self._records += self._rules.take_records()
        if self.chain is not None:
            try:
                events = self.chain.finish(events)
            except Exception:
                log.exception("camera %s: the chain failed; its events are ended as they are", self.camera_id)
                self.counters.dropped["chain_error"] += 1
        self._first_sequence = self._rules.next_sequence
        self._rules = None
        self._rules_time_s = -np.inf
        self.tracks = None
        return events

    def _look_again(self, frame: Frame, box: Box, class_name: str) -> float | None:
        """The best score of a class in the enlarged surroundings of a box, for the chain's second look."""
        return look_again(self.second_detector or self.detector, frame, box, class_name)

    def take_records(self) -> tuple[ComplianceRecord, ...]:
        """What the rules recorded since the last call; after `finish` what is left."""
        records, self._records = self._records, []
        if self._rules is not None:
            records += self._rules.take_records()
        return tuple(records)

    @property
    def followed_names(self) -> frozenset[str] | None:
        """The names of the classes that are followed; None for all."""
        if self._follows_all:
            return None
        return frozenset(name for name, followed in zip(self.classes, self._followed, strict=True) if followed)

    @property
    def has_open_events(self) -> bool:
        """Whether any rule has an event that goes on."""
        rules = self._rules  # read once: the analysis thread may end them meanwhile
        return rules is not None and rules.has_open_events

    @property
    def undecodable(self) -> dict[str, int]:
        """Packets that gave no picture, by cause."""
        if self._decoder is None:
            return {}
        counts = {"damaged": self._decoder.corrupt, "waiting_for_keyframe": self._decoder.skipped}
        return {cause: count for cause, count in counts.items() if count}

    def _spent(self, stage: str, began_cpu_s: float) -> float:
        """Add what the analysis thread used since `began_cpu_s`, a reading of its own clock; the clock now."""
        now_s = time.thread_time()
        self._meter.add(stage, now_s - began_cpu_s)
        self.counters.analysis_cpu_s += now_s - began_cpu_s
        return now_s

    @property
    def given_up(self) -> dict[str, int]:
        """Checks that were not made because of too much work."""
        return {"overload": self._schedule.given_up} if self._schedule.given_up else {}

    def _fit_rules(self, size_wh: tuple[int, int]) -> list[Event]:
        """End what the rules of another picture size have open."""
        if self._rules is None or size_wh == self._rules_size_wh:
            return []
        return self.finish()

    def _engine(self, size_wh: tuple[int, int]) -> RuleEngine:
        """The rules for a picture size, which know boxes in px."""
        if self._rules is None:
            self._rules = self._make_rules(size_wh, self._first_sequence)
            self._rules_size_wh = size_wh
        return self._rules

    def _only_strong(self, tracks: Tracks) -> Tracks:
        """The tracks that reached the camera's `min_score` at least once: a weak moment in between does not break them."""
        if len(tracks) == 0:
            return tracks
        for row in np.flatnonzero(tracks.score >= self.config.min_score):
            self._strong[int(tracks.track_id[row])] = tracks.time_s
        if len(self._strong) > 512:  # ids never come back, so old ones are only weight
            self._strong = {key: at_s for key, at_s in self._strong.items() if tracks.time_s - at_s < 60.0}
        keep = np.array([int(track_id) in self._strong for track_id in tracks.track_id], dtype=np.bool_)
        return tracks if keep.all() else tracks.select(keep)
