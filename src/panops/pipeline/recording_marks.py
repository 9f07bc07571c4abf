"""What happened at a camera lately: when somebody looked, when something moved or was tracked, and which events went on."""

from __future__ import annotations

import threading

from panops.domain.events import Event
from panops.domain.recordings import Span, joined

# Times are kept as whole seconds: looks come late and out of order, and nobody jumps to motion more exactly.
_ONE_S = 1
_JOIN_S = 2.0
_PRUNE_AT = 4096


class RecordingMarks:
    """One camera's marks. `note_look` and `note_event` are called by any thread, all else by the recording thread.

    Args:
        keep_s: How long before the newest look is remembered, s.
    """

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._looked: set[int] = set()
        self._moved: set[int] = set()
        self._events: dict[str, tuple[float, float | None]] = {}
        self._lock = threading.Lock()

    def note_look(self, at_s: float, *, moved: bool) -> None:
        """Somebody looked at a picture of `at_s`, capture time, UTC s."""
        second = int(at_s)
        with self._lock:
            self._looked.add(second)
            if moved:
                self._moved.add(second)
            if len(self._looked) > _PRUNE_AT:
                oldest = second - int(self._keep_s)
                self._looked = {one for one in self._looked if one >= oldest}
                self._moved = {one for one in self._moved if one >= oldest}

    def note_event(self, event: Event) -> None:
        """The newest word of an event; one that is taken for a false alarm counts no more."""
        incident = event.incident
        with self._lock:
            if event.is_suppressed:
                self._events.pop(event.event_id, None)
                return
            known = self._events.get(event.event_id)
            if known is not None and known[1] is not None and incident.ended_at_s is None:
                return  # its end was told, and only now its beginning is stored
            self._events[event.event_id] = (incident.started_at_s, incident.ended_at_s)
            if incident.ended_at_s is not None:
                self._forget_events(incident.ended_at_s - self._keep_s)

    def motion(self, start_s: float, end_s: float) -> tuple[Span, ...]:
        """When something moved in a span, in order, as whole seconds, cut to the span."""
        with self._lock:
            moved = [(float(one), float(one + _ONE_S)) for one in self._moved if start_s - _ONE_S < one < end_s]
        return tuple((max(first_s, start_s), min(last_s, end_s)) for first_s, last_s in joined(moved, _JOIN_S))

    def was_looked_at(self, start_s: float, end_s: float) -> bool:
        """Whether anybody looked at anything of a span."""
        with self._lock:
            return any(start_s - _ONE_S < one < end_s for one in self._looked)

    def has_event(self, start_s: float, end_s: float) -> bool:
        """Whether an event went on in a span; one that is open goes on."""
        with self._lock:
            return any(began_s < end_s and (ended_s is None or ended_s >= start_s) for began_s, ended_s in self._events.values())

    def _forget_events(self, before_s: float) -> None:
        old = [event_id for event_id, (_, ended_s) in self._events.items() if ended_s is not None and ended_s < before_s]
        for event_id in old:
            del self._events[event_id]
