"""A camera's recording on its page: the line of time, playing, jumping, speed, marks, export, protection."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from panops.config.archive_schema import ArchiveConfig
from panops.storage.audit import AuditLog
from panops.storage.recordings import RecordingIndex
from panops.storage.scope import Scope
from panops.storage.site import SiteRepository
from panops.storage.tables import recordings
from tests.browser.conftest import PHONE, WIDE, MakeTab, sync_api
from tests.browser.layout import problems
from tests.browser.recorded import add_recording
from tests.browser.site import SiteServer

Page = sync_api.Page
MakeServer = Callable[..., SiteServer]
PLAYING = ".recording[data-state=playing]"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def server(make_site: MakeServer) -> SiteServer:
    """Three hours until two minutes ago, of which half an hour is missing, and events every ten minutes."""
    made = make_site()
    newest_s = time.time() - 120
    add_recording(made, "gate", newest_s, 3.0, gap=(5400.0, 3600.0))
    made.add_events(8, newest_s - 300)
    return made


def shown_s(page: Page) -> float:
    """The moment at the playhead."""
    return float(page.get_attribute(".timeline", "aria-valuenow") or 0)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_playing_the_past_and_going_back_to_live(server: SiteServer, tab: MakeTab, size: tuple[int, int]) -> None:
    page = tab(server, "vera", size).open("/cameras/gate")
    page.wait_for_selector("#recording:not([hidden]) .timeline")
    assert problems(page) == []
    assert page.get_attribute(".timeline", "aria-valuetext") == "Live"
    # Date and time in two actions.
    wanted_s = int(time.time()) - 1800
    page.fill("#recording input[type=datetime-local]", datetime.fromtimestamp(wanted_s, BERLIN).strftime("%Y-%m-%dT%H:%M:%S"))
    page.keyboard.press("Enter")
    page.wait_for_selector(PLAYING)
    page.wait_for_function("() => document.querySelector('.playback video').currentTime > 0.3")
    assert wanted_s - 2 <= shown_s(page) <= wanted_s + 15
    assert page.is_hidden("#view .tile")
    assert page.evaluate("() => document.querySelector('.playback video').videoWidth") == 320
    assert problems(page) == []
    page.keyboard.press("l")
    page.wait_for_selector("#view .tile")
    assert page.query_selector(".playback video") is None, "its file is let go of"
    assert page.get_attribute(".timeline", "aria-valuetext") == "Live"


def test_one_file_goes_on_into_the_next_and_a_gap_is_passed(server: SiteServer, tab: MakeTab) -> None:
    segments = RecordingIndex(server.database).segments(Scope.everything(), "gate", 0, 1e11)
    page = tab(server, "vera").open(f"/cameras/gate?at={segments[5].end_s - 4}")
    page.wait_for_selector(PLAYING)
    page.select_option("#recording select", "8")
    assert page.evaluate("() => document.querySelector('.playback video:not(.coming)').playbackRate") == 8
    page.wait_for_function(f"() => document.querySelector('.playback video:not(.coming)').src.endsWith('/{segments[6].segment_id}.mp4')")
    page.wait_for_function("() => document.querySelector('.playback video:not(.coming)').currentTime > 1")
    assert page.evaluate("() => document.querySelector('.playback video:not(.coming)').playbackRate") == 8
    before = next(one for one, after in pairwise(segments) if after.start_s - one.end_s > 60)
    page.goto(f"{server.url}/cameras/gate?at={before.end_s + 600}")
    page.wait_for_selector(PLAYING)
    after = segments[segments.index(before) + 1]
    page.wait_for_function("() => document.querySelector('.playback video:not(.coming)').currentTime > 0")
    assert after.start_s - 1 <= shown_s(page) <= after.start_s + 20
    assert "Nothing was recorded from" in page.inner_text("#announce")


def test_jumping_by_keys_and_on_the_line(server: SiteServer, tab: MakeTab) -> None:
    index = RecordingIndex(server.database)
    motion = [span for one in index.segments(Scope.everything(), "gate", 0, 1e11) for span in one.motion]
    events = index.events(Scope.everything(), "gate", 0, 1e11)
    page = tab(server, "vera").open("/cameras/gate")
    page.wait_for_selector("#recording:not([hidden])")
    page.keyboard.press(",")
    page.wait_for_selector(PLAYING)
    assert abs(shown_s(page) - motion[-1][0]) < 5
    page.keyboard.press("Space")
    page.wait_for_selector(".recording[data-state=paused]")
    page.keyboard.press("[")
    page.wait_for_selector(PLAYING)
    earlier = max(one.started_at_s for one in events if one.started_at_s < motion[-1][0])
    assert abs(shown_s(page) - (earlier - 2)) < 5
    page.focus(".timeline")
    page.keyboard.press("Space")
    at_s = shown_s(page)
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function(f"() => Math.abs(Number(document.querySelector('.timeline').ariaValueNow) - {at_s - 60}) < 8")
    # The middle of a line that shows an hour.
    page.click("#recording .segments button:has-text('1 h')")
    box = page.locator(".timeline").bounding_box()
    assert box is not None
    bounds = [float(page.get_attribute(".timeline", name) or 0) for name in ("aria-valuemin", "aria-valuemax")]
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.wait_for_timeout(200)
    assert bounds[1] - bounds[0] == pytest.approx(3600, abs=2)
    assert shown_s(page) == pytest.approx(bounds[0] + 900, abs=15)
    # Dragging moves the line and plays nothing else.
    before = float(page.get_attribute(".timeline", "aria-valuemin") or 0)
    page.mouse.move(box["x"] + 200, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 40, steps=5)
    page.mouse.up()
    page.wait_for_function(f"() => Number(document.querySelector('.timeline').ariaValueMin) < {before} - 300")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_a_marked_span_is_exported_and_protected(server: SiteServer, tab: MakeTab, size: tuple[int, int]) -> None:
    at_s = time.time() - 1200
    made = tab(server, "oscar", size)
    page = made.open(f"/cameras/gate?at={at_s}")
    page.wait_for_selector(PLAYING)
    page.keyboard.press("Space")
    page.wait_for_selector(".recording[data-state=paused]")
    begin_s = shown_s(page)
    page.keyboard.press("i")
    page.focus(".timeline")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("o")
    page.wait_for_selector(".marked a[href*='export.mp4']")
    assert problems(page) == []
    with page.expect_download() as download:
        page.click(".marked a")
    assert download.value.path().stat().st_size > 5000
    audited = [entry for entry in AuditLog(server.database).entries().entries if entry.action == "recording.export"]
    assert audited[0].user == "oscar"
    page.click(".marked button:has-text('Protect')")
    page.wait_for_selector(".toast:has-text('is not deleted')")
    kept = [one for one in RecordingIndex(server.database).segments(Scope.everything(), "gate", 0, 1e11) if one.protected]
    assert kept
    assert kept[0].start_s <= begin_s <= kept[0].end_s
    assert problems(page) == []


def test_a_camera_that_is_not_recorded_shows_nothing_of_it(server: SiteServer, tab: MakeTab) -> None:
    page = tab(server, "vera").open("/cameras/yard")
    page.wait_for_selector(".picture[data-frames]")
    page.wait_for_timeout(300)
    assert page.is_hidden("#recording")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_the_system_page_says_how_far_back_recordings_will_reach(server: SiteServer, tab: MakeTab, size: tuple[int, int]) -> None:
    page = tab(server, "oscar", size).open("/system")
    page.wait_for_selector("#recordings:not([hidden]) tbody tr")
    row = page.inner_text("#recording-rows tr:first-child")
    assert row.startswith("North gate")
    assert "7 d 0 h" in row
    assert "If nothing were deleted" in page.inner_text("#recordings-note")
    assert problems(page) == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_the_system_page_tells_of_both_places(server: SiteServer, tab: MakeTab, size: tuple[int, int]) -> None:
    sites = SiteRepository(server.database)
    site = sites.load()
    archive = ArchiveConfig(folder="/mnt/large", after_hours=2, days=90)
    sites.apply(site.model_copy(update={"recording": site.recording.model_copy(update={"archive": archive})}), "test")
    with server.database.session() as connection:
        connection.execute(update(recordings).where(recordings.c.start_s < time.time() - 9000).values(place="archive"))
    page = tab(server, "oscar", size).open("/system")
    page.wait_for_selector("#recordings:not([hidden]) tbody tr")
    row = page.inner_text("#recording-rows tr:first-child")
    assert "2 h" in row
    assert "90 d 0 h" in row
    note = page.inner_text("#recordings-note")
    assert "lie in the archive (/mnt/large)" in note
    assert "are due to move there" in note
    assert problems(page) == []


def test_recording_is_switched_on_with_the_camera_and_other_settings_of_it_stay(make_site: MakeServer, tab: MakeTab) -> None:
    server = make_site("cameras: {gate: {source: 'sim://yard', record: {mode: motion, days: 3}}}")
    page = tab(server).open("/cameras/gate/edit")
    page.wait_for_selector("#title:has-text('gate')")
    assert page.input_value("#record") == "motion"
    page.select_option("#record", "continuous")
    assert problems(page) == []
    page.click("#save")
    page.wait_for_url("**/cameras/gate")
    record = SiteRepository(server.database).load().cameras["gate"].record
    assert (record.mode, record.days) == ("continuous", 3.0)
