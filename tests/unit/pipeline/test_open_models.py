"""Models that are open for programs: opened once, followed when versions change, and in batches on a device."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from panops.domain.device import Device
from panops.domain.errors import DeviceError, ModelNotFound, ModelUnsupported
from panops.domain.protocols import Backend
from panops.models.promotion import promote
from panops.models.shelf import StoredModel
from panops.models.store import ModelStore, package_builtin
from panops.pipeline.open_models import OpenModels
from panops.testing.fake_clock import FakeClock
from panops.testing.fake_device import INPUT, OUTPUT, DeviceLatency, FakeDevice


class Opener:
    """Opens fake files, and keeps count."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.devices: list[FakeDevice] = []

    def __call__(self, model: StoredModel) -> Backend:
        self.opened.append(model.reference)
        self.devices.append(FakeDevice())
        return self.devices[-1]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def test_a_model_is_opened_once_and_followed(store: ModelStore) -> None:
    opener = Opener()
    models = OpenModels(store, opens=opener)
    assert models.get("street") is models.get("street")
    store.add(str(package_builtin() / "general"), name="street", version="3")
    assert models.get("street").model.version == "2"
    assert opener.opened == ["street@2"]
    promote(store, "street", "3")
    assert models.get("street").model.version == "3"
    assert opener.devices[0].closed
    assert models.get("street@2").model.version == "2"
    assert opener.opened == ["street@2", "street@3", "street@2"]
    models.close()
    assert all(device.closed for device in opener.devices)


def test_the_one_not_asked_for_the_longest_is_closed(store: ModelStore) -> None:
    opener = Opener()
    models = OpenModels(store, opens=opener)
    for version in ("3", "4"):
        store.add(str(package_builtin() / "street"), version=version)
    for reference in ("general", "ppe", "street@2", "street@3", "general", "street@4"):
        models.get(reference)
    assert opener.opened == ["general@1", "ppe@2", "street@2", "street@3", "street@4"]
    assert [device.closed for device in opener.devices] == [False, True, False, False, False]


def test_a_model_that_is_gone_is_not_answered_from_memory(store: ModelStore) -> None:
    models = OpenModels(store, opens=Opener())
    store.add(str(package_builtin() / "street"), name="mine")
    assert models.get("mine").model.manifest.name == "mine"
    store.remove("mine", force=True)
    with pytest.raises(ModelNotFound, match="there is no model 'mine'"):
        models.get("mine")


@pytest.mark.parametrize("name", ["../street", "", "street/..", "a" * 70, "motion"])
def test_what_is_no_name_finds_nothing(store: ModelStore, name: str) -> None:
    with pytest.raises(ModelNotFound, match="known are: general, ppe, ppe_close, ppe_head, ppe_torso, sign_digits, street"):
        OpenModels(store, opens=Opener()).get(name)


def test_a_device_makes_batches_of_what_comes_together(store: ModelStore) -> None:
    opener = Opener()
    models = OpenModels(store, Device.parse("cuda"), opens=opener)
    model, device = models.get("street"), opener.devices[0]
    device.batches.clear()
    device.hold()
    answers: dict[int, list[list[int]]] = {}

    def ask(mark: int) -> None:
        pictures = np.concatenate([device.picture(mark), device.picture(mark + 100)])
        answers[mark] = model.infer({INPUT: pictures})[OUTPUT].tolist()

    threads = [threading.Thread(target=ask, args=(mark,)) for mark in range(8)]
    for thread in threads:
        thread.start()
    assert device.entered.wait(20)
    device.gate.set()
    for thread in threads:
        thread.join(20)
    assert answers == {mark: [[mark, mark], [mark + 100, mark + 100]] for mark in range(8)}
    assert sum(device.batches) >= 16
    assert max(device.batches) > 1
    with pytest.raises(ModelUnsupported, match="expected uint8"):
        model.infer({INPUT: np.zeros((1, 1, 4, 4), np.float32)})
    models.close()


@pytest.mark.parametrize(("latency", "together"), [(DeviceLatency(10.0, 0.1, 0.0), True), (DeviceLatency(0.0, 10.0, 0.0), False)])
def test_calls_of_one_model_share_a_batch_where_the_device_gains_by_it(store: ModelStore, latency: DeviceLatency, together: bool) -> None:
    clock = FakeClock()

    def passes(seconds: float) -> None:
        clock.now_s += seconds

    device = FakeDevice(latency, wait=passes)
    models = OpenModels(store, Device.parse("cuda"), opens=lambda _model: device, clock=clock)
    model = models.get("street")
    device.batches.clear()
    device.hold()
    answers: dict[int, int] = {}

    def ask(mark: int) -> None:
        answers[mark] = int(model.infer({INPUT: device.picture(mark)})[OUTPUT][0, 0])

    threads = [threading.Thread(target=ask, args=(mark,)) for mark in range(9)]
    for thread in threads:
        thread.start()
    assert device.entered.wait(20)
    device.gate.set()
    for thread in threads:
        thread.join(20)
    models.close()
    assert answers == {mark: mark for mark in range(9)}
    assert (max(device.batches) > 1) is together
    assert (len(device.batches) < 9) is together


def test_a_model_that_is_opened_keeps_nobody_from_the_others(store: ModelStore) -> None:
    """On a device that takes minutes."""
    begun, go_on = threading.Event(), threading.Event()
    told: list[str] = []
    fast = Opener()

    def opens(model: StoredModel) -> Backend:
        if model.manifest.name == "street":
            begun.set()
            assert go_on.wait(20)
        return fast(model)

    models = OpenModels(
        store, opens=opens, opening=lambda model: told.append(f"opening {model}"), opened=lambda model: told.append(f"opened {model}")
    )
    models.get("general")
    slow = [threading.Thread(target=models.get, args=("street",)) for _ in range(2)]
    others = threading.Thread(target=lambda: [models.get(name) for name in ("general", "ppe", "general")])
    try:
        for thread in slow:
            thread.start()
        assert begun.wait(20)
        others.start()
        others.join(10)
        assert not others.is_alive()
        assert told[-1] == "opened ppe"
    finally:
        go_on.set()
    for thread in slow:
        thread.join(20)
    assert sorted(fast.opened) == ["general@1", "ppe@2", "street@2"], "each once"
    assert told[-1] == "opened street"
    models.close()
    assert all(device.closed for device in fast.devices)


def test_one_that_cannot_be_opened_is_no_longer_being_opened(store: ModelStore) -> None:
    told: list[str] = []

    def opens(_model: StoredModel) -> Backend:
        raise ModelUnsupported("it needs an operator that nobody has")

    models = OpenModels(store, opens=opens, opening=lambda _model: told.append("opening"), opened=lambda _model: told.append("opened"))
    for _ in range(2):
        with pytest.raises(ModelUnsupported, match="an operator"):
            models.get("street")
    assert told == ["opening", "opened"] * 2


def test_what_is_opened_while_all_are_closed_is_closed_too(store: ModelStore) -> None:
    opener, begun, go_on = Opener(), threading.Event(), threading.Event()

    def opens(model: StoredModel) -> Backend:
        begun.set()
        assert go_on.wait(20)
        return opener(model)

    models, said = OpenModels(store, opens=opens), []

    def ask() -> None:
        try:
            models.get("street")
        except DeviceError as error:
            said.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(20)
    models.close()
    go_on.set()
    thread.join(20)
    assert (said, [device.closed for device in opener.devices]) == (["cpu was closed"], [True])
