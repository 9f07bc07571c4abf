"""What sinks are told of the site."""

from __future__ import annotations

from panops.config.load import parse_site
from panops.pipeline.alerting import _facts


def test_silent_rules_are_no_sensors_anywhere() -> None:
    site = parse_site(
        """
cameras: {gate: {source: a.mp4, name: The gate}, yard: {source: b.mp4}}
rules:
  - {id: who, kind: intrusion, silent: true}
  - {id: waits, kind: loitering, cameras: [gate]}
  - {id: both, kind: combined, of: [who, waits], cameras: [gate]}
""",
        environ={},
    )
    facts = _facts(site)
    assert facts.rules == {"gate": ("waits", "both"), "yard": ()}
    assert facts.cameras == {"gate": "The gate", "yard": "yard"}
