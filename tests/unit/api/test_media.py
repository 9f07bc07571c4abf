from __future__ import annotations

import hashlib
import io
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest
from starlette.responses import FileResponse

from panops.api.media import smaller_jpeg
from panops.domain.errors import StorageFull
from panops.domain.events import Event, EventPhase, EvidenceKind, Incident, Severity
from panops.storage.scope import Role

from .conftest import Site

pytestmark = pytest.mark.anyio


@pytest.fixture
async def clip(site: Site) -> tuple[str, bytes]:
    """The clip's address and its bytes."""
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    path = site.services.evidence.path(site.accounts.user("ada").scope, event_id, EvidenceKind.CLIP)  # type: ignore[union-attr]  # exists
    assert path is not None
    return f"/api/v1/events/{event_id}/clip.mp4", path.read_bytes()


async def test_the_clip_is_video_that_plays(site: Site, clip: tuple[str, bytes]) -> None:
    answer = await site.get("vera", clip[0])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Cookie, Authorization"
    assert answer.content == clip[1]
    with av.open(io.BytesIO(answer.content)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert len(list(container.decode(video=0))) == 10


@pytest.mark.parametrize(
    ("asked", "status", "piece"),
    [
        ("bytes=0-", 206, slice(0, None)),
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=100-199", 206, slice(100, 200)),
        ("bytes=-50", 206, slice(-50, None)),
        ("bytes=100-999999999", 206, slice(100, None)),
        ("bytes=999999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-5", 200, slice(0, None)),
        ("nonsense", 200, slice(0, None)),
        ("bytes=a-b", 200, slice(0, None)),
        ("items=0-5", 200, slice(0, None)),
        ("bytes=", 200, slice(0, None)),
        ("bytes=--5", 200, slice(0, None)),
        ("bytes=" + "9" * 5000 + "-", 200, slice(0, None)),
    ],
)
async def test_ranges(site: Site, clip: tuple[str, bytes], asked: str, status: int, piece: slice | None) -> None:
    address, data = clip
    answer = await site.get("vera", address, headers={"Range": asked})
    assert answer.status_code == status
    if piece is not None:
        assert answer.content == data[piece]
        assert int(answer.headers["content-length"]) == len(data[piece])
    if status == 206:
        start, stop, _ = piece.indices(len(data))  # type: ignore[union-attr]  # given for 206
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(data)}"
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(data)}"
        assert answer.headers["content-type"] == "application/problem+json"


async def test_several_ranges_at_once(site: Site, clip: tuple[str, bytes]) -> None:
    answer = await site.get("vera", clip[0], headers={"Range": "bytes=0-9, 100-109"})
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert clip[1][100:110] in answer.content


async def test_head_tells_the_length_only(site: Site, clip: tuple[str, bytes]) -> None:
    answer = await site.ask("HEAD", "vera", clip[0])
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(clip[1])


