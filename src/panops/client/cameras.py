"""Cameras of a running panops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panops.client.http import Http, part
from panops.client.values import Camera


class Cameras:
    """The cameras that the token may see."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def all(self) -> list[Camera]:
        """All of them, by id."""
        return [Camera.of(one) for one in self._http.get("/cameras").data["cameras"]]

    def get(self, camera_id: str) -> Camera:
        """One of them.

        Raises:
            NotThere: There is none, or not for this token.
        """
        return Camera.of(self._http.get(f"/cameras/{part(camera_id)}").data)

    def etag(self, camera_id: str) -> str:
        """The version of its settings, for `put` and `delete`."""
        return self._http.get(f"/cameras/{part(camera_id)}").etag

    def put(self, camera_id: str, settings: Mapping[str, Any], *, etag: str = "") -> Camera:
        """Add a camera or replace its settings, as the site file has them.

        Args:
            camera_id: Its id.
            settings: A masked or empty `source` keeps the stored one.
            etag: What it was changed from; empty replaces whatever is there.

        Raises:
            Stale: It was changed since.
            Invalid: A setting is wrong; all of them are named.
        """
        return Camera.of(self._http.ask("PUT", f"/cameras/{part(camera_id)}", dict(settings), _if_match(etag)).data)

    def delete(self, camera_id: str, *, etag: str = "") -> None:
        """Remove a camera; its events stay."""
        self._http.ask("DELETE", f"/cameras/{part(camera_id)}", None, _if_match(etag))

    def switch(self, camera_id: str, *, enabled: bool | None = None, detect: bool | None = None, alerts: bool | None = None) -> Camera:
        """Switch a camera, its analysis or its alerts on or off; what is None stays."""
        wanted = {"enabled": enabled, "detect": detect, "alerts": alerts}
        body = {name: on for name, on in wanted.items() if on is not None}
        return Camera.of(self._http.ask("PATCH", f"/cameras/{part(camera_id)}", body).data)


def _if_match(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}
