"""The rules by their kind. A plug-in adds one by an entry point of the group `panops.rules`."""

from __future__ import annotations

from panops.domain.registry import Entry, Registry

# What is loaded is called with the rule's config and the camera's `Scene`, and gives a `panops.domain.protocols.Rule`.
RULES = Registry(
    "rule",
    "panops.rules",
    {
        "compliance": Entry("panops.rules.compliance:Compliance"),
        "intrusion": Entry("panops.rules.intrusion:Intrusion"),
        "line_crossing": Entry("panops.rules.line_crossing:LineCrossing"),
        "loitering": Entry("panops.rules.loitering:Loitering"),
        "occupancy": Entry("panops.rules.occupancy:Occupancy"),
    },
)
