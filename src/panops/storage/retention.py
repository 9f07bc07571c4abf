"""When events, their evidence and the audit log go: by age, by size, by free space; never what is kept, never an open event."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, select

from panops.config.schema import RetentionConfig
from panops.domain.clock import Clock, SystemClock
from panops.domain.errors import StorageFull
from panops.storage.areas import AreaRepository
from panops.storage.audit import AuditLog
from panops.storage.compliance import ComplianceRepository
from panops.storage.database import Database
from panops.storage.errors import from_os
from panops.storage.evidence import EvidenceStore
from panops.storage.tables import events, evidence, reviews, trails

log = logging.getLogger(__name__)

_GIB = 1024**3
_DAY_S = 86400.0
# Events deleted in one transaction: short enough that writers do not wait long.
_BATCH = 200


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What one run did.

    Attributes:
        deleted_events: Events deleted.
        deleted_bytes: Size of the evidence that went with them.
        kept_bytes: Evidence that may not be deleted now, because its event is kept or still open.
        over_limit_bytes: How much more would have to go to meet every limit; 0 when they are met.
        message: One sentence when a limit cannot be met, else empty.
        remaining_bytes: All evidence that is left.
    """

    deleted_events: int
    deleted_bytes: int
    kept_bytes: int
    over_limit_bytes: int
    message: str
    remaining_bytes: int = 0


