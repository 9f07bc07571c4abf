"""Which events are taken for false alarms, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEARCH = [
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
]


def upgrade() -> None:
    """Add the verdict, and let a search know it."""
    op.add_column("events", sa.Column("suppressed_by", sa.String(length=63), server_default=sa.text("''"), nullable=False))
    op.add_column("events", sa.Column("verdict", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.drop_index("ix_events_search", table_name="events")
    op.create_index("ix_events_search", "events", [*_SEARCH, "suppressed_by"])
