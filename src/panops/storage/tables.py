"""The tables. What changes here needs a new file in `migrations/versions/`; a test compares the two.

Times are UTC seconds. JSON is kept as text that this package writes and reads, so that both databases hold the same bytes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

events = Table(
    "events",
    metadata,
    Column("event_id", String(200), primary_key=True),
    Column("camera_id", String(63), nullable=False),
    Column("rule_id", String(63), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("key", Text, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("kind", String(63), nullable=False),
    Column("class_name", String(120), nullable=False),
    Column("zone", String(63), nullable=False),
    Column("track_ids", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("started_at_s", Double, nullable=False),
    Column("updated_at_s", Double, nullable=False),
    Column("ended_at_s", Double),
    Column("box", Text),
    Column("details", Text, nullable=False),
    # Those of the details that can be looked for, see `records.facts_of`.
    Column("facts", Text, nullable=False, server_default=text("''")),
    # The step that took it for a false alarm; empty where it is believed. And the whole verdict.
    Column("suppressed_by", String(63), nullable=False, server_default=text("''")),
    Column("verdict", Text, nullable=False, server_default=text("''")),
    # What people say of it: never touched by saving an event.
    Column("status", String(16), nullable=False, server_default="new"),
    Column("note", Text, nullable=False, server_default=text("''")),
    Column("kept", Boolean, nullable=False, server_default="0"),
    Column("reviewed_by", Text, nullable=False, server_default=text("''")),
    Column("reviewed_at_s", Double),
)

# Every column that a filter can name: a search reads an index of these only, newest first, and then the rows of one page.
_SEARCHED = (
    events.c.started_at_s,
    events.c.event_id,
    events.c.camera_id,
    events.c.rule_id,
    events.c.kind,
    events.c.class_name,
    events.c.zone,
    events.c.severity,
    events.c.status,
    events.c.kept,
    events.c.ended_at_s,
    events.c.score,
    events.c.suppressed_by,
    events.c.facts,
)
Index("ix_events_search", *_SEARCHED)
# Few of many events were reviewed or suppressed: who asks for these reads no others. A query must have the very same condition.
IS_REVIEWED = events.c.reviewed_at_s.is_not(None)
IS_SUPPRESSED = events.c.suppressed_by != literal_column("''")
Index("ix_events_reviewed", *_SEARCHED, events.c.reviewed_at_s, sqlite_where=IS_REVIEWED, postgresql_where=IS_REVIEWED)
Index("ix_events_suppressed", *_SEARCHED, sqlite_where=IS_SUPPRESSED, postgresql_where=IS_SUPPRESSED)
# A camera's judgements, by when they were made.
Index(
    "ix_events_judged",
    events.c.camera_id,
    events.c.reviewed_at_s,
    events.c.event_id,
    events.c.status,
    sqlite_where=IS_REVIEWED,
    postgresql_where=IS_REVIEWED,
)
# What changed since somebody last listened.
Index("ix_events_heard", events.c.updated_at_s, events.c.event_id, events.c.camera_id)
Index(
    "ix_events_reviewed_at",
    events.c.reviewed_at_s,
    events.c.event_id,
    events.c.camera_id,
    sqlite_where=IS_REVIEWED,
    postgresql_where=IS_REVIEWED,
)
Index("ix_events_camera", events.c.camera_id, events.c.started_at_s, events.c.event_id)
# Retention goes by the end; what is open (NULL) is found here too.
Index("ix_events_ended", events.c.ended_at_s, events.c.event_id)
# Few events have a note; a search for text reads these only.
Index("ix_events_note", events.c.event_id, sqlite_where=events.c.note != "", postgresql_where=events.c.note != "")

reviews = Table(
    "reviews",
    metadata,
    Column("review_id", Integer, primary_key=True, autoincrement=True),
    Column("event_id", String(200), ForeignKey("events.event_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_s", Double, nullable=False),
    Column("user", Text, nullable=False),
    Column("status", String(16)),
    Column("note", Text),
    Column("kept", Boolean),
)

# No foreign key to events: a snapshot may be on disk a moment before its event; `EvidenceStore.sweep` removes what stays alone.
evidence = Table(
    "evidence",
    metadata,
    Column("event_id", String(200), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("path", String(400), nullable=False, unique=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("start_s", Double, nullable=False),
    Column("end_s", Double, nullable=False),
    Column("missing", Boolean, nullable=False, server_default="0"),
)

trails = Table("trails", metadata, Column("event_id", String(200), primary_key=True), Column("points", LargeBinary, nullable=False))

# What the person of an event looks like, as numbers: float16 of length 1, to find the person again. Goes with its event.
embeddings = Table(
    "embeddings",
    metadata,
    Column("event_id", String(200), ForeignKey("events.event_id", ondelete="CASCADE"), primary_key=True),
    Column("camera_id", String(63), nullable=False),
    Column("started_at_s", Double, nullable=False),
    # Those of different models cannot be compared.
    Column("model", String(120), nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

# Whose alarm an event is: the first event of its person, which may be itself. Goes with its event, and with the first.
sightings = Table(
    "sightings",
    metadata,
    Column("event_id", String(200), ForeignKey("events.event_id", ondelete="CASCADE"), primary_key=True),
    Column("first_id", String(200), ForeignKey("sightings.event_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("likeness", Double, nullable=False),
    # Whom the event was about then, as in `events`; who comes later was not looked at.
    Column("track_ids", Text, nullable=False),
    Column("noted_at_s", Double, nullable=False),
)

# What people wore who have left: one row a person and required item. No key to events: most of them never had one.
compliance = Table(
    "compliance",
    metadata,
    Column("record_id", String(200), primary_key=True),
    Column("camera_id", String(63), nullable=False),
    Column("rule_id", String(63), nullable=False),
    Column("zone", String(63), nullable=False),
    Column("item", String(63), nullable=False),
    Column("worn", String(16), nullable=False),
    Column("alarmed", Boolean, nullable=False),
    Column("share", Double, nullable=False),
    Column("votes", Integer, nullable=False),
    Column("track_id", BigInteger, nullable=False),
    Column("entered_at_s", Double, nullable=False),
    Column("left_at_s", Double, nullable=False),
    # The quarter of an hour in which the person left, counted from 1970: both databases can group by it, and every time zone fits it.
    Column("quarter", Integer, nullable=False),
)

# Holds every column that a rate needs: rates read this index only.
Index(
    "ix_compliance_rates",
    compliance.c.quarter,
    compliance.c.camera_id,
    compliance.c.rule_id,
    compliance.c.zone,
    compliance.c.item,
    compliance.c.worn,
)

# How much of zones classes covered, by spans of five minutes counted from 1970; every time zone's hours and days hold whole ones.
areas = Table(
    "areas",
    metadata,
    Column("camera_id", String(63), primary_key=True),
    Column("span", Integer, primary_key=True),
    Column("zone", String(63), primary_key=True),
    Column("class_name", String(120), primary_key=True),
    Column("looks", Integer, nullable=False),
    Column("mean", Double, nullable=False),
    Column("least", Double, nullable=False),
    Column("most", Double, nullable=False),
)
Index("ix_areas_span", areas.c.span)

# Everybody who is told of events. What is saved of an event adds a delivery for each of them in the same transaction.
sinks = Table("sinks", metadata, Column("sink_id", String(63), primary_key=True))

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Integer, primary_key=True, autoincrement=True),
    Column("sink_id", String(63), nullable=False),
    Column("event_id", String(200), ForeignKey("events.event_id", ondelete="CASCADE"), nullable=False),
    Column("moment", String(16), nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("due_at_s", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("answer", Text, nullable=False, server_default=text("''")),
    Column("closed_at_s", Double),
    UniqueConstraint("event_id", "sink_id", "moment"),
    # Numbers are never used twice: receivers tell a repetition by them.
    sqlite_autoincrement=True,
)

Index("ix_deliveries_state", deliveries.c.sink_id, deliveries.c.state, deliveries.c.due_at_s, deliveries.c.delivery_id)

site = Table("site", metadata, Column("name", String(63), primary_key=True), Column("value", Text, nullable=False))

cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", String(63), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("config", Text, nullable=False),
    # What the origin said last, to tell an edit made on the page from a change of the file.
    Column("applied", Text),
    # The site's revision that last changed it: its ETag.
    Column("revision", Integer, nullable=False),
)

rules = Table(
    "rules",
    metadata,
    Column("rule_id", String(63), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("config", Text, nullable=False),
    Column("applied", Text),
    Column("revision", Integer, nullable=False),
)

# Named sets of cameras; `config` is the list of their ids.
camera_groups = Table(
    "camera_groups",
    metadata,
    Column("group_id", String(63), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("config", Text, nullable=False),
    Column("applied", Text),
    Column("revision", Integer, nullable=False),
)

# What somebody switched off while panops ran; what is on has no row. Not a part of the settings: applying a site file leaves it as it is.
switched_off = Table(
    "switched_off",
    metadata,
    Column("camera_id", String(63), ForeignKey("cameras.camera_id", ondelete="CASCADE"), primary_key=True),
    Column("switch", String(16), primary_key=True),
    Column("since_s", Double, nullable=False),
    Column("by", Text, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    # Both null: every camera. Else those named here and those of the groups, as the groups are when somebody asks.
    Column("cameras", Text),
    Column("groups", Text),
    # Empty for people who sign in elsewhere.
    Column("password", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    # `local`, or who vouches for them: `oidc` with the provider's own word for the person, `proxy`.
    Column("origin", String(16), nullable=False, server_default="local"),
    Column("subject", Text, nullable=False, server_default=text("''")),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("username", String(64), ForeignKey("users.username", ondelete="CASCADE"), primary_key=True),
    Column("secret", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    # The newest time step whose code was used: no code counts twice.
    Column("last_step", BigInteger, nullable=False),
    Column("created_at_s", Double, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_sha256", String(64), primary_key=True),
    Column("username", String(64), ForeignKey("users.username", ondelete="CASCADE"), nullable=False, index=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("username", String(64), ForeignKey("users.username", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at_s", Double, nullable=False),
    Column("seen_at_s", Double, nullable=False),
    Column("expires_at_s", Double, nullable=False),
    # Where they signed in from, and with what.
    Column("address", Text, nullable=False, server_default=text("''")),
    Column("agent", Text, nullable=False, server_default=text("''")),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_sha256", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("cameras", Text),
    Column("groups", Text),
    Column("created_at_s", Double, nullable=False),
    Column("used_at_s", Double),
    Column("expires_at_s", Double),
    # Whose it is; null where administrators made it for a program. It can do no more than its owner.
    Column("owner", String(64), index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("entry_id", Integer, primary_key=True, autoincrement=True),
    Column("at_s", Double, nullable=False),
    Column("user", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    # Where it was asked from; empty for the system itself.
    Column("address", Text, nullable=False, server_default=text("''")),
)

leases = Table(
    "leases",
    metadata,
    Column("camera_id", String(63), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("expires_at_s", Double, nullable=False),
)

# How somebody arranged the wall; without an owner, for everybody. `config` names cameras that may be gone by now.
wall_views = Table(
    "wall_views",
    metadata,
    Column("view_id", Integer, primary_key=True, autoincrement=True),
    Column("owner", String(64), ForeignKey("users.username", ondelete="CASCADE"), index=True),
    Column("name", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    # An address names a view for ever.
    sqlite_autoincrement=True,
)

# What has been learnt of a camera's picture. No foreign key to cameras: a camera that is taken out and put back is still known.
camera_views = Table(
    "camera_views",
    metadata,
    Column("camera_id", String(63), primary_key=True),
    Column("address", Text, nullable=False),
    Column("saved_at_s", Double, nullable=False),
    Column("memory", LargeBinary, nullable=False),
    Column("picture", LargeBinary, nullable=False),
    Column("pictured_at_s", Double, nullable=False),
)

# One row a camera, day and quantity; the words of the quantities are those of `domain.drift`, and a few of `storage.drift`.
drift = Table(
    "drift",
    metadata,
    Column("camera_id", String(63), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("quantity", String(16), primary_key=True),
    Column("counts", Text, nullable=False),
    Column("picture", LargeBinary),
)

# One row a file of a recording. `motion` is JSON: when something moved in it, seconds from its start.
recordings = Table(
    "recordings",
    metadata,
    Column("segment_id", Integer, primary_key=True, autoincrement=True),
    Column("camera_id", String(63), nullable=False),
    Column("path", String(400), nullable=False, unique=True),
    Column("start_s", Double, nullable=False),
    Column("end_s", Double, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("has_motion", Boolean, nullable=False),
    Column("has_event", Boolean, nullable=False),
    Column("protected", Boolean, nullable=False, server_default="0"),
    # Its file is gone, or its disk is not there: it may come back.
    Column("missing", Boolean, nullable=False, server_default="0"),
    Column("motion", Text, nullable=False),
    # A word of `domain.recordings.Place`.
    Column("place", String(8), nullable=False, server_default="here"),
    # An address names a file for ever.
    sqlite_autoincrement=True,
)

# Holds every column that retention asks for: it reads this index only.
Index(
    "ix_recordings_camera",
    recordings.c.camera_id,
    recordings.c.start_s,
    recordings.c.end_s,
    recordings.c.size_bytes,
    recordings.c.has_motion,
    recordings.c.has_event,
    recordings.c.protected,
    recordings.c.missing,
    recordings.c.place,
)
Index(
    "ix_recordings_age",
    recordings.c.start_s,
    recordings.c.segment_id,
    recordings.c.protected,
    recordings.c.missing,
    recordings.c.place,
)
# The few files that are on their way between two places.
IS_ON_THE_WAY = recordings.c.place.not_in([literal_column("'here'"), literal_column("'archive'")])
Index("ix_recordings_on_the_way", recordings.c.place, recordings.c.segment_id, sqlite_where=IS_ON_THE_WAY, postgresql_where=IS_ON_THE_WAY)

# The people who are known. Their ids are random and never used for anybody else.
people = Table(
    "people",
    metadata,
    Column("person_id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    # JSON: the names of the lists that they are on.
    Column("lists", Text, nullable=False),
    # Who agreed that they are known, and how; and when.
    Column("consent", Text, nullable=False),
    Column("consented_at_s", Double, nullable=False),
    # Null: until somebody deletes them.
    Column("keep_until_s", Double),
    Column("created_by", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
)

# `embedding` and `picture` are sealed (`storage.face_seal`); `fingerprint` tells the same picture again.
faces = Table(
    "faces",
    metadata,
    Column("face_id", String(32), primary_key=True),
    Column("person_id", String(32), ForeignKey("people.person_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("model", String(200), nullable=False),
    Column("negative", Boolean, nullable=False),
    Column("quality", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("picture", LargeBinary, nullable=False),
)

# Of the gallery as a whole: `revision`, how often it changed, and `key`, the mark of the key that it is sealed with. And `to clear ...`,
# what deleted rows may have left in the files, see `leftovers`.
gallery = Table(
    "gallery",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("value", Text, nullable=False),
)
