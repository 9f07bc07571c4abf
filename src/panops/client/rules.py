"""Rules of a running panops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panops.client.http import Http, part


class Rules:
    """What counts as an event; rules are dictionaries, as the site file has them."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def all(self) -> list[dict[str, Any]]:
        """All rules that watch a camera which the token may see."""
        return list(self._http.get("/rules").data["rules"])

    def get(self, rule_id: str) -> tuple[dict[str, Any], str]:
        """A rule and its version, for `put` and `delete`.

        Raises:
            NotThere: There is none, or not for this token.
        """
        answer = self._http.get(f"/rules/{part(rule_id)}")
        return answer.data, answer.etag

    def put(self, rule: Mapping[str, Any], *, etag: str = "") -> tuple[dict[str, Any], str]:
        """Add or replace the rule with this `id`; empty `etag` replaces whatever is there.

        Raises:
            Stale: It was changed since.
            Invalid: A setting is wrong; all of them are named.
        """
        answer = self._http.ask("PUT", f"/rules/{part(str(rule['id']))}", dict(rule), {"If-Match": etag} if etag else {})
        return answer.data, answer.etag

    def delete(self, rule_id: str, *, etag: str = "") -> None:
        """Remove a rule; its events stay."""
        self._http.ask("DELETE", f"/rules/{part(rule_id)}", None, {"If-Match": etag} if etag else {})
