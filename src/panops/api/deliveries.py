"""Deliveries as people may see them: why somebody was not told can be the event of a camera that they may not see."""

from __future__ import annotations

from collections.abc import Sequence

from panops.api.schemas import DeliveryOut
from panops.api.services import Services
from panops.domain.alerts import Delivery, DeliveryState
from panops.pipeline.one_alarm import REVIEWED_BEFORE, TOLD_BEFORE
from panops.storage.scope import Scope
from panops.storage.sightings import Sightings


def deliveries_out(services: Services, scope: Scope, found: Sequence[Delivery]) -> list[DeliveryOut]:
    """Deliveries of events in the scope, in their order, without a reason that tells of events outside of it."""
    one_alarm = {one.event_id for one in found if one.state is DeliveryState.SKIPPED and one.answer in (TOLD_BEFORE, REVIEWED_BEFORE)}
    hidden = Sightings(services.database).hidden(scope, one_alarm) if one_alarm else frozenset()
    return [DeliveryOut.of(one, reason_hidden=one.event_id in hidden) for one in found]
