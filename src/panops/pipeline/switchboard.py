"""The cameras' switches in the running site: what sinks ask for, what is off, and what has taken effect."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from panops.domain.clock import Clock
from panops.domain.errors import PanopsError, StorageError
from panops.domain.switches import States, Switch, SwitchedOff
from panops.storage.audit import AuditLog
from panops.storage.database import Database
from panops.storage.errors import NotFound, OffInSettings
from panops.storage.scope import Role, Scope
from panops.storage.switches import SwitchStore

log = logging.getLogger(__name__)

TAKEN = "taken"
_OUTCOMES: dict[type[PanopsError], str] = {NotFound: "unknown_camera", OffInSettings: "off_in_settings"}
_LOG_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Wish:
    sink_id: str
    cameras: frozenset[str] | None
    on: bool


@dataclass(slots=True)
class _Complaint:
    """What was refused of one sink since the log last said so."""

    told_s: float
    untold: int = 0


class Switchboard:
    """Stands between sinks that take commands and the supervisor that carries them out. Any thread, unless it says otherwise.

    A wish waits until `carry_out`; of several for one switch the last one counts, so that no flood of commands can pile up.

    Args:
        database: An open database.
        clock: Time.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._store = SwitchStore(database)
        self._audit = AuditLog(database)
        self._clock = clock
        self._lock = threading.Lock()
        self._off: dict[str, tuple[SwitchedOff, ...]] = {}
        self._states: dict[tuple[str, Switch], bool] = {}
        self._wishes: dict[tuple[str, Switch], _Wish] = {}
        self._followers: list[Callable[[], None]] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._complaints: dict[str, _Complaint] = {}
        self._ring: Callable[[], object] | None = None

    # --- for the supervisor -----------------------------------------------------------------------------------------------------

    def refresh(self) -> frozenset[str]:
        """Read what is off; the cameras of which that changed. Blocks on the database.

        Raises:
            StorageError: It cannot be read.
        """
        before, self._off = self._off, self._store.off(Scope.everything())
        return frozenset(name for name in {*before, *self._off} if before.get(name) != self._off.get(name))

    def off(self, camera_id: str) -> tuple[SwitchedOff, ...]:
        """What of a camera is off."""
        return self._off.get(camera_id, ())

    def is_on(self, camera_id: str, switch: Switch) -> bool:
        """Whether a switch of a camera is on."""
        return all(one.switch is not switch for one in self.off(camera_id))

    def settle(self, cameras: Mapping[str, bool], analysed: Mapping[str, bool]) -> None:
        """Say how the cameras run now; whoever follows is told where that is as it was wished for.

        Args:
            cameras: Whether the settings have a camera on, for each camera of the site.
            analysed: Whether a camera's pictures are analysed, for each camera that a process runs or has not yet let go.
        """
        states: dict[tuple[str, Switch], bool] = {}
        for camera_id, enabled in cameras.items():
            runs = enabled and self.is_on(camera_id, Switch.ENABLED)
            detects = self.is_on(camera_id, Switch.DETECT)
            states[camera_id, Switch.ALERTS] = self.is_on(camera_id, Switch.ALERTS)
            if runs == (camera_id in analysed):
                states[camera_id, Switch.ENABLED] = runs
                if not runs or analysed[camera_id] == detects:
                    states[camera_id, Switch.DETECT] = detects
        with self._lock:
            changed, self._states = states != self._states, states
            followers = tuple(self._followers)
        if changed:
            for told in followers:
                told()

    def on_asked(self, ring: Callable[[], object] | None) -> None:
        """Call `ring`, on any thread, when there is something to carry out; None ends that."""
        with self._lock:
            self._ring, waiting = ring, bool(self._wishes)
        if ring is not None and waiting:
            ring()

    def carry_out(self) -> bool:
        """Switch what was asked for; whether anything changed. Blocks on the database."""
        with self._lock:
            wishes, self._wishes = self._wishes, {}
        changed = [self._carry_out(camera_id, switch, wish) for (camera_id, switch), wish in wishes.items()]
        return any(changed)

    def _carry_out(self, camera_id: str, switch: Switch, wish: _Wish) -> bool:
        by, scope, now_s = f"MQTT sink {wish.sink_id}", Scope(Role.OPERATOR, wish.cameras), self._clock.utc_s()
        try:
            changed = self._store.switch(scope, camera_id, switch, on=wish.on, by=by, at_s=now_s)
        except PanopsError as error:
            self.refuse(wish.sink_id, _OUTCOMES.get(type(error), "failed"), str(error))
            return False
        self.count(wish.sink_id, TAKEN)
        if changed:
            log.info("camera %s: %s was switched %s by %s", camera_id, switch.value, "on" if wish.on else "off", by)
            try:
                self._audit.record(now_s, by, "camera.switch", camera_id, {"switch": switch.value, "on": wish.on})
            except StorageError as error:
                log.error("that it was switched is not in the audit log: %s", error)
        return changed

    # --- for sinks --------------------------------------------------------------------------------------------------------------

    def panel(self, sink_id: str, cameras: Collection[str]) -> SinkPanel:
        """The switches as one sink may see and ask for them: of `cameras` only, of all where that is empty."""
        return SinkPanel(self, sink_id, frozenset(cameras) or None)

    def states(self) -> States:
        """What has taken effect."""
        return self._states

    def follow(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See `SwitchPanel.follow`."""
        with self._lock:
            self._followers.append(changed)

        def end() -> None:
            with self._lock:
                if changed in self._followers:
                    self._followers.remove(changed)

        return end

    def ask(self, sink_id: str, cameras: frozenset[str] | None, camera_id: str, switch: Switch, *, on: bool) -> None:
        """Have a camera switched soon."""
        with self._lock:
            before = self._wishes.pop((camera_id, switch), None)
            self._wishes[camera_id, switch] = _Wish(sink_id, cameras, on)
            if before is not None:
                self._counts[before.sink_id, "superseded"] += 1
            ring = self._ring
        if ring is not None:
            ring()

    def count(self, sink_id: str, outcome: str) -> None:
        """Count a command."""
        with self._lock:
            self._counts[sink_id, outcome] += 1

    def refuse(self, sink_id: str, outcome: str, why: str) -> None:
        """Count a command that is not followed, and say why, once a minute at most."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._counts[sink_id, outcome] += 1
            complaint = self._complaints.setdefault(sink_id, _Complaint(now_s - _LOG_EVERY_S))
            if now_s - complaint.told_s < _LOG_EVERY_S:
                complaint.untold += 1
                return
            untold, complaint.untold, complaint.told_s = complaint.untold, 0, now_s
        more = f" ({untold} more were refused since the last such line)" if untold else ""
        log.warning("sink %s: a command is not followed: %s%s", sink_id, why, more)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many commands came to what since the start, by sink and outcome."""
        with self._lock:
            return dict(self._counts)


class SinkPanel:
    """Implements `domain.switches.SwitchPanel` for one sink."""

    def __init__(self, board: Switchboard, sink_id: str, cameras: frozenset[str] | None) -> None:
        self._board = board
        self._sink_id = sink_id
        self._cameras = cameras

    def states(self) -> States:
        """What has taken effect, of the sink's cameras."""
        states = self._board.states()
        return states if self._cameras is None else {key: on for key, on in states.items() if key[0] in self._cameras}

    def follow(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Be told of changes."""
        return self._board.follow(changed)

    def ask(self, camera_id: str, switch: Switch, *, on: bool) -> None:
        """Have a camera switched soon."""
        self._board.ask(self._sink_id, self._cameras, camera_id, switch, on=on)

    def refuse(self, outcome: str, why: str) -> None:
        """Count a command that is not followed."""
        self._board.refuse(self._sink_id, outcome, why)
