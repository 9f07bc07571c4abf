"""The seams of panops: what a plug-in implements. Backends, trackers, rules and stores have conformance suites in `panops.testing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from panops.domain.alerts import Alert
from panops.domain.class_scores import ClassScores
from panops.domain.compliance import ItemRecord
from panops.domain.detections import Detections
from panops.domain.events import Event, Incident
from panops.domain.frame import Frame
from panops.domain.packets import Packet, StreamInfo
from panops.domain.region import Region
from panops.domain.tracks import Tracks

Result_co = TypeVar("Result_co", covariant=True)


class Source(Protocol):
    """One camera's or file's video. Used by one thread, except `close`."""

    @property
    def address(self) -> str:
        """The address for people: the password is never in it."""
        ...

    def open(self) -> StreamInfo:
        """Connect. Blocks at most its connect time-out.

        Raises:
            SourceError: One of its kinds, saying what is wrong.
        """
        ...

    def read(self) -> Packet | None:
        """The next packet, blocking at most the stall limit; None at the end of a file.

        Raises:
            SourceError: The connection broke, stalled, or the data is damaged.
        """
        ...

    def close(self) -> None:
        """Give everything back. Safe to call twice, from any thread; it ends a blocked `read` or `open`."""
        ...


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model.

    Attributes:
        name: The tensor's name in the file.
        shape: Its dimensions; -1 for one that varies.
        dtype: Its numpy dtype.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Backend(Protocol):
    """A loaded model: named tensors in, named tensors out. Used by one thread at a time."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs in the file's order."""
        ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs in the file's order."""
        ...

    def infer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model.

        Args:
            inputs: One array for each input, of its shape and dtype.

        Returns:
            One array for each output; the caller may keep them.

        Raises:
            ModelUnsupported: An input is missing, or its shape or dtype is wrong.
        """
        ...

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        ...


class Ticket(Protocol):
    """The answer to come of one picture that was given to a device."""

    @property
    def took_s(self) -> float:
        """Seconds from the hand-over to the answer; 0.0 while there is none."""
        ...

    def result(self) -> dict[str, NDArray[Any]]:
        """The outputs for this one picture, batch dimension 1; waits for them.

        Raises:
            DeviceLate: The deadline could not be met.
            DeviceFull: Too many others waited.
            ModelError: The device or the model failed.
        """
        ...


class BatchRunner(Protocol):
    """A model on a device that takes many pictures at once. Any thread may call `submit`."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs in the file's order; this seam is for models with one."""
        ...

    def submit(
        self, tensor: NDArray[Any], deadline_s: float, *, background: bool = False, release: Callable[[], None] | None = None
    ) -> Ticket:
        """Hand over one picture; returns at once and never raises for what the device does: the ticket says it.

        Args:
            tensor: One picture, batch dimension 1. It must not change before `release` is called.
            deadline_s: When the answer is worth nothing any more, on the monotonic clock; infinite where that is never.
            background: Only fill what cameras leave free.
            release: Called once, from any thread, when `tensor` is not needed any more.

        Raises:
            ModelUnsupported: Its shape or dtype is wrong.
        """
        ...

    def close(self) -> None:
        """Free the model once its pictures are answered. Safe to call twice."""
        ...


@runtime_checkable
class ResizingBackend(Backend, Protocol):
    """A backend that can run a file of one size at others, too."""

    def takes(self, shape: tuple[int, ...], *, wait: bool = False) -> bool:
        """Whether `infer` takes its one input in this shape, besides the file's own.

        Args:
            shape: The whole shape, with batch and channels.
            wait: Get ready now, however long that takes. Otherwise it may get ready meanwhile, and answer False until it is.

        Returns:
            False, too, where the file does not work at that size, or as many sizes are ready as there is memory for.
        """
        ...


class VisionTask(Protocol[Result_co]):
    """Pre- and post-processing of one task; knows nothing of how the model runs."""

    def prepare(self, frame: Frame) -> tuple[dict[str, NDArray[Any]], Any]:
        """The model's inputs for a frame, and whatever `finish` needs to map results back to it."""
        ...

    def finish(self, outputs: Mapping[str, NDArray[Any]], context: Any) -> Result_co:
        """The result in px of the source frame."""
        ...


@runtime_checkable
class RegionTask(VisionTask[Result_co], Protocol[Result_co]):
    """A task that can look at parts of a picture."""

    @property
    def any_size(self) -> bool:
        """Whether this model's outputs can be read whatever size its input has, and parts look as they do in the whole picture."""
        ...

    def prepare_region(self, frame: Frame, region: Region) -> tuple[dict[str, NDArray[Any]], Any]:
        """As `prepare`, of a part of the picture at the size of input that the region names; results are in px of the frame, too."""
        ...


class Detector(Protocol):
    """Finds objects in a frame: a vision task with its model, or a method without one."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the index is the `class_id`."""
        ...

    def detect(self, frame: Frame) -> Detections:
        """All objects above the detector's own lowest score, in px of the frame.

        Raises:
            ModelError: The model failed; the caller counts it and never takes it for "nothing there".
        """
        ...

    def forget(self, camera_id: str) -> None:
        """Drop what is remembered of a camera (a background picture, say)."""
        ...


