"""A short message with the picture through Apprise, which knows a hundred services."""

from __future__ import annotations

import apprise

from panops.alerts.words import picture, text, title
from panops.config.alert_schema import AppriseConfig
from panops.domain.alerts import Alert, SiteFacts
from panops.domain.errors import SinkRefused, SinkUnreachable
from panops.domain.events import Severity

_TYPES = {Severity.INFO: apprise.NotifyType.INFO, Severity.WARNING: apprise.NotifyType.WARNING, Severity.ALARM: apprise.NotifyType.FAILURE}


class AppriseSink:
    """Some of Apprise's addresses, told together.

    Args:
        config: The sink's settings.
        site: For times in the text.

    Raises:
        SinkRefused: One of the addresses is none that Apprise knows.
    """

    def __init__(self, config: AppriseConfig, site: SiteFacts) -> None:
        self._timezone = site.timezone
        self._services = apprise.Apprise()
        for number, address in enumerate(config.urls, 1):
            if not self._services.add(address.get_secret_value()):
                raise SinkRefused(f"address {number} is none that Apprise knows; see its list of services")

    def deliver(self, alert: Alert) -> str:
        """Tell all services.

        Raises:
            SinkUnreachable: At least one of them did not take it. Apprise does not say why; its log may.
        """
        found = picture(alert)
        done = self._services.notify(
            body=text(alert, self._timezone),
            title=title(alert),
            notify_type=_TYPES[alert.event.severity],
            attach=None if found is None or not found.is_file() else str(found),
        )
        if not done:
            raise SinkUnreachable("a service did not take it")
        return "accepted"

    def close(self) -> None:
        """Nothing is kept open."""
