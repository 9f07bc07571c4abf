"""Takes programs' orders in the server's process, and has them done by one worker process that comes and goes with them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from panops.domain.device import Device
from panops.models.store import ModelStore
from panops.pipeline.inference_order import DeskBusy, DeskDown, Order, Reply
from panops.pipeline.inference_worker import InferenceWorker
from panops.pipeline.link import Message
from panops.pipeline.model_index import ModelIndex
from panops.storage.home import Home

log = logging.getLogger(__name__)

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Set by code.

    Attributes:
        nice: The worker's `nice` value: it runs when cameras leave it time, and that time also counts as free when the machine's load is
            read. 0: it is a process like others.
        body_bytes: The longest body.
        answer_bytes: The longest answer.
        slots: Orders that are with the worker at once on a CPU: one is done, the next one lies ready.
        device_slots: The same on a device, which makes batches of them.
        most_waiting: Orders that wait or run at once.
        most_of_one: Those of one caller.
        wait_s: How long an order may wait for its turn, the worker's start included.
        answer_s: A worker that says nothing for so long with an order hangs; it is killed.
        open_s: The same while it opens a model, which compilers for devices take minutes for; what it answers meanwhile changes nothing.
        start_s: How long a worker may take to its first word.
        idle_s: A worker without an order ends after so long, and its memory is free.
        most_relief: Above this relief of any shard cameras need the machine, and orders are refused.
        first_wait_s: Pause before a worker that ended is started again; doubled each time, up to `longest_wait_s`.
        longest_wait_s: The longest pause.
    """

    nice: int = 10
    body_bytes: int = 32 * _MIB
    answer_bytes: int = 32 * _MIB
    slots: int = 2
    device_slots: int = 16
    most_waiting: int = 64
    most_of_one: int = 16
    wait_s: float = 10.0
    answer_s: float = 30.0
    open_s: float = 600.0
    start_s: float = 120.0
    idle_s: float = 300.0
    most_relief: float = 0.05
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0


@dataclass(eq=False, slots=True)
class _Asked:
    """An order that waits or runs."""

    number: int
    order: Order
    body: Sequence[bytes]
    caller: str
    reply: asyncio.Future[Reply]
    asked_s: float
    size: int
    slot: int = -1
    wait_s: float = 0.0
    too_late: asyncio.TimerHandle | None = field(default=None, repr=False)


