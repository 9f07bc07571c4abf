"""What a step of the chain is, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from panops.domain.verdicts import Finding
from panops.verify.case import Case
from panops.verify.empty_scene import EmptyScene


@dataclass(frozen=True, slots=True)
class Opinion:
    """A step's answer for now.

    Attributes:
        finding: What goes into the verdict if it is decided now.
        sure: More looks will not change it. Until all steps are sure, or time is up, the event is held back.
    """

    finding: Finding
    sure: bool


@dataclass(eq=False, slots=True)
class Surroundings:
    """What the steps of one camera share.

    Attributes:
        scene: The empty scene.
        classes: Class names by class id.
        hour_of: The hour of the day, 0..23, at a UTC time in s, in the site's time zone.
    """

    scene: EmptyScene
    classes: tuple[str, ...]
    hour_of: Callable[[float], int]


class Step(Protocol):
    """One step of one camera's chain. Used by one thread; keeps its own memory."""

    name: str

    def judge(self, case: Case) -> Opinion:
        """What speaks for or against an event. It must not keep the case's frames."""
        ...

    def decided(self, case: Case, suppressed_by: str) -> None:
        """What became of an event: an empty name where it was told."""
        ...

    def view_changed(self) -> None:
        """The camera looks elsewhere: nothing that was learnt of places holds any more."""
        ...


class QuietStep:
    """A step that learns nothing from what became of events, or of places."""

    def decided(self, case: Case, suppressed_by: str) -> None:
        """Nothing to learn."""

    def view_changed(self) -> None:
        """Nothing to forget."""
