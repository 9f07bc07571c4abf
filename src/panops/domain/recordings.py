"""Pieces of a camera's recording, and spans of time among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Span = tuple[float, float]
"""First and last moment, UTC s."""


class Place(StrEnum):
    """Where a file lies, and what is being done with it. Each step is written down before the next one, so a killed process loses none."""

    HERE = "here"
    """In the recordings' folder."""
    SENDING = "sending"
    """In the recordings' folder, and on its way to the archive: something of it may be there."""
    BOTH = "both"
    """In the archive, whole and compared; the file in the recordings' folder goes now."""
    ARCHIVE = "archive"
    """In the archive."""
    GOING = "going"
    """To be deleted from the archive; nobody sees it any more."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a recording.

    Attributes:
        camera_id: The camera.
        path: Where it lies in the recordings' folder: `camera/YYYY-MM-DD/HHMMSSmmm.mp4`, UTC.
        start_s: Capture time of its first picture, UTC s.
        end_s: When its last picture ends, UTC s.
        size_bytes: Its size.
        sha256: Of the whole file.
        motion: When something moved in it or was tracked, in order; empty where nobody looked.
        has_event: Whether an event went on in it, or a few seconds before or after.
        protected: Whether retention must leave it alone.
        segment_id: Its number in the database; 0 before it is there.
        place: Where it lies.
    """

    camera_id: str
    path: str
    start_s: float
    end_s: float
    size_bytes: int
    sha256: str
    motion: tuple[Span, ...] = ()
    has_event: bool = False
    protected: bool = False
    segment_id: int = 0
    place: Place = Place.HERE


def joined(spans: Iterable[Span], within_s: float) -> list[Span]:
    """Spans in order, those that overlap or lie at most `within_s` apart as one."""
    found: list[Span] = []
    for start_s, end_s in sorted(spans):
        if found and start_s - found[-1][1] <= within_s:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((start_s, end_s))
    return found


def gaps_between(spans: Iterable[Span], start_s: float, end_s: float) -> list[Span]:
    """What of the time from `start_s` to `end_s` none of `spans`, in order and apart from each other, covers."""
    found: list[Span] = []
    at_s = start_s
    for first_s, last_s in spans:
        if first_s > at_s:
            found.append((at_s, min(first_s, end_s)))
        at_s = max(at_s, last_s)
    if at_s < end_s:
        found.append((at_s, end_s))
    return found
