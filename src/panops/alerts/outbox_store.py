"""What couriers need of the place where deliveries are kept; `storage.outbox.Outbox` has it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from panops.domain.alerts import Delivery, DeliveryState, Moment


class OutboxStore(Protocol):
    """What a courier needs of `storage.outbox.Outbox`."""

    def next_waiting(self, sink_id: str) -> Delivery | None:
        """The delivery that is due first."""
        ...

    def find(self, sink_id: str, event_id: str, moment: Moment) -> Delivery | None:
        """One delivery."""
        ...

    def waiting(self, sink_id: str, moment: Moment, camera_id: str, rule_id: str, limit: int) -> list[Delivery]:
        """What waits of one rule's events at one camera."""
        ...

    def last_sent_s(self, sink_id: str, moment: Moment, camera_id: str, rule_id: str) -> float | None:
        """When the sink was last told of one rule's events at one camera."""
        ...

    def postpone(self, delivery_id: int, due_at_s: float) -> None:
        """Not before `due_at_s`."""
        ...

    def tried(self, delivery_id: int, answer: str) -> int:
        """A try failed; how many there were."""
        ...

    def close(self, delivery_ids: Collection[int], state: DeliveryState, answer: str, now_s: float) -> None:
        """End deliveries."""
        ...

    def drop(self, delivery_id: int) -> None:
        """Forget one."""
        ...
