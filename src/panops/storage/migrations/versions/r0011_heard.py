"""Indexes by when an event was heard of last, and by when it was reviewed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; the second holds the few events that were reviewed."""
    condition = sa.text("reviewed_at_s IS NOT NULL")
    op.create_index("ix_events_heard", "events", ["updated_at_s", "event_id", "camera_id"])
    op.create_index(
        "ix_events_reviewed_at",
        "events",
        ["reviewed_at_s", "event_id", "camera_id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