class InferenceDesk:
    """Implements `inference_order.Desk`. Made and used on one event loop.

    Args:
        home: Where models and compiled engines are.
        relief: How much cameras give up now, 0..1: the most of all shards.
        device: What runs models; asked in a thread when a worker is started.
        settings: Limits.
    """

    def __init__(
        self,
        home: Home,
        relief: Callable[[], float] = lambda: 0.0,
        device: Callable[[], str] = lambda: "cpu",
        settings: DeskSettings | None = None,
    ) -> None:
        self.settings = settings or DeskSettings()
        self._home = home
        self._relief = relief
        self._device = device
        self._index = ModelIndex(ModelStore(home.models))
        self._queue: deque[_Asked] = deque()
        self._running: dict[int, _Asked] = {}
        self._free: list[int] = []
        self._worker: InferenceWorker | None = None
        self._ready = False
        self._being_opened = 0
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._closing = False
        self._count = 0
        self._bad_starts = 0
        self._timer: asyncio.TimerHandle | None = None
        self.starts = 0

    @property
    def index(self) -> ModelIndex:
        """Which models there are."""
        return self._index

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return self._worker.pid if self._worker is not None else None

    async def ask(self, order: Order, body: Sequence[bytes], caller: str) -> Reply:
        """Have an order done; see `Desk.ask`."""
        loop, size = asyncio.get_running_loop(), sum(map(len, body))
        self._check_room(caller)
        self._count += 1
        asked = _Asked(self._count, order, body, caller, loop.create_future(), loop.time(), size)
        asked.too_late = loop.call_later(self.settings.wait_s, self._give_up, asked)
        self._queue.append(asked)
        self._serve()
        try:
            return await asked.reply
        finally:
            asked.too_late.cancel()
            with contextlib.suppress(ValueError):  # it is no longer there, unless whoever asked went away
                self._queue.remove(asked)

    async def stop(self) -> None:
        """End the worker; whoever waits is told. Safe to call twice."""
        self._stopping.set()
        self._fail([*self._queue, *self._running.values()], "the server stops")
        self._set_timer(0, None)
        if self._worker is not None:
            self._worker.close()
        if self._keeping is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping

    # --- orders ---------------------------------------------------------------------------------------------------------------

    def _check_room(self, caller: str) -> None:
        settings, asked = self.settings, [*self._queue, *self._running.values()]
        if self._stopping.is_set():
            raise DeskDown("the server stops")
        if self._cameras_need_it():
            raise self._for_cameras()
        if len(asked) >= settings.most_waiting:
            raise DeskBusy("as many requests wait for a model as may wait; try again in a moment", 1)
        if sum(one.caller == caller for one in asked) >= settings.most_of_one:
            raise DeskBusy(f"{settings.most_of_one} of your requests wait for a model, and no more may; wait for an answer first", 1)

    def _cameras_need_it(self) -> bool:
        return self._relief() > self.settings.most_relief

    def _for_cameras(self) -> DeskBusy:
        return DeskBusy("the cameras need this machine now; try again when it has less to do", 10)

    def _give_up(self, asked: _Asked) -> None:
        """Its time to wait is over; one that runs already is left alone."""
        if asked in self._queue:
            self._queue.remove(asked)
            self._refuse(asked, DeskBusy(f"the request waited {self.settings.wait_s:.0f} s for its turn in vain; try again in a moment", 2))

    def _serve(self) -> None:
        """Give the worker what it can take; start one where there is none."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name="inference-worker")
        while self._ready and self._queue and self._free and self._worker is not None:
            asked = self._queue.popleft()
            if self._cameras_need_it():
                self._refuse(asked, self._for_cameras())
            else:
                self._hand_over(asked, self._worker)

    def _hand_over(self, asked: _Asked, worker: InferenceWorker) -> None:
        loop = asyncio.get_running_loop()
        asked.wait_s = loop.time() - asked.asked_s
        asked.slot = self._free.pop()
        # Where the tensors begin is where their reader wants them: models read them in place.
        start = -(asked.order.header_bytes or 0) % 64
        length = worker.slots.put_body(asked.slot, asked.body, start)
        asked.body = ()
        if not self._running:
            self._set_timer(self.settings.answer_s, self._hangs)
        self._running[asked.number] = asked
        worker.send({"id": asked.number, "slot": asked.slot, "start": start, "length": length, "order": asked.order.to_wire()})

    def _refuse(self, asked: _Asked, error: DeskBusy | DeskDown) -> None:
        if not asked.reply.done():
            asked.reply.set_exception(error)

    def _fail(self, lost: Sequence[_Asked], why: str) -> None:
        for asked in lost:
            self._refuse(asked, DeskDown(why))
            if asked in self._queue:
                self._queue.remove(asked)

    # --- the worker -----------------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        """Have a worker for as long as there are orders."""
        wait_s = self.settings.first_wait_s
        try:
            while self._queue and not self._stopping.is_set():
                if await self._run_once():
                    wait_s = self.settings.first_wait_s
                elif self._queue:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), wait_s)
                    wait_s = min(2 * wait_s, self.settings.longest_wait_s)
        except Exception:
            log.exception("the worker for programs' inference could not be kept")
            self._fail(list(self._queue), "what runs models for programs cannot be started; the server's log says why")
        finally:
            self._keeping = None

    async def _run_once(self) -> bool:
        """Run a worker to its end; whether it answered anything."""
        device, settings = await asyncio.to_thread(self._device), self.settings
        count = settings.device_slots if Device.parse(device).batches else settings.slots
        boot: Message = {"type": "boot", "home": str(self._home.path), "device": device, "nice": settings.nice}
        boot["most_bytes"] = settings.body_bytes
        worker = await InferenceWorker.start(boot, count, settings.body_bytes + 64, settings.answer_bytes)
        self.starts += 1
        self._worker, self._closing, self._being_opened, answered = worker, False, 0, False
        self._set_timer(settings.start_s, self._hangs)
        if self._stopping.is_set():
            worker.close()
        try:
            async for message in worker.messages():
                answered = answered or message["type"] == "answer"
                self._on_message(message, worker, count)
        finally:
            self._ready, self._worker = False, None
            self._set_timer(0, None)
            reason = await worker.ended()
            lost = list(self._running.values())
            self._running.clear()
            self._fail(lost, f"the process that runs models ended while it answered ({reason}); it is started again")
            if not self._closing and not self._stopping.is_set():
                log.error("the worker for programs' inference: %s", reason)
                self._note_end(answered=answered, reason=reason)
        return answered

    def _note_end(self, *, answered: bool, reason: str) -> None:
        """One that ends again and again before its first answer is not waited for any longer."""
        self._bad_starts = 0 if answered else self._bad_starts + 1
        if self._bad_starts > 1:
            self._fail(list(self._queue), f"what runs models for programs ends before it answers ({reason}); the server's log says why")

    def _on_message(self, message: Message, worker: InferenceWorker, count: int) -> None:
        settings, kind = self.settings, message["type"]
        if kind == "ready":
            self._ready, self._free = True, list(range(count))
            self._set_timer(settings.idle_s, self._idle)
        elif kind == "answer":
            asked = self._running.pop(message["id"])
            length = int(message["length"])
            reply = Reply(
                message["status"], message["media_type"], bytes(worker.slots.answer(asked.slot)[:length]), message["header_bytes"],
                message["error"], message["model"], message["run_s"], asked.wait_s,
                message["coding"],
            )  # fmt: skip
            worker.slots.give_back(asked.slot, asked.size, length)
            self._free.append(asked.slot)
            if not asked.reply.done():
                asked.reply.set_result(reply)
            self._heard()
        elif kind == "opening":
            self._being_opened += 1
            self._set_timer(settings.open_s, self._hangs)
        elif kind == "opened":
            self._being_opened -= 1
            self._heard()
        self._serve()

    def _heard(self) -> None:
        """The worker said something: its clock begins anew, unless it still opens a model."""
        if not self._running:
            self._set_timer(self.settings.idle_s, self._idle)
        elif not self._being_opened:
            self._set_timer(self.settings.answer_s, self._hangs)

    def _set_timer(self, after_s: float, what: Callable[[], None] | None) -> None:
        """One clock for the worker: how long it may be silent, or idle."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_s, what) if what is not None else None

    def _hangs(self) -> None:
        if self._worker is not None:
            log.error("the worker for programs' inference said nothing in time and is killed")
            self._worker.kill()

    def _idle(self) -> None:
        """Nobody asked for long: the process ends. What comes from now on waits for the next one."""
        if self._worker is not None and not self._running and not self._queue:
            self._ready, self._closing = False, True
            self._worker.close()
