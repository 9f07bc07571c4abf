"""A `LiveSite` without cameras: generated moving pictures, states and events. For tests of the API and page, and for building the page.

`python -m panops.testing.live_site` serves API and page with it (user `admin`, password `panops-demo`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from panops.api.app import create_app
from panops.api.serve import run_server
from panops.api.settings import ApiSettings
from panops.config.load import parse_site
from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.domain.switches import Switch
from panops.pipeline.alerting import Alerting
from panops.pipeline.live import CameraState, CameraStatus, EventNotice, LiveIdentity, Preview, ProbeResult, ShardFigures, SystemNotice
from panops.pipeline.subscription import Feed, FeedHub
from panops.pipeline.switchboard import TAKEN, Switchboard
from panops.pipeline.video import StreamName
from panops.pipeline.video_hub import Viewer
from panops.storage.accounts import Accounts
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.scope import Role
from panops.storage.site import SiteRepository
from panops.storage.trail import TrackTrail
from panops.testing.fake_video import FakeVideo
from panops.testing.moving_scene import MovingScene

log = logging.getLogger(__name__)

Size = Literal["s", "m", "l"]
SIZES: Mapping[Size, tuple[int, int]] = {"s": (426, 240), "m": (854, 480), "l": (1280, 720)}
SOURCE_FPS = 10.0


class FakeLiveSite:
    """Implements `panops.pipeline.live.LiveSite` over a real database; its cameras are those stored there.

    Args:
        database: An open database.
        evidence_folder: Where events' files go.
        clock: Time.
    """

    def __init__(self, database: Database, evidence_folder: Path, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._sites = SiteRepository(database)
        self._events = EventRepository(database)
        self._trails = TrackTrail(database)
        self._evidence = EvidenceStore(database, evidence_folder, self._clock)
        self.switchboard = Switchboard(database, self._clock)
        self.switchboard.count("home", TAKEN)
        self.alerts = Alerting(database, self._evidence, self._clock, self.switchboard)
        self._hub = FeedHub(self._on_wishes)
        self.film = FakeVideo(self._clock)
        self._site = SiteConfig()
        self._states: dict[str, tuple[CameraState, str]] = {}
        self._notices: dict[str, SystemNotice] = {}
        self._who: dict[str, Mapping[int, LiveIdentity]] = {}
        self._began_s = self._clock.utc_s()
        self._sequence = 0
        self._watched = asyncio.Event()
        self._due_s: dict[tuple[str, Size], float] = {}
        self._task: asyncio.Task[None] | None = None
        self.reloads = 0

    async def start(self) -> None:
        """Read the cameras and begin to make pictures for whoever watches."""
        await self.reload()
        self._task = asyncio.create_task(self._make_pictures(), name="fake-pictures")

    async def stop(self) -> None:
        """Stop making pictures. Safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.film.stop()
        await asyncio.to_thread(self.alerts.stop)

    async def __aenter__(self) -> FakeLiveSite:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    # --- what tests do to it ---------------------------------------------------------------------------------------------------

    def set_state(self, camera_id: str, state: CameraState, message: str = "") -> None:
        """Let a camera be in a state, and tell."""
        self._states[camera_id] = (state, message)
        self._hub.publish(self._status(camera_id))

    def recognise(self, camera_id: str, who: Mapping[int, LiveIdentity]) -> None:
        """Let a camera have decided who those with some numbers of its scene are."""
        self._who[camera_id] = who

    def announce(self, notice: SystemNotice) -> None:
        """Let the site say something; `info` clears what was said of the topic."""
        if notice.level == "info":
            self._notices.pop(notice.topic, None)
        else:
            self._notices[notice.topic] = notice
        self._hub.publish(notice)

    async def raise_event(
        self, camera_id: str, rule_id: str = "night", kind: str = "intrusion", *, duration_s: float = 4.0, evidence: bool = True
    ) -> str:
        """Let an event happen, now ended, with snapshots, clip and boxes over time; its id. It is stored before it is told."""
        event = self._event(camera_id, rule_id, kind, duration_s).ended(self._clock.utc_s())
        await asyncio.to_thread(self._events.save, [event])
        if evidence:
            await asyncio.to_thread(self._prove, event, EvidenceKind.CLIP)
        self.tell(event, "end")
        return event.event_id

    async def begin_event(self, camera_id: str, rule_id: str = "night", kind: str = "intrusion", *, so_far_s: float = 4.0) -> Event:
        """Let an event begin that has gone on for `so_far_s`, with snapshots and a clip so far."""
        event = self._event(camera_id, rule_id, kind, so_far_s)
        await asyncio.to_thread(self._events.save, [event])
        self.tell(event, "begin")
        await asyncio.to_thread(self._prove, event, EvidenceKind.CLIP_SO_FAR)
        self.tell(event, "evidence")
        return event

    async def end_event(self, event: Event) -> Event:
        """End an event that goes on. Its clip comes later, by `finish_event`."""
        ended = event.ended(self._clock.utc_s())
        await asyncio.to_thread(self._events.save, [ended])
        self.tell(ended, "end")
        return ended

    async def finish_event(self, event: Event) -> None:
        """Put the clip of an event that has ended in the place of the one so far."""
        await asyncio.to_thread(self._prove, event, EvidenceKind.CLIP)
        await asyncio.to_thread(self._evidence.discard, event.event_id, EvidenceKind.CLIP_SO_FAR)
        self.tell(event, "evidence")

    def tell(self, event: Event, phase: str) -> None:
        """Tell that something is new of an event."""
        self._hub.publish(EventNotice(event.event_id, event.camera_id, event.rule_id, phase))
        self.alerts.wake()

    def wishes(self) -> dict[tuple[str, Size], float]:
        """Which pictures anybody wants, and at which rate."""
        return self._hub.wishes()

    # --- LiveSite --------------------------------------------------------------------------------------------------------------

    def statuses(self) -> list[CameraStatus]:
        """Every configured camera's status, by camera id."""
        return [self._status(camera_id) for camera_id in sorted(self._site.cameras)]

    def notices(self) -> list[SystemNotice]:
        """The standing notices."""
        return list(self._notices.values())

    def subscribe(self) -> Feed:
        """A new feed."""
        return self._hub.subscribe()

    async def snapshot(self, camera_id: str, size: Size) -> Preview | None:
        """The picture now; None when the camera is not live."""
        if camera_id not in self._site.cameras or self._status(camera_id).state is not CameraState.LIVE:
            return None
        return self._preview(camera_id, size, self._clock.utc_s())

    def video(self, camera_id: str, stream: StreamName) -> Viewer:
        """A film of the camera's scene, round and round."""
        return self.film.open(camera_id, stream)

    async def probe(self, camera: CameraConfig) -> ProbeResult:
        """An answer that the address decides: one that holds a state's name, such as `unauthorized`, fails with it; others work."""
        source = camera.source.get_secret_value()
        for state in CameraState:
            if state.value in source and state is not CameraState.LIVE:
                return ProbeResult(False, state, f"the test address asks for the answer {state.value!r}", took_s=0.1)
        jpeg = MovingScene("test").jpeg(self._clock.utc_s(), SIZES["m"])
        return ProbeResult(True, CameraState.LIVE, "", "h264", (1280, 720), SOURCE_FPS, 2.0, 0.2, jpeg)

    async def reload(self) -> None:
        """Read the cameras again."""
        self._site = await asyncio.to_thread(self._sites.load)
        await asyncio.to_thread(self.switchboard.refresh)
        await asyncio.to_thread(self.alerts.follow, self._site)
        self.reloads += 1
        for camera_id in self._site.cameras:
            self._hub.publish(self._status(camera_id))
        statuses = {status.camera_id: status for status in self.statuses() if status.state is not CameraState.DISABLED}
        self.switchboard.settle(
            {camera_id: camera.enabled for camera_id, camera in self._site.cameras.items()},
            {camera_id: status.detects for camera_id, status in statuses.items()},
        )

    def shards(self) -> list[ShardFigures]:
        """One process, idle but for its pictures."""
        return [ShardFigures(0, len(self._site.cameras), cpu_s={"decode": 1.5, "detect": 0.5})]

    def metrics(self) -> Mapping[str, float]:
        """Figures of the fake itself."""
        return {
            "cpu_cores": 0.1,
            "rss_bytes": 50e6,
            "uptime_s": self._clock.utc_s() - self._began_s,
            "shards": 1.0,
            "shard_restarts": 0.0,
            "cameras_moved": 0.0,
            "events_written": float(self._sequence),
            "storage_free_bytes": 1e12,
            "recording_headroom_hours": 400.0,
            "archive_up": 1.0,
            "archive_bytes": 3e9,
            "archive_waiting_bytes": 0.0,
            "archive_missing_files": 0.0,
            "archived_files": 12.0,
            "archived_bytes": 1e8,
            "archive_failures": 0.0,
            "archive_unmoved_deleted": 0.0,
            "people_expired": 0.0,
            "seen_again": float(self.alerts.seen_again),
        }

    # --- inside ----------------------------------------------------------------------------------------------------------------

    def _status(self, camera_id: str) -> CameraStatus:
        camera, off = self._site.cameras.get(camera_id), self.switchboard.off(camera_id)
        by = next((one.by for one in off if one.switch is Switch.ENABLED), "")
        if camera is None or by or not camera.enabled:
            return CameraStatus(camera_id, CameraState.DISABLED, f"switched off by {by}" if by else "", detects=False, off=off)
        state, message = self._states.get(camera_id, (CameraState.LIVE, ""))
        now_s = self._clock.utc_s()
        detects = self.switchboard.is_on(camera_id, Switch.DETECT)
        status = CameraStatus(camera_id, state, message, model="motion", classes=("moving",), shard=0, detects=detects, off=off)
        if state is not CameraState.LIVE:
            return status
        frames = int((now_s - self._began_s) * SOURCE_FPS)
        return replace(
            status, size_wh=(1280, 720), codec="h264", source_fps=SOURCE_FPS, checks_fps=camera.check_fps, inference_ms=8.0,
            last_frame_s=now_s, decoded=frames, analysed=frames // 2, dropped={"stale": frames // 100},
            suppressed={"displacement": 3}, chain_failures={"size": 1}, tracks=3 if detects else 0,
            recorded_bytes=frames * 5000, recorded_segments=frames // 600, recording_failures={"lost": 2},
        )  # fmt: skip

    def _preview(self, camera_id: str, size: Size, time_s: float) -> Preview:
        scene = MovingScene(camera_id)
        boxes = scene.boxes(time_s) if self.switchboard.is_on(camera_id, Switch.DETECT) else ()
        who = self._who.get(camera_id, {})
        boxes = tuple(replace(box, who=who.get(box.track_id)) for box in boxes) if who else boxes
        return Preview(camera_id, time_s, size, scene.jpeg(time_s, SIZES[size]), boxes)

    def _on_wishes(self) -> None:
        self._watched.set()

    async def _make_pictures(self) -> None:
        """Make what is due, each camera and size at the rate wanted of it."""
        while True:
            self._watched.clear()
            wishes = {wish: fps for wish, fps in self._hub.wishes().items() if fps > 0}
            self._due_s = {wish: due_s for wish, due_s in self._due_s.items() if wish in wishes}
            now_s = time.monotonic()
            for (camera_id, size), fps in wishes.items():
                due_s = self._due_s.get((camera_id, size), now_s)
                if due_s > now_s:
                    continue
                self._due_s[(camera_id, size)] = max(due_s + 1.0 / fps, now_s)
                preview = await self.snapshot(camera_id, size)
                if preview is not None:
                    self._hub.publish(preview)
            next_s = min(self._due_s.values(), default=now_s + 60.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._watched.wait(), max(0.005, next_s - time.monotonic()))

    def _event(self, camera_id: str, rule_id: str, kind: str, lasted_s: float) -> Event:
        """A new event that has gone on for `lasted_s`."""
        self._sequence += 1
        now_s = self._clock.utc_s()
        box = MovingScene(camera_id).boxes(now_s - lasted_s)[0]
        incident = Incident(
            key="1", phase=EventPhase.BEGIN, kind=kind, class_name=box.class_name, zone="floor", track_ids=(box.track_id,), score=box.score,
            started_at_s=now_s - lasted_s, updated_at_s=now_s, box=box.box, details={"dwell_s": round(lasted_s, 1)},
        )  # fmt: skip
        return Event(f"{camera_id}-1-{int(self._began_s)}-{self._sequence}", camera_id, rule_id, Severity.ALARM, incident)

    def _prove(self, event: Event, clip: EvidenceKind) -> None:
        """Write an event's snapshots, its clip of that kind, and its boxes over time."""
        event_id, scene = event.event_id, MovingScene(event.camera_id)
        start_s, end_s = event.incident.started_at_s, event.incident.updated_at_s
        add = self._evidence.add_bytes
        add(event_id, EvidenceKind.SNAPSHOT, scene.jpeg(start_s, SIZES["l"]), start_s, start_s)
        add(event_id, EvidenceKind.ANNOTATED, scene.jpeg(start_s, SIZES["l"], annotated=True), start_s, start_s)
        self._evidence.write(event_id, clip, start_s, end_s, lambda path: scene.write_clip(path, start_s, end_s - start_s))
        times = [start_s + step / 5 for step in range(round((end_s - start_s) * 5) + 1)]
        self._trails.save_trail(
            event_id, [(at_s, [(item.track_id, item.class_name, item.score, item.box) for item in scene.boxes(at_s)]) for at_s in times]
        )


