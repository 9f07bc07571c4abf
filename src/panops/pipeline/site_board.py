"""What people see of the running site: the newest status of each camera, the notices that stand, and the feeds that hear of both."""

from __future__ import annotations

import time
from collections.abc import Sequence

from panops.pipeline.live import CameraStatus, EventNotice, SystemNotice
from panops.pipeline.subscription import FeedHub

_STATUS_EVERY_S = 5.0
NO_SHARD = -1
"""The slot of notices about the site as a whole."""


class SiteBoard:
    """Keeps what was last said, and passes news on to the feeds. Lives on the event loop.

    Notices are kept by topic and slot: a shard's number, or a negative number for a part of the supervisor.

    Args:
        hub: The feeds.
        initial_notices: What people should know from the start.
    """

    def __init__(self, hub: FeedHub, initial_notices: Sequence[SystemNotice] = ()) -> None:
        self._hub = hub
        self._statuses: dict[str, CameraStatus] = {}
        self._told_s: dict[str, float] = {}
        self._notices: dict[tuple[str, int], SystemNotice] = {(notice.topic, NO_SHARD): notice for notice in initial_notices}
        self.events_written = 0

    def status(self, camera_id: str) -> CameraStatus | None:
        """What was last said of a camera."""
        return self._statuses.get(camera_id)

    def note_status(self, status: CameraStatus) -> None:
        """Keep a status; feeds get it when its state is another one, and every few seconds."""
        before = self._statuses.get(status.camera_id)
        self._statuses[status.camera_id] = status
        now_s = time.monotonic()
        news = before is None or (before.state, before.message, before.off) != (status.state, status.message, status.off)
        if news or now_s - self._told_s.get(status.camera_id, 0.0) >= _STATUS_EVERY_S:
            self._told_s[status.camera_id] = now_s
            self._hub.publish(status)

    def forget_camera(self, camera_id: str) -> None:
        """Drop what was said of a camera that is gone."""
        self._statuses.pop(camera_id, None)
        self._told_s.pop(camera_id, None)

    def notices(self) -> list[SystemNotice]:
        """The standing notices that are not `info`, the same one once."""
        return list(dict.fromkeys(self._notices.values()))

    def note(self, notice: EventNotice | SystemNotice, slot: int) -> None:
        """Pass a notice on, and keep it while it stands; `info` takes the one of its topic and slot back."""
        if isinstance(notice, EventNotice):
            self.events_written += notice.phase == "begin"
        elif notice.level == "info":
            self._notices.pop((notice.topic, slot), None)
        elif self._notices.get((notice.topic, slot)) == notice:
            return
        else:
            self._notices[(notice.topic, slot)] = notice
        self._hub.publish(notice)

    def stands(self, topic: str, slot: int) -> bool:
        """Whether something was said of the topic and not taken back."""
        return (topic, slot) in self._notices

    def clear(self, topic: str, slot: int) -> None:
        """Take back what was said of the topic, if anything was."""
        if self.stands(topic, slot):
            self.note(SystemNotice(topic, "info", "it runs again"), slot)

    def clear_slot(self, slot: int) -> None:
        """Take back all that a shard complained of."""
        for topic, of_slot in list(self._notices):
            if of_slot == slot:
                self.clear(topic, slot)
