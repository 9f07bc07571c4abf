"""The parent process: keeps the shards alive, gives them their cameras, and answers for the whole site (`LiveSite`)."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import PanopsError, StorageError
from panops.ingest.memory import freed_memory
from panops.pipeline.link import Message
from panops.pipeline.live import CameraState, CameraStatus, EventNotice, LiveMessage, Preview, ProbeResult, ShardFigures, SystemNotice
from panops.pipeline.placement import place, shard_count
from panops.pipeline.probing import probe_camera
from panops.pipeline.shard_handle import ShardHandle
from panops.pipeline.subscription import Feed, FeedHub
from panops.pipeline.usage import UsageMeter, rss_bytes
from panops.pipeline.wire import figures_from_wire, notice_from_wire, preview_from_wire, status_from_wire
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.home import Home
from panops.storage.journal import replay_abandoned
from panops.storage.leases import Leases
from panops.storage.retention import Retention
from panops.storage.site import SiteRepository

log = logging.getLogger(__name__)

_STATUS_EVERY_S = 5.0
_LOOK_FOR_CHANGES_EVERY_S = 2.0
_CLEAN_UP_EVERY_S = 60.0
_SWEEP_EVERY_S = 86_400.0
_LEASE_S = 60.0
_RENEW_EVERY_S = 15.0
_MOST_PROBES = 8


@dataclass(frozen=True, slots=True)
class SupervisorSettings:
    """Set by the command that starts the site.

    Attributes:
        default_model: The model of cameras that name none.
        cores: How many cores this product may use.
    """

    default_model: str
    cores: int = 0


class Supervisor:
    """Runs the site whose desired state is in the database; implements `panops.pipeline.live.LiveSite`.

    Args:
        home: Where everything is kept.
        database: Open database.
        settings: What the command decided.
        clock: Time.
        initial_notices: What people should know from the start.
    """

    def __init__(
        self,
        home: Home,
        database: Database,
        settings: SupervisorSettings,
        clock: Clock | None = None,
        initial_notices: Sequence[SystemNotice] = (),
    ) -> None:
        self._home = home
        self._settings = settings
        self._clock = clock or SystemClock()
        # One home has one supervisor at a time (its lock), so a restarted one may take its own leases back at once.
        self._owner = home.owner_id()
        self._sites = SiteRepository(database)
        self._events = EventRepository(database)
        self._evidence = EvidenceStore(database, home.evidence)
        self._leases = Leases(database)
        self._database = database
        self._hub = FeedHub(self._send_wishes)
        self._handles: list[ShardHandle] = []
        self._placement: dict[str, int] = {}
        self._sent: dict[str, Message] = {}
        self._interrupted: set[str] = set()
        self._epochs: dict[str, int] = {}
        self._site = SiteConfig()
        self._revision = -1
        self._statuses: dict[str, CameraStatus] = {}
        self._figures: dict[int, ShardFigures] = {}
        self._told_s: dict[str, float] = {}
        self._notices: dict[tuple[str, int], SystemNotice] = {(notice.topic, -1): notice for notice in initial_notices}
        self._wishes_sent: dict[int, Message] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()
        self._probes = ThreadPoolExecutor(_MOST_PROBES, thread_name_prefix="probe")
        self._meter = UsageMeter()
        self._began_s = time.monotonic()
        self._events_written = 0

    # --- life -----------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Close what a killed run left open, start the shards, give them their cameras.

        Raises:
            StorageError: The database cannot be used.
        """
        self._site = await asyncio.to_thread(self._sites.load)
        await asyncio.to_thread(replay_abandoned, self._home.journal, self._events)
        await asyncio.to_thread(self._evidence.sweep)
        interrupted = await asyncio.to_thread(self._events.close_open, None)
        if interrupted:
            log.warning("%d events were open when the last run was cut off; they end at their last update", interrupted)
        count = shard_count(len(self._site.cameras), self._settings.cores or os.cpu_count() or 1, self._site.shards)
        self._handles = [
            ShardHandle(index, self._greeter(index), self._on_message, self._on_exit, self._on_greeted) for index in range(count)
        ]
        await self.reload()
        for handle in self._handles:
            handle.start()
        self._tasks = [
            asyncio.create_task(self._repeat(self._reload_when_changed, _LOOK_FOR_CHANGES_EVERY_S, -2), name="watch-site"),
            asyncio.create_task(self._repeat(self._renew_leases, _RENEW_EVERY_S, -3), name="renew-leases"),
            asyncio.create_task(self._repeat(self._clean_up, _CLEAN_UP_EVERY_S, -4), name="clean-up"),
            asyncio.create_task(self._repeat(self._sweep, _SWEEP_EVERY_S, -5), name="sweep"),
        ]

    async def stop(self) -> None:
        """Drain and end every shard. Safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for result in await asyncio.gather(*(handle.stop() for handle in self._handles), return_exceptions=True):
            if isinstance(result, Exception):
                log.error("a shard could not be stopped in order: %s", result)
        self._handles = []
        self._probes.shutdown(wait=False, cancel_futures=True)
        try:
            await asyncio.to_thread(self._release, dict(self._epochs))
        except StorageError as error:
            log.warning("leases could not be given back, they run out by themselves: %s", error)

    # --- LiveSite -------------------------------------------------------------------------------------------------------------

    def statuses(self) -> list[CameraStatus]:
        """Every configured camera's status, by camera id."""
        return [self._status(camera_id) for camera_id in sorted(self._site.cameras)]

    def notices(self) -> list[SystemNotice]:
        """The standing notices that are not `info`."""
        return list(dict.fromkeys(self._notices.values()))

    def subscribe(self) -> Feed:
        """A new feed."""
        return self._hub.subscribe()

    async def snapshot(self, camera_id: str, size: Literal["s", "m", "l"]) -> Preview | None:
        """The newest picture, or None when there is none within a second."""
        feed = self.subscribe()
        feed.watch([camera_id], 10.0, size)
        try:
            async with asyncio.timeout(1.0):
                while True:
                    for message in await feed.next():
                        if isinstance(message, Preview):
                            return message
        except TimeoutError:
            return None
        finally:
            feed.close()

    async def probe(self, camera: CameraConfig) -> ProbeResult:
        """Try an address; see `LiveSite.probe`."""
        # On threads of their own: they take up to 20 s each, and leases are renewed on the loop's few.
        return await asyncio.get_running_loop().run_in_executor(self._probes, probe_camera, camera, self._clock)

    async def reload(self) -> None:
        """Make the running cameras those of the database."""
        async with self._changing:
            revision = await asyncio.to_thread(self._sites.revision)
            site = await asyncio.to_thread(self._sites.load)
            enabled = {camera_id for camera_id, camera in site.cameras.items() if camera.enabled}
            before = self._placement
            self._site, self._placement = site, place(enabled, len(self._handles), before)
            gone = sorted(set(before) - enabled)
            for camera_id in gone:
                self._handles[before[camera_id]].send({"type": "drop", "camera": camera_id})
                self._sent.pop(camera_id, None)
                self._statuses.pop(camera_id, None)
                self._told_s.pop(camera_id, None)
            await asyncio.to_thread(self._release, {name: self._epochs.pop(name) for name in gone if name in self._epochs})
            for camera_id in sorted(enabled):
                await self._bring_up_to_date(camera_id)
            self._revision = revision
            self._send_wishes()

    async def _bring_up_to_date(self, camera_id: str) -> None:
        """Assign a camera whose settings are not what its shard was told; one that cannot be assigned now is tried again soon."""
        wanted = _assignment(self._site, camera_id)
        handle = self._handles[self._placement[camera_id]]
        if self._sent.get(camera_id) == wanted or not handle.greeted:
            return
        message = await self._assign_message(camera_id, wanted)
        if message is not None and handle.send(message):
            self._sent[camera_id] = wanted

    def shards(self) -> list[ShardFigures]:
        """How each process is doing; see `LiveSite.shards`."""
        return [self._figures[index] for index in sorted(self._figures)]

    def metrics(self) -> Mapping[str, float]:
        """Site-wide figures; see `LiveSite.metrics`."""
        pids = [os.getpid(), *(handle.pid for handle in self._handles if handle.pid is not None)]
        return {
            "cpu_cores": self._meter.cores(pids),
            "rss_bytes": float(sum(rss_bytes(pid) for pid in pids)),
            "uptime_s": time.monotonic() - self._began_s,
            "shards": float(len(pids) - 1),
            "shard_restarts": float(sum(handle.restarts for handle in self._handles)),
            "events_written": float(self._events_written),
            "storage_free_bytes": float(shutil.disk_usage(self._home.path).free),
        }

    # --- shards ---------------------------------------------------------------------------------------------------------------

    def _greeter(self, index: int) -> Callable[[], Any]:
        async def greet() -> list[Message]:
            async with self._changing:
                mine = sorted(camera_id for camera_id, shard in self._placement.items() if shard == index)
                # Before the first new event: what the process before left open ends where it was last heard of.
                interrupted = self._interrupted & set(mine)
                if interrupted:
                    await asyncio.to_thread(self._events.close_open, interrupted)
                    self._interrupted -= interrupted
                self._wishes_sent.pop(index, None)
                messages: list[Message] = [
                    {"type": "boot", "index": index, "home": str(self._home.path), "default_model": self._settings.default_model}
                ]
                for camera_id in mine:
                    self._sent.pop(camera_id, None)
                    wanted = _assignment(self._site, camera_id)
                    message = await self._assign_message(camera_id, wanted)
                    if message is not None:
                        messages.append(message)
                        self._sent[camera_id] = wanted
                return messages

        return greet

    async def _assign_message(self, camera_id: str, wanted: Message) -> Message | None:
        """What a shard needs to run a camera; each one raises the camera's epoch, so that event ids are never used again."""
        try:
            epoch = await asyncio.to_thread(self._leases.take, camera_id, self._owner, self._clock.utc_s(), _LEASE_S)
        except PanopsError as error:
            self._note_status(CameraStatus(camera_id, CameraState.ERROR, str(error), model=self._settings.default_model))
            return None
        self._epochs[camera_id] = epoch
        return {**wanted, "epoch": epoch}

    def _release(self, epochs: Mapping[str, int]) -> None:
        for camera_id, epoch in epochs.items():
            self._leases.release(camera_id, self._owner, epoch)

    def _on_greeted(self, index: int) -> None:
        """A fresh shard takes messages now: whatever changed while it was greeted is told by the next look for changes."""
        self._revision = -1
        self._send_wishes()

    def _on_message(self, index: int, message: Message, tail: bytes) -> None:
        kind = message["type"]
        if kind == "preview":
            self._hub.publish(preview_from_wire(message, tail))
        elif kind == "status":
            for data in message["cameras"]:
                self._note_status(replace(status_from_wire(data), shard=index))
            self._figures[index] = replace(figures_from_wire(message["figures"]), index=index)
        elif kind in ("event", "notice"):
            self._note(notice_from_wire(message), index)
        elif kind == "reassign":
            self._sent.pop(message["camera"], None)  # the next look for changes assigns it
        elif kind == "ready":
            # Also what the process before complained of: this one says it again if it is still so.
            for key in [key for key in self._notices if key[1] == index]:
                self._clear(key)
            self._send_wishes()

    def _on_exit(self, index: int, reason: str) -> None:
        """A shard died: its open events end where they were last updated; its cameras say so until it is back."""
        message = f"process {index} ended unexpectedly ({reason}) and is started again"
        self._note(SystemNotice("shard", "alarm", message), index)
        mine = [camera_id for camera_id, shard in self._placement.items() if shard == index]
        for camera_id in mine:
            self._note_status(replace(self._status(camera_id), state=CameraState.STARTING, message=message, tracks=0))
        self._interrupted.update(mine)

    def _note_status(self, status: CameraStatus) -> None:
        if status.camera_id not in self._placement:
            return  # it was removed while the message was on its way
        before = self._statuses.get(status.camera_id)
        self._statuses[status.camera_id] = status
        now_s = time.monotonic()
        news = before is None or (before.state, before.message) != (status.state, status.message)
        if news or now_s - self._told_s.get(status.camera_id, 0.0) >= _STATUS_EVERY_S:
            self._told_s[status.camera_id] = now_s
            self._hub.publish(status)

    def _note(self, notice: EventNotice | SystemNotice, index: int) -> None:
        if isinstance(notice, EventNotice):
            self._events_written += notice.phase == "begin"
        elif notice.level == "info":
            self._notices.pop((notice.topic, index), None)
        elif self._notices.get((notice.topic, index)) == notice:
            return
        else:
            self._notices[(notice.topic, index)] = notice
        message: LiveMessage = notice
        self._hub.publish(message)

    def _clear(self, key: tuple[str, int]) -> None:
        if key in self._notices:
            self._note(SystemNotice(key[0], "info", "it runs again"), key[1])

    def _send_wishes(self) -> None:
        """Tell each shard whose previews anyone wants, when that changed."""
        wishes = self._hub.wishes()
        for handle in self._handles:
            mine = sorted((camera, size, fps) for (camera, size), fps in wishes.items() if self._placement.get(camera) == handle.index)
            message: Message = {"type": "watch", "wishes": [list(wish) for wish in mine]}
            if self._wishes_sent.get(handle.index) != message and handle.send(message):
                self._wishes_sent[handle.index] = message

    def _status(self, camera_id: str) -> CameraStatus:
        if not self._site.cameras[camera_id].enabled:
            return CameraStatus(camera_id, CameraState.DISABLED)
        return self._statuses.get(camera_id) or CameraStatus(
            camera_id, CameraState.STARTING, shard=self._placement.get(camera_id, -1), model=self._settings.default_model
        )

    # --- upkeep ---------------------------------------------------------------------------------------------------------------

    async def _repeat(self, work: Callable[[], Any], every_s: float, slot: int) -> None:
        """Do `work` for ever; its own fault is told under `slot`, and taken back when it works again."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await work()
            except PanopsError as error:
                self._note(SystemNotice("upkeep", "alarm", str(error)), slot)
            except Exception:  # upkeep goes on, whatever one round of it meets
                log.exception("%s failed", work.__name__)
                self._note(SystemNotice("upkeep", "alarm", "a part of the upkeep failed; the log says what"), slot)
            else:
                self._clear(("upkeep", slot))

    async def _reload_when_changed(self) -> None:
        changed = await asyncio.to_thread(self._sites.revision) != self._revision
        if changed or set(self._placement) != set(self._sent):
            await self.reload()

    async def _renew_leases(self) -> None:
        """Hold on to the cameras; one that another machine took is given up at once."""
        async with self._changing:  # a camera that is being assigned has a new epoch in a moment
            lost = await asyncio.to_thread(self._leases.renew_all, self._owner, dict(self._epochs), self._clock.utc_s(), _LEASE_S)
            for camera_id in lost:
                del self._epochs[camera_id]
                self._sent.pop(camera_id, None)  # so it is tried again, and says by whom it is held
                self._handles[self._placement[camera_id]].send({"type": "drop", "camera": camera_id})

    async def _sweep(self) -> None:
        """Tidy up what crashes left between rows and files."""
        await asyncio.to_thread(self._evidence.sweep)

    async def _clean_up(self) -> None:
        retention = Retention(self._database, self._evidence, self._site.retention, self._clock)
        report = await asyncio.to_thread(retention.run)
        await asyncio.to_thread(freed_memory.give_back, self._clock)
        level: Literal["info", "warning"] = "warning" if report.message else "info"
        if report.message or ("storage", -1) in self._notices:
            self._note(SystemNotice("storage", level, report.message or "storage is fine again"), -1)


def _assignment(site: SiteConfig, camera_id: str) -> Message:
    """What decides how a camera runs; a change of any of it assigns the camera anew."""
    return {
        "type": "assign",
        "camera": camera_id,
        "config": site.cameras[camera_id].plain(),
        "rules": [rule.model_dump(mode="json") for rule in site.camera_rules(camera_id)],
        "timezone": site.timezone,
        "model": site.model,
        "device": site.device,
        "evidence": site.evidence.model_dump(mode="json"),
    }
