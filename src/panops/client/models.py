"""Models of a running panops: their versions, and which one is used."""

from __future__ import annotations

from typing import Any

from panops.client.http import Http, part


class Models:
    """Detectors; what comes back is the API's JSON."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def all(self) -> list[dict[str, Any]]:
        """Models that are installed or can be had."""
        return list(self._http.get("/models").data["models"])

    def get(self, name: str) -> dict[str, Any]:
        """One model: versions, history, comparisons.

        Raises:
            NotThere: It is not installed.
        """
        return dict(self._http.get(f"/models/{part(name)}").data)

    def card(self, name: str, version: str) -> dict[str, Any]:
        """A version's card and figures."""
        return dict(self._http.get(f"/models/{part(name)}/versions/{part(version)}").data)

    def shadow(self, name: str, version: str | None, *, every: int = 10, why: str = "") -> dict[str, Any]:
        """Let a version look on beside the one in use; None ends that.

        Raises:
            Conflict: It cannot run there, or is in use.
        """
        return dict(self._http.ask("POST", f"/models/{part(name)}/shadow", {"version": version, "every": every, "why": why}).data)

    def promote(self, name: str, version: str | None = None, *, force: bool = False, why: str = "") -> dict[str, Any]:
        """Put a version into use; None: its shadow, or the only other one.

        Raises:
            Conflict: It cannot run there, or is in use.
        """
        return dict(self._http.ask("POST", f"/models/{part(name)}/promote", {"version": version, "force": force, "why": why}).data)

    def roll_back(self, name: str, *, force: bool = False, why: str = "") -> dict[str, Any]:
        """Put the version before back into use.

        Raises:
            Conflict: There is none, or it cannot run there.
        """
        return dict(self._http.ask("POST", f"/models/{part(name)}/rollback", {"force": force, "why": why}).data)
