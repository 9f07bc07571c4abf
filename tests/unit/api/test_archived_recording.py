"""Recordings that have moved to the archive are looked at, exported and told of as before."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from panops.api import archived_file
from panops.api.archived_file import span_of
from panops.config.archive_schema import ArchiveConfig
from panops.config.record_schema import RecordingConfig
from panops.domain.recordings import Segment
from panops.storage.archive import ArchiveAway, Pace, open_archive
from panops.storage.archive_mover import ArchiveMover
from panops.storage.recording_folder import RecordingFolder
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from tests.s3_server import S3Server, s3_server

from .conftest import Site
from .test_recording import START_S, Record, address, frames, record

__all__ = ["record"]
pytestmark = pytest.mark.anyio
Move = Callable[[], list[Segment]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveConfig:
    if request.param == "folder":
        (tmp_path / "second").mkdir()
        return ArchiveConfig(folder=str(tmp_path / "second"), after_hours=0.5, min_free_gib=0)
    server: S3Server = request.getfixturevalue("store")
    return server.make(f"b-{os.urandom(6).hex()}", after_hours=0.5)


@pytest.fixture
def move(site: Site, config: ArchiveConfig) -> Move:
    """Moves what is older than half an hour, and says what there is then."""
    name(site, config)

    def act() -> list[Segment]:
        site.clock.now_s = START_S + 3600
        settings = RecordingConfig(min_free_gib=0, archive=config)
        folder = RecordingFolder(site.home / "recordings")
        mover = ArchiveMover(site.database, folder, open_archive(config), settings, {}, site.clock, Pace())
        while mover.round():
            pass
        assert not list(folder.path.rglob("*.mp4"))
        return RecordingIndex(site.database).segments(Scope.everything(), "gate", 0, 1e11)

    return act


def name(site: Site, config: ArchiveConfig | None) -> None:
    sites = SiteRepository(site.database)
    wanted = sites.load()
    sites.apply(wanted.model_copy(update={"recording": wanted.recording.model_copy(update={"archive": config})}))


async def test_a_player_gets_the_same_bytes(site: Site, record: Record, move: Move) -> None:
    record("gate", 0.0)
    before = (await site.get("greta", address())).json()
    (one,) = move()
    after = (await site.get("greta", address())).json()
    assert (after["segments"], after["spans"], after["motion"]) == (before["segments"], before["spans"], before["motion"])
    url = after["segments"][0]["url"]
    whole = await site.get("greta", url)
    assert hashlib.sha256(whole.content).hexdigest() == one.sha256
    assert frames(whole.content) == 40
    size = one.size_bytes
    for asked, start, end in [
        ("bytes=0-", 0, size),
        ("bytes=-100", size - 100, size),
        ("bytes=7-20", 7, 21),
        (f"bytes=9-{size * 2}", 9, size),
    ]:
        part = await site.get("greta", url, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, whole.content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["cache-control"] == "private, no-cache"
    assert (await site.get("greta", url, headers={"Range": f"bytes={size}-"})).status_code == 416
    assert (await site.get("greta", url, headers={"If-None-Match": whole.headers["etag"]})).status_code == 304
    head = await site.ask("HEAD", "greta", url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    (noted,) = [entry for entry in site.services.audit.entries().entries if entry.action == "recording.view"]
    assert (noted.user, noted.detail["sha256"]) == ("greta", one.sha256)
    assert (await site.get("vera", url.replace("gate", "yard"))).status_code == 404, "nor by another camera's address"


async def test_who_may_not_see_the_camera_sees_nothing_of_the_archive(site: Site, record: Record, move: Move) -> None:
    segment = record("yard", 0.0)
    move()
    assert (await site.get("greta", f"/api/v1/cameras/yard/recording/segments/{segment.segment_id}.mp4")).status_code == 404
    assert (await site.get("greta", address("yard", "/export.mp4"))).status_code == 404


async def test_an_export_joins_both_places_and_leaves_nothing_behind(site: Site, record: Record, move: Move) -> None:
    for after_s in (0.0, 4.0):
        record("gate", after_s)
    move()
    record("gate", 8.0)
    answer = await site.get("greta", address(what="/export.mp4", start=2.0, end=11.0))
    assert answer.status_code == 200, answer.text
    assert frames(answer.content) == 20 + 40 + 30
    assert not list((site.home / "recordings").glob(".export*"))


async def test_an_altered_file_is_not_exported(site: Site, record: Record, move: Move, config: ArchiveConfig, tmp_path: Path) -> None:
    if config.folder:
        pytest.skip("a folder's own files are compared by `panops check`")
    record("gate", 0.0)
    (one,) = move()
    other = tmp_path / "other.mp4"
    other.write_bytes(b"x" * one.size_bytes)
    open_archive(config).put(other, one.path, one.size_bytes, hashlib.sha256(other.read_bytes()).hexdigest(), Pace())
    answer = await site.get("greta", address(what="/export.mp4"))
    assert (answer.status_code, "sha256" in answer.json()["detail"]) == (409, True)
    assert not list((site.home / "recordings").glob(".export*"))


async def test_a_file_that_is_gone_there_is_not_found(site: Site, record: Record, move: Move, config: ArchiveConfig) -> None:
    record("gate", 0.0)
    (one,) = move()
    open_archive(config).remove([one.path])
    url = f"/api/v1/cameras/gate/recording/segments/{one.segment_id}.mp4"
    assert (await site.get("vera", url)).status_code == 404
    assert (await site.get("vera", address(what="/export.mp4"))).status_code == 404


async def test_an_archive_that_is_away_or_forgotten_is_503_and_names_no_place(
    site: Site, record: Record, move: Move, config: ArchiveConfig
) -> None:
    record("gate", 0.0)
    (one,) = move()
    url = f"/api/v1/cameras/gate/recording/segments/{one.segment_id}.mp4"
    away = {"endpoint": "http://127.0.0.1:9"} if config.bucket else {"folder": f"{config.folder}-unmounted"}
    for now in (config.model_copy(update=away), None):
        name(site, now)
        for path in (url, address(what="/export.mp4")):
            answer = await site.get("vera", path)
            assert answer.status_code == 503, answer.text
            assert "127.0.0.1" not in answer.text
            assert "unmounted" not in answer.text
            assert "test-" not in answer.text


async def test_how_far_back_both_places_will_reach(site: Site, record: Record, move: Move, config: ArchiveConfig) -> None:
    record("gate", 0.0)
    (one,) = move()
    answer = (await site.get("oscar", "/api/v1/recordings")).json()
    (gate,) = answer["cameras"]
    assert (gate["size_bytes"], gate["archived_bytes"]) == (0, one.size_bytes)
    assert (gate["forecast_days"], gate["limited_by"]) == (pytest.approx(0.5 / 24), "recording.archive.after_hours")
    assert (gate["archive_days"], gate["archive_limited_by"]) == (30.0, "recording.archive.days")
    assert answer["archive"]["size_bytes"] == one.size_bytes
    assert (config.folder or config.bucket) in answer["archive"]["label"]
    token = site.accounts.create_token("half", site.accounts.user("oscar").role, ["yard"])  # type: ignore[union-attr]  # exists
    mine = (await site.get(None, "/api/v1/recordings", headers={"Authorization": f"Bearer {token}"})).json()
    assert (mine["archive"]["label"], mine["archive"]["size_bytes"]) == ("", 0)


async def test_an_archive_that_hangs_holds_up_nothing_else(
    site: Site, record: Record, move: Move, config: ArchiveConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("gate", 0.0)
    (one,) = move()
    archive, hung, over = open_archive(config), threading.Semaphore(0), threading.Event()

    def hang(*_: object) -> None:
        hung.release()
        over.wait(30)
        raise ArchiveAway("it hung")

    for what in ("read", "local"):
        monkeypatch.setattr(archive, what, hang)
    monkeypatch.setattr(archived_file, "_LONGEST_WAIT_S", 0.2)
    answers: list[int] = []

    async def ask() -> None:
        answers.append((await site.get("greta", f"/api/v1/cameras/gate/recording/segments/{one.segment_id}.mp4")).status_code)

    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask)
            with anyio.fail_after(20):
                for _ in range(8):
                    while not hung.acquire(blocking=False):
                        await anyio.sleep(0.01)
                while to_thread.current_default_thread_limiter().borrowed_tokens:  # the last two may still be on their way in
                    await anyio.sleep(0.01)
                assert (await site.get("greta", address())).status_code == 200
                while len(answers) < 2:  # those that got no thread
                    await anyio.sleep(0.01)
            over.set()
    finally:
        over.set()
    assert answers == [503] * 10


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        (None, None), ("bytes=0-", (0, 10)), ("bytes=3-4", (3, 5)), ("bytes=3-99", (3, 10)), ("bytes=-3", (7, 10)), ("bytes=-99", (0, 10)),
        ("bytes=5-2", None), ("bytes=0-1,4-5", None), ("items=0-1", None), ("bytes=-", None),
    ],
)  # fmt: skip
async def test_a_range_is_one_or_none(asked: str | None, span: tuple[int, int] | None) -> None:
    assert span_of(asked, 10) == span
