"""The files of recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_READ_BY_RETENTION = ["camera_id", "start_s", "end_s", "size_bytes", "has_motion", "has_event", "protected", "missing"]


def upgrade() -> None:
    """Add their table."""
    op.create_table(
        "recordings",
        sa.Column("segment_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("camera_id", sa.String(63), nullable=False),
        sa.Column("path", sa.String(400), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("has_motion", sa.Boolean(), nullable=False),
        sa.Column("has_event", sa.Boolean(), nullable=False),
        sa.Column("protected", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("missing", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("motion", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_recordings")),
        sa.UniqueConstraint("path", name=op.f("uq_recordings_path")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recordings_camera", "recordings", _READ_BY_RETENTION)
    op.create_index("ix_recordings_age", "recordings", ["start_s", "segment_id", "protected", "missing"])
