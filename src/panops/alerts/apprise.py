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
        self._services: list[apprise.Apprise] = []
        # Who has the alert that is under way: it is tried again for the others only.
        self._told: tuple[int, set[int]] = (0, set())
        for number, address in enumerate(config.urls, 1):
            service = apprise.Apprise()
            if not service.add(address.get_secret_value()):
                raise SinkRefused(f"address {number} is none that Apprise knows; see its list of services")
            self._services.append(service)

    def deliver(self, alert: Alert) -> str:
        """Tell all services.

        Raises:
            SinkUnreachable: None of them took it. Apprise does not say why; its log may.
            SinkRefused: Some of them did not.
        """
        found = picture(alert)
        told = self._told[1] if self._told[0] == alert.delivery_id and not alert.is_test else set()
        self._told = (alert.delivery_id, told)
        for number, service in enumerate(self._services):
            if number not in told and service.notify(
                body=text(alert, self._timezone),
                title=title(alert),
                notify_type=_TYPES[alert.event.severity],
                attach=None if found is None or not found.is_file() else str(found),
            ):
                told.add(number)
        missing = len(self._services) - len(told)
        if missing and not told:
            raise SinkUnreachable("a service did not take it" if missing == 1 else "no service took it")
        if missing:
            raise SinkRefused(f"{missing} of {len(self._services)} services did not take it; the others have it")
        return "accepted"

    def close(self) -> None:
        """Nothing is kept open."""
