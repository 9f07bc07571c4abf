"""Other rules of the camera find something together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from panops.config.rule_schema import CombinedConfig
from panops.domain.events import Event, EventPhase, Incident
from panops.domain.tracks import Tracks
from panops.rules.open_incident import OpenIncident
from panops.rules.scene import Scene
from panops.rules.track_table import EPSILON_S

# Of each part so many events that are over are remembered, the newest ones.
MOST_SPANS = 32


@dataclass(slots=True, eq=False)
class _Span:
    """One event of a part: from when to when, as far as it is known.

    Attributes:
        incident: What it said last.
        served: Whether it took part in an incident already.
    """

    incident: Incident
    served: bool = False

    @property
    def start_s(self) -> float:
        return self.incident.started_at_s

    @property
    def end_s(self) -> float:
        return float("inf") if self.incident.ended_at_s is None else self.incident.ended_at_s


class Combined:
    """One incident while other rules find something together.

    - `all`: each part has an event, and no two of these lie further apart than `within_s`. It counts from when the last of them began,
      and goes on while all of them do.
    - `sequence`: each part has an event that begins no earlier than that of the part before, and at most `within_s` after that ended. It
      counts from when the last one began, and goes on while that does.
    - `any`: it counts from the first event of a part, and goes on while any does.

    It ends when the condition has been over for `end_after_s`; what is found again by then belongs to the same incident. An event that is
    over serves one incident only; one that goes on may serve the next one, too, together with a new one.

    Args:
        config: The rule's settings.
        scene: The camera.
    """

    def __init__(self, config: CombinedConfig, scene: Scene) -> None:
        """Nothing was heard yet."""
        self._config = config
        self._scene = scene
        self._listens_to = frozenset(config.of)
        self._spans: dict[str, dict[str, _Span]] = {rule_id: {} for rule_id in config.of}
        self._is_news = False
        self._open: OpenIncident | None = None
        self._chain: list[_Span] = []
        # The condition held at least so long, whatever the present chain says.
        self._until_s = 0.0
        self._looked_s = float("-inf")

    @property
    def listens_to(self) -> frozenset[str]:
        """Its parts."""
        return self._listens_to

    def hear(self, events: Sequence[Event]) -> None:
        """Remember what the parts said."""
        for event in events:
            spans = self._spans[event.rule_id]
            known = spans.get(event.event_id)
            if known is None:
                spans[event.event_id] = _Span(event.incident)
                self._is_news = True
            else:
                known.incident = event.incident

    def update(self, tracks: Tracks) -> Sequence[Incident]:
        """What began, went on or ended."""
        self._looked_s = tracks.time_s
        return self._settle(tracks.time_s) if self._is_news or self._open is not None else ()

    def finish(self, time_s: float) -> Sequence[Incident]:
        """End what is open, after what the parts said at their own end; afterwards the rule is as new."""
        messages = [*self._settle(time_s), *self._ended(time_s)]
        for spans in self._spans.values():
            spans.clear()
        return messages

    def _settle(self, time_s: float) -> list[Incident]:
        self._forget(time_s)
        found = self._found() if self._is_news else []
        messages: list[Incident] = []
        if found and self._open is not None and self._began_s(found) - self._end_s() > max(self._config.end_after_s, EPSILON_S):
            messages += self._ended(time_s)
            found = self._found()
        self._is_news = False
        phase = EventPhase.UPDATE if self._open is not None else EventPhase.BEGIN
        if found:
            self._serve(found)
        if self._open is None:
            return messages
        end_s = self._end_s()
        self._open.last_s = max(self._until_s, min(end_s, self._looked_s))
        for span in found:
            self._open.take(span.incident)
        if found or end_s > time_s:
            messages.append(self._open.message(phase, time_s))
        if end_s <= time_s and time_s - self._open.last_s >= self._config.end_after_s - EPSILON_S:
            messages += self._ended(time_s)
        return messages

    def _serve(self, found: list[_Span]) -> None:
        """These events fulfil the condition: they begin the incident, or prolong it."""
        began_s = self._began_s(found)
        for span in found:
            span.served = True
        self._chain = found
        if self._open is not None:
            self._until_s = max(self._until_s, self._open.last_s)
            return
        zones = {span.incident.zone for span in found}
        self._open = OpenIncident(self._scene, "combined", "combined", zones.pop() if len(zones) == 1 else "", began_s)
        self._open.details.update(how=self._config.how, rules=", ".join(self._config.of))
        if self._config.how != "any":
            self._open.details["took_s"] = round(began_s - min(span.start_s for span in found), 1)
        self._until_s = began_s

    def _began_s(self, found: list[_Span]) -> float:
        """When these events began to fulfil the condition, s."""
        starts_s = [span.start_s for span in found if not span.served or self._config.how != "any"]
        return min(starts_s) if self._config.how == "any" else max(starts_s)

    def _end_s(self) -> float:
        """When the condition ceased to hold, s; infinite while it holds."""
        ends_s = [span.end_s for span in self._chain]
        if self._config.how == "any":
            return max(ends_s)
        return ends_s[-1] if self._config.how == "sequence" else min(ends_s)

    def _ended(self, time_s: float) -> tuple[Incident, ...]:
        if self._open is None:
            return ()
        message, self._open = self._open.message(EventPhase.END, time_s), None
        self._chain = []
        for spans in self._spans.values():
            for event_id in [event_id for event_id, span in spans.items() if span.served and span.incident.ended_at_s is not None]:
                del spans[event_id]
        return (message,)

    def _forget(self, time_s: float) -> None:
        """Drop what is over for too long to serve any more, and all but the newest."""
        oldest_s = time_s - self._config.within_s - EPSILON_S
        for spans in self._spans.values():
            over = [event_id for event_id, span in spans.items() if span.incident.ended_at_s is not None]
            for index, event_id in enumerate(over):
                if index < len(over) - MOST_SPANS or (spans[event_id].served and spans[event_id].end_s < oldest_s):
                    del spans[event_id]

    def _found(self) -> list[_Span]:
        """The events that fulfil the condition, at least one of them new: one of each part, or with `any` all; empty where none do."""
        parts = [list(spans.values()) for spans in self._spans.values()]
        if self._config.how == "any":
            every = [span for spans in parts for span in spans if not span.served or span.incident.ended_at_s is None]
            chains: Iterator[list[_Span]] = iter([every])
        else:
            chains = self._chains(parts) if self._config.how == "sequence" else self._together(parts)
        return next((chain for chain in chains if not all(span.served for span in chain)), [])

    def _together(self, parts: list[list[_Span]]) -> Iterator[list[_Span]]:
        """One event of each part, near one another: each reaches, with `within_s`, the moment at which one of them begins."""
        for moment_s in sorted({span.start_s for spans in parts for span in spans}, reverse=True):
            chain = [next((span for span in reversed(spans) if self._reaches(span, moment_s)), None) for spans in parts]
            if all(chain):
                yield [span for span in chain if span is not None]

    def _chains(self, parts: list[list[_Span]]) -> Iterator[list[_Span]]:
        """One event of each part, each after the one before and near it; those with the newest last event first."""
        chains = [[span] for span in parts[0]]
        for spans in parts[1:]:
            # Of all that lead to an event the one that ended last serves.
            leading = [(span, [chain for chain in chains if self._reaches(chain[-1], span.start_s)]) for span in spans]
            chains = [[*max(before, key=lambda chain: chain[-1].end_s), span] for span, before in leading if before]
        yield from sorted(chains, key=lambda chain: -chain[-1].start_s)

    def _reaches(self, span: _Span, moment_s: float) -> bool:
        return span.start_s <= moment_s + EPSILON_S and moment_s <= span.end_s + self._config.within_s + EPSILON_S
