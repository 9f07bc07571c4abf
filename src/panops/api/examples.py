"""Examples of what is sent and answered, for the description of the API. A test holds each one to its schema."""

from __future__ import annotations

from typing import Any

_EVENT = {
    "event_id": "gate-1-1", "camera_id": "gate", "camera_name": "North gate", "rule_id": "night", "kind": "intrusion",
    "class_name": "person", "zone": "floor", "track_ids": [7], "score": 0.91, "severity": "alarm", "started_at_s": 1790000000.0,
    "updated_at_s": 1790000006.5, "ended_at_s": 1790000006.5, "box": [0.42, 0.31, 0.5, 0.78], "details": {"dwell_s": 6.5},
    "suppressed_by": "", "status": "new", "note": "", "kept": False, "has_snapshot": True, "has_annotated": True, "has_clip": True,
    "has_clip_so_far": False,
}  # fmt: skip

EXAMPLES: dict[str, Any] = {
    "LoginIn": {"username": "ada", "password": "a long enough passphrase"},
    "SetupIn": {"username": "ada", "password": "a long enough passphrase", "code": "9f3c21ab"},
    "PasswordIn": {"old": "a long enough passphrase", "new": "a longer and better passphrase"},
    "UserIn": {"username": "oscar", "password": "a long enough passphrase", "role": "operator", "cameras": None},
    "UserPatch": {"role": "viewer", "cameras": ["gate"]},
    "TokenIn": {"name": "grafana", "role": "viewer", "cameras": ["gate", "dock"]},
    "OwnTokenIn": {"name": "grafana", "role": "viewer", "cameras": ["gate", "dock"], "password": "a long enough passphrase"},
    "PasswordAgainIn": {"password": "a long enough passphrase"},
    "CodeIn": {"code": "492039"},
    "GroupIn": {"cameras": ["gate", "dock"]},
    "ViewIn": {"name": "Night shift", "cameras": ["gate", "dock"], "columns": 2, "turn_s": 15.0, "shared": False},
    "ProtectIn": {"from_s": 1790000000.0, "to_s": 1790000600.0, "protected": True},
    "PlacesIn": {"zones": {"floor": {"polygon": [[0.1, 0.4], [0.9, 0.4], [0.5, 1.0]]}}, "lines": {}, "ground": None, "renamed": {}},
    "ImportIn": {"file_name": "cameras.csv", "file_text": "id,source\ngate,rtsp://192.0.2.7/live\n"},
    "DiscoverIn": {"seconds": 3.0, "username": "viewer", "password": "secret"},
    "DryRunIn": {"rule": {"id": "night", "kind": "intrusion", "cameras": ["gate"], "zone": "floor"}, "hours": 1.0},
    "TestIn": {"source": "rtsp://viewer:secret@192.0.2.7/live", "transport": "tcp", "camera_id": None},
    "SwitchesIn": {"alerts": False},
    "PersonIn": {"name": "Anna Berg", "lists": ["staff"], "consent": "signed form of 3 May, personnel file", "keep_until_s": 1820000000.0},
    "PersonChangeIn": {"lists": ["staff", "night"]},
    "ReviewIn": {"status": "false_alarm", "note": "a cat"},
    "ReviewsIn": {"event_ids": ["gate-1-1", "gate-1-2"], "status": "false_alarm"},
    "SimilarIn": {"event_id": "gate-1-1", "least": 0.5, "limit": 20},
    "ExportIn": {"event_ids": ["gate-1-1"]},
    "ShadowIn": {"version": "2", "every": 10, "why": "sees buses"},
    "PromoteIn": {"version": "2", "force": False, "why": "fewer false alarms"},
    "RollbackIn": {"why": "it missed a van"},
    "UserOut": {"username": "ada", "role": "admin", "cameras": None},
    "SignedInOut": {"user": {"username": "ada", "role": "admin", "cameras": None}},
    "EventOut": _EVENT,
    "EventsOut": {"events": [_EVENT], "next_cursor": "WzE3OTAwMDAwMDAuMCwgImdhdGUtMS0xIl0", "understood": None},
    "ReviewedOut": {"events": [{**_EVENT, "status": "false_alarm"}], "missing": ["gate-1-2"]},
    "TokenOut": {
        "name": "grafana", "role": "viewer", "cameras": ["gate"], "groups": None, "created_at_s": 1790000000.0,
        "used_at_s": None, "expires_at_s": None, "owner": None, "secret": "panops_...",
    },
    "AppliedSiteOut": {
        "revision": 7, "added": ["camera shed"], "changed": ["rule night"], "removed": [], "kept_edits": [], "replaced_edits": [],
    },
    "NoticeOut": {"topic": "storage", "level": "warning", "message": "0.8 GiB of storage are left; retention keeps 1 GiB free"},
    "ProblemOut": {
        "type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "1 field is not as expected",
        "errors": [{"field": "limit", "message": "Input should be less than or equal to 500"}],
    },
}  # fmt: skip
"""By the name of the schema."""
