"""Indexes of the few events that were reviewed or suppressed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SEARCHED = [
    "started_at_s",
    "event_id",
    "camera_id",
    "rule_id",
    "kind",
    "class_name",
    "zone",
    "severity",
    "status",
    "kept",
    "ended_at_s",
    "score",
    "suppressed_by",
]


def upgrade() -> None:
    """Add them; they hold these events only."""
    for name, columns, condition in (
        ("ix_events_reviewed", [*_SEARCHED, "reviewed_at_s"], "reviewed_at_s IS NOT NULL"),
        ("ix_events_suppressed", _SEARCHED, "suppressed_by != ''"),
        ("ix_events_judged", ["camera_id", "reviewed_at_s", "event_id", "status"], "reviewed_at_s IS NOT NULL"),
    ):
        op.create_index(name, "events", columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
