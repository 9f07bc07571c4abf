"""How much of zones classes covered over time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of areas."""
    op.create_table(
        "areas",
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.Column("span", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=63), nullable=False),
        sa.Column("class_name", sa.String(length=120), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("least", sa.Double(), nullable=False),
        sa.Column("most", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("camera_id", "span", "zone", "class_name", name=op.f("pk_areas")),
    )
    op.create_index("ix_areas_span", "areas", ["span"])
