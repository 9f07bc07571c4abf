"""Where a recorded file lies: in the recordings' folder, in the archive, or on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_READ_BY_RETENTION = ["camera_id", "start_s", "end_s", "size_bytes", "has_motion", "has_event", "protected", "missing", "place"]


def upgrade() -> None:
    """All are in the recordings' folder. Both indexes hold the place, too, so that retention reads nothing else."""
    op.add_column("recordings", sa.Column("place", sa.String(8), server_default="here", nullable=False))
    op.drop_index("ix_recordings_camera", "recordings")
    op.create_index("ix_recordings_camera", "recordings", _READ_BY_RETENTION)
    op.drop_index("ix_recordings_age", "recordings")
    op.create_index("ix_recordings_age", "recordings", ["start_s", "segment_id", "protected", "missing", "place"])
    condition = sa.text("place NOT IN ('here', 'archive')")
    op.create_index("ix_recordings_on_the_way", "recordings", ["place", "segment_id"], sqlite_where=condition, postgresql_where=condition)
