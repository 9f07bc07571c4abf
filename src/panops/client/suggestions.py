"""What a running panops suggests to change, so that false alarms do not come."""

from __future__ import annotations

from typing import Any

from panops.client.http import Http, part


class Suggestions:
    """Suggestions; what comes back is the API's JSON."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def all(self) -> list[dict[str, Any]]:
        """Those that take most false alarms away first."""
        return list(self._http.get("/suggestions").data["suggestions"])

    def applied(self) -> list[dict[str, Any]]:
        """What was applied lately, newest first."""
        return list(self._http.get("/suggestions").data["applied"])

    def apply(self, suggestion_id: str) -> dict[str, Any]:
        """Change the setting.

        Raises:
            Conflict: It does not stand any more.
        """
        return dict(self._http.ask("POST", f"/suggestions/{part(suggestion_id)}/apply").data)

    def take_back(self, suggestion_id: str) -> dict[str, Any]:
        """Change it back.

        Raises:
            Conflict: It was changed since.
        """
        return dict(self._http.ask("POST", f"/suggestions/{part(suggestion_id)}/take-back").data)