DEMO_SITE = """
cameras:
  gate: {name: North gate, source: "sim://gate", zones: {floor: {polygon: [[0.1, 0.4], [0.9, 0.4], [0.9, 1], [0.1, 1]]}}}
  yard: {name: Yard, source: "rtsp://viewer:secret@camera.example/yard", lines: {door: {points: [[0.5, 0.3], [0.5, 1]]}}}
  street: {name: Street, source: "sim://street"}
  store: {name: Store room, source: "rtsp://camera.example/store"}
  dock: {name: Loading dock, source: "sim://room", enabled: false}
rules:
  - {id: night, kind: intrusion, cameras: [gate], zone: floor, classes: [person]}
  - {id: way-in, kind: line_crossing, cameras: [yard], line: door, classes: [person]}
"""


async def serve_demo(home: Path, host: str, port: int, stop: asyncio.Event, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve API and page over a fake site in `home`, with an event every 20 s, until `stop` is set; `on_ready` gets the address."""
    with Database.at(home) as database:
        accounts = Accounts(database, SystemClock())
        if accounts.count() == 0:
            accounts.create_user("admin", "panops-demo", Role.ADMIN)
            accounts.create_user("viewer", "panops-demo", Role.VIEWER, ["gate", "yard"])
        SiteRepository(database).apply(parse_site(DEMO_SITE, "demo", {}), "demo")
        async with FakeLiveSite(database, home / "evidence") as live:
            live.set_state("store", CameraState.UNREACHABLE, "nothing answers at camera.example, port 554; it is tried again in 8 s")
            app = create_app(ApiSettings(evidence_folder=home / "evidence"), database, live, accounts=accounts)
            if find_spec("panops.web.pages") is not None:
                import_module("panops.web.pages").mount(app)
            happening = asyncio.create_task(_let_things_happen(live), name="fake-events")
            try:
                await run_server(app, host, port, stop, on_ready or _say_where)
            finally:
                happening.cancel()
                await asyncio.gather(happening, return_exceptions=True)


def _say_where(address: str) -> None:
    log.warning("serving at %s (admin / panops-demo)", address)


async def _let_things_happen(live: FakeLiveSite) -> None:
    turn = 0
    while True:
        camera, rule, kind = (("gate", "night", "intrusion"), ("yard", "way-in", "line_crossing"))[turn % 2]
        await live.raise_event(camera, rule, kind)
        turn += 1
        await asyncio.sleep(20.0)


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(description="Serve the panops page over a fake site.")
    parser.add_argument("--port", type=int, default=8440)
    parser.add_argument("--home", type=Path, default=None, help="where to keep everything; a temporary folder when left out")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with tempfile.TemporaryDirectory(prefix="panops-") as folder, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_demo(chosen.home or Path(folder), "127.0.0.1", chosen.port, asyncio.Event()))


if __name__ == "__main__":
    main()
