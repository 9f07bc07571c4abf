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
        "direction": Entry("panops.rules.direction:Direction"),
        "crowding": Entry("panops.rules.crowding:Crowding"),
        "object_left": Entry("panops.rules.object_left:ObjectLeft"),
        "object_removed": Entry("panops.rules.object_removed:ObjectRemoved"),
        "speed": Entry("panops.rules.speed:Speed"),
        "tailgating": Entry("panops.rules.tailgating:Tailgating"),
        "absence": Entry("panops.rules.absence:Absence"),
        "dwell": Entry("panops.rules.dwell:Dwell"),
        "combined": Entry("panops.rules.combined:Combined"),
        "hands_up": Entry("panops.rules.hands_up:HandsUp"),
        "lying": Entry("panops.rules.lying:Lying"),
        "fall": Entry("panops.rules.lying:Fall"),
        "waving": Entry("panops.rules.waving:Waving"),
        "climbing": Entry("panops.rules.climbing:Climbing"),
        "gesture": Entry("panops.rules.gesture:Gesture"),
        "identity": Entry("panops.rules.identity:Identity"),
        "area": Entry("panops.rules.covered_area:CoveredArea"),
    },
)
