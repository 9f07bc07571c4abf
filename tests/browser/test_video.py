"""A camera's own video in a real player, swapped in over the pictures, and pictures where there is none."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import WebSocketRoute

from panops.pipeline.live import CameraState
from tests.browser.conftest import PHONE, MakeTab
from tests.browser.layout import problems
from tests.browser.site import SiteServer

PLAYS = """(least) => {
  const [video, picture] = [document.querySelector('.view video'), document.querySelector('.view .picture')];
  return !video.hidden && video.currentTime > 0 && picture.dataset.shows === 'video' && Number(picture.dataset.videoFrames) >= least;
}"""
MAIN = """
cameras:
  gate: {name: North gate, source: "rtsp://camera.example/sub", record_source: "rtsp://camera.example/main"}
"""


def test_video_is_swapped_in_with_its_boxes_and_can_be_switched_off(site: SiteServer, tab: MakeTab) -> None:
    page = tab(site).open("/cameras/gate")
    page.wait_for_selector(".picture[data-frames]")
    page.wait_for_function(PLAYS, arg=20)
    assert page.inner_text("#showing-why") == "Shows video"
    assert page.get_attribute("#showing [data-show=sub]", "aria-pressed") == "true"
    assert page.locator("#showing [data-show=main]").count() == 0, "the camera has one stream"
    page.wait_for_function("() => document.querySelector('.over').dataset.boxes === '3'")
    assert [size for camera, size in site.live.wishes() if camera == "gate"] == ["s"], "pictures only bring the boxes"
    assert problems(page) == []
    page.click("#showing [data-show=pictures]")
    page.wait_for_selector(".picture[data-shows=pictures]")
    assert page.locator(".view video").is_hidden()
    assert page.inner_text("#showing-why") == "Shows pictures"
    page.reload()
    page.wait_for_selector("#showing [data-show=pictures][aria-pressed=true]")
    page.click("#showing [data-show=sub]")
    page.wait_for_function(PLAYS, arg=2)


def test_pictures_where_there_is_no_video_and_why(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    server.live.film.refused["yard"] = "its codec, mjpeg, is shown as pictures"
    page = tab(server, "vera", PHONE).open("/cameras/yard")
    page.wait_for_selector("#showing-why:has-text('Shows pictures: its codec, mjpeg')")
    page.wait_for_selector(".picture[data-frames]")
    assert page.locator(".view video").is_hidden()
    assert problems(page) == []


def test_a_camera_that_stops_shows_pictures_and_video_when_it_is_back(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site(MAIN)
    page = tab(server).open("/cameras/gate")
    page.click("#showing [data-show=main]")
    page.wait_for_function(PLAYS, arg=2)
    server.tell(lambda: server.live.set_state("gate", CameraState.UNREACHABLE, "nothing answers"))
    page.wait_for_selector(".picture[data-shows=pictures]")
    server.tell(lambda: server.live.set_state("gate", CameraState.LIVE))
    page.wait_for_function(PLAYS, arg=2)
    assert page.get_attribute("#showing [data-show=main]", "aria-pressed") == "true"


def test_a_player_that_cannot_be_fetched_is_asked_for_again(site: SiteServer, tab: MakeTab) -> None:
    opened = tab(site)
    opened.allow.append("ERR_FAILED")
    page = opened.open("/")
    page.route("**/js/video.js", lambda route: route.abort())
    page.goto(f"{site.url}/cameras/gate")
    page.wait_for_selector("#showing-why:has-text('Shows pictures: the connection was lost')")
    page.wait_for_selector(".picture[data-frames]")
    page.unroute("**/js/video.js")
    page.click("#showing [data-show=sub]")
    page.wait_for_function(PLAYS, arg=2)


def test_video_that_the_browser_does_not_play_is_not_asked_for_again(make_site: Callable[..., SiteServer], tab: MakeTab) -> None:
    server = make_site()
    made = tab(server)
    made.page.add_init_script("MediaSource.isTypeSupported = () => false")
    asked: list[str] = []
    made.page.on("websocket", lambda socket: asked.append(socket.url) if "/ws/video/" in socket.url else None)
    page = made.open("/cameras/gate")
    said = "Shows pictures: this browser does not play this camera's video"
    page.wait_for_function("(said) => document.getElementById('showing-why').textContent === said", arg=said)
    for _ in range(3):
        server.tell(lambda: server.live.set_state("gate", CameraState.LIVE))
        frames = int(page.get_attribute(".picture[data-frames]", "data-frames") or 0)
        page.wait_for_function("(least) => Number(document.querySelector('.picture').dataset.frames) > least", arg=frames + 5)
    assert page.inner_text("#showing-why") == said
    assert len(asked) == 1


def test_what_a_player_throws_away_is_confirmed(site: SiteServer, tab: MakeTab) -> None:
    made = tab(site)
    made.page.add_init_script("MediaSource.prototype.addEventListener = () => {}")  # what comes waits for ever
    said: list[str | bytes] = []

    def serve(socket: WebSocketRoute) -> None:
        socket.on_message(lambda text: said.append(text))  # noqa: PLW0108 - playwright takes no built-in function
        socket.send('{"type": "start", "mime": "video/mp4; codecs=\\"avc1.42E01E\\"", "size_wh": [640, 360]}')
        socket.send(b"a beginning")
        socket.send(bytes(40))
        socket.send('{"type": "refused", "reason": "the camera is away"}')

    made.page.route_web_socket("**/ws/video/**", serve)
    page = made.open("/cameras/gate")
    page.wait_for_selector("#showing-why:has-text('the camera is away')")
    page.wait_for_timeout(50)
    assert said == ['{"ack":2}']
