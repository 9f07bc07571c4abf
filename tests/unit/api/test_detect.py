"""`POST /api/v1/detect`: pictures of people in a hurry, and of people with bad intentions."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from panops.domain.errors import PluginError
from panops.inference.open_backend import open_backend
from panops.models.store import ModelStore
from panops.pipeline.sent_picture import read_sent_picture
from panops.vision.model_detector import ModelDetector
from panops.vision.registry import open_task

from .conftest import Site

pytestmark = pytest.mark.anyio

DETECT = "/api/v1/detect?model=street"
GREY = np.full((120, 160, 3), 114, np.uint8)


def encoded(image: NDArray[np.uint8], suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def png(width: int, height: int, *more: tuple[bytes, bytes]) -> bytes:
    """The head of a PNG that says it is so large, and no pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *more, (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    parts = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture(scope="module")
def people(shared_data: Path) -> bytes:
    """A photograph of people."""
    return (shared_data / "images" / "ppe" / "pictor_0.jpg").read_bytes()


async def test_it_sees_what_a_camera_would(site: Site, people: bytes) -> None:
    model = ModelStore(site.home / "models").get("ppe")
    frame = read_sent_picture(memoryview(people))
    seen = ModelDetector(model.manifest, open_task(model.manifest), open_backend(model.path)).detect(frame)
    answer = (await site.ask("POST", "oscar", "/api/v1/detect?model=ppe", content=people)).json()
    assert (answer["model"], answer["version"], answer["task"]) == ("ppe", model.version, "detection")
    assert answer["size_wh"] == list(frame.size_wh)
    order = np.argsort(-seen.score, kind="stable")
    assert len(order) > 0
    assert [found["class_id"] for found in answer["detections"]] == seen.class_id[order].tolist()
    assert [found["class"] for found in answer["detections"]] == [model.manifest.classes[index] for index in seen.class_id[order]]
    assert np.allclose([found["score"] for found in answer["detections"]], seen.score[order], atol=1e-4)
    assert np.allclose([found["xyxy"] for found in answer["detections"]], seen.xyxy[order], atol=0.06)
    least = answer["detections"][0]["score"] - 1e-3
    fewer = (await site.ask("POST", "oscar", f"/api/v1/detect?model=ppe&min_score={least}", content=people)).json()["detections"]
    assert fewer == [found for found in answer["detections"] if found["score"] >= least]


async def test_the_picture_comes_back_with_boxes(site: Site, people: bytes) -> None:
    answer = await site.ask("POST", "oscar", "/api/v1/detect?model=ppe&annotated=true", content=people)
    assert answer.headers["content-type"] == "image/jpeg"
    drawn = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR_RGB)
    before = read_sent_picture(memoryview(people)).image
    assert drawn is not None
    assert drawn.shape == before.shape
    changed = (np.abs(drawn.astype(int) - before) > 60).any(axis=2).mean()
    assert 0.001 < changed < 0.5


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
async def test_three_formats_as_a_body_or_a_form(site: Site, suffix: str) -> None:
    picture = encoded(GREY, suffix)
    for options in ({"content": picture}, {"files": {"file": (f"yard{suffix}", picture)}}):
        answer = await site.ask("POST", "oscar", DETECT, **options)
        assert (answer.status_code, answer.json()["size_wh"], answer.json()["detections"]) == (200, [160, 120], [])


async def test_a_large_picture_in_a_form_stays_in_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PluginError("a file was written")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", refuse)
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
    answer = await site.ask("POST", "oscar", DETECT, files={"file": ("yard.png", encoded(noise, ".png"))})
    assert answer.status_code == 200


async def test_a_picture_is_turned_as_its_exif_says(site: Site) -> None:
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + b"\x00" * 4
    plain = encoded(GREY)
    turned = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    assert (await site.ask("POST", "oscar", DETECT, content=turned)).json()["size_wh"] == [120, 160]


@pytest.mark.parametrize(
    ("options", "status", "complaint"),
    [
        ({"content": b""}, 400, "got nothing"),
        ({"content": b"hello"}, 415, "expected a JPEG, PNG or WebP picture"),
        ({"content": b"BM" + b"\x00" * 60}, 415, "expected a JPEG, PNG or WebP picture"),
        ({"content": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, 415, "expected a JPEG, PNG or WebP picture"),
        ({"content": encoded(GREY)[:200]}, 400, "damaged"),
        ({"content": encoded(GREY, ".png")[:60]}, 400, "damaged"),
        ({"content": png(30_000, 30_000)}, 413, "at most 50,000,000 pixels, got 900,000,000"),
        ({"content": png(2**31 - 1, 2**31 - 1)}, 413, "pixels"),
        ({"content": png(30_000, 30_000, (b"eXIf", b"II*\x00"))}, 413, "pixels"),
        ({"content": png(0, 5)}, 415, "expected a JPEG"),
        ({"files": {"a": b"x", "b": b"y"}}, 400, "one file"),
        ({"data": {"file": "no file"}, "files": {}}, 415, "expected a JPEG"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "Missing boundary"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=q"}}, 400, "one file"),
        ({"content": b"x", "headers": {"Content-Encoding": "gzip"}}, 415, "without Content-Encoding"),
        ({"content": b"x", "headers": {"Content-Length": str(33 * 1024 * 1024)}}, 413, "at most 33554432 bytes"),
        ({"content": b"x", "headers": {"Origin": "https://elsewhere.example"}}, 403, "another site"),
    ],
)
async def test_what_is_no_picture_is_told_why(site: Site, options: dict[str, Any], status: int, complaint: str) -> None:
    answer = await site.ask("POST", "oscar", DETECT, **options)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, complaint in answer.json()["detail"]) == (status, True), answer.json()


@pytest.mark.parametrize(
    ("query", "status", "complaint"),
    [
        ("model=nobody", 404, "known are: general, ppe, ppe_close, ppe_head, ppe_torso, sign_digits, street"),
        ("model=motion", 404, "there is no model 'motion'"),
        ("model=street@9", 404, "no version '9'"),
        ("model=street@", 404, "expected NAME@VERSION"),
        ("model=../../etc", 404, "there is no model"),
        ("model=street&min_score=2", 422, "is not as expected"),
        ("model=street&min_score=nan", 422, "is not as expected"),
        ("", 422, "choose one with ?model="),
    ],
)
async def test_a_model_that_is_not_there_is_told(site: Site, query: str, status: int, complaint: str) -> None:
    answer = await site.ask("POST", "oscar", f"/api/v1/detect?{query}", content=encoded(GREY))
    assert (answer.status_code, complaint in answer.json()["detail"]) == (status, True), answer.json()
