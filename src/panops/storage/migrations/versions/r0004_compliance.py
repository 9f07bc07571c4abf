"""What people wore who have left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of what people wore."""
    op.create_table(
        "compliance",
        sa.Column("record_id", sa.String(length=200), nullable=False),
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.Column("rule_id", sa.String(length=63), nullable=False),
        sa.Column("zone", sa.String(length=63), nullable=False),
        sa.Column("item", sa.String(length=63), nullable=False),
        sa.Column("worn", sa.String(length=16), nullable=False),
        sa.Column("alarmed", sa.Boolean(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("track_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at_s", sa.Double(), nullable=False),
        sa.Column("left_at_s", sa.Double(), nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_compliance")),
    )
    op.create_index("ix_compliance_rates", "compliance", ["quarter", "camera_id", "rule_id", "zone", "item", "worn"])
