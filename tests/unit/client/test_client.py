"""The client against a real server: what comes back, what can go wrong, and that nothing is kept that is not whole."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import zipfile
from pathlib import Path

import pytest

from panops.client import (
    BadDownload,
    Client,
    Conflict,
    Invalid,
    NotAllowed,
    NotSignedIn,
    NotThere,
    Stale,
    Unreachable,
)
from panops.domain.events import EvidenceKind
from panops.storage.scope import Role, Scope
from tests.unit.api.served_site import Served
from tests.unit.api.test_app import store_event


def test_all_pages_of_a_search_and_no_more(served: Served, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        store_event(served.site, f"gate-1-{number}", "gate", 1000.0 + number)
    monkeypatch.setattr("panops.client.events.PAGE", 3)
    newest_first = [f"gate-1-{number}" for number in range(6, -1, -1)]
    assert [event.event_id for event in admin.events.search()] == newest_first
    assert [event.event_id for event in admin.events.search(limit=4)] == newest_first[:4]
    assert [event.event_id for event in admin.events.search(since=1005, camera=["gate", "yard"], open_=False)] == newest_first[:2]
    assert list(admin.events.search(class_=["car"])) == []
    assert admin.events.counts()["total"] == 7


def test_an_event_is_judged_and_its_proof_saved(served: Served, admin: Client, tmp_path: Path) -> None:
    event_id = served.do(lambda: served.site.live.raise_event("gate", duration_s=1.0))
    detail = admin.events.get(event_id)
    assert (detail.event.camera_name, detail.event.kind) == ("North gate", "intrusion")
    clip = next(file for file in detail.evidence if file.kind == "clip")
    saved = admin.events.download(clip, tmp_path)
    assert saved == tmp_path / "clip.mp4"
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == clip.sha256
    done = admin.events.review([event_id, "gone"], status="true_alarm", kept=True)
    assert ([event.status for event in done.events], done.missing) == (["true_alarm"], ("gone",))
    archive = admin.events.export([event_id], tmp_path / "proof.zip")
    with zipfile.ZipFile(archive) as opened:
        assert json.loads(opened.read("manifest.json"))["made_by"] == "token program of admin"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["clip.mp4", "proof.zip"]


def test_a_file_that_was_changed_is_not_saved(served: Served, admin: Client, tmp_path: Path) -> None:
    store_event(served.site, "gate-1-1", "gate")
    path = served.site.services.evidence.path(Scope.everything(), "gate-1-1", EvidenceKind.SNAPSHOT)
    assert path is not None
    path.write_bytes(b"changed by somebody")
    (file,) = admin.events.get("gate-1-1").evidence
    with pytest.raises(BadDownload, match="nothing was saved"):
        admin.events.download(file, tmp_path / "picture.jpg")
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_cameras_and_rules_are_changed_by_version(admin: Client) -> None:
    assert [camera.id for camera in admin.cameras.all()] == ["dock", "gate", "yard"]
    etag = admin.cameras.etag("yard")
    yard = admin.cameras.get("yard")
    assert yard.address == "sim://yard"
    settings = {"source": "sim://yard", "name": "Yard", "lines": {"door": {"points": [[0.5, 0], [0.5, 1]]}}}
    assert admin.cameras.put("yard", settings, etag=etag).name == "Yard"
    with pytest.raises(Stale, match="read it again"):
        admin.cameras.put("yard", settings, etag=etag)
    assert admin.cameras.switch("yard", alerts=False).data["switches"]["alerts"]["on"] is False
    rule, version = admin.rules.put({"id": "crowd", "kind": "occupancy", "limit": 3})
    assert admin.rules.get("crowd") == (rule, version)
    assert [one["id"] for one in admin.rules.all()] == ["night", "way-in", "crowd"]
    admin.rules.delete("crowd", etag=version)
    admin.cameras.delete("dock")
    with pytest.raises(NotThere):
        admin.cameras.get("dock")
    with pytest.raises(Invalid) as refused:
        admin.rules.put({"id": "crowd", "kind": "occupancy", "limit": "many", "zone": 5})
    assert {field for field, _ in refused.value.errors} == {"limit", "zone"}
    assert "limit: " in str(refused.value)


def test_the_site_goes_out_and_back_in(admin: Client) -> None:
    assert admin.site.info()["timezone"]
    values, etag = admin.site.dump()
    assert "S3cret" not in json.dumps(values)
    values["cameras"]["shed"] = {"source": "sim://room"}
    assert admin.site.apply(values, etag=etag).added == ("camera shed",)
    with pytest.raises(Stale):
        admin.site.apply(values, etag=etag)
    assert admin.site.apply(values).added == ()


def test_models_suggestions_and_alerts(admin: Client) -> None:
    assert (admin.models.all(), admin.suggestions.all(), admin.suggestions.applied(), admin.alerts.all()) == ([], [], [], [])
    assert list(admin.alerts.deliveries()) == []
    for ask in (lambda: admin.models.get("street"), lambda: admin.models.promote("street"), lambda: admin.alerts.test("nobody")):
        with pytest.raises(NotThere):
            ask()
    with pytest.raises(Conflict):
        admin.suggestions.apply("0123456789abcdef")


def test_refusals_are_told_in_the_words_of_the_server(served: Served) -> None:
    with Client(served.address, served.tokens[Role.VIEWER]) as viewer, pytest.raises(NotAllowed, match="this needs the role admin"):
        viewer.site.dump()
    with Client(served.address, "panops_wrong") as stranger, pytest.raises(NotSignedIn) as refused:
        stranger.cameras.all()
    assert (refused.value.status, len(refused.value.request_id)) == (401, 8)


@pytest.mark.parametrize("url", ["127.0.0.1:8440", "ftp://box", "http://", "http://box:port"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(Unreachable, match="expected an address such as"):
        Client(url, "token")


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="is panops running there"):
            Client(f"http://127.0.0.1:{taken.getsockname()[1]}", "token").cameras.all()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "it is no panops"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://box/\r\nContent-Length: 0\r\n\r\n", "leads to https://box/"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{", "broke"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "nothing answers at|broke"),
    ],
)
def test_what_answers_is_something_else(answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            Client(f"http://127.0.0.1:{server.getsockname()[1]}", "token", timeout_s=5) as client,
            pytest.raises(Unreachable, match=said),
        ):
            client.cameras.all()
        thread.join()


def test_a_kept_connection_that_the_server_closed_is_made_again(served: Served, admin: Client) -> None:
    admin.cameras.all()
    kept = admin._http._kept
    assert kept is not None
    assert kept.sock is not None
    kept.sock.shutdown(socket.SHUT_RDWR)
    assert len(admin.cameras.all()) == 3


def test_events_are_followed_over_a_break(served: Served, admin: Client) -> None:
    waits: list[float] = []
    following = admin.events.follow(camera=["gate"], last_id="1", sleep=waits.append)
    store_event(served.site, "gate-1-1", "gate")
    first = next(following)
    assert (first.phase, first.event and first.event.event_id) == ("end", "gate-1-1")
    served.do(lambda: served.site.live.raise_event("gate", evidence=False))
    told = next(following)
    assert told.event is not None
    assert told.event.event_id.startswith("gate-1-")

    async def end_streams() -> None:
        served.site.services.streams.close_all()
        served.site.services.streams._closing = False

    served.do(end_streams)
    again = next(following)  # what the server tells once more, since it may have been missed
    assert again.event is not None
    assert waits == [1.0]
    following.close()


def test_a_follower_whose_token_is_revoked_is_told(served: Served) -> None:
    with Client(served.address, "panops_wrong") as stranger, pytest.raises(NotSignedIn):
        next(stranger.events.follow())
