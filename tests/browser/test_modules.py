"""The modules' plain functions, called in the browser with tables of cases."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from panops.api.preview_batch import pack_batch
from panops.pipeline.live import LiveBox, Preview
from panops.web.pages import ASSETS
from tests.browser.conftest import MakeTab
from tests.browser.site import SiteServer

Call = Any
CALL = "async ([url, name, values]) => (await import(url))[name](...values)"


@pytest.fixture(scope="module")
def call(site: SiteServer, browser: Browser) -> Iterator[Call]:
    """Calls `call(module, function, *values)` in one page of all these tests."""
    context = browser.new_context(timezone_id="America/New_York")
    page = context.new_page()
    page.goto(f"{site.url}/login")
    yield lambda module, name, *values: page.evaluate(CALL, [ASSETS.url(f"js/{module}.js"), name, list(values)])
    context.close()


def test_times_of_the_site_and_of_inputs(call: Call) -> None:
    call("time", "setTimezone", "Europe/Berlin")
    cases = {
        "2026-07-28T14:02": 1785240120,  # summer, UTC+2
        "2026-01-28T14:02": 1769605320,  # winter, UTC+1
        "2026-03-29T03:30": 1774747800,  # just after the clocks went forward
        "2026-10-25T04:00": 1792897200,  # just after they went back
        "2026-07-28": 1785189600,
    }
    for text, wanted in cases.items():
        assert call("time", "fromInput", text) == wanted, text
        if "T" in text:
            assert call("time", "toInput", wanted) == text
    assert call("time", "fromInput", "28.7.") is None
    assert call("time", "clock", 1785240120) == "14:02:00"
    assert call("time", "clock", 1785189600) == "00:00:00", "a 24 h clock begins at 00"
    assert call("time", "moment", 1785240120) == "Tue 28 Jul 2026, 14:02:00"
    call("time", "setTimezone", "No/Where")
    assert call("time", "clock", 1785240120) == "08:02:00", "the browser's own zone (New York) where the site's is unknown"


def test_words(call: Call) -> None:
    for seconds, wanted in ((1, "1 s"), (1.25, "1.3 s"), (59.6, "1 min"), (90, "1 min 30 s"), (3700, "1 h 1 min"), (90061, "1 d 1 h")):
        assert call("words", "duration", seconds) == wanted
    for count, wanted in ((0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3.1 * 2**30, "3.1 GiB")):
        assert call("words", "bytes", count) == wanted
    assert call("words", "plural", 6, "person") == "6 people"
    for text, wanted in {
        "nothing answers": "Nothing answers.",
        "camera's clock: is it right?": "Camera's clock: is it right?",
        "rtsp://10.0.0.5/a: the connection is refused": "rtsp://10.0.0.5/a: the connection is refused.",
        "sim://yard sends h264": "sim://yard sends h264.",
        "camera.example does not answer": "camera.example does not answer.",
        "device:/dev/video0 is busy": "device:/dev/video0 is busy.",
        "/data/film.mp4 is not there": "/data/film.mp4 is not there.",
        "yolox_nano is not installed": "yolox_nano is not installed.",
        "panops is set up already": "panops is set up already.",
    }.items():
        assert call("words", "sentence", text) == wanted, "a sentence begins large, an address or a name stays as it is"


def test_what_a_camera_says_is_wrong(call: Call) -> None:
    address = "rtsp://10.0.0.5/a"
    for state, message, wanted in (
        ("unreachable", f"{address}: the connection is refused", "The connection is refused."),
        ("unreachable", "rtsp://10.0.0.5/ab: refused", "rtsp://10.0.0.5/ab: refused."),
        ("disabled", "", "Switched off by an administrator."),
    ):
        assert call("condition", "trouble", {"state": state, "message": message, "address": address}) == wanted
    lost = {"dropped": {"stale": 1, "superseded": 3, "queue_full": 0, "made_up": 1}, "checks": 95}
    assert call("condition", "givenUp", lost) == {
        "total": 5,
        "share": 0.05,
        "text": "3 (a newer picture came first), 1 (too old when its turn came), 1 (made up)",
    }
    assert call("condition", "givenUp", {"dropped": {}, "checks": 0}) == {"total": 0, "share": 0, "text": ""}


def test_labels_keep_clear_of_each_other(call: Call) -> None:
    area = {"x": 0, "y": 0, "w": 200, "h": 100}
    first = call("overlay", "tagPlace", 60, 50, 40, 80, area, [])
    assert first == {"left": 50, "y": 22, "width": 60}, "above its box"
    assert call("overlay", "tagPlace", 60, 60, 40, 80, area, [first]) == {"left": 60, "y": 40, "width": 60}, "else inside it"
    assert call("overlay", "tagPlace", 60, 190, 5, 80, area, []) == {"left": 140, "y": 5, "width": 60}, "in the picture"
    inside = {"left": 50, "y": 40, "width": 60}
    assert call("overlay", "tagPlace", 60, 60, 40, 80, area, [first, inside]) == {"left": 60, "y": 80, "width": 60}, "else below it"
    below = {"left": 50, "y": 80, "width": 60}
    assert call("overlay", "tagPlace", 60, 60, 40, 80, area, [first, inside, below]) is None, "else nowhere"


def test_models_in_use_stand_first(call: Call) -> None:
    states = {"a": "available", "b": "installed", "d": "installed", "c": "available"}
    models = [{"name": name, "state": state} for name, state in states.items()]
    assert [model["name"] for model in call("model_card", "ranked", models, {"d": 2})] == ["d", "b", "a", "c"]


@pytest.mark.parametrize(
    ("event", "rule", "wanted"),
    [
        ({"kind": "intrusion", "class_name": "person", "zone": "floor"},
            {"after_s": 1},
            "A person was in the zone “floor” for longer than 1 s."),
        ({"kind": "intrusion", "class_name": "moving", "zone": ""}, None, "Something that moves was in the picture."),
        ({"kind": "loitering", "class_name": "animal", "zone": ""},
            {"after_s": 90},
            "An animal stayed in the picture for longer than the 1 min 30 s allowed."),
        (
            {"kind": "line_crossing", "class_name": "car", "zone": "door", "details": {"direction": "b_to_a"}},
            None,
            "A car crossed the line “door”, from side B to side A.",
        ),
        (
            {"kind": "occupancy", "class_name": "person", "zone": "", "details": {"limit": 3, "when": "above", "max_count": 5}},
            None,
            "5 people in the picture: more than the 3 allowed.",
        ),
        (
            {"kind": "occupancy", "class_name": "person", "zone": "desk", "details": {"limit": 1, "when": "below", "min_count": 0}},
            None,
            "0 people in the zone “desk”: fewer than the 1 allowed.",
        ),
        ({"kind": "direction", "class_name": "car", "zone": "lane", "details": {"heading_deg": 352.0}},
            None,
            "A car moved the wrong way in the zone “lane”: to the right."),
        ({"kind": "direction", "class_name": "person", "zone": "", "details": {"heading_deg": 93.5}},
            None,
            "A person moved the wrong way in the picture: up the picture."),
        ({"kind": "crowding", "class_name": "person", "zone": "door", "details": {"count": 4, "max_count": 6}},
            None,
            "6 people stood close together in the zone “door”."),
        ({"kind": "object_left", "class_name": "suitcase", "zone": "hall", "details": {"alone_s": 44.0}},
            {"after_s": 30},
            "A suitcase stood in the zone “hall” with nobody near for longer than 30 s."),
        ({"kind": "object_removed", "class_name": "backpack", "zone": "", "details": {"stood_s": 130.0}},
            {"after_s": 15},
            "A backpack that stood in the picture for 2 min 10 s is gone."),
        ({"kind": "speed", "class_name": "car", "zone": "", "details": {"limit_kmh": 30, "speed_kmh": 51.4}},
            None,
            "A car was too fast in the picture: 51 km/h, 30 are allowed."),
        ({"kind": "tailgating", "class_name": "person", "zone": "door", "details": {"behind_s": 0.8, "direction": "a_to_b"}},
            None,
            "A person crossed the line “door” 0.8 s behind another one."),
        ({"kind": "absence", "class_name": "person", "zone": "desk", "details": {"absent_s": 90.0}},
            {"after_s": 60},
            "No person was in the zone “desk” for longer than 1 min."),
        ({"kind": "dwell", "class_name": "person", "zone": "shelf", "details": {"dwell_s": 41.5}}, None,
            "A person was in the zone “shelf” for 42 s."),
        ({"kind": "combined", "class_name": "person", "zone": "", "details": {"how": "sequence", "rules": "door, vault"}},
            None,
            "These came one after the other: door, vault."),
        (
            {"kind": "compliance", "class_name": "person", "zone": "site", "details": {"item": "hardhat", "votes": 12.0}},
            None,
            "A person in the zone “site” wore no hardhat.",
        ),
        (
            {"kind": "compliance", "class_name": "person", "zone": "", "details": {"item": "vest", "put_right": True}},
            None,
            "A person in the picture wore no vest at first, then put it on.",
        ),
        ({"kind": "hands_up", "class_name": "person", "zone": "desk", "details": {}}, {"after_s": 1},
            "A person in the zone “desk” held both hands up for longer than 1 s."),
        ({"kind": "lying", "class_name": "person", "zone": "", "details": {}}, {"after_s": 5},
            "A person lay on the ground in the picture for longer than 5 s."),
        ({"kind": "fall", "class_name": "person", "zone": "hall", "details": {}}, {"after_s": 2},
            "A person fell in the zone “hall” and stayed down."),
        ({"kind": "identity", "class_name": "person", "zone": "door",
            "details": {"who": "known", "name": "Ada", "lists": "staff, night"}}, None,
            "Ada was in the zone “door”, who is on: staff, night."),
        ({"kind": "identity", "class_name": "person", "zone": "", "details": {"who": "known", "name": "Ada", "lists": ""}}, None,
            "Ada was in the picture."),
        ({"kind": "identity", "class_name": "person", "zone": "door", "details": {"who": "known"}}, None,
            "Somebody who is known was in the zone “door”."),
        ({"kind": "identity", "class_name": "person", "zone": "", "details": {"who": "unknown"}}, None,
            "A person in the picture resembles nobody who is known."),
        ({"kind": "identity", "class_name": "person", "zone": "", "details": {"who": "spoof"}}, None,
            "A person in the picture showed a face that is no living one."),
        ({"kind": "gesture", "class_name": "person", "zone": "desk", "details": {"sign": "help", "votes": 4.0}}, {"after_s": 1},
            "A person in the zone “desk” made the sign “help”."),
        ({"kind": "waving", "class_name": "person", "zone": "desk", "details": {}}, None, "A person waved in the zone “desk”."),
        ({"kind": "climbing", "class_name": "person", "zone": "fence", "details": {}}, None, "A person climbed in the zone “fence”."),
        ({"kind": "made_up", "class_name": "", "zone": ""}, None, "Made up."),
    ],
)  # fmt: skip
def test_why_an_event_alarmed(event: dict[str, Any], rule: dict[str, Any] | None, wanted: str, call: Call) -> None:
    assert call("reason", "reason", event, rule) == wanted


def test_where_a_sign_in_may_lead(call: Call) -> None:
    for search, wanted in {
        "": "/",
        "?next=/events%3Fstatus%3Dnew": "/events?status=new",
        "?next=//evil.example/": "/",
        "?next=https://evil.example/": "/",
        "?next=/%5Cevil.example": "/",
        "?next=javascript:alert(1)": "/",
    }.items():
        assert call("api", "nextPage", search) == wanted


def test_camera_ids_and_addresses(call: Call) -> None:
    for name, taken, wanted in (
        ("Front gate 2", [], "front-gate-2"),
        ("Tür Ä!", ["tur-a"], "tur-a-2"),
        ("門", [], "camera"),
        ("--", ["camera", "camera-2"], "camera-3"),
    ):
        assert call("address", "idFor", name, taken) == wanted
    for source, user, secret, wanted in (
        ("rtsp://10.0.0.1/a", "me", "p@ss/w:rd", "rtsp://me:p%40ss%2Fw%3Ard@10.0.0.1/a"),
        ("rtsp://old:***@10.0.0.1/a", "me", "new", "rtsp://me:new@10.0.0.1/a"),
        ("rtsp://old:***@10.0.0.1/a", "", "", "rtsp://old:***@10.0.0.1/a"),
        (" sim://yard ", "", "", "sim://yard"),
    ):
        assert call("address", "withLogin", source, user, secret) == wanted


def test_boxes_between_two_samples_of_a_trail(call: Call) -> None:
    def point(time_s: float, x: float, track: int = 7) -> dict[str, Any]:
        return {"time_s": time_s, "boxes": [{"track_id": track, "class_name": "person", "score": 0.8, "box": [x, 0, x + 0.5, 1]}]}

    trail = [point(10, 0.0), point(11, 0.4), point(20, 0.4), point(20.2, 0.1, track=8)]
    assert call("stage", "boxesAt", trail, 9.9) == []
    assert call("stage", "boxesAt", trail, 10.25)[0] == [7, "person", 0.8, 0.1, 0, 0.6, 1]
    assert call("stage", "boxesAt", trail, 11.3)[0][3] == 0.4, "held for a moment after the last sample before a gap"
    assert call("stage", "boxesAt", trail, 15) == [], "nothing is known in a gap"
    assert call("stage", "boxesAt", trail, 20.1)[0][3] == 0.4, "a track that ends is not drawn towards another"
    assert call("stage", "boxesAt", [], 15) == []


def test_batches_as_the_server_packs_them(site: SiteServer, tab: MakeTab) -> None:
    boxes = (LiveBox(7, "ein Mensch: é", 0.75, (0.1, 0.2, 0.3, 0.4)),)
    message = pack_batch([Preview("a", 12.5, "s", b"jpeg-a", boxes), Preview("b", 13.0, "s", b"jpeg-b")], {"a": 3, "b": 65535})
    page = tab(site, None).open("/login")
    read = """async ([url, bytes]) => (await import(url)).readBatch(new Uint8Array(bytes).buffer, new Map([[3, 'a'], [65535, 'b']]))
      .map(({ id, time, jpeg, boxes }) => ({ id, time, jpeg: new TextDecoder().decode(jpeg), boxes }))"""
    assert page.evaluate(read, [ASSETS.url("js/live.js"), list(message)]) == [
        {"id": "a", "time": 12.5, "jpeg": "jpeg-a", "boxes": [[7, "ein Mensch: é", 0.75, 0.1, 0.2, 0.3, 0.4]]},
        {"id": "b", "time": 13.0, "jpeg": "jpeg-b", "boxes": []},
    ]
    assert page.evaluate(read, [ASSETS.url("js/live.js"), list(struct.pack("<HHId", 9, 0, 1, 1.0) + b"x")]) == [], "an unknown number"
    assert json.dumps(page.evaluate(read, [ASSETS.url("js/live.js"), []])) == "[]"


def test_how_video_is_kept_close_to_the_present(call: Call) -> None:
    assert call("video", "targetS", 0.04) == pytest.approx(0.16)
    assert call("video", "targetS", 0.2) == pytest.approx(0.4)
    assert call("video", "targetS", 5) == 0.8, "a slow camera is not shown seconds late for that"
    for behind_s, wanted in ((0.05, 0.92), (0.16, 1), (0.35, 1.08), (0.9, 1.25), (3, None), (-1, None)):
        assert call("video", "chase", behind_s, 0.16) == wanted, behind_s


def test_boxes_of_the_newest_look_until_the_picture_on_the_screen(call: Call) -> None:
    looks = [[10.0, ["first"]], [10.2, ["second"]], [10.4, ["third"]]]
    for captured_s, wanted in ((9.9, []), (10.0, ["first"]), (10.19, ["second"]), (10.3, ["second"]), (11.5, ["third"]), (11.7, [])):
        assert call("showing", "boxesFor", looks, captured_s) == wanted, captured_s
