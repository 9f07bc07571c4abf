"""Alerts: who is told of events, how that goes, and a test."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from panops.api.deliveries import deliveries_out
from panops.api.pages import link_next
from panops.api.problems import not_found
from panops.api.schemas import DeliveryOut, Out
from panops.api.security import Admin, Operator
from panops.api.services import Needed
from panops.config.fields import NAME_PATTERN
from panops.domain.errors import SinkError
from panops.pipeline.live import SinkStatus

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

SinkId = Annotated[str, Path(pattern=NAME_PATTERN)]
# What a database's integer holds.
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class SinkOut(Out):
    """Somebody who is told of events; addresses and secrets are left out."""

    id: str
    kind: str
    enabled: bool
    problem: str
    problem_since_s: float | None
    last_sent_s: float | None
    waiting: int
    sent: int
    dead: int

    @classmethod
    def of(cls, status: SinkStatus) -> SinkOut:
        """From the running site."""
        return cls(
            id=status.sink_id, kind=status.kind, enabled=status.enabled, problem=status.problem, problem_since_s=status.problem_since_s,
            last_sent_s=status.last_sent_s, waiting=status.waiting, sent=status.sent, dead=status.dead,
        )  # fmt: skip


class SinksOut(Out):
    """All of them, in the site's order."""

    sinks: list[SinkOut]


class DeliveriesOut(Out):
    """The newest first; `next_before` begins the next page, None where there is none."""

    deliveries: list[DeliveryOut]
    next_before: int | None


class TestOut(Out):
    """What a test came to: `answer` is what the receiver said, or why it was not delivered."""

    delivered: bool
    answer: str


@router.get("")
def sinks(caller: Operator, services: Needed) -> SinksOut:
    """Everybody who is told of events, and how that goes."""
    del caller
    return SinksOut(sinks=[SinkOut.of(status) for status in services.live.alerts.statuses()])


@router.get("/deliveries")
def deliveries(
    request: Request,
    response: Response,
    caller: Operator,
    services: Needed,
    sink: Annotated[str | None, Query(max_length=63, description="only of this sink")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeliveriesOut:
    """What was delivered, of events that the caller may see."""
    found = services.outbox.log(caller.scope, sink_id=sink, before_id=before, limit=limit)
    next_before = found[-1].delivery_id if len(found) == limit else None
    link_next(request, response, "before", next_before)
    return DeliveriesOut(deliveries=deliveries_out(services, caller.scope, found), next_before=next_before)


@router.post("/deliveries/{delivery_id}/send-again")
async def send_again(delivery_id: DeliveryId, caller: Operator, services: Needed) -> DeliveryOut:
    """Try a delivery once more that was given up."""
    again = await run_in_threadpool(services.outbox.send_again, caller.scope, delivery_id, services.clock.utc_s())
    await services.note(caller, "delivery.send_again", str(delivery_id), {"sink": again.sink_id, "event": again.event_id})
    services.live.alerts.wake()
    return DeliveryOut.of(again)


@router.post("/{sink_id}/test")
async def test(sink_id: SinkId, caller: Admin, services: Needed) -> TestOut:
    """Deliver a test at once, past all that waits."""
    try:
        answer, delivered = await run_in_threadpool(services.live.alerts.test, sink_id), True
    except KeyError:
        raise not_found("sink") from None
    except SinkError as error:
        answer, delivered = str(error), False
    await services.note(caller, "sink.test", sink_id, {"delivered": delivered, "answer": answer})
    return TestOut(delivered=delivered, answer=answer)