class PendingDetections(Protocol):
    """A look that began: the device works, and the caller may do something else."""

    @property
    def took_s(self) -> float:
        """Seconds from the start of the look to the device's answer; 0.0 while there is none."""
        ...

    def result(self) -> Detections:
        """What was seen; waits for it.

        Raises:
            ModelError: As `Ticket.result`.
        """
        ...


class StartingDetector(Detector, Protocol):
    """A detector on a device of its own: many looks are begun, then collected. One without `start` works in place, in `detect`."""

    def start(self, frame: Frame, deadline_s: float) -> PendingDetections:
        """Begin to look at a frame.

        Args:
            frame: The picture.
            deadline_s: When the answer is worth nothing any more, on the monotonic clock.
        """
        ...


@runtime_checkable
class RegionDetector(Detector, Protocol):
    """A detector that can look at a part of a picture for less than at all of it."""

    def region(self, size_wh: tuple[int, int], xyxy: tuple[float, float, float, float]) -> Region | None:
        """The part to look at so that all of a box is seen, no smaller than `detect` would show it.

        Args:
            size_wh: The picture's size, px.
            xyxy: The box, px of the picture.

        Returns:
            None where the whole picture costs hardly more, or a look at a part is not possible (yet).
        """
        ...

    def look(self, frame: Frame, region: Region) -> Detections:
        """As `detect`, of what the region shows. An object that reaches over its edge is seen in part, and its box ends at the edge.

        Raises:
            ModelError: As `detect`.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What one camera showed at one moment: the tracker's input.

    Attributes:
        camera_id: The camera.
        time_s: Capture time, s; later than the camera's previous one.
        detections: What was seen; empty means "looked, and nothing there".
    """

    camera_id: str
    time_s: float
    detections: Detections


@runtime_checkable
class HandReader(Detector, Protocol):
    """Says which sign each hand shows that a model for hands has found. It is kept where detectors are; `detect` finds nothing."""

    def read_signs(self, frame: Frame, hands: Detections) -> ClassScores:
        """The scores (N, C) of each hand for each of `classes`.

        Args:
            frame: The picture.
            hands: Boxes in px of the frame, class 0 for left hands, with 21 points where it reads points; none gives no scores.

        Raises:
            ModelError: The model failed.
        """
        ...

    def close(self) -> None:
        """Free the model. Safe to call twice."""
        ...


class Tracker(Protocol):
    """Follows the objects of many cameras; one call a tick for all of them."""

    def describe(self, camera_id: str, classes: Sequence[str], min_score: float | None = None) -> None:
        """Tell what a camera's detector sees, before its first observation and when its detector changes.

        Args:
            camera_id: The camera.
            classes: Class names by class id.
            min_score: The score that an object must reach to count; None leaves it to the tracker.
        """
        ...

    def update(self, observations: Sequence[Observation]) -> list[Tracks]:
        """Tracks after these observations, one `Tracks` for each, in the same order.

        Args:
            observations: At most one a camera. A camera that is left out was not looked at: its tracks stay as they are.
        """
        ...

    def forget(self, camera_id: str) -> None:
        """Drop a camera's tracks; its ids are not used again."""
        ...


class Rule(Protocol):
    """One rule on one camera. Created afresh for each; keeps its own state."""

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended, given the camera's tracks at `tracks.time_s` (times never go back)."""
        ...

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End everything that is open, because the camera stops at `time_s`."""
        ...


@runtime_checkable
class ListeningRule(Rule, Protocol):
    """A rule that is made of other rules: it is asked after them, and told what they found."""

    @property
    def listens_to(self) -> frozenset[str]:
        """The ids of the rules of its camera that it is told of; the same at all times."""
        ...

    def hear(self, events: Sequence[Event]) -> None:
        """What those rules said at this look, before `update` or `finish` is asked: all beginnings and ends, and some updates."""
        ...


@runtime_checkable
class RecordingRule(Rule, Protocol):
    """A rule that also keeps count of what is no incident."""

    def take_records(self) -> Sequence[ItemRecord]:
        """What there is to record since the last call."""
        ...


class EventStore(Protocol):
    """Keeps events. Saving is idempotent by `event_id`."""

    def save(self, events: Sequence[Event]) -> None:
        """Write all of `events` in one transaction.

        Raises:
            StorageError: Nothing of it was written.
        """
        ...


class Sink(Protocol):
    """Passes alerts on to people or another system. Used by one thread at a time."""

    def deliver(self, alert: Alert) -> str:
        """Pass it on. It returns only when the receiver has it, for it is not tried again then.

        Returns:
            What the receiver answered, in a few words, for the log of deliveries.

        Raises:
            SinkUnreachable: Try again later.
            SinkRefused: The receiver does not want this one.
        """
        ...

    def close(self) -> None:
        """Give connections back. Safe to call twice."""
        ...
