"""Events of a running panops: search over all pages, follow, judge, and take the proof away with its sum checked."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from panops.client.errors import ApiError, BadDownload, TooOften, Unreachable
from panops.client.http import Http, part, query_of
from panops.client.values import Event, EventDetail, EvidenceFile, Reviewed, Told, Understood

PAGE = 200
MOST_AT_ONCE = 500
_LONGEST_WAIT_S = 30.0


class Events:
    """What happened."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def search(self, *, limit: int | None = None, **wanted: Any) -> Iterator[Event]:
        """Events, newest first, page after page as they are asked for.

        Args:
            limit: How many at most; None: all.
            **wanted: The parameters of `GET /api/v1/events`, such as `camera=["gate"]`, `status=["new"]`, `since=1790000000`, `text="van"`,
                `words="car at the gate last night"`; for `class` and `open` write `class_` and `open_`.

        Raises:
            ApiError: One of its kinds.
        """
        query = {name.rstrip("_"): value for name, value in wanted.items()}
        cursor, left = None, limit
        while left is None or left > 0:
            page = self._http.get("/events", {**query, "cursor": cursor, "limit": PAGE if left is None else min(PAGE, left)}).data
            yield from (Event.of(one) for one in page["events"])
            cursor = page["next_cursor"]
            left = None if left is None else left - len(page["events"])
            if cursor is None:
                return

    def understood(self, words: str) -> Understood:
        """How the site understands a question in plain words, as `search(words=...)` takes it.

        Raises:
            ApiError: One of its kinds.
        """
        return Understood.of(self._http.get("/events", {"words": words, "limit": 1}).data["understood"])

    def get(self, event_id: str) -> EventDetail:
        """One event with its proof.

        Raises:
            NotThere: There is none, or not for this token.
        """
        return EventDetail.of(self._http.get(f"/events/{part(event_id)}").data)

    def counts(self, since_s: float | None = None) -> dict[str, Any]:
        """How many events there are, by status, kind, camera and severity."""
        return dict(self._http.get("/events/counts", {"since": since_s}).data)

    def review(self, event_ids: Sequence[str], *, status: str | None = None, note: str | None = None, kept: bool | None = None) -> Reviewed:
        """Say the same of events; what is None stays as it is. More than 500 are sent in several requests."""
        said = {name: value for name, value in (("status", status), ("note", note), ("kept", kept)) if value is not None}
        events: list[Event] = []
        missing: list[str] = []
        for first in range(0, len(event_ids), MOST_AT_ONCE):
            body = {"event_ids": list(event_ids[first : first + MOST_AT_ONCE]), **said}
            done = self._http.ask("PATCH", "/events", body).data
            events += [Event.of(one) for one in done["events"]]
            missing += done["missing"]
        return Reviewed(tuple(events), tuple(missing))

    # --- as they happen ---------------------------------------------------------------------------------------------------------

    def stream(self, *, last_id: str = "", **wanted: Any) -> Iterator[Told]:
        """Events as they begin, go on, end, get their clip or are reviewed, until the connection ends.

        Args:
            last_id: `last_id` of the message that was read last, to hear of what was missed since then, at least once.
            **wanted: `camera`, `rule`, `kind` (lists), `suppressed`.

        Raises:
            ApiError: One of its kinds; `Unreachable` when the connection breaks.
        """
        yield from (told for told in self._all_told(last_id, wanted) if told.phase)

    def _all_told(self, last_id: str, wanted: Mapping[str, Any]) -> Iterator[Told]:
        """The same, and what only moves the id on: its phase is empty."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
        with self._http.pieces("GET", f"/events/stream{query_of(wanted)}", headers=headers) as pieces:
            for block in _blocks(pieces):
                last_id = block.get("id", last_id)
                if "data" in block:
                    yield _told(block, last_id)
                elif "id" in block:
                    yield Told("", None, last_id)

    def follow(self, *, last_id: str = "", sleep: Callable[[float], None] = time.sleep, **wanted: Any) -> Iterator[Told]:
        """As `stream`, but for ever: a connection that breaks is made again, and what was missed meanwhile is told.

        Raises:
            ApiError: What no patience mends, such as a token that is not valid.
        """
        wait_s = 1.0
        while True:
            try:
                for told in self._all_told(last_id, wanted):
                    last_id, wait_s = told.last_id, 1.0
                    if told.phase:
                        yield told
            except (Unreachable, TooOften) as error:
                wait_s = max(wait_s, error.retry_after_s)
            except ApiError as error:
                if error.status < 500:
                    raise
            sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    # --- the proof --------------------------------------------------------------------------------------------------------------

    def download(self, file: EvidenceFile, target: Path) -> Path:
        """Save a file that proves an event, whole and with the right sha256, or not at all.

        Args:
            file: Of an `EventDetail`.
            target: The file to write, or a folder, in which it is called as on the server.

        Raises:
            BadDownload: Its sum is not the recorded one.
            NotThere: Another version has taken its place: ask the event again.
            OSError: It cannot be written.
        """
        path = target / file.file_name if target.is_dir() else target
        joint = "&" if "?" in file.url else "?"
        address = f"{file.url.removeprefix('/api/v1')}{joint}download=true"
        digest = hashlib.sha256()
        with self._http.pieces("GET", address) as pieces:
            return _save(pieces, path, digest, lambda: _check(digest.hexdigest(), file.sha256, path.name))

    def export(self, event_ids: Sequence[str], target: Path) -> Path:
        """Save events with their proof as a zip, with a manifest of sums; 500 at most.

        Raises:
            NotThere: None of the events is there.
            OSError: It cannot be written.
        """
        with self._http.pieces("POST", "/events/export", {"event_ids": list(event_ids)}) as pieces:
            return _save(pieces, target, hashlib.sha256(), lambda: None)


def _blocks(pieces: Iterator[bytes]) -> Iterator[dict[str, str]]:
    """The blocks of a stream of server-sent events: fields by name, several lines of `data` as one text."""
    left = b""
    block: dict[str, str] = {}
    for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if not text:
                if block:
                    yield block
                block = {}
                continue
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if name:
                block[name] = f"{block[name]}\n{value}" if name == "data" and "data" in block else value


def _told(block: dict[str, str], last_id: str) -> Told:
    try:
        data = json.loads(block["data"])
        if block.get("event") == "gap":
            return Told("gap", None, last_id, str(data["detail"]))
        return Told(str(data["phase"]), Event.of(data["event"]), last_id)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"the server sends a message that is no event ({error}); is it another version?") from error


def _save(pieces: Iterator[bytes], path: Path, digest: Any, check: Callable[[], None]) -> Path:
    """Write pieces beside `path`, check them, and put the file in its place."""
    half = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with half.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        check()
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def _check(got: str, wanted: str, name: str) -> None:
    if got != wanted:
        raise BadDownload(f"{name}: expected the sha256 {wanted}, got {got}: the file was changed since it was written; nothing was saved")
