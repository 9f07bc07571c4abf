"""What of a camera is switched off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the switches that are off."""
    op.create_table(
        "switched_off",
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.Column("switch", sa.String(length=16), nullable=False),
        sa.Column("since_s", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["cameras.camera_id"], name=op.f("fk_switched_off_camera_id_cameras"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("camera_id", "switch", name=op.f("pk_switched_off")),
    )
