"""Proof of cameras whose faces are blurred: what is shown, what is taken away, and who may have it as it is."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.config.load import parse_site
from panops.domain.detections import Detections
from panops.domain.events import EvidenceKind
from panops.domain.frame import Frame
from panops.pipeline.face_blur import FaceBlur
from panops.storage.drift import DriftDays

from .conftest import SITE, Site
from .test_app import store_event
from .test_recording import Record, address, record

__all__ = ["record"]
pytestmark = pytest.mark.anyio
EXPORT = "/api/v1/events/export"
PICTURE = "/api/v1/events/gate-1-1/snapshot.jpg"


class Finder:
    """Sees a face in the left half of everything."""

    classes = ("face",)

    def detect(self, frame: Frame) -> Detections:
        width, height = frame.size_wh
        return Detections(np.array([[0, 0, width / 2, height]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64))

    def forget(self, camera_id: str) -> None:
        """It keeps nothing."""


def asked(site: Site, *what: str, finds: bool = True) -> None:
    """The camera `gate` has faces blurred so."""
    text = SITE.replace("name: North gate", f"name: North gate\n    privacy: {{blur_faces: [{', '.join(what)}]}}")
    site.services.sites.apply(parse_site(text, "test", {}))
    site.services.blurred.blur = FaceBlur(lambda _name: Finder()) if finds else None


def picture() -> bytes:
    image = cv2.resize(np.random.default_rng(1).integers(0, 256, (45, 80, 3), np.uint8), (320, 180))
    return cv2.imencode(".jpg", image)[1].tobytes()


def busy(data: bytes) -> tuple[float, float]:
    """How much goes on in the left and in the right half."""
    image: NDArray[Any] = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE).astype(int)
    across = np.abs(np.diff(image, axis=1))
    return float(across[:, 10:120].mean()), float(across[:, 210:].mean())


def proof(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    site.services.evidence.add_bytes("gate-1-1", EvidenceKind.SNAPSHOT, picture(), 1000.0, 1000.0)


async def exported(site: Site, who: str, event_id: str = "gate-1-1", **more: object) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    answer = await site.ask("POST", who, EXPORT, json={"event_ids": [event_id], **more})
    assert answer.status_code == 200, answer.text
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    return archive, json.loads(archive.read("manifest.json"))


async def test_an_export_has_no_faces_and_says_so(site: Site) -> None:
    asked(site, "exports")
    proof(site)
    archive, manifest = await exported(site, "oscar")
    left, right = busy(archive.read("gate-1-1/snapshot.jpg"))
    assert left < 0.3 * right
    entry = next(file for file in manifest["files"] if file["path"].endswith("snapshot.jpg"))
    assert entry["faces_blurred"] is True
    assert entry["sha256"] != entry["recorded_sha256"]
    shown = (await site.get("vera", PICTURE)).content
    assert busy(shown)[0] > 0.7 * busy(shown)[1], "what is looked at is as it was"
    saved = await site.get("vera", f"{PICTURE}?download=true")
    assert busy(saved.content)[0] < 0.3 * busy(saved.content)[1]
    assert "gate-1-1-blurred-snapshot.jpg" in saved.headers["content-disposition"]


async def test_a_clip_is_blurred_too(site: Site) -> None:
    asked(site, "exports")
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    answer = await site.get("vera", f"/api/v1/events/{event_id}/clip.mp4?download=true")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    original = (await site.get("vera", f"/api/v1/events/{event_id}/clip.mp4")).content
    assert answer.content != original


async def test_only_administrators_may_take_it_as_it_is(site: Site) -> None:
    asked(site, "exports")
    proof(site)
    refused = await site.ask("POST", "oscar", EXPORT, json={"event_ids": ["gate-1-1"], "unblurred": True})
    assert (refused.status_code, "only administrators" in refused.json()["detail"]) == (403, True)
    archive, manifest = await exported(site, "ada", unblurred=True)
    assert archive.read("gate-1-1/snapshot.jpg") == picture()
    assert all("faces_blurred" not in file for file in manifest["files"])
    log = (await site.get("ada", "/api/v1/audit")).json()["entries"]
    assert any(one["action"] == "evidence.export" and one["detail"].get("unblurred") for one in log)


async def test_what_cannot_be_blurred_is_not_given_away(site: Site) -> None:
    asked(site, "exports", finds=False)
    proof(site)
    archive, manifest = await exported(site, "oscar")
    assert archive.namelist() == ["gate-1-1/event.json", "manifest.json"]
    (left_out,) = manifest["left_out_unblurred"]
    assert left_out["path"] == "gate-1-1/snapshot.jpg"
    assert "which cannot be done now: there are no models here" in left_out["why"]
    assert (await site.get("vera", f"{PICTURE}?download=true")).status_code == 503


async def test_other_cameras_are_not_touched(site: Site) -> None:
    asked(site, "exports", "live", "snapshots")
    store_event(site, "yard-1-1", "yard")
    site.services.evidence.add_bytes("yard-1-1", EvidenceKind.SNAPSHOT, picture(), 1000.0, 1000.0)
    saved = await site.get("vera", "/api/v1/events/yard-1-1/snapshot.jpg?download=true")
    assert saved.content == picture()


async def test_clips_of_blurred_snapshots_are_for_administrators(site: Site) -> None:
    asked(site, "snapshots")
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    path = f"/api/v1/events/{event_id}/clip.mp4"
    assert (await site.get("oscar", path)).status_code == 403
    assert (await site.get("ada", path)).status_code == 200
    assert (await site.get("oscar", path.replace("clip.mp4", "snapshot.jpg"))).status_code == 200
    assert (await site.get("oscar", f"{path}?download=true")).status_code == 403
    for who, more, there in (("oscar", {}, False), ("ada", {}, False), ("ada", {"unblurred": True}, True)):
        archive, manifest = await exported(site, who, event_id, **more)
        assert (f"{event_id}/clip.mp4" in archive.namelist()) == there, (who, more)
        assert f"{event_id}/snapshot.jpg" in archive.namelist()
        left_out = [] if there else [f"{event_id}/clip.mp4"]
        assert [one["path"] for one in manifest.get("left_out_unblurred", [])] == left_out
        if not there:
            assert "faces are blurred in pictures of events" in manifest["left_out_unblurred"][0]["why"]


async def test_where_exports_are_blurred_too_the_clip_is_taken_away_without_faces(site: Site) -> None:
    asked(site, "snapshots", "exports")
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    assert (await site.get("oscar", f"/api/v1/events/{event_id}/clip.mp4")).status_code == 403
    assert (await site.get("oscar", f"/api/v1/events/{event_id}/clip.mp4?download=true")).status_code == 200
    _, manifest = await exported(site, "oscar", event_id)
    (clip,) = [file for file in manifest["files"] if file["path"].endswith("clip.mp4")]
    assert clip["faces_blurred"] is True


async def test_recordings_of_blurred_cameras_are_for_administrators(site: Site, record: Record) -> None:  # a fixture
    segment = record("gate", 10.0)
    shown = f"/api/v1/cameras/gate/recording/segments/{segment.segment_id}.mp4"
    asked(site, "live")
    assert (await site.get("vera", shown)).status_code == 403
    assert (await site.get("ada", shown)).status_code == 200
    asked(site, "exports")
    assert (await site.get("vera", shown)).status_code == 200


@pytest.mark.parametrize("where", ["live", "snapshots", "exports"])
async def test_films_of_recordings_of_blurred_cameras_are_for_administrators(site: Site, record: Record, where: str) -> None:  # a fixture
    record("gate", 10.0)
    assert (await site.get("vera", address("gate", "/export.mp4"))).status_code == 200
    asked(site, where)
    for who, more, status in (("vera", "", 403), ("vera", "&unblurred=true", 403), ("ada", "", 403), ("ada", "&unblurred=true", 200)):
        assert (await site.get(who, address("gate", "/export.mp4") + more)).status_code == status, (who, more)


def masked(site: Site) -> None:
    """The camera `gate` has people masked."""
    text = SITE.replace("name: North gate", "name: North gate\n    privacy: {mask_persons: [snapshots]}")
    site.services.sites.apply(parse_site(text, "test", {}))


async def test_clips_of_masked_people_are_for_administrators_and_pictures_for_all(site: Site) -> None:
    masked(site)
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    path = f"/api/v1/events/{event_id}/clip.mp4"
    for more in ("", "?download=true"):
        assert (await site.get("oscar", path + more)).status_code == 403
        assert (await site.get("ada", path + more)).status_code == 200
    assert (await site.get("vera", path.replace("clip.mp4", "snapshot.jpg"))).status_code == 200


async def test_an_export_leaves_clips_of_masked_people_out_and_says_so(site: Site) -> None:
    masked(site)
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    answer = await site.ask("POST", "oscar", EXPORT, json={"event_ids": [event_id]})
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert f"{event_id}/snapshot.jpg" in archive.namelist()
    assert f"{event_id}/clip.mp4" not in archive.namelist()
    left_out = json.loads(archive.read("manifest.json"))["left_out_unblurred"]
    assert [one["path"] for one in left_out] == [f"{event_id}/clip.mp4"]
    assert "people are masked in pictures of events" in left_out[0]["why"]
    whole = await site.ask("POST", "ada", EXPORT, json={"event_ids": [event_id], "unblurred": True})
    assert f"{event_id}/clip.mp4" in zipfile.ZipFile(io.BytesIO(whole.content)).namelist()


async def test_recordings_of_masked_people_are_for_administrators(site: Site) -> None:
    masked(site)
    span = "/api/v1/cameras/gate/recording/export.mp4?from=1000&to=1010"
    refused = await site.get("oscar", span)
    assert (refused.status_code, "people are masked" in refused.json()["detail"]) == (403, True)
    assert (await site.get("ada", f"{span}&unblurred=true")).status_code == 404


@pytest.mark.parametrize("where", ["snapshots", "exports"])
async def test_the_picture_of_long_ago_is_for_administrators(site: Site, where: str) -> None:
    DriftDays(site.services.database).add("gate", "2026-01-01", {}, picture())
    path = "/api/v1/cameras/gate/drift/reference.jpg"
    assert (await site.get("vera", path)).status_code == 200
    asked(site, where)
    hidden = where == "snapshots"
    answer = await site.get("vera", path)
    assert answer.status_code == (403 if hidden else 200)
    if hidden:
        why = "this camera's faces are blurred in pictures of events, so only administrators may have what it looked like then"
        assert answer.json()["detail"] == why
    assert (await site.get("ada", path)).status_code == 200
