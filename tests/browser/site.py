"""A real server for the browser tests: API, page, SQLite and evidence on disk; only the cameras are generated."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from panops.api.app import create_app
from panops.api.serve import run_server
from panops.api.services import KnownModel, NoModels
from panops.api.settings import ApiSettings
from panops.config.load import parse_site
from panops.domain.clock import SystemClock
from panops.domain.compliance import ComplianceRecord, ItemRecord, Worn
from panops.domain.detections import Detections
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.domain.verdicts import Finding, Verdict
from panops.models.agreement import CameraAgreement, Pair, save_agreement
from panops.models.catalogue import Catalogue as Empty
from panops.models.disagreement import disagreement, save_disagreement
from panops.models.manifest_file import dump_manifest
from panops.models.promotion import shadow
from panops.models.store import ModelStore
from panops.pipeline.enrolment import Enrolment
from panops.pipeline.live import CameraState
from panops.storage.accounts import Accounts
from panops.storage.areas import SPAN_S, AreaRepository, AreaSpan
from panops.storage.audit import AuditLog
from panops.storage.compliance import ComplianceRepository
from panops.storage.credentials import ScryptCost
from panops.storage.database import Database
from panops.storage.events import EventRepository, ReviewStatus
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.gallery_records import PersonFacts
from panops.storage.outbox import Outbox
from panops.storage.scope import Role, Scope
from panops.storage.site import SiteRepository
from panops.storage.trail import TrackTrail
from panops.testing.fake_faces import FakeFaceReader, drawn
from panops.testing.live_site import FakeLiveSite
from panops.testing.moving_scene import MovingScene
from panops.web.pages import mount

T = TypeVar("T")
PASSWORD = "a good password"
BAD_NAME = "<img src=x onerror=alert(1)>"
SITE = f"""
timezone: Europe/Berlin
cameras:
  gate:
    name: North gate
    source: "rtsp://viewer:S3cret@camera.example/gate"
    zones: {{floor: {{polygon: [[0.1, 0.4], [0.9, 0.4], [0.9, 1], [0.1, 1]]}}}}
  yard: {{name: Yard, source: "sim://yard", lines: {{door: {{points: [[0.5, 0.3], [0.5, 1]]}}}}}}
  street: {{name: Street, source: "sim://street"}}
  store: {{name: Store room with a rather long name, source: "rtsp://camera.example/store"}}
  dock: {{name: Loading dock, source: "rtsp://camera.example/dock"}}
  odd: {{name: "{BAD_NAME}", source: "sim://room"}}
  spare: {{name: Switched off, source: "sim://fence", enabled: false}}
rules:
  - {{id: night, kind: intrusion, cameras: [gate], zone: floor, classes: [person]}}
  - {{id: way-in, kind: line_crossing, cameras: [yard], line: door, classes: [person]}}
  - {{id: crowd, kind: occupancy, cameras: [street], classes: [person], limit: 3}}
alerts:
  - {{id: desk, kind: file, path: /dev/null, cameras: [yard], moments: [begin]}}
  - {{id: control-room, kind: webhook, url: "http://127.0.0.1:9/in?key=t0psecret", rules: [way-in]}}
  - {{id: boss, kind: email, server: 127.0.0.1, port: 9, security: none, sender: a@b.example, to: [c@d.example], enabled: false}}
