"""Viewers' feeds: who watches what, and fan-out of previews and notices to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from panops.pipeline.live import LiveMessage, Preview

Size = Literal["s", "m", "l"]
Wish = tuple[str, Size]

_MOST_NOTICES = 1000


class Feed:
    """One viewer's subscription; implements `panops.pipeline.live.Subscription`. Lives on the event loop."""

    def __init__(self, hub: FeedHub) -> None:
        self._hub = hub
        self._previews: dict[str, Preview] = {}
        self._notices: deque[LiveMessage] = deque(maxlen=_MOST_NOTICES)
        self._wake = asyncio.Event()
        self.cameras: frozenset[str] = frozenset()
        self.fps = 0.0
        self.size: Size = "s"
        self.closed = False

    def watch(self, camera_ids: Sequence[str], fps: float, size: Size) -> None:
        """Ask for these cameras' previews from now on, and no others."""
        self.cameras, self.fps, self.size = frozenset(camera_ids), fps, size
        self._previews = {key: value for key, value in self._previews.items() if key in self.cameras}
        self._hub.wishes_changed()

    async def next(self) -> list[LiveMessage]:
        """Wait until there is something, then everything there is; an empty list once the feed is closed."""
        await self._wake.wait()
        self._wake.clear()
        messages: list[LiveMessage] = [*self._notices, *self._previews.values()]
        self._notices.clear()
        self._previews.clear()
        return messages

    def close(self) -> None:
        """End the feed. Safe to call twice."""
        if not self.closed:
            self.closed = True
            self._hub.remove(self)
            self._wake.set()

    def offer(self, message: LiveMessage) -> None:
        """Take a message if this viewer wants it; a newer preview replaces an unread one of the same camera."""
        if isinstance(message, Preview):
            if message.camera_id not in self.cameras or message.size != self.size:
                return
            self._previews[message.camera_id] = message
        else:
            self._notices.append(message)
        self._wake.set()


class FeedHub:
    """All feeds, and what they want together.

    Args:
        on_change: Called when the sum of wishes may have changed; it should read `wishes` and tell the shards.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._feeds: list[Feed] = []

    def subscribe(self) -> Feed:
        """A new feed."""
        feed = Feed(self)
        self._feeds.append(feed)
        return feed

    def remove(self, feed: Feed) -> None:
        """Forget a feed that was closed."""
        self._feeds.remove(feed)
        self.wishes_changed()

    async def snapshot(self, camera_id: str, size: Size, within_s: float = 1.0) -> Preview | None:
        """The newest picture of a camera, or None when there is none in time."""
        feed = self.subscribe()
        feed.watch([camera_id], 10.0, size)
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for message in await feed.next():
                        if isinstance(message, Preview):
                            return message
        except TimeoutError:
            return None
        finally:
            feed.close()

    def wishes_changed(self) -> None:
        """Tell whoever feeds us."""
        self._on_change()

    def wishes(self) -> dict[Wish, float]:
        """For each camera and size that anyone watches, the highest rate wanted, frames/s."""
        wanted: dict[Wish, float] = {}
        for feed in self._feeds:
            for camera_id in feed.cameras:
                key = (camera_id, feed.size)
                wanted[key] = max(wanted.get(key, 0.0), feed.fps)
        return wanted

    def publish(self, message: LiveMessage) -> None:
        """Offer a message to every feed."""
        for feed in tuple(self._feeds):
            feed.offer(message)
