"""What of a camera can be switched off while panops runs, by people and by other systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Switch(StrEnum):
    """One switch of a camera: whether it is read at all, whether its pictures are analysed, whether anybody is told of its events."""

    ENABLED = "enabled"
    DETECT = "detect"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """A switch that is off. One that is on has nothing to tell.

    Attributes:
        switch: Which.
        since_s: Since when, UTC s.
        by: Who did it: a user's or token's name, or `MQTT sink NAME`.
    """

    switch: Switch
    since_s: float
    by: str


States = Mapping[tuple[str, Switch], bool]
"""Whether a camera's switch is on, by camera id and switch."""


class SwitchPanel(Protocol):
    """The switches as one sink may see and ask for them. Any thread; nothing here blocks."""

    def states(self) -> States:
        """Those that have taken effect; one that was switched a moment ago is left out until it has."""
        ...

    def follow(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed`, on any thread, whenever `states` gives something new; what is returned ends that."""
        ...

    def ask(self, camera_id: str, switch: Switch, *, on: bool) -> None:
        """Have a camera switched soon. Of several wishes for one switch the last one counts."""
        ...

    def refuse(self, outcome: str, why: str) -> None:
        """Count a command that is not followed, and say why in the log, once a minute at most.

        Args:
            outcome: A stable word, such as `unknown_camera`.
            why: One sentence for the log.
        """
        ...
