"""Who looked at what proof: noted once for each piece and person in a while, since a player asks for a clip many times over."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.domain.events import Evidence
from panops.storage.audit import AuditLog

log = logging.getLogger(__name__)

AGAIN_S = 600.0
_MOST_KEYS = 10_000


class Looks:
    """Writes looks at proof into the audit log; threads may share it.

    Args:
        audit: The log.
        clock: Time.
    """

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def viewed(self, username: str, piece: Evidence) -> None:
        """Somebody was shown a clip, or a picture in its full size. The same again within ten minutes is the same look."""
        now_s, key = self._clock.monotonic_s(), (username, f"{piece.event_id} {piece.kind.value} {piece.sha256}")
        with self._lock:
            before_s = self._seen.get(key)
            if before_s is not None and now_s - before_s < AGAIN_S:
                return
            self._seen[key] = now_s
            self._seen.move_to_end(key)
            while len(self._seen) > _MOST_KEYS:
                self._seen.popitem(last=False)
        self._record(username, "evidence.view", piece)

    def downloaded(self, username: str, piece: Evidence) -> None:
        """Somebody took a version of the proof away: a clip so far is gone later, and its sha256 stays here."""
        self._record(username, "evidence.download", piece)

    def _record(self, username: str, action: str, piece: Evidence) -> None:
        facts = {"kind": piece.kind, "sha256": piece.sha256, "size_bytes": piece.size_bytes, "start_s": piece.start_s, "end_s": piece.end_s}
        try:
            self._audit.record(self._clock.utc_s(), username, action, piece.event_id, facts)
        except StorageError as error:  # a full disk must not keep people from seeing and saving proof
            log.warning("that %s asked for %s (%s) is not in the audit log: %s", username, piece.event_id, action, error)
