"""Cameras on a device that takes batches: the pool that opens models there, and rounds that begin all looks before they collect one."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from panops.config.schema import SiteConfig
from panops.domain.clock import SystemClock
from panops.domain.detections import Detections
from panops.domain.device import CPU, Device
from panops.domain.errors import DeviceError, DeviceFull, DeviceLate, ModelError, ModelUnsupported
from panops.domain.frame import ArrayPixels, Frame
from panops.domain.protocols import HandReader, TensorSpec
from panops.inference.batch_queue import BatchSettings
from panops.inference.batching import BatchingEngine
from panops.inference.onnx_rewrites import freed_batch
from panops.models.promotion import promote, shadow
from panops.models.store import ModelStore
from panops.pipeline import detectors, model_file
from panops.pipeline.analysis_loop import AnalysisLoop
from panops.pipeline.analyst import Analyst
from panops.pipeline.camera_loop import CameraLoop
from panops.pipeline.check import Outcome
from panops.pipeline.detectors import DetectorPool
from panops.pipeline.link import ShardLink
from panops.pipeline.live import CameraState
from panops.pipeline.shadow import ShadowWatch
from panops.pipeline.shard import Shard
from panops.pipeline.wire import assignment
from panops.storage.database import Database
from panops.storage.home import Home
from panops.testing.fake_device import DeviceLatency, FakeDevice
from panops.tracking.tracker import BatchTracker
from panops.vision.batch_detector import BatchDetector
from tests.unit.pipeline.version_site import HandClock, ScriptedDetector, add_version, boxes, check_of, loop_of, store_of

GPU = Device.parse("cuda:3")


class CpuAsGpu:
    """onnxruntime's CPU sessions, of files made fit for batches as for a GPU."""

    def __init__(self, path: Path) -> None:
        onnx = pytest.importorskip("onnx")
        content = freed_batch(onnx.load(str(path))).SerializeToString()
        self._session: Any = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self._names = [node.name for node in self._session.get_outputs()]
        given = self._session.get_inputs()[0]
        self.inputs = (TensorSpec(given.name, (-1, *given.shape[1:]), np.dtype(np.uint8)),)
        self.outputs = ()
        self.batches: list[int] = []

    def infer(self, inputs: Any) -> dict[str, Any]:
        ((name, array),) = inputs.items()
        self.batches.append(len(array))
        return dict(zip(self._names, self._session.run(self._names, {name: array}), strict=True))

    def close(self) -> None:
        self._session = None


