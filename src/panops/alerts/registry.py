"""The sinks by their kind. A plug-in adds one by an entry point of the group `panops.sinks`."""

from __future__ import annotations

from panops.domain.registry import Entry, Registry

# What is loaded is called with the sink's config and the `SiteFacts`, and gives a `panops.domain.protocols.Sink`.
SINKS = Registry(
    "sink",
    "panops.sinks",
    {
        "webhook": Entry("panops.alerts.webhook:Webhook"),
        "email": Entry("panops.alerts.email:Email"),
        "mqtt": Entry("panops.alerts.mqtt:Mqtt"),
        "file": Entry("panops.alerts.file:LineFile"),
        "apprise": Entry("panops.alerts.apprise:AppriseSink", "pip install 'panops[apprise]'"),
    },
)
