"""The stored site for reading, and its cameras joined with what the running site says of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from panops.api.sources import masked
from panops.config.schema import SiteConfig
from panops.domain.switches import Switch
from panops.pipeline.live import CameraState, CameraStatus
from panops.storage.site import SiteRepository


class SiteView:
    """The site as the database has it, read again only when its revision has changed. Threads may share it."""

    def __init__(self, sites: SiteRepository) -> None:
        self._sites = sites
        self._lock = threading.Lock()
        self._revision: int | None = None
        self._site = SiteConfig()

    def current(self) -> SiteConfig:
        """The site now; blocks on the database.

        Raises:
            StorageError: It cannot be read.
        """
        with self._lock:
            revision = self._sites.revision()
            if revision != self._revision:
                self._site = self._sites.load()
                self._revision = revision
            return self._site

    @staticmethod
    def camera_name(site: SiteConfig, camera_id: str) -> str:
        """A camera's name; its id where it has none or is gone."""
        camera = site.cameras.get(camera_id)
        return camera.name if camera is not None and camera.name else camera_id


def status_of(site: SiteConfig, camera_id: str, status: CameraStatus | None) -> CameraStatus:
    """A camera's status: what the running site says, `disabled` when it is switched off, `starting` when it does not run yet."""
    camera = site.cameras[camera_id]
    off = status.off if status is not None else ()
    if not camera.enabled:
        status = CameraStatus(camera_id, CameraState.DISABLED, detects=False, off=off)
    elif status is None or (status.state is CameraState.DISABLED and all(one.switch is not Switch.ENABLED for one in off)):
        # Stored as enabled a moment ago; the running site has not caught up.
        status = CameraStatus(camera_id, CameraState.STARTING, off=off)
    return replace(status, address=masked(status.address or camera.source.get_secret_value()))


def by_camera(statuses: Iterable[CameraStatus]) -> dict[str, CameraStatus]:
    """Statuses by camera id."""
    return {status.camera_id: status for status in statuses}
