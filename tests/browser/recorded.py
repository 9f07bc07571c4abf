"""A recording for the browser tests: real files, listed in the database."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from panops.domain.recordings import Segment
from panops.storage.recordings import RecordingIndex
from panops.testing.films import make_film
from tests.browser.site import SiteServer

MINUTE_S = 60.0


def add_recording(server: SiteServer, camera: str, newest_s: float, hours: float, gap: tuple[float, float] = (0.0, 0.0)) -> list[Segment]:
    """List `hours` of one-minute files that end at `newest_s`, motion in every seventh; what begins within `gap` before the end is missing.

    Args:
        server: The site.
        camera: The camera.
        newest_s: Where the recording ends, UTC s.
        hours: How much.
        gap: From and to how many seconds before the end nothing was recorded.
    """
    folder = server.home / "recordings" / camera
    folder.mkdir(parents=True, exist_ok=True)
    film = make_film(folder / "film.mp4", count=120, rate_fps=2, gop=4, size_wh=(320, 180))
    segments = []
    for number in range(round(hours * 60)):
        start_s = newest_s - (number + 1) * MINUTE_S
        if gap[1] <= newest_s - start_s - MINUTE_S < gap[0]:
            continue
        start = datetime.fromtimestamp(start_s, UTC)
        stored = f"{camera}/{start:%Y-%m-%d}/{start:%H%M%S}{start.microsecond // 1000:03d}.mp4"
        path = server.home / "recordings" / stored
        path.parent.mkdir(exist_ok=True)
        os.link(film, path)
        motion = ((start_s + 10, start_s + 25),) if number % 7 == 3 else ()
        segments.append(Segment(camera, stored, start_s, start_s + MINUTE_S, film.stat().st_size, "0" * 64, motion))
    RecordingIndex(server.database).add(segments)
    return segments
