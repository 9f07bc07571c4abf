"""One process's share of the site: its cameras from packets to stored events, with everything else down if need be."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from panops.config.schedule import site_timezone
from panops.config.schema import CameraConfig, EvidenceConfig, SiteConfig
from panops.config.verify_schema import VerifyConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.device import Device
from panops.domain.errors import PanopsError
from panops.domain.events import Event, EventPhase
from panops.domain.tracks import Tracks
from panops.ingest.camera_feed import CameraFeed
from panops.ingest.memory import freed_memory
from panops.ingest.packet_ring import PacketRing
from panops.ingest.registry import open_source
from panops.models.store import ModelStore
from panops.pipeline.analysis_loop import AnalysisLoop
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.camera_turn import CameraTurn
from panops.pipeline.check import Check, Outcome
from panops.pipeline.decode_pool import DecodePool
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.drift_watch import DriftWatch
from panops.pipeline.event_looks import EventLooks
from panops.pipeline.face_blur import FaceBlur
from panops.pipeline.face_models import FaceModels
from panops.pipeline.followed import also_followed, followed_classes
from panops.pipeline.health import HealthMeter
from panops.pipeline.health_events import BLIND, FROZEN, HealthEvents
from panops.pipeline.hidden_parts import HiddenParts
from panops.pipeline.known_people import KnownHere
from panops.pipeline.lessons import Lessons
from panops.pipeline.link import Message, ShardLink
from panops.pipeline.live import CameraState, CameraStatus, ShardFigures
from panops.pipeline.live_names import LiveNames
from panops.pipeline.load_control import LoadControl
from panops.pipeline.look_keeper import LookKeeper
from panops.pipeline.map_looks import MapModels
from panops.pipeline.map_watch import MapWatch
from panops.pipeline.model_watch import ModelWatch
from panops.pipeline.open_record import LONGEST_LEAD_S, CameraEvidence
from panops.pipeline.person_mask import PersonMask
from panops.pipeline.previews import Previewer
from panops.pipeline.recorder import Recorder
from panops.pipeline.secondary import SecondaryLooks
from panops.pipeline.shadow import ShadowWatch
from panops.pipeline.shard_meter import ShardMeter
from panops.pipeline.shard_recording import ShardRecording
from panops.pipeline.shard_video import ShardVideo
from panops.pipeline.traced_loop import Traces
from panops.pipeline.track_looks import TrackLooks
from panops.pipeline.video_sources import VideoSources
from panops.pipeline.view_keeper import ViewKeeper
from panops.pipeline.wire import figures_to_wire, preview_to_wire, rules_of_one, status_to_wire, unverified
from panops.rules.build import build_rules, check_rules
from panops.rules.engine import RuleEngine
from panops.storage.areas import AreaRepository
from panops.storage.compliance import ComplianceRepository
from panops.storage.compliance_writer import ComplianceWriter
from panops.storage.database import Database
from panops.storage.drift import DriftDays
from panops.storage.embeddings import EventEmbeddings
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.judgements import JudgementStore
from panops.storage.trail import TrackTrail
from panops.storage.views import CameraViews
from panops.storage.writer import EventWriter
from panops.tracking.tracker import BatchTracker
from panops.verify.build import build_chain
from panops.verify.chain import Chain

log = logging.getLogger(__name__)

_RING_BYTES = 48 * 1024 * 1024
# How late an event may be told, and its packets be taken over, without a gap in its clip.
_LATE_S = 5.0
# Who wants fewer pictures a second than this is content with a sleeping camera's keyframes.
_WATCHED_FPS = 2.0
_STUCK_S, _DEAD_DEVICE_S, _STORED_WITHIN_S = 15.0, 30.0, 2.0
_SILENT_PATIENCE_S, _ENDED_PATIENCE_S = 10.0, 2.0


@dataclass(eq=False, slots=True)
class _Camera:
    """A camera that runs, or one that cannot, with the reason."""

    feed: CameraFeed | None
    loop: CameraLoop | None
    model: str
    health: HealthMeter
    problem: str = ""
    turn: CameraTurn | None = None
    events: HealthEvents | None = None


class Shard:
    """Runs cameras. `assign`, `prepare`, `drop`, `watch` and `drain` are called by one thread.

    Args:
        index: The shard's number.
        home: Where everything is kept.
        database: Open database.
        default_model: The model of cameras that name none.
        link: To the supervisor.
        clock: Time.
    """

    def __init__(self, index: int, home: Home, database: Database, default_model: str, link: ShardLink, clock: Clock | None = None) -> None:
        self._index = index
        self._default_model = default_model
        self._link = link
        self._clock = clock or SystemClock()
        self._cameras: dict[str, _Camera] = {}
        self._loops: dict[str, CameraLoop] = {}
        self.known = KnownHere(self._loops)
        self._detectors = DetectorPool(ModelStore(home.models), engines=home.engines, clock=self._clock)
        self._faces = FaceModels(self._detectors.store)
        self._writer = EventWriter(EventRepository(database), home.journal, on_stored=self._on_stored, name=f"shard-{index}")
        self._worn = ComplianceWriter(ComplianceRepository(database), self._clock)
        self._alike = EventLooks(ModelStore(home.models), EventEmbeddings(database), lambda why: self._notice("find again", why))
        people = PersonMask(MapModels(self._detectors.store))
        self._hidden = HiddenParts(FaceBlur(self._detectors.open_alone, self._loops), people, self._loops)
        self._recorder = Recorder(
            EvidenceStore(database, home.evidence),
            TrackTrail(database),
            self._clock,
            on_problem=lambda problem: self._notice("evidence", problem),
            on_proof=lambda event: self._tell_event(event, "evidence"),
            on_picture=self._alike.note,
            hidden=self._hidden,
        )
        self._drifts = DriftWatch(DriftDays(database), self._clock)
        self._views = ViewKeeper(CameraViews(database), self._clock, self._drifts)
        self._looks = LookKeeper(home.looks, self._clock, lambda problem: self._notice("looks", problem))
        self._previewer = Previewer(
            lambda preview: link.send(preview_to_wire(preview), preview.jpeg, droppable=True), self._hidden.paint, LiveNames(self._loops).of
        )
        self._meter = ShardMeter(self._clock)
        on_problem, is_behind = lambda why: self._notice("recording", why), lambda: self._writer.problem is not None
        self._recording = ShardRecording(home, database, self._clock, on_problem, self._meter.stages, is_behind)
        sources = VideoSources(self._cameras.get, self._recording, self._clock)
        self._video = ShardVideo(sources, lambda message, tail: link.send(message, tail, video=True), self._meter.stages)
        self._analyst = Analyst(BatchTracker(), self._loops, self._meter.stages)
        self._pool = DecodePool(self._decode, self._clock)
        self._analysis = AnalysisLoop(
            self._analyst,
            self._loops,
            self._clock,
            self._on_outcome,
            checks_a_round=lambda: self._detectors.checks_a_round,
            on_room=self._pool.notify,
        )
        self._load = LoadControl(self._pool, self._analysis, self._clock)
        self._shadows = ShadowWatch(self._detectors, self._clock, lambda: self._load.is_busy)
        self._models = ModelWatch(
            self._detectors,
            self._shadows,
            self._analyst,
            self._analysis.between_rounds,
            lambda problem: self._notice("model", problem),
            lambda camera_id: link.send({"type": "reassign", "camera": camera_id}),
        )
        self._traces = Traces(index, self._clock)
        self._storage_problem = self._ending = ""  # the camera that is being switched off, the ends of whose events may not be stored yet
        self._lessons = Lessons(JudgementStore(database), self._loops, self._analysis.between_rounds, self._clock)
        models = MapModels(self._detectors.store)
        self._maps = MapWatch(models, AreaRepository(database), self._clock, lambda: self._load.is_busy, self._meter.stages)

    def start(self) -> None:
        """Start the threads that all cameras share."""
        self._writer.start()
        self._worn.start()
        self._recorder.start()
        self._recording.start()
        self._views.start()
        self._looks.start()
        self._analysis.start()
        self._pool.start()

    # --- control --------------------------------------------------------------------------------------------------------------

    def assign(self, message: Message) -> None:
        """Run a camera as the message says; one that runs already is stopped first. A camera that cannot run says why in its status."""
        camera_id = str(message["camera"])
        self.drop(camera_id)
        config = CameraConfig.model_validate(message["config"])
        model = config.model or message["model"] or self._default_model
        try:
            self._cameras[camera_id] = self._run_camera(camera_id, config, model, message)
            self._pool.notify(camera_id)  # what came before this line was not decoded
        except PanopsError as error:
            log.error("camera %s does not run: %s", camera_id, error)
            self._cameras[camera_id] = _Camera(None, None, model, HealthMeter(), str(error))
        except Exception as error:  # one camera must not take the shard's others down
            log.exception("camera %s does not run", camera_id)
            self._cameras[camera_id] = _Camera(None, None, model, HealthMeter(), f"it could not be started: {error}")

    def prepare(self, message: Message) -> str:
        """Load the detector of a camera that is to come, as `assign` would; what is wrong with it, in words, or nothing."""
        try:
            self._detectors.use(Device.parse(message.get("device", "cpu")))
            self._detectors.get(message["config"].get("model") or message["model"] or self._default_model)
        except PanopsError as error:
            return str(error)
        return ""

    def _run_camera(self, camera_id: str, config: CameraConfig, model: str, message: Message) -> _Camera:
        self._detectors.use(Device.parse(message.get("device", "cpu")))
        detector = self._detectors.get(model)
        site = SiteConfig.model_validate(
            {"cameras": {camera_id: message["config"]}, "rules": rules_of_one(message["rules"], camera_id), "timezone": message["timezone"]}
        )
        evidence = EvidenceConfig.model_validate(message["evidence"])
        timezone = site_timezone(site.timezone)
        secondary, trouble = SecondaryLooks.of(config, self._detectors.part, detector.classes)
        classes = tuple(detector.classes) if secondary is None else secondary.classes
        followed = followed_classes(site.camera_rules(camera_id), classes, also_followed(config))

        def make_rules(size_wh: tuple[int, int], first_sequence: int) -> RuleEngine:
            rules = build_rules(site, camera_id, classes, size_wh, timezone)
            return RuleEngine(camera_id, rules, int(message["epoch"]), first_sequence)

        verify = VerifyConfig.model_validate(message["verify"])
        chain = build_chain(verify, classes, timezone, unverified(site))
        view = self._views.view(camera_id, config)
        loop = self._traces.loop(camera_id, config, detector, make_rules, followed, self._clock, self._meter.stages, chain, view, secondary)
        loop.look_log = self._looks.log(camera_id, message, classes, loop.followed_names)
        loop.looks = TrackLooks.of(config, self._detectors.part, classes, lambda: loop.detector, self._faces)
        self.known.tell(loop.looks)
        if chain is not None:
            self._equip(loop, chain, verify)
        loop.maps = self._maps.looks(camera_id, config, site.camera_rules(camera_id))
        covering = None if loop.maps is None else loop.maps.classes
        of_chain = chain.problems if chain is not None else ()
        problems = [*check_rules(site, camera_id, classes, covering), *loop.looks.rule_problems(site, camera_id), *of_chain]
        loop.advice = "; ".join(
            filter(None, (trouble, loop.looks.trouble, self._hidden.trouble(config.privacy, classes), *map(str, problems)))
        )
        ring = PacketRing(max_s=evidence.before_s + LONGEST_LEAD_S + _LATE_S, max_bytes=_RING_BYTES)
        feed = CameraFeed(
            camera_id, lambda: open_source(camera_id, config, self._clock), ring, self._clock, self._pool.notify, stall_s=config.stall_s
        )
        self._recorder.add_camera(camera_id, CameraEvidence(config, classes, ring, lambda: feed.info, evidence))
        self._shadows.begin(camera_id, model)
        with self._analysis.between_rounds:
            self._analyst.begin(loop)
            self._loops[camera_id] = loop
        self._load.ease(loop)
        loop.watched = self._previewer.highest_fps(camera_id) >= _WATCHED_FPS
        loop.detects = bool(message.get("detect", True))
        turn = CameraTurn(feed, loop, self._analysis, self._previewer, self._meter.stages, self._clock)
        feed.start()
        self._recording.add(camera_id, config, feed, message.get("recording"), site.rules)
        return _Camera(
            feed, loop, model, HealthMeter(), turn=turn, events=HealthEvents(camera_id, config, int(message["epoch"]), self._clock)
        )

    def detect(self, camera_id: str, *, on: bool) -> None:
        """Analyse a camera's pictures from now on, or no longer: then its events end where it was last seen. Its connection stays."""
        with self._analysis.between_rounds:
            loop = self._loops.get(camera_id)
            if loop is None or loop.detects == on:
                return
            self._ending = "" if on else camera_id
            self._end_events(loop)
            self._analyst.forget(camera_id)
            self._analyst.begin(loop)
            loop.detector.forget(camera_id)
            loop.detects = on
        self._writer.flush(_STORED_WITHIN_S)  # its status says so afterwards: whoever hears of it may believe that nothing is open
        self._ending = ""
        log.info("camera %s is %s", camera_id, "analysed again" if on else "no longer analysed, only read, shown and recorded")

    def drop(self, camera_id: str) -> None:
        """Stop a camera, ending its events."""
        camera = self._cameras.pop(camera_id, None)
        if camera is not None and camera.feed is not None:
            camera.feed.stop()
            self._forget(camera_id, camera)

    def _forget(self, camera_id: str, camera: _Camera) -> None:
        """End the events of a camera that was stopped, and drop what is kept of it."""
        if camera.feed is None or camera.loop is None:
            return
        self._meter.previous_demux_s += camera.feed.status.cpu_s
        with self._analysis.between_rounds:
            self._loops.pop(camera_id, None)
            self._analysis.forget(camera_id)
            self._end_events(camera.loop)
            if camera.events is not None:
                self._note_health(camera, camera.events.finish())
            self._analyst.forget(camera_id)
            camera.loop.detector.forget(camera_id)
        self._recorder.remove_camera(camera_id)
        self._recording.remove(camera_id)
        self._views.remove(camera_id)
        self._looks.remove(camera_id)
        self._maps.remove(camera_id)
        self._shadows.forget(camera_id)
        self._hidden.forget(camera_id)
        self._load.governor.forget(camera_id)

    def _end_events(self, loop: CameraLoop) -> None:
        """End what a camera has open, where it was last seen."""
        ended = loop.finish()
        self._recorder.end(ended)
        self._submit(ended)
        self._worn.submit(loop.take_records())

    def _end_events_of_silent_cameras(self) -> None:
        """A camera that sends nothing cannot end its events itself: nobody knows what goes on there, so they end at the last look."""
        now_s = self._clock.monotonic_s()
        for camera in tuple(self._cameras.values()):
            loop, feed = camera.loop, camera.feed
            if loop is None or feed is None or not loop.has_open_events:
                continue
            patience_s = _ENDED_PATIENCE_S if feed.status.state == "ended" else loop.config.stall_s + _SILENT_PATIENCE_S
            if now_s - loop.checked_s > patience_s:
                with self._analysis.between_rounds:
                    if self._loops.get(loop.camera_id) is loop:  # it may have been changed or removed in the meantime
                        self._end_events(loop)
                        self._analyst.forget(loop.camera_id)
                        self._analyst.begin(loop)

    def _tell_health(self, statuses: Sequence[CameraStatus]) -> None:
        """Events of cameras that see nothing, or not what they are there to see."""
        for status in statuses:
            camera = self._cameras.get(status.camera_id)
            if camera is None or camera.events is None or camera.loop is None:
                continue
            view = camera.loop.view
            self._note_health(camera, camera.events.update(status.state, None if view is None else view.finding, status.last_frame_s))
            found = self._drifts.take(status.camera_id)
            if found is not None:
                self._note_health(camera, camera.events.drifted(found.drifts), found.before)

    def _note_health(self, camera: _Camera, events: Sequence[Event], before: bytes = b"") -> None:
        """Keep events of the camera itself, with its last picture and one of before: that of its view, where none is given."""
        loop = camera.loop
        if loop is None or not events:
            return
        frame, view = loop.newest, loop.view
        if frame is not None:
            check = Check(loop.camera_id, frame, self._clock.monotonic_s(), moved=False, owner=loop)
            is_compared = any(event.incident.kind not in (BLIND, FROZEN) for event in events)
            if not before and is_compared and view is not None and view.picture is not None:
                before = view.picture.jpeg
            nobody = Tracks.empty(loop.camera_id, frame.captured_at_s)
            self._recorder.note(Outcome(check, nobody, tuple(events), 0.0, before, is_blind=True))
        else:
            self._recorder.end([event for event in events if event.phase is EventPhase.END])
        self._submit(events)

    def watch(self, wishes: Sequence[Sequence[Any]], video: Sequence[Sequence[Any]] = ()) -> None:
        """Whose previews are wanted: rows of camera, size, frames/s; and whose video."""
        self._video.watch(video)
        self._previewer.watch([(str(camera), size, float(fps)) for camera, size, fps in wishes])
        for camera_id, loop in tuple(self._loops.items()):
            loop.watched = self._previewer.highest_fps(camera_id) >= _WATCHED_FPS
        self._stir(tuple(self._loops))

    def _stir(self, camera_ids: Iterable[str]) -> None:
        """Give sleeping cameras that have to wake a turn."""
        for camera_id in camera_ids:
            camera = self._cameras.get(camera_id)
            if camera is not None and camera.turn is not None and camera.turn.must_wake:
                self._pool.notify(camera_id)

    def drain(self) -> None:
        """Stop all cameras, end their events, write what is left."""
        # All at once: one connection that hangs must not use up the time of the others.
        feeds = [camera.feed for camera in self._cameras.values() if camera.feed is not None]
        with ThreadPoolExecutor(max_workers=max(1, len(feeds))) as pool:
            list(pool.map(CameraFeed.stop, feeds))
        while self._cameras:
            self._forget(*self._cameras.popitem())
        self._pool.stop()
        self._video.close()
        self._analysis.stop()
        self._shadows.stop()
        self._detectors.close()
        self._views.close()
        self._looks.close()
        self._maps.close()
        self._writer.flush(5.0)
        self._recorder.close()
        self._alike.close()
        self._recording.close()
        self._writer.close(5.0)
        self._worn.close(5.0)

    def statuses(self) -> list[CameraStatus]:
        """The status of every camera of this shard."""
        return [self._status(camera_id, camera) for camera_id, camera in tuple(self._cameras.items())]

    def report(self) -> None:
        """Send the statuses and, when it changed, what is wrong with the storage.

        A shard whose analysis or decoding hangs, or whose device fails for long, stays silent, so that the supervisor starts it again.
        """
        stuck_s = max(self._analysis.busy_s, self._pool.busy_s)
        if stuck_s > _STUCK_S:
            log.error("analysis or decoding has hung for %.0f s", stuck_s)
            return
        if self._detectors.dead_s > _DEAD_DEVICE_S:  # some faults of a GPU end only with the process that met them
            log.error("the device that runs models has failed for %.0f s", self._detectors.dead_s)
            return
        self._end_events_of_silent_cameras()
        self._load.step(tuple(self._loops.values()))
        self._stir(tuple(self._loops))
        freed_memory.give_back(self._clock)
        cameras = dict(self._cameras)
        models = {camera_id: camera.model for camera_id, camera in cameras.items()}
        self._models.look(self._loops, models, [camera_id for camera_id, camera in cameras.items() if camera.loop is None])
        statuses = self.statuses()
        self._tell_health(statuses)
        wired = [status_to_wire(status) for status in statuses]
        self._link.send({"type": "status", "cameras": wired, "figures": figures_to_wire(self._figures())})
        if (problem := self._writer.problem or "") != self._storage_problem:
            self._storage_problem = problem
            self._notice("storage", problem)
        self._lessons.take()

    def _equip(self, loop: CameraLoop, chain: Chain, verify: VerifyConfig) -> None:
        """Give a camera's chain what it looks and compares with. Without either it only knows less: the camera runs all the same."""
        if verify.second_look.enabled and verify.second_look.model:
            loop.second_model = verify.second_look.model
            try:
                loop.second_detector = self._detectors.get(loop.second_model)
            except PanopsError as error:
                chain.look_again(None)
                loop.advice = "; ".join(filter(None, (loop.advice, f"nobody looks again (verify.second_look.model): {error}")))
        self._lessons.first(loop.camera_id, chain)

    def _figures(self) -> ShardFigures:
        feeds = [camera.feed for camera in tuple(self._cameras.values()) if camera.feed is not None]
        asleep = sum(loop.sleep.asleep for loop in tuple(self._loops.values()))
        figures = self._meter.figures(self._index, len(self._cameras), sum(feed.cpu_s for feed in feeds) + self._recording.demux_s)
        return self._load.told(replace(figures, asleep=asleep))

    def _status(self, camera_id: str, camera: _Camera) -> CameraStatus:
        if camera.feed is None or camera.loop is None:
            return CameraStatus(camera_id, CameraState.ERROR, camera.problem, model=camera.model, shard=self._index, detects=False)
        status = self._recording.told(camera.health.status(camera.loop, camera.feed.status, camera.model, self._index))
        return replace(status, detects=True) if camera_id == self._ending else status

    # --- the way of a frame ---------------------------------------------------------------------------------------------------

    def _decode(self, camera_id: str) -> None:
        camera = self._cameras.get(camera_id)
        if camera is not None and camera.turn is not None and camera.turn.take():
            self._pool.notify(camera_id)  # the rest, once the other cameras had their turn

    def _on_outcome(self, outcome: Outcome) -> None:
        self._meter.note(outcome)
        self._recorder.note(outcome)
        self._recording.note(outcome)
        if outcome.events:
            self._submit(outcome.events)
        self._worn.submit(outcome.records)
        camera_id = outcome.check.camera_id
        loop = self._loops.get(camera_id)
        if loop is not None and loop.view is not None and len(outcome.tracks):
            loop.view.counts.note_tracks(outcome.tracks, loop.classes, outcome.check.frame.size_wh)
        if loop is not None and self._previewer.highest_fps(camera_id) <= loop.config.check_fps:
            self._previewer.offer(outcome.check.frame, None if outcome.is_blind else outcome.tracks, loop.classes)

    def _submit(self, events: Sequence[Event]) -> None:
        self._recording.events(events)
        self._writer.submit(list(events))

    def _on_stored(self, events: Sequence[Event]) -> None:
        """On the writer's thread, after the commit: only now is anyone told."""
        self._meter.stored(events)
        self._recorder.stored(events)
        self._recording.stored(events)
        self._traces.stored(events)
        for event in events:
            self._tell_event(event, event.phase)

    def _tell_event(self, event: Event, phase: str) -> None:
        self._link.send(
            {"type": "event", "event_id": event.event_id, "camera_id": event.camera_id, "rule_id": event.rule_id, "phase": phase}
        )

    def _notice(self, topic: str, problem: str) -> None:
        level = "alarm" if problem else "info"
        self._link.send({"type": "notice", "topic": topic, "level": level, "message": problem or f"{topic} works again"})
