"""The whole product on the simulated site: events with proof, and what is promised when processes die."""

from __future__ import annotations

import hashlib
import io
import signal
import sqlite3
from pathlib import Path
from typing import Any

import av
import pytest

from tests.e2e.running_site import RunningSite

SITE = """
cameras:
  yard: {source: "sim://yard?seed=3&activity=12&rate_fps=10", model: motion}
  street: {source: "sim://street?seed=4&activity=12&rate_fps=10", model: motion}
  gone: {source: "rtsp://viewer:hunter2@127.0.0.1:9/none", model: motion}
rules:
  - {id: anyone, kind: intrusion, classes: [person], after_s: 0.6, end_after_s: 1}
evidence: {before_s: 2, after_s: 1}
"""


@pytest.fixture
def site(tmp_path: Path) -> RunningSite:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return RunningSite(tmp_path / "home", str(path))


def stored(home: Path) -> dict[str, float | None]:
    """Event ids in the database with when they ended."""
    with sqlite3.connect(f"file:{home / 'panops.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute("select event_id, ended_at_s from events").fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    return dict(rows)


def test_from_camera_to_event_with_proof(site: RunningSite) -> None:
    with site:
        site.sign_in()
        site.wait_for(lambda: site.camera("yard")["state"] == "live", 90, "the yard is live")
        gone = site.wait_for(lambda: (c := site.camera("gone"))["state"] == "unreachable" and c, 30, "the dead camera says so")
        assert gone["message"]
        assert "hunter2" not in str(gone)
        event = site.wait_for(
            lambda: next((e for e in site.events() if e["has_clip"] and e["has_annotated"]), None), 90, "an event has a clip"
        )
        assert event["kind"] == "intrusion"
        assert event["ended_at_s"] > event["started_at_s"]
        whole = site.get(f"/events/{event['event_id']}")
        assert play(site, event, "clip") >= event["ended_at_s"] - event["started_at_s"]
        picture = site.http.get(f"/api/v1/events/{event['event_id']}/snapshot.jpg")
        assert picture.headers["content-type"] == "image/jpeg"
        assert whole["tracks"]
        assert site.stop() == 0
    assert "hunter2" not in site.output()
    assert all(ended is not None for ended in stored(site.home).values())


def test_a_dead_shard_is_started_again(site: RunningSite) -> None:
    with site:
        site.sign_in()
        site.wait_for(site.events, 60, "there is an event")
        (shard,) = site.shards()
        before = stored(site.home)
        shard.send_signal(signal.SIGKILL)
        site.wait_for(lambda: any(s.pid != shard.pid for s in site.shards()), 20, "a new shard runs")
        site.wait_for(lambda: site.camera("yard")["state"] == "live", 30, "its cameras are live again")
        site.wait_for(lambda: len(stored(site.home)) > len(before), 60, "events go on")
        assert set(before) <= set(stored(site.home))


def test_kill_nine_loses_no_event_and_doubles_none(site: RunningSite) -> None:
    site.start()
    site.sign_in()
    site.wait_for(lambda: len(site.events()) >= 2, 90, "there are events")
    seen = {event["event_id"] for event in site.events()}
    shards = site.shards()
    site.kill()
    for shard in shards:
        shard.wait(30)  # it sees that its supervisor is gone, drains and ends by itself
    after_kill = stored(site.home)
    assert seen <= set(after_kill)
    with site:
        site.sign_in()
        site.wait_for(lambda: set(stored(site.home)) - set(after_kill), 90, "new events come")
        now = stored(site.home)
        assert set(after_kill) <= set(now)
        assert all(now[event_id] is not None for event_id in after_kill)


def test_the_whole_group_killed_at_once(site: RunningSite) -> None:
    site.start()
    site.sign_in()
    site.wait_for(site.events, 60, "there is an event")
    seen = {event["event_id"] for event in site.events()}
    shards = site.shards()
    for shard in shards:
        shard.kill()
    site.kill()
    assert seen <= set(stored(site.home))
    with site:
        site.sign_in()
        ended = stored(site.home)
        assert all(ended[event_id] is not None for event_id in seen)


def test_two_on_one_home_is_refused(site: RunningSite, tmp_path: Path) -> None:
    with site:
        second = RunningSite(site.home)
        with pytest.raises(AssertionError, match="another panops already runs"):
            second.start(20)
        second.http.close()


def test_a_bad_site_file_runs_the_last_good_state(site: RunningSite, tmp_path: Path) -> None:
    with site:
        site.sign_in()
    (tmp_path / "site.yaml").write_text("cameras: {yard: {source: nonsense://x}}\n")
    with site:
        site.sign_in()
        assert {camera["id"] for camera in site.get("/cameras")["cameras"]} == {"yard", "street", "gone"}
        assert any(notice["topic"] == "config" for notice in site.get("/site")["notices"])


LONG = """
cameras:
  yard: {source: "sim://yard?seed=3&activity=12&rate_fps=10", model: motion}
rules:
  - {id: nobody, kind: occupancy, classes: [person], limit: 1000, when: below, after_s: 0.5}
evidence: {before_s: 2, after_s: 1, max_clip_s: 20, first_clip_s: 3}
"""


def play(site: RunningSite, event: dict[str, Any], kind: str) -> float:
    """The clip's length, s; all of it is decoded, and its sha256 is the stored one."""
    (piece,) = [one for one in site.get(f"/events/{event['event_id']}")["evidence"] if one["kind"] == kind]
    data = site.http.get(piece["url"]).content
    assert hashlib.sha256(data).hexdigest() == piece["sha256"]
    with av.open(io.BytesIO(data)) as container:
        times_s = [frame.time for frame in container.decode(video=0)]
    return times_s[-1] - times_s[0]  # not by the number of pictures: a busy machine simulates fewer of them


def test_an_event_that_never_ends_has_a_clip_and_keeps_it_after_kill_nine(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(LONG)
    site = RunningSite(tmp_path / "home", str(path))
    site.start()
    site.sign_in()
    begun = site.wait_for(lambda: next(iter(site.events(open=True)), None), 60, "an event goes on")
    event = site.wait_for(lambda: next((e for e in site.events() if e["has_clip_so_far"]), None), 15, "it has a clip so far")
    assert event["event_id"] == begun["event_id"]
    assert event["ended_at_s"] is None
    assert event["updated_at_s"] - event["started_at_s"] < 9
    assert 3 <= play(site, event, "clip_so_far") <= 9  # three seconds of it, and what came before, as far as the camera ran already
    assert site.get(f"/events/{event['event_id']}")["tracks"]
    shards = site.shards()
    for shard in shards:
        shard.kill()
    site.kill()
    with site:
        site.sign_in()
        kept = next(e for e in site.events() if e["event_id"] == event["event_id"])
        assert kept["details"]["interrupted"] is True
        assert play(site, kept, "clip_so_far") >= 3
        # The next one is left alone until its clip has its full length, though it still goes on.
        full = site.wait_for(
            lambda: next((e for e in site.events(open=True) if e["has_clip"]), None), 60, "an open event has its whole clip"
        )
        assert 17 <= play(site, full, "clip") <= 22
        assert not full["has_clip_so_far"]
        folder = site.home / "evidence"
        clips = sorted(found.name for found in folder.rglob("*.mp4") if full["event_id"] in str(found))
        assert clips == ["clip.mp4"]
        assert site.stop() == 0
    (whole,) = [found for found in folder.rglob("clip.mp4") if full["event_id"] in str(found)]
    with av.open(str(whole)) as container:
        assert 17 <= [frame.time for frame in container.decode(video=0)][-1] <= 22
