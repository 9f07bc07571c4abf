"""Whether an alert is for a sink, and when it is sent: waiting, reviews, quiet hours, pictures, grouping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from panops.alerts.outbox_store import OutboxStore
from panops.alerts.words import picture
from panops.config.schedule import Schedule
from panops.domain.alerts import Alert, Delivery, DeliveryState, Moment, Repetition
from panops.domain.events import Event

# Something that is waited for is looked for so often, s.
_LOOK_EVERY_S = 0.5
_NEW = "new"

Repeats = Callable[[Delivery, Event], Repetition | None]
"""Says whether a sink was told of an event's person already; None where it was not."""


def never_repeats(delivery: Delivery, event: Event) -> None:
    """Every event is told by itself."""
    del delivery, event


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a delivery: it is sent, unless one of the others is set.

    Attributes:
        later_s: Not before this, UTC s.
        skip: Never, for this reason.
    """

    later_s: float | None = None
    skip: str = ""

    @property
    def send(self) -> bool:
        """Whether it is sent now."""
        return self.later_s is None and not self.skip


class Timing:
    """One sink's.

    Args:
        config: The sink's settings.
        outbox: Where deliveries are.
        timezone: Of quiet hours; None is the machine's own.
        repeats: Whether a person was told of already.
    """

    def __init__(self, config: Any, outbox: OutboxStore, timezone: tzinfo | None, repeats: Repeats = never_repeats) -> None:
        self._config = config
        self._outbox = outbox
        self._repeats = repeats
        self._quiet = Schedule(config.quiet, timezone) if config.quiet else None

    def wants(self, alert: Alert) -> bool:
        """Whether the sink is told of such events at all."""
        config, event = self._config, alert.event
        return (
            alert.moment in config.moments
            and (not config.cameras or event.camera_id in config.cameras)
            and (not config.rules or event.rule_id in config.rules)
            and event.severity in config.severities
        )

    def still_wants(self, alert: Alert) -> bool:
        """As `wants`, and nobody has said yet what it was, where that matters."""
        return self.wants(alert) and not (self._config.unless_reviewed and alert.status != _NEW)

    def is_repeated(self, delivery: Delivery, alert: Alert) -> bool:
        """Whether the sink was told of the event's person already, or that is not clear yet."""
        return self._repeats(delivery, alert.event) is not None

    def decide(self, delivery: Delivery, alert: Alert, now_s: float) -> Decision:
        """What is to become of a delivery that is due, at `now_s`, UTC s."""
        # Asked first: whose alarm it is must be known by the time another one's is due, however long this one has to wait.
        is_first_word = alert.moment is Moment.BEGIN or Moment.BEGIN not in self._config.moments
        repetition = self._repeats(delivery, alert.event) if is_first_word else None
        if repetition is not None:
            return Decision(repetition.later_s, repetition.skip)
        decided = self._beginning(delivery, alert, now_s) if alert.moment is Moment.BEGIN else self._after_beginning(delivery, now_s)
        # Who keeps a state learns of an end at any hour: else it would say for ever that something goes on.
        kept = alert.moment is not Moment.BEGIN and getattr(self._config, "stays_connected", False)
        if decided.send and not kept and self._quiet is not None and self._quiet.active(now_s):
            decided = Decision(skip="quiet hours") if self._config.when_quiet == "drop" else Decision(self._quiet.end_s(now_s))
        if decided.send and alert.moment is Moment.BEGIN:
            later_s = self._picture_s(delivery, alert, now_s) or self._group_s(alert, now_s)
            decided = Decision(later_s)
        return decided

    def _beginning(self, delivery: Delivery, alert: Alert, now_s: float) -> Decision:
        due_s = delivery.created_at_s + self._config.after_s
        if now_s < due_s:
            return Decision(due_s)
        if self._config.unless_reviewed and alert.status != _NEW:
            return Decision(skip=f"reviewed before its time: {alert.status}")
        return Decision()

    def _after_beginning(self, delivery: Delivery, now_s: float) -> Decision:
        """The end of an event whose beginning was not told would puzzle people; one that is told late is waited for."""
        began = self._outbox.find(delivery.sink_id, delivery.event_id, Moment.BEGIN)
        if began is None or began.state in (DeliveryState.SENT, DeliveryState.DEAD):
            return Decision()
        if began.state is DeliveryState.SKIPPED:
            return Decision(skip="its beginning was not sent either")
        return Decision(max(began.due_at_s, now_s + _LOOK_EVERY_S))

    def _picture_s(self, delivery: Delivery, alert: Alert, now_s: float) -> float | None:
        patience_s = float(getattr(self._config, "picture_wait_s", 0.0))
        waited = now_s >= delivery.created_at_s + self._config.after_s + patience_s
        return None if waited or picture(alert) is not None else now_s + _LOOK_EVERY_S

    def _group_s(self, alert: Alert, now_s: float) -> float | None:
        if not self._config.group_s:
            return None
        event = alert.event
        last_s = self._outbox.last_sent_s(self._config.id, Moment.BEGIN, event.camera_id, event.rule_id)
        return last_s + self._config.group_s if last_s is not None and last_s <= now_s < last_s + self._config.group_s else None
