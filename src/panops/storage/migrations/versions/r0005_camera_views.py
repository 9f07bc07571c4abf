"""What has been learnt of each camera's view."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the views."""
    op.create_table(
        "camera_views",
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("saved_at_s", sa.Double(), nullable=False),
        sa.Column("memory", sa.LargeBinary(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("pictured_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name=op.f("pk_camera_views")),
    )
