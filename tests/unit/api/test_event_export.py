"""Events as a zip: what is in it, its sums, who may have it, and that it is never in memory as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest

from panops.api import sending
from panops.api.security import Caller
from panops.api.streamed_zip import PIECE_BYTES, StreamedZip
from panops.domain.events import EvidenceKind
from panops.storage.scope import Role, Scope

from .conftest import PASSWORD, Site
from .test_app import store_event

pytestmark = pytest.mark.anyio
PATH = "/api/v1/events/export"


async def exported(site: Site, who: str, *event_ids: str) -> tuple[zipfile.ZipFile, dict[str, Any], Any]:
    answer = await site.ask("POST", who, PATH, json={"event_ids": list(event_ids)})
    assert answer.status_code == 200, answer.text
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive, json.loads(archive.read("manifest.json")), answer


async def test_one_event_with_all_its_proof(site: Site) -> None:
    event_id = await site.live.raise_event("gate", duration_s=1.0)
    archive, manifest, answer = await exported(site, "oscar", event_id)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{event_id}.zip"'
    assert "content-length" not in answer.headers  # it is sent while it is made
    names = [f"{event_id}/{name}" for name in ("event.json", "annotated.jpg", "clip.mp4", "snapshot.jpg")]
    assert archive.namelist() == [*names, "manifest.json"]
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == {
        name: hashlib.sha256(archive.read(name)).hexdigest() for name in names
    }
    assert archive.read(names[2]) == site.services.evidence.path(Scope.everything(), event_id, EvidenceKind.CLIP).read_bytes()  # type: ignore[union-attr]  # is there
    assert json.loads(archive.read(names[0])) == (await site.get("oscar", f"/api/v1/events/{event_id}")).json()
    assert (manifest["made_by"], manifest["missing_events"], manifest["missing_files"]) == ("oscar", [], [])


async def test_several_events_and_those_that_are_not_there(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    store_event(site, "yard-1-1", "yard")
    path = site.services.evidence.path(Scope.everything(), "yard-1-1", EvidenceKind.SNAPSHOT)
    assert path is not None
    path.write_bytes(b"changed by somebody")
    archive, manifest, _ = await exported(site, "oscar", "gate-1-1", "gone", "yard-1-1", "gate-1-1")
    assert archive.namelist() == [
        "gate-1-1/event.json", "gate-1-1/snapshot.jpg", "yard-1-1/event.json", "yard-1-1/snapshot.jpg", "manifest.json",
    ]  # fmt: skip
    assert manifest["missing_events"] == ["gone"]
    changed = next(file for file in manifest["files"] if file["path"] == "yard-1-1/snapshot.jpg")
    assert changed["sha256"] == hashlib.sha256(b"changed by somebody").hexdigest()
    assert changed["recorded_sha256"] == hashlib.sha256(b"\xff\xd8 a picture \xff\xd9").hexdigest()


async def test_only_what_the_scope_shows_is_exported(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    store_event(site, "yard-1-1", "yard")
    site.accounts.create_user("olga", PASSWORD, Role.OPERATOR, ["gate"])
    archive, manifest, _ = await exported(site, "olga", "gate-1-1", "yard-1-1")
    assert not [name for name in archive.namelist() if name.startswith("yard")]
    assert manifest["missing_events"] == ["yard-1-1"]
    assert (await site.ask("POST", "olga", PATH, json={"event_ids": ["yard-1-1"]})).status_code == 404
    assert (await site.ask("POST", "vera", PATH, json={"event_ids": ["gate-1-1"]})).status_code == 403


async def test_who_exported_what_is_in_the_audit_log(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    archive, _, _ = await exported(site, "oscar", "gate-1-1")
    done, begun = (await site.get("ada", "/api/v1/audit")).json()["entries"][:2]
    assert (begun["action"], begun["user"], begun["target"], begun["detail"]["events"]) == (
        "evidence.export", "oscar", "gate-1-1", ["gate-1-1"],
    )  # fmt: skip
    assert done["action"] == "evidence.exported"
    assert done["detail"]["manifest_sha256"] == hashlib.sha256(archive.read("manifest.json")).hexdigest()


async def test_a_third_export_at_once_waits(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    others = [site.services.exports.take(Caller(who, Role.OPERATOR, Scope.everything(), "session", "")) for who in ("a", "b")]
    answer = await site.ask("POST", "oscar", PATH, json={"event_ids": ["gate-1-1"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")
    others[0].free()
    await exported(site, "oscar", "gate-1-1")
    await exported(site, "oscar", "gate-1-1")
    assert (await site.ask("POST", "oscar", PATH, json={"event_ids": ["gone"]})).status_code == 404
    await exported(site, "oscar", "gate-1-1")


async def test_who_is_sent_one_waits_for_its_end(site: Site) -> None:
    store_event(site, "gate-1-1", "gate")
    site.accounts.create_token("mine", Role.OPERATOR, owner="oscar")
    slot = site.services.exports.take(Caller("token oscar/mine", Role.OPERATOR, Scope.everything(), "token", ""))
    answer = await site.ask("POST", "oscar", PATH, json={"event_ids": ["gate-1-1"]})
    assert (answer.status_code, "one of your exports" in answer.json()["detail"]) == (429, True)
    await exported(site, "ada", "gate-1-1")
    slot.free()
    await exported(site, "oscar", "gate-1-1")


async def test_a_reader_who_takes_nothing_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "STALLED_S", 0.2)
    event_id = await site.live.raise_event("gate", evidence=False)
    slots = site.services.exports
    monkeypatch.setattr("panops.api.event_export._Export.pieces", lambda _self: (bytes(1_000_000) for _ in range(200)))
    body = json.dumps({"event_ids": [event_id]}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nCookie: panops_session={site.token('oscar')}\r\n"
    async with site.served() as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]), limit=1000)
        writer.write(head.encode() + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert slots._taken
        async with asyncio.timeout(10):
            while slots._taken:
                await asyncio.sleep(0.05)
        writer.transport.abort()


def test_the_archive_comes_in_pieces() -> None:
    class Endless(io.RawIOBase):
        """A film of 64 MiB that is nowhere."""

        left = 64 * 1024 * 1024

        def read(self, size: int = -1) -> bytes:
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

    archive = StreamedZip()
    largest = total = 0
    for made, read in archive.add_file("clip.mp4", Endless(), 64 * 1024 * 1024, 1.79e9):  # type: ignore[arg-type]  # it is read only
        largest, total = max(largest, len(made)), total + len(read)
    assert total == 64 * 1024 * 1024
    assert largest < 2 * PIECE_BYTES
    assert len(archive.end()) < 1000
