"""Who looked at what proof, and at whom: noted once for each in a while, since a player asks for a film many times over."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from panops.domain.clock import Clock
from panops.domain.errors import StorageError
from panops.domain.events import Evidence
from panops.domain.recordings import Segment
from panops.storage.audit import AuditLog

log = logging.getLogger(__name__)

AGAIN_S = 600.0
RECORDING_AGAIN_S = 3600.0
_MOST_KEYS = 10_000


class Looks:
    """Writes looks at proof and at people into the audit log; threads may share it.

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
        self._evidence(username, "evidence.view", piece)

    def downloaded(self, username: str, piece: Evidence) -> None:
        """Somebody took a version of the proof away: a clip so far is gone later, and its sha256 stays here.

        A download may come in several parts: those of the same version within ten minutes are one.
        """
        self._evidence(username, "evidence.download", piece)

    def watched(self, username: str, segment: Segment) -> None:
        """Somebody was shown a file of a recording. Others of the same hour of the camera, within an hour, are the same look."""
        if self._is_new((username, f"recording {segment.camera_id} {segment.start_s // 3600:.0f}"), RECORDING_AGAIN_S):
            facts = {"sha256": segment.sha256, "size_bytes": segment.size_bytes, "start_s": segment.start_s, "end_s": segment.end_s}
            self._record(username, "recording.view", segment.camera_id, facts)

    def person(self, username: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None) -> None:
        """Somebody was shown who is known, or a face. The same again within ten minutes is the same look."""
        if self._is_new((username, f"{action} {target}"), AGAIN_S):
            self._record(username, action, target, detail or {})

    def is_noted(self, username: str, camera_id: str, person_id: str) -> bool:
        """Whether it was noted within ten minutes that somebody was told who a known person in a live picture is. Never blocks."""
        with self._lock:
            before_s = self._seen.get((username, f"person.live {camera_id} {person_id}"))
        return before_s is not None and self._clock.monotonic_s() - before_s < AGAIN_S

    def named(self, username: str, camera_id: str, person_id: str) -> bool:
        """Somebody is shown a known person's name in a camera's live picture. The same again within ten minutes is the same look.

        Returns:
            Whether the person is still known: of who was deleted a moment ago nothing is noted, and nothing is to be shown.
        """
        key = (username, f"person.live {camera_id} {person_id}")
        if not self._is_new(key, AGAIN_S):
            return True
        try:
            known = self._audit.record_of(person_id, self._clock.utc_s(), username, "person.live", {"camera": camera_id})
        except StorageError as error:
            self._missed(username, person_id, "person.live", error)
            return True
        if not known:
            with self._lock:
                self._seen.pop(key, None)  # the next picture asks again
        return known

    def searched(self, username: str, target: str, detail: Mapping[str, Any]) -> None:
        """Somebody asked who is in a picture: every time is a look of its own."""
        self._record(username, "person.search", target, detail)

    def _evidence(self, username: str, action: str, piece: Evidence) -> None:
        if self._is_new((username, f"{action} {piece.event_id} {piece.kind.value} {piece.sha256}"), AGAIN_S):
            facts = {
                "kind": piece.kind, "sha256": piece.sha256, "size_bytes": piece.size_bytes, "start_s": piece.start_s, "end_s": piece.end_s,
            }  # fmt: skip
            self._record(username, action, piece.event_id, facts)

    def _is_new(self, key: tuple[str, str], again_s: float) -> bool:
        """Whether that was not noted within the last `again_s`; from now on it is."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            before_s = self._seen.get(key)
            if before_s is not None and now_s - before_s < again_s:
                return False
            self._seen[key] = now_s
            self._seen.move_to_end(key)
            while len(self._seen) > _MOST_KEYS:
                self._seen.popitem(last=False)
        return True

    def _record(self, username: str, action: str, target: str, facts: Mapping[str, Any]) -> None:
        try:
            self._audit.record(self._clock.utc_s(), username, action, target, facts)
        except StorageError as error:
            self._missed(username, target, action, error)

    @staticmethod
    def _missed(username: str, target: str, action: str, error: StorageError) -> None:
        # A full disk must not keep people from seeing and saving proof.
        log.warning("that %s asked for %s (%s) is not in the audit log: %s", username, target, action, error)
