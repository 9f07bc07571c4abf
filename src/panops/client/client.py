"""The client: one connection, and the parts of the API behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from panops.client.alerts import Alerts
from panops.client.cameras import Cameras
from panops.client.events import Events
from panops.client.http import Http
from panops.client.models import Models
from panops.client.rules import Rules
from panops.client.site import Site
from panops.client.suggestions import Suggestions


class Client:
    """A running panops. One thread at a time may use it; streams and downloads have connections of their own.

    Args:
        url: Where it is, such as `http://127.0.0.1:8440`.
        token: A token of `POST /api/v1/tokens`.
        timeout_s: How long to wait for an answer, s. A stream is silent for 15 s at most.
        ca_file: Certificates to trust for https; the machine's own when None.

    Attributes:
        events: What happened.
        cameras: The cameras.
        rules: What counts as an event.
        site: The whole site as one document.
        models: The detectors and their versions.
        suggestions: What to change so that false alarms do not come.
        alerts: Who is told.

    Raises:
        Unreachable: The URL is none.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = 30.0, ca_file: Path | None = None) -> None:
        self._http = Http(url, token, timeout_s, ca_file)
        self.events = Events(self._http)
        self.cameras = Cameras(self._http)
        self.rules = Rules(self._http)
        self.site = Site(self._http)
        self.models = Models(self._http)
        self.suggestions = Suggestions(self._http)
        self.alerts = Alerts(self._http)

    def close(self) -> None:
        """Let the connection go. Safe to call twice."""
        self._http.close()

    def __enter__(self) -> Self:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the connection go."""
        self.close()
