"""Batches across cameras: throughput and latency by batch size, on the fake device, on this processor, and on a GPU where there is one.

Run it as `python -m benchmarks.batching`. What is under `virtual` is a simulation in virtual time: it holds for the latency model that is
named beside it, and for no real device. What is under `engine` and `cpu` was measured on this machine.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.machine import describe
from panops.domain.clock import SystemClock
from panops.domain.device import CPU, Device
from panops.domain.errors import ModelError
from panops.domain.protocols import Backend
from panops.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panops.inference.batch_queue import BatchSettings
from panops.inference.batching import BatchingEngine
from panops.inference.onnx_rewrites import freed_batch
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.testing.device_traffic import Played, delayed, percentile, play, steady
from panops.testing.fake_device import DeviceLatency, FakeDevice

LATENCY = DeviceLatency()
ONE_BY_ONE = BatchSettings(sizes=(1,))
_SIZES = BatchSettings().sizes
_MODEL = "street"


def virtual() -> dict[str, Any]:
    """Cameras at 5 checks a second against the latency model."""
    found: dict[str, Any] = {
        "latency_model": {"base_ms": 1000 * LATENCY.base_s, "item_ms": 1000 * LATENCY.item_s, "jitter": LATENCY.jitter}
    }
    for cameras in (10, 50, 100, 200, 300, 600):
        traffic = steady(cameras, 5, 20)
        found[f"{cameras}_cameras"] = {
            "in_batches": _summary(play(traffic, LATENCY)),
            "one_by_one": _summary(play(traffic, LATENCY, ONE_BY_ONE)),
        }
    thin = steady(20, 5, 60, seed=2, name="thin")
    calm = [*steady(100, 5, 60, seed=1), *thin]
    stormy = [*steady(100, 5, 60, seed=1), *delayed(thin, every_s=2.0, burst_s=0.45)]
    found["20_of_120_cameras_burst_450_ms_every_2_s"] = {
        "the_other_100_without_bursts": _summary(play(calm, LATENCY), "cam"),
        "the_other_100_with_bursts": _summary(play(stormy, LATENCY), "cam"),
    }
    return found


def _summary(played: Played, name: str = "") -> dict[str, float]:
    answers = played.of(lambda arrival: arrival.camera.startswith(name))
    took_ms = [1000 * answer.took_s for answer in answers if not answer.error]
    return {
        "answered_share": round(len(took_ms) / len(answers), 4),
        "p50_ms": round(percentile(took_ms, 0.5), 1),
        "p95_ms": round(percentile(took_ms, 0.95), 1),
        "p99_ms": round(percentile(took_ms, 0.99), 1),
        "mean_batch": round(sum(count for count, _ in played.batches) / max(1, len(played.batches)), 2),
        "device_busy": round(played.busy_s / played.ended_s, 3),
    }


def engine() -> dict[str, float]:
    """What the engine itself costs for a picture of 416x416 bytes, on a device that takes no time."""
    device = FakeDevice(size_wh=(416, 416 * 3))
    running = BatchingEngine("fake", BatchSettings(), SystemClock())
    lane = running.add(device, device.picture(0))
    pictures = [device.picture(mark) for mark in range(32)]
    rounds, cpu, wall = 100, time.process_time(), time.perf_counter()
    for _ in range(rounds):
        for ticket in [lane.submit(picture, float("inf")) for picture in pictures]:
            ticket.result()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    running.close()
    began = time.thread_time()
    rows = np.zeros((16, 1, 416 * 3, 416), np.uint8)
    for _ in range(rounds):
        for picture in pictures:
            np.copyto(rows[0], picture[0])
            rows[:1].sum(axis=(1, 2, 3), dtype=np.int64)
    bare = time.thread_time() - began
    each = 1e6 / (rounds * len(pictures))
    return {
        "cpu_us_a_picture": round(cpu * each, 1),
        "wall_us_a_picture": round(wall * each, 1),
        "of_it_the_fake_device_and_the_copy_us": round(bare * each, 1),
    }


def real_time(cameras: int = 60, seconds: float = 10.0) -> dict[str, float]:
    """Threads and a real clock: cameras at 5 a second on a fake device, which sleeps for what the model says."""
    device = FakeDevice(LATENCY, size_wh=(416, 416))
    running = BatchingEngine("fake", BatchSettings(), SystemClock())
    lane = running.add(device, device.picture(0))
    tickets: list[Any] = []
    began_s = time.monotonic()
    for arrival in sorted(steady(cameras, 5, seconds), key=lambda item: item.time_s):
        time.sleep(max(0.0, began_s + arrival.time_s - time.monotonic()))
        tickets.append(lane.submit(device.picture(1), time.monotonic() + 2.0))
    for ticket in tickets:
        ticket.result()
    running.close()
    took_ms = [1000 * ticket.took_s for ticket in tickets]
    return {"p50_ms": round(percentile(took_ms, 0.5), 1), "p95_ms": round(percentile(took_ms, 0.95), 1), "pictures": len(tickets)}


def batch_sizes(backend: Backend, sizes: Sequence[int] = _SIZES, rounds: int = 20) -> dict[str, float]:
    """Milliseconds for each picture, by batch size."""
    spec = backend.inputs[0]
    whole = np.random.default_rng(0).integers(0, 255, (max(sizes), *spec.shape[1:])).astype(spec.dtype)
    found = {}
    for size in sizes:
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            backend.infer({spec.name: whole[:size]})
            taken.append(1000 * (time.perf_counter() - began) / size)
        found[str(size)] = round(median(taken[2:]), 3)
    return found


def cpu() -> dict[str, float]:
    """The default model on one thread of this processor: batches gain nothing there."""
    import onnx  # noqa: PLC0415  # the train extra

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "free.onnx"
        path.write_bytes(freed_batch(onnx.load(str(_model_path()))).SerializeToString())
        return batch_sizes(OnnxRuntimeBackend(path), rounds=8)


def gpu(name: str) -> dict[str, Any]:
    """The default model on a GPU, by batch size and through the engine; the reason where there is none."""
    device = Device.parse(name)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        try:
            backend = open_backend(_model_path(), device=device, cache_dir=Path(folder))
        except ModelError as error:
            return {"skipped": str(error)}
        opened_s = time.perf_counter() - began
        picture = np.zeros((1, *backend.inputs[0].shape[1:]), backend.inputs[0].dtype)
        running = BatchingEngine(name)
        lane = running.add(backend, picture)
        found: dict[str, Any] = {"opened_s": round(opened_s, 1), "ms_a_picture": batch_sizes(backend, lane.latency.sizes, rounds=200)}
        found["pictures_a_second"] = round(_flood(lane.submit, picture), 0)
        running.close()
        return found


def _flood(submit: Any, picture: Any, seconds: float = 5.0) -> float:
    """Pictures a second with always two batches waiting."""
    done, stop = [0], time.monotonic() + seconds
    lock = threading.Lock()

    def feed() -> None:
        while time.monotonic() < stop:
            for ticket in [submit(picture, float("inf")) for _ in range(16)]:
                ticket.result()
            with lock:
                done[0] += 16

    threads = [threading.Thread(target=feed) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done[0] / seconds


def _model_path() -> Path:
    with tempfile.TemporaryDirectory() as folder:
        return ModelStore(Path(folder)).get(_MODEL).path


def main() -> None:
    """Print everything as JSON."""
    found = {
        "machine": describe(),
        "device_of_this_machine": str(CPU),
        "virtual": virtual(),
        "engine": engine(),
        "real_time_60_cameras_on_the_fake_device": real_time(),
        "cpu_ms_a_picture_by_batch": cpu(),
        "cuda": gpu("cuda"),
        "tensorrt": gpu("tensorrt"),
    }
    json.dump(found, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