"""
KINDS = (
    ("gate", "night", "intrusion", "floor", Severity.ALARM, {"max_count": 1}),
    ("yard", "way-in", "line_crossing", "door", Severity.WARNING, {"direction": "a_to_b"}),
    ("street", "crowd", "occupancy", "", Severity.ALARM, {"limit": 3, "when": "above", "count": 4, "max_count": 5, "min_count": 4}),
    ("odd", "linger", "loitering", "", Severity.INFO, {"dwell_s": 41.5}),
)


class Catalogue(NoModels):
    """Two models: one that is in use, one that can be had; and what is in a store."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    @property
    def store(self) -> ModelStore:
        """Where the versions are; none at first."""
        return self._store

    def known(self) -> list[KnownModel]:
        """By name."""
        source = ModelSource(SourceKind.FILE, "")
        common = {"head": "yolox", "version": "1", "licence": "Apache-2.0", "source": source, "file_name": "", "sha256": "0" * 64}
        many = tuple(f"class {number}" for number in range(20))
        there = ModelManifest("general", "detection", **common, input_size_wh=(640, 384), classes=many, accuracy={"COCO AP": 0.26})
        here = ModelManifest("movement", "detection", **common, input_size_wh=(0, 0), classes=("moving",), not_for="naming what moves")
        known = [KnownModel(there, installed=False, note="get it with: panops models add general"), KnownModel(here, installed=True)]
        return [*known, *(KnownModel(model.manifest, True, "", model.version) for model in self._store.list())]

    def default(self) -> tuple[str, str]:
        """The one in use."""
        return "movement", "general is not installed"