class Retention:
    """Deletes what is due.

    Args:
        database: An opened database.
        evidence_store: The files.
        config: The limits.
        clock: What time it is.
        free_bytes: Tells the free space of the evidence folder's disk; None asks the system.
    """

    def __init__(
        self,
        database: Database,
        evidence_store: EvidenceStore,
        config: RetentionConfig,
        clock: Clock | None = None,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        """Remember what to work on."""
        self._database = database
        self._store = evidence_store
        self._config = config
        self._clock = clock or SystemClock()
        self._free_bytes = free_bytes or self._free_on_disk

    def run(self) -> RetentionReport:
        """Delete by age, then the oldest until the size fits, then the oldest until enough space is free.

        Rows go first, then their files; what a crash leaves between the two is swept by `EvidenceStore.sweep`. Only where the disk is so
        full that not even rows can be deleted do files go first.

        Raises:
            StorageError: The database or a file cannot be changed; what was deleted before that stays deleted.
        """
        deletable = and_(events.c.kept.is_(False), events.c.ended_at_s.is_not(None))
        too_old = and_(deletable, events.c.ended_at_s < self._clock.utc_s() - self._config.days * _DAY_S)
        count, size = self._delete(too_old, None)
        ComplianceRepository(self._database).delete_before(self._clock.utc_s() - self._config.days * _DAY_S)
        AreaRepository(self._database).delete_before(self._clock.utc_s() - self._config.days * _DAY_S)
        if self._config.audit_days:
            now_s = self._clock.utc_s()
            AuditLog(self._database).delete_before(now_s - self._config.audit_days * _DAY_S, now_s)
        # An event without evidence frees nothing: it stays until its age.
        has_files = and_(deletable, events.c.event_id.in_(select(evidence.c.event_id).where(evidence.c.missing.is_(False))))
        over_size = self._total_bytes() - int(self._config.max_gib * _GIB)
        more_count, more_size = self._delete(has_files, over_size)
        least_free = int(self._config.min_free_gib * _GIB)
        last_count, last_size = self._delete(has_files, least_free - self._free_bytes())
        return self._report(count + more_count + last_count, size + more_size + last_size, least_free)

    def _delete(self, condition: ColumnElement[bool], wanted_bytes: int | None) -> tuple[int, int]:
        """Delete the oldest events of `condition` until `wanted_bytes` are free (None: all of them); how many and how much."""
        count = size = 0
        while wanted_bytes is None or size < wanted_bytes:
            batch = self._oldest(condition, None if wanted_bytes is None else wanted_bytes - size)
            if not batch:
                break
            batch_count, batch_size = self._delete_batch([event_id for event_id, _ in batch], condition)
            count, size = count + batch_count, size + batch_size
        return count, size

    def _oldest(self, condition: ColumnElement[bool], wanted_bytes: int | None) -> list[tuple[str, int]]:
        """The ids and evidence sizes of the next events to delete, no more than needed."""
        size = func.coalesce(func.sum(evidence.c.size_bytes), 0)
        query = (
            select(events.c.event_id, size)
            .outerjoin(evidence, and_(evidence.c.event_id == events.c.event_id, evidence.c.missing.is_(False)))
            .where(condition)
            .group_by(events.c.event_id, events.c.ended_at_s)
            .order_by(events.c.ended_at_s, events.c.event_id)
            .limit(_BATCH)
        )
        with self._database.reading() as connection:
            rows = [(event_id, int(size_bytes)) for event_id, size_bytes in connection.execute(query)]
        if wanted_bytes is None:
            return rows
        taken, total = 0, 0
        while taken < len(rows) and total < wanted_bytes:
            total += rows[taken][1]
            taken += 1
        return rows[:taken]

    def _delete_batch(self, event_ids: Sequence[str], condition: ColumnElement[bool]) -> tuple[int, int]:
        try:
            count, paths, size = self._delete_rows(event_ids, condition)
        except StorageFull:
            # Deleting rows needs a little space for the log; the files of the same events make it.
            with self._database.reading() as connection:
                still_due = select(events.c.event_id).where(events.c.event_id.in_(event_ids), condition)
                paths = list(connection.execute(select(evidence.c.path).where(evidence.c.event_id.in_(still_due))).scalars())
            self._store.remove_files(paths)
            count, paths, size = self._delete_rows(event_ids, condition)
        self._store.remove_files(paths)
        return count, size

    def _delete_rows(self, event_ids: Sequence[str], condition: ColumnElement[bool]) -> tuple[int, list[str], int]:
        """Delete the rows of those events that are still due: somebody may have marked one as kept in the meantime."""
        with self._database.session() as connection:
            due = list(connection.execute(select(events.c.event_id).where(events.c.event_id.in_(event_ids), condition)).scalars())
            files = connection.execute(
                select(evidence.c.path, evidence.c.size_bytes, evidence.c.missing).where(evidence.c.event_id.in_(due))
            ).all()
            for table in (trails, evidence, reviews, events):
                connection.execute(delete(table).where(table.c.event_id.in_(due)))
        return len(due), [row.path for row in files], sum(row.size_bytes for row in files if not row.missing)

    def _total_bytes(self, condition: ColumnElement[bool] | None = None) -> int:
        query = select(func.coalesce(func.sum(evidence.c.size_bytes), 0)).where(evidence.c.missing.is_(False))
        if condition is not None:
            query = query.join(events, events.c.event_id == evidence.c.event_id).where(condition)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _report(self, count: int, size: int, least_free: int) -> RetentionReport:
        remaining = self._total_bytes()
        protected = self._total_bytes(events.c.kept.is_(True) | events.c.ended_at_s.is_(None))
        over_size = max(0, remaining - int(self._config.max_gib * _GIB))
        short_of_free = max(0, least_free - self._free_bytes())
        message = ""
        if over_size:
            limit = _gib(int(self._config.max_gib * _GIB))
            message = (
                f"the evidence takes {_gib(remaining)} of at most {limit}, and {_gib(protected)} of it may "
                "not be deleted because its events are kept or still open: release some of them or raise retention.max_gib"
            )
        elif short_of_free:
            free = _gib(least_free - short_of_free)
            message = (
                f"the disk of the evidence folder has {free} free instead of {_gib(least_free)}, and no evidence "
                f"is left that may be deleted ({_gib(protected)} is kept or still open): free some space or release kept events"
            )
        if message:
            log.warning("%s", message)
        if count:
            log.info("retention deleted %d events and %d bytes", count, size)
        return RetentionReport(count, size, protected, max(over_size, short_of_free), message, remaining)

    def _free_on_disk(self) -> int:
        try:
            return shutil.disk_usage(self._store.folder).free
        except OSError as error:
            raise from_os(error, self._store.folder, f"the evidence folder {self._store.folder}") from error


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.2f} GiB" if size_bytes >= _GIB / 100 else f"{size_bytes / 1024**2:.1f} MiB"
