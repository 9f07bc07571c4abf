"""Whose alarm an event is, where one person is one alarm."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an empty table of sightings."""
    op.create_table(
        "sightings",
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("first_id", sa.String(200), nullable=False),
        sa.Column("likeness", sa.Double, nullable=False),
        sa.Column("track_ids", sa.Text, nullable=False),
        sa.Column("noted_at_s", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name="fk_sightings_event_id_events", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["first_id"], ["sightings.event_id"], name="fk_sightings_first_id_sightings", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", name="pk_sightings"),
    )
    op.create_index("ix_sightings_first_id", "sightings", ["first_id"])