class SiteServer:
    """A site in `home`, served from a thread of its own.

    Args:
        home: Its folder.
        site: Its site file's text, empty for a site that nobody has set up.
        **settings: More of `ApiSettings`.
    """

    def __init__(self, home: Path, site: str = SITE, **settings: object) -> None:
        self.home, self.settings, self.port, self.url = home, settings, 0, ""
        self.database = Database.at(home).open(check=False)
        self.accounts = Accounts(self.database, SystemClock(), ScryptCost(n=4, r=1))
        if site:
            for name, role in (("vera", Role.VIEWER), ("oscar", Role.OPERATOR), ("ada", Role.ADMIN)):
                self.accounts.create_user(name, PASSWORD, role)
            wanted = parse_site(site, "test", {})
            SiteRepository(self.database).apply(wanted, "test")
            # As a run before this one left it: of events that are stored now somebody is told.
            Outbox(self.database).sync([sink.id for sink in wanted.alerts if sink.enabled], SystemClock().utc_s())
        self.models = ModelStore(home / "models", mirrors=[], catalogue=Empty({}, {}), builtin=home / "builtin")
        self.live: FakeLiveSite
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve, at the same port as the time before."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="site", daemon=True)
        self._thread.start()
        assert ready.wait(20)

    def stop(self) -> None:
        """Stop serving; the data stays."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
            self._thread = None

    def close(self) -> None:
        """Stop and let go of the database."""
        self.stop()
        self.database.close()

    def ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine on the server's event loop."""

        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)

    def tell(self, act: Callable[[], object]) -> None:
        """Call something on the server's event loop."""

        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with FakeLiveSite(self.database, self.home / "evidence") as self.live:
            self.live.set_state("store", CameraState.UNREACHABLE, "nothing answers at camera.example, port 554; it is tried again in 8 s")
            self.live.set_state("dock", CameraState.UNAUTHORIZED, "the camera refuses the user name or password")
            settings = ApiSettings(evidence_folder=self.home / "evidence", **self.settings)  # type: ignore[arg-type]  # given by name
            app = create_app(
                settings, self.database, self.live, accounts=self.accounts, catalogue=Catalogue(self.models), face_reader=FakeFaceReader
            )
            mount(app)

            def on_ready(url: str) -> None:
                self.url, self.port = url, int(url.rsplit(":", 1)[1])
                ready.set()

            await run_server(app, "127.0.0.1", self.port, self._stop, on_ready)

    def add_doubted(self, camera: str, at_s: float) -> str:
        """Store an event that the chain does not believe; its id."""
        incident = Incident("doubted", EventPhase.END, "intrusion", "person", "", (1,), 0.5, at_s, at_s + 5, at_s + 5)
        findings = (
            Finding("persistence", True, 1.0, 0.5, "Seen at 25 of 25 looks."),
            Finding("displacement", False, 0.1, 0.25, "It came 0.1 of its own size."),
            Finding("size", None, None, None, "How tall things are at this place is not known yet."),
        )
        event_id = f"{camera}-0-doubted"
        EventRepository(self.database).save([Event(event_id, camera, "night", Severity.ALARM, incident, Verdict(findings, 2.0))])
        return event_id

    def add_events(self, count: int, newest_s: float, every_s: float = 600.0) -> list[str]:
        """Store past events of all kinds, newest first, the first eight with files; their ids."""
        events, ids = [], []
        for number in range(count):
            camera, rule, kind, zone, severity, details = KINDS[number % len(KINDS)]
            start_s = newest_s - number * every_s
            ids.append(f"{camera}-0-{number:05d}")
            box = MovingScene(camera).boxes(start_s)[0].box
            incident = Incident(
                key=str(number), phase=EventPhase.END, kind=kind, class_name="person", zone=zone, track_ids=(number + 1,), score=0.9,
                started_at_s=start_s, updated_at_s=start_s + 9, ended_at_s=start_s + 9, box=box, details=details,
            )  # fmt: skip
            events.append(Event(ids[-1], camera, rule, severity, incident))
        EventRepository(self.database).save(events)
        evidence = EvidenceStore(self.database, self.home / "evidence", SystemClock())
        for event in events[:8]:
            at_s = event.incident.started_at_s
            evidence.add_bytes(event.event_id, EvidenceKind.SNAPSHOT, MovingScene(event.camera_id).jpeg(at_s, (854, 480)), at_s, at_s)
        return ids

    def add_judged(self, newest_s: float) -> None:
        """Store events of the gate that were judged: short ones and a post that are false, people who are true; with pictures and boxes."""
        stored, trails = EventRepository(self.database), TrackTrail(self.database)
        evidence = EvidenceStore(self.database, self.home / "evidence", SystemClock())
        for number in range(22):
            false = number < 19
            # 14 short ones anywhere, a post in one place that stands long, and three who walk.
            seconds, pace = (1.4, 0.0) if number < 14 else (9.0, 0.0) if false else (6.0 + number / 10, 0.02)
            x, y = (
                (0.15 + 0.05 * number, 0.45 + 0.02 * number)
                if number < 14
                else (0.2, 0.9)
                if false
                else (0.15, 0.55 + 0.06 * (number - 19))
            )
            start_s = newest_s - 900.0 * number
            looks = round(5 * seconds) + 1
            points = [(start_s + at / 5, (x + pace * at, y)) for at in range(looks)]
            trail = [(at_s, [(1, "person", 0.6, (x - 0.03, y - 0.2, x + 0.03, y))]) for at_s, (x, y) in points]
            end_s, event_id = points[-1][0], f"gate-7-{number}"
            incident = Incident(
                "zone", EventPhase.END, "intrusion", "person", "floor", (1,), 0.6, start_s, end_s + 3, end_s, trail[0][1][0][3]
            )
            stored.save([Event(event_id, "gate", "night", Severity.ALARM, incident, Verdict((), best_score=0.6))])
            trails.save_trail(event_id, trail)
            evidence.add_bytes(event_id, EvidenceKind.SNAPSHOT, MovingScene("gate").jpeg(start_s, (854, 480)), start_s, start_s)
            status = ReviewStatus.FALSE_ALARM if false else ReviewStatus.TRUE_ALARM
            stored.review(Scope.everything(), event_id, status=status, user="oscar", at_s=newest_s)

    def add_versions(self, newest_s: float) -> None:
        """Store three versions of a model, of which the second looks on, and what both saw on three cameras."""
        for version, names in (("1", ("person", "car", "truck")), ("2", ("person", "car", "bus")), ("3", ("person",))):
            folder = self.home / f"export-{version}"
            folder.mkdir()
            (folder / "net.onnx").write_bytes(version.encode())
            digest = hashlib.sha256(version.encode()).hexdigest()
            source = ModelSource(SourceKind.FILE, "net.onnx")
            manifest = ModelManifest(
                "crossing", "detection", "yolox", version, "Apache-2.0", source, "net.onnx", digest, (416, 416), names,
                accuracy={"site AP50": 0.5 + int(version) / 20}, not_for="pictures from a ceiling",
            )  # fmt: skip
            (folder / "manifest.yaml").write_text(dump_manifest(manifest))
            self.models.add(str(folder), who="ada")
        shadow(self.models, "crossing", "2", who="ada", why="it learnt from last month's false alarms")
        pair = Pair("1", "2", tuple(self.models.get(f"crossing@{version}").manifest.sha256 for version in "12"))  # type: ignore[arg-type]  # two
        rows = np.array([[100, 200, 180, 420], [300, 220, 420, 300], [500, 230, 560, 400]], np.float32)
        seen = Detections(rows, np.array([0.9, 0.8, 0.7], np.float32), np.array([0, 1, 0]))
        for place, camera in enumerate(("gate", "yard", "odd")):
            counted = CameraAgreement(camera)
            for look in range(40):
                other = seen.select(np.arange(3) != look % 3)
                at_s = newest_s - 600 * look
                both = ((seen, ("person", "car", "truck"), 0.0061), (other, ("person", "car", "bus"), 0.0048))
                counted.add(at_s, *both, 0.35)
                found = disagreement(camera, at_s, (854, 480), both[0][:2], both[1][:2], 0.35) if look < 3 + place else None
                if found is not None:
                    save_disagreement(self.models.folder / "crossing", pair, found, MovingScene(camera).jpeg(at_s, (854, 480)))
            save_agreement(self.models.folder / "crossing", pair, counted)

    def add_known(self) -> dict[str, str]:
        """Know some people, with as many pictures as they have letters; their ids by name. Nobody has a picture of the last one."""
        gallery = Gallery(self.database, KeyPlace(self.home / "faces.key", {}))
        enrolment, found = Enrolment(gallery, FakeFaceReader), {}
        for who, (name, lists) in enumerate(
            {"Anna Berg": ("staff",), "Bo Åkerlund-Vandermeersch of the night shift": ("staff", "watch"), "Çelik": ()}.items(), 1
        ):
            facts = PersonFacts(name, lists, "signed form in the personnel file", 1.79e9, None if who == 2 else 1.9e9)
            found[name] = gallery.add(Scope.everything(), facts, "ada").person_id
            for variant in range(4 if who < 3 else 0):
                enrolment.add(
                    Scope.everything(), found[name], drawn((who, variant), side_px=160), f"IMG_{who}{variant}.jpg", negative=variant == 3
                )
        return found

    def looked(self) -> list[tuple[str, str]]:
        """Who was shown known people's names in live pictures, and of which camera, as the audit log has it."""
        entries = AuditLog(self.database).newest_of(["person.live"])
        return [(entry.user, str(entry.detail["camera"])) for entry in entries]

    def add_people(self, count: int, newest_s: float, every_s: float = 900.0) -> None:
        """Store what people wore, newest first: three in four a hat, and a vest more and more seldom."""
        records = []
        for number in range(count):
            camera, zone = (("gate", "floor"), ("yard", ""), ("odd", "a rather long name of a zone"))[number % 3]
            hat = (Worn.PRESENT, Worn.PRESENT, Worn.PRESENT, Worn.ABSENT, Worn.NOT_VISIBLE)[number % 5]
            vest = Worn.ABSENT if number % 7 > number * 6 // count else Worn.PRESENT
            at_s = newest_s - number * every_s
            for item, worn in (("hardhat", hat), ("vest", vest)):
                one = ItemRecord(item, worn, zone, number, 0.1, 9, worn is Worn.ABSENT, at_s - 20, at_s)
                records.append(ComplianceRecord(f"{camera}-9-{number}-{item}", camera, "wear", one))
        ComplianceRepository(self.database).save(records)

    def add_areas(self, newest_s: float) -> None:
        """Store what covered a zone of the gate: more and more of it by cars, the further back."""
        spans = []
        for back in range(1, 40):
            span, share = int(newest_s // SPAN_S) - back, 0.1 + 0.015 * back
            for zone, name, mean in (("", "background", 0.9), ("site", "car", share), ("site", "background", 1 - share)):
                spans.append(AreaSpan(span, "gate", zone, name, 30, mean, mean - 0.05, mean + 0.05))
        AreaRepository(self.database).add(spans)
