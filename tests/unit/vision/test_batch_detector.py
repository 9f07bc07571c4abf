from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from manifests import frame, manifest
from numpy.typing import NDArray

from panops.domain.errors import DeviceLate, ModelError, ModelUnsupported
from panops.domain.frame import Frame
from panops.domain.protocols import TensorSpec
from panops.vision.batch_detector import BatchDetector
from panops.vision.registry import open_task


class HandTicket:
    """Answered when the test says so: one box in cell (2, 1) of stride 8, as wide as the picture is bright."""

    def __init__(self, tensor: NDArray[Any], deadline_s: float, background: bool, release: Callable[[], None]) -> None:
        self.tensor, self.deadline_s, self.background, self.release = tensor, deadline_s, background, release
        self.took_s = 0.25
        self.error: ModelError | None = None

    def result(self) -> dict[str, NDArray[Any]]:
        if self.error is not None:
            raise self.error
        rows = np.zeros((1, 42, 8), np.float32)
        rows[0, 8 + 2] = [0.5, 0.5, np.log(max(1.0, float(self.tensor.max())) / 8), 0, 1, 0, 0.9, 0]
        return {"rows": rows}


class HandRunner:
    """A device that keeps what it is given."""

    def __init__(self, name: str = "images", shape: tuple[int, ...] = (1, 3, 32, 64)) -> None:
        self.inputs = (TensorSpec(name, shape, np.dtype(np.float32)),)
        self.tickets: list[HandTicket] = []
        self.closed = 0
        self.refuse: ModelError | None = None

    def submit(self, tensor: NDArray[Any], deadline_s: float, *, background: bool = False, release: Any = None) -> HandTicket:
        if self.refuse is not None:
            raise self.refuse
        self.tickets.append(HandTicket(tensor, deadline_s, background, release))
        return self.tickets[-1]

    def close(self) -> None:
        self.closed += 1


def grey(value: int) -> Frame:
    return frame(np.full((32, 64, 3), value, np.uint8))


@pytest.fixture
def runner() -> HandRunner:
    return HandRunner()


@pytest.fixture
def detector(runner: HandRunner) -> BatchDetector:
    model = manifest()
    return BatchDetector(model, lambda: open_task(model), runner)


def test_looks_are_begun_and_collected_in_any_order(detector: BatchDetector, runner: HandRunner) -> None:
    looks = [detector.start(grey(value), 100.0 + value) for value in (8, 16, 32)]
    assert [ticket.deadline_s for ticket in runner.tickets] == [108.0, 116.0, 132.0]
    assert not any(ticket.background for ticket in runner.tickets)
    widths = [float(look.result().xyxy[0, 2] - look.result().xyxy[0, 0]) for look in reversed(looks)]
    np.testing.assert_allclose(widths, [32, 16, 8], atol=0.1)
    assert [look.took_s for look in looks] == [0.25] * 3


def test_pictures_under_way_have_tensors_of_their_own_which_are_used_again(detector: BatchDetector, runner: HandRunner) -> None:
    for value in (1, 2, 3):
        detector.start(grey(value), 1.0)
    assert [float(ticket.tensor.max()) for ticket in runner.tickets] == [1, 2, 3]
    for ticket in runner.tickets:
        ticket.release()
    for value in (4, 5, 6):
        detector.start(grey(value), 1.0)
    first, second = runner.tickets[:3], runner.tickets[3:]
    assert {id(ticket.tensor) for ticket in first} == {id(ticket.tensor) for ticket in second}
    assert [float(ticket.tensor.max()) for ticket in second] == [4, 5, 6]


def test_a_look_without_a_deadline_yields(detector: BatchDetector, runner: HandRunner) -> None:
    assert len(detector.detect(grey(24))) == 1
    assert runner.tickets[0].background
    assert runner.tickets[0].deadline_s == math.inf


def test_faults_are_told_where_the_look_is_collected(detector: BatchDetector, runner: HandRunner) -> None:
    look = detector.start(grey(9), 1.0)
    runner.tickets[0].error = DeviceLate("too late")
    with pytest.raises(DeviceLate):
        look.result()
    runner.refuse = ModelUnsupported("wrong shape")
    look = detector.start(grey(9), 1.0)
    with pytest.raises(ModelUnsupported, match="wrong shape"):
        look.result()
    assert look.took_s == 0.0


def test_a_picture_that_cannot_be_prepared_costs_no_tensor(detector: BatchDetector, runner: HandRunner) -> None:
    class Broken:
        size_wh = (64, 32)

        def rgb(self, size_wh: object = None) -> NDArray[np.uint8]:
            raise OSError

    detector.start(grey(1), 1.0)
    runner.tickets[0].release()
    with pytest.raises(OSError):  # noqa: PT011  # any fault at all
        detector.start(Frame("cam", 0, 0.0, 0.0, Broken()), 1.0)  # type: ignore[arg-type]
    detector.start(grey(2), 1.0)
    assert runner.tickets[1].tensor is runner.tickets[0].tensor


def test_a_file_that_does_not_fit_its_manifest_is_found_at_start() -> None:
    model = manifest()
    with pytest.raises(ModelUnsupported, match="says input"):
        BatchDetector(model, lambda: open_task(model), HandRunner(shape=(1, 3, 64, 64)))


def test_closing(detector: BatchDetector, runner: HandRunner) -> None:
    detector.forget("cam")
    detector.close()
    assert runner.closed == 1
    assert detector.classes == ("class0", "class1", "class2")
