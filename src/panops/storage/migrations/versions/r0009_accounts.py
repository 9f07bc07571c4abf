"""Camera groups, second factors, tokens that end, and where people came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns; nobody has a group, a second factor or an end of a token yet."""
    op.create_table(
        "camera_groups",
        sa.Column("group_id", sa.String(63), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("applied", sa.Text()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name="pk_camera_groups"),
    )
    op.create_table(
        "second_factors",
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("username", name="pk_second_factors"),
        sa.ForeignKeyConstraint(["username"], ["users.username"], name="fk_second_factors_username_users", ondelete="CASCADE"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("code_sha256", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["username"], ["users.username"], name="fk_recovery_codes_username_users", ondelete="CASCADE"),
    )
    op.create_index("ix_recovery_codes_username", "recovery_codes", ["username"])
    op.add_column("users", sa.Column("groups", sa.Text()))
    op.add_column("users", sa.Column("origin", sa.String(16), nullable=False, server_default="local"))
    op.add_column("users", sa.Column("subject", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("sessions", sa.Column("address", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("sessions", sa.Column("agent", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("tokens", sa.Column("groups", sa.Text()))
    op.add_column("tokens", sa.Column("expires_at_s", sa.Double()))
    op.add_column("tokens", sa.Column("owner", sa.String(64)))
    op.create_index("ix_tokens_owner", "tokens", ["owner"])
    op.add_column("audit", sa.Column("address", sa.Text(), nullable=False, server_default=sa.text("''")))
