"""Who is told of events by a running panops, and how that goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from panops.client.http import Http, part

PAGE = 200


class Alerts:
    """Sinks and deliveries; what comes back is the API's JSON."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def all(self) -> list[dict[str, Any]]:
        """Everybody who is told of events."""
        return list(self._http.get("/alerts").data["sinks"])

    def deliveries(self, sink_id: str | None = None) -> Iterator[dict[str, Any]]:
        """What was delivered, newest first, page after page."""
        before = None
        while True:
            page = self._http.get("/alerts/deliveries", {"sink": sink_id, "before": before, "limit": PAGE}).data
            yield from page["deliveries"]
            before = page["next_before"]
            if before is None:
                return

    def send_again(self, delivery_id: int) -> dict[str, Any]:
        """Try once more what was given up."""
        return dict(self._http.ask("POST", f"/alerts/deliveries/{delivery_id}/send-again").data)

    def test(self, sink_id: str) -> tuple[bool, str]:
        """Deliver a test at once: whether it was delivered, and what the receiver said."""
        done = self._http.ask("POST", f"/alerts/{part(sink_id)}/test").data
        return bool(done["delivered"]), str(done["answer"])
