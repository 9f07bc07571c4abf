"""Makes events of cameras that see nothing, or not what they are there to see: told, kept and reviewed as those of rules are."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from panops.config.schema import CameraConfig
from panops.domain.clock import Clock
from panops.domain.drift import Drift
from panops.domain.events import CAMERA_DRIFT, CAMERA_HEALTH, Event, EventPhase, Incident, Severity
from panops.domain.tracks import Tracks
from panops.motion.view import ViewFinding
from panops.pipeline.live import CameraState
from panops.rules.engine import RuleEngine

BLIND, FROZEN, DRIFT = "camera_blind", "camera_frozen", "camera_drift"
# No pictures come, whatever the reason.
_NO_PICTURES = frozenset(
    {
        CameraState.STARTING,
        CameraState.UNREACHABLE,
        CameraState.UNAUTHORIZED,
        CameraState.UNSUPPORTED,
        CameraState.CORRUPT,
        CameraState.STALLED,
    }
)
# Pictures must have come again for so long.
_BACK_S = 5.0
# So late a missing picture may be noticed.
_NOTICED_S = 300.0
# An event that goes on is told so often: where a process dies, its events end when they were last heard of.
_HEARD_EVERY_S = 60.0

_Details = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class _Label:
    id: str = CAMERA_HEALTH
    severity: Severity = Severity.WARNING
    cooldown_s: float = 0.0
    silent: bool = False


class _Conditions:
    """What is wrong now, as a rule of the engine: it has no eyes of its own and says what it was given."""

    def __init__(self) -> None:
        self.incidents: list[Incident] = []

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What was given since the last time."""
        del tracks
        incidents, self.incidents = self.incidents, []
        return incidents

    def finish(self, time_s: float) -> Sequence[Incident]:
        """Nothing: the engine ends what is open."""
        del time_s
        return ()


class HealthEvents:
    """One camera's health as events. Any thread may call; calls follow one another.

    Args:
        camera_id: The camera.
        config: Its settings.
        epoch: Its fencing epoch; ids are `camera-epoch-h` and a number, so that they are never those of the camera's rules.
        clock: Time.
    """

    def __init__(self, camera_id: str, config: CameraConfig, epoch: int, clock: Clock) -> None:
        self._camera_id = camera_id
        self._config = config
        self._clock = clock
        self._conditions = _Conditions()
        self._drifted = _Conditions()
        rules = [(_Label(), self._conditions), (_Label(CAMERA_DRIFT), self._drifted)]
        self._engine = RuleEngine(camera_id, rules, epoch, mark="h")
        self._engine_s = 0.0
        self._open: dict[str, Incident] = {}
        self._heard_s: dict[str, float] = {}
        self._down_since_s: float | None = None
        self._up_since_s: float | None = None
        self._finished = False
        self._lock = threading.Lock()

    def update(self, state: CameraState, finding: ViewFinding | None, last_frame_s: float | None = None) -> list[Event]:
        """What began, goes on or ended, given the camera's state and what is wrong with its view; cheap when nothing did.

        Args:
            state: What the camera is doing.
            finding: What its view's watch has found, or None.
            last_frame_s: UTC time of its newest picture, or None before there is one.
        """
        with self._lock:
            if self._finished or not self._config.health.enabled:
                return []
            self._blind(state, last_frame_s)
            self._frozen(state)
            self._view(state, finding)
            return self._events() if self._conditions.incidents else []

    def drifted(self, drifts: Sequence[Drift]) -> list[Event]:
        """The one word that a camera is not what it was: it ends at once, for the days that show it are over."""
        with self._lock:
            if self._finished:
                return []
            now_s = self._clock.utc_s()
            details: dict[str, str | int | float | bool | None] = {f"psi_{one.quantity}": round(one.psi or 0.0, 2) for one in drifts}
            self._drifted.incidents.append(Incident("drift", EventPhase.END, DRIFT, "", "", (), 1.0, now_s, now_s, now_s, None, details))
            return self._events()

    def finish(self) -> list[Event]:
        """End what is open, because the camera stops here; a second call gives nothing more, and no event begins any more."""
        with self._lock:
            self._finished = True
            self._open.clear()
            self._engine_s = max(self._engine_s, self._clock.utc_s())
            return self._engine.finish(self._engine_s)

    # --- conditions, under the lock -------------------------------------------------------------------------------------------

    def _blind(self, state: CameraState, last_frame_s: float | None) -> None:
        now_s, after_s = self._clock.monotonic_s(), self._config.health.blind_s
        if state in _NO_PICTURES:
            self._up_since_s = None
            self._down_since_s = now_s if self._down_since_s is None else self._down_since_s
            down_s = now_s - self._down_since_s
            if after_s > 0 and down_s >= after_s:
                since_s = self._clock.utc_s() - down_s
                # It went blind with its last picture, not when that was noticed.
                if last_frame_s is not None and 0 <= since_s - last_frame_s < _NOTICED_S:
                    since_s = last_frame_s
                self._hold(BLIND, since_s, 1.0, {"state": state.value})
            return
        self._up_since_s = now_s if self._up_since_s is None else self._up_since_s
        if BLIND not in self._open or now_s - self._up_since_s >= _BACK_S:
            self._down_since_s = None
            self._end(BLIND)

    def _frozen(self, state: CameraState) -> None:
        if state is CameraState.FROZEN and self._config.health.frozen:
            self._hold(FROZEN, self._clock.utc_s() - self._config.frozen_s, 1.0, {"frozen_s": self._config.frozen_s})
        elif state is CameraState.LIVE:  # of a frozen camera that is silent now nobody knows
            self._end(FROZEN)

    def _view(self, state: CameraState, finding: ViewFinding | None) -> None:
        kind = "" if finding is None else f"camera_{finding.kind}"
        if state is CameraState.LIVE:  # of a view that is not looked at nobody knows
            for other in [name for name in self._open if name not in (kind, BLIND, FROZEN)]:
                self._end(other)
        if finding is not None:
            details: dict[str, str | int | float | bool | None] = {"share": round(finding.share, 2)}
            if finding.shift != (0.0, 0.0):
                details |= {"shift_right": round(finding.shift[0], 3), "shift_down": round(finding.shift[1], 3)}
            self._hold(kind, finding.since_s, finding.share, details)

    def _hold(self, kind: str, since_s: float, score: float, details: _Details) -> None:
        """A condition holds: it begins, or is heard of again from time to time, or at once when its words change."""
        now_s = self._clock.utc_s()
        known = self._open.get(kind)
        same = known is not None and known.details.get("state") == details.get("state")
        if same and 0 <= now_s - self._heard_s[kind] < _HEARD_EVERY_S:
            return
        if known is None:
            since_s = min(since_s, now_s)
            known = Incident(kind, EventPhase.BEGIN, kind, "", "", (), score, since_s, now_s)
        self._heard_s[kind] = now_s
        incident = replace(known, updated_at_s=now_s, score=max(score, known.score), details=details)
        self._open[kind] = incident
        self._conditions.incidents.append(incident)

    def _end(self, kind: str) -> None:
        known = self._open.pop(kind, None)
        if known is not None:
            now_s = max(self._clock.utc_s(), known.updated_at_s)
            self._conditions.incidents.append(replace(known, phase=EventPhase.END, updated_at_s=now_s, ended_at_s=now_s))

    def _events(self) -> list[Event]:
        self._engine_s = max(self._engine_s, self._clock.utc_s())
        return self._engine.update(Tracks.empty(self._camera_id, self._engine_s))