async def test_an_unchanged_file_is_not_sent_again(site: Site, clip: tuple[str, bytes]) -> None:
    etag = (await site.get("vera", clip[0])).headers["etag"]
    again = await site.get("vera", clip[0], headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert (await site.get("vera", clip[0], headers={"If-None-Match": '"other"'})).status_code == 200
    stale = await site.get("vera", clip[0], headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status_code, stale.content) == (200, clip[1])


@pytest.mark.parametrize("size", ["s", "m", "l"])
async def test_a_kept_picture_is_asked_for_again_and_not_shown_after_signing_out(site: Site, size: str) -> None:
    event_id = await site.live.raise_event("gate", duration_s=0.5)
    path = f"/api/v1/events/{event_id}/snapshot.jpg?size={size}"
    etags = {(await site.get("vera", path.replace(f"size={size}", f"size={other}"))).headers["etag"] for other in "sml"}
    assert len(etags) == 3
    etag = (await site.get("vera", path)).headers["etag"]
    again = await site.get("greta", path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (etag, "private, no-cache")
    assert again.headers["vary"] == "Cookie, Authorization"
    site.accounts.change("greta", role=Role.VIEWER, cameras=["yard"])
    assert (await site.get("greta", path, headers={"If-None-Match": etag})).status_code == 404
    await site.ask("DELETE", "vera", "/api/v1/session")
    assert (await site.get("vera", path, headers={"If-None-Match": etag})).status_code == 401


async def test_a_clip_can_be_saved_under_its_events_name(site: Site, clip: tuple[str, bytes]) -> None:
    assert "content-disposition" not in (await site.get("vera", clip[0])).headers
    answer = await site.get("vera", f"{clip[0]}?download=true")
    event_id = clip[0].split("/")[-2]
    assert answer.headers["content-disposition"] == f'attachment; filename="{event_id}-clip.mp4"'


async def test_small_pictures_for_lists(site: Site) -> None:
    event_id = await site.live.raise_event("gate", duration_s=0.5)

    async def width(size: str) -> int:
        answer: httpx.Response = await site.get("vera", f"/api/v1/events/{event_id}/snapshot.jpg?size={size}")
        image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["vary"] == "Cookie, Authorization"
        return int(image.shape[1])

    assert [await width(size) for size in "sml"] == [426, 854, 1280]


def test_a_picture_is_never_made_larger(tmp_path: Path) -> None:
    path = tmp_path / "small.jpg"
    cv2.imwrite(str(path), np.zeros((100, 200, 3), np.uint8))
    assert smaller_jpeg(path, 426) is None
    path.write_bytes(b"no picture")
    assert smaller_jpeg(path, 426) is None


async def test_what_is_not_there(site: Site) -> None:
    bare = await site.live.raise_event("gate", evidence=False)
    for path in (f"{bare}/clip.mp4", "nothing/clip.mp4"):
        assert (await site.get("vera", f"/api/v1/events/{path}")).status_code == 404
    for path in (f"{bare}/other.txt", "..%2f..%2fpanops.db/clip.mp4", f"{bare}/..%2f..%2fpanops.db", "%00/clip.mp4"):
        assert (await site.get("vera", f"/api/v1/events/{path}")).status_code in (404, 422)


async def test_a_file_that_is_gone_from_disk(site: Site, clip: tuple[str, bytes]) -> None:
    event_id = clip[0].split("/")[-2]
    for file in (site.home / "evidence").rglob(f"{event_id}/*"):
        file.unlink()
    assert (await site.get("vera", clip[0])).status_code == 404


def replace_the_clip(site: Site, address: str, data: bytes) -> None:
    site.services.evidence.add_bytes(address.split("/")[4], EvidenceKind.CLIP, data, site.clock.now_s, site.clock.now_s)


async def test_an_address_is_of_one_version_of_a_file(site: Site, clip: tuple[str, bytes]) -> None:
    address, data = clip
    (piece,) = [one for one in (await site.get("vera", address.rpartition("/")[0])).json()["evidence"] if one["kind"] == "clip"]
    assert (await site.get("vera", piece["url"])).content == data
    replace_the_clip(site, address, b"another clip")
    assert (await site.get("vera", piece["url"], headers={"Range": "bytes=4-"})).status_code == 404  # nobody gets half of either
    assert (await site.get("vera", address)).content == b"another clip"


async def test_a_file_that_is_replaced_while_it_is_sent_is_sent_to_its_end(
    site: Site, clip: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, data = clip
    send = FileResponse.__call__

    async def send_late(*arguments: object) -> None:
        replace_the_clip(site, address, data * 2)
        await send(*arguments)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(FileResponse, "__call__", send_late)
    answer = await site.get("vera", address)
    assert int(answer.headers["content-length"]) == len(data)
    assert answer.content == data


async def test_the_clip_so_far_is_a_file_of_its_own(site: Site, clip: tuple[str, bytes]) -> None:
    address, _ = clip
    event = address.rpartition("/")[0]
    assert (await site.get("vera", f"{event}/clip_so_far.mp4")).status_code == 404
    site.services.evidence.add_bytes(event.rpartition("/")[2], EvidenceKind.CLIP_SO_FAR, b"so far", 1760000000.0, 1760000008.0)
    answer = (await site.get("vera", event)).json()
    assert answer["has_clip_so_far"]
    (piece,) = [one for one in answer["evidence"] if one["kind"] == "clip_so_far"]
    assert (await site.get("vera", piece["url"])).content == b"so far"
    assert (await site.get("vera", f"{event}/clip_so_far.mp4")).headers["content-type"] == "video/mp4"


async def test_downloads_are_in_the_audit_log_with_the_hash_of_what_was_taken(site: Site, clip: tuple[str, bytes]) -> None:
    address, data = clip
    await site.get("vera", address)  # looking is no download
    assert (await site.get("vera", f"{address}?download=true")).content == data
    await site.get("vera", f"{address}?download=true", headers={"Range": "bytes=100-"})  # the rest of one
    (noted,) = [entry for entry in site.services.audit.entries().entries if entry.action == "evidence.download"]
    assert (noted.user, noted.target) == ("vera", address.split("/")[4])
    assert noted.detail["sha256"] == hashlib.sha256(data).hexdigest()
    assert noted.detail["kind"] == "clip"


async def test_a_full_disk_keeps_nobody_from_saving_proof(site: Site, clip: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StorageFull("the disk is full")

    monkeypatch.setattr(type(site.services.audit), "record", refuse)
    assert (await site.get("vera", f"{clip[0]}?download=true")).content == clip[1]


@pytest.mark.parametrize("asked", ["bytes=-999999", "bytes=1-", "bytes=10-19", "nonsense"])
async def test_no_range_gets_around_the_audit_log(site: Site, clip: tuple[str, bytes], asked: str) -> None:
    for _ in range(2):
        assert (await site.get("vera", f"{clip[0]}?download=true", headers={"Range": asked})).status_code in (200, 206)
        assert (await site.get("vera", clip[0], headers={"Range": asked})).status_code in (200, 206)
    noted = [(entry.user, entry.action) for entry in site.services.audit.entries().entries if entry.action.startswith("evidence")]
    assert noted == [("vera", "evidence.view"), ("vera", "evidence.download")]


async def test_who_got_nothing_did_not_look(site: Site, clip: tuple[str, bytes]) -> None:
    assert (await site.get("vera", clip[0], headers={"Range": "bytes=999999999-"})).status_code == 416
    await site.ask("HEAD", "vera", clip[0])
    assert not [entry for entry in site.services.audit.entries().entries if entry.action.startswith("evidence")]


async def test_a_download_is_noted_again_after_a_while_and_for_another_version(site: Site, clip: tuple[str, bytes]) -> None:
    address, data = clip

    async def downloads() -> int:
        assert (await site.get("vera", f"{address}?download=true", headers={"Range": "bytes=1-"})).status_code == 206
        return sum(entry.action == "evidence.download" for entry in site.services.audit.entries().entries)

    assert [await downloads(), await downloads()] == [1, 1]
    site.clock.now_s += 601
    assert await downloads() == 2
    replace_the_clip(site, address, data * 2)
    assert await downloads() == 3


async def test_a_picture_with_a_name_in_it_is_for_operators(site: Site) -> None:
    details = {"who": "known", "person_id": "ab12", "name": "Anna", "lists": "staff"}
    incident = Incident("1", EventPhase.END, "identity", "person", "floor", (1,), 0.9, 1000.0, 1002.0, 1002.0, details=details)
    site.services.events.save([Event("gate-1-1", "gate", "night", Severity.ALARM, incident)])
    for kind in (EvidenceKind.SNAPSHOT, EvidenceKind.ANNOTATED):
        site.services.evidence.add_bytes("gate-1-1", kind, b"\xff\xd8 a picture \xff\xd9", 1000.0, 1000.0)
    for who, status, kinds in (("vera", 404, ["snapshot"]), ("oscar", 200, ["annotated", "snapshot"])):
        assert (await site.get(who, "/api/v1/events/gate-1-1/annotated.jpg")).status_code == status
        assert (await site.get(who, "/api/v1/events/gate-1-1/snapshot.jpg")).status_code == 200
        told = (await site.get(who, "/api/v1/events/gate-1-1")).json()
        assert sorted(piece["kind"] for piece in told["evidence"]) == kinds
        assert ("Anna" in str(told)) == (who == "oscar")