def place(monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Any]) -> list[Any]:
    """Let `make` open the models that the pool opens on a GPU; what was opened."""
    real, opened = detectors.open_backend, []

    def open_backend(path: Path, *, device: Device = CPU, **others: Any) -> Any:
        if not device.batches:
            return real(path, **others)
        opened.append(make(path))
        return opened[-1]

    monkeypatch.setattr(detectors, "open_backend", open_backend)
    return opened


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A GPU that costs no time and sees nothing."""

    def make(_path: Path) -> FakeDevice:
        device = FakeDevice(size_wh=(416, 416))
        device.inputs = (TensorSpec("pictures", (-1, 3, 416, 416), np.dtype(np.uint8)),)
        return device

    return place(monkeypatch, make)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[DetectorPool]:
    made = DetectorPool(ModelStore(tmp_path / "models", mirrors=[]))
    made.use(GPU)
    yield made
    made.close()


def street(number: int) -> Frame:
    """A picture with edges in it, another one for each number."""
    dice = np.random.default_rng(number)
    image = np.kron(dice.integers(0, 255, (9, 16, 3), np.uint8), np.ones((40, 40, 1), np.uint8))
    return Frame("cam", number, number / 5, number / 5, ArrayPixels(np.ascontiguousarray(image)))


def test_a_built_in_model_sees_the_same_in_batches(pool: DetectorPool, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = place(monkeypatch, CpuAsGpu)
    few = BatchSettings(sizes=(1, 2, 4))  # a warm-up of sixteen takes long on a CPU
    monkeypatch.setattr(detectors, "BatchingEngine", lambda name, clock: BatchingEngine(name, few, clock))
    detector = pool.get("street")
    assert isinstance(detector, BatchDetector)
    frames = [street(number) for number in range(5)]
    looks = [detector.start(frame, math.inf) for frame in frames]
    alone = CpuAsGpu(pool.store.get("street").path)
    task = detector._make_task()
    for frame, look in zip(frames, looks, strict=True):
        inputs, context = task.prepare(frame)
        (tensor,) = inputs.values()
        expected = task.finish(alone.infer({alone.inputs[0].name: tensor}), context)
        np.testing.assert_allclose(look.result().xyxy, expected.xyxy, atol=1e-3)
        np.testing.assert_allclose(look.result().score, expected.score, atol=1e-5)
    assert max(opened[0].batches[-3:]) > 1


def test_rounds_are_longer_on_a_device(pool: DetectorPool, gpu: list[Any]) -> None:
    assert DetectorPool(pool.store).checks_a_round == 8
    pool.get("street")
    assert pool.checks_a_round == 32
    pool.use(CPU)
    assert pool.checks_a_round == 8


def test_motion_needs_no_device(pool: DetectorPool, gpu: list[Any]) -> None:
    assert not hasattr(pool.get("motion"), "start")
    assert gpu == []


def test_what_says_what_a_crop_shows_stays_on_the_cpu(pool: DetectorPool, gpu: list[Any]) -> None:
    reader = pool.part("ppe_head")
    assert isinstance(reader, HandReader)
    assert gpu == []
    crop = Detections(np.array([[100, 40, 260, 200]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    assert reader.read_signs(street(1), crop).scores.shape == (1, 3)


def test_another_device_is_taken_when_cameras_ask_anew(pool: DetectorPool, gpu: list[Any]) -> None:
    before = pool.get("street")
    assert pool.get("street") is before
    pool.use(GPU)
    assert pool.get("street") is before
    pool.use(CPU)
    assert not isinstance(pool.get("street"), BatchDetector)
    with pytest.raises(ModelError, match="expected one output"):  # whoever still has it may go on with it; this device sees nothing
        before.detect(street(1))


def test_a_device_that_is_not_there_is_asked_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def open_backend(path: Path, **_: Any) -> Any:
        asked.append(path)
        raise DeviceError("cuda:3 cannot be used: there is no NVIDIA driver here")

    monkeypatch.setattr(detectors, "open_backend", open_backend)
    clock = HandClock()
    pool = DetectorPool(ModelStore(tmp_path / "models", mirrors=[]), clock=clock)
    pool.use(GPU)
    for _ in range(3):
        with pytest.raises(DeviceError, match="no NVIDIA driver"):
            pool.get("street")
    assert len(asked) == 1
    assert not pool.may_work_now("street")
    clock.now_s += 61
    assert pool.may_work_now("street")
    with pytest.raises(DeviceError):
        pool.get("street")
    assert len(asked) == 2
    assert not pool.may_work_now("street")
    assert not pool.may_work_now("motion")


def test_a_model_that_cannot_be_run_is_opened_once_for_all_its_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def open_backend(path: Path, **_: Any) -> Any:
        asked.append(path)
        raise ModelUnsupported("net.onnx: OpenVINO has no operator Odd")

    monkeypatch.setattr(model_file, "open_backend", open_backend)
    store, clock = store_of(tmp_path, net=("a",)), HandClock()
    pool = DetectorPool(store, clock=clock)
    for _ in range(200):
        with pytest.raises(ModelUnsupported, match="no operator Odd"):
            pool.get("net")
    assert len(asked) == 1
    add_version(store, tmp_path, "9")
    promote(store, "net", "9")
    with pytest.raises(ModelUnsupported):
        pool.get("net")
    assert len(asked) == 2  # somebody decided anew
    clock.now_s += 61
    with pytest.raises(ModelUnsupported):
        pool.get("net")
    assert len(asked) == 3


class SlowPool(DetectorPool):
    """Opening takes until the test lets it end."""

    def __init__(self, store: ModelStore) -> None:
        super().__init__(store)
        self.gate = threading.Event()
        self.fault: ModelError | None = None

    def open(self, model: Any) -> Any:
        if model.version != "v1":
            assert self.gate.wait(30)
            if self.fault is not None:
                raise self.fault
        return ScriptedDetector(model.manifest.classes, lambda _: Detections.empty())


@pytest.mark.parametrize("fault", [None, DeviceError("no memory is left")])
def test_a_promoted_version_is_compiled_beside_and_taken_over_when_it_is_ready(tmp_path: Path, fault: ModelError | None) -> None:
    store = store_of(tmp_path, v1=("person", "car"))
    pool = SlowPool(store)
    pool.use(GPU)
    pool.fault = fault
    first = pool.get("net")
    add_version(store, tmp_path, "v2")
    promote(store, "net", "v2")
    pool.refresh("net")
    pool.refresh("net")
    assert pool.get("net") is first  # the version before goes on
    pool.gate.set()
    opening = pool._opening["net"]
    assert opening.exception(30) is fault
    if fault is None:
        pool.refresh("net")
        loaded = pool.loaded("net")
        assert loaded is not None
        assert loaded.model is not None
        assert loaded.model.version == "v2"
    else:
        with pytest.raises(DeviceError):
            pool.refresh("net")
        pool.refresh("net")  # not tried again before somebody decides anew
        assert pool.get("net") is first
    pool.close()


def test_a_shadow_is_compiled_beside_too_and_forgotten_when_somebody_decides_anew(tmp_path: Path) -> None:
    store = store_of(tmp_path, v1=("person", "car"), v2=("person", "car"), v3=("person", "car"))
    pool = SlowPool(store)
    pool.use(GPU)
    pool.get("net")
    watch = ShadowWatch(pool, SystemClock(), lambda: False)
    shadow(store, "net", "v2")
    before = set(threading.enumerate())
    watch.follow("net")
    (opening,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "open-shadow"]
    assert not watch.on  # it returned at once
    shadow(store, "net", "v3")
    watch.follow("net")
    pool.gate.set()
    opening.join(30)
    wait_until(lambda: watch.on)
    assert watch._shadows["net"].pair.shadow == "v3"
    watch.stop()
    pool.close()


# --- rounds -----------------------------------------------------------------------------------------------------------------------


class Look:
    def __init__(self, detector: DeviceDetector, frame: Frame) -> None:
        self._detector, self._frame = detector, frame
        self.took_s = 0.125

    def result(self) -> Detections:
        self._detector.said.append(f"collect {self._frame.camera_id}")
        error = self._detector.errors.get(self._frame.camera_id)
        if error is not None:
            raise error
        return boxes((10, 10, 30, 40, 0.9, 0))


class DeviceDetector:
    """Writes down what is asked of it."""

    classes = ("person", "car")

    def __init__(self) -> None:
        self.said: list[str] = []
        self.deadlines: list[float] = []
        self.errors: dict[str, Exception] = {}

    def start(self, frame: Frame, deadline_s: float) -> Look:
        if frame.camera_id in self.errors and frame.camera_id.startswith("broken"):
            raise ZeroDivisionError
        self.said.append(f"start {frame.camera_id}")
        self.deadlines.append(deadline_s)
        return Look(self, frame)

    def detect(self, frame: Frame) -> Detections:
        raise AssertionError("a round begins its looks")

    def forget(self, camera_id: str) -> None:
        pass


def site(detector: DeviceDetector, *names: str) -> tuple[Analyst, dict[str, CameraLoop]]:
    loops = {name: loop_of(detector, name, motion={"enabled": False}) for name in names}
    analyst = Analyst(BatchTracker(), loops)
    for loop in loops.values():
        analyst.begin(loop)
    return analyst, loops


def test_a_round_begins_all_looks_before_it_collects_the_first() -> None:
    detector = DeviceDetector()
    analyst, loops = site(detector, "a", "b", "c")
    outcomes = list(analyst.round([check_of(loop, 1) for loop in loops.values()], patience_s=2.0))
    assert detector.said == ["start a", "start b", "start c", "collect a", "collect b", "collect c"]
    assert detector.deadlines == [2.0, 2.0, 2.0]  # the checks arrived at 0
    assert [outcome.inference_s for outcome in outcomes] == [0.125] * 3
    assert all(loop.counters.inference_s[-1] == 0.125 for loop in loops.values())


def test_without_a_patience_nothing_is_ever_late() -> None:
    detector = DeviceDetector()
    analyst, loops = site(detector, "a")
    assert len(list(analyst.round([check_of(loops["a"], 1)]))) == 1
    assert detector.deadlines == [math.inf]


@pytest.mark.parametrize(("error", "cause"), [(DeviceLate("late"), "late_for_device"), (DeviceFull("full"), "device_full")])
def test_load_is_counted_by_its_cause_and_is_no_problem_of_the_camera(error: ModelError, cause: str) -> None:
    detector = DeviceDetector()
    analyst, loops = site(detector, "a", "b")
    detector.errors["a"] = error
    outcomes = list(analyst.round([check_of(loop, 1) for loop in loops.values()]))
    assert [outcome.check.camera_id for outcome in outcomes] == ["b"]  # failed is never "nothing there"
    assert dict(loops["a"].counters.dropped) == {cause: 1}
    assert (loops["a"].problem, loops["a"].counters.detector_errors, loops["a"].counters.analysed) == ("", 0, 0)


def test_a_device_that_fails_is_a_problem_until_it_works_again() -> None:
    detector = DeviceDetector()
    analyst, loops = site(detector, "a")
    detector.errors["a"] = DeviceError("cuda has failed 3 times in a row")
    assert list(analyst.round([check_of(loops["a"], 1)])) == []
    assert loops["a"].problem == "cuda has failed 3 times in a row"
    assert dict(loops["a"].counters.dropped) == {"device_error": 1}
    assert loops["a"].counters.detector_errors == 1
    detector.errors.clear()
    assert len(list(analyst.round([check_of(loops["a"], 2)]))) == 1
    assert loops["a"].problem == ""


def test_a_fault_while_a_look_begins_costs_only_that_camera() -> None:
    detector = DeviceDetector()
    analyst, loops = site(detector, "a", "broken", "c")
    detector.errors["broken"] = ZeroDivisionError()
    outcomes = list(analyst.round([check_of(loop, 1) for loop in loops.values()]))
    assert [outcome.check.camera_id for outcome in outcomes] == ["a", "c"]
    assert dict(loops["broken"].counters.dropped) == {"analysis_error": 1}


def test_the_analysis_thread_takes_as_many_checks_as_the_device_wants() -> None:
    detector, outcomes, done = DeviceDetector(), [], threading.Event()
    analyst, loops = site(detector, *(f"cam{index}" for index in range(20)))

    def on_outcome(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 20:
            done.set()

    analysis = AnalysisLoop(analyst, loops, SystemClock(), on_outcome, checks_a_round=lambda: 32)
    for loop in loops.values():
        check = check_of(loop, 1)
        analysis.offer(type(check)(check.camera_id, check.frame, time.monotonic(), True, loop))
    analysis.start()
    assert done.wait(30)
    analysis.stop()
    assert detector.said[:20] == [f"start cam{index}" for index in range(20)]


# --- a whole shard ----------------------------------------------------------------------------------------------------------------


class BlindDevice(FakeDevice):
    """Takes what `street` takes, for any batch, and sees nothing."""

    def __init__(self) -> None:
        super().__init__(DeviceLatency(base_s=0.002, item_s=0.0001))
        self.inputs = (TensorSpec("pictures", (-1, 3, 416, 416), np.dtype(np.uint8)),)

    def infer(self, inputs: Any) -> dict[str, Any]:
        count = len(super().infer(inputs)["rows"])
        return {"rows": np.zeros((count, 3549, 11), np.float32)}


def test_a_shard_on_a_device_and_what_its_cameras_say_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = BlindDevice()
    place(monkeypatch, lambda _: device)
    ours, theirs = socket.socketpair()
    database = Database.at(tmp_path).open()
    shard = Shard(0, Home(tmp_path).create(), database, "street", ShardLink(theirs))
    shard.start()
    source = "sim://fence?seed=1&activity=0&rate_fps=10"
    cameras = {f"cam{index}": {"source": source, "motion": {"enabled": False}} for index in range(3)}
    site = SiteConfig.model_validate({"device": "cuda", "cameras": cameras})
    try:
        for camera_id in cameras:
            shard.assign({**assignment(site, camera_id), "epoch": 1})
        wait_until(lambda: all(status.analysed >= 5 for status in shard.statuses()))
        for status in shard.statuses():
            assert status.state is CameraState.LIVE
            assert status.inference_ms > 1.0  # the device's answer took that long
            assert "detector_error" not in status.dropped
        device.fail(100_000)
        wait_until(lambda: all(status.state is CameraState.ERROR for status in shard.statuses()))
        for status in shard.statuses():
            assert "told to fail" in status.message or "failed 3 times in a row" in status.message
            assert status.dropped["device_error"] > 0
    finally:
        device._failures.clear()
        shard.drain()
        shard._link.close()
        ours.close()
        database.close()
    assert device.closed


def wait_until(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends_s, "it did not come to that within a minute"
        threading.Event().wait(0.05)
