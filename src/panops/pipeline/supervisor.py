"""The parent process: keeps the shards alive, gives them their cameras, and answers for the whole site (`LiveSite`)."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import PanopsError, StorageError
from panops.domain.switches import Switch
from panops.pipeline.alerting import Alerting
from panops.pipeline.balance import Balancer, BalanceSettings, Move
from panops.pipeline.camera_costs import CameraCosts
from panops.pipeline.fleet import Fleet
from panops.pipeline.known_people import KnownTeller
from panops.pipeline.letting_go import LettingGo
from panops.pipeline.link import Message
from panops.pipeline.live import CameraState, CameraStatus, Preview, ProbeResult, ShardFigures, SystemNotice
from panops.pipeline.placement import SiteSize, place
from panops.pipeline.probing import probe_camera
from panops.pipeline.shard_handle import HandleSettings, ShardHandle
from panops.pipeline.site_board import SiteBoard
from panops.pipeline.subscription import Feed, FeedHub
from panops.pipeline.switchboard import Switchboard
from panops.pipeline.upkeep import Upkeep
from panops.pipeline.usage import UsageMeter
from panops.pipeline.video import StreamName
from panops.pipeline.video_hub import VideoHub, Viewer
from panops.pipeline.wire import assignment, figures_from_wire, notice_from_wire, preview_from_wire, status_from_wire
from panops.storage.database import Database
from panops.storage.events import EventRepository
from panops.storage.evidence import EvidenceStore
from panops.storage.face_seal import KeyPlace
from panops.storage.gallery import Gallery
from panops.storage.home import Home
from panops.storage.journal import replay_abandoned
from panops.storage.leases import Leases
from panops.storage.site import SiteRepository

log = logging.getLogger(__name__)

_LOOK_FOR_CHANGES_EVERY_S = 2.0
# What sinks ask for is carried out at once, but no flood of commands makes cameras come and go faster than this.
_FOLLOW_COMMANDS_EVERY_S = 0.2
_NO_COMMAND_FOR_S = 5.0  # a round without a command ends then: what the one before complained of must not stand until the next command
_LEASE_S = 60.0
_RENEW_EVERY_S = 15.0
_MOST_PROBES = 8
# A connection is closed within 5 s and a round of analysis takes less; a shard that needs longer hangs, and keeps its camera.
_DROP_WITHIN_S = 15.0
_PREPARE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class SupervisorSettings:
    """Set by the command that starts the site.

    Attributes:
        default_model: The model of cameras that name none.
        cores: How many cores this product may use; 0 for all that this process may use.
        balance: When cameras move to another shard.
        balance_every_s: How often that is looked at.
        young_s: For how long a camera's cost must have been measured to count.
        shrink_after_s: For how long fewer shards must have been enough before one is stopped.
        shards: Waits and limits of the shards' processes.
    """

    default_model: str
    cores: int = 0
    balance: BalanceSettings = field(default_factory=BalanceSettings)
    balance_every_s: float = 5.0
    young_s: float = 60.0
    shrink_after_s: float = 600.0
    shards: HandleSettings = field(default_factory=HandleSettings)


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
        self._home, self._settings = home, settings
        self._clock = clock or SystemClock()
        # One home has one supervisor at a time (its lock), so a restarted one may take its own leases back at once.
        self._owner = home.owner_id()
        self._sites = SiteRepository(database)
        self._events = EventRepository(database)
        self._evidence = EvidenceStore(database, home.evidence)
        self._leases = Leases(database)
        self._switchboard = Switchboard(database, self._clock)
        self._commanded = asyncio.Event()
        self._alerting = Alerting(database, self._evidence, self._clock, self._switchboard)
        self._hub = FeedHub(self._send_wishes)
        self._video = VideoHub(self._send_wishes, lambda camera_id: self._placement.get(camera_id, -1))
        self._board = SiteBoard(self._hub, initial_notices)
        self._upkeep = Upkeep(home, database, self._evidence, self._alerting, self._board, self._clock)
        self._fleet = Fleet(self._make_shard)
        self._known = KnownTeller(Gallery(database, KeyPlace(home.faces_key), self._clock), lambda: self._fleet)
        self._size = SiteSize(settings.cores or _usable_cores(), settings.shrink_after_s)
        self._costs = CameraCosts(settings.young_s)
        self._balancer = Balancer(settings.balance)
        self._moved, self._revision = 0, -1
        self._placement: dict[str, int] = {}
        self._sent: dict[str, Message] = {}
        self._told_detect: dict[str, bool] = {}  # whether each camera's process was told to analyse it
        self._letting_go = LettingGo()
        self._switched: set[str] = set()  # what no feed has been told yet: a reload may fail half-way
        self._interrupted: set[str] = set()
        self._epochs: dict[str, int] = {}
        self._site = SiteConfig()
        self._figures: dict[int, ShardFigures] = {}
        self._wishes_sent: dict[int, Message] = {}
        self._changing = asyncio.Lock()
        self._probes = ThreadPoolExecutor(_MOST_PROBES, thread_name_prefix="probe")
        self.usage, self._began_s = UsageMeter(), time.monotonic()

    # --- life -----------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Close what a killed run left open, start the shards, give them their cameras.

        Raises:
            StorageError: The database cannot be used.
        """
        self._site = await asyncio.to_thread(self._sites.load)
        await asyncio.to_thread(replay_abandoned, self._home.journal, self._events)
        await self._upkeep.sweep_at_start()
        interrupted = await asyncio.to_thread(self._events.close_open, None)
        if interrupted:
            log.warning("%d events were open when the last run was cut off; they end at their last update", interrupted)
        await self.reload()
        self._upkeep.repeat(self._reload_when_changed, _LOOK_FOR_CHANGES_EVERY_S, "watch-site", -2)
        self._upkeep.repeat(self._known.follow, _LOOK_FOR_CHANGES_EVERY_S, "known-people", -12)
        self._upkeep.repeat(self._renew_leases, _RENEW_EVERY_S, "renew-leases", -3)
        self._upkeep.repeat(self._balance, self._settings.balance_every_s, "balance", -6)
        self._upkeep.repeat(self._follow_commands, _FOLLOW_COMMANDS_EVERY_S, "commands", -8)
        self._upkeep.start(lambda: self._site)
        self._switchboard.on_asked(partial(asyncio.get_running_loop().call_soon_threadsafe, self._commanded.set))

    async def stop(self) -> None:
        """Drain and end every shard. Safe to call twice."""
        self._switchboard.on_asked(None)
        await self._upkeep.stop()
        await self._fleet.stop_all()
        await asyncio.to_thread(self._alerting.stop)
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
        return self._board.notices()

    def subscribe(self) -> Feed:
        """A new feed."""
        return self._hub.subscribe()

    async def snapshot(self, camera_id: str, size: Literal["s", "m", "l"]) -> Preview | None:
        """The newest picture, or None when there is none within a second."""
        return await self._hub.snapshot(camera_id, size)

    def video(self, camera_id: str, stream: StreamName) -> Viewer:
        """A new viewer of a camera's live video; see `LiveSite.video`."""
        return self._video.open(camera_id, stream)

    async def probe(self, camera: CameraConfig) -> ProbeResult:
        """Try an address; see `LiveSite.probe`."""
        # On threads of their own: they take up to 20 s each, and leases are renewed on the loop's few.
        return await asyncio.get_running_loop().run_in_executor(self._probes, probe_camera, camera, self._clock)

    async def reload(self) -> None:
        """Make the running cameras those of the database, in as many shards as they need."""
        async with self._changing:
            revision = await asyncio.to_thread(self._sites.revision)
            self._site = site = await asyncio.to_thread(self._sites.load)
            self._switched.update(await asyncio.to_thread(self._switchboard.refresh))
            await asyncio.to_thread(self._alerting.follow, site)
            enabled = {name for name, camera in site.cameras.items() if camera.enabled and self._switchboard.is_on(name, Switch.ENABLED)}
            before = self._placement
            self._resize(len(enabled))
            # A shard that cannot be started is not among those that keep what they have: its cameras go to the others.
            # One that is still being let go and is on again goes back: one process does both in turn, two would hold two connections.
            current = {**self._letting_go.within(self._fleet.open), **before}
            self._placement = place(enabled, self._fleet.open, current, self._costs.known, self._fleet.leaving - self._fleet.failing)
            for camera_id in sorted(camera_id for camera_id, shard in before.items() if self._placement.get(camera_id) != shard):
                epoch = self._epochs.get(camera_id)
                if self._send(before[camera_id], {"type": "drop", "camera": camera_id, "epoch": epoch}) and camera_id not in enabled:
                    self._letting_go.told(camera_id, before[camera_id], epoch)
                self._sent.pop(camera_id, None)
            gone = sorted(set(before) - enabled)
            for camera_id in gone:
                self._board.forget_camera(camera_id)
                self._costs.forget(camera_id)
            await asyncio.to_thread(self._release, {name: self._epochs.pop(name) for name in gone if name in self._epochs})
            for camera_id in sorted(enabled):
                await self._bring_up_to_date(camera_id)
            self._revision = revision
            self._send_wishes()
        for camera_id in self._switched & site.cameras.keys():
            self._hub.publish(self._status(camera_id))
        self._switched.clear()
        self._settle_switches()

    def _resize(self, cameras: int) -> None:
        """As many shards as that many cameras need; those that are too many are emptied by and by."""
        load_cores = self._costs.load_cores(self._placement)
        current = len(self._fleet.staying)
        self._fleet.resize(self._size.shards(self._clock.monotonic_s(), cameras, current, self._site.shards, load_cores), self._placement)

    async def _bring_up_to_date(self, camera_id: str) -> None:
        """Assign a camera whose settings are not what its shard was told; one that cannot be assigned now is tried again soon.

        Whether it is analysed is told beside that: a camera keeps its connection when only this is switched.
        """
        wanted = assignment(self._site, camera_id)
        handle = self._fleet.get(self._placement[camera_id])
        if handle is None or not handle.greeted:
            return
        if self._sent.get(camera_id) == wanted:
            on = self._switchboard.is_on(camera_id, Switch.DETECT)
            if self._told_detect.get(camera_id) != on and handle.send({"type": "detect", "camera": camera_id, "on": on}):
                self._told_detect[camera_id] = on
            return
        message = await self._assign_message(camera_id, wanted)
        if message is not None and handle.send(message):
            self._sent[camera_id] = wanted

    def _send(self, index: int, message: Message) -> bool:
        handle = self._fleet.get(index)
        return handle is not None and handle.send(message)

    def shards(self) -> list[ShardFigures]:
        """How each process is doing; see `LiveSite.shards`."""
        return [self._figures[index] for index in sorted(self._figures)]

    @property
    def alerts(self) -> Alerting:
        """Who is told of events; see `LiveSite.alerts`."""
        return self._alerting

    def metrics(self) -> Mapping[str, float]:
        """Site-wide figures; see `LiveSite.metrics`."""
        pids = [os.getpid(), *self._fleet.pids]
        return {
            "cpu_cores": self.usage.cores(pids),
            "rss_bytes": self.usage.rss_bytes(pids),
            "uptime_s": time.monotonic() - self._began_s,
            "shards": float(len(pids) - 1),
            "shard_restarts": float(self._fleet.restarts),
            "cameras_moved": float(self._moved),
            "events_written": float(self._board.events_written),
            **self._upkeep.storage_figures(),
        }

    # --- shards ---------------------------------------------------------------------------------------------------------------

    def _make_shard(self, index: int) -> ShardHandle:
        return ShardHandle(index, self._greeter(index), self._on_message, self._on_exit, self._on_greeted, self._settings.shards)

    def _greeter(self, index: int) -> Callable[[], Any]:
        async def greet() -> list[Message]:
            async with self._changing:
                mine = sorted(camera_id for camera_id, shard in self._placement.items() if shard == index)
                await self._close_interrupted(mine)
                self._wishes_sent.pop(index, None)
                boot = {"type": "boot", "index": index, "home": str(self._home.path), "default_model": self._settings.default_model}
                messages: list[Message] = [boot, *await self._known.greeting(index)]
                for camera_id in mine:
                    self._sent.pop(camera_id, None)
                    wanted = assignment(self._site, camera_id)
                    message = await self._assign_message(camera_id, wanted)
                    if message is not None:
                        messages.append(message)
                        self._sent[camera_id] = wanted
                return messages

        return greet

    async def _assign_message(self, camera_id: str, wanted: Message) -> Message | None:
        """What a shard needs to run a camera; each one raises the camera's epoch, so that event ids are never used again."""
        try:
            await self._close_interrupted([camera_id])
            epoch = await asyncio.to_thread(self._leases.take, camera_id, self._owner, self._clock.utc_s(), _LEASE_S)
        except PanopsError as error:
            told = CameraStatus(camera_id, CameraState.ERROR, str(error), model=self._settings.default_model, detects=False)
            self._board.note_status(replace(told, off=self._switchboard.off(camera_id)))
            return None
        self._epochs[camera_id] = epoch
        self._told_detect[camera_id] = on = self._switchboard.is_on(camera_id, Switch.DETECT)
        return {**wanted, "epoch": epoch, "detect": on}

    async def _close_interrupted(self, camera_ids: Collection[str]) -> None:
        """Before the first new event: what a process that died left open ends where it was last heard of."""
        interrupted = self._interrupted & set(camera_ids)
        if interrupted:
            await asyncio.to_thread(self._events.close_open, interrupted)
            self._interrupted -= interrupted

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
        elif kind == "video":
            self._video.take(message, tail)
        elif kind == "status":
            for data in message["cameras"]:
                self._on_status(replace(status_from_wire(data), shard=index, off=self._switchboard.off(data["camera_id"])))
            self._settle_switches()
            self._figures[index] = replace(figures_from_wire(message["figures"]), index=index)
        elif kind in ("event", "notice"):
            self._board.note(notice_from_wire(message), index)
            if kind == "event":
                self._alerting.wake(message["event_id"] if message["phase"] == "evidence" else "")
        elif kind == "dropped":
            self._letting_go.dropped(message["camera"], message["epoch"])
            self._settle_switches()
        elif kind == "reassign":
            self._sent.pop(message["camera"], None)  # the next look for changes assigns it
        elif kind == "ready":
            # Also what the process before complained of: this one says it again if it is still so.
            self._board.clear_slot(index)
            self._send_wishes()

    def _on_status(self, status: CameraStatus) -> None:
        if self._placement.get(status.camera_id) == status.shard:  # else it was removed or moved while the message was on its way
            self._costs.note(status, self._clock.monotonic_s())
            self._board.note_status(status)

    def _on_exit(self, index: int, reason: str) -> None:
        """A shard died: its open events end where they were last updated; its cameras say so until it is back, or go to the others."""
        message = f"process {index} ended unexpectedly ({reason}) and is started again"
        if index not in self._fleet.open and index in self._fleet.failing:
            message = f"process {index} cannot be started ({reason}); the others have its cameras, and it is tried again"
            self._revision = -1  # the next look for changes gives them away
        self._board.note(SystemNotice("shard", "alarm", message), index)
        self._letting_go.ended(index)
        self._video.gone(index, message)
        mine = [camera_id for camera_id, shard in self._placement.items() if shard == index]
        for camera_id in mine:
            told = replace(self._status(camera_id), state=CameraState.STARTING, message=message, tracks=0, has_open_events=False)
            self._board.note_status(told)
        self._interrupted.update(mine)

    def _send_wishes(self) -> None:
        """Tell each shard whose previews and video anyone wants, when that changed."""
        wishes = self._hub.wishes()
        for handle in self._fleet:
            mine = sorted((camera, size, fps) for (camera, size), fps in wishes.items() if self._placement.get(camera) == handle.index)
            message: Message = {"type": "watch", "wishes": [list(wish) for wish in mine], "video": self._video.wanted(handle.index)}
            if self._wishes_sent.get(handle.index) != message and handle.send(message):
                self._wishes_sent[handle.index] = message

    def _status(self, camera_id: str) -> CameraStatus:
        off = self._switchboard.off(camera_id)
        by = next((one.by for one in off if one.switch is Switch.ENABLED), "")
        if by or not self._site.cameras[camera_id].enabled:
            return CameraStatus(camera_id, CameraState.DISABLED, f"switched off by {by}" if by else "", detects=False, off=off)
        found = self._board.status(camera_id) or CameraStatus(
            camera_id, CameraState.STARTING, shard=self._placement.get(camera_id, -1), model=self._settings.default_model
        )
        return found if found.off == off else replace(found, off=off)

    async def _follow_commands(self) -> None:
        """Do what sinks ask for."""
        try:
            await asyncio.wait_for(self._commanded.wait(), _NO_COMMAND_FOR_S)
        except TimeoutError:
            return
        self._commanded.clear()
        if await asyncio.to_thread(self._switchboard.carry_out):
            await self.reload()

    def _settle_switches(self) -> None:
        """Tell which switches have taken effect. A camera of which no process has spoken does not run yet; one being let go does."""
        if self._changing.locked():
            return  # what comes or goes just now has not: its lease may still be held
        statuses = ((camera_id, self._board.status(camera_id)) for camera_id in self._site.cameras)
        analysed = {camera_id: status.detects for camera_id, status in statuses if status is not None}
        enabled = {camera_id: camera.enabled for camera_id, camera in self._site.cameras.items()}
        self._switchboard.settle(enabled, {**dict.fromkeys(self._letting_go.cameras, False), **analysed})

    # --- balance --------------------------------------------------------------------------------------------------------------

    async def _balance(self) -> None:
        """Start what the load asks for, move a camera if that is worth it, stop a shard that has become empty."""
        async with self._changing:
            self._resize(len(self._placement))
        now_s = self._clock.monotonic_s()
        ready = self._fleet.ready
        loads = self._costs.loads(self._placement, now_s)
        move = self._balancer.plan(now_s, loads, ready.intersection(self._fleet.open), ready & self._fleet.leaving)
        if move is not None:
            await self._move(move)
        while empty := self._fleet.leaving - set(self._placement.values()):
            await self._fleet.stop(index := min(empty))
            self._letting_go.ended(index)  # killed, perhaps, before it could say so
            self._figures.pop(index, None)
            self._wishes_sent.pop(index, None)
            self._board.clear_slot(index)

    async def _move(self, move: Move) -> None:
        """Give a camera to another shard. The old one lets it go first: it never has two connections, nor two that write its events."""
        if not await self._prepare(move):
            return
        async with self._changing:
            camera_id, target = move.camera_id, self._fleet.get(move.target)
            if self._placement.get(camera_id) != move.source or target is None or not target.ready or move.target in self._fleet.leaving:
                return
            began_s = self._clock.monotonic_s()
            if camera_id in self._sent and not await self._let_go(camera_id, move.source):
                return
            self._placement[camera_id] = move.target
            await self._bring_up_to_date(camera_id)
            self._send_wishes()
        self._moved += 1
        took_ms = 1000 * (self._clock.monotonic_s() - began_s)
        log.info("camera %s moved from process %d to %d in %.0f ms: %s", camera_id, move.source, move.target, took_ms, move.reason)

    async def _prepare(self, move: Move) -> bool:
        """Have the target load the camera's detector, which may take seconds, while the camera still runs; whether it can."""
        if move.camera_id not in self._site.cameras:
            return False
        order = {**assignment(self._site, move.camera_id), "type": "prepare"}
        answer = await self._ask(move.target, order, {"type": "prepared", "camera": move.camera_id}, _PREPARE_WITHIN_S)
        problem = answer.get("problem", "") if answer else "it gave no answer"  # an empty one: it died meanwhile
        if problem:
            log.warning("camera %s stays in process %d, for process %d is not ready: %s", move.camera_id, move.source, move.target, problem)
        return not problem

    async def _let_go(self, camera_id: str, shard: int) -> bool:
        """Have a shard drop a camera; whether it did, or died and so has it no more."""
        told = {"camera": camera_id, "epoch": self._epochs[camera_id]}
        self._sent.pop(camera_id)  # if it does not let go, the next look for changes assigns it there anew
        if await self._ask(shard, {"type": "drop", **told}, {"type": "dropped", **told}, _DROP_WITHIN_S) is None:
            log.warning("camera %s stays in process %d, which did not let it go", camera_id, shard)
            return False
        return True

    async def _ask(self, shard: int, order: Message, expected: Message, within_s: float) -> Message | None:
        handle = self._fleet.get(shard)
        return None if handle is None else await handle.ask(order, expected, within_s)

    # --- upkeep ---------------------------------------------------------------------------------------------------------------

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
                self._send(self._placement[camera_id], {"type": "drop", "camera": camera_id})


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
