"""The desk and its worker, with real processes: results, limits, and everything that can go wrong with a process."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tritonclient.grpc import service_pb2

from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.pipeline.inference_desk import DeskSettings, InferenceDesk
from panops.pipeline.inference_order import DeskBusy, DeskDown, Order, OrderKind, Reply, Wording
from panops.pipeline.inference_slots import InferenceSlots
from panops.storage.home import Home

# A worker's start is a second of work; on a machine that is full it takes longer, and that is not what is tested.
PATIENT = {"wait_s": 120.0, "first_wait_s": 0.05, "longest_wait_s": 0.1, "nice": 0}
METADATA = Order(OrderKind.METADATA, "street")


def picture(seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 255, (1, 3, 416, 416), dtype=np.uint8)


def infer(pictures: np.ndarray[Any, Any], model: str = "street") -> tuple[Order, list[bytes]]:
    parameters = {"binary_data_size": pictures.nbytes}
    tensor = {"name": "pictures", "datatype": "UINT8", "shape": list(pictures.shape), "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return Order(OrderKind.INFER, model, len(head)), [head, pictures.tobytes()]


def rows(reply: Reply) -> bytes:
    assert reply.status == 200, reply.error
    assert reply.header_bytes is not None
    return reply.body[reply.header_bytes :]


@asynccontextmanager
async def opened(folder: Path, relief: Callable[[], float] = lambda: 0.0, **settings: Any) -> AsyncIterator[InferenceDesk]:
    desk = InferenceDesk(Home(folder).create(), relief, settings=DeskSettings(**{**PATIENT, **settings}))
    try:
        yield desk
    finally:
        await desk.stop()


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(240):
            await work

    asyncio.run(bounded())


def test_many_at_once_get_the_backends_numbers_bit_for_bit(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as desk:
            replies = await asyncio.gather(*(desk.ask(*infer(picture(seed)), "lab") for seed in range(8)))
            assert desk.starts == 1
            ready = psutil.Process(desk.pid)
            assert ready.nice() == psutil.Process().nice()
        backend = open_backend(ModelStore(tmp_path / "models").get("street").path)
        for seed, reply in enumerate(replies):
            assert rows(reply) == backend.infer({"pictures": picture(seed)})["rows"].tobytes()
            assert (reply.model, reply.run_s > 0) == ("street", True)

    run(work())


def test_other_ways_to_write_a_request_reach_the_worker_too(tmp_path: Path) -> None:
    message = service_pb2.ModelInferRequest(model_name="street", raw_input_contents=[picture().tobytes()])
    message.inputs.add(name="pictures", datatype="UINT8", shape=[1, 3, 416, 416])

    async def work() -> None:
        async with opened(tmp_path, body_bytes=1_000_000) as desk:
            plain, body = infer(picture())
            wanted = rows(await desk.ask(plain, body, "lab"))
            packed = replace(plain, coding="gzip", answer_coding="deflate")
            reply = await desk.ask(packed, [gzip.compress(b"".join(body))], "lab")
            assert (reply.status, reply.coding) == (200, "deflate")
            assert zlib.decompress(reply.body)[reply.header_bytes :] == wanted
            reply = await desk.ask(packed, [gzip.compress(bytes(1_000_001))], "lab")
            assert (reply.status, reply.error) == (413, "the body unpacks to more than 1000000 bytes; send less at once")
            reply = await desk.ask(Order(OrderKind.INFER, "", wording=Wording.PROTOBUF), [message.SerializeToString()], "lab")
            assert (reply.status, reply.model) == (200, "street")
            assert service_pb2.ModelInferResponse.FromString(reply.body).raw_output_contents[0] == wanted

    run(work())


def test_the_worker_stands_behind_cameras(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, nice=7) as desk:
            await desk.ask(METADATA, (), "lab")
            assert psutil.Process(desk.pid).nice() == os.nice(0) + 7

    run(work())


def test_a_worker_that_is_killed_costs_its_orders_and_the_next_ones_are_done(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as desk:
            await desk.ask(METADATA, (), "lab")
            asked = [asyncio.create_task(desk.ask(*infer(picture(seed)), "lab")) for seed in range(12)]
            await asyncio.sleep(0)
            assert desk.pid is not None
            os.kill(desk.pid, signal.SIGKILL)
            results = await asyncio.gather(*asked, return_exceptions=True)
            lost = [result for result in results if isinstance(result, DeskDown)]
            # Those that it had: one that it did, one that lay ready. The others waited for the next worker.
            assert 1 <= len(lost) <= 2
            assert "signal 9" in str(lost[0])
            assert len({rows(result) for result in results if isinstance(result, Reply)}) == 12 - len(lost)
            assert desk.starts == 2

    run(work())


def test_a_worker_that_cannot_be_started_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    async def work() -> None:
        async with opened(tmp_path) as desk:
            with pytest.raises(DeskDown, match="ends before it answers"):
                await desk.ask(METADATA, (), "lab")
            monkeypatch.setattr("sys.executable", "/nowhere/python")
            with pytest.raises(DeskDown, match="cannot be started"):
                await desk.ask(METADATA, (), "lab")
            monkeypatch.undo()
            assert (await desk.ask(METADATA, (), "lab")).status == 200

    run(work())


def test_a_worker_that_hangs_is_killed(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, answer_s=0.5) as desk:
            assert (await desk.ask(METADATA, (), "lab")).status == 200
            assert desk.pid is not None
            os.kill(desk.pid, signal.SIGSTOP)
            with pytest.raises(DeskDown, match="signal 9"):
                await desk.ask(METADATA, (), "lab")

    run(work())


def test_cameras_that_need_the_machine_have_it(tmp_path: Path) -> None:
    relief = [0.5]

    async def work() -> None:
        async with opened(tmp_path, lambda: relief[0]) as desk:
            with pytest.raises(DeskBusy, match="cameras need this machine") as refused:
                await desk.ask(METADATA, (), "lab")
            assert refused.value.retry_after_s > 0
            assert desk.pid is None
            relief[0] = 0.0
            waiting = asyncio.create_task(desk.ask(METADATA, (), "lab"))
            await asyncio.sleep(0)
            relief[0] = 0.5
            # It came in time, but its turn came too late.
            with pytest.raises(DeskBusy, match="cameras need this machine"):
                await waiting

    run(work())


def test_only_so_many_wait_and_not_for_ever(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, most_waiting=3, most_of_one=2, wait_s=0.05) as desk:
            waiting = [asyncio.create_task(desk.ask(METADATA, (), caller)) for caller in ("lab", "lab", "shop")]
            await asyncio.sleep(0)
            with pytest.raises(DeskBusy, match="as may wait"):
                await desk.ask(METADATA, (), "other")
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(result, DeskBusy) and "for its turn in vain" in str(result) for result in results), results
            first = [asyncio.create_task(desk.ask(METADATA, (), "lab")) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(DeskBusy, match="of your requests"):
                await desk.ask(METADATA, (), "lab")
            await asyncio.gather(*first, return_exceptions=True)

    run(work())


def test_whoever_goes_away_leaves_no_order_behind(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, most_waiting=1) as desk:
            gone = asyncio.create_task(desk.ask(METADATA, (), "lab"))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert (await desk.ask(METADATA, (), "lab")).status == 200

    run(work())


def test_an_idle_worker_ends_and_the_next_order_starts_another(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, idle_s=0.01) as desk:
            await desk.ask(METADATA, (), "lab")
            while desk.pid is not None:
                await asyncio.sleep(0.01)
            await desk.ask(METADATA, (), "lab")
            assert desk.starts == 2

    run(work())


def test_a_body_at_the_limit_fits_and_memory_is_given_back(tmp_path: Path) -> None:
    size = 8 * 1024 * 1024

    async def work() -> None:
        async with opened(tmp_path, body_bytes=size) as desk:
            reply = await desk.ask(Order(OrderKind.INFER, "street", 1), [b"x" * size], "lab")
            assert (reply.status, "no JSON" in reply.error) == (400, True)
            assert desk.pid is not None
            shared = [area for area in psutil.Process(desk.pid).memory_maps(grouped=False) if "panops-inference" in area.path]
            assert shared
            assert sum(area.rss for area in shared) < size // 2

    run(work())


def test_an_answer_that_is_too_long_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, answer_bytes=4096) as desk:
            reply = await desk.ask(*infer(picture()), "lab")
            assert (reply.status, "longer than 4096 bytes" in reply.error) == (413, True)
            assert (await desk.ask(METADATA, (), "lab")).status == 200

    run(work())


def test_a_desk_that_stops_says_so_and_leaves_no_process(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path) as desk:
            waiting = asyncio.create_task(desk.ask(METADATA, (), "lab"))
            await asyncio.sleep(0.3)
            pid = desk.pid
            await desk.stop()
            with pytest.raises(DeskDown, match="the server stops"):
                await waiting
            with pytest.raises(DeskDown, match="the server stops"):
                await desk.ask(METADATA, (), "lab")
            assert pid is None or not psutil.pid_exists(pid)

    run(work())


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_worker_logs_as_the_server_does(form: str) -> None:
    ours, theirs = socket.socketpair()
    ours.close()  # so that its main ends at once
    script = (
        "import logging, sys\nfrom panops.pipeline.inference_process import main\n"
        "main(); logging.getLogger('panops.inference').error('cannot open rtsp://eva:hunter2@cam/1')"
    )
    with theirs:
        done = subprocess.run(
            [sys.executable, "-c", script, str(theirs.fileno()), "0"], pass_fds=[theirs.fileno()],
            env={**os.environ, "PANOPS_LOG_FORMAT": form}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    if form == "json":
        line = json.loads(done.stderr)
        assert (line["process"], line["message"]) == ("inference", "cannot open rtsp://eva:***@cam/1")
    else:
        assert done.stderr.endswith("ERROR panops.inference cannot open rtsp://eva:***@cam/1\n")


class ScriptedWorker:
    """A worker on a device that does what the test says: its `says` is what the desk hears."""

    def __init__(self, slots: InferenceSlots) -> None:
        self.slots = slots
        self.pid, self.killed = 0, False
        self.says: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.orders: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.says.put_nowait({"type": "ready"})

    def send(self, message: dict[str, Any]) -> None:
        self.orders.put_nowait(message)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self.says.get()) is not None:
            yield message

    async def answer(self, order: dict[str, Any]) -> None:
        await self.says.put(
            {"type": "answer", "id": order["id"], "status": 200, "length": 0, "media_type": "", "header_bytes": None, "error": "",
             "model": "street", "run_s": 0.0, "coding": ""}
        )  # fmt: skip

    def close(self) -> None:
        self.says.put_nowait(None)

    def kill(self) -> None:
        self.killed = True
        self.says.put_nowait(None)

    async def ended(self) -> str:
        self.slots.close()
        return "killed" if self.killed else "its process ended"


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedWorker]:
    workers: list[ScriptedWorker] = []

    async def start(_boot: object, count: int, body_bytes: int, answer_bytes: int) -> ScriptedWorker:
        slots, handle = InferenceSlots.make(count, body_bytes, answer_bytes)
        os.close(handle)
        workers.append(ScriptedWorker(slots))
        return workers[-1]

    monkeypatch.setattr("panops.pipeline.inference_desk.InferenceWorker.start", start)
    return workers


def test_a_worker_may_take_its_time_to_open_a_model_whatever_it_answers_meanwhile(tmp_path: Path, scripted: list[ScriptedWorker]) -> None:
    async def work() -> None:
        async with opened(tmp_path, answer_s=0.2, open_s=60.0) as desk:
            first = asyncio.create_task(desk.ask(METADATA, (), "lab"))
            other = asyncio.create_task(desk.ask(METADATA, (), "lab"))
            while not scripted:
                await asyncio.sleep(0.01)
            (worker,) = scripted
            order, another = await worker.orders.get(), await worker.orders.get()
            await worker.says.put({"type": "opening", "model": "street"})
            await worker.answer(another)
            assert (await other).status == 200
            await asyncio.sleep(0.6)
            assert not worker.killed
            await worker.says.put({"type": "opened", "model": "street"})
            await worker.answer(order)
            assert (await first).status == 200

    run(work())


def test_a_worker_that_hangs_once_its_model_is_open_is_killed_soon(tmp_path: Path, scripted: list[ScriptedWorker]) -> None:
    async def work() -> None:
        async with opened(tmp_path, answer_s=0.2, open_s=600.0) as desk:
            asked = asyncio.create_task(desk.ask(METADATA, (), "lab"))
            while not scripted:
                await asyncio.sleep(0.01)
            for kind in ("opening", "opening", "opened"):
                await scripted[0].says.put({"type": kind, "model": "street"})
            await asyncio.sleep(0.6)
            assert not scripted[0].killed, "another one is still being opened"
            await scripted[0].says.put({"type": "opened", "model": "general"})
            with pytest.raises(DeskDown, match="killed"):
                await asked

    run(work())
