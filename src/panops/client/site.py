"""The site of a running panops as one document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panops.client.http import Http
from panops.client.values import AppliedSite


class Site:
    """The site as a whole."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def info(self) -> dict[str, Any]:
        """Version, model, notices, time zone; figures for operators."""
        return dict(self._http.get("/site").data)

    def dump(self) -> tuple[dict[str, Any], str]:
        """The site as a site file's values, secrets as `***`, and its version for `apply`."""
        answer = self._http.get("/site/config")
        return answer.data, answer.etag

    def apply(self, values: Mapping[str, Any], *, etag: str = "*", overwrite: bool = False) -> AppliedSite:
        """Make the site what a site file says, as `panops apply` does.

        Args:
            values: As `dump` gives them; masks keep the secrets that are stored.
            etag: The version that was read; `*` applies to whatever is there.
            overwrite: Also replace what was edited on the page while the file stayed the same.

        Raises:
            Stale: It was changed since.
            Invalid: A setting is wrong; all of them are named.
        """
        query = "?overwrite=true" if overwrite else ""
        return AppliedSite.of(self._http.ask("PUT", f"/site/config{query}", dict(values), {"If-Match": etag}).data)
