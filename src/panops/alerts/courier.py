"""Takes one sink's deliveries from the outbox, one after the other, and decides when each is sent."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from panops.alerts.outbox_store import OutboxStore
from panops.alerts.timing import Repeats, Timing, never_repeats
from panops.domain.alerts import Alert, Delivery, DeliveryState, Moment
from panops.domain.clock import Clock
from panops.domain.errors import PanopsError, SinkError, SinkRefused
from panops.domain.protocols import Sink

log = logging.getLogger(__name__)

# The outbox is looked at so often though nobody said that there is something new.
_LOOK_EVERY_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 300.0
# What is refused so often is given up, so that one odd event does not hold up all others.
_MOST_REFUSALS = 5
_MOST_GROUPED = 100


@dataclass(frozen=True, slots=True)
class CourierStatus:
    """How a sink does.

    Attributes:
        problem: Why alerts wait, in one sentence; empty when all is well.
        since_s: Since when, UTC s; None when all is well.
        sent: Deliveries that were sent since the start.
        last_sent_s: When the last one was, UTC s, or None.
    """

    problem: str = ""
    since_s: float | None = None
    sent: int = 0
    last_sent_s: float | None = None


class Courier:
    """One sink's courier. `step` and `run` are for one thread; everything else may be called by any.

    Deliveries go out in the order in which they are due, one at a time, and a receiver that cannot be reached holds up all that is
    behind: so what arrives is in order, and at least once. What a receiver refuses is tried five times and then given up.

    Args:
        config: The sink's settings.
        make_sink: Opens it; called again while it raises `SinkError`.
        outbox: Where deliveries are.
        make_alert: The alert of an event and a moment, or None when the event is gone.
        clock: Time.
        timezone: Of quiet hours; None is the machine's own.
        repeats: Whether the sink was told of an event's person already.
    """

    def __init__(
        self,
        config: Any,
        make_sink: Callable[[], Sink],
        outbox: OutboxStore,
        make_alert: Callable[[Delivery], Alert | None],
        clock: Clock,
        timezone: tzinfo | None,
        repeats: Repeats = never_repeats,
    ) -> None:
        self._config = config
        self._make_sink = make_sink
        self._outbox = outbox
        self._make_alert = make_alert
        self._clock = clock
        self._timing = Timing(config, outbox, timezone, repeats)
        self._sink: Sink | None = None
        self._pause_s = 0.0
        self._retry_at_s = -math.inf
        self._unrecorded: list[tuple[list[int], str, float]] = []
        self._wake = threading.Event()
        self._stop = threading.Event()
        self.status = CourierStatus()

    @property
    def sink_id(self) -> str:
        """The sink's id."""
        return str(self._config.id)

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    def stop(self) -> None:
        """End `run` after the delivery that is under way."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Deliver until `stop`."""
        while not self._stop.is_set():
            self._wake.clear()
            try:
                if getattr(self._config, "stays_connected", False):
                    self._stay_connected()
                pause_s = self.step()
            except PanopsError as error:  # the database, for a moment
                log.warning("sink %s: %s", self.sink_id, error)
                pause_s = _LOOK_EVERY_S
            except Exception:  # nobody else would notice that this sink is told nothing any more
                log.exception("sink %s: a delivery failed in a way that nobody foresaw", self.sink_id)
                pause_s = _LOOK_EVERY_S
            if pause_s > 0:
                # Not woken before a pause after a failure is over: what is new waits behind what failed.
                (self._stop if self._retry_at_s > self._clock.utc_s() else self._wake).wait(pause_s)
        if self._sink is not None:
            self._sink.close()

    def test(self, alert: Alert) -> str:
        """Deliver a test at once, past everything that waits. For a courier of its own, not one that runs.

        Raises:
            SinkError: It was not delivered.
        """
        try:
            sink = self._make_sink()
            try:
                return sink.deliver(alert)
            finally:
                sink.close()
        except SinkError:
            raise
        except Exception as error:
            log.exception("sink %s failed in a way that nobody foresaw", self.sink_id)
            raise SinkRefused(f"{type(error).__name__} in the sink; see the log") from error

    def step(self) -> float:
        """Do what is due next; after how many seconds to come again."""
        self._record()
        now_s = self._clock.utc_s()
        if now_s < self._retry_at_s <= now_s + _LONGEST_PAUSE_S:  # further ahead only after the clock was set back
            return self._retry_at_s - now_s
        delivery = self._outbox.next_waiting(self.sink_id)
        if delivery is None:
            return _LOOK_EVERY_S
        if delivery.due_at_s > now_s:
            return min(delivery.due_at_s - now_s, _LOOK_EVERY_S)
        alert = self._make_alert(delivery)
        if alert is None or not self._timing.wants(alert):
            self._outbox.drop(delivery.delivery_id)
        elif delivery.attempts and now_s - delivery.due_at_s > self._config.give_up_after_s:
            self._give_up(delivery, f"not delivered within {self._config.give_up_after_s:g} s; the last answer: {delivery.answer}")
        else:
            self._decide(delivery, alert, now_s)
        return max(0.0, self._retry_at_s - self._clock.utc_s())

    def _decide(self, delivery: Delivery, alert: Alert, now_s: float) -> None:
        decision = self._timing.decide(delivery, alert, now_s)
        if decision.skip:
            self._outbox.close([delivery.delivery_id], DeliveryState.SKIPPED, decision.skip, now_s)
        elif decision.later_s is not None:
            self._outbox.postpone(delivery.delivery_id, decision.later_s)
        else:
            self._send(delivery, alert, now_s)

    def _give_up(self, delivery: Delivery, why: str) -> None:
        log.error(
            "sink %s: the %s of event %s is given up: %s",
            self.sink_id,
            delivery.moment.value,
            delivery.event_id,
            why,
            extra={"event_id": delivery.event_id},
        )
        self._outbox.close([delivery.delivery_id], DeliveryState.DEAD, why, self._clock.utc_s())

    def _send(self, delivery: Delivery, alert: Alert, now_s: float) -> None:
        together = self._with_others(delivery, alert)
        if together:
            alert = replace(alert, others=tuple(other.event for _, other in together))
        try:
            if self._sink is None:
                self._sink = self._make_sink()
            answer = self._sink.deliver(alert)
        except Exception as error:  # a sink's fault, a plug-in's too, must not end the courier
            if not isinstance(error, SinkError):
                log.exception("sink %s failed in a way that nobody foresaw", self.sink_id)
            self._failed(delivery, error, now_s)
            return
        sent_s = self._clock.utc_s()
        self._unrecorded.append(([delivery.delivery_id], answer, sent_s))
        if together:
            numbers = [other.delivery_id for other, _ in together]
            self._unrecorded.append((numbers, f"together with delivery {delivery.delivery_id}: {answer}", sent_s))
        self._record()
        if self.status.problem:
            log.warning("sink %s works again", self.sink_id)
        self._pause_s, self._retry_at_s = 0.0, -math.inf
        self.status = CourierStatus(sent=self.status.sent + 1 + len(together), last_sent_s=sent_s)

    def _record(self) -> None:
        """Note what was sent. A disk that is full must not make the courier send it again: nothing else is done before it is noted."""
        while self._unrecorded:
            numbers, answer, sent_s = self._unrecorded[0]
            self._outbox.close(numbers, DeliveryState.SENT, answer, sent_s)
            del self._unrecorded[0]

    def _stay_connected(self) -> None:
        """Open the sink before there is anything to tell, so that the page knows of a broken connection before an alarm waits for it."""
        problem = ""
        try:
            if self._sink is None:
                self._sink = self._make_sink()
            problem = str(getattr(self._sink, "problem", ""))
        except Exception as error:  # what waits is counted and given up as ever
            problem = str(error) if isinstance(error, SinkError) else f"{type(error).__name__} in the sink; see the log"
        if problem:
            self._tell(problem, self._clock.utc_s())
        elif self.status.problem and self._outbox.next_waiting(self.sink_id) is None:
            self.status = replace(self.status, problem="", since_s=None)

    def _with_others(self, delivery: Delivery, alert: Alert) -> list[tuple[Delivery, Alert]]:
        """What else waits of the same camera and rule, where the sink collects."""
        if not self._config.group_s or alert.moment is not Moment.BEGIN:
            return []
        event = alert.event
        found = self._outbox.waiting(self.sink_id, Moment.BEGIN, event.camera_id, event.rule_id, _MOST_GROUPED)
        others = [(other, self._make_alert(other)) for other in found if other.delivery_id != delivery.delivery_id]
        now_s = self._clock.utc_s()
        return [
            (other, its)
            for other, its in others
            if its is not None
            and self._timing.still_wants(its)
            and now_s >= other.created_at_s + self._config.after_s
            and not self._timing.is_repeated(other, its)
        ]

    def _failed(self, delivery: Delivery, error: Exception, now_s: float) -> None:
        said = str(error) if isinstance(error, SinkError) else f"{type(error).__name__} in the sink; see the log"
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._retry_at_s = self._clock.utc_s() + self._pause_s
        self._tell(said, now_s)
        attempts = self._outbox.tried(delivery.delivery_id, said)
        later = isinstance(error, SinkError) and not isinstance(error, SinkRefused)
        if not later and attempts >= _MOST_REFUSALS:
            self._give_up(delivery, said)
            self._pause_s, self._retry_at_s = 0.0, -math.inf

    def _tell(self, problem: object, now_s: float) -> None:
        if not self.status.problem:
            log.warning("sink %s: %s", self.sink_id, problem)
        since_s = now_s if self.status.since_s is None else self.status.since_s
        self.status = CourierStatus(str(problem), since_s, self.status.sent, self.status.last_sent_s)
