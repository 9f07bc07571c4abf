"""What events can be searched for: facts of their details, in the indexes of searches, and how their people look, as numbers."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SEARCHED = [
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
    "suppressed_by",
    "facts",
]
_AT_ONCE = 5000
_LONGEST = 400
_NAMING = ("person_id", "name", "lists")


def upgrade() -> None:
    """Add the column, fill it for the events that are there, and make the indexes hold it; and an empty table of embeddings."""
    op.create_table(
        "embeddings",
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("camera_id", sa.String(63), nullable=False),
        sa.Column("started_at_s", sa.Double, nullable=False),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name="fk_embeddings_event_id_events", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", name="pk_embeddings"),
    )
    op.add_column("events", sa.Column("facts", sa.Text, server_default=sa.text("''"), nullable=False))
    _fill(op.get_bind())
    for name, columns, condition in (
        ("ix_events_search", _SEARCHED, None),
        ("ix_events_reviewed", [*_SEARCHED, "reviewed_at_s"], "reviewed_at_s IS NOT NULL"),
        ("ix_events_suppressed", _SEARCHED, "suppressed_by != ''"),
    ):
        where = sa.text(condition) if condition else None
        op.drop_index(name, "events")
        op.create_index(name, "events", columns, sqlite_where=where, postgresql_where=where)


def _fill(connection: sa.Connection) -> None:
    events = sa.table("events", sa.column("event_id", sa.String), sa.column("details", sa.Text), sa.column("facts", sa.Text))
    statement = events.update().where(events.c.event_id == sa.bindparam("which")).values(facts=sa.bindparam("what"))
    last = ""
    while True:
        query = sa.select(events.c.event_id, events.c.details).where(events.c.event_id > last).order_by(events.c.event_id).limit(_AT_ONCE)
        rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].event_id
        filled = [{"which": row.event_id, "what": facts} for row in rows if (facts := _facts(row.details))]
        if filled:
            connection.execute(statement, filled)


def _facts(details: str) -> str:
    """As the program of this step made them; a step never changes with the program."""
    try:
        read = json.loads(details)
    except ValueError:
        return ""
    if not isinstance(read, dict):
        return ""
    told = [(name, value) for name, value in read.items() if name not in _NAMING]
    found = [f"{name}={value}" for name, value in told if isinstance(value, str) and value]
    found += [name for name, value in told if value is True]
    text = "|".join(one.replace("|", "\u00a6") for one in found).replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:_LONGEST]
    return f"|{text}|" if text else ""
