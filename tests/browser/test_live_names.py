"""Names at the boxes of live pictures, on the wall and a camera's page: for operators, and only while boxes are shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from panops.domain.face_votes import FaceVerdict
from panops.pipeline.live import LiveIdentity
from tests.browser.conftest import PHONE, WIDE, MakeTab, Tab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

# What is written on canvases: names are in no node of the document.
RECORD = """
window.written = new Map();
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const tile = this.canvas.closest('.tile')?.dataset.id;
  if (tile) window.written.set(tile, (window.written.get(tile) ?? new Set()).add(text));
  return write.call(this, text, x, y);
};
"""
WRITTEN = "([tile, text]) => [...(window.written.get(tile) ?? [])].some((one) => one === text || one.startsWith(`${text} · `))"
LONG = "Bo Åkerlund-Vandermeersch of the night shift"


def recorded(made: Tab) -> Tab:
    made.page.context.add_init_script(RECORD)
    return made


def wait_for_name(page: Page, name: str, camera: str = "gate") -> None:
    page.wait_for_function(WRITTEN, arg=[camera, name])


def all_written(page: Page) -> str:
    return str(page.evaluate("() => [...window.written.values()].map((texts) => [...texts].join()).join()"))


@pytest.fixture
def named(make_site: Callable[..., SiteServer]) -> SiteServer:
    """Anna is before the gate, with somebody whom nobody knows; before the yard somebody with a long name, and a picture of a face."""
    server = make_site()
    ids = server.add_known()
    known = lambda name: LiveIdentity(FaceVerdict.KNOWN, ids[name], name)  # noqa: E731
    server.live.recognise("gate", {1: known("Anna Berg"), 2: LiveIdentity(FaceVerdict.UNKNOWN)})
    server.live.recognise("yard", {1: known(LONG), 2: LiveIdentity(FaceVerdict.SPOOF)})
    return server


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_on_the_wall(named: SiteServer, tab: MakeTab, size: tuple[int, int]) -> None:
    page = recorded(tab(named, "oscar", size)).open("/")
    if size == WIDE:
        page.click("[data-columns='2']")
    wait_for_name(page, "Anna Berg")
    wait_for_name(page, "unknown")
    assert "Anna" not in page.content()
    assert problems(page) == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1600", "390"])
def test_on_a_cameras_page_over_video_and_over_pictures(named: SiteServer, tab: MakeTab, size: tuple[int, int]) -> None:
    page = recorded(tab(named, "ada", size)).open("/cameras/gate")
    page.wait_for_selector(".picture[data-shows=video]")
    page.evaluate("() => window.written.clear()")
    wait_for_name(page, "Anna Berg")
    wait_for_name(page, "unknown")
    assert problems(page) == []
    page.click("#showing [data-show=pictures]")
    page.wait_for_selector(".picture[data-shows=pictures]")
    page.evaluate("() => window.written.clear()")
    wait_for_name(page, "Anna Berg")
    assert "Anna" not in page.content()


def test_a_long_name_is_cut_and_a_picture_of_a_face_is_told_as_such_in_german(named: SiteServer, tab: MakeTab) -> None:
    page = recorded(tab(named, "oscar", locale="de-DE")).open("/cameras/yard")
    wait_for_name(page, f"{LONG[:38]}…", "yard")
    wait_for_name(page, "kein lebendes Gesicht", "yard")
    page.goto(f"{named.url}/cameras/gate")
    wait_for_name(page, "unbekannt")


def test_a_viewer_sees_boxes_and_no_names(named: SiteServer, tab: MakeTab) -> None:
    made = recorded(tab(named, "vera"))
    heard: list[bytes] = []
    made.page.on("websocket", lambda socket: socket.on("framereceived", lambda data: isinstance(data, bytes) and heard.append(data)))
    for path in ("/", "/cameras/gate"):
        page = made.open(path)
        page.wait_for_function("() => Number(document.querySelector('.tile[data-id=gate] .over')?.dataset.boxes) === 3")
        page.wait_for_timeout(500)
        assert "person" in all_written(page)
        assert not any(word in all_written(page) for word in ("Anna", "unknown", "Bo "))
    assert heard
    assert not any(b"Anna" in data for data in heard)


@pytest.mark.parametrize("path", ["/", "/cameras/gate"])
def test_with_boxes_off_no_names_are_asked_for_and_no_look_is_noted(named: SiteServer, tab: MakeTab, path: str) -> None:
    made = recorded(tab(named, "oscar"))
    made.page.context.add_init_script("localStorage.setItem('panops.boxes', 'off')")
    heard: list[bytes] = []
    made.page.on("websocket", lambda socket: socket.on("framereceived", lambda data: isinstance(data, bytes) and heard.append(data)))
    page = made.open(path)
    page.wait_for_function("() => Number(document.querySelector('.tile[data-id=gate] .picture')?.dataset.frames) >= 4")
    assert heard
    assert not any(b"Anna" in data for data in heard)
    assert named.looked() == []
    page.click("#toggle-boxes")
    wait_for_name(page, "Anna Berg")
    assert ("oscar", "gate") in named.looked()
    page.click("#toggle-boxes")
    page.wait_for_timeout(500)
    heard.clear()
    page.wait_for_timeout(500)
    assert heard
    assert not any(b"Anna" in data for data in heard)
