"""Recordings over the API: what there is, its files, exports with their audit, protection, forecasts."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from panops.api import recording_export
from panops.api.media import StoredFile
from panops.api.security import Caller
from panops.domain.recordings import Segment
from panops.ingest.segment_file import SegmentFile
from panops.storage.recording_folder import RecordingFolder, synced_and_hashed
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Role, Scope
from panops.testing.films import make_film
from tests.unit.ingest.recorded_packets import later, load

from .conftest import Site

pytestmark = pytest.mark.anyio

START_S = 1_760_000_000.0
Record = Callable[..., Segment]


@pytest.fixture
def record(site: Site, tmp_path: Path) -> Record:
    """Records four seconds of a camera, so many seconds after START_S."""
    folder = RecordingFolder(site.home / "recordings")
    film = make_film(tmp_path / "film.mp4", count=40)
    wide = make_film(tmp_path / "wide.mp4", count=40, size_wh=(176, 120))

    def make(camera: str, after_s: float, *, other: bool = False) -> Segment:
        info, packets = load(wide if other else film, START_S)
        file = SegmentFile(folder.new_file(camera, START_S + after_s), info)
        for packet in later(packets, after_s):
            file.add(packet)
        file.close()
        size, sha256 = synced_and_hashed(file.path)
        moved = ((file.start_s + 1, file.start_s + 2),)
        RecordingIndex(site.database).add([Segment(camera, folder.stored(file.path), file.start_s, file.end_s, size, sha256, moved)])
        return RecordingIndex(site.database).segments(site.accounts.user("ada").scope, camera, START_S + after_s, START_S + after_s + 1)[0]  # type: ignore[union-attr]  # exists

    return make


def address(camera: str = "gate", what: str = "", start: float = 0.0, end: float = 100.0) -> str:
    return f"/api/v1/cameras/{camera}/recording{what}?from={START_S + start}&to={START_S + end}"


def frames(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


async def test_what_there_is_of_a_span(site: Site, record: Record) -> None:
    site.clock.now_s = START_S + 60
    for after_s in (10.0, 14.0, 40.0):
        record("gate", after_s)
    record("yard", 10.0)
    answer = (await site.get("greta", address())).json()
    spans = [[round(edge - START_S, 1) for edge in span] for span in answer["spans"]]
    gaps = [[round(edge - START_S, 1) for edge in span] for span in answer["gaps"]]
    assert spans == [[10.0, 18.0], [40.0, 44.0]]
    assert gaps == [[0.0, 10.0], [18.0, 40.0], [44.0, 60.0]], "nothing is missing of what is still to come"
    assert [round(start - START_S) for start, _ in answer["motion"]] == [11, 15, 41]
    assert (answer["oldest_s"], answer["newest_s"]) == (START_S + 10, pytest.approx(START_S + 44))
    for one in answer["segments"]:
        data = (await site.get("greta", one["url"])).content
        assert hashlib.sha256(data).hexdigest() == one["sha256"]
        assert frames(data) == 40
    assert (await site.get("greta", address("yard"))).status_code == 404


async def test_a_file_is_sent_in_ranges_to_who_may_see_its_camera(site: Site, record: Record) -> None:
    segment = record("yard", 0.0)
    url = f"/api/v1/cameras/yard/recording/segments/{segment.segment_id}.mp4"
    part = await site.get("vera", url, headers={"Range": "bytes=-100"})
    assert (part.status_code, len(part.content)) == (206, 100)
    assert part.headers["cache-control"] == "private, no-cache"
    assert (await site.get("greta", url)).status_code == 404
    assert (await site.get("greta", url.replace("yard", "gate"))).status_code == 404, "nor by another camera's address"
    RecordingFolder(site.home / "recordings").remove([segment.path])
    assert (await site.get("vera", url)).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("?from=5", 422), ("?from=5&to=5", 422), ("?from=0&to=400000", 422), ("?from=nan&to=5", 422), ("?from=0&to=200000", 200)],
)
async def test_spans_that_are_none(site: Site, query: str, status: int) -> None:
    assert (await site.get("vera", f"/api/v1/cameras/gate/recording{query}")).status_code == status


async def test_an_export_is_one_film_and_is_audited(site: Site, record: Record) -> None:
    for after_s in (0.0, 4.0, 30.0):
        record("gate", after_s)
    answer = await site.get("greta", address(what="/export.mp4", start=2.0, end=33.0))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="gate-20251009T085322Z.mp4"'
    assert frames(answer.content) == 20 + 40 + 30
    (noted,) = [entry for entry in site.services.audit.entries().entries if entry.action == "recording.export"]
    sha256 = hashlib.sha256(answer.content).hexdigest()
    assert (noted.user, noted.target, noted.detail["sha256"]) == ("greta", "gate", sha256)
    assert answer.headers["x-content-sha256"] == sha256
    assert [[round(edge - START_S) for edge in gap] for gap in noted.detail["gaps"]] == [[8, 30]]
    assert not list((site.home / "recordings").glob(".export*")), "nothing is left on the disk"
    assert (await site.get("greta", address("yard", "/export.mp4"))).status_code == 404
    assert (await site.get("vera", address(what="/export.mp4", start=100, end=200))).status_code == 404
    assert (await site.get("vera", address(what="/export.mp4", end=30_000))).status_code == 422


async def test_a_stream_that_changed_is_told_with_the_moment(site: Site, record: Record) -> None:
    record("gate", 0.0)
    record("gate", 10.0, other=True)
    answer = await site.get("vera", address(what="/export.mp4"))
    assert answer.status_code == 409
    assert "from 2025-10-09 08:53:30 UTC on" in answer.json()["detail"]
    assert (await site.get("vera", address(what="/export.mp4", end=9.0))).status_code == 200
    assert not list((site.home / "recordings").glob(".export*"))


async def test_an_export_without_room_is_refused_in_words(site: Site, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    record("gate", 0.0)
    monkeypatch.setattr(RecordingFolder, "free_bytes", lambda _: 1000)
    answer = await site.get("vera", address(what="/export.mp4"))
    assert answer.status_code == 507
    assert "not free" in answer.json()["detail"]


async def test_an_export_leaves_what_recordings_leave_free(site: Site, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    size = record("gate", 0.0).size_bytes
    least = 2 * 1024**3 + 64 * 1024**2 + size
    monkeypatch.setattr(RecordingFolder, "free_bytes", lambda _: least - 1)
    refused = await site.get("vera", address(what="/export.mp4"))
    assert (refused.status_code, "recording.max_gib" in refused.json()["detail"]) == (507, True)
    monkeypatch.setattr(RecordingFolder, "free_bytes", lambda _: least)
    with recording_export._ROOM.kept(1, RecordingFolder(site.home / "recordings"), 0):
        assert (await site.get("vera", address(what="/export.mp4"))).status_code == 507, "another one is being written"
    assert (await site.get("vera", address(what="/export.mp4"))).status_code == 200


async def test_a_film_holds_its_slot_until_it_is_sent(site: Site, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    record("gate", 0.0)
    slots, held = site.services.films, []
    send_all = StoredFile.__call__

    async def noting(self: StoredFile, *parts: Any) -> None:
        held.append(list(slots._taken))
        await send_all(self, *parts)
        held.append(list(slots._taken))

    monkeypatch.setattr(StoredFile, "__call__", noting)
    assert (await site.get("vera", address(what="/export.mp4"))).status_code == 200
    assert (held, slots._taken) == ([["vera"], ["vera"]], {})
    slot = slots.take(Caller("vera", Role.VIEWER, Scope.everything(), "session", ""))
    assert (await site.get("vera", address(what="/export.mp4"))).status_code == 429
    slot.free()
    record("gate", 10.0, other=True)
    assert (await site.get("vera", address(what="/export.mp4"))).status_code == 409
    assert slots._taken == {}, "nor is it lost where nothing is made"


async def test_operators_protect_a_span(site: Site, record: Record) -> None:
    for after_s in (0.0, 4.0, 8.0):
        record("gate", after_s)
    body = {"from_s": START_S + 1, "to_s": START_S + 5}
    path = "/api/v1/cameras/gate/recording/protection"
    assert (await site.ask("PUT", "vera", path, json=body)).status_code == 403
    assert (await site.ask("PUT", "oscar", path, json=body)).json() == {"segments": 2}
    assert (await site.ask("PUT", "oscar", path, json=body)).json() == {"segments": 0}
    assert [one["protected"] for one in (await site.get("vera", address())).json()["segments"]] == [True, True, False]
    assert (await site.ask("PUT", "oscar", path, json={**body, "protected": False})).json() == {"segments": 2}
    assert (await site.ask("PUT", "oscar", path, json={"from_s": 5.0, "to_s": 4.0})).status_code == 422
    assert (await site.ask("PUT", "oscar", path, json={"from_s": 5.0, "to_s": 6.0})).status_code == 404
    assert [entry.detail["segments"] for entry in site.services.audit.entries().entries if entry.action == "recording.protect"] == [2, 0, 2]


async def test_how_far_back_recordings_will_reach(site: Site, record: Record) -> None:
    site.clock.now_s = START_S + 3600
    record("gate", 0.0)
    answer = (await site.get("oscar", "/api/v1/recordings")).json()
    (gate,) = answer["cameras"]
    assert gate["bytes_per_day"] == pytest.approx(gate["size_bytes"] * 24, rel=0.01)
    assert (gate["forecast_days"], gate["limited_by"]) == (7.0, "days")
    assert answer["headroom_hours"] > 0
    token = site.accounts.create_token("half", site.accounts.user("oscar").role, ["yard"])  # type: ignore[union-attr]  # exists
    mine = (await site.get(None, "/api/v1/recordings", headers={"Authorization": f"Bearer {token}"})).json()
    assert (mine["cameras"], mine["folder"], mine["size_bytes"]) == ([], "", 0)


async def test_who_may_see_some_cameras_is_not_told_the_sites_folder_and_sizes(
    site: Site, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("gate", 0.0)
    token = site.accounts.create_token("half", site.accounts.user("oscar").role, ["yard"])  # type: ignore[union-attr]  # exists
    mine = {"headers": {"Authorization": f"Bearer {token}"}}
    said = (await site.get(None, "/api/v1/recordings", **mine)).json()
    assert [said[name] for name in ("message", "folder", "free_bytes", "headroom_hours")] == ["", "", None, None]
    assert (await site.get("oscar", "/api/v1/recordings")).json()["free_bytes"] > 0
    monkeypatch.setattr(RecordingFolder, "free_bytes", lambda _: 1000)
    whole = (await site.get("oscar", "/api/v1/recordings")).json()["message"]
    assert "MiB" in whole
    told = (await site.get(None, "/api/v1/recordings", **mine)).json()["message"]
    assert told == "recordings have too little space; somebody who may see every camera is told more"


async def test_the_address_that_is_recorded_keeps_its_password(site: Site) -> None:
    camera = (await site.get("ada", "/api/v1/cameras/gate")).json()["config"]
    camera |= {"record": "motion", "record_source": "rtsp://viewer:M41n@camera.example/main"}
    shown = (await site.ask("PUT", "ada", "/api/v1/cameras/gate", json=camera)).json()["config"]
    assert shown["record_source"] == "rtsp://viewer:***@camera.example/main"
    assert shown["record"]["mode"] == "motion"
    await site.ask("PUT", "ada", "/api/v1/cameras/gate", json={**shown, "name": "Gate"})
    stored = site.services.sites.load().cameras["gate"]
    assert stored.record_source.get_secret_value() == "rtsp://viewer:M41n@camera.example/main"
    assert (await site.ask("PUT", "ada", "/api/v1/cameras/gate", json={**shown, "record_source": "/etc/passwd"})).status_code == 422
    await site.ask("PUT", "ada", "/api/v1/cameras/gate", json={**shown, "record_source": ""})
    shown = (await site.get("ada", "/api/v1/cameras/gate")).json()["config"]
    same_login = shown["source"].rpartition("/")[0] + "/main"
    assert "***" in same_login
    await site.ask("PUT", "ada", "/api/v1/cameras/gate", json={**shown, "record_source": same_login})
    watched, recorded = (
        getattr(site.services.sites.load().cameras["gate"], name).get_secret_value() for name in ("source", "record_source")
    )
    assert recorded == watched.rpartition("/")[0] + "/main", "the password of the stream that is watched"
    await site.ask("PUT", "ada", "/api/v1/cameras/gate", json={**shown, "record_source": ""})
    assert site.services.sites.load().cameras["gate"].record_source.get_secret_value() == ""


async def test_who_watches_a_recording_is_noted_once_for_each_hour_of_it(site: Site, record: Record) -> None:
    first, second, later_on = record("gate", 0.0), record("gate", 10.0), record("gate", 3600.0)
    yard = record("yard", 0.0)

    def url(one: Segment) -> str:
        return f"/api/v1/cameras/{one.camera_id}/recording/segments/{one.segment_id}.mp4"

    assert (await site.get("vera", url(first), headers={"Range": "bytes=999999999-"})).status_code == 416
    await site.ask("HEAD", "vera", url(first))
    for one in (first, first, second, later_on, yard):
        for asked in ("bytes=-100", "bytes=1-"):
            assert (await site.get("vera", url(one), headers={"Range": asked})).status_code == 206
    await site.get("greta", url(second))
    noted = [entry for entry in reversed(site.services.audit.entries().entries) if entry.action == "recording.view"]
    assert [(entry.user, entry.target, entry.detail["start_s"]) for entry in noted] == [
        ("vera", "gate", first.start_s),
        ("vera", "gate", later_on.start_s),
        ("vera", "yard", yard.start_s),
        ("greta", "gate", second.start_s),
    ]
    assert noted[0].detail["sha256"] == first.sha256
    site.clock.now_s += 3601
    await site.get("vera", url(second))
    assert [entry.action for entry in site.services.audit.entries().entries].count("recording.view") == 5


async def test_a_player_is_not_held_up(site: Site, record: Record) -> None:
    segment = record("gate", 0.0)
    url = f"/api/v1/cameras/gate/recording/segments/{segment.segment_id}.mp4"
    answers = {(await site.get("vera", url, headers={"Range": "bytes=0-99"})).status_code for _ in range(400)}
    assert answers == {206}
